//! The one rounding of the project: an exact value, to nearest, ties to even, once.

use super::{Decoded, Format};

/// What becomes of a number that rounds beyond the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// ± the largest.
    Saturate,
    /// ±∞ where the format has it, else NaN.
    Ieee,
}

impl Overflow {
    /// The word in a config.
    pub const fn name(self) -> &'static str {
        match self {
            Overflow::Saturate => "saturate",
            Overflow::Ieee => "ieee",
        }
    }
}

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
    /// What a conversion does beyond the largest number if nothing else is said: formats of eight
    /// bits saturate, as every cast to them does.
    pub const fn overflow(self) -> Overflow {
        let half = self.precision == 3 && self.exponent_bits == 5;
        if half || !self.has_infinity() { Overflow::Saturate } else { Overflow::Ieee }
    }

    /// An infinity, or a number that rounded beyond the largest.
    ///
    /// ```
    /// use ropewalk::number::{Format, Overflow};
    /// assert_eq!(Format::F8E5M2.beyond(true, Overflow::Ieee), 0xfc); // −∞
    /// assert_eq!(Format::F8E5M2.beyond(true, Overflow::Saturate), 0xfb); // −57344
    /// assert_eq!(Format::F8E4M3FN.beyond(false, Overflow::Ieee), 0x7f); // no ∞, so NaN
    /// ```
    pub const fn beyond(self, negative: bool, overflow: Overflow) -> u64 {
        match overflow {
            Overflow::Saturate => self.signed(self.largest(), negative),
            Overflow::Ieee if self.has_infinity() => self.signed(self.infinity(), negative),
            Overflow::Ieee => self.quiet_nan(),
        }
    }

    /// Rounds an exact value to nearest, ties to even, with gradual underflow, and beyond the
    /// largest number as [`Format::overflow`] says.
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
    /// assert_eq!(Format::F8E4M3FN.round(&Wide::dyadic(false, 1000, 0)), 0x7e); // 448
    /// ```
    pub fn round(self, exact: &Wide) -> u64 {
        self.round_by(exact, self.overflow())
    }

    /// Rounds an exact value to nearest, ties to even, on the grid continued beyond the largest
    /// number; what rounds beyond it is an overflow.
    ///
    /// ```
    /// use ropewalk::number::{Format, Overflow, Wide};
    /// let round = |x| Format::F8E4M3FN.round_by(&Wide::dyadic(false, x, 0), Overflow::Ieee);
    /// assert_eq!((round(464), round(465)), (0x7e, 0x7f)); // 448 by ties to even, then NaN
    /// ```
    pub fn round_by(self, exact: &Wide, overflow: Overflow) -> u64 {
        if exact.significand == 0 {
            // A sticky flag alone has no leading bits, so it can only stand for an underflow.
            return self.signed(0, exact.negative);
        }
        let length = 128 - exact.significand.leading_zeros() as i64;
        // Saturation moves no result: that far out everything is zero or infinite.
        let leading = exact.exponent.saturating_add(length - 1);
        if leading > self.e_max() as i64 {
            return self.beyond(exact.negative, overflow);
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
        let magnitude = kept as u64 + (biased << (self.precision - 1));
        match magnitude > self.largest() {
            true => self.beyond(exact.negative, overflow),
            false => self.signed(magnitude, exact.negative),
        }
    }

    /// Converts a pattern of another format, or of this one: a NaN becomes a NaN, an infinity is
    /// an overflow, signs of zeros are kept where there are two.
    ///
    /// ```
    /// use ropewalk::number::{Format, Overflow};
    /// let cast = |x: f32| Format::F8E4M3FN.convert(Format::F32, x.to_bits().into(), Overflow::Ieee);
    /// assert_eq!((cast(1.0), cast(-0.0), cast(f32::INFINITY)), (0x38, 0x80, 0x7f));
    /// ```
    pub fn convert(self, from: Format, bits: u64, overflow: Overflow) -> u64 {
        match from.decode(bits) {
            Decoded::Nan => self.quiet_nan(),
            Decoded::Infinite { negative } => self.beyond(negative, overflow),
            Decoded::Finite { negative, significand, exponent } => {
                let exact = Wide::dyadic(negative, significand.into(), exponent.into());
                self.round_by(&exact, overflow)
            }
        }
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
        if self.is_zero(bits) && !zero { self.signed(1, exact.negative) } else { bits }
    }
}
