//! From an exact value or a ball to the bits of a format, by comparison with the boundaries.
//!
//! The usual way to round is to cut a significand to its length and to look at what was cut. This
//! one never cuts. The patterns of one sign, read as integers, are ordered as their values; between
//! two neighbours lies a boundary, their exact midpoint, and the correct rounding of x is the
//! pattern whose two boundaries have x between them. So patterns are searched and boundaries
//! compared with x in exact arithmetic; leading bits serve as a first guess and nothing depends on
//! its being right. The pattern after the largest number takes part as if it were one more number of
//! the grid (infinity as 2^(e_max + 1), which is IEEE's overflow rule), and what rounds to it is an
//! overflow.

use super::Ball;
use super::point::{Dyadic, Point};
use rug::Rational;
use std::cmp::Ordering;

/// Which patterns stand for no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The highest exponent: infinity, and the NaNs above it.
    Infinity,
    /// The highest magnitude, a NaN of either sign.
    Nan,
    /// The pattern that would be −0; the exponents are one lower.
    NegativeZero,
}

/// A binary interchange format, by what decides everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Bits of the significand with the hidden one, 2 to 53.
    pub precision: u32,
    /// Bits of the biased exponent, 2 to 11.
    pub exponent_bits: u32,
    /// Which patterns stand for no number.
    pub ends: Ends,
    /// Whether what rounds beyond the largest number becomes the largest.
    pub saturates: bool,
}

impl Target {
    /// IEEE binary64.
    pub const F64: Target = Target::ieee(53, 11);
    /// IEEE binary32.
    pub const F32: Target = Target::ieee(24, 8);
    /// bfloat16.
    pub const BF16: Target = Target::ieee(8, 8);
    /// IEEE binary16.
    pub const F16: Target = Target::ieee(11, 5);
    /// Four bits of exponent, up to 448.
    pub const F8E4M3FN: Target = Target::eight(4, 4, Ends::Nan);
    /// Five bits of exponent, with infinities.
    pub const F8E5M2: Target = Target::eight(3, 5, Ends::Infinity);
    /// Four bits of exponent, up to 240, no −0.
    pub const F8E4M3FNUZ: Target = Target::eight(4, 4, Ends::NegativeZero);
    /// Five bits of exponent, no −0.
    pub const F8E5M2FNUZ: Target = Target::eight(3, 5, Ends::NegativeZero);

    const fn ieee(precision: u32, exponent_bits: u32) -> Target {
        Target { precision, exponent_bits, ends: Ends::Infinity, saturates: false }
    }

    const fn eight(precision: u32, exponent_bits: u32, ends: Ends) -> Target {
        Target { precision, exponent_bits, ends, saturates: true }
    }

    /// The number of patterns of finite numbers, 0 included: the pattern of +∞ where there is one.
    pub(super) fn infinity(self) -> u64 {
        match self.ends {
            Ends::Infinity => ((1 << self.exponent_bits) - 1) << (self.precision - 1),
            Ends::Nan => self.sign_bit() - 1,
            Ends::NegativeZero => self.sign_bit(),
        }
    }

    /// What an overflow becomes.
    pub(super) fn overflow(self, negative: bool) -> u64 {
        let signed = |magnitude| if negative { self.sign_bit() + magnitude } else { magnitude };
        match (self.saturates, self.ends) {
            (true, _) => signed(self.infinity() - 1),
            (false, Ends::Infinity) => signed(self.infinity()),
            (false, _) => self.quiet_nan(),
        }
    }

    /// A zero, with a sign where there are two.
    pub(super) fn zero(self, negative: bool) -> u64 {
        if negative && self.ends != Ends::NegativeZero { self.sign_bit() } else { 0 }
    }

    pub(super) fn sign_bit(self) -> u64 {
        1 << (self.precision + self.exponent_bits - 1)
    }

    fn e_min(self) -> i64 {
        let lower = i64::from(self.ends == Ends::NegativeZero);
        2 - (1 << (self.exponent_bits - 1)) - lower
    }

