//! What a residual can be, given the number it belongs to.

use crate::number::{Decoded, Format, Overflow};

/// Checks a residual, the f16 rounding of (exact − expected) / ulp(expected), against the expected
/// bit pattern. `Err` says which rule it breaks.
///
/// Rounding to nearest leaves at most half an ulp. Where expected is a power of two above the
/// smallest normal number, the numbers below it are twice as dense, so on that side a quarter is
/// the most; the same holds below ±∞, which counts as ±2^(e_max + 1), while above it there is no
/// limit; nor is there above the largest number where overflow saturates. A zero underflowed from the side that its sign names. A NaN is either a copied input
/// (residual 0) or stands for *no value* (residual NaN). None of these limits moves when the
/// residual itself is rounded: they are numbers of f16.
///
/// ```
/// use ropewalk::{number::Format, vector::check_residual};
/// assert!(check_residual(Format::F32, 0x3f800001, 0x3800).is_ok()); // 1 + 2⁻²³, half an ulp
/// assert!(check_residual(Format::F32, 0x3f800000, 0xb800).is_err()); // 1, half an ulp below
/// assert!(check_residual(Format::F32, 0x3f800000, 0xb400).is_ok()); // 1, a quarter below
/// ```
///
/// # Errors
/// The rule.
pub fn check(format: Format, expected: u64, residual: u64) -> Result<(), &'static str> {
    let ensure = |holds: bool, rule: &'static str| if holds { Ok(()) } else { Err(rule) };
    let canonical_nan = residual == Format::F16.quiet_nan();
    if Format::F16.is_nan(residual) {
        ensure(canonical_nan, "a NaN residual is 7e00")?;
        let stands_for_none = expected == format.quiet_nan();
        return ensure(stands_for_none, "a NaN residual belongs to the canonical quiet NaN");
    }
    ensure(residual != Format::F16.sign_bit(), "a zero residual is 0000")?;
    let value = Format::F16.to_f64(residual);
    // Positive: the exact value lies further from zero.
    let away = if expected & format.sign_bit() != 0 { -value } else { value };
    match format.decode(expected) {
        Decoded::Nan => ensure(residual == 0, "the residual of a NaN is NaN, or 0 if it is copied"),
        Decoded::Infinite { .. } => ensure(away >= -0.25, "at most a quarter ulp below infinity"),
        Decoded::Finite { significand: 0, .. } if format.signed(0, true) == 0 => {
            ensure((-0.5..=0.5).contains(&away), "at most half an ulp")
        }
        Decoded::Finite { significand: 0, .. } => {
            ensure((0.0..=0.5).contains(&away), "at most half an ulp, on the side of zero's sign")
        }
        Decoded::Finite { .. }
            if format.negated(expected) == format.largest() || expected == format.largest() =>
        {
            let least = if format.overflow() == Overflow::Saturate { f64::INFINITY } else { 0.5 };
            ensure((-0.5..=least).contains(&away), "at most half an ulp below, or what saturated")
        }
        Decoded::Finite { significand, exponent, .. } => {
            let edge =
                significand == 1 << (format.precision - 1) && exponent > format.least_exponent();
            let toward = if edge { -0.25 } else { -0.5 };
            ensure(
                (toward..=0.5).contains(&away),
                match edge {
                    true => "at a power of two: at most half an ulp above, a quarter below",
                    false => "at most half an ulp",
                },
            )
        }
    }
}
