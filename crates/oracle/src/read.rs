//! What a request says, read again: bit patterns and config values as exact numbers.

use super::encode::Ends;
use super::{Ball, SecondError, Target};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Json, Object, Position};
use rug::{Integer, Rational};

/// What a bit pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Finite(Finite),
    Infinite { negative: bool },
    Nan,
}

/// ±`significand` · 2^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finite {
    pub(super) negative: bool,
    pub(super) significand: u64,
    pub(super) exponent: i32,
}

impl Finite {
    pub(super) fn is_zero(self) -> bool {
        self.significand == 0
    }

    /// Exactly, for work at `bits`.
    pub(super) fn ball(self, bits: u32) -> Ball {
        Ball::dyadic(self.negative, self.significand, self.exponent, bits.max(64))
    }

    pub(super) fn rational(self) -> Rational {
        let magnitude = Rational::from(self.significand) << self.exponent;
        if self.negative { -magnitude } else { magnitude }
    }
}

impl Target {
    /// The format of a dtype, none for integers.
    pub(super) fn of(dtype: Dtype) -> Option<Target> {
        match dtype {
            Dtype::F64 => Some(Target::F64),
            Dtype::F32 => Some(Target::F32),
            Dtype::Bf16 => Some(Target::BF16),
            Dtype::F16 => Some(Target::F16),
            Dtype::F8E4M3Fn => Some(Target::F8E4M3FN),
            Dtype::F8E5M2 => Some(Target::F8E5M2),
            Dtype::F8E4M3Fnuz => Some(Target::F8E4M3FNUZ),
            Dtype::F8E5M2Fnuz => Some(Target::F8E5M2FNUZ),
            Dtype::I64 | Dtype::I32 => None,
        }
    }

    /// Reads a pattern: its magnitude is below, at or above that of infinity.
    pub(super) fn read(self, bits: u64) -> Read {
        let negative = bits & self.sign_bit() != 0;
        let magnitude = bits & (self.sign_bit() - 1);
        if self.ends == Ends::NegativeZero && bits == self.sign_bit() {
            return Read::Nan;
        }
        match magnitude.cmp(&self.infinity()) {
            std::cmp::Ordering::Less => {
                let (significand, exponent) = self.value(magnitude);
                // Exponents of patterns are small.
                Read::Finite(Finite { negative, significand, exponent: exponent as i32 })
            }
            std::cmp::Ordering::Equal if self.ends == Ends::Infinity => Read::Infinite { negative },
            _ => Read::Nan,
        }
    }

    /// The value of a finite pattern.
    pub(super) fn finite(self, bits: u64) -> Option<Finite> {
        if let Read::Finite(finite) = self.read(bits) { Some(finite) } else { None }
    }

    /// infinity with its highest fraction bit set, or the one NaN there is.
    pub(super) fn quiet_nan(self) -> u64 {
        match self.ends {
            Ends::Infinity => self.infinity() + (1 << (self.precision - 2)),
            Ends::Nan | Ends::NegativeZero => self.infinity(),
        }
    }
}

/// The format of a tensor that the checks have found to be of a floating-point dtype.
pub(super) fn format(tensor: &Tensor) -> Result<Target, SecondError> {
    Target::of(tensor.dtype())
        .ok_or_else(|| SecondError::Unsupported(format!("a tensor of {}", tensor.dtype())))
}

/// A position, exactly.
pub(super) fn position(p: Position) -> Rational {
    Rational::from((p.numerator, p.denominator))
}

/// A normalised config.
#[derive(Clone, Copy)]
pub(super) struct Config<'a>(pub(super) &'a Object);

impl Config<'_> {
    /// A parameter: the f64 nearest to the JSON number, exactly.
    pub(super) fn optional(&self, key: &str) -> Result<Option<Rational>, SecondError> {
        self.0.get(key).map(|value| number(key, value)).transpose()
    }

    /// A parameter that the checks require or fill in.
    pub(super) fn number(&self, key: &str) -> Result<Rational, SecondError> {
        self.optional(key)?.ok_or_else(|| lacks(key))
    }

    /// A list of parameters.
    pub(super) fn numbers(&self, key: &str) -> Result<Vec<Rational>, SecondError> {
        match self.0.get(key) {
            Some(Json::Array(items)) => items.iter().map(|item| number(key, item)).collect(),
            _ => Err(lacks(key)),
        }
    }

    /// A count.
    pub(super) fn size(&self, key: &str) -> Result<usize, SecondError> {
        self.number(key)?.numer().to_usize().ok_or_else(|| lacks(key))
    }

    /// A list of counts.
    pub(super) fn sizes(&self, key: &str) -> Result<Vec<usize>, SecondError> {
        let size = |x: &Rational| x.numer().to_usize().ok_or_else(|| lacks(key));
        self.numbers(key)?.iter().map(size).collect()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.0.get(key) == Some(&Json::Bool(true))
    }

    pub(super) fn word(&self, key: &str) -> Result<&str, SecondError> {
        match self.0.get(key) {
            Some(Json::String(word)) => Ok(word),
            _ => Err(lacks(key)),
        }
    }
}

fn lacks(key: &str) -> SecondError {
    SecondError::Unsupported(format!("a config without {key} of the right type"))
}

fn number(key: &str, value: &Json) -> Result<Rational, SecondError> {
    let bits = match value {
        Json::Real(x) => x.to_bits(),
        Json::Integer(n) => Target::F64.encode_rational(&Rational::from(Integer::from(*n))),
        _ => return Err(lacks(key)),
    };
    Target::F64.finite(bits).map(Finite::rational).ok_or_else(|| lacks(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let nan = |target: Target| target.read(target.quiet_nan());
        for target in [Target::F64, Target::F32, Target::BF16, Target::F16] {
            assert_eq!(nan(target), Read::Nan);
            assert_eq!(target.read(target.infinity()), Read::Infinite { negative: false });
            assert!(target.finite(target.sign_bit()).is_some_and(Finite::is_zero));
        }
        assert_eq!(Target::F16.quiet_nan(), 0x7e00);
        assert_eq!(Target::F64.quiet_nan(), 0x7ff8 << 48);
        let x = Target::F32.finite((-0.15625f32).to_bits().into()).unwrap();
        assert_eq!(x.rational(), Rational::from((-5, 32)));
        assert!(x.ball(10).is_exact());
    }

    #[test]
    fn long_integers_are_parameters_too() {
        let of = |n: i128| number("n", &Json::Integer(n)).unwrap();
        assert_eq!(of((1 << 53) + 1), Rational::from(1u64 << 53));
        assert_eq!(of((1 << 53) + 3), Rational::from((1u64 << 53) + 4));
        assert_eq!(number("x", &Json::Real(0.1)).unwrap(), Rational::from_f64(0.1).unwrap());
        assert!(number("x", &Json::Null).is_err());
    }
}
