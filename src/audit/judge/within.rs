//! Whether one element is right: the one place where that is decided.
//!
//! The rules of special values come first; where they say nothing the error is held against the
//! bound, after what the residual itself may be off is forgiven. Verdict, table of errors, sight,
//! diagnosis and the kill matrix all ask here.

use crate::audit::element::Accepts;
use crate::number::{Decoded, Format};

/// What is said of one element by one bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ruling {
    /// The bound judges nothing.
    Open,
    /// Right. Its error is this share of what is allowed, 0 where a rule of special values accepts
    /// it.
    Right(f64),
    /// Not right: the rule that it breaks; none where its error is beyond the bound.
    Wrong(Option<&'static str>),
}

/// One element of an answer, and what is right there.
///
/// ```
/// use ropewalk::audit::{Element, Ruling};
/// use ropewalk::number::Format;
/// let (one, next) = (0x3f800000, 0x3f800001);
/// let element = Element::value(Format::F32, next, one);
/// let ulp = 2f64.powi(-23);
/// assert_eq!(element.ruling(2.0 * ulp), Ruling::Right(0.5));
/// assert_eq!(element.ruling(0.5 * ulp), Ruling::Wrong(None));
/// assert_eq!(element.ruling(f64::INFINITY), Ruling::Open);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// The rule of special values.
    pub accepts: Accepts,
    /// The format of both.
    pub format: Format,
    /// What came, as bits.
    pub got: u64,
    /// What is right, correctly rounded, as bits.
    pub want: u64,
    /// (exact − want) in ulp of `want`.
    pub residual: f64,
    /// Whether what came is its scaled input; asked where [`Accepts::ScaledOrNonfinite`] rules.
    pub scaled: bool,
}

impl Element {
    /// A number that no rule of special values decides, compared with another as if that were
    /// exact.
    pub const fn value(format: Format, got: u64, want: u64) -> Element {
        Element { accepts: Accepts::Value, format, got, want, residual: 0.0, scaled: false }
    }

    /// What a bound says of it; one of ∞ judges nothing.
    pub fn ruling(&self, bound: f64) -> Ruling {
        match self.by_rule() {
            Some(Ok(())) => Ruling::Right(0.0),
            Some(Err(rule)) => Ruling::Wrong(Some(rule)),
            // Also where a NaN came: an infinity on the way may have made it.
            None if !bound.is_finite() => Ruling::Open,
            None if self.format.is_nan(self.got) => Ruling::Wrong(Some("it is a number")),
            None => match self.share(bound) {
                share if share <= 1.0 => Ruling::Right(share),
                _ => Ruling::Wrong(None),
            },
        }
    }

