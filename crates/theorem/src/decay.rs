//! Long-term decay: what RoFormer §3.4.3 proves, what its Figure 2 shows, and what neither says.
//!
//! With hᵢ = qᵢ k̄ᵢ, eᵢ = e^{i(m−n)θᵢ}, S₀ = 0, S_j = Σ_{i<j} eᵢ and h_{r/2} = 0, summation by parts
//! (Abel) gives Σ hᵢeᵢ = −Σ S_{i+1}(h_{i+1} − hᵢ), hence |Σ hᵢeᵢ| ≤ max |h_{i+1} − hᵢ| · Σ |S_{i+1}|.
//! The second factor does not depend on q and k. Its mean is the curve of Figure 2.
//!
//! It bounds the score and says nothing of the score itself: for every q and every distance there
//! is a key whose score is largest exactly there (Barbero et al. 2024, Proposition 3.1).

mod curve;
mod witness;

pub use curve::{Curve, Point};
pub use witness::Witness;

use super::polynomial::Polynomial;
use super::report::{Kind, Report, Tally};
use super::rotation::{Head, Rotation};
use super::sample::Sample;
use super::spectra::on_each;
use num_complex::Complex;
use num_traits::{Num, One, Zero};
use ropewalk::exact::Interval;
use rug::Float;
use std::ops::Neg;

const ABEL: &str = "Abel identity";
const ABEL_STATEMENT: &str = "Σ hᵢ eᵢ = −Σ Sᵢ₊₁ (hᵢ₊₁ − hᵢ), with S_j = Σ_{i<j} eᵢ and h_{r/2} = 0";
const BOUND: &str = "decay bound";
const BOUND_STATEMENT: &str = "|Σ hᵢ e^{i(m−n)θᵢ}| ≤ max |hᵢ₊₁ − hᵢ| · Σ |Sᵢ₊₁|, with h_{r/2} = 0";
const CONVERSE: &str = "no decay";
const CONVERSE_STATEMENT: &str =
    "for every q and distance R, the score of q with k = U(R)q is |q|² at R and nowhere larger";

/// S₁, …, S_n: the partial sums of the phasors.
///
/// ```
/// use num_complex::Complex;
/// use ropewalk_theorem::partial_sums;
/// let (one, i) = (Complex::new(1, 0), Complex::new(0, 1));
/// assert_eq!(partial_sums(&[one, i, i]), [one, one + i, one + i + i]);
/// ```
pub fn partial_sums<S: Num + Clone>(phasors: &[Complex<S>]) -> Vec<Complex<S>> {
    let add = |sum: &mut Complex<S>, e: &Complex<S>| {
        *sum = sum.clone() + e.clone();
        Some(sum.clone())
    };
    phasors.iter().scan(Complex::zero(), add).collect()
}

/// h_{i+1} − hᵢ for i = 0, …, n − 1, with h_n = 0.
fn steps<S: Num + Clone>(h: &[Complex<S>]) -> Vec<Complex<S>> {
    let next = h.iter().skip(1).cloned().chain([Complex::zero()]);
    h.iter().zip(next).map(|(h, next)| next - h.clone()).collect()
}

/// Σ zᵢ wᵢ.
fn sum_of_turns<R: Rotation, S: Num + Clone>(z: &[Complex<S>], w: &[Complex<S>]) -> Complex<S> {
    z.iter().zip(w).fold(Complex::zero(), |sum, (z, w)| sum + R::turn(z, w))
}

/// Summation by parts, for free complex hᵢ and eᵢ.
pub(super) fn abel<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    for planes in (1..=12).chain([32]) {
        let complex = |re, im| -> Vec<Complex<Polynomial>> {
            let parts =
                Polynomial::vector(re, planes).into_iter().zip(Polynomial::vector(im, planes));
            parts.map(|(re, im)| Complex::new(re, im)).collect()
        };
        let (h, e) = (complex("h", "h'"), complex("e", "e'"));
        let residual =
            sum_of_turns::<R, _>(&h, &e) + sum_of_turns::<R, _>(&partial_sums(&e), &steps(&h));
        tally.add(&residual.re, || format!("r/2 = {planes}, real part"));
        tally.add(&residual.im, || format!("r/2 = {planes}, imaginary part"));
    }
    tally.report(ABEL, ABEL_STATEMENT, Kind::Proved)
}

pub(super) fn modulus(z: &Complex<Interval>) -> Interval {
    z.norm_sqr().abs().sqrt()
}

