//! Rational numbers in machine integers; what does not fit is `None`, which callers take as
//! "undecided", never as an answer.

use std::cmp::Ordering;

/// `numerator / denominator` in lowest terms, the denominator positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

pub(super) fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Fraction {
    /// 0.
    pub const ZERO: Fraction = Fraction { numerator: 0, denominator: 1 };
    /// 1.
    pub const ONE: Fraction = Fraction { numerator: 1, denominator: 1 };

    /// a/b; none if b = 0 or the parts do not fit.
    pub fn new(a: i128, b: i128) -> Option<Fraction> {
        if b == 0 || a == i128::MIN || b == i128::MIN {
            return None;
        }
        let g = gcd(a.unsigned_abs(), b.unsigned_abs()) as i128;
        let (a, b) = (a / g, b / g);
        Some(if b < 0 {
            Fraction { numerator: -a, denominator: -b }
        } else {
            Fraction { numerator: a, denominator: b }
        })
    }

    /// The upper part, with the sign.
    pub fn numerator(self) -> i128 {
        self.numerator
    }

    /// The lower part, positive.
    pub fn denominator(self) -> i128 {
        self.denominator
    }

    /// Whether it is 0.
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// Sum.
    pub fn checked_add(self, other: Fraction) -> Option<Fraction> {
        let a = self.numerator.checked_mul(other.denominator)?;
        let b = other.numerator.checked_mul(self.denominator)?;
        Fraction::new(a.checked_add(b)?, self.denominator.checked_mul(other.denominator)?)
    }

    /// Product. Crosswise reduction first, so that it fits whenever the result does.
    pub fn checked_mul(self, other: Fraction) -> Option<Fraction> {
        let left = Fraction::new(self.numerator, other.denominator)?;
        let right = Fraction::new(other.numerator, self.denominator)?;
        Fraction::new(
            left.numerator.checked_mul(right.numerator)?,
            left.denominator.checked_mul(right.denominator)?,
        )
    }

    /// Quotient; none for a zero divisor.
    pub fn checked_div(self, other: Fraction) -> Option<Fraction> {
        self.checked_mul(Fraction::new(other.denominator, other.numerator)?)
    }

    /// Order; none if the cross products do not fit.
    pub fn compare(self, other: Fraction) -> Option<Ordering> {
        let a = self.numerator.checked_mul(other.denominator)?;
        let b = other.numerator.checked_mul(self.denominator)?;
        Some(a.cmp(&b))
    }
}

impl std::ops::Neg for Fraction {
    type Output = Fraction;
    fn neg(self) -> Fraction {
        Fraction { numerator: -self.numerator, ..self }
    }
}
