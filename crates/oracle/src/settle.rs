//! From what is known of an element to its bits.

use super::read::Read;
use super::real::LAST_PRECISION;
use super::{Ball, Target};
use rug::Rational;

/// The rounding of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Correctly rounded.
    pub bits: u64,
    /// (exact − bits) in ulp of bits, as f16.
    pub residual: u64,
    /// Bits that were worked with; 0 where integers did it.
    pub precision: u32,
}

/// The residual of what has no value.
const NAN_RESIDUAL: u64 = 0x7e00;

impl Outcome {
    fn exact(bits: u64, residual: u64) -> Outcome {
        Outcome { bits, residual, precision: 0 }
    }

    /// A NaN or an infinity took part.
    pub(super) fn nonfinite(target: Target) -> Outcome {
        Outcome::exact(target.quiet_nan(), NAN_RESIDUAL)
    }

    /// An input as it is; one rounding if the formats differ, where signs of zeros and infinities
    /// are kept and a NaN becomes the canonical one.
    pub(super) fn copied(bits: u64, from: Target, to: Target) -> Outcome {
        if from == to {
            return Outcome::exact(bits, 0);
        }
        match from.read(bits) {
            Read::Nan => Outcome::exact(to.quiet_nan(), 0),
            Read::Infinite { negative } => Outcome::exact(to.overflow(negative), 0),
            Read::Finite(x) if x.is_zero() => Outcome::exact(to.zero(x.negative), 0),
            Read::Finite(x) => Outcome::ball(&x.ball(64), to).unwrap_or(Outcome::exact(bits, 0)),
        }
    }

    /// An exact rational.
    pub(super) fn rational(x: &Rational, target: Target) -> Outcome {
        let bits = target.encode_rational(x);
        Outcome::exact(bits, target.residual_rational(x, bits))
    }

    /// A ball, if it decides both the bits and the residual.
    pub(super) fn ball(x: &Ball, target: Target) -> Option<Outcome> {
        let bits = target.encode(x)?;
        let residual = target.residual(x, bits)?;
        let precision = if x.is_exact() { 0 } else { x.bits() };
        Some(Outcome { bits, residual, precision })
    }

    /// A real that is enclosed at growing precision. Enclosures come first: one that decides is
    /// right whatever the number is. Only where the first two do not is `rational` asked whether
    /// the number is one that none ever will.
    ///
    /// The error is the precision reached.
    pub(super) fn search(
        target: Target,
        first: u32,
        enclose: impl Fn(u32) -> Option<Ball>,
        rational: impl FnOnce() -> Option<Rational>,
    ) -> Result<Outcome, u32> {
        let settled = |bits| enclose(bits).and_then(|x| Outcome::ball(&x, target));
        if let Some(outcome) = settled(first).or_else(|| settled(2 * first)) {
            return Ok(outcome);
        }
        if let Some(x) = rational() {
            return Ok(Outcome::rational(&x, target));
        }
        let mut bits = 4 * first;
        while bits <= LAST_PRECISION {
            if let Some(outcome) = settled(bits) {
                return Ok(outcome);
            }
            bits *= 2;
        }
        Err(bits / 2)
    }
}

/// A working precision that settles nearly every element: the significand, the eleven bits of the
/// residual, and some to spare.
pub(super) fn first_precision(target: Target) -> u32 {
    (target.precision + 40).next_multiple_of(64)
}
