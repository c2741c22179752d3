//! Quotients, roots and integer powers of balls.

use super::ball::divided;
use super::{Ball, Radius};
use rug::Integer;
use std::cmp::Ordering;

/// Exponents beyond this would threaten the range of `i64` in what follows.
const LARGEST_EXPONENT: u64 = 1 << 60;

/// Roots of a higher index are left to exp and ln: the radicand has index × precision bits.
const LARGEST_INDEX: u32 = 64;

impl Ball {
    /// The quotient; none if the divisor is not known to differ from 0 by twice its radius.
    ///
    /// (a ± r) / (b ± s) is within (r + |a/b| s) / (|b| − s) of a/b, and |b| − s ≥ |b|/2 here.
    pub fn checked_div(&self, divisor: &Ball) -> Option<Ball> {
        if divisor.sign()? == Ordering::Equal {
            return None;
        }
        let bits = self.bits.max(divisor.bits);
        let quotient = divided(&self.mid, &divisor.mid, bits);
        let mut radius = self.radius.over(&divisor.mid, divisor.exponent);
        if !divisor.is_exact() {
            let unscaled = Radius::above(&quotient.mid, quotient.exponent).plus(quotient.radius);
            let size = unscaled.scaled(self.exponent - divisor.exponent);
            let relative = divisor.radius.over(&divisor.mid, divisor.exponent);
            radius = radius.plus(size.times(relative)).scaled(1);
        }
        let quotient = quotient.scaled(self.exponent - divisor.exponent);
        Some(Ball { radius: quotient.radius.plus(radius), ..quotient })
    }

    /// The square root; none unless the real is 0 or known to be positive.
    pub fn sqrt(&self) -> Option<Ball> {
        self.root(2)
    }

    /// The root of index 1 to 64; none for other indices, or unless the real is 0 or known to be
    /// positive.
    ///
    /// The integer root of the scaled midpoint errs by less than one unit, and not at all if the
    /// root is whole. For 0 ≤ r ≤ x, |(x ± r)^(1/n) − x^(1/n)| ≤ (r/x) · x^(1/n): by concavity
    /// (1 − t)^(1/n) ≥ 1 − t, and (1 + t)^(1/n) ≤ 1 + t.
    pub fn root(&self, index: u32) -> Option<Ball> {
        if !(1..=LARGEST_INDEX).contains(&index) {
            return None;
        }
        match self.sign()? {
            Ordering::Less => return None,
            Ordering::Equal => return Some(self.clone()),
            Ordering::Greater => {}
        }
        // One bit more than is kept, and an exponent that the index divides.
        let wanted = index * (self.bits + 1);
        let lift = i64::from(wanted.saturating_sub(self.mid.significant_bits()));
        let lift = lift + (self.exponent - lift).rem_euclid(i64::from(index));
        let exponent = (self.exponent - lift) / i64::from(index);
        let radicand = Integer::from(&self.mid << lift as usize);
        let (root, rest) = match index {
            2 => radicand.sqrt_rem(Integer::new()),
            _ => radicand.root_rem(Integer::new(), index),
        };
        let cut = if rest.is_zero() { Radius::ZERO } else { Radius::unit(exponent) };
        let mut radius = cut;
        if !self.is_exact() {
            let size = Radius::above(&root, exponent).plus(cut);
            radius = radius.plus(size.times(self.radius.over(&self.mid, self.exponent)));
        }
        Some(Ball::new(root, exponent, radius, self.bits))
    }

    /// The power with an integer exponent, by repeated squaring; none if the exponent is negative
    /// and the base is not known to differ from 0, or if the power is beyond 2^±(2^60) in size.
    ///
    /// Each product accounts for its own error, so the relative radius grows in proportion to
    /// |`exponent`|.
    pub fn powi(&self, exponent: i64) -> Option<Ball> {
        let one = Ball::dyadic(false, 1, 0, self.bits);
        let mut square = if exponent < 0 { one.checked_div(self)? } else { self.clone() };
        let mut power = one;
        let mut rest = exponent.unsigned_abs();
        loop {
            if rest & 1 == 1 {
                power = &power * &square;
            }
            rest >>= 1;
            if rest == 0 {
                return Some(power);
            }
            square = &square * &square;
            let vast = |size: i64| size.unsigned_abs() > LARGEST_EXPONENT;
            if !square.mid.is_zero() && vast(square.top())
                || !square.is_exact() && vast(square.radius.top())
            {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rug::{Rational, ops::Pow};

    #[test]
    fn quotients_and_powers_hold_the_rational() {
        for (a, b) in [(1, 3), (-7, 11), (22, 7), (1, 1024), (i64::MAX, 3)] {
            let truth = Rational::from((a, b));
            let third = Ball::rational(&truth, 128);
            assert!(third.holds(&truth, -127), "{third:?}");
            let inverse = Ball::dyadic(false, 1, 0, 128).checked_div(&third).unwrap();
            assert!(inverse.holds(&truth.clone().recip(), -124), "{inverse:?}");
            for n in [0, 1, 2, 13, -5] {
                assert!(third.powi(n).unwrap().holds(&truth.clone().pow(n as i32), -118));
            }
        }
        assert!(Ball::zero(64).powi(-1).is_none());
        assert!(Ball::dyadic(false, 2, 1000, 64).powi(i64::MAX).is_none());
        assert!(Ball::dyadic(false, 1, 0, 64).powi(i64::MIN).unwrap().is_exact());
        assert!(Ball::dyadic(false, 1, 0, 64).checked_div(&Ball::zero(64)).is_none());
    }

    #[test]
    fn wide_quotients_hold_the_rational() {
        for (a, b) in [(5, 7), (-1000, 3), (3, -1000)] {
            for (r, s) in [(-4, -2), (-60, -1), (-1, -60), (-3, -3)] {
                let ball = |mid: i64, r| Ball { radius: Radius::unit(r), ..Ball::integer(mid, 80) };
                let (dividend, divisor) = (ball(a, r), ball(b, s));
                let Some(quotient) = dividend.checked_div(&divisor) else { continue };
                let (from, to) = dividend.interval();
                let (low, high) = divisor.interval();
                for truth in [&from / low.clone(), to.clone() / &low, from / &high, to / high] {
                    assert!(quotient.holds(&truth, i64::MAX / 2));
                }
            }
        }
        for (mid, r) in [(0, -300), (3, 1), (3, 2), (-1, 900)] {
            let divisor = Ball { radius: Radius::unit(r), ..Ball::integer(mid, 80) };
            assert!(Ball::integer(1, 80).checked_div(&divisor).is_none());
        }
    }

    #[test]
    fn roots() {
        let root = Ball::dyadic(false, 9, -4, 128).sqrt().unwrap();
        assert!(root.is_exact() && root.holds(&Rational::from((3, 4)), 0));
        let root = Ball::dyadic(false, 1, -1074, 128).root(3).unwrap();
        assert!(root.is_exact() && root.top() == -357);
        for index in [1, 2, 3, 5, 64] {
            let x = Ball::rational(&Rational::from((2, 7)), 160);
            let back = x.root(index).unwrap().powi(i64::from(index)).unwrap();
            assert!(back.holds(&Rational::from((2, 7)), -148), "{index}");
        }
        assert!(Ball::dyadic(true, 1, 0, 64).sqrt().is_none());
        assert!(Ball::zero(64).sqrt().unwrap().is_zero());
        assert!(Ball::dyadic(false, 1, 0, 64).root(0).is_none());
    }
}
