//! Complex multiplication, block matrix and elementwise form are the same map, and it is the one
//! that is printed (RoFormer Eq. 13, 15 and 34).

use super::polynomial::Polynomial;
use super::report::{Kind, Report, Tally};
use super::rotation::{Head, Rotation, scaled};
use super::sample::{POSITIONS, Sample};
use super::spectra::on_each;
use num_complex::Complex;
use num_traits::Num;
use ropewalk::encoding::{Layout, apply_matrix};
use std::ops::Neg;

const NAME: &str = "three forms";
const STATEMENT: &str =
    "complex multiplication = block-diagonal matrix = elementwise form = the formula as printed";

/// x ⊗ cos + rot(x) ⊗ sin with coordinates counted as the sources print them, not through pairs.
///
/// Interleaved, RoFormer Eq. 34 (here from 0): rot(x) = (−x₁, x₀, −x₃, x₂, …) and every angle
/// stands twice in a row. Half, `rotate_half` of GPT-NeoX and Hugging Face: rot(x) =
/// concat(−x[h..], x[..h]) and the list of angles is repeated as a whole.
fn as_printed<S: Num + Neg<Output = S> + Clone>(
    head: &Head,
    x: &[S],
    phasors: &[Complex<S>],
) -> Vec<S> {
    let slice = &x[head.slice.clone()];
    let half = slice.len() / 2;
    let (rot, angles): (Vec<S>, Vec<&Complex<S>>) = match head.layout {
        Layout::Interleaved => (
            slice.chunks_exact(2).flat_map(|z| [-z[1].clone(), z[0].clone()]).collect(),
            phasors.iter().flat_map(|w| [w, w]).collect(),
        ),
        Layout::Half => (
            slice[half..].iter().map(|y| -y.clone()).chain(slice[..half].iter().cloned()).collect(),
            phasors.iter().chain(phasors).collect(),
        ),
    };
    let turned = slice
        .iter()
        .zip(rot)
        .zip(angles)
        .map(|((x, rot), w)| x.clone() * w.re.clone() + rot * w.im.clone());
    let (before, after) = (&x[..head.slice.start], &x[head.slice.end..]);
    before.iter().cloned().chain(turned).chain(after.iter().cloned()).collect()
}

fn compare<R: Rotation, S>(
    head: &Head,
    x: &[S],
    phasors: &[Complex<S>],
    tally: &mut Tally,
    instance: impl Fn() -> String,
) where
    S: super::report::Residual + Num + Neg<Output = S> + Clone,
{
    let complex = R::rotate(&head.pairs, x, phasors);
    let matrix = apply_matrix(&R::matrix(&head.pairs, head.dim, phasors), x);
    let elementwise = R::elementwise(&head.pairs, x, phasors);
    tally.add_all(&complex, &matrix, || format!("{}, matrix", instance()));
    tally.add_all(&complex, &elementwise, || format!("{}, elementwise", instance()));
    let printed = as_printed(head, x, phasors);
    tally.add_all(&complex, &printed, || format!("{}, as printed", instance()));
}

/// For every vector, all angles, and every scale of a plane.
pub(super) fn proved<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    for head in Head::small::<R>() {
        let x = Polynomial::vector("x", head.dim);
        let planes = head.pairs.len();
        let phasors = scaled(&Polynomial::phases("u", planes), &Polynomial::vector("a", planes));
        compare::<R, _>(&head, &x, &phasors, &mut tally, || head.to_string());
    }
    tally.report(NAME, STATEMENT, Kind::Proved)
}

/// With the true θ.
pub(super) fn enclosed<R: Rotation>(precision: u32) -> Report {
    let tally = on_each::<R>(precision, |rope, tally| {
        let x = Sample(4).vector(rope.head.dim);
        for (m, _) in POSITIONS.into_iter().skip(5) {
            let phasors = rope.phasors::<R>(m);
            compare::<R, _>(&rope.head, &x, &phasors, tally, || format!("{rope}, m {m}"));
        }
    });
    tally.report(NAME, STATEMENT, Kind::Enclosed)
}
