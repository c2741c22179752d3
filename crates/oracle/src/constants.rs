//! π and ln 2, computed once per precision.

use super::{Ball, Radius, Series};
use rug::Integer;
use std::borrow::Cow;
use std::sync::OnceLock;

/// Fractions are whole numbers of these, so that nearby precisions share a constant and shifts by
/// a fraction move whole limbs.
pub(super) const STEP: u32 = 64;

/// Constants of at most this many steps are kept for the life of the process.
const KEPT: usize = 256;

/// Bits computed beyond those returned. They cover the (2N + 3) units of each series times its
/// factor, N below the number of bits, for every precision below 2^40.
const GUARD: u32 = 64;

/// The least multiple of [`STEP`] that is at least `fraction` and at least one step.
pub(super) fn whole_steps(fraction: u32) -> u32 {
    fraction.max(1).next_multiple_of(STEP)
}

type Cache = [OnceLock<Integer>; KEPT];

fn cached(
    cache: &'static Cache,
    fraction: u32,
    compute: fn(u32) -> Integer,
) -> Cow<'static, Integer> {
    debug_assert!(fraction.is_multiple_of(STEP));
    match cache.get((fraction / STEP) as usize) {
        Some(slot) => Cow::Borrowed(slot.get_or_init(|| compute(fraction))),
        None => Cow::Owned(compute(fraction)),
    }
}

/// π/2 in units of 2^−`fraction`, a multiple of [`STEP`], within two units.
///
/// Machin 1706: π/4 = 4 arctan 1/5 − arctan 1/239. One unit is the rounding down at the end; the
/// other holds the error of the series, which the guard bits make far smaller.
pub(super) fn half_pi(fraction: u32) -> Cow<'static, Integer> {
    static CACHE: Cache = [const { OnceLock::new() }; KEPT];
    cached(&CACHE, fraction, |fraction| {
        let arctan = |n| Series::ARCTAN.sum_at_reciprocal(n, fraction + GUARD);
        (arctan(5) * 8u32 - arctan(239) * 2u32) >> GUARD
    })
}

/// ln 2 in units of 2^−`fraction`, a multiple of [`STEP`], within two units.
///
/// ln 2 = 18 artanh 1/26 − 2 artanh 1/4801 + 8 artanh 1/8749 (Gourdon and Sebah, *The logarithmic
/// constant: log 2*); rounding as in [`half_pi`].
pub(super) fn log_two(fraction: u32) -> Cow<'static, Integer> {
    static CACHE: Cache = [const { OnceLock::new() }; KEPT];
    cached(&CACHE, fraction, |fraction| {
        let artanh = |n| Series::ARTANH.sum_at_reciprocal(n, fraction + GUARD);
        (artanh(26) * 18u32 - artanh(4801) * 2u32 + artanh(8749) * 8u32) >> GUARD
    })
}

/// π, with a relative error below 2^(1 − `bits`).
pub fn pi(bits: u32) -> Ball {
    let fraction = whole_steps(bits + 4);
    let units = half_pi(fraction).into_owned();
    let exponent = 1 - i64::from(fraction);
    Ball::new(units, exponent, Radius::new(2, exponent), bits)
}

/// ln 2, with a relative error below 2^(1 − `bits`).
pub fn ln_2(bits: u32) -> Ball {
    let fraction = whole_steps(bits + 4);
    let units = log_two(fraction).into_owned();
    let exponent = -i64::from(fraction);
    Ball::new(units, exponent, Radius::new(2, exponent), bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rug::{Rational, ops::Pow};

    /// A decimal fraction of which every printed digit is right (the last may be rounded).
    fn decimal(whole: &str, fraction: &str) -> (Rational, Rational) {
        let scale = Integer::from(10).pow(fraction.len() as u32);
        let digits: Integer = format!("{whole}{fraction}").parse().unwrap();
        (Rational::from((digits.clone() - 1, scale.clone())), Rational::from((digits + 1, scale)))
    }

    #[test]
    fn known_digits() {
        let pi_digits = decimal(
            "3",
            "14159265358979323846264338327950288419716939937510582097494459230781640628620899",
        );
        let ln_2_digits = decimal(
            "0",
            "69314718055994530941723212145817656807550013436025525412068000949339362196969472",
        );
        for bits in [1, 60, 64, 128, 200, 1000, 20_000] {
            for (ball, (below, above)) in [(pi(bits), &pi_digits), (ln_2(bits), &ln_2_digits)] {
                let (low, high) = ball.interval();
                assert!(low <= *above && *below <= high);
                assert!(ball.radius().top() <= ball.top() + 2 - i64::from(bits));
            }
        }
    }

    #[test]
    fn precisions_agree() {
        for steps in 1..40 {
            let fine: Integer =
                half_pi(64 * steps + 256).into_owned() - (half_pi(64 * steps).into_owned() << 256);
            assert!(fine.significant_bits() <= 258);
            let fine: Integer =
                log_two(64 * steps + 256).into_owned() - (log_two(64 * steps).into_owned() << 256);
            assert!(fine.significant_bits() <= 258);
        }
    }
}
