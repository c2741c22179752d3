//! Rotations with one error each.

use num_complex::Complex;
use num_traits::Num;
use ropewalk::encoding::{Layout, Pair, Permutation};
use ropewalk::exact::Interval;
use ropewalk_theorem::{Rotation, Shared};
use std::ops::Neg;

pub const SIGN: u8 = 0;
pub const SIGN_EVERYWHERE: u8 = 1;
pub const ANGLE: u8 = 2;
pub const COS_SIN: u8 = 3;
pub const KEYS: u8 = 4;
pub const SCORE: u8 = 5;
pub const PRODUCT: u8 = 6;
pub const PAIRS: u8 = 7;
pub const PAIRS_EVERYWHERE: u8 = 8;
pub const PARTNER: u8 = 9;
pub const LAST: u8 = 10;
pub const MATRIX: u8 = 11;
pub const ROT: u8 = 12;
pub const WEIGHTS: u8 = 13;

/// The shared rotation with the error `FAULT`.
pub struct Broken<const FAULT: u8>;

fn conjugate<S: Num + Clone>(w: &Complex<S>) -> Complex<S> {
    Complex::new(w.re.clone(), S::zero() - w.im.clone())
}

fn conjugates<S: Num + Clone>(phasors: &[Complex<S>]) -> Vec<Complex<S>> {
    phasors.iter().map(conjugate).collect()
}

impl<const FAULT: u8> Rotation for Broken<FAULT> {
    fn pairs(layout: Layout, dim: usize, rotary_dim: usize, offset: usize) -> Vec<Pair> {
        let pairs = Shared::pairs(layout, dim, rotary_dim, offset);
        let swapped = |pair: Pair| Pair { re: pair.im, im: pair.re };
        let far = |pair: Pair| Pair { re: pair.re, im: (pair.re + dim / 2) % dim };
        match (FAULT, layout) {
            (PAIRS, Layout::Half) | (PAIRS_EVERYWHERE, _) => {
                pairs.into_iter().map(swapped).collect()
            }
            (PARTNER, Layout::Half) => pairs.into_iter().map(far).collect(),
            _ => pairs,
        }
    }

    fn phasor(angle: &Interval) -> Complex<Interval> {
        let phasor = Shared::phasor(angle);
        match FAULT {
            ANGLE => phasor.conj(),
            COS_SIN => Complex::new(phasor.im, phasor.re),
            _ => phasor,
        }
    }

    fn turn<S: Num + Clone>(z: &Complex<S>, w: &Complex<S>) -> Complex<S> {
        match FAULT {
            SIGN | SIGN_EVERYWHERE => Shared::turn(z, &conjugate(w)),
            PRODUCT => Complex::new(
                z.re.clone() * w.re.clone() - z.im.clone() * w.im.clone(),
                z.re.clone() * w.im.clone(),
            ),
            _ => Shared::turn(z, w),
        }
    }

    /// As the shared one, through this `turn`.
    fn rotate<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        x: &[S],
        phasors: &[Complex<S>],
    ) -> Vec<S> {
        let mut turned = x.to_vec();
        let count = if FAULT == LAST { pairs.len() - 1 } else { pairs.len() };
        for (pair, phasor) in pairs.iter().zip(phasors).take(count) {
            let z = Self::turn(&Complex::new(x[pair.re].clone(), x[pair.im].clone()), phasor);
            turned[pair.re] = z.re;
            turned[pair.im] = z.im;
        }
        turned
    }

    fn rotate_key<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        x: &[S],
        phasors: &[Complex<S>],
    ) -> Vec<S> {
        match FAULT {
            KEYS => Self::rotate(pairs, x, &conjugates(phasors)),
            _ => Self::rotate(pairs, x, phasors),
        }
    }

    fn matrix<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        dim: usize,
        phasors: &[Complex<S>],
    ) -> Vec<Vec<S>> {
        match FAULT {
            MATRIX | SIGN_EVERYWHERE => Shared::matrix(pairs, dim, &conjugates(phasors)),
            _ => Shared::matrix(pairs, dim, phasors),
        }
    }

    fn elementwise<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        x: &[S],
        phasors: &[Complex<S>],
    ) -> Vec<S> {
        let mut turned = match FAULT {
            SIGN_EVERYWHERE => Shared::elementwise(pairs, x, &conjugates(phasors)),
            _ => Shared::elementwise(pairs, x, phasors),
        };
        if FAULT == ROT {
            for (pair, w) in pairs.iter().zip(phasors) {
                let (x, y) = (x[pair.re].clone(), x[pair.im].clone());
                turned[pair.re] = x * w.re.clone() + y * w.im.clone();
            }
        }
        turned
    }

    /// As the shared one, through this `turn`; a sign that is flipped everywhere is flipped here
    /// in the difference of the angles too, so that only the direction is wrong.
    fn plane_score<S: Num + Neg<Output = S> + Clone>(
        q: &Complex<S>,
        k: &Complex<S>,
        w: &Complex<S>,
    ) -> S {
        match FAULT {
            SCORE => Shared::turn(&Shared::turn(q, k), w).re,
            SIGN_EVERYWHERE => Shared::plane_score(q, k, &conjugate(w)),
            _ => Self::turn(&Self::turn(q, &k.conj()), w).re,
        }
    }

    fn sources(permutation: &Permutation, to: Layout) -> Vec<usize> {
        let other = match to {
            Layout::Half => Layout::Interleaved,
            Layout::Interleaved => Layout::Half,
        };
        Shared::sources(permutation, if FAULT == WEIGHTS { other } else { to })
    }
}
