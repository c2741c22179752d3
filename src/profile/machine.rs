//! Arithmetic of a machine format: every operation exact, then rounded once.

use super::Accuracy;
use super::elementary::Elementary;
use crate::encoding::Arithmetic;
use crate::number::{Format, Wide};
use std::cmp::Ordering;

/// Computes in one format. Numbers are carried as `f64`, which every format here embeds into.
///
/// **Why f64 may stand in for narrower formats.** For precision p ≤ 24 the result of +, −, ×, ÷ or
/// √ rounded to 53 bits and then to p bits is the one rounded once: 53 ≥ 2p + 2, so the exact
/// result is never close enough to a midpoint of the p-bit grid, without being it, for the first
/// rounding to land there (Figueroa 1995). The argument survives gradual underflow, where the grid
/// is coarser: sums are then exact, products of two p-bit numbers have 2p ≤ 48 bits and are exact
/// in f64, and a quotient that is not a midpoint m of at most p bits is off by at least
/// 2^(−2p) ≥ 2^(−48) relative, because x − m·y is a non-zero integer multiple of its last place.
/// A fused multiply-add has no such gap; [`Machine::fma`] rounds the sum to odd instead.
///
/// Elementary functions are those of the `libm` crate in f64 (error below 1 ulp of f64, the same
/// bits on every machine), rounded to the format: within 0.5 + 2^(−28) ulp for f32 and narrower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Of every result.
    pub format: Format,
    /// Whether subnormal results become zero.
    pub flush: bool,
}

/// The exact value of a finite f64, for rounding.
fn wide(x: f64) -> Wide {
    let bits = x.to_bits();
    let biased = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let (significand, exponent) = match biased {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, biased as i64 - 1075),
    };
    Wide::dyadic(x.is_sign_negative(), significand as u128, exponent)
}

/// The bits of a format nearest to an f64.
pub(crate) fn encode(format: Format, x: f64) -> u64 {
    if x.is_nan() {
        format.quiet_nan()
    } else if x.is_infinite() {
        format.beyond(x < 0.0, format.overflow())
    } else if format == Format::F64 {
        x.to_bits()
    } else if format == Format::F32 {
        (x as f32).to_bits() as u64
    } else {
        match shortened(format, x) {
            // A normal number, whose exponent and leading fraction stand in its own bits.
            Some(short) => {
                let fraction = format.precision - 1;
                let magnitude = (short.to_bits() & !(1 << 63)) >> (52 - fraction);
                let magnitude = magnitude - (((1022 + format.e_min()) as u64) << fraction);
                magnitude | if x.is_sign_negative() { format.sign_bit() } else { 0 }
            }
            None => format.round(&wide(x)),
        }
    }
}

/// 2^exponent, which f64 holds: from −1074 to 1023.
pub(super) const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(match exponent < -1022 {
        true => 1 << (exponent + 1074),
        false => ((exponent + 1023) as u64) << 52,
    })
}

