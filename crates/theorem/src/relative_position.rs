//! The score depends on positions through their difference only (RoFormer Eq. 11, 12 and 16).
//!
//! For one plane, with phases u = e^{imθ} and w = e^{inθ}, the claim is ⟨zu, z′w⟩ = Re(z z̄′ u w̄).
//! Both sides are linear in z and in z′ and, in each phase, a Laurent polynomial with exponents
//! −1, 0, 1. So it holds for all inputs and angles if it does
//!
//! * as an identity of polynomials in the coordinates of z, z′, u and w, modulo u ū = w w̄ = 1; or
//! * at z, z′ ∈ {1, i} and 3 × 3 points of the circle: 36 evaluations in exact rationals, once the
//!   degrees are known to be what they seem.
//!
//! Both are done here, with the functions that make the vectors. What remains is e^{imθ}e^{−inθ} =
//! e^{i(m−n)θ}: for powers of rational points exactly, and with the true θ in intervals.

use super::polynomial::{Polynomial, Variable};
use super::report::{Kind, Report, Tally};
use super::rotation::{Head, Rotation, dot, scaled};
use super::sample::{Sample, rational_points};
use super::spectra::on_each;
use num_complex::Complex;
use num_traits::{Num, One, Zero};
use ropewalk::encoding::Pair;
use ropewalk::exact::Ratio;
use std::ops::Neg;

const NAME: &str = "relative position";
const STATEMENT: &str = "⟨R(m)q, R(n)k⟩ = a²·Re Σ ζᵢ^{m−n} qᵢ k̄ᵢ e^{i(m−n)θᵢ} + Σ over the coordinates that pass through";

/// Left and right side for one plane: two rotated vectors multiplied, and the score of the
/// difference of their phases.
fn plane<R: Rotation, S: Num + Neg<Output = S> + Clone>(
    q: &Complex<S>,
    k: &Complex<S>,
    u: &Complex<S>,
    w: &Complex<S>,
) -> [S; 2] {
    let pair = [Pair { re: 0, im: 1 }];
    let rotated_q = R::rotate(&pair, &[q.re.clone(), q.im.clone()], std::slice::from_ref(u));
    let rotated_k = R::rotate_key(&pair, &[k.re.clone(), k.im.clone()], std::slice::from_ref(w));
    [dot(&rotated_q, &rotated_k), R::plane_score(q, k, &R::turn(u, &w.conj()))]
}

/// A query and a key with the phasors that turn them, scale included, and the phasors of the
/// difference of their positions.
struct Scored<'a, S> {
    q: &'a [S],
    k: &'a [S],
    query: &'a [Complex<S>],
    key: &'a [Complex<S>],
    difference: &'a [Complex<S>],
}

/// Left minus right side for a whole head.
fn head<R: Rotation, S: Num + Neg<Output = S> + Clone>(head: &Head, s: &Scored<S>) -> S {
    let rotated_q = R::rotate(&head.pairs, s.q, s.query);
    let rotated_k = R::rotate_key(&head.pairs, s.k, s.key);
    let planes = head.planes(s.q).into_iter().zip(head.planes(s.k)).zip(s.difference);
    let turning = planes.fold(S::zero(), |sum, ((q, k), w)| sum + R::plane_score(&q, &k, w));
    let passed = head.passed().fold(S::zero(), |sum, i| sum + s.q[i].clone() * s.k[i].clone());
    dot(&rotated_q, &rotated_k) - (turning + passed)
}

/// For every input and every angle: polynomials, then 36 evaluations, then powers.
pub(super) fn proved<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    one_plane::<R>(&mut tally);
    evaluations::<R>(&mut tally);
    for shape in Head::small::<R>() {
        whole_head::<R>(&shape, &mut tally);
    }
    powers::<R>(&mut tally);
    tally.report(NAME, STATEMENT, Kind::Proved)
}

