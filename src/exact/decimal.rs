//! Exact values as decimals.

use super::{Interval, Ratio, UndecidedRounding, Value, shapes, visit};
use crate::encoding::Question;
use crate::request::{Json, Object};
use rug::float::Round;
use rug::{Float, Integer, Rational};

/// Every element with `digits` significant digits, truncated towards zero: the first digits of the
/// exact value. A rational that ends earlier is printed whole; `nan` where there is no value.
///
/// # Errors
/// `UndecidedRounding` if the digits of an element of undecided class could not be told apart.
pub fn decimals(question: &Question, digits: u32) -> Result<Json, UndecidedRounding> {
    let mut lists: Vec<(&str, Vec<Json>)> = shapes(question)
        .into_iter()
        .map(|(name, shape)| (name, vec![Json::Null; shape.iter().product()]))
        .collect();
    visit(question, &mut |site, value| {
        let text = decimal(value, digits).map_err(|precision| UndecidedRounding {
            name: site.name,
            index: site.index,
            precision,
        })?;
        if let Some((_, list)) = lists.iter_mut().find(|(name, _)| *name == site.name) {
            list[site.index] = Json::String(text);
        }
        Ok(())
    })?;
    let object: Object =
        lists.into_iter().map(|(name, list)| (name.to_string(), Json::Array(list))).collect();
    Ok(Json::Object(object))
}

/// One value in decimal.
///
/// # Errors
/// The precision at which it gave up.
pub(crate) fn decimal(value: &Value, digits: u32) -> Result<String, u32> {
    match value {
        Value::Nonfinite => Ok("nan".to_string()),
        Value::Copied { bits, format } => match Ratio::from_bits(*format, *bits) {
            Some(ratio) => Ok(of_ratio(&ratio, digits)),
            None => Ok(format.to_f64(*bits).to_string().to_lowercase()),
        },
        Value::Rational(ratio) | Value::Beside { base: ratio, .. } => Ok(of_ratio(ratio, digits)),
        Value::Real { first, enclose, .. } => {
            let cap = 1 << 18;
            let mut precision = first.precision().max(digits * 10 / 3 + 64);
            loop {
                match enclose(precision).and_then(|x| of_interval(&x, digits)) {
                    Some(text) => return Ok(text),
                    None if precision > cap => return Err(precision),
                    None => precision *= 2,
                }
            }
        }
    }
}

/// A value as digits d₀d₁d₂… and the power of ten of d₀, correctly rounded to `digits` digits (half
/// away from zero), without trailing zeros. Zero has no digits.
///
/// # Errors
/// The precision at which it gave up.
pub(crate) fn rounded(value: &Value, digits: u32) -> Result<Rounding, u32> {
    match value {
        Value::Rational(ratio) | Value::Beside { base: ratio, .. } => {
            Ok(round_rational(&ratio.0, digits))
        }
        Value::Real { first, enclose, .. } => {
            let cap = 1 << 14;
            let mut precision = first.precision().max(digits * 10 / 3 + 64);
            loop {
                let found = enclose(precision).and_then(|x| round_both(&x, digits));
                match found {
                    Some(rounding) => return Ok(rounding),
                    None if precision > cap => return Err(precision),
                    None => precision *= 2,
                }
            }
        }
        Value::Copied { .. } | Value::Nonfinite => Ok(Rounding::default()),
    }
}

/// Sign, digits and exponent of [`rounded`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rounding {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Rounding {
    /// The way people write it: 0.01, 2401.738, 3.2e-7.
    pub(crate) fn plain(&self) -> String {
        match self.digits.is_empty() {
            true => "0".to_string(),
            false => place(self.negative, &self.digits, self.exponent),
        }
    }

    /// With one digit before the point and all `digits` shown, for columns: 1.000000e-2.
    pub(crate) fn scientific(&self, digits: u32) -> String {
        let all = format!("{:0<width$}", self.digits, width = digits as usize);
        let (first, rest) = all.split_at(1);
        let sign = if self.negative { "-" } else { "" };
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}e{}", self.exponent)
    }
}

