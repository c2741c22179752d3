//! The two layouts differ by a fixed permutation of coordinates, and permuting the weights of
//! queries and keys undoes the difference.

use super::polynomial::Polynomial;
use super::report::{Kind, Report, Tally};
use super::rotation::{Head, Rotation, dot};
use num_complex::Complex;
use ropewalk::encoding::{Layout, Permutation, apply_matrix};
use std::ops::Range;

const NAME: &str = "layouts";
const STATEMENT: &str =
    "U_half(Px) = P·U_interleaved(x), and permuting W_q and W_k by P per head keeps every score";

/// P as it is defined, without the layouts: half\[i\] = interleaved\[2i\] and half\[i + h\] =
/// interleaved\[2i + 1\] on a slice of 2h coordinates.
fn to_half<T: Clone>(x: &[T], slice: Range<usize>) -> Vec<T> {
    let inner = &x[slice.clone()];
    let (even, odd) = (inner.iter().step_by(2), inner.iter().skip(1).step_by(2));
    let (before, after) = (&x[..slice.start], &x[slice.end..]);
    before.iter().chain(even).chain(odd).chain(after).cloned().collect()
}

/// Rows of a weight rearranged.
fn permuted<R: Rotation, T: Clone>(permutation: &Permutation, to: Layout, rows: &[T]) -> Vec<T> {
    R::sources(permutation, to).into_iter().map(|row| rows[row].clone()).collect()
}

/// For every vector, weight and angle.
pub(super) fn proved<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    for (dim, rotary_dim, offset) in [(4, 4, 0), (6, 6, 0), (8, 6, 0), (10, 6, 1)] {
        vectors::<R>(dim, rotary_dim, offset, &mut tally);
    }
    // Query heads, key heads, head_dim, rotary_dim.
    for heads in [(1, 1, 6, 6), (2, 2, 8, 6), (4, 2, 6, 6), (3, 1, 8, 8)] {
        weights::<R>(heads, &mut tally);
    }
    tally.report(NAME, STATEMENT, Kind::Proved)
}

/// Rotating and permuting commute.
fn vectors<R: Rotation>(dim: usize, rotary_dim: usize, offset: usize, tally: &mut Tally) {
    let [interleaved, half] =
        Layout::ALL.map(|layout| Head::new::<R>(layout, dim, rotary_dim, offset));
    let x = Polynomial::vector("x", dim);
    let u = Polynomial::phases("u", rotary_dim / 2);
    let slice = interleaved.slice.clone();
    let left = R::rotate(&half.pairs, &to_half(&x, slice.clone()), &u);
    let right = to_half(&R::rotate(&interleaved.pairs, &x, &u), slice);
    tally.add_all(&left, &right, || interleaved.to_string());
}

/// Scores of grouped-query attention from permuted weights in the half layout equal those from
/// the original weights in the interleaved one.
fn weights<R: Rotation>(
    (query_heads, key_heads, head_dim, rotary_dim): (usize, usize, usize, usize),
    tally: &mut Tally,
) {
    const COLUMNS: usize = 2;
    let instance =
        || format!("{query_heads} query and {key_heads} key heads of {head_dim}, r {rotary_dim}");
    let permutation =
        |num_heads| Permutation { num_heads, head_dim, rotary_dim, config: Default::default() };
    let weight = |name, heads: usize| -> Vec<Vec<Polynomial>> {
        let entries = Polynomial::vector(name, heads * head_dim * COLUMNS);
        entries.chunks(COLUMNS).map(<[_]>::to_vec).collect()
    };
    let (w_q, w_k) = (weight("Q", query_heads), weight("K", key_heads));
    let [q_permutation, k_permutation] = [query_heads, key_heads].map(permutation);

    // There and back, and the written-out P on every head.
    for (rows, p) in [(&w_q, &q_permutation), (&w_k, &k_permutation)] {
        let there = permuted::<R, _>(p, Layout::Half, rows);
        let by_hand: Vec<_> =
            rows.chunks(head_dim).flat_map(|head| to_half(head, 0..rotary_dim)).collect();
        let back = permuted::<R, _>(p, Layout::Interleaved, &there);
        tally.add_all(&there.concat(), &by_hand.concat(), || format!("{}, P", instance()));
        tally.add_all(&back.concat(), &rows.concat(), || format!("{}, P⁻¹P", instance()));
    }

    let (x, y) = (Polynomial::vector("x", COLUMNS), Polynomial::vector("y", COLUMNS));
    let planes = rotary_dim / 2;
    let (u, w) = (Polynomial::phases("u", planes), Polynomial::phases("w", planes));
    let scores = |w_q: &[Vec<Polynomial>], w_k: &[Vec<Polynomial>], layout: Layout| {
        let head = Head::new::<R>(layout, head_dim, rotary_dim, 0);
        let rotated = |weight: &[Vec<Polynomial>], x: &[Polynomial], u: &[Complex<_>]| {
            let projected = apply_matrix(weight, x);
            let heads = projected.chunks(head_dim).map(|x| R::rotate(&head.pairs, x, u));
            heads.collect::<Vec<_>>()
        };
        let (q, k) = (rotated(w_q, &x, &u), rotated(w_k, &y, &w));
        let score = |(h, q): (usize, &Vec<_>)| dot(q, &k[h * key_heads / query_heads]);
        q.iter().enumerate().map(score).collect::<Vec<_>>()
    };
    let original = scores(&w_q, &w_k, Layout::Interleaved);
    let (half_q, half_k) = (
        permuted::<R, _>(&q_permutation, Layout::Half, &w_q),
        permuted::<R, _>(&k_permutation, Layout::Half, &w_k),
    );
    let converted = scores(&half_q, &half_k, Layout::Half);
    tally.add_all(&converted, &original, || format!("{}, score per head", instance()));
}
