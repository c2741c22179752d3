//! exp, ln and real powers of balls, by series in fixed-point integers.

use super::constants::{log_two, whole_steps};
use super::{Ball, Radius, Series};
use rug::{Complete, Integer, Rational};
use std::cmp::Ordering;

/// Bits worked with beyond those of the result. They decide how sharp a result is, not whether it
/// is right, for the errors are counted. Each halving multiplies them by 3, so with h halvings and
/// N terms they are log₂((2N + 4) · 3^h) bits; 2h are added to these.
pub(super) const GUARD: u32 = 8;

/// Arguments of exp beyond 2^this are refused: the exponent of the power has to be an `i64`, with
/// room for the products it enters.
const LARGEST_POWER: i64 = 56;

/// How often an argument is halved: about √bits / 2, where the series and the doublings take equal
/// time, at least 2 (the series want arguments below ¼) and at most 24 (so that the error counts,
/// at most (2N + 4) · 3^24, are far from the end of `u64`).
pub(super) fn halvings(bits: u32) -> u32 {
    (2 + bits.isqrt() / 3).min(24)
}

/// The elementary functions, by the series they sum.
///
/// [`Elementary::TRUE`] is the right one; a test builds another to see that a wrong coefficient
/// does not go unnoticed. Each result holds the true value for every real of the argument's ball,
/// at the argument's working precision. The constants π and ln 2 are not taken from here.
///
/// The method is that of Brent, *Fast multiple-precision evaluation of elementary functions*
/// (1976): reduction by a constant, halving, Taylor series, doubling.
#[derive(Clone, Copy, Debug)]
pub struct Elementary {
    /// sin t near 0.
    pub sine: Series,
    /// 1 − cos t near 0.
    pub versine: Series,
    /// e^t − 1 near 0.
    pub exponential: Series,
    /// artanh t near 0.
    pub artanh: Series,
}

impl Default for Elementary {
    fn default() -> Elementary {
        Elementary::TRUE
    }
}

/// |argument| after reduction and halving, in fixed point.
pub(super) struct Reduced {
    /// t / 2^halvings in units of 2^−fraction, for the t in the caller's formula.
    pub(super) argument: Integer,
    pub(super) fraction: u32,
    pub(super) halvings: u32,
}

impl Reduced {
    /// From t ≥ 0 in units of 2^−`fraction`, t < 1: halves at most `halvings` times, but no
    /// further than 2^−`halvings`, which a small t is below already.
    ///
    /// Halving changes the unit, not the integer, so it is exact; the fraction of the result is
    /// always `fraction + halvings`.
    pub(super) fn halve(t: Integer, fraction: u32, halvings: u32) -> Reduced {
        let zeros = fraction.saturating_sub(t.significant_bits());
        let spared = zeros.min(halvings);
        Reduced {
            argument: t << spared,
            fraction: fraction + halvings,
            halvings: halvings - spared,
        }
    }
}

/// The midpoint in units of 2^−`fraction`, rounded down by less than one.
pub(super) fn fixed(x: &Ball, fraction: u32) -> Integer {
    if x.mid.is_zero() {
        return Integer::new();
    }
    let shift = x.exponent + i64::from(fraction);
    if shift >= 0 {
        Integer::from(&x.mid << shift as usize)
    } else {
        super::ball::shifted_down(x.mid.clone(), shift.unsigned_abs()).0
    }
}

impl Elementary {
    /// The right series.
    pub const TRUE: Elementary = Elementary {
        sine: Series::SINE,
        versine: Series::VERSINE,
        exponential: Series::EXPONENTIAL,
        artanh: Series::ARTANH,
    };