    /// The exponent of the smallest subnormal: e_min − p + 1.
    fn least(self) -> i64 {
        1 + self.e_min() - i64::from(self.precision)
    }

    /// The value of a positive pattern, as significand and exponent of its ulp: 2^exponent is
    /// ulp = 2^(max(e, e_min) − p + 1), of 0 too, and infinity is 2^(e_max + 1).
    pub(super) fn value(self, pattern: u64) -> (u64, i64) {
        let hidden = 1 << (self.precision - 1);
        match (pattern / hidden, pattern % hidden) {
            (0, fraction) => (fraction, self.least()),
            (biased, fraction) => (fraction + hidden, self.least() + biased as i64 - 1),
        }
    }

    /// The pattern at or near a leading window, as a guess.
    pub(super) fn guess(self, (window, shift): (u64, i64)) -> u64 {
        let exponent = shift + 63;
        let e_min = self.e_min();
        if window == 0 {
            0
        } else if exponent - e_min > 1 << self.exponent_bits {
            self.infinity()
        } else if exponent >= e_min {
            let biased = (exponent - e_min) as u64;
            (biased << (self.precision - 1)) + (window >> (u64::BITS - self.precision))
        } else {
            let cut = (self.least() - shift).min(64) as u32;
            window.checked_shr(cut).unwrap_or(0)
        }
    }

    /// The positive pattern nearest to |x|, ties to even, found from any guess.
    ///
    /// Boundary j is halfway from pattern j to pattern j + 1, j from 0 to infinity − 1. The number
    /// n of boundaries at or below |x| is the answer, unless |x| is on the last of them: then
    /// n − 1 and n are equally near, and one is even.
    fn nearest(self, x: &impl Point, guess: u64) -> u64 {
        let against = |j: u64| {
            let (significand, exponent) = self.value(j);
            x.compare(2 * significand + 1, exponent - 1)
        };
        let reached = |j: u64| against(j) != Ordering::Less;
        let last = self.infinity();
        // Around the guess if the answer is there, else everywhere.
        let guess = guess.min(last);
        let mut low = if guess > 0 && reached(guess - 1) { guess } else { 0 };
        let mut high = if guess + 1 < last && !reached(guess + 1) { guess + 1 } else { last };
        while low < high {
            let j = low + (high - low) / 2;
            if reached(j) {
                low = j + 1;
            } else {
                high = j;
            }
        }
        if low > 0 && low % 2 == 1 && against(low - 1) == Ordering::Equal { low - 1 } else { low }
    }

    /// The pattern of an exact value; `nonzero` keeps what is not 0 from becoming 0.
    pub(super) fn pattern(self, x: &impl Point, guess: u64, nonzero: bool) -> u64 {
        let negative = match x.sign() {
            Ordering::Equal => return 0,
            order => order == Ordering::Less,
        };
        match self.nearest(x, guess).max(u64::from(nonzero)) {
            0 => self.zero(negative),
            nearest if nearest == self.infinity() => self.overflow(negative),
            nearest => self.zero(negative) | nearest | if negative { self.sign_bit() } else { 0 },
        }
    }

    /// The pattern that all reals from `low` to `high` round to, none if there are several.
    ///
    /// Rounding is monotone, so the ends decide.
    pub(super) fn common(self, low: &Dyadic, high: Option<&Dyadic>, nonzero: bool) -> Option<u64> {
        let bits = self.pattern(low, self.guess(low.about()), nonzero);
        let guess = bits & !self.sign_bit();
        high.is_none_or(|high| self.pattern(high, guess, nonzero) == bits).then_some(bits)
    }

    /// Rounds the real in a ball: to nearest, ties to even, with gradual underflow (which keeps the
    /// sign) and overflow to ±∞. None if the ball holds reals that round differently, or is so wide
    /// that their sign is in doubt. An exact 0 is +0.
    ///
    /// A boundary at the very end of a ball does not hurt if the tie goes the way of the ball. A
    /// ball of radius 0 is always decided.
    pub fn encode(self, ball: &Ball) -> Option<u64> {
        let (low, high) = ends(ball)?;
        self.common(&low, high.as_ref(), false)
    }

