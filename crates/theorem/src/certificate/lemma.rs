//! From an exact value and an expected number to a lemma.

use super::approximate::{Nearness, nearness};
use super::term::{Id, Terms};
use super::text::{decode, format_name, pattern};
use super::{Statement, reason};
use ropewalk::number::{Format, Overflow, Tensor};

/// A lemma of a certificate, without its proof.
pub(super) struct Lemma {
    pub(super) name: String,
    /// What it says.
    pub(super) says: String,
    /// The real number that it is about, as a term.
    pub(super) real: String,
    /// The theorem that proves it from an enclosure.
    pub(super) by: &'static str,
    /// What that theorem is told by the statement.
    pub(super) holes: &'static str,
    /// Bits of the enclosure.
    pub(super) precision: u32,
    /// Significand and exponent of the expected number, if its residual looks like a tie's.
    pub(super) half: Option<(i128, i32)>,
}

/// Residuals beyond this many ulp (as f16) are near to a tie.
const NEAR: f64 = 0.4985;
/// Bits that tell such a residual from a tie, and those that an evaluation may lose.
const SPARE: u32 = 18;

/// The name of an element: its tensor and its index.
fn name(tensor: &str, shape: &[usize], mut index: usize) -> String {
    let mut parts = Vec::new();
    for &length in shape.iter().rev() {
        parts.push(format!("_{}", index % length.max(1)));
        index /= length.max(1);
    }
    parts.push(tensor.to_string());
    parts.into_iter().rev().collect()
}

/// The lemma that a statement's value rounds to what is expected.
pub(super) fn lemma(
    statement: &Statement,
    expected: &Tensor,
    residual: Option<&Tensor>,
    overflow: Overflow,
) -> Result<Lemma, &'static str> {
    let (dtype, index) = (expected.dtype(), statement.index);
    let (Some(format), Some(&bits)) = (dtype.format(), expected.data().get(index)) else {
        return Err(reason::INTEGER);
    };
    let real = &statement.real;
    let name = name(statement.tensor, expected.shape(), index);
    let in_format = format_name(dtype).ok_or(reason::INTEGER)?;
    let above = || match bits & format.sign_bit() {
        0 => real.text.clone(),
        _ => format!("- ({})", real.text),
    };
    let Some((significand, exponent)) = decode(format, bits) else {
        if format.is_nan(bits) {
            return Err(reason::NAN);
        }
        let above = above();
        return Ok(Lemma {
            name,
            says: format!("overflow {in_format} <= nearest {in_format} ({above})"),
            precision: precision(real.size, format.e_max() - format.precision as i32, real.turns),
            real: above,
            by: "overflows",
            holes: " _ _",
            half: None,
        });
    };
    // What a value is at most, if its terms do not say.
    let size = real.size.max(exponent + format.precision as i32);
    let precision = precision(size, exponent - 2, real.turns);
    let off = residual
        .and_then(|tensor| tensor.data().get(index))
        .map(|&bits| Format::F16.to_f64(bits).abs());
    let near = off.is_none_or(|off| off > NEAR);
    // How near is not known.
    let precision = if near { 3 * precision } else { precision };
    let magnitude = bits & !format.sign_bit();
    if overflow == Overflow::Saturate && magnitude == format.largest() {
        let above = above();
        let largest = pattern(dtype, magnitude).unwrap_or_default();
        return Ok(Lemma {
            name,
            says: format!("value {largest} <= nearest {in_format} ({above})"),
            precision,
            real: above,
            by: "saturates",
            holes: " _ _ _",
            half: None,
        });
    }
    Ok(Lemma {
        name,
        says: format!(
            "nearest {in_format} ({}) = value {}",
            real.text,
            pattern(dtype, bits).unwrap_or_default()
        ),
        real: real.text.clone(),
        by: "rounds",
        holes: " _ _ _",
        precision,
        half: off.is_some_and(|off| off == 0.5).then_some((significand, exponent)),
    })
}

impl Lemma {
    /// Makes the enclosure as narrow as a number needs that looks like a tie.
    pub(super) fn sharpen(&mut self, terms: &Terms, id: Id) -> Result<(), &'static str> {
        let Some(expected) = self.half else { return Ok(()) };
        match nearness(terms, id, expected) {
            Some(Nearness::Tie) => Err(reason::TIE),
            Some(Nearness::Bits(bits)) => {
                self.precision = self.precision.max(if bits > 0 { bits + 3 * SPARE } else { 0 });
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Bits of an enclosure of a number below 2^`size` that errs by less than 2^`unit`.
fn precision(size: i32, unit: i32, turns: u32) -> u32 {
    (size.saturating_sub(unit)).clamp(20, 20_000).unsigned_abs() + turns + SPARE
}
