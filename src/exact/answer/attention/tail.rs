//! What is too small to be enclosed beside what it is added to: which way it points.

use super::angles::Angles;
use super::logit::{Basis, Logit};
use crate::encoding::Arithmetic;
use crate::exact::interval::Interval;
use crate::exact::intervals::Intervals;
use crate::exact::ratio::Ratio;
use num_traits::Zero;
use rug::Float;
use rug::float::Round::{Down, Up};

/// Weights below e^−this of the largest are no longer enclosed with it.
pub(super) const FAR: i32 = 2800;

/// Beyond this many soft caps tanh is within 2e^−2800 of ±1.
pub(super) const SATURATED: i32 = 1400;

/// log₂ of what weights that are [`FAR`] are below, and what a saturated score moves its weight by:
/// e^−2800 < 2^−4039, and twice that times 2c for the longest c of binary64.
pub(super) const BELOW: i32 = -3000;

/// Where MPFR's exponents are still far from their end.
const LEAST: i32 = 1 << 28;

/// e^x; none if the enclosure of x says too little.
pub(super) fn exp(x: &Interval, precision: u32) -> Option<Interval> {
    if *x.hi() < -FAR {
        let hi = match *x.hi() < -LEAST {
            true => Float::with_val(precision, 1) >> LEAST,
            false => exp_end(x.hi(), precision, Up),
        };
        return Some(Interval::new(Float::new(precision), hi));
    }
    if x.width() >= 1 {
        return None;
    }
    Some(Interval::new(exp_end(x.lo(), precision, Down), exp_end(x.hi(), precision, Up)))
}

fn exp_end(x: &Float, precision: u32, round: rug::float::Round) -> Float {
    let mut power = Float::with_val_round(precision.max(x.prec()), x, round).0;
    power.exp_round(round);
    Float::with_val_round(precision, power, round).0
}

/// `weight` · e^s of a score, or what is left of it when its saturated value is taken away.
pub(super) struct Term<'a> {
    pub(super) logit: &'a Logit,
    /// The saturated value, and its side.
    pub(super) saturated: Option<(&'a Logit, bool)>,
    pub(super) weight: Ratio,
}

impl Term<'_> {
    /// The logarithm of |term / weight|, but for a factor within [`Term::factor`].
    ///
    /// c tanh(x/c) = ±(c − 2c e^{−2|x|/c} / (1 + e^{−2|x|/c})).
    fn exponent(&self, basis: &Basis, angles: &Angles, precision: u32) -> Option<Interval> {
        let Some((base, _)) = self.saturated else {
            return self.logit.enclose(basis, angles, precision);
        };
        let share = self.logit.share(basis, angles, precision)?.abs();
        let twice = Interval::point(2).widen(precision);
        let c = Interval::of_ratio(basis.cap.as_ref()?, precision);
        let size = Intervals { precision }.ln(&(twice.clone() * c))?;
        Some(base.enclose(basis, angles, precision)? + size - twice * share)
    }

    /// The weight with its sign, up to what the exponent leaves out: e^η − 1 is η(1 + η/2 + …), and
    /// |η| < 2^−3000.
    fn factor(&self, precision: u32) -> Interval {
        let weight = Interval::of_ratio(&self.weight, precision);
        let Some((_, positive)) = self.saturated else { return weight };
        let off = Float::with_val(64, 1) >> 2000;
        let one = Float::with_val(64, 1);
        let around = Interval::new(
            Float::with_val_round(precision, &one - &off, Down).0,
            Float::with_val_round(precision, &one + &off, Up).0,
        );
        let factor = weight * around;
        if positive { -factor } else { factor }
    }

    fn is_positive(&self) -> bool {
        (self.weight > Ratio::zero()) != self.saturated.is_some_and(|(_, positive)| positive)
    }
}

/// The sign of a sum of terms, none of weight 0: whether it is positive. None if that stays open.
pub(super) fn is_positive(terms: &[Term], basis: &Basis, angles: &Angles) -> Option<bool> {
    let (first, others) = terms.split_first()?;
    if others.iter().all(|term| term.is_positive() == first.is_positive()) {
        return Some(first.is_positive());
    }
    (7..=13).find_map(|power| {
        let precision = 1 << power;
        let exponents: Option<Vec<Interval>> =
            terms.iter().map(|term| term.exponent(basis, angles, precision)).collect();
        let exponents = exponents?;
        let most = exponents.iter().max_by(|a, b| a.lo().total_cmp(b.lo()))?;
        let mut sum = Interval::point(0).widen(precision);
        for (term, exponent) in terms.iter().zip(&exponents) {
            sum = sum + term.factor(precision) * exp(&(exponent - most), precision)?;
        }
        (!sum.contains_zero()).then(|| *sum.lo() > 0)
    })
}