/// The identity of polynomials, and the degrees of both sides.
fn one_plane<R: Rotation>(tally: &mut Tally) {
    let complex = |name| Complex::new(Polynomial::free(name, 0), Polynomial::free(name, 1));
    let (q, k) = (complex("q"), complex("k"));
    let (u, w) = (Polynomial::phase("u", 0), Polynomial::phase("w", 0));
    let sides = plane::<R, _>(&q, &k, &u, &w);
    for side in &sides {
        for family in ["q", "k", "u", "w"] {
            let degree = side.degree(|variable| match variable {
                Variable::Free(name, _) | Variable::Cos(name, _) | Variable::Sin(name, _) => {
                    name == family
                }
            });
            tally.require(degree == Some(1), || format!("degree {degree:?} in {family}"));
        }
    }
    let [left, right] = sides;
    tally.add(&(left - right), || "one plane".to_string());
}

/// q, k ∈ {1, i}, nine pairs of phases.
fn evaluations<R: Rotation>(tally: &mut Tally) {
    let basis =
        [Complex::new(Ratio::one(), Ratio::zero()), Complex::new(Ratio::zero(), Ratio::one())];
    for (q, k) in basis.iter().flat_map(|q| basis.iter().map(move |k| (q, k))) {
        let points = rational_points();
        for (u, w) in points.iter().flat_map(|u| points.iter().map(move |w| (u, w))) {
            let [left, right] = plane::<R, _>(q, k, u, w);
            tally.add(&(left - right), || format!("q {q:?}, k {k:?}, u {u:?}, w {w:?}"));
        }
    }
}

/// Free q, k, phases, and scales a and b of the query's and the key's planes: all equal, they are
/// the magnitude; with growth (xPos) they are magnitude · ζᵢᵐ and magnitude · ζᵢ^−n.
fn whole_head<R: Rotation>(shape: &Head, tally: &mut Tally) {
    let (q, k) = (Polynomial::vector("q", shape.dim), Polynomial::vector("k", shape.dim));
    let planes = shape.pairs.len();
    let (u, w) = (Polynomial::phases("u", planes), Polynomial::phases("w", planes));
    let (a, b) = (Polynomial::vector("a", planes), Polynomial::vector("b", planes));
    let both: Vec<_> = a.iter().zip(&b).map(|(a, b)| a.clone() * b.clone()).collect();
    let difference: Vec<_> = u.iter().zip(&w).map(|(u, w)| R::turn(u, &w.conj())).collect();
    let scored = Scored {
        q: &q,
        k: &k,
        query: &scaled(&u, &a),
        key: &scaled(&w, &b),
        difference: &scaled(&difference, &both),
    };
    tally.add(&head::<R, _>(shape, &scored), || shape.to_string());
}

/// zᵐ · z̄ⁿ = z^{m−n}, where powers are repeated turns.
fn powers<R: Rotation>(tally: &mut Tally) {
    for z in rational_points() {
        let power = |n: i64| {
            let step = if n < 0 { z.conj() } else { z.clone() };
            (0..n.abs()).fold(Complex::one(), |power, _| R::turn(&power, &step))
        };
        for (m, n) in (-3..=3).flat_map(|m| (-3..=3).map(move |n| (m, n))) {
            let left = R::turn(&power(m), &power(n).conj());
            let right = power(m - n);
            tally.add(&(left.re - right.re), || format!("z {z:?}, m {m}, n {n}"));
            tally.add(&(left.im - right.im), || format!("z {z:?}, m {m}, n {n}"));
        }
    }
}

/// With the true θ, magnitude and growth.
pub(super) fn enclosed<R: Rotation>(precision: u32) -> Report {
    let tally = on_each::<R>(precision, |rope, tally| {
        let mut sample = Sample(1);
        let dim = rope.head.dim;
        for (m, n) in rope.positions() {
            let scales = |exponent| rope.scales(exponent);
            let scored = Scored {
                q: &sample.vector(dim),
                k: &sample.vector(dim),
                query: &scaled(&rope.phasors::<R>(m), &scales(m)),
                key: &scaled(&rope.phasors::<R>(n), &scales(-n)),
                difference: &scaled(&scaled(&rope.phasors::<R>(m - n), &scales(m - n)), &scales(0)),
            };
            tally.add(&head::<R, _>(&rope.head, &scored), || format!("{rope}, m {m}, n {n}"));
        }
    });
    tally.report(NAME, STATEMENT, Kind::Enclosed)
}
