//! How far a value is from the number it was rounded to, in ulps, as a binary16.

use super::encode::ends;
use super::point::{Dyadic, Point};
use super::read::Read;
use super::{Ball, Target};
use rug::{Complete, Integer, Rational};

/// The canonical quiet NaN of binary16.
const QUIET_NAN: u64 = 0x7e00;

impl Target {
    /// (real − expected) / ulp(expected) as the bits of an f16, correctly rounded except that only
    /// an exact 0 becomes 0: anything else is at least the smallest subnormal. None if the ball does
    /// not decide it. The pattern `expected` is of this format; an infinite one counts as
    /// ±2^(e_max + 1), and a NaN has the residual NaN (7e00).
    ///
    /// `ball` must hold the unrounded value; where the real is exactly `expected`, only an exact
    /// ball decides.
    pub fn residual(self, ball: &Ball, expected: u64) -> Option<u64> {
        let Some((significand, ulp)) = self.expected(expected) else { return Some(QUIET_NAN) };
        let (low, high) = ends(ball)?;
        let relative = |end: Dyadic| {
            if significand.is_zero() {
                return Dyadic { exponent: end.exponent - ulp, ..end };
            }
            let end = end.moved_near();
            let exponent = end.exponent.min(ulp);
            let integer = (end.integer << (end.exponent - exponent) as usize)
                - (&significand << (ulp - exponent) as usize).complete();
            Dyadic { integer, exponent: exponent - ulp }
        };
        let (low, high) = (relative(low), high.map(relative));
        Target::F16.common(&low, high.as_ref(), true)
    }

    /// The residual of a rational, like [`Target::residual`].
    pub fn residual_rational(self, value: &Rational, expected: u64) -> u64 {
        let Some((significand, ulp)) = self.expected(expected) else { return QUIET_NAN };
        // Within the exponent range of the format: fits.
        let relative = (value.clone() >> ulp as i32) - significand;
        Target::F16.pattern(&relative, Target::F16.guess(relative.about()), true)
    }

    /// The value of a pattern in its own ulp, and the exponent of that; none for a NaN.
    fn expected(self, pattern: u64) -> Option<(Integer, i64)> {
        if self.read(pattern) == Read::Nan {
            return None;
        }
        let magnitude = pattern & (self.sign_bit() - 1);
        let (significand, ulp) = self.value(magnitude);
        let significand = Integer::from(significand);
        let negative = pattern & self.sign_bit() != 0;
        Some((if negative { -significand } else { significand }, ulp))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Radius;
    use super::super::encode::tests::{ball, beside};
    use super::*;

    #[test]
    fn residuals() {
        let f16 = |x: &Ball, expected| Target::F16.residual(x, expected);
        let one = ball(1, 0);
        assert_eq!(f16(&beside(&one, true), 0x3c00), Some(1));
        assert_eq!(f16(&beside(&one, false), 0x3c00), Some(0x8001));
        assert_eq!(f16(&Ball { radius: Radius::unit(-900), ..one.clone() }, 0x3c00), None);
        assert_eq!(f16(&ball(1, -25), 0), Some(0x3800));
        assert_eq!(f16(&ball(1, 0).scaled(-(1 << 40)), 0), Some(1));
        assert_eq!(f16(&ball(1, 0).scaled(-(1 << 40)), 1), Some(0xbc00));
        assert_eq!(f16(&-ball(1, 0).scaled(-(1 << 40)), 0x8000), Some(0x8001));
        // 2^16 + 2^6 for an expected infinity: one ulp, which is 2^6 there.
        assert_eq!(f16(&ball((1 << 10) + 1, 6), 0x7c00), Some(0x3c00));
        assert_eq!(f16(&ball(65520, 0), 0x7c00), Some(0xb400));
        assert_eq!(f16(&ball(1, 0).scaled(1 << 40), 0x7c00), Some(0x7c00));
        assert_eq!(f16(&-ball(1, 0).scaled(1 << 40), 0xfc00), Some(0xfc00));
        assert_eq!(f16(&one, 0x7e00), Some(0x7e00));
        let third = Rational::from((1, 3));
        let bits = Target::F32.encode_rational(&third);
        assert_eq!(bits, 0x3eaa_aaab);
        // ⅓ − (11184811 · 2^−25) is −⅓ ulp.
        assert_eq!(Target::F32.residual_rational(&third, bits), 0xb555);
        assert_eq!(Target::F32.residual(&Ball::rational(&third, 100), bits), Some(0xb555));
        assert_eq!(Target::F32.residual_rational(&Rational::new(), 0), 0);
    }
}
