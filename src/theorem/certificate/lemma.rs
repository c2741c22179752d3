//! From an exact value and an expected number to a lemma and its proof.

use super::text::{decode, format_name, pattern};
use super::{Statement, reason};
use crate::number::{Format, Tensor};

/// A lemma of a certificate.
pub(super) struct Lemma {
    pub(super) name: String,
    pub(super) text: String,
}

/// Bits by which an open interval is narrowed, so that one enclosure proves both ends.
const MARGIN: u32 = 10;
/// Residuals up to this many ulp (as f16) leave room for [`MARGIN`].
const ROOM: f64 = 0.4985;
/// Bits beyond those that an enclosure needs in principle.
const SPARE: i32 = 26;

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
) -> Result<Lemma, &'static str> {
    let (dtype, index) = (expected.dtype(), statement.index);
    let (Some(format), Some(&bits)) = (dtype.format(), expected.data().get(index)) else {
        return Err(reason::INTEGER);
    };
    let real = &statement.real;
    let name = name(statement.tensor, expected.shape(), index);
    let in_format = format_name(format);
    let rewrites: String =
        real.rewrites.iter().map(|equation| format!("rewrite {equation}. ")).collect();
    let Some((significand, exponent)) = decode(format, bits) else {
        if format.is_nan(bits) {
            return Err(reason::NONFINITE);
        }
        let sign = if bits & format.sign_bit() == 0 { "" } else { "- " };
        let precision = precision(real.size, format.e_max() - format.precision as i32, real.turns);
        let text = format!(
            "Lemma {name} :\n  overflow {in_format} <= nearest {in_format} ({sign}({})).\n\
             Proof. {rewrites}formula. certify_infinity {precision}%positive. Qed.\n",
            real.text
        );
        return Ok(Lemma { name, text });
    };
    // What a value is at most, if its terms do not say.
    let size = real.size.max(exponent + format.precision as i32);
    // Midpoints to both neighbours, in units of a quarter of the last place.
    let (low, high) = midpoints(format, significand, exponent);
    // A power of two, whose lower half is short, is even, so that this is about the others.
    let near = residual
        .and_then(|tensor| tensor.data().get(index))
        .is_none_or(|&bits| Format::F16.to_f64(bits).abs() > ROOM);
    let even = significand & 1 == 0;
    let (tactic, a, b, margin) = match (even, near) {
        (true, _) => ("certify", low, high, 0),
        (false, true) => ("certify_open", low, high, 0),
        (false, false) => ("certify", (low << MARGIN) + 1, (high << MARGIN) - 1, MARGIN as i32),
    };
    let unit = exponent - 2 - margin;
    let precision = precision(size, unit, real.turns);
    let text = format!(
        "Lemma {name} :\n  nearest {in_format} ({}) = value {}.\n\
         Proof. {rewrites}formula. {tactic} ({})%Z ({})%Z ({})%Z {precision}%positive. Qed.\n",
        real.text,
        pattern(dtype, bits).unwrap_or_default(),
        a,
        b,
        unit,
    );
    Ok(Lemma { name, text })
}

/// Bits of an enclosure of a number below 2^`size` that errs by less than 2^`unit`.
fn precision(size: i32, unit: i32, turns: u32) -> i32 {
    (size.saturating_sub(unit)).clamp(20, 20_000) + turns as i32 + SPARE
}

/// The ends of what rounds to a number, in quarters of its last place.
fn midpoints(format: Format, significand: i128, exponent: i32) -> (i128, i128) {
    // A power of two's lower neighbour is only half as far away.
    let short = exponent > format.least_exponent()
        && significand.unsigned_abs() == 1 << (format.precision - 1);
    let below = if short && significand > 0 { 1 } else { 2 };
    let above = if short && significand < 0 { 1 } else { 2 };
    (4 * significand - below, 4 * significand + above)
}