    /// Rounds a rational, like [`Target::encode`].
    pub fn encode_rational(self, value: &Rational) -> u64 {
        self.pattern(value, self.guess(value.about()), false)
    }
}

/// The ends of a ball, the upper one only if it is another; none if the sign is in doubt.
pub(super) fn ends(ball: &Ball) -> Option<(Dyadic, Option<Dyadic>)> {
    let (low, high, exponent) = ball.ends()?;
    let high = (!ball.is_exact()).then_some(Dyadic { integer: high, exponent });
    Some((Dyadic { integer: low, exponent }, high))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Radius;
    use super::*;
    use rug::Integer;

    pub(in super::super) fn ball(significand: u64, exponent: i32) -> Ball {
        Ball::dyadic(false, significand, exponent, 200)
    }

    /// A value above or below an exact one, by 2^−900 of it.
    pub(in super::super) fn beside(exact: &Ball, above: bool) -> Ball {
        let part = exact.clone().with_bits(2000);
        let tiny = part.clone().scaled(-900);
        if above { part + tiny } else { part - tiny }
    }

    /// A finite positive pattern, and the boundary above it with both of its sides.
    fn check(target: Target, pattern: u64) {
        let (significand, exponent) = target.value(pattern);
        let value = ball(significand, exponent as i32);
        let boundary = ball(2 * significand + 1, exponent as i32 - 1);
        let cases = [
            (value.clone(), pattern),
            (boundary.clone(), pattern + (pattern & 1)),
            (beside(&boundary, false), pattern),
            (beside(&boundary, true), pattern + 1),
        ];
        for (x, expected) in cases {
            assert_eq!(target.encode(&x), Some(expected));
            let (rational, _) = x.interval();
            assert_eq!(target.encode_rational(&rational), expected);
            if !x.is_zero() {
                assert_eq!(target.encode(&-x), Some(expected | target.sign_bit()));
                let expected = expected | target.sign_bit();
                assert_eq!(target.encode_rational(&-rational), expected);
            }
        }
        let around = |x: &Ball| Ball { radius: Radius::unit(exponent - 100), ..x.clone() };
        assert_eq!(target.encode(&around(&boundary)), None);
        assert_eq!(target.encode(&around(&value)), (pattern > 0).then_some(pattern));
        // The residual of a value is 0, of the boundary ½, or −½ of the larger neighbour's ulp.
        assert_eq!(target.residual(&value, pattern), Some(0));
        assert_eq!(target.residual(&boundary, pattern), Some(0x3800));
        let next_ulp = target.value(pattern + 1).1;
        let half = if next_ulp == exponent { 0xb800 } else { 0xb400 };
        assert_eq!(target.residual(&boundary, pattern + 1), Some(half));
    }

    #[test]
    fn every_pattern_of_sixteen_bits() {
        for target in [Target::F16, Target::BF16] {
            (0..target.infinity()).for_each(|pattern| check(target, pattern));
        }
    }

    #[test]
    fn every_pattern_of_eight_bits() {
        for target in [Target::F8E4M3FN, Target::F8E5M2, Target::F8E4M3FNUZ, Target::F8E5M2FNUZ] {
            for pattern in 0..target.infinity() {
                let (significand, exponent) = target.value(pattern);
                let boundary = ball(2 * significand + 1, exponent as i32 - 1);
                let above = (pattern + 1).min(target.infinity() - 1);
                let even = if pattern % 2 == 1 { above } else { pattern };
                let cases = [
                    (ball(significand, exponent as i32), pattern),
                    (boundary.clone(), even),
                    (beside(&boundary, false), pattern),
                    (beside(&boundary, true), above),
                ];
                for (x, expected) in cases {
                    let negative = if expected == 0 {
                        target.zero(!x.is_zero())
                    } else {
                        target.sign_bit() | expected
                    };
                    assert_eq!(target.encode(&x), Some(expected));
                    assert_eq!(target.encode(&-x), Some(negative));
                }
            }
            let ieee = Target { saturates: false, ..target };
            let (significand, exponent) = ieee.value(ieee.infinity() - 1);
            let last = ball(2 * significand + 1, exponent as i32 - 1);
            assert_eq!(ieee.encode(&beside(&last, true)), Some(ieee.overflow(false)));
        }
    }

    #[test]
    fn patterns_of_the_longer_formats() {
        for target in [Target::F32, Target::F64] {
            let last = target.infinity();
            let hidden = 1 << (target.precision - 1);
            for edge in [0, hidden, 2 * hidden, last / 2, last - hidden, last] {
                for pattern in edge.saturating_sub(5)..(edge + 5).min(last) {
                    check(target, pattern);
                }
            }
            (0..4000)
                .for_each(|k: u64| check(target, k.wrapping_mul(0x9e37_79b9_7f4a_7c15) % last));
        }
    }

    #[test]
    fn ordinary_conversions_of_f64_agree() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            // Exponents around and beyond the range of f32.
            let exponent = 700 + (state >> 8 & 0xff) + (state >> 16 & 0xff);
            let bits = state >> 12 | exponent << 52;
            let value = f64::from_bits(bits);
            let (significand, exponent) = Target::F64.value(bits);
            let x = ball(significand, exponent as i32);
            assert_eq!(Target::F64.encode(&x), Some(bits));
            assert_eq!(Target::F32.encode(&x), Some(u64::from((value as f32).to_bits())));
        }
    }

    #[test]
    fn overflow_and_underflow() {
        let f16 = |x: Ball| Target::F16.encode(&x);
        assert_eq!(f16(ball(65519, 0)), Some(0x7bff));
        assert_eq!(f16(beside(&ball(65520, 0), false)), Some(0x7bff));
        assert_eq!(f16(ball(65520, 0)), Some(0x7c00));
        assert_eq!(f16(-ball(65520, 0)), Some(0xfc00));
        assert_eq!(f16(ball(1, 1_000_000)), Some(0x7c00));
        assert_eq!(f16(ball(1, 0).scaled(-(1 << 50))), Some(0));
        assert_eq!(f16(-ball(1, -26)), Some(0x8000));
        assert_eq!(f16(ball(1, -25)), Some(0));
        assert_eq!(f16(ball(3, -25)), Some(2));
        // 2.5 smallest subnormals and 2^−60 more: through 11 bits first it would be 2.
        assert_eq!(f16(ball((5 << 59) + 1, -84)), Some(3));
        assert_eq!(Target::F64.encode(&beside(&ball(1, -1075), true)), Some(1));
        assert_eq!(Target::F64.encode(&ball(1, -1075)), Some(0));
        assert_eq!(Target::F64.encode(&(ball(1, 1024) - ball(1, 970))), Some(0x7ff << 52));
        assert_eq!(
            Target::F64.encode(&beside(&(ball(1, 1024) - ball(1, 970)), false)),
            Some((0x7ff << 52) - 1)
        );
    }

    #[test]
    fn boundaries_at_the_end_of_a_ball() {
        // [1 + 2^−11, 1 + 3 · 2^−12] in f16: the tie at its lower end goes down to 1, the rest up.
        let x = Ball { radius: Radius::unit(-13), ..ball(8192 + 5, -13) };
        assert_eq!(Target::F16.encode(&x), None);
        // One ulp higher the tie goes up too.
        let x = Ball { radius: Radius::unit(-13), ..ball(8192 + 13, -13) };
        assert_eq!(Target::F16.encode(&x), Some(0x3c02));
    }

    #[test]
    fn the_guess_does_not_matter() {
        for pattern in (0..0x7c00).step_by(7) {
            let (significand, exponent) = Target::F16.value(pattern);
            let x = Dyadic { integer: Integer::from(4 * significand + 1), exponent: exponent - 2 };
            for guess in [0, 1, pattern, pattern + 1, 0x3c00, 0x7bff, 0x7c00, u64::MAX] {
                assert_eq!(Target::F16.nearest(&x, guess), pattern);
            }
        }
    }
}
