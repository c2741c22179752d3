//! Which way errors point: whoever truncates is off towards zero, always.

use crate::number::Format;

/// Errors by direction.
///
/// ```
/// use ropewalk::{audit::Signs, number::Format};
/// let mut signs = Signs::default();
/// (0..1000).for_each(|_| signs.count(Format::F32, 0x3f800000, 0x3f800001, -0.25));
/// assert!(signs.note().is_some()); // three quarters of an ulp below, a thousand times
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Elements that are not exact.
    pub inexact: usize,
    /// Those of them that are nearer to zero than what is exact.
    pub inwards: usize,
    /// Those of these that rounding to nearest would have kept: off by more than half an ulp.
    pub beyond_half: usize,
}

/// Fewer elements prove nothing.
const ENOUGH: usize = 256;

impl Signs {
    /// Counts an element; the exact value is `residual` ulp of `want` away from it.
    #[inline]
    pub fn count(&mut self, format: Format, got: u64, want: u64, residual: f64) {
        let Some(unit) = format.ulp_exponent(want) else { return };
        let (got, want) = (format.to_f64(got), format.to_f64(want));
        // In ulp, exactly: neighbours are subtracted first.
        let off =
            (got - want) * f64::from_bits(((1023 - unit).clamp(1, 2046) as u64) << 52) - residual;
        self.add(off, want > 0.0);
    }

    /// Counts an error in ulp of a right answer that is positive or not.
    #[inline(always)]
    pub(in crate::audit) fn add(&mut self, off: f64, positive: bool) {
        if off == 0.0 || !off.is_finite() {
            return;
        }
        self.inexact += 1;
        if (off < 0.0) == positive {
            self.inwards += 1;
            self.beyond_half += usize::from(off.abs() > 0.55);
        }
    }

    /// Both together.
    pub fn merge(&mut self, other: &Signs) {
        self.inexact += other.inexact;
        self.inwards += other.inwards;
        self.beyond_half += other.beyond_half;
    }

    /// What follows, if enough was seen: of numbers that are rounded to nearest as many are too
    /// large as too small, and few are off by more than half an ulp.
    pub fn note(&self) -> Option<String> {
        let all = self.inexact >= ENOUGH && self.inwards * 100 >= self.inexact * 99;
        (all && self.beyond_half * 4 >= self.inexact)
            .then(|| "all errors point to zero: truncated, not rounded?".to_string())
    }
}
