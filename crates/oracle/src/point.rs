//! Exact reals that can be compared with dyadic numbers.

use super::radius::leading;
use rug::{Complete, Integer, Rational};
use std::cmp::Ordering;

/// An exact real, as far as the search needs it.
pub(super) trait Point {
    /// The sign, `Equal` for 0.
    fn sign(&self) -> Ordering;
    /// Roughly |x| as (window, shift) like [`leading`].
    fn about(&self) -> (u64, i64);
    /// |x| against `significand` · 2^`exponent`, exactly; the significand is not 0.
    fn compare(&self, significand: u64, exponent: i64) -> Ordering;
}

/// An integer times a power of two.
pub(super) struct Dyadic {
    pub(super) integer: Integer,
    pub(super) exponent: i64,
}

impl Point for Dyadic {
    fn sign(&self) -> Ordering {
        self.integer.cmp0()
    }

    fn about(&self) -> (u64, i64) {
        let (window, shift) = leading(&self.integer);
        (window, shift + self.exponent)
    }

    fn compare(&self, significand: u64, exponent: i64) -> Ordering {
        let top = self.exponent + i64::from(self.integer.significant_bits());
        let other = exponent + i64::from(u64::BITS - significand.leading_zeros());
        // Equal lengths bound the shift by the longer significand.
        let by_length = if self.integer.is_zero() { Ordering::Less } else { top.cmp(&other) };
        by_length.then_with(|| {
            let shift = exponent - self.exponent;
            let significand = Integer::from(significand);
            if shift >= 0 {
                self.integer.cmp_abs(&(significand << shift as usize))
            } else {
                (&self.integer << shift.unsigned_abs() as usize).complete().cmp_abs(&significand)
            }
        })
    }
}

impl Point for Rational {
    fn sign(&self) -> Ordering {
        self.cmp0()
    }

    fn about(&self) -> (u64, i64) {
        let shift = 66 + i64::from(self.denom().significant_bits())
            - i64::from(self.numer().significant_bits());
        let shift = shift.max(0);
        let (window, low) = leading(&((self.numer() << shift as usize).complete() / self.denom()));
        (window, low - shift)
    }

    fn compare(&self, significand: u64, exponent: i64) -> Ordering {
        let product = (self.denom() * significand).complete();
        let by = exponent.unsigned_abs() as usize;
        if exponent >= 0 {
            self.numer().cmp_abs(&(product << by))
        } else {
            (self.numer() << by).complete().cmp_abs(&product)
        }
    }
}

/// Beyond 2^±this a number is moved to there before its difference from a pattern is taken, which
/// bounds the integers.
const FAR: i64 = 1 << 13;

impl Dyadic {
    /// Itself if it is 0 or within 2^±[`FAR`], else 2^±[`FAR`] with its sign.
    ///
    /// A residual stays the same. A huge number is far more than the largest binary16 of ulps away
    /// from any pattern, here and there; a tiny one is no 0, and no boundary of binary16 lies that
    /// close to a whole number of ulps without being it.
    pub(super) fn moved_near(self) -> Dyadic {
        let top = self.exponent + i64::from(self.integer.significant_bits());
        if self.integer.is_zero() || top.abs() <= FAR {
            return self;
        }
        let unit = Integer::from(if self.integer.is_negative() { -1 } else { 1 });
        Dyadic { integer: unit, exponent: FAR * top.signum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordering(x: &impl Point, significand: u64, exponent: i64) -> i8 {
        x.compare(significand, exponent) as i8
    }

    #[test]
    fn comparisons() {
        for (exponent, shift) in [(0, 0), (3, 0), (-3, 0), (0, 70), (-80, 70), (1 << 40, 0)] {
            let x = Dyadic { integer: Integer::from(-5) << shift, exponent };
            let exponent = exponent + i64::from(shift);
            assert_eq!(ordering(&x, 5, exponent), 0);
            assert_eq!(ordering(&x, 20, exponent - 2), 0);
            assert_eq!(ordering(&x, 19, exponent - 2), 1);
            assert_eq!(ordering(&x, 21, exponent - 2), -1);
            assert_eq!(ordering(&x, 1, exponent + 3), -1);
            assert_eq!(ordering(&x, 1, exponent + 2), 1);
            assert_eq!(x.about(), (5 << 61, exponent - 61));
        }
        let third = Rational::from((-1, 3));
        assert_eq!(ordering(&third, 0x5555_5555, -32), 1);
        assert_eq!(ordering(&third, 0x5555_5556, -32), -1);
        assert_eq!(ordering(&Rational::from((6, 2)), 3, 0), 0);
        assert_eq!(ordering(&Rational::from(12), 3, 2), 0);
        let (window, shift) = third.about();
        assert_eq!((window, shift), (0xaaaa_aaaa_aaaa_aaaa, -65));
    }
}
