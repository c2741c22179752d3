//! Expressions evaluated in exact rationals, as far as they are rational.

use super::ratio::Ratio;
use crate::encoding::{Arithmetic, Expression, Monomial, Node};
use num_traits::{One, Zero};
use rug::ops::Pow;
use rug::{Integer, Rational};
use std::cmp::Ordering;

/// Rational arithmetic, for [`crate::encoding::Expression::evaluate`]: none at the first
/// irrational.
#[derive(Clone, Copy, Debug)]
pub struct Rationals;

impl Arithmetic for Rationals {
    type Scalar = Ratio;

    fn integer(&self, n: i128) -> Option<Ratio> {
        Some(Integer::from(n).into())
    }

    fn dyadic(&self, x: f64) -> Option<Ratio> {
        Rational::from_f64(x).map(Ratio)
    }

    fn pi(&self) -> Option<Ratio> {
        None
    }

    fn add(&self, a: &Ratio, b: &Ratio) -> Option<Ratio> {
        Some(a + b)
    }

    fn sub(&self, a: &Ratio, b: &Ratio) -> Option<Ratio> {
        Some(a - b)
    }

    fn mul(&self, a: &Ratio, b: &Ratio) -> Option<Ratio> {
        Some(a * b)
    }

    fn div(&self, a: &Ratio, b: &Ratio) -> Option<Ratio> {
        (!b.is_zero()).then(|| a.clone() / b.clone())
    }

    fn power(&self, x: &Ratio, a: i64, b: i64) -> Option<Ratio> {
        // Beyond a million bits a number is nobody's frequency; the intervals take over.
        let exponent = i32::try_from(a).ok()?;
        let size = x.0.numer().significant_bits().max(x.0.denom().significant_bits()) as i64;
        if size.checked_mul(i64::from(exponent).abs())? > 1 << 20 || (x.is_zero() && a <= 0) {
            return None;
        }
        let root = u32::try_from(b).ok()?;
        let rooted = |n: &Integer| {
            if root > 1 && n.is_negative() {
                return None;
            }
            let (value, rest) = n.clone().root_rem(Integer::new(), root.max(1));
            rest.is_zero().then_some(value)
        };
        let value = Rational::from((rooted(x.0.numer())?, rooted(x.0.denom())?));
        Some(Ratio(value.pow(exponent)))
    }

    fn ln(&self, x: &Ratio) -> Option<Ratio> {
        x.is_one().then(Ratio::zero)
    }

    fn floor(&self, x: &Ratio) -> Option<Ratio> {
        Some(Ratio(x.0.clone().floor()))
    }

    fn compare(&self, a: &Ratio, b: &Ratio) -> Option<Ordering> {
        Some(a.cmp(b))
    }
}

/// The value of a monomial that is rational and of sane size.
///
/// Beyond that it need not be known: the odd part of its numerator or denominator is too long for a
/// number of any format or a midpoint of two.
pub(crate) fn of_monomial(monomial: &Monomial) -> Option<Ratio> {
    let mut value = Rational::from(monomial.signum());
    for (base, exponent) in monomial.rational_powers()? {
        let exponent = i32::try_from(exponent).ok().filter(|e| e.unsigned_abs() < 1 << 20)?;
        let length = i64::from(128 - base.leading_zeros()) * i64::from(exponent.abs());
        if base != 2 && length > 1 << 14 {
            return None;
        }
        value *= Rational::from(base).pow(exponent);
    }
    Some(Ratio(value))
}

/// x/π, if that is rational and the formula shows it: where machine integers cannot hold the parts of
/// a [`Monomial`].
pub(crate) fn over_pi(x: &Expression) -> Option<Ratio> {
    let rational = |x: &Expression| x.evaluate(&Rationals);
    match x.node() {
        Node::Pi => Some(Ratio::one()),
        Node::Add(a, b) => Some(over_pi(a)? + over_pi(b)?),
        Node::Sub(a, b) => Some(over_pi(a)? - over_pi(b)?),
        Node::Mul(a, b) => match over_pi(a) {
            Some(a) => Some(a * rational(b)?),
            None => Some(rational(a)? * over_pi(b)?),
        },
        Node::Div(a, b) => {
            let (a, b) = (over_pi(a)?, rational(b)?);
            (!b.is_zero()).then(|| a / b)
        }
        _ => None,
    }
}