    /// e^x, with a relative radius of about 2^−bits plus the radius of x. None if |x| is not below
    /// 2^56 or the radius of x not below ½.
    ///
    /// x = n ln 2 + t with t in [0, ln 2). Doubling: e^2t − 1 = v(2 + v) for v = e^t − 1. If
    /// v < 0.42 errs by e units of size u, then v(2 + v) errs by less than 2e + 2ve + e²u plus one:
    /// less than 3e + 2.
    pub fn exp(&self, x: &Ball) -> Option<Ball> {
        let bits = x.bits;
        let top = x.top().max(0);
        if top > LARGEST_POWER || x.radius.top() > -1 {
            return None;
        }
        let h = halvings(bits);
        let fraction = whole_steps(bits + GUARD + 2 * h) - h;
        // |n| < 3/2 · 2^top + 1: two units of ln 2 for each and the one of x make less than half a
        // unit of t, and cutting makes one.
        let wide = whole_steps(fraction + top as u32 + 4);
        let (n, t): (Integer, Integer) =
            fixed(x, wide).div_rem_floor_ref(log_two(wide).as_ref()).complete();
        let reduced = Reduced::halve(t >> (wide - fraction), fraction, h);
        let Reduced { argument, fraction, halvings } = reduced;

        let y = argument.clone();
        let (mut v, mut error) = self.exponential.sum(argument, &y, fraction);
        for _ in 0..halvings {
            let square = v.square_ref().complete() >> fraction;
            v <<= 1;
            v += square;
            error = 3 * error + 2;
        }
        // t errs by at most 2 units before halving, and (e^t)' < 2 + 2^−10.
        error += 5 << h;
        let exponent = n.to_i64()? - i64::from(fraction);
        let mid = v + (Integer::from(1) << fraction);
        let mut radius = Radius::new(error, exponent);
        if !x.is_exact() {
            // e^r − 1 < 2r for r < ½.
            let size = Radius::above(&mid, exponent).plus(radius);
            radius = radius.plus(size.times(x.radius).scaled(1));
        } else if x.mid.is_zero() {
            radius = Radius::ZERO;
        }
        Some(Ball::new(mid, exponent, radius, bits))
    }

    /// ln x, with a radius of about 2^−bits of the value plus the relative radius of x, also near
    /// x = 1. None unless x is known to be positive, by twice its radius.
    ///
    /// x = m · 2^s with m in [¾, 3/2); ln m = 2 artanh z, z = (m − 1)/(m + 1), |z| ≤ 1/5.
    pub fn ln(&self, x: &Ball) -> Option<Ball> {
        if x.sign()? != Ordering::Greater {
            return None;
        }
        let bits = x.bits;
        let length = x.mid.significant_bits();
        // m = mid / 2^point: the second bit tells the lower half of the binade from the upper.
        let upper = length > 1 && x.mid.get_bit(length - 2);
        let point = if upper { length } else { length - 1 };
        let s = x.exponent + i64::from(point);
        let one = Integer::from(1) << point;
        let difference = (&x.mid - &one).complete();
        let negative = difference.is_negative();

        // Near 1 the value is small, and relative precision needs that many more bits.
        let small = if s == 0 { point.saturating_sub(difference.significant_bits()) } else { 0 };
        // The error count is about half the bits: hence their length as a further guard.
        let fraction = whole_steps(bits + small + GUARD + (u32::BITS - bits.leading_zeros()));
        let z = (difference.abs() << fraction) / (&x.mid + one);
        let y = z.square_ref().complete() >> fraction;
        let (artanh, error) = self.artanh.sum(z, &y, fraction);
        // z is short by less than one unit, and artanh' ≤ 25/24 there.
        let mut error = 2 * (error + 2);
        let mut mid: Integer = if negative { -artanh } else { artanh };
        mid <<= 1;
        if s != 0 {
            mid += Integer::from(s) * log_two(fraction).as_ref();
            // Less than a unit of the last place kept, for the value is as much longer.
            error += 2 * s.unsigned_abs();
        }
        let mut radius = Radius::ZERO;
        if !mid.is_zero() {
            radius = Radius::new(error, -i64::from(fraction));
        }
        if !x.is_exact() {
            // |ln(x ± r) − ln x| ≤ r / (x − r) ≤ 2r / x.
            radius = radius.plus(x.radius.over(&x.mid, x.exponent).scaled(1));
        }
        Some(Ball::new(mid, -i64::from(fraction), radius, bits))
    }

