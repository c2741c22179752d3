//! Negation, sums and products of balls.

use super::ball::shifted_down;
use super::{Ball, Radius};
use rug::{Complete, Integer};
use std::ops::{Add, Mul, Neg, Sub};

impl Ball {
    /// The product with an integer, of any length: the factor itself is not cut.
    pub fn times(&self, factor: &Integer) -> Ball {
        let radius = self.radius.times(Radius::above(factor, 0));
        Ball::new((&self.mid * factor).complete(), self.exponent, radius, self.bits)
    }

    /// a ± b. Midpoints are aligned at the finer unit, but no finer than two bits below what the
    /// result can hold, where either may lose less than one unit.
    fn sum(&self, other: &Ball, subtract: bool) -> Ball {
        let bits = self.bits.max(other.bits);
        let mut radius = self.radius.plus(other.radius);
        let sign = |mid: Integer| if subtract { -mid } else { mid };
        if self.mid.is_zero() {
            return Ball::new(sign(other.mid.clone()), other.exponent, radius, bits);
        }
        if other.mid.is_zero() {
            return Ball::new(self.mid.clone(), self.exponent, radius, bits);
        }
        let finest = self.top().max(other.top()) - i64::from(bits) - 2;
        let exponent = self.exponent.min(other.exponent).max(finest);
        let mut mid = aligned(self, exponent, &mut radius);
        let term = aligned(other, exponent, &mut radius);
        if subtract {
            mid -= term;
        } else {
            mid += term;
        }
        Ball::new(mid, exponent, radius, bits)
    }

    /// (a ± r)(b ± s) is within |a|s + |b|r + rs of ab.
    fn product(&self, other: &Ball) -> Ball {
        let mut radius = Radius::ZERO;
        if !other.is_exact() {
            radius = Radius::above(&self.mid, self.exponent).times(other.radius);
        }
        if !self.is_exact() {
            let size = Radius::above(&other.mid, other.exponent).plus(other.radius);
            radius = radius.plus(size.times(self.radius));
        }
        let mid = (&self.mid * &other.mid).complete();
        Ball::new(mid, self.exponent + other.exponent, radius, self.bits.max(other.bits))
    }
}

/// The midpoint in units of 2^`exponent`, which is at most two bits below the result's last; what
/// is cut is less than one unit and goes to `radius`.
fn aligned(ball: &Ball, exponent: i64, radius: &mut Radius) -> Integer {
    let shift = ball.exponent - exponent;
    if shift >= 0 {
        return Integer::from(&ball.mid << shift as usize);
    }
    let (mid, exact) = shifted_down(ball.mid.clone(), shift.unsigned_abs());
    if !exact {
        *radius = radius.plus(Radius::unit(exponent));
    }
    mid
}

impl Neg for Ball {
    type Output = Ball;
    fn neg(self) -> Ball {
        Ball { mid: -self.mid, ..self }
    }
}

/// The four combinations of value and reference, all through the one method on references.
macro_rules! operator {
    ($trait:ident, $method:ident, |$a:ident, $b:ident| $body:expr) => {
        impl $trait<&Ball> for &Ball {
            type Output = Ball;
            fn $method(self, other: &Ball) -> Ball {
                let ($a, $b) = (self, other);
                $body
            }
        }
        impl $trait<Ball> for &Ball {
            type Output = Ball;
            fn $method(self, other: Ball) -> Ball {
                self.$method(&other)
            }
        }
        impl $trait<&Ball> for Ball {
            type Output = Ball;
            fn $method(self, other: &Ball) -> Ball {
                (&self).$method(other)
            }
        }
        impl $trait<Ball> for Ball {
            type Output = Ball;
            fn $method(self, other: Ball) -> Ball {
                (&self).$method(&other)
            }
        }
    };
}

operator!(Add, add, |a, b| a.sum(b, false));
operator!(Sub, sub, |a, b| a.sum(b, true));
operator!(Mul, mul, |a, b| a.product(b));

#[cfg(test)]
mod tests {
    use super::*;
    use rug::Rational;
    use std::cmp::Ordering;

    fn dyadic(significand: u64, exponent: i32) -> Ball {
        Ball::dyadic(false, significand, exponent, 160)
    }

    #[test]
    fn short_dyadics_stay_exact() {
        let tiny = dyadic(1, -1074);
        let square = &tiny * &tiny;
        assert!(square.is_exact());
        assert_eq!(square.top(), -2147);
        assert!((&dyadic(3, 1000) - &dyadic(3, 1000)).is_zero());
        assert!((dyadic(1, 60) + dyadic(1, -60)).is_exact());
        assert_eq!((dyadic(1, 0) * Ball::zero(64)).bits(), 160);
        assert_eq!((Ball::zero(64) + dyadic(1, 0)).bits(), 160);
        let far = dyadic(1, 1000) + dyadic(1, -1000);
        assert!(!far.is_exact() && far.sign() == Some(Ordering::Greater));
        assert_eq!((far - dyadic(1, 1000)).sign(), None);
        assert_eq!((Ball::new(Integer::new(), 0, Radius::unit(-100), 64)).sign(), None);
    }

    #[test]
    fn operations_on_wide_balls_cost_nothing() {
        let wide = Ball::new(Integer::new(), 0, Radius::unit(1 << 50), 64);
        assert_eq!((&wide + &dyadic(1, -1000)).sign(), None);
        assert!((wide.clone() * dyadic(1, -1000)).floor().is_none());
        assert!(wide.ends().is_none());
        let narrow = Ball::new(Integer::from(1), 0, Radius::unit(-(1 << 50)), 64);
        let (low, high, exponent) = narrow.ends().unwrap();
        assert!(exponent > -200 && low < high);
    }

    #[test]
    fn sums_and_products_hold_the_rational() {
        let values = [(1, 3), (-7, 11), (22, 7), (i64::MAX, 3), (1, i64::MAX), (-5, 8)];
        for a in values.map(Rational::from) {
            for b in values.map(Rational::from) {
                for bits in [1, 8, 64, 200] {
                    let (x, y) = (Ball::rational(&a, bits), Ball::rational(&b, bits));
                    let free = i64::MAX / 2;
                    assert!((&x + &y).holds(&(&a + &b).complete(), free));
                    assert!((&x - &y).holds(&(&a - &b).complete(), free));
                    assert!((&x * &y).holds(&(&a * &b).complete(), 3 - i64::from(bits)));
                    assert!(x.times(b.numer()).holds(&(&a * b.numer()).complete(), free));
                }
            }
        }
    }
}
