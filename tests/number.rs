//! Formats as bits, the one rounding, tensors.

mod eight;
mod formats;
mod native;
mod nearest;
mod rounding;
mod tensors;

use ropewalk::number::{Decoded, Format, Wide};

/// The formats small enough to visit every pattern.
const SMALL: [Format; 3] = [Format::BF16, Format::F16, Format::TOY];
const EVERY: [Format; 5] = [Format::F64, Format::F32, Format::BF16, Format::F16, Format::TOY];

/// Every pattern of a small format.
fn patterns(format: Format) -> std::ops::Range<u64> {
    0..1 << format.width()
}

/// What a finite pattern stands for.
fn exact(format: Format, bits: u64) -> Wide {
    match format.decode(bits) {
        Decoded::Finite { negative, significand, exponent } => {
            Wide::dyadic(negative, significand.into(), exponent.into())
        }
        other => panic!("{bits:x} is {other:?}"),
    }
}

/// What an f64 stands for, from its own bits: no code under test takes part.
fn exact_f64(x: f64) -> Wide {
    let bits = x.to_bits();
    let (biased, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
    assert!(biased != 0x7ff, "{x} is not finite");
    let (significand, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
    Wide::dyadic(x.is_sign_negative(), significand.into(), exponent)
}

/// SplitMix64: the same numbers in every run, so a failure is a failure tomorrow.
pub(crate) fn random(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_add(0x9e3779b97f4a7c15);
        let z = (state ^ state >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d049bb133111eb);
        z ^ z >> 31
    }
}
