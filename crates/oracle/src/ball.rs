//! Reals enclosed by an integer midpoint, a power of two and a radius.

use super::Radius;
use rug::{Complete, Integer, Rational};
use std::cmp::Ordering;

/// No precision is larger; the error counts of the series are small integers up to there.
const LARGEST_PRECISION: u32 = 1 << 20;

/// A real in [m · 2^e − r, m · 2^e + r]: midpoint m · 2^e with an integer m of at most `bits` bits,
/// radius r.
///
/// The exponent floats, so relative precision does not depend on the magnitude: products of the
/// smallest subnormals of binary64 keep as many digits as anything else. An operation works at the
/// larger `bits` of its operands. A midpoint that fits is kept exactly; otherwise its low bits are
/// cut off and one unit of the last place kept is added to the radius. Hence a ball of radius 0
/// *is* its midpoint, and sums and products of short dyadics stay exact.
///
/// Exponents are `i64` and unchecked: the only source of large ones is [`super::Elementary::exp`],
/// which stays below 2^57, and [`Ball::powi`], which checks.
#[derive(Clone, Debug)]
pub struct Ball {
    pub(super) mid: Integer,
    pub(super) exponent: i64,
    pub(super) radius: Radius,
    pub(super) bits: u32,
}

impl Ball {
    /// The ball of midpoint `mid` · 2^`exponent`, cut to `bits` bits (1 to 2^20).
    ///
    /// Cutting moves the midpoint by less than a unit of the last place kept, and by nothing if
    /// only zeros are cut.
    pub fn new(mut mid: Integer, mut exponent: i64, mut radius: Radius, bits: u32) -> Ball {
        let bits = bits.clamp(1, LARGEST_PRECISION);
        let length = mid.significant_bits();
        if length > bits {
            let cut = length - bits;
            let exact = mid.find_one(0).is_some_and(|zeros| zeros >= cut);
            mid >>= cut;
            exponent += i64::from(cut);
            if !exact {
                radius = radius.plus(Radius::unit(exponent));
            }
        }
        Ball { mid, exponent, radius, bits }
    }

    /// Exactly 0.
    pub fn zero(bits: u32) -> Ball {
        Ball::new(Integer::new(), 0, Radius::ZERO, bits)
    }

    /// ±`significand` · 2^`exponent`; exact if `bits` ≥ 64 or the significand is short enough.
    pub fn dyadic(negative: bool, significand: u64, exponent: i32, bits: u32) -> Ball {
        let magnitude = Integer::from(significand);
        let mid = if negative { -magnitude } else { magnitude };
        Ball::new(mid, i64::from(exponent), Radius::ZERO, bits)
    }

    /// An integer, exact if it fits.
    pub fn integer(value: impl Into<Integer>, bits: u32) -> Ball {
        Ball::new(value.into(), 0, Radius::ZERO, bits)
    }

    /// A rational: exact if it is dyadic and fits, else within one unit of the last place.
    pub fn rational(value: &Rational, bits: u32) -> Ball {
        let numerator = Ball::integer(value.numer(), bits.max(value.numer().significant_bits()));
        if value.denom().is_power_of_two() {
            return numerator
                .scaled(1 - i64::from(value.denom().significant_bits()))
                .with_bits(bits);
        }
        divided(value.numer(), value.denom(), bits)
    }

    /// The working precision: the most bits that a midpoint keeps.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The same real at another working precision. More bits change nothing until the next
    /// operation; fewer cut the midpoint.
    pub fn with_bits(self, bits: u32) -> Ball {
        Ball::new(self.mid, self.exponent, self.radius, bits)
    }

    /// The bound on the distance between midpoint and real.
    pub fn radius(&self) -> Radius {
        self.radius
    }

    /// Whether the radius is 0.
    pub fn is_exact(&self) -> bool {
        self.radius.is_zero()
    }

    /// Whether this is exactly 0.
    pub fn is_zero(&self) -> bool {
        self.mid.is_zero() && self.is_exact()
    }

    /// t with 2^(t − 1) ≤ |midpoint| < 2^t; very small for a midpoint of 0.
    pub(super) fn top(&self) -> i64 {
        if self.mid.is_zero() {
            return i64::MIN / 4;
        }
        self.exponent + i64::from(self.mid.significant_bits())
    }

    /// The sign of the real: `Equal` for an exact 0, none if the ball is too wide to tell.
    ///
    /// Known means here: by at least twice the radius, on which the error bounds of quotients,
    /// roots and logarithms rely. That is no loss, since a refusal only asks for more precision.
    pub fn sign(&self) -> Option<Ordering> {
        (self.is_exact() || self.radius.top() < self.top() - 1).then(|| self.mid.cmp0())
    }

