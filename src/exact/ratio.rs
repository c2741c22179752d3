//! Exact rationals that `num_complex` can compute with.

use crate::number::{Decoded, Format, Wide};
use num_traits::{Num, One, Zero};
use rug::{Integer, Rational};
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// An exact rational number.
///
/// ```
/// use num_complex::Complex;
/// use ropewalk::exact::Ratio;
/// // (3 + 4i)/5 lies on the unit circle, and so does its square.
/// let u = Complex::new(Ratio::new(3, 5), Ratio::new(4, 5));
/// assert_eq!((&u * &u).norm_sqr(), Ratio::new(1, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(pub Rational);

impl Ratio {
    /// a/b for b ≠ 0 (0 stands in for a/0, which no caller asks for).
    pub fn new(a: i64, b: i64) -> Ratio {
        if b == 0 { Ratio::zero() } else { Ratio(Rational::from((a, b))) }
    }

    /// A finite bit pattern, exactly; none for NaN and infinities.
    pub fn from_bits(format: Format, bits: u64) -> Option<Ratio> {
        match format.decode(bits) {
            Decoded::Finite { negative, significand, exponent } => {
                Some(Ratio::dyadic(negative, significand, exponent))
            }
            Decoded::Nan | Decoded::Infinite { .. } => None,
        }
    }

    /// ±significand · 2^exponent.
    pub fn dyadic(negative: bool, significand: u64, exponent: i32) -> Ratio {
        let mut value = Rational::from(significand);
        if negative {
            value = -value;
        }
        Ratio(value << exponent)
    }

    /// The leading 127 bits and whether more follow: all that rounding needs.
    pub fn to_wide(&self) -> Wide {
        if self.0.is_zero() {
            return Wide::ZERO;
        }
        let (numerator, denominator) = (self.0.numer(), self.0.denom());
        // A quotient of 126 or 127 bits.
        let shift =
            126 - (numerator.significant_bits() as i64 - denominator.significant_bits() as i64);
        let scale = |x: &Integer, by: i64| Integer::from(x.abs_ref()) << by.max(0) as u32;
        let (quotient, rest) = scale(numerator, shift).div_rem(scale(denominator, -shift));
        Wide {
            negative: numerator.is_negative(),
            significand: quotient.to_u128_wrapping(),
            exponent: -shift,
            sticky: !rest.is_zero(),
        }
    }
}

impl From<Integer> for Ratio {
    fn from(n: Integer) -> Ratio {
        Ratio(Rational::from(n))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:tt) => {
        impl $trait for Ratio {
            type Output = Ratio;
            fn $method(self, other: Ratio) -> Ratio {
                Ratio(self.0 $op other.0)
            }
        }
        impl $trait<&Ratio> for &Ratio {
            type Output = Ratio;
            fn $method(self, other: &Ratio) -> Ratio {
                Ratio(Rational::from(&self.0 $op &other.0))
            }
        }
    };
}
operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);

impl Div for Ratio {
    type Output = Ratio;
    /// # Panics
    /// On a zero divisor, as integer division does.
    fn div(self, other: Ratio) -> Ratio {
        Ratio(self.0 / other.0)
    }
}

impl Rem for Ratio {
    type Output = Ratio;
    /// a − b · trunc(a/b).
    fn rem(self, other: Ratio) -> Ratio {
        let whole = Rational::from(&self.0 / &other.0).trunc();
        Ratio(self.0 - whole * other.0)
    }
}

impl Neg for Ratio {
    type Output = Ratio;
    fn neg(self) -> Ratio {
        Ratio(-self.0)
    }
}

impl Zero for Ratio {
    fn zero() -> Ratio {
        Ratio(Rational::new())
    }
    fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl One for Ratio {
    fn one() -> Ratio {
        Ratio(Rational::from(1))
    }
}

impl Num for Ratio {
    type FromStrRadixErr = rug::rational::ParseRationalError;
    fn from_str_radix(text: &str, radix: u32) -> Result<Ratio, Self::FromStrRadixErr> {
        // rug panics on a radix it does not know; 36 is its largest and no digit reaches it.
        Rational::parse_radix(text, radix.clamp(2, 36) as i32).map(|r| Ratio(Rational::from(r)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_rounds_to_the_nearest_f32() {
        assert_eq!(Format::F32.round(&Ratio::new(1, 3).to_wide()), (1f32 / 3.0).to_bits() as u64);
        assert_eq!(Format::F32.round(&Ratio::new(-2, 3).to_wide()), (-2f32 / 3.0).to_bits() as u64);
    }

    #[test]
    fn a_tie_with_a_far_bit_is_no_tie() {
        let far = Ratio::dyadic(false, 1, -400);
        let above = Ratio::new(257, 256) + far.clone();
        let below = Ratio::new(257, 256) - far;
        assert_eq!(Format::BF16.round(&Ratio::new(257, 256).to_wide()), 0x3f80);
        assert_eq!(Format::BF16.round(&above.to_wide()), 0x3f81);
        assert_eq!(Format::BF16.round(&below.to_wide()), 0x3f80);
    }
}
