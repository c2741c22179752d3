//! Seeds: the few numbers of a ladder that the interval reference encloses.

use super::super::interval::Interval;
use super::super::phasor;
use super::super::resolved::{Multiple, ResolvedRope};
use super::bound::FRACTION_BITS;
use super::fixed::Fixed;
use num_complex::Complex;
use rug::float::Round::{Down, Up};
use rug::{Float, Integer};

/// Precision at which a seed is given up; its plane is then answered by the exact path alone.
const GIVE_UP: u32 = 1 << 12;

/// Bits that an enclosure of an angle has below 2^−126, so that a seed is nearly always found at
/// the first attempt.
const SPARE: u32 = 14;

/// The magnitude as `fixed` · 2^`exponent` with 1/2 ≤ `fixed` ≤ 1.
#[derive(Clone, Copy)]
pub(super) struct Magnitude {
    pub(super) fixed: Fixed,
    pub(super) exponent: i32,
}

impl Magnitude {
    /// None if it cannot be enclosed, is not positive, or is beyond 2^±60: then the exact path
    /// answers everything. So nothing overflows or underflows, and 2^−60·ε is no zero in binary32,
    /// where a zero of the wrong sign could pass the rounding test.
    pub(super) fn new(magnitude: &Multiple) -> Option<Magnitude> {
        const MOST: i32 = 60;
        if magnitude.is_one() {
            return Some(Magnitude { fixed: Fixed::ONE, exponent: 0 });
        }
        let first = magnitude.enclose(192)?;
        let exponent = first.hi().get_exp()?;
        if *first.lo() <= 0 || exponent.abs() > MOST {
            return None;
        }
        let re = raise(192, |precision| {
            let x = magnitude.enclose(precision)?;
            to_fixed(&Interval::new(x.lo().clone() >> exponent, x.hi().clone() >> exponent))
        })?;
        Some(Magnitude { fixed: Fixed { re, im: 0 }, exponent })
    }
}

/// Calls with growing precision until something comes back.
fn raise<T>(first: u32, attempt: impl Fn(u32) -> Option<T>) -> Option<T> {
    let mut precision = first;
    while precision <= GIVE_UP {
        if let Some(found) = attempt(precision) {
            return Some(found);
        }
        precision *= 2;
    }
    None
}

/// An integer within 1 unit of 2^−126 of every number of the interval, if there is one.
fn to_fixed(x: &Interval) -> Option<i128> {
    let scaled = |end: &Float, round| {
        let end = end.clone() << FRACTION_BITS;
        let (n, _): (Integer, _) = end.to_integer_round(round)?;
        n.to_i128()
    };
    let (lo, hi) = (scaled(x.lo(), Down)?, scaled(x.hi(), Up)?);
    // Floor and ceiling of a tiny interval: one apart, or two if an integer lies inside. The
    // middle is then within 1 unit of both ends.
    (hi - lo <= 2).then_some(lo + (hi - lo) / 2)
}

/// Where the seeds of a rope come from.
pub(super) struct Seeds {
    frequencies: Vec<Frequency>,
    /// Scales one part (false: the real one) of the seeds of this bit by 1 + 2^−100, to show that a
    /// test would notice.
    #[cfg(test)]
    pub(super) perturbed: Option<(u32, bool)>,
}

/// A frequency, and its enclosure at a precision that serves most seeds.
struct Frequency {
    exact: Multiple,
    theta: Option<Interval>,
}

/// Enough for angles below 2^46.
const USUAL: u32 = 192;

impl Seeds {
    pub(super) fn new(rope: &ResolvedRope) -> Seeds {
        let frequencies = rope.planes.iter().map(|plane| Frequency {
            theta: plane.frequency.enclose(USUAL),
            exact: plane.frequency.clone(),
        });
        Seeds {
            frequencies: frequencies.collect(),
            #[cfg(test)]
            perturbed: None,
        }
    }

    /// e^{i·2^(first + k)·θ} for k = 0 … bits − 1, a row of all planes for each; zero where it
    /// cannot be enclosed.
    pub(super) fn rows(&self, first: u32, bits: u32) -> Vec<Vec<Fixed>> {
        let mut rows = vec![vec![Fixed::ZERO; self.frequencies.len()]; bits as usize];
        for (plane, frequency) in self.frequencies.iter().enumerate() {
            for (row, z) in rows.iter_mut().zip(frequency.seeds(first, bits).unwrap_or_default()) {
                row[plane] = z;
            }
        }
        #[cfg(test)]
        if let Some((bit, part)) = self.perturbed
            && let Some(row) = bit.checked_sub(first).and_then(|k| rows.get_mut(k as usize))
        {
            for z in row {
                let part = if part { &mut z.im } else { &mut z.re };
                *part += *part >> 100;
            }
        }
        rows
    }
}

impl Frequency {
    /// The first from sine and cosine, each of the others as the square of its predecessor: an
    /// interval loses at most two bits by that, and it is several times as fast.
    fn seeds(&self, first: u32, bits: u32) -> Option<Vec<Fixed>> {
        if self.exact.is_zero() {
            return Some(vec![Fixed::ONE; bits as usize]);
        }
        let exponent = self.theta.as_ref()?.hi().get_exp().unwrap_or_default().max(-1 << 20);
        let whole = (exponent.saturating_add(first as i32)).max(0) as u32;
        let needed = whole.saturating_add(FRACTION_BITS + SPARE + 2 * bits).next_multiple_of(64);
        raise(needed.max(USUAL), |precision| {
            let theta = match precision {
                USUAL => self.theta.clone()?,
                _ => self.exact.enclose(precision)?,
            };
            let angle = Interval::new(theta.lo().clone() << first, theta.hi().clone() << first);
            let mut z = phasor(&angle);
            let mut seeds = Vec::with_capacity(bits as usize);
            for bit in 0..bits {
                if bit > 0 {
                    let twice = &z.re * &z.im;
                    let re = &(&z.re * &z.re) - &(&z.im * &z.im);
                    z = Complex::new(re, &twice + &twice);
                }
                seeds.push(Fixed { re: to_fixed(&z.re)?, im: to_fixed(&z.im)? });
            }
            Some(seeds)
        })
    }
}
