//! Lanes of NEON, which every aarch64 processor has.
//!
//! # Safety
//!
//! The intrinsics that touch memory are unsafe; every load and store goes through a reference to an
//! array of exactly the length it needs. The others need nothing but the target.

use super::lanes::{Lanes, f16_of_odd};
use std::arch::aarch64::*;

/// Eight lanes in four registers.
#[derive(Clone, Copy)]
pub(super) struct Neon([float64x2_t; 4]);

impl Neon {
    #[inline(always)]
    fn zip(self, other: Neon, f: impl Fn(float64x2_t, float64x2_t) -> float64x2_t) -> Neon {
        Neon(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }

    /// Rounds to binary32, to nearest.
    #[inline(always)]
    fn narrow(self) -> [float32x4_t; 2] {
        let [a, b, c, d] = self.0;
        // SAFETY: NEON is part of the target.
        unsafe { [vcvt_high_f32_f64(vcvt_f32_f64(a), b), vcvt_high_f32_f64(vcvt_f32_f64(c), d)] }
    }

    /// Rounds to binary32, to odd: see [`super::lanes`].
    #[inline(always)]
    fn to_odd(self) -> [float32x4_t; 2] {
        let [a, b, c, d] = self.0;
        // SAFETY: NEON is part of the target.
        unsafe {
            [vcvtx_high_f32_f64(vcvtx_f32_f64(a), b), vcvtx_high_f32_f64(vcvtx_f32_f64(c), d)]
        }
    }
}

/// A bit for each lane that is not all ones.
#[inline(always)]
fn unset(equal: [uint32x4_t; 2]) -> u8 {
    const BITS: [u32; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: NEON is part of the target; both halves of BITS have four numbers.
    unsafe {
        let [low, high] = [vld1q_u32(BITS.as_ptr()), vld1q_u32(BITS[4..].as_ptr())];
        (vaddvq_u32(vbicq_u32(low, equal[0])) + vaddvq_u32(vbicq_u32(high, equal[1]))) as u8
    }
}

/// Rounds binary32 to its upper half, ties to even.
#[inline(always)]
fn upper_half([low, high]: [float32x4_t; 2]) -> uint16x8_t {
    // SAFETY: NEON is part of the target.
    unsafe {
        let half = |x: float32x4_t| {
            let bits = vreinterpretq_u32_f32(x);
            let even = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
            vaddq_u32(bits, vaddq_u32(vdupq_n_u32(0x7fff), even))
        };
        vshrn_high_n_u32::<16>(vshrn_n_u32::<16>(half(low)), half(high))
    }
}

impl Lanes for Neon {
    #[inline(always)]
    fn splat(x: f64) -> Neon {
        // SAFETY: NEON is part of the target.
        Neon([unsafe { vdupq_n_f64(x) }; 4])
    }
    #[inline(always)]
    fn load(x: &[f64; 8]) -> Neon {
        // SAFETY: two numbers from 0, 2, 4, 6 on are within the eight.
        Neon(std::array::from_fn(|i| unsafe { vld1q_f64(x[2 * i..].as_ptr()) }))
    }
    #[inline(always)]
    fn store(self, out: &mut [f64; 8]) {
        for (pair, x) in out.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            // SAFETY: the pair has the two numbers that are written.
            unsafe { vst1q_f64(pair.as_mut_ptr(), x) }
        }
    }
    #[inline(always)]
    fn add(self, other: Neon) -> Neon {
        // SAFETY: NEON is part of the target.
        self.zip(other, |a, b| unsafe { vaddq_f64(a, b) })
    }
    #[inline(always)]
    fn sub(self, other: Neon) -> Neon {
        // SAFETY: NEON is part of the target.
        self.zip(other, |a, b| unsafe { vsubq_f64(a, b) })
    }
    #[inline(always)]
    fn mul(self, other: Neon) -> Neon {
        // SAFETY: NEON is part of the target.
        self.zip(other, |a, b| unsafe { vmulq_f64(a, b) })
    }
    #[inline(always)]
    fn product_error(self, other: Neon, product: Neon) -> Neon {
        // SAFETY: NEON is part of the target. a·b − p = −p + a·b, fused.
        let error = |i: usize| unsafe { vfmaq_f64(vnegq_f64(product.0[i]), self.0[i], other.0[i]) };
        Neon(std::array::from_fn(error))
    }
    #[inline(always)]
    fn differ(self, other: Neon) -> u8 {
        // SAFETY: NEON is part of the target.
        let half = |i: usize| unsafe {
            let equal = |i: usize| vceqq_f64(self.0[i], other.0[i]);
            vmovn_high_u64(vmovn_u64(equal(i)), equal(i + 1))
        };
        unset([half(0), half(2)])
    }
    #[inline(always)]
    fn to_f32(lo: Neon, hi: Neon, out: &mut [f32; 8]) -> u8 {
        let (low, high) = (lo.narrow(), hi.narrow());
        for (four, x) in out.as_chunks_mut::<4>().0.iter_mut().zip(low) {
            // SAFETY: there are the four numbers that are written.
            unsafe { vst1q_f32(four.as_mut_ptr(), x) }
        }
        // SAFETY: NEON is part of the target.
        unset(std::array::from_fn(|i| unsafe { vceqq_f32(low[i], high[i]) }))
    }
    #[inline(always)]
    fn to_bf16(lo: Neon, hi: Neon, out: &mut [u16; 8]) -> u8 {
        let (low, high) = (upper_half(lo.to_odd()), upper_half(hi.to_odd()));
        // SAFETY: NEON is part of the target; `out` has the eight numbers that are written.
        unsafe {
            vst1q_u16(out.as_mut_ptr(), low);
            let equal = vreinterpretq_s16_u16(vceqq_u16(low, high));
            let wide = [vmovl_s16(vget_low_s16(equal)), vmovl_high_s16(equal)];
            unset(wide.map(|x| vreinterpretq_u32_s32(x)))
        }
    }
    #[inline(always)]
    fn to_f16(lo: Neon, hi: Neon, out: &mut [u16; 8]) -> u8 {
        let round = |x: Neon, out: &mut [u16; 8]| {
            let mut odd = [0f32; 8];
            for (four, x) in odd.as_chunks_mut::<4>().0.iter_mut().zip(x.to_odd()) {
                // SAFETY: there are the four numbers that are written.
                unsafe { vst1q_f32(four.as_mut_ptr(), x) }
            }
            *out = odd.map(f16_of_odd);
        };
        let mut high = [0; 8];
        round(lo, out);
        round(hi, &mut high);
        (0..8).fold(0, |mask, i| mask | ((out[i] != high[i]) as u8) << i)
    }
}
