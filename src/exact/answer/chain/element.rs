//! The exact value of an element on its way through a chain.

use crate::exact::angle::Kind;
use crate::exact::interval::Interval;
use crate::exact::ratio::Ratio;
use crate::exact::round::{Proof, Value, first_enclosure};
use crate::number::{Decoded, Format};
use num_traits::Zero;
use rug::Float;
use std::rc::Rc;

/// Encloses a number at a working precision.
pub(super) type Enclose<'a> = Rc<dyn Fn(u32) -> Option<Interval> + 'a>;

/// What is known of an element.
#[derive(Clone)]
pub(super) enum Element<'a> {
    /// The bits of an input.
    Copied(u64, Format),
    /// No value: a NaN or an infinity took part.
    Nonfinite,
    Rational(Ratio),
    Real(Proof, Enclose<'a>),
}

impl<'a> Element<'a> {
    pub(super) fn of(kind: Kind, enclose: impl Fn(u32) -> Option<Interval> + 'a) -> Element<'a> {
        match kind {
            Kind::Rational(ratio) => Element::Rational(ratio),
            Kind::Real(proof) => Element::Real(proof, Rc::new(enclose)),
        }
    }

    /// A number of f64, for what a cast makes of it.
    fn double(x: f64) -> Element<'a> {
        Element::Copied(x.to_bits(), Format::F64)
    }

    /// Hands the value on; the error is the precision at which nothing was enclosed.
    pub(super) fn value<T>(
        &self,
        precision: u32,
        with: impl FnOnce(&Value) -> T,
    ) -> Result<T, u32> {
        Ok(match self {
            Element::Copied(bits, format) => with(&Value::Copied { bits: *bits, format: *format }),
            Element::Nonfinite => with(&Value::Nonfinite),
            Element::Rational(ratio) => with(&Value::Rational(ratio.clone())),
            Element::Real(proof, enclose) => {
                let first = first_enclosure(precision, &**enclose)?;
                with(&Value::Real { proof: *proof, first, enclose: &**enclose })
            }
        })
    }

    /// The number itself; none for what has no value, or is not finite.
    pub(super) fn number(&self) -> Option<Element<'a>> {
        match self {
            Element::Copied(bits, format) => {
                Ratio::from_bits(*format, *bits).map(Element::Rational)
            }
            Element::Nonfinite => None,
            other => Some(other.clone()),
        }
    }

    /// |x| · factor for a factor above 0.
    pub(super) fn size(self, factor: &Ratio) -> Element<'a> {
        match self {
            Element::Rational(x) => Element::Rational(&Ratio(x.0.abs()) * factor),
            Element::Real(proof, enclose) => {
                let factor = factor.clone();
                let size = move |precision| {
                    Some(enclose(precision)?.abs() * Interval::of_ratio(&factor, precision))
                };
                Element::Real(proof, Rc::new(size))
            }
            other => other,
        }
    }

    /// x / scale for a scale above 0, as a cast takes it: NaN, infinities and zeros keep what they
    /// are.
    pub(super) fn over(self, scale: &Ratio) -> Element<'a> {
        let factor = Ratio(scale.0.clone().recip());
        match self {
            Element::Copied(bits, format) => match format.decode(bits) {
                Decoded::Finite { significand: 0, negative, .. } => {
                    Element::double(if negative { -0.0 } else { 0.0 })
                }
                Decoded::Finite { negative, significand, exponent } => {
                    Element::Rational(&Ratio::dyadic(negative, significand, exponent) * &factor)
                }
                Decoded::Infinite { .. } | Decoded::Nan => Element::double(format.to_f64(bits)),
            },
            Element::Rational(x) => Element::Rational(&x * &factor),
            Element::Real(proof, enclose) => {
                let quotient = move |precision| {
                    Some(enclose(precision)? * Interval::of_ratio(&factor, precision))
                };
                Element::Real(proof, Rc::new(quotient))
            }
            Element::Nonfinite => Element::Nonfinite,
        }
    }

    /// x / 0 and x / ∞, where a scale left the range of f32.
    pub(super) fn over_nothing(self, zero: bool) -> Element<'a> {
        let sign = match self.number() {
            None => return Element::Nonfinite,
            Some(Element::Rational(x)) if x.is_zero() => 0.0,
            Some(Element::Rational(x)) => x.0.to_f64().signum(),
            Some(Element::Real(_, enclose)) => {
                let sign = |x: Interval| (!x.contains_zero()).then(|| x.lo().to_f64().signum());
                first_enclosure(128, |bits| enclose(bits).and_then(sign)).unwrap_or(1.0)
            }
            Some(_) => return Element::Nonfinite,
        };
        match zero {
            true if sign == 0.0 => Element::Nonfinite,
            true => Element::double(sign * f64::INFINITY),
            false => Element::double(sign * 0.0),
        }
    }

    /// Bounds of a number that is not negative.
    pub(super) fn bounds(&self, precision: u32) -> Option<(Float, Float)> {
        let interval = match self {
            Element::Rational(x) => Interval::of_ratio(x, precision),
            Element::Real(_, enclose) => first_enclosure(precision, &**enclose).ok()?,
            Element::Copied(..) | Element::Nonfinite => return None,
        };
        Some((interval.lo().clone(), interval.hi().clone()))
    }
}