fn round_both(x: &Interval, digits: u32) -> Option<Rounding> {
    let parts =
        |end: &Float| end.to_sign_string_exp_round(10, Some(digits as usize), Round::Nearest);
    let (lo, hi) = (parts(x.lo()), parts(x.hi()));
    if x.contains_zero() || lo != hi {
        return None;
    }
    let (negative, text, exponent) = lo;
    let digits = text.trim_end_matches('0').to_string();
    Some(Rounding { negative, digits, exponent: exponent? as i64 - 1 })
}

fn round_rational(x: &Rational, digits: u32) -> Rounding {
    if x.is_zero() {
        return Rounding::default();
    }
    let (scaled, mut exponent) = scale(x, digits);
    let mut whole = scaled.round().numer().to_string();
    if whole.len() > digits as usize {
        exponent += 1;
    }
    whole = whole.trim_end_matches('0').to_string();
    Rounding { negative: *x < 0, digits: whole, exponent }
}

/// |x| with `digits` digits before the point, and the power of ten of its first digit.
fn scale(x: &Rational, digits: u32) -> (Rational, i64) {
    // The decimal exponent e with 10^e ≤ |x| < 10^(e+1), by comparing integers.
    let magnitude = x.clone().abs();
    let size =
        magnitude.numer().significant_bits() as i64 - magnitude.denom().significant_bits() as i64;
    let mut exponent = (size as f64 * std::f64::consts::LOG10_2).floor() as i64 - 1;
    let power = |e: i64| {
        let ten = Integer::from(Integer::u_pow_u(10, e.unsigned_abs() as u32));
        if e >= 0 { Rational::from(ten) } else { Rational::from((1, ten)) }
    };
    while power(exponent + 1) <= magnitude {
        exponent += 1;
    }
    (magnitude * power(digits as i64 - 1 - exponent), exponent)
}

/// The digits both ends agree on; none if they differ.
pub(crate) fn of_interval(x: &Interval, digits: u32) -> Option<String> {
    if x.contains_zero() || !x.lo().is_finite() || !x.hi().is_finite() {
        return None;
    }
    let parts = |end: &Float| end.to_sign_string_exp_round(10, Some(digits as usize), Round::Zero);
    let (lo, hi) = (parts(x.lo()), parts(x.hi()));
    let (negative, text, exponent) = lo.clone();
    // MPFR's exponent counts from before the first digit.
    if lo == hi { Some(place(negative, &text, exponent? as i64 - 1)) } else { None }
}

/// A rational: whole if it ends within the digits, else truncated.
pub(crate) fn of_ratio(x: &Ratio, digits: u32) -> String {
    if x.0.is_zero() {
        return "0".to_string();
    }
    let (scaled, exponent) = scale(&x.0, digits);
    let whole = scaled.trunc().numer().to_string();
    place(x.0.is_negative(), whole.trim_end_matches('0'), exponent)
}

/// Writes digits d₀d₁d₂… · 10^exponent (a point after d₀) the way people do.
fn place(negative: bool, digits: &str, exponent: i64) -> String {
    let sign = if negative { "-" } else { "" };
    match exponent {
        0..=15 if digits.len() <= exponent as usize + 1 => {
            format!("{sign}{digits:0<width$}", width = exponent as usize + 1)
        }
        0..=15 => {
            let (whole, fraction) = digits.split_at(exponent as usize + 1);
            format!("{sign}{whole}.{fraction}")
        }
        -5..=-1 => format!("{sign}0.{}{digits}", "0".repeat(-exponent as usize - 1)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}e{exponent}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rationals_print_their_digits() {
        let text = |a, b| of_ratio(&Ratio::new(a, b), 10);
        assert_eq!(text(1, 1), "1");
        assert_eq!(text(-1, 3), "-0.3333333333");
        assert_eq!(text(1, 100), "0.01");
        assert_eq!(text(2000, 3), "666.6666666");
        assert_eq!(text(1200, 1), "1200");
        assert_eq!(text(1, 3000000), "3.333333333e-7");
    }

    #[test]
    fn rounding_carries_into_the_next_power() {
        let text = |a, b| round_rational(&Ratio::new(a, b).0, 3);
        assert_eq!(text(2, 3).plain(), "0.667");
        assert_eq!(text(9999, 10).plain(), "1000");
        assert_eq!(text(9999, 10).scientific(3), "1.00e3");
        assert_eq!(text(-1, 8).scientific(3), "-1.25e-1");
        assert_eq!(text(0, 1).plain(), "0");
    }
}
