//! Power series in fixed-point integers.

use rug::Integer;

/// A power series Σₖ ± y^k · x / (r₁ r₂ … rₖ · dₖ), by its coefficients.
///
/// The coefficients are data so that a test can plant a wrong one and watch the disagreement; the
/// loops do not know which series they sum.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Whether the terms of odd k are subtracted.
    pub alternating: bool,
    /// rₖ for k ≥ 1: what the k-th power is divided by on the way from its predecessor. At least 1.
    pub ratio: fn(u64) -> u64,
    /// dₖ for k ≥ 0: what the k-th term alone is divided by. At least 1.
    pub divisor: fn(u64) -> u64,
}

fn one(_: u64) -> u64 {
    1
}

fn odd(k: u64) -> u64 {
    2 * k + 1
}

impl Series {
    /// sin t: x = t, y = t².
    pub const SINE: Series =
        Series { alternating: true, ratio: |k| 2 * k * (2 * k + 1), divisor: one };
    /// 1 − cos t: x = t²/2, y = t².
    pub const VERSINE: Series =
        Series { alternating: true, ratio: |k| (2 * k + 1) * (2 * k + 2), divisor: one };
    /// e^t − 1: x = y = t.
    pub const EXPONENTIAL: Series = Series { alternating: false, ratio: |k| k + 1, divisor: one };
    /// artanh t: x = t, y = t².
    pub const ARTANH: Series = Series { alternating: false, ratio: one, divisor: odd };
    /// arctan t: x = t, y = t².
    pub const ARCTAN: Series = Series { alternating: true, ratio: one, divisor: odd };

    /// The sum in units of 2^−`fraction`, and a bound on its error in those units.
    ///
    /// `first` and `y` are x and y in these units, rounded down by less than one unit, with
    /// 0 ≤ first, y ≤ 2^fraction / 4.
    ///
    /// Error: write T for a power (what precedes dₖ) and P for its integer, u = 2^−fraction.
    /// 0 ≤ T/u − P < 2 holds for the first one and is kept, for
    /// (P + 2)(y + 1)u = Pyu + (P + 2y + 2)u ≤ ⌊Pyu⌋ + 1 + ¾ + 2u, which divided by rₖ exceeds the
    /// next P by less than 2 (by that itself if rₖ = 1; else by (rₖ − 1)/rₖ + (2 − ¼ + 2u)/rₖ). The
    /// same division argument bounds each term. The sum stops at the first P = 0; that power is
    /// below 2u and its successors at least four times smaller each, together below 3u. So N terms
    /// err by less than 2N + 3 units.
    pub(super) fn sum(&self, first: Integer, y: &Integer, fraction: u32) -> (Integer, u64) {
        let mut power = first;
        let mut sum = Integer::new();
        let mut term = Integer::new();
        let mut k = 0;
        while !power.is_zero() {
            let subtract = self.alternating && k & 1 == 1;
            let divisor = (self.divisor)(k);
            let term = if divisor == 1 {
                &power
            } else {
                term.clone_from(&power);
                term /= divisor;
                &term
            };
            if subtract {
                sum -= term;
            } else {
                sum += term;
            }
            k += 1;
            power *= y;
            power >>= fraction;
            let ratio = (self.ratio)(k);
            if ratio != 1 {
                power /= ratio;
            }
        }
        (sum, 2 * k + 3)
    }

    /// The sum at t = 1/`n` with x = t, y = t², n ≥ 2, in units of 2^−`fraction`. With every power
    /// and every term rounded down, N terms err by less than 2N + 3 units, as in [`Series::sum`].
    pub(super) fn sum_at_reciprocal(&self, n: u64, fraction: u32) -> Integer {
        let mut power = (Integer::from(1) << fraction) / n;
        let mut sum = Integer::new();
        let mut k = 0;
        while !power.is_zero() {
            let term = Integer::from(&power / (self.divisor)(k));
            if self.alternating && k & 1 == 1 {
                sum -= term;
            } else {
                sum += term;
            }
            k += 1;
            power /= n * n * (self.ratio)(k);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRACTION: u32 = 128;

    /// The series at t = 1/8, in units of 2⁻¹²⁸.
    fn at_an_eighth(series: &Series) -> (Integer, u64) {
        let t = Integer::from(1) << (FRACTION - 3);
        let square = Integer::from(1) << (FRACTION - 6);
        series.sum(t, &square, FRACTION)
    }

    #[test]
    fn known_values() {
        // ⌊2¹²⁸ sin(1/8)⌋ and ⌊2¹²⁸ artanh(1/8)⌋, from 60 decimals.
        for (series, digits) in [
            (Series::SINE, "42424613371562225183930525563493152858"),
            (Series::ARTANH, "42758934248404578082836284957166242962"),
            (Series::ARCTAN, "42315811882812376351915516644790702558"),
        ] {
            let truth: Integer = digits.parse().unwrap();
            let (sum, error) = at_an_eighth(&series);
            assert!((truth - &sum).abs() <= error);
            assert!(error < 100);
            let same = series.sum_at_reciprocal(8, FRACTION);
            assert!((same - sum).abs() <= 2 * error);
        }
    }

    #[test]
    fn a_wrong_coefficient_shows() {
        fn wrong_ratio(k: u64) -> u64 {
            2 * k * (2 * k + 1) + u64::from(k == 5)
        }
        let mutant = Series { ratio: wrong_ratio, ..Series::SINE };
        let (truth, error) = at_an_eighth(&Series::SINE);
        let (sum, other) = at_an_eighth(&mutant);
        assert!((truth - sum).abs() > error + other);
    }
}
