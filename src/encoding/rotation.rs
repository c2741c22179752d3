//! The rotation itself, in the three forms of the RoFormer paper, generic over the scalar.
//!
//! Everything that rotates goes through here: the intervals that make the vectors, the rationals
//! that prove the theorems, the machine formats that emulate kernels.

use num_complex::Complex;
use num_traits::Num;
use std::ops::Neg;

/// Two coordinates of a head that turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Coordinate of the real part.
    pub re: usize,
    /// Coordinate of the imaginary part.
    pub im: usize,
}

impl Pair {
    /// The same plane seen from behind: what turns it by φ turns the other by −φ.
    pub const fn exchanged(self) -> Pair {
        Pair { re: self.im, im: self.re }
    }
}

/// z · w: a plane turned (and scaled) by the phasor w = magnitude · e^{iφ}, counter-clockwise.
///
/// RoFormer Eq. 12: identify the plane with ℂ and multiply by e^{imθ}.
///
/// ```
/// use num_complex::Complex;
/// use ropewalk::encoding::turn;
/// // A quarter turn takes (1, 2) to (−2, 1).
/// assert_eq!(turn(&Complex::new(1, 2), &Complex::new(0, 1)), Complex::new(-2, 1));
/// ```
pub fn turn<S: Num + Clone>(z: &Complex<S>, w: &Complex<S>) -> Complex<S> {
    z * w
}

/// RoFormer Eq. 14 by complex multiplication: plane `i` of `x` turned by `phasors[i]`, the
/// coordinates outside the planes as they are.
///
/// This is the form that makes the vectors.
///
/// ```
/// use num_complex::Complex;
/// use ropewalk::encoding::{Pair, rotate_complex};
/// let half = [Pair { re: 0, im: 2 }];
/// let turned = rotate_complex(&half, &[1, 7, 2], &[Complex::new(0, 1)]);
/// assert_eq!(turned, [-2, 7, 1]);
/// ```
pub fn rotate_complex<S: Num + Clone>(pairs: &[Pair], x: &[S], phasors: &[Complex<S>]) -> Vec<S> {
    let mut turned = x.to_vec();
    for (pair, phasor) in pairs.iter().zip(phasors) {
        let z = turn(&Complex::new(x[pair.re].clone(), x[pair.im].clone()), phasor);
        turned[pair.re] = z.re;
        turned[pair.im] = z.im;
    }
    turned
}

/// The matrix of [`rotate_complex`]: 2 × 2 blocks [[cos, −sin], [sin, cos]] on the planes
/// (RoFormer Eq. 15), 1 on the rest of the diagonal. `dim` rows and columns.
pub fn rotation_matrix<S: Num + Neg<Output = S> + Clone>(
    pairs: &[Pair],
    dim: usize,
    phasors: &[Complex<S>],
) -> Vec<Vec<S>> {
    let one_at = |row: usize, column: usize| if row == column { S::one() } else { S::zero() };
    let mut matrix: Vec<Vec<S>> =
        (0..dim).map(|row| (0..dim).map(|column| one_at(row, column)).collect()).collect();
    for (pair, phasor) in pairs.iter().zip(phasors) {
        matrix[pair.re][pair.re] = phasor.re.clone();
        matrix[pair.re][pair.im] = -phasor.im.clone();
        matrix[pair.im][pair.re] = phasor.im.clone();
        matrix[pair.im][pair.im] = phasor.re.clone();
    }
    matrix
}

/// A matrix times a column.
pub fn apply_matrix<S: Num + Clone>(matrix: &[Vec<S>], x: &[S]) -> Vec<S> {
    let dot =
        |row: &Vec<S>| row.iter().zip(x).fold(S::zero(), |sum, (a, b)| sum + a.clone() * b.clone());
    matrix.iter().map(dot).collect()
}

/// RoFormer Eq. 34: x ⊗ cos + rot(x) ⊗ sin, where rot sends (…, x, …, y, …) to (…, −y, …, x, …).
///
/// With the half layout rot is what Hugging Face calls `rotate_half`, with the interleaved one
/// what GPT-J calls `rotate_every_two`.
pub fn rotate_elementwise<S: Num + Neg<Output = S> + Clone>(
    pairs: &[Pair],
    x: &[S],
    phasors: &[Complex<S>],
) -> Vec<S> {
    let mut cos = vec![S::one(); x.len()];
    let mut sin = vec![S::zero(); x.len()];
    let mut rot = vec![S::zero(); x.len()];
    for (pair, phasor) in pairs.iter().zip(phasors) {
        for coordinate in [pair.re, pair.im] {
            cos[coordinate] = phasor.re.clone();
            sin[coordinate] = phasor.im.clone();
        }
        rot[pair.re] = -x[pair.im].clone();
        rot[pair.im] = x[pair.re].clone();
    }
    let product = |i: usize| x[i].clone() * cos[i].clone() + rot[i].clone() * sin[i].clone();
    (0..x.len()).map(product).collect()
}

/// Re(q k̄ w): what a plane adds to the score of a query and a key whose angles differ by the
/// angle of w (RoFormer Eq. 12, the right-hand side).
pub fn plane_score<S: Num + Neg<Output = S> + Clone>(
    q: &Complex<S>,
    k: &Complex<S>,
    w: &Complex<S>,
) -> S {
    turn(&turn(q, &k.conj()), w).re
}