    /// The rules that decide without any bound.
    pub fn by_rule(&self) -> Option<Result<(), &'static str>> {
        let Element { format, got, want, .. } = *self;
        let rule = |holds: bool, rule| Some(if holds { Ok(()) } else { Err(rule) });
        match self.accepts {
            Accepts::Anything => Some(Ok(())),
            Accepts::Copy if format.is_nan(want) => {
                rule(format.is_nan(got), "a copied NaN is a NaN")
            }
            // A number of another format that overflows or underflows on its one rounding.
            Accepts::Copy if format.is_zero(want) || !format.is_finite(want) => {
                rule(got == want, "it is copied, the sign of a zero or an infinity included")
            }
            Accepts::ValueOrNonfinite if !format.is_finite(got) => Some(Ok(())),
            Accepts::Copy | Accepts::Value | Accepts::ValueOrNonfinite => None,
            Accepts::CopyOrNonfinite => rule(
                self.same() || !format.is_finite(got),
                "it is the copy, or nonfinite as its plane is",
            ),
            Accepts::Nonfinite => rule(
                !format.is_finite(got),
                "its plane holds a NaN or an infinity: any nonfinite value is right",
            ),
            Accepts::ValueOrNan => rule(
                self.same() || format.is_nan(got),
                "a query without keys has 0 and −∞, or a NaN",
            ),
            Accepts::ValueSinkOrNan(sink) => rule(
                self.same() || got == sink || format.is_nan(got),
                "the logarithm of a query without keys is −∞, its sink, or a NaN",
            ),
            // Where the bound reaches the threshold, either is right: nothing is judged then.
            Accepts::Overflow => (!format.is_finite(got)).then_some(Ok(())),
            Accepts::ScaledOrNonfinite => {
                rule(self.scaled || !format.is_finite(got), "it is its scaled input, or nonfinite")
            }
        }
    }

    /// Equal, a zero of either sign.
    fn same(&self) -> bool {
        self.got == self.want || self.format.is_zero(self.got) && self.format.is_zero(self.want)
    }

    /// |got − exact| / bound, in units that keep both in range: beyond them the quotient is 0 or ∞
    /// on the right side of 1. The residual is an f16, so the error is known to 2⁻¹² of itself only
    /// where it matters least; that much is forgiven.
    pub fn share(&self, bound: f64) -> f64 {
        let Element { format, got, want, residual, .. } = *self;
        let residual = cut(format, want, residual);
        if self.same() && bound == 0.0 || got == want && residual.is_infinite() {
            return 0.0;
        }
        let Some(of) = format.ulp_exponent(want).filter(|_| bound > 0.0) else {
            return f64::INFINITY;
        };
        let (precision, (_, exponent)) = (format.precision as i32, libm::frexp(bound));
        let unit = (exponent - precision).max(format.e_min() + 1 - precision);
        // An f16 residual that is infinite stands for all from 65520 on.
        let residual = scale(residual.clamp(-65520.0, 65520.0), of - unit);
        let off = scaled(format, got, unit) - scaled(format, want, unit);
        let error = ((off - residual).abs() - residual.abs() * 2f64.powi(-11)).max(0.0);
        let share = error / scale(bound, -unit);
        if share.is_nan() { f64::INFINITY } else { share }
    }
}

/// The residual against the exact value cut at the largest number, where a format of eight bits
/// holds nothing beyond: a cast that saturates, or does not, is right or wrong by its bits alone.
fn cut(format: Format, want: u64, residual: f64) -> f64 {
    let negative = want & format.sign_bit() != 0;
    let last = format.width() == 8 && want == format.signed(format.largest(), negative);
    match last && (residual < 0.0) == negative {
        true => 0.0,
        false => residual,
    }
}

/// |got − exact| in ulp of `want`, where exact is `residual` ulp away from `want`. ±∞ counts as
/// ±2^(e_max+1), and a right infinity is right however far the exact value lies beyond it. NaN
/// where one of them is no number.
///
/// ```
/// use ropewalk::{audit::ulps, number::Format};
/// let one = 0x3f800000;
/// assert_eq!(ulps(Format::F32, one, one, 0.25), 0.25);
/// assert_eq!(ulps(Format::F32, one + 1, one, 0.25), 0.75);
/// ```
#[inline]
pub fn ulps(format: Format, got: u64, want: u64, residual: f64) -> f64 {
    let residual = cut(format, want, residual);
    match format.ulp_exponent(want) {
        Some(_) if got == want => residual.abs().min(0.5),
        Some(unit) => (scaled(format, got, unit) - scaled(format, want, unit) - residual).abs(),
        None => f64::NAN,
    }
}

/// A bound in ulp of `want`.
pub(in crate::audit) fn in_ulps(format: Format, bound: f64, want: u64) -> f64 {
    format.ulp_exponent(want).map_or(f64::NAN, |unit| scale(bound, -unit))
}

/// A number divided by 2^unit; an infinity as ±2^(e_max+1).
#[inline]
fn scaled(format: Format, bits: u64, unit: i32) -> f64 {
    let signed = |negative: bool, size: f64| if negative { -size } else { size };
    match format.decode(bits) {
        Decoded::Nan => f64::NAN,
        Decoded::Infinite { negative } => signed(negative, scale(1.0, format.e_max() + 1 - unit)),
        Decoded::Finite { negative, significand, exponent } => {
            signed(negative, scale(significand as f64, exponent - unit))
        }
    }
}

/// x · 2^n without overflow on the way, rounded once.
#[inline]
pub(in crate::audit) fn scale(x: f64, n: i32) -> f64 {
    match n {
        -1022..=1023 => x * f64::from_bits(((n + 1023) as u64) << 52),
        _ => libm::ldexp(x, n),
    }
}
