//! The four output types, and how an enclosure becomes one of their numbers.

use super::entry::{Double, Plain, Row};
use super::lanes::Lanes;
use crate::number::Format;

/// bf16 as bits: the upper half of a binary32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bf16(pub u16);

/// IEEE binary16 as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct F16(pub u16);

/// A type that a [`super::Ladder`] writes: `f64`, `f32`, [`Bf16`] or [`F16`].
///
/// Sealed: the error analysis is for these four.
pub trait Output: Copy + Default + PartialEq + Send + Sync + sealed::Sealed + 'static {
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

pub(super) mod sealed {
    use super::*;

    /// What the engine needs of an output type.
    pub trait Sealed: Sized {
        /// The arithmetic whose entries make it.
        type Entry: Row;

        /// Rounds both ends of eight enclosures, stores one of them, and returns a mask of the
        /// lanes where they differ.
        fn round<V: Lanes>(lo: V, hi: V, out: &mut [Self; 8]) -> u8;
    }
}

impl sealed::Sealed for f64 {
    type Entry = Double;
    #[inline(always)]
    fn round<V: Lanes>(lo: V, hi: V, out: &mut [f64; 8]) -> u8 {
        lo.store(out);
        lo.differ(hi)
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

impl sealed::Sealed for f32 {
    type Entry = Plain;
    #[inline(always)]
    fn round<V: Lanes>(lo: V, hi: V, out: &mut [f32; 8]) -> u8 {
        V::to_f32(lo, hi, out)
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
    ($type:ident, $format:expr, $round:ident) => {
        impl sealed::Sealed for $type {
            type Entry = Plain;
            #[inline(always)]
            fn round<V: Lanes>(lo: V, hi: V, out: &mut [$type; 8]) -> u8 {
                let mut bits = [0; 8];
                let mask = V::$round(lo, hi, &mut bits);
                *out = bits.map($type);
                mask
            }
        }

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
sixteen_bits!(Bf16, Format::BF16, to_bf16);
sixteen_bits!(F16, Format::F16, to_f16);