    /// How the reals compare, none if that is not known. Equal only if both are exact.
    pub fn compare(&self, other: &Ball) -> Option<Ordering> {
        (self - other).sign()
    }

    /// ⌊real⌋, none if the ball does not decide it or the real is not below 2^4096 in size.
    pub fn floor(&self) -> Option<Integer> {
        if self.top() > 4096 {
            return None;
        }
        let (low, high, exponent) = self.ends()?;
        let floor = |end: Integer| match u32::try_from(exponent) {
            Ok(up) => end << up,
            Err(_) => shifted_down(end, exponent.unsigned_abs()).0,
        };
        let (low, high) = (floor(low), floor(high));
        (low == high).then_some(low)
    }

    /// Both ends in a common unit: (low, high, e), the real in [low · 2^e, high · 2^e]. None if
    /// the sign is not known.
    ///
    /// The radius is rounded up to a multiple of 2^e, which is at most 2⁻⁷ of itself or 2⁻⁶⁴ units
    /// of the last place of the midpoint. So the integers stay short whatever the exponents are.
    pub(super) fn ends(&self) -> Option<(Integer, Integer, i64)> {
        if self.is_exact() {
            return Some((self.mid.clone(), self.mid.clone(), self.exponent));
        }
        self.sign()?;
        let finest = self.top() - i64::from(self.bits) - 64;
        let exponent = (self.radius.top() - 8).max(finest).min(self.exponent);
        let mid = Integer::from(&self.mid << (self.exponent - exponent) as usize);
        let radius = self.radius.in_units(exponent);
        Some(((&mid - &radius).complete(), mid + radius, exponent))
    }

    /// The product with 2^`k`, exactly.
    pub fn scaled(self, k: i64) -> Ball {
        Ball { exponent: self.exponent + k, radius: self.radius.scaled(k), ..self }
    }
}

/// ⌊x / 2^shift⌋, and whether that is exact.
pub(super) fn shifted_down(x: Integer, shift: u64) -> (Integer, bool) {
    // No more than one bit beyond the leading one: the floor is 0 or −1 from there on.
    let shift = shift.min(u64::from(x.significant_bits()) + 1) as u32;
    let exact = x.find_one(0).is_none_or(|zeros| zeros >= shift);
    (x >> shift, exact)
}

/// a / b to `bits` bits, b ≠ 0: the truncated quotient of a suitably scaled a, with an error below
/// one unit, none if the division leaves no remainder.
pub(super) fn divided(a: &Integer, b: &Integer, bits: u32) -> Ball {
    let (long, short) = (u64::from(bits) + u64::from(b.significant_bits()), a.significant_bits());
    let shift = long.saturating_sub(u64::from(short)) + 1;
    let (quotient, rest) = (a << shift as usize).complete().div_rem(b.clone());
    let exponent = -(shift as i64);
    let radius = if rest.is_zero() { Radius::ZERO } else { Radius::unit(exponent) };
    Ball::new(quotient, exponent, radius, bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Ball {
        /// Both ends, exactly.
        pub(in super::super) fn interval(&self) -> (Rational, Rational) {
            let k = i32::try_from(self.exponent).unwrap();
            let (mid, radius) = (Rational::from(&self.mid) << k, self.radius.exact());
            (mid.clone() - &radius, mid + radius)
        }

        /// Whether the ball holds the rational and has a radius of at most 2^`width` midpoints.
        pub(in super::super) fn holds(&self, truth: &Rational, width: i64) -> bool {
            let (low, high) = self.interval();
            low <= *truth
                && *truth <= high
                && (self.is_exact() || self.radius.top() <= self.top() + width)
        }
    }

    fn dyadic(significand: u64, exponent: i32) -> Ball {
        Ball::dyadic(false, significand, exponent, 160)
    }

    #[test]
    fn floors() {
        let third = Ball::rational(&Rational::from((-10, 3)), 100);
        assert_eq!(third.floor(), Some(Integer::from(-4)));
        assert_eq!((third * dyadic(3, 0)).floor(), None);
        let wide = |r| Ball { radius: Radius::unit(r), ..dyadic((5 << 60) + (1 << 59), -60) };
        assert_eq!(wide(-2).floor(), Some(Integer::from(5)));
        assert_eq!(wide(0).floor(), None);
        assert_eq!(dyadic(7, -1).floor(), Some(Integer::from(3)));
        assert_eq!(Ball::zero(64).floor(), Some(Integer::new()));
        assert_eq!(dyadic(1, -5000).floor(), Some(Integer::new()));
        assert_eq!((-dyadic(1, -5000)).floor(), Some(Integer::from(-1)));
    }
}
