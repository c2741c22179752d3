//! Lanes of AVX2 with FMA, and of AVX-512.
//!
//! # Safety
//!
//! The intrinsics are unsafe to call where their instructions may be missing. The methods here are
//! inlined into the two functions of [`super::kernel`] that enable the instructions, and those are
//! called only after the processor was asked ([`super::kernel::Path::available`]). The types are
//! private to the engine, so nobody else can call them. Every load and store goes through a
//! reference to an array of exactly the length it needs, unaligned.

use super::lanes::Lanes;
use std::arch::x86_64::*;

/// Eight lanes in one register.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512d);

/// Eight lanes in two registers.
#[derive(Clone, Copy)]
pub(super) struct Avx2([__m256d; 2]);

/// Rounds to odd, see [`super::lanes`]: exact afterwards in binary32.
#[inline(always)]
unsafe fn to_odd_512(x: __m512d) -> __m256 {
    // SAFETY: see the module.
    unsafe {
        let dropped = _mm512_set1_epi64((1 << 29) - 1);
        let bits = _mm512_castpd_si512(x);
        let carried = _mm512_add_epi64(_mm512_and_si512(bits, dropped), dropped);
        let sticky = _mm512_and_si512(carried, _mm512_set1_epi64(1 << 29));
        let odd = _mm512_or_si512(_mm512_andnot_si512(dropped, bits), sticky);
        _mm512_cvtpd_ps(_mm512_castsi512_pd(odd))
    }
}

/// As [`to_odd_512`].
#[inline(always)]
unsafe fn to_odd_256(x: [__m256d; 2]) -> __m256 {
    // SAFETY: see the module.
    unsafe {
        let half = |x: __m256d| {
            let dropped = _mm256_set1_epi64x((1 << 29) - 1);
            let bits = _mm256_castpd_si256(x);
            let carried = _mm256_add_epi64(_mm256_and_si256(bits, dropped), dropped);
            let sticky = _mm256_and_si256(carried, _mm256_set1_epi64x(1 << 29));
            let odd = _mm256_or_si256(_mm256_andnot_si256(dropped, bits), sticky);
            _mm256_cvtpd_ps(_mm256_castsi256_pd(odd))
        };
        _mm256_set_m128(half(x[1]), half(x[0]))
    }
}

/// Rounds binary32 to its upper half, ties to even.
#[inline(always)]
unsafe fn upper_half(x: __m256) -> __m128i {
    // SAFETY: see the module.
    unsafe {
        let bits = _mm256_castps_si256(x);
        let even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
        let sum = _mm256_add_epi32(bits, _mm256_add_epi32(_mm256_set1_epi32(0x7fff), even));
        let upper = _mm256_srli_epi32(sum, 16);
        _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1))
    }
}

/// Rounds binary32 to binary16, ties to even.
#[inline(always)]
unsafe fn binary16(x: __m256) -> __m128i {
    // SAFETY: see the module.
    unsafe { _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(x) }
}

/// Stores the first, and returns a mask of the lanes that differ.
#[inline(always)]
unsafe fn store_16(lo: __m128i, hi: __m128i, out: &mut [u16; 8]) -> u8 {
    // SAFETY: see the module; `out` has the 16 bytes that are written.
    unsafe {
        _mm_storeu_si128(out.as_mut_ptr().cast(), lo);
        let equal = _mm_cmpeq_epi16(lo, hi);
        !_mm_movemask_epi8(_mm_packs_epi16(equal, equal)) as u8
    }
}