/// Rounds to the format's precision in the bits of an f64; none near the ends of its range.
fn shortened(format: Format, x: f64) -> Option<f64> {
    let dropped = 53 - format.precision;
    let exponent = (x.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    // Half a unit more carries into the exponent, which is still no infinity.
    (format.e_min() <= exponent && exponent < format.e_max()).then(|| {
        let bits = x.to_bits();
        let half = (1 << (dropped - 1)) - 1 + (bits >> dropped & 1);
        f64::from_bits((bits + half) >> dropped << dropped)
    })
}

/// Whether every number of `inner` is one of `outer`.
pub(super) fn contains(outer: Format, inner: Format) -> bool {
    outer.precision >= inner.precision
        && outer.e_max() >= inner.e_max()
        && outer.least_exponent() <= inner.least_exponent()
}

impl Machine {
    /// Rounds a number that f64 holds exactly.
    pub fn round(&self, x: f64) -> f64 {
        let rounded = match self.format {
            Format::F64 => x,
            Format::F32 => x as f32 as f64,
            format => match shortened(format, x) {
                Some(rounded) => rounded,
                None => format.to_f64(encode(format, x)),
            },
        };
        if self.flush && rounded.abs() < power_of_two(self.format.e_min()) {
            return 0f64.copysign(rounded);
        }
        rounded
    }

    /// An integer, rounded once.
    pub fn from_integer(&self, n: i128) -> f64 {
        let wide = Wide::dyadic(n < 0, n.unsigned_abs(), 0);
        self.round(self.format.to_f64(self.format.round(&wide)))
    }

    /// x·y + z, rounded once.
    pub fn fma(&self, x: f64, y: f64, z: f64) -> f64 {
        if self.format == Format::F64 {
            return self.round(x.mul_add(y, z));
        }
        // The product is exact in f64 (2p ≤ 48 bits). The sum is rounded to odd: where it is
        // inexact the last bit is set, so that it stays on its side of every midpoint of p ≤ 51
        // bits (Boldo and Melquiond 2008).
        let product = x * y;
        let sum = product + z;
        let part = sum - product;
        let lost = (product - (sum - part)) + (z - part);
        let odd = match lost == 0.0 || !sum.is_finite() || sum.to_bits() & 1 == 1 {
            true => sum,
            false if (lost > 0.0) == (sum > 0.0) => f64::from_bits(sum.to_bits() + 1),
            false => f64::from_bits(sum.to_bits() - 1),
        };
        self.round(odd)
    }

    /// sin and cos of an angle in radians as the accuracy of a profile has them.
    pub(super) fn sin_cos(&self, angle: f64, accuracy: &Accuracy) -> (f64, f64) {
        if accuracy.fast_trig.is_none() {
            let (sin, cos) = libm::sincos(angle);
            return (self.round(sin), self.round(cos));
        }
        // A table of turns: the angle over 2π in the format itself, its fraction, and a result in
        // steps of 2⁻²², as a special function unit has them.
        let tau = std::f64::consts::TAU;
        let turns = self.round(angle * self.round(1.0 / tau));
        let fraction = turns - libm::floor(turns);
        let step = |x: f64| self.round(libm::rint(x * 4194304.0) / 4194304.0);
        let (sin, cos) = libm::sincos(fraction * tau);
        (step(sin), step(cos))
    }
}

impl Arithmetic for Machine {
    type Scalar = f64;

    fn integer(&self, n: i128) -> Option<f64> {
        Some(self.from_integer(n))
    }
    fn dyadic(&self, x: f64) -> Option<f64> {
        Some(self.round(x))
    }
    fn pi(&self) -> Option<f64> {
        // Rounding twice is innocuous: bits 25 to 53 of π are neither all 0 nor all 1, nor are
        // those that follow the shorter formats.
        Some(self.round(std::f64::consts::PI))
    }
    fn add(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(self.round(a + b))
    }
    fn sub(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(self.round(a - b))
    }
    fn mul(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(self.round(a * b))
    }
    fn div(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(self.round(a / b))
    }
    fn power(&self, x: &f64, a: i64, b: i64) -> Option<f64> {
        match (a, b) {
            (1, 1) => Some(*x),
            (2, 1) => self.mul(x, x),
            (1, 2) => Some(self.round(libm::sqrt(*x))),
            _ => {
                let exponent =
                    self.div(&self.from_integer(a as i128), &self.integer(b as i128)?)?;
                self.pow(x, &exponent)
            }
        }
    }
    fn ln(&self, x: &f64) -> Option<f64> {
        Some(self.round(libm::log(*x)))
    }
    fn floor(&self, x: &f64) -> Option<f64> {
        Some(libm::floor(*x))
    }
    fn compare(&self, a: &f64, b: &f64) -> Option<Ordering> {
        a.partial_cmp(b)
    }
}

impl Elementary for Machine {
    fn convert(&self, x: &f64) -> f64 {
        self.round(*x)
    }
    fn pow(&self, x: &f64, y: &f64) -> Option<f64> {
        Some(self.round(libm::pow(*x, *y)))
    }
    fn exp(&self, x: &f64) -> Option<f64> {
        Some(self.round(libm::exp(*x)))
    }
    fn exp2(&self, x: &f64) -> Option<f64> {
        Some(self.round(libm::exp2(*x)))
    }
    fn log2(&self, x: &f64) -> Option<f64> {
        Some(self.round(libm::log2(*x)))
    }
    fn either(
        &self,
        order: Option<Ordering>,
        then: &dyn Fn() -> Option<f64>,
        otherwise: &dyn Fn() -> Option<f64>,
    ) -> Option<f64> {
        if order? == Ordering::Less { then() } else { otherwise() }
    }
    fn smaller(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(if a < b { *a } else { *b })
    }
    fn key(&self, x: &f64) -> [u64; 2] {
        [x.to_bits(), 0]
    }
    fn larger(&self, a: &f64, b: &f64) -> Option<f64> {
        Some(if a < b { *b } else { *a })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The short way to round is the project's one rounding, at ties and at the ends too.
        #[test]
        fn shortened_is_rounded(bits: u64, low in 0u32..53, exponent in 980u64..1100) {
            for bits in [bits, bits & !(0x7ff << 52) | exponent << 52] {
                // Few bits now and then, so that ties occur.
                let x = f64::from_bits(bits >> low << low);
                if !x.is_finite() {
                    continue;
                }
                let eight = [Format::F8E4M3FN, Format::F8E5M2, Format::F8E5M2FNUZ];
                for format in [Format::F16, Format::BF16].into_iter().chain(eight) {
                    let slow = format.round(&wide(x));
                    prop_assert_eq!(encode(format, x), slow, "{:e} {:?}", x, format);
                    let (slow, fast) = (format.to_f64(slow), Machine { format, flush: false }.round(x));
                    let same = fast.to_bits() == slow.to_bits() || slow.is_nan() && fast.is_nan();
                    prop_assert!(same, "{x:e} {format:?}");
                }
            }
        }

        /// One reduction of the angle gives the bits of two.
        #[test]
        fn sine_and_cosine_together(bits: u64, exponent in 990u64..1090) {
            for bits in [bits, bits & !(0x7ff << 52) | exponent << 52] {
                let x = f64::from_bits(bits);
                let (sin, cos) = libm::sincos(x);
                prop_assert!(x.is_nan() || x.is_infinite() || sin.to_bits() == libm::sin(x).to_bits());
                prop_assert!(x.is_nan() || x.is_infinite() || cos.to_bits() == libm::cos(x).to_bits());
            }
        }
    }
}
