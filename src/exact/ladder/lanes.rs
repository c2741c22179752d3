//! Eight binary64 lanes, and the portable ones.
//!
//! The algorithms of [`super::entry`] are written once over this trait. Every operation is an IEEE
//! operation on each lane, or exact, so that all implementations give the same bits.

/// Eight binary64 numbers.
///
/// Implementations are only used inside functions that enable the instructions they need.
pub trait Lanes: Copy {
    /// The same number eight times.
    fn splat(x: f64) -> Self;
    /// Eight numbers.
    fn load(x: &[f64; 8]) -> Self;
    /// Writes all eight.
    fn store(self, out: &mut [f64; 8]);
    /// RN(self + other).
    fn add(self, other: Self) -> Self;
    /// RN(self − other).
    fn sub(self, other: Self) -> Self;
    /// RN(self · other).
    fn mul(self, other: Self) -> Self;
    /// self · other − product, exactly, if product = RN(self · other) and nothing underflows.
    fn product_error(self, other: Self, product: Self) -> Self;
    /// A mask of the lanes that are not equal; NaN equals nothing.
    fn differ(self, other: Self) -> u8;
    /// Rounds both to binary32, stores `lo`, returns a mask of the lanes that are not equal.
    fn to_f32(lo: Self, hi: Self, out: &mut [f32; 8]) -> u8;
    /// As [`Lanes::to_f32`] for bf16, as bits.
    fn to_bf16(lo: Self, hi: Self, out: &mut [u16; 8]) -> u8;
    /// As [`Lanes::to_f32`] for binary16, as bits.
    fn to_f16(lo: Self, hi: Self, out: &mut [u16; 8]) -> u8;
}

/// Lanes that need no instructions beyond the target's own.
#[derive(Clone, Copy)]
pub(super) struct Portable([f64; 8]);

/// The upper 27 and the lower 26 bits, both exact (Veltkamp).
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    let c = 134_217_729.0 * x; // 2^27 + 1
    let high = c - (c - x);
    (high, x - high)
}

/// a·b − p for p = RN(ab): fused where the target always has it, Dekker's product elsewhere. Both
/// are exact without underflow and overflow, so both give the same bits.
#[inline(always)]
fn product_error(a: f64, b: f64, p: f64) -> f64 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        return a.mul_add(b, -p);
    }
    let ((ah, al), (bh, bl)) = (split(a), split(b));
    ((ah * bh - p) + ah * bl + al * bh) + al * bl
}

/// The binary32 number towards zero, its last bit set if anything was dropped (rounding to odd).
/// As binary32 has at least two bits more than either 16-bit format, rounding it again gives what
/// one rounding would have given. In the range of normal binary32 numbers; smaller ones never
/// pass a rounding test.
#[inline(always)]
fn to_odd(x: f64) -> f32 {
    const DROPPED: u64 = (1 << 29) - 1;
    let bits = x.to_bits();
    let sticky = ((bits & DROPPED) + DROPPED) & (1 << 29);
    f64::from_bits((bits & !DROPPED) | sticky) as f32
}

/// Rounds to bf16, ties to even.
#[inline(always)]
pub(super) fn bf16(x: f64) -> u16 {
    let bits = to_odd(x).to_bits();
    ((bits as u64 + 0x7fff + (bits >> 16 & 1) as u64) >> 16) as u16
}

/// Rounds to binary16, ties to even; infinity from 65520 on.
#[inline(always)]
pub(super) fn f16(x: f64) -> u16 {
    f16_of_odd(to_odd(x))
}

/// The second step of [`f16`].
#[inline(always)]
pub(super) fn f16_of_odd(odd: f32) -> u16 {
    let bits = odd.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude >= 0x4780_0000 {
        // From 65536 on.
        return sign | if magnitude > 0x7f80_0000 { 0x7e00 } else { 0x7c00 };
    }
    if magnitude < 0x3880_0000 {
        // Below 2^−14 the numbers are multiples of 2^−24, and adding 1/2, whose ulp that is,
        // rounds to one of them.
        let sum = f32::from_bits(magnitude) + 0.5;
        return sign | (sum.to_bits() - 0.5f32.to_bits()) as u16;
    }
    let even = magnitude + 0xfff + (magnitude >> 13 & 1);
    sign | ((even - 0x3800_0000) >> 13) as u16
}