impl Lanes for Avx512 {
    #[inline(always)]
    fn splat(x: f64) -> Avx512 {
        // SAFETY: see the module.
        Avx512(unsafe { _mm512_set1_pd(x) })
    }
    #[inline(always)]
    fn load(x: &[f64; 8]) -> Avx512 {
        // SAFETY: see the module.
        Avx512(unsafe { _mm512_loadu_pd(x.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, out: &mut [f64; 8]) {
        // SAFETY: see the module.
        unsafe { _mm512_storeu_pd(out.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn add(self, other: Avx512) -> Avx512 {
        // SAFETY: see the module.
        Avx512(unsafe { _mm512_add_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Avx512) -> Avx512 {
        // SAFETY: see the module.
        Avx512(unsafe { _mm512_sub_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Avx512) -> Avx512 {
        // SAFETY: see the module.
        Avx512(unsafe { _mm512_mul_pd(self.0, other.0) })
    }
    #[inline(always)]
    fn product_error(self, other: Avx512, product: Avx512) -> Avx512 {
        // SAFETY: see the module.
        Avx512(unsafe { _mm512_fmsub_pd(self.0, other.0, product.0) })
    }
    #[inline(always)]
    fn differ(self, other: Avx512) -> u8 {
        // SAFETY: see the module.
        unsafe { _mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(self.0, other.0) }
    }
    #[inline(always)]
    fn to_f32(lo: Avx512, hi: Avx512, out: &mut [f32; 8]) -> u8 {
        // SAFETY: see the module; `out` has the 32 bytes that are written.
        unsafe {
            let (low, high) = (_mm512_cvtpd_ps(lo.0), _mm512_cvtpd_ps(hi.0));
            _mm256_storeu_ps(out.as_mut_ptr(), low);
            _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(low, high)) as u8
        }
    }
    #[inline(always)]
    fn to_bf16(lo: Avx512, hi: Avx512, out: &mut [u16; 8]) -> u8 {
        // SAFETY: see the module.
        unsafe { store_16(upper_half(to_odd_512(lo.0)), upper_half(to_odd_512(hi.0)), out) }
    }
    #[inline(always)]
    fn to_f16(lo: Avx512, hi: Avx512, out: &mut [u16; 8]) -> u8 {
        // SAFETY: see the module.
        unsafe { store_16(binary16(to_odd_512(lo.0)), binary16(to_odd_512(hi.0)), out) }
    }
}

impl Avx2 {
    #[inline(always)]
    fn zip(self, other: Avx2, f: impl Fn(__m256d, __m256d) -> __m256d) -> Avx2 {
        Avx2([f(self.0[0], other.0[0]), f(self.0[1], other.0[1])])
    }
}

impl Lanes for Avx2 {
    #[inline(always)]
    fn splat(x: f64) -> Avx2 {
        // SAFETY: see the module.
        Avx2([unsafe { _mm256_set1_pd(x) }; 2])
    }
    #[inline(always)]
    fn load(x: &[f64; 8]) -> Avx2 {
        let (low, high) = (x.as_ptr(), x[4..].as_ptr());
        // SAFETY: see the module; both halves have four numbers.
        Avx2(unsafe { [_mm256_loadu_pd(low), _mm256_loadu_pd(high)] })
    }
    #[inline(always)]
    fn store(self, out: &mut [f64; 8]) {
        let (low, high) = out.split_at_mut(4);
        // SAFETY: see the module; both halves have four numbers.
        unsafe {
            _mm256_storeu_pd(low.as_mut_ptr(), self.0[0]);
            _mm256_storeu_pd(high.as_mut_ptr(), self.0[1]);
        }
    }
    #[inline(always)]
    fn add(self, other: Avx2) -> Avx2 {
        // SAFETY: see the module.
        self.zip(other, |a, b| unsafe { _mm256_add_pd(a, b) })
    }
    #[inline(always)]
    fn sub(self, other: Avx2) -> Avx2 {
        // SAFETY: see the module.
        self.zip(other, |a, b| unsafe { _mm256_sub_pd(a, b) })
    }
    #[inline(always)]
    fn mul(self, other: Avx2) -> Avx2 {
        // SAFETY: see the module.
        self.zip(other, |a, b| unsafe { _mm256_mul_pd(a, b) })
    }
    #[inline(always)]
    fn product_error(self, other: Avx2, product: Avx2) -> Avx2 {
        let error = |i: usize| {
            // SAFETY: see the module.
            unsafe { _mm256_fmsub_pd(self.0[i], other.0[i], product.0[i]) }
        };
        Avx2([error(0), error(1)])
    }
    #[inline(always)]
    fn differ(self, other: Avx2) -> u8 {
        let mask = |i: usize| {
            // SAFETY: see the module.
            unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(self.0[i], other.0[i])) }
        };
        (mask(0) | mask(1) << 4) as u8
    }
    #[inline(always)]
    fn to_f32(lo: Avx2, hi: Avx2, out: &mut [f32; 8]) -> u8 {
        // SAFETY: see the module; `out` has the 32 bytes that are written.
        unsafe {
            let narrow =
                |x: Avx2| _mm256_set_m128(_mm256_cvtpd_ps(x.0[1]), _mm256_cvtpd_ps(x.0[0]));
            let (low, high) = (narrow(lo), narrow(hi));
            _mm256_storeu_ps(out.as_mut_ptr(), low);
            _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(low, high)) as u8
        }
    }
    #[inline(always)]
    fn to_bf16(lo: Avx2, hi: Avx2, out: &mut [u16; 8]) -> u8 {
        // SAFETY: see the module.
        unsafe { store_16(upper_half(to_odd_256(lo.0)), upper_half(to_odd_256(hi.0)), out) }
    }
    #[inline(always)]
    fn to_f16(lo: Avx2, hi: Avx2, out: &mut [u16; 8]) -> u8 {
        // SAFETY: see the module.
        unsafe { store_16(binary16(to_odd_256(lo.0)), binary16(to_odd_256(hi.0)), out) }
    }
}