    /// `base`^`exponent` = e^(exponent · ln base), with a relative radius of about 2^−bits if the
    /// base is exact. None unless the base is known to be positive and the power lies within
    /// e^±2^56.
    ///
    /// The logarithm is taken with as many more bits as the exponent of e has before the point. The
    /// base may be a ball; powers 0 and powers of 1 are exact, no others are recognised as such.
    pub fn power(&self, base: &Ball, exponent: &Rational) -> Option<Ball> {
        let bits = base.bits;
        // |ln base| < |top| + 1, so this bounds the digits of the product before the point.
        let factor = i64::from(exponent.numer().significant_bits())
            - i64::from(exponent.denom().significant_bits())
            + 1;
        let log_size = 64 - i64::from((base.top().unsigned_abs() + 1).leading_zeros());
        let digits = (factor + log_size).max(0);
        // The bound may exceed the truth near base 1, where the product is checked by `exp`.
        let more = u32::try_from(digits.min(LARGEST_POWER + 64)).ok()? + 6;
        let log = self.ln(&base.clone().with_bits(bits + more))?;
        let divisor = Ball::integer(exponent.denom(), exponent.denom().significant_bits());
        let product = log.times(exponent.numer()).checked_div(&divisor)?;
        Some(self.exp(&product)?.with_bits(bits))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rug::ops::Pow;

    /// The rational of a decimal fraction, and one unit of its last place.
    fn decimal(digits: &str) -> (Rational, Rational) {
        let places = digits.find('.').map_or(0, |point| digits.len() - point - 1) as u32;
        let scale = Integer::from(10).pow(places);
        let whole: Integer = digits.replace('.', "").parse().unwrap();
        (Rational::from((whole, scale.clone())), Rational::from((1, scale)))
    }

    pub(in super::super) fn assert_is(ball: &Ball, digits: &str) {
        let (low, high) = ball.interval();
        let (value, unit) = decimal(digits);
        assert!(low <= Rational::from(&value + &unit) && value - unit <= high, "{digits}");
        assert!(ball.radius().top() <= ball.top() + 3 - i64::from(ball.bits()), "{digits}");
    }

    #[test]
    fn known_digits() {
        let f = Elementary::TRUE;
        for bits in [64, 100, 160, 192, 193, 1000] {
            assert_is(
                &f.exp(&Ball::integer(1, bits)).unwrap(),
                "2.71828182845904523536028747135266249775724709369995957496697",
            );
            assert_is(
                &f.ln(&Ball::integer(10, bits)).unwrap(),
                "2.30258509299404568401799145468436420760110148862877297603333",
            );
            assert_is(
                &f.power(&Ball::integer(10_000, bits), &Rational::from((-2, 128))).unwrap(),
                "0.865964323360065352353169183420229981939812606639589255115771",
            );
        }
    }

    #[test]
    fn exact_cases_and_refusals() {
        let f = Elementary::default();
        let (zero, one) = (Ball::zero(100), Ball::integer(1, 100));
        let is_one = |ball: Ball| (ball - &one).is_zero();
        assert!(is_one(f.exp(&zero).unwrap()));
        assert!(f.ln(&one).unwrap().is_zero());
        assert!(is_one(f.power(&one, &Rational::from((7, 3))).unwrap()));
        assert!(is_one(f.power(&Ball::integer(1536, 100), &Rational::new()).unwrap()));
        assert!(f.ln(&zero).is_none() && f.ln(&Ball::integer(-1, 100)).is_none());
        assert!(f.exp(&one.clone().scaled(57)).is_none());
        assert!(f.exp(&(one.clone().scaled(55) + one.clone())).is_some());
        assert!(f.power(&Ball::integer(2, 100), &Rational::from(1u64 << 60)).is_none());
    }

    #[test]
    fn a_wrong_coefficient_shows() {
        fn wrong_ratio(k: u64) -> u64 {
            (k + 1) + u64::from(k == 7)
        }
        fn wrong_divisor(k: u64) -> u64 {
            2 * k + 1 + u64::from(k == 7)
        }
        let exponential = Series { ratio: wrong_ratio, ..Series::EXPONENTIAL };
        let artanh = Series { divisor: wrong_divisor, ..Series::ARTANH };
        let mutant = Elementary { exponential, artanh, ..Elementary::TRUE };
        let x = Ball::dyadic(false, 5, -2, 128);
        let (right, wrong) = (Elementary::TRUE.exp(&x).unwrap(), mutant.exp(&x).unwrap());
        assert!(right.compare(&wrong).is_some());
        let (right, wrong) = (Elementary::TRUE.ln(&x).unwrap(), mutant.ln(&x).unwrap());
        assert!(right.compare(&wrong).is_some());
    }
}
