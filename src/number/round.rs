//! The one rounding of the project: an exact value, to nearest, ties to even, once.

use super::Format;

/// An exact value as far as rounding cares: ±(`significand` + δ) · 2^`exponent`, where δ = 0, or
/// 0 < δ < 1 if `sticky`.
///
/// A producer with more than 128 bits keeps the leading ones and sets `sticky` if a dropped bit
/// was set. With `sticky`, the significand must have at least precision + 2 bits (66 serves every
/// format); a shorter one could not tell a tie from a near tie. The exponent may be any at all.
///
/// ```
/// use ropewalk::number::{Format, Wide};
/// // π to 68 bits; more follow.
/// let pi = Wide { negative: false, significand: 0xc90f_daa2_2168_c234_c, exponent: -66, sticky: true };
/// assert_eq!(Format::F64.round(&pi), std::f64::consts::PI.to_bits());
/// assert_eq!(Format::BF16.round(&pi), 0x4049);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    /// The sign. It survives underflow to zero.
    pub negative: bool,
    /// The leading bits.
    pub significand: u128,
    /// Of the significand's last bit.
    pub exponent: i64,
    /// Whether something non-zero follows the significand.
    pub sticky: bool,
}

impl Wide {
    /// Exactly zero, which is +0: a sum that cancels has no sign of its own.
    pub const ZERO: Wide = Wide { negative: false, significand: 0, exponent: 0, sticky: false };

    /// An exact dyadic ±`significand` · 2^`exponent`.
    ///
    /// ```
    /// use ropewalk::number::{Format, Wide};
    /// assert_eq!(Format::F32.round(&Wide::dyadic(true, 3, -1)), 0xbfc00000);
    /// ```
    pub fn dyadic(negative: bool, significand: u128, exponent: i64) -> Wide {
        Wide { negative, significand, exponent, sticky: false }
    }
}

impl Format {
    /// Rounds an exact value to nearest, ties to even, with gradual underflow and overflow to ±∞.
    ///
    /// There is no intermediate format: 2.5 smallest f16 subnormals and a bit more is 3 of them,
    /// which a detour over 11 significant bits would make 2.
    ///
    /// ```
    /// use ropewalk::number::{Format, Wide};
    /// let just_above_a_tie = Wide::dyadic(false, (5 << 60) + 1, -85); // (2.5 + 2⁻⁶¹) · 2⁻²⁴
    /// assert_eq!(Format::F16.round(&just_above_a_tie), 3);
    /// assert_eq!(Format::F16.round(&Wide::dyadic(false, 65519, 0)), 0x7bff);
    /// assert_eq!(Format::F16.round(&Wide::dyadic(false, 65520, 0)), 0x7c00);
    /// ```
    pub fn round(self, exact: &Wide) -> u64 {
        let sign = if exact.negative { self.sign_bit() } else { 0 };
        if exact.significand == 0 {
            // A sticky flag alone has no leading bits, so it can only stand for an underflow.
            return sign;
        }
        let length = 128 - exact.significand.leading_zeros() as i64;
        // Saturation moves no result: that far out everything is zero or infinite.
        let leading = exact.exponent.saturating_add(length - 1);
        if leading > self.e_max() as i64 {
            return sign | self.infinity();
        }
        // The last bit that the result can hold, and how many bits lie below it.
        let last =
            leading.saturating_sub(self.precision as i64 - 1).max(self.least_exponent() as i64);
        let dropped = last.saturating_sub(exact.exponent);
        debug_assert!(dropped > 0 || !exact.sticky, "too few bits to round {exact:?} to {self:?}");
        let kept = if dropped <= 0 {
            exact.significand << -dropped
        } else if dropped > 128 {
            0
        } else {
            let quotient = exact.significand.checked_shr(dropped as u32).unwrap_or(0);
            let rest = exact.significand - quotient.checked_shl(dropped as u32).unwrap_or(0);
            let half = 1u128 << (dropped - 1);
            let up = match rest.cmp(&half) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => exact.sticky || quotient & 1 == 1,
            };
            quotient + up as u128
        };
        // A carry into the next binade, or from the subnormals to the normals, or from the largest
        // number to infinity, is a carry of the encoding too.
        let biased = (last - self.least_exponent() as i64) as u64;
        sign | (kept as u64 + (biased << (self.precision - 1)))
    }

    /// As [`Format::round`], but a non-zero value never becomes zero: it stops at the smallest
    /// subnormal. Residuals are rounded so, that a zero residual always means *exact*.
    ///
    /// ```
    /// use ropewalk::number::{Format, Wide};
    /// let tiny = Wide::dyadic(true, 1, -1000);
    /// assert_eq!(Format::F16.round(&tiny), 0x8000);
    /// assert_eq!(Format::F16.round_nonzero(&tiny), 0x8001);
    /// assert_eq!(Format::F16.round_nonzero(&Wide::ZERO), 0);
    /// ```
    pub fn round_nonzero(self, exact: &Wide) -> u64 {
        let bits = self.round(exact);
        let zero = exact.significand == 0 && !exact.sticky;
        if self.is_zero(bits) && !zero { bits | 1 } else { bits }
    }
}
