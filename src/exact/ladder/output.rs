//! The four output types, and how an enclosure becomes one of their numbers.

use super::bound::power_of_two;
use super::fixed::Fixed;
use super::lanes::Lanes;
use crate::number::Format;
use zerocopy::{Immutable, IntoBytes};

/// bf16 as bits: the upper half of a binary32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct Bf16(pub u16);

/// IEEE binary16 as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct F16(pub u16);

/// A type that a [`super::Ladder`] writes: `f64`, `f32`, [`Bf16`] or [`F16`].
///
/// Sealed: the error analysis is for these four.
pub trait Output:
    Copy + Default + PartialEq + Send + Sync + IntoBytes + Immutable + sealed::Sealed + 'static
{
    /// Its format.
    const FORMAT: Format;

    /// From a bit pattern of the format.
    fn from_bits(bits: u64) -> Self;

    /// The bit pattern.
    fn to_bits(self) -> u64;

    /// The number with the other sign.
    fn negated(self) -> Self {
        Self::from_bits(self.to_bits() ^ Self::FORMAT.sign_bit())
    }
}

/// A number of one of the four formats as f64, exactly if it is finite.
#[inline(always)]
pub(super) fn widen(format: Format, bits: u64) -> f64 {
    match format {
        Format::F64 => f64::from_bits(bits),
        Format::F32 => f32::from_bits(bits as u32) as f64,
        Format::BF16 => f32::from_bits((bits as u32) << 16) as f64,
        // Its exponent bits, read as the lowest ones of binary64, are 1008 too small; subnormals
        // stay in their place.
        Format::F16 => {
            let magnitude = f64::from_bits((bits & 0x7fff) << 42) * power_of_two(1008);
            if bits & 0x8000 == 0 { magnitude } else { -magnitude }
        }
        format => format.to_f64(bits),
    }
}

/// Eight planes of a row in some arithmetic.
pub trait Row: Copy + Send + Sync {
    /// ε of the rounding test for values of modulus ≤ 1.
    const BOUND: f64;

    /// Rounds eight fixed-point numbers and scales them by a power of two, which is exact.
    fn new(planes: &[Fixed; 8], scale: f64) -> Self;

    /// Multiplies, tests and stores; the masks tell which cosines and sines failed.
    fn product<V: Lanes, O: Output>(
        x: &Self,
        y: &Self,
        bound: V,
        cos: &mut [O; 8],
        sin: &mut [O; 8],
    ) -> (u8, u8);
}

pub(super) mod sealed {
    use super::*;

    /// What the engine needs of an output type.
    pub trait Sealed: Sized {
        /// The arithmetic whose entries make it.
        type Entry: Row;

        /// Rounds both ends of eight enclosures, stores one of them, and returns a mask of the
        /// lanes where they differ.
        fn round<V: Lanes>(lo: V, hi: V, out: &mut [Self; 8]) -> u8;

        /// Ends around an unevaluated sum that errs by at most `bound`, to be rounded as they are.
        #[inline(always)]
        fn ends<V: Lanes>(sum: V, low: V, bound: &[f64; 8]) -> (V, V) {
            // Rounding twice must not pass for rounding once: v is widened by what it was rounded.
            let v = sum.add(low);
            let mut slack = [0.0; 8];
            v.store(&mut slack);
            for (slack, bound) in slack.iter_mut().zip(bound) {
                *slack = slack.abs() * power_of_two(-51) + bound;
            }
            let slack = V::load(&slack);
            (v.sub(slack), v.add(slack))
        }

        /// The number as f64, exactly.
        fn widen(self) -> f64;
    }
}

impl Output for f64 {
    const FORMAT: Format = Format::F64;
    fn from_bits(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    fn to_bits(self) -> u64 {
        self.to_bits()
    }
}

impl Output for f32 {
    const FORMAT: Format = Format::F32;
    fn from_bits(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
    fn to_bits(self) -> u64 {
        self.to_bits() as u64
    }
}

macro_rules! sixteen_bits {
    ($type:ident, $format:expr) => {
        impl Output for $type {
            const FORMAT: Format = $format;
            fn from_bits(bits: u64) -> $type {
                $type(bits as u16)
            }
            fn to_bits(self) -> u64 {
                self.0 as u64
            }
        }
    };
}
sixteen_bits!(Bf16, Format::BF16);
sixteen_bits!(F16, Format::F16);