impl Portable {
    #[inline(always)]
    fn zip(self, other: Portable, f: impl Fn(f64, f64) -> f64) -> Portable {
        Portable(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

/// Rounds both ends, keeps the lower one, and tells where they differ.
#[inline(always)]
fn both(lo: Portable, hi: Portable, out: &mut [u16; 8], round: impl Fn(f64) -> u16) -> u8 {
    let mut mask = 0;
    for (i, slot) in out.iter_mut().enumerate() {
        *slot = round(lo.0[i]);
        mask |= ((*slot != round(hi.0[i])) as u8) << i;
    }
    mask
}

impl Lanes for Portable {
    #[inline(always)]
    fn splat(x: f64) -> Portable {
        Portable([x; 8])
    }
    #[inline(always)]
    fn load(x: &[f64; 8]) -> Portable {
        Portable(*x)
    }
    #[inline(always)]
    fn store(self, out: &mut [f64; 8]) {
        *out = self.0;
    }
    #[inline(always)]
    fn add(self, other: Portable) -> Portable {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Portable) -> Portable {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Portable) -> Portable {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn product_error(self, other: Portable, product: Portable) -> Portable {
        Portable(std::array::from_fn(|i| product_error(self.0[i], other.0[i], product.0[i])))
    }
    #[inline(always)]
    fn differ(self, other: Portable) -> u8 {
        (0..8).fold(0, |mask, i| mask | ((self.0[i] != other.0[i]) as u8) << i)
    }
    #[inline(always)]
    fn to_f32(lo: Portable, hi: Portable, out: &mut [f32; 8]) -> u8 {
        let high = hi.0.map(|x| x as f32);
        *out = lo.0.map(|x| x as f32);
        (0..8).fold(0, |mask, i| mask | ((out[i] != high[i]) as u8) << i)
    }
    #[inline(always)]
    fn to_bf16(lo: Portable, hi: Portable, out: &mut [u16; 8]) -> u8 {
        both(lo, hi, out, bf16)
    }
    #[inline(always)]
    fn to_f16(lo: Portable, hi: Portable, out: &mut [u16; 8]) -> u8 {
        both(lo, hi, out, f16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::{Decoded, Format, Wide};

    /// The one rounding of the project.
    fn reference(format: Format, x: f64) -> u64 {
        match Format::F64.decode(x.to_bits()) {
            Decoded::Finite { negative, significand, exponent } => {
                format.round(&Wide::dyadic(negative, significand as u128, exponent as i64))
            }
            _ => unreachable!("samples are finite"),
        }
    }

    #[test]
    fn sixteen_bit_roundings_are_the_reference() {
        let mut state = 7u64;
        let mut samples: Vec<f64> = (0..40_000)
            .map(|i| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                // Few bits now and then, so that ties occur.
                let fraction = state >> 12 >> (i % 7 * 6) << (i % 7 * 6);
                let exponent = 1023 - 40 + (state % 58);
                f64::from_bits((state & 1) << 63 | exponent << 52 | fraction)
            })
            .collect();
        samples.extend([0.0, -0.0, 65519.999, 65520.0, 65504.0, 65536.0, 1e30, 6.1e-5, 2.98e-8]);
        for x in samples {
            assert_eq!(f16(x) as u64, reference(Format::F16, x), "{x:e}");
            assert_eq!(bf16(x) as u64, reference(Format::BF16, x), "{x:e}");
        }
    }

    #[test]
    fn dekker_is_fused() {
        let mut state = 3u64;
        for _ in 0..10_000 {
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state as i64 as f64) * 2f64.powi(-63)
            };
            let (a, b) = (next(), next());
            let ((ah, al), (bh, bl)) = (split(a), split(b));
            let p = a * b;
            assert_eq!(((ah * bh - p) + ah * bl + al * bh) + al * bl, a.mul_add(b, -p));
        }
    }
}
