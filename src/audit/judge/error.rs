//! How far off an element is, in a few operations: what [`ulps`] says, for large tensors.

use super::within::{scale, ulps};
use crate::number::Format;

/// How far off one element is.
pub(in crate::audit) struct Error {
    /// As [`ulps`] has it.
    pub(in crate::audit) ulps: f64,
    /// got − exact in ulp of what is right.
    pub(in crate::audit) signed: f64,
    /// Whether what is right is positive.
    pub(in crate::audit) positive: bool,
    /// That ulp.
    pub(in crate::audit) unit: f64,
}

impl Error {
    /// None where one of them is no number, or nothing is exact.
    #[inline(always)]
    pub(in crate::audit) fn of(to: Format, got: u64, want: u64, residual: u64) -> Option<Error> {
        let (residual, g, w) = (wide(Format::F16, residual), wide(to, got), wide(to, want));
        let narrow = matches!(to, Format::F32 | Format::BF16 | Format::F16);
        if !(narrow && g.is_finite() && w.is_finite()) {
            return Error::of_any(to, got, want, residual);
        }
        // Of these formats binary64 holds every number, and this difference in ulp, as `ulps` does.
        let exponent = ((w.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(to.e_min());
        let unit = exponent + 1 - to.precision as i32;
        let signed = (g - w) * scale(1.0, -unit) - residual;
        let ulps = if got == want { residual.abs().min(0.5) } else { signed.abs() };
        let known = !ulps.is_nan() && !residual.is_nan();
        known.then(|| Error { ulps, signed, positive: w > 0.0, unit: scale(1.0, unit) })
    }

    /// The same for every format, and for infinities.
    #[inline(never)]
    fn of_any(to: Format, got: u64, want: u64, residual: f64) -> Option<Error> {
        let ulps = ulps(to, got, want, residual);
        if ulps.is_nan() || residual.is_nan() {
            return None;
        }
        let unit = to.ulp_exponent(want)?;
        let (g, w) = (to.to_f64(got), to.to_f64(want));
        let inverse = f64::from_bits(((1023 - unit).clamp(1, 2046) as u64) << 52);
        let signed = (g - w) * inverse - residual;
        Some(Error { ulps, signed, positive: w > 0.0, unit: scale(1.0, unit) })
    }
}

/// A number as binary64; of a NaN only that it is one.
#[inline(always)]
pub(in crate::audit) fn wide(format: Format, bits: u64) -> f64 {
    match format {
        Format::F32 => f64::from(f32::from_bits(bits as u32)),
        Format::BF16 => f64::from(f32::from_bits((bits as u32) << 16)),
        // Exponents that are read as the lowest ones of binary64 are 1008 too small.
        Format::F16 if bits & 0x7c00 != 0x7c00 => {
            const SHIFT: f64 = f64::from_bits((1008 + 1023) << 52);
            let size = f64::from_bits((bits & 0x7fff) << 42) * SHIFT;
            if bits & 0x8000 == 0 { size } else { -size }
        }
        format => format.to_f64(bits),
    }
}
