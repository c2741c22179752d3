//! Small pieces of Coq text.

use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::request::Position;
use std::collections::HashSet;

/// A name that Coq accepts.
pub(super) fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    // A prefix keeps clear of keywords and of leading digits.
    format!("test_{name}")
}

/// A parameter: the f64 nearest to what is written, as an integer where it is one.
pub(super) fn parameter(x: f64) -> String {
    match x.fract() == 0.0 && x.abs() < 9007199254740992.0 {
        true => integer(x as i128),
        false => format!("value F64 0x{:016x}", x.to_bits()),
    }
}

/// An integer, in parentheses where a sign would be taken for an operator.
pub(super) fn integer(n: i128) -> String {
    if n < 0 { format!("({n})") } else { n.to_string() }
}

/// A position, which may be a fraction.
pub(super) fn position(p: Position) -> String {
    match p.denominator {
        1 => integer(p.numerator.into()),
        d => format!("({} / {d})", p.numerator),
    }
}

/// Bits of a position before the point.
pub(super) fn position_bits(p: Position) -> u32 {
    64 - (p.numerator.unsigned_abs() / p.denominator.max(1) as u64).leading_zeros()
}

/// A format's name in a certificate.
pub(super) fn format_name(dtype: Dtype) -> Option<&'static str> {
    match dtype {
        Dtype::F64 => Some("F64"),
        Dtype::F32 => Some("F32"),
        Dtype::Bf16 => Some("BF16"),
        Dtype::F16 => Some("F16"),
        Dtype::F8E4M3Fn => Some("F8E4M3FN"),
        Dtype::F8E5M2 => Some("F8E5M2"),
        Dtype::F8E4M3Fnuz => Some("F8E4M3FNUZ"),
        Dtype::F8E5M2Fnuz => Some("F8E5M2FNUZ"),
        Dtype::I64 | Dtype::I32 => None,
    }
}

/// The format of a name in a certificate.
pub(super) fn named_format(name: &str) -> Option<Format> {
    let dtype = Dtype::ALL.into_iter().find(|dtype| format_name(*dtype) == Some(name))?;
    dtype.format()
}

/// The definitions of those formats in a text that the prelude lacks.
pub(super) fn eight_bits(text: &str) -> String {
    let words: HashSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let definition = |dtype: Dtype| {
        let (name, format) = (format_name(dtype)?, dtype.format()?);
        let Format { precision, exponent_bits, .. } = format;
        let least = format.least_exponent();
        words.contains(name).then(|| {
            format!("Definition {name} := Format {precision} {exponent_bits} ({least}).\n")
        })
    };
    Dtype::EIGHT_BITS.into_iter().filter_map(definition).collect()
}

/// A bit pattern.
pub(super) fn pattern(dtype: Dtype, bits: u64) -> Option<String> {
    let format = dtype.format()?;
    let digits = format.width() as usize / 4;
    Some(format!("{} 0x{bits:0digits$x}", format_name(dtype)?))
}

/// An input element: its value, and a power of two above it; none if it is not finite.
pub(super) fn input(tensor: &Tensor, index: usize) -> Option<(String, i32)> {
    let bits = *tensor.data().get(index)?;
    let format = tensor.dtype().format()?;
    let (significand, exponent) = decode(format, bits)?;
    let size = match significand {
        0 => i32::MIN / 2,
        m => exponent + 128 - m.unsigned_abs().leading_zeros() as i32,
    };
    Some((format!("value {}", pattern(tensor.dtype(), bits)?), size))
}

/// Significand and exponent of a finite pattern, as the prelude decodes it.
pub(super) fn decode(format: Format, bits: u64) -> Option<(i128, i32)> {
    if !format.is_finite(bits) {
        return None;
    }
    let fraction_bits = format.precision - 1;
    let fraction = (bits & ((1 << fraction_bits) - 1)) as i128;
    let biased = (bits & !format.sign_bit()) >> fraction_bits;
    let magnitude = if biased == 0 { fraction } else { fraction + (1 << fraction_bits) };
    let exponent = biased.max(1) as i32 - 1 + format.least_exponent();
    Some((if bits & format.sign_bit() == 0 { magnitude } else { -magnitude }, exponent))
}