/// The bound for drawn and for awkward h: constant (only the last step counts), alternating (the
/// steps are largest), one plane alone, and the conjugate phasors (the score is largest).
pub(super) fn bound<R: Rotation>(precision: u32) -> Report {
    let distances = [0, 1, 2, 19, 64, 236, 1707, 1 << 31, -5];
    let tally = on_each::<R>(precision, |rope, tally| {
        let mut sample = Sample(5);
        let planes = rope.head.pairs.len();
        let one = || Complex::<Interval>::one();
        for distance in distances {
            let e = rope.phasors::<R>(distance);
            let total = partial_sums(&e).iter().map(modulus).fold(Interval::zero(), |a, b| a + b);
            let alternating = |i| if i % 2 == 0 { one() } else { -one() };
            let single = |at: usize| move |i| if i == at { one() } else { Complex::zero() };
            let drawn: Vec<_> = sample
                .planes(planes)
                .iter()
                .zip(sample.planes(planes))
                .map(|(q, k)| R::turn(q, &k.conj()))
                .collect();
            let cases: [(&str, Vec<Complex<Interval>>); 6] = [
                ("drawn q and k", drawn),
                ("constant", (0..planes).map(|_| one()).collect()),
                ("alternating", (0..planes).map(alternating).collect()),
                ("first plane", (0..planes).map(single(0)).collect()),
                ("last plane", (0..planes).map(single(planes - 1)).collect()),
                ("largest score", e.iter().map(Complex::conj).collect()),
            ];
            for (name, h) in cases {
                let h: Vec<_> = h.into_iter().map(|h| rope.widened(h)).collect();
                let left = modulus(&sum_of_turns::<R, _>(&h, &e));
                let largest = steps(&h).iter().map(modulus).fold(Interval::zero(), larger);
                tally.at_most(&left, &(&largest * &total), || {
                    format!("{rope}, m − n = {distance}, h {name}")
                });
            }
        }
    });
    tally.report(BOUND, BOUND_STATEMENT, Kind::Sampled)
}

/// Encloses the larger of two numbers.
fn larger(a: Interval, b: Interval) -> Interval {
    let max = |x: &Float, y: &Float| if x < y { y.clone() } else { x.clone() };
    Interval::new(max(a.lo(), b.lo()), max(a.hi(), b.hi()))
}

/// The score of a query and an unrotated key whose positions differ by the angles of `phasors`.
pub(super) fn score<R: Rotation, S: Num + Neg<Output = S> + Clone>(
    head: &Head,
    q: &[S],
    k: &[S],
    phasors: &[Complex<S>],
) -> S {
    let planes = head.planes(q).into_iter().zip(head.planes(k)).zip(phasors);
    planes.fold(S::zero(), |sum, ((q, k), w)| sum + R::plane_score(&q, &k, w))
}

/// |q|² − score at any w is half of Σ |qᵢ|² |wᵢ − uᵢ|², a sum of squares that is 0 at w = u.
pub(super) fn converse_proved<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    for head in Head::small::<R>().into_iter().filter(|head| head.slice.len() == head.dim) {
        let planes = head.pairs.len();
        let q = Polynomial::vector("q", head.dim);
        let (u, w) = (Polynomial::phases("u", planes), Polynomial::phases("w", planes));
        let k = R::rotate_key(&head.pairs, &q, &u);
        let norm = super::rotation::dot(&q, &q);
        tally.add(&(score::<R, _>(&head, &q, &k, &u) - norm.clone()), || format!("{head}, at R"));
        let squares = head
            .planes(&q)
            .iter()
            .zip(u.iter().zip(&w))
            .fold(Polynomial::zero(), |sum, (q, (u, w))| {
                sum + q.norm_sqr() * (w.clone() - u.clone()).norm_sqr()
            });
        let missing = norm - score::<R, _>(&head, &q, &k, &w);
        let twice = missing.clone() + missing;
        tally.add(&(twice - squares), || format!("{head}, elsewhere"));
    }
    tally.report(CONVERSE, CONVERSE_STATEMENT, Kind::Proved)
}

/// The same with the true θ: |q|² at R, and no more at other distances.
pub(super) fn converse_enclosed<R: Rotation>(precision: u32) -> Report {
    let tally = on_each::<R>(precision, |rope, tally| {
        let head = &rope.head;
        let q = Sample(6).vector(head.dim);
        let squares = head.planes(&q).iter().fold(Interval::zero(), |sum, q| sum + q.norm_sqr());
        for distance in [0, 236, (1 << 31) + 1] {
            let k = R::rotate_key(&head.pairs, &q, &rope.phasors::<R>(distance));
            let at = |delta: i64| score::<R, _>(head, &q, &k, &rope.phasors::<R>(delta));
            let peak = at(distance);
            tally.add(&(&peak - &squares), || format!("{rope}, R {distance}"));
            for other in [0, 1, 4096, distance - 1, distance + 1] {
                tally.at_most(&at(other), &peak, || format!("{rope}, R {distance}, at {other}"));
            }
        }
    });
    tally.report(CONVERSE, CONVERSE_STATEMENT, Kind::Enclosed)
}
