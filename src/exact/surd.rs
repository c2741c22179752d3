//! Numbers over 1, √2, √3, √6: where cosines of multiples of π/12 lie.

use super::ratio::Ratio;
use num_traits::Zero;
use rug::Rational;

/// A number Σ cᵢ·bᵢ over the basis 1, √2, √3, √6, which is linearly independent over ℚ.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Surd([Ratio; 4]);

impl Surd {
    pub(super) fn zero() -> Surd {
        Surd(std::array::from_fn(|_| Ratio::zero()))
    }

    /// The value, if it is rational.
    pub(super) fn rational(self) -> Option<Ratio> {
        let [rational, others @ ..] = self.0;
        others.iter().all(Ratio::is_zero).then_some(rational)
    }

    /// Whether it is 0.
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(Ratio::is_zero)
    }

    /// self · √d for d = 2, 3 or 6; self for any other.
    pub(super) fn times_root(self, d: i64) -> Surd {
        let times = |x: &Ratio, n: i64| x * &Ratio::new(n, 1);
        let [a, b, c, e] = &self.0;
        match d {
            2 => Surd([times(b, 2), a.clone(), times(e, 2), c.clone()]),
            3 => Surd([times(c, 3), times(e, 3), a.clone(), b.clone()]),
            6 => Surd([times(e, 6), times(c, 3), times(b, 2), a.clone()]),
            _ => self,
        }
    }

    /// self + factor · other.
    pub(super) fn plus(self, factor: &Ratio, other: &Surd) -> Surd {
        let mut sum = self;
        for (a, b) in sum.0.iter_mut().zip(&other.0) {
            *a = &*a + &(factor * b);
        }
        sum
    }

    /// cos(nπ/12).
    fn cos_twelfths(n: i128) -> Surd {
        let n = n.rem_euclid(24);
        let n = if n > 12 { 24 - n } else { n };
        let (n, sign) = if n > 6 { (12 - n, -1) } else { (n, 1) };
        // (coefficient of 1, √2, √3, √6) times 4.
        let quarters = match n {
            0 => [4, 0, 0, 0],
            1 => [0, 1, 0, 1],
            2 => [0, 0, 2, 0],
            3 => [0, 2, 0, 0],
            4 => [2, 0, 0, 0],
            5 => [0, -1, 0, 1],
            _ => [0, 0, 0, 0],
        };
        Surd(quarters.map(|quarter| Ratio::new(sign * quarter, 4)))
    }

    /// self + x cos φ − y sin φ at φ = π·multiple, 0 ≤ multiple < 2; none unless φ is a multiple
    /// of π/12.
    pub(super) fn plus_turned(self, x: &Ratio, y: &Ratio, multiple: &Ratio) -> Option<Surd> {
        let twelfths = Rational::from(&multiple.0 * 12u32);
        let n = twelfths.is_integer().then(|| twelfths.numer().to_i128()).flatten()?;
        let (cos, sin) = (Surd::cos_twelfths(n), Surd::cos_twelfths(n - 6));
        Some(self.plus(x, &cos).plus(&-y.clone(), &sin))
    }
}

/// x cos φ − y sin φ at φ = π·a/b if it is rational, none if it is irrational.
///
/// At multiples of π/12 by the basis of [`Surd`]. At every other rational multiple of π it is
/// irrational: cos and sin have degree above 2 over ℚ, or an irrationality that no rational x, y
/// cancel.
pub(super) fn at_multiple_of_pi(x: &Ratio, y: &Ratio, multiple: &Ratio) -> Option<Ratio> {
    Surd::zero().plus_turned(x, y, multiple)?.rational()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rational_values_at_multiples_of_pi() {
        let at =
            |x, y, a, b| at_multiple_of_pi(&Ratio::new(x, 1), &Ratio::new(y, 1), &Ratio::new(a, b));
        assert_eq!(at(3, 5, 1, 2), Some(Ratio::new(-5, 1)));
        assert_eq!(at(3, 5, 1, 1), Some(Ratio::new(-3, 1)));
        assert_eq!(at(0, 5, 1, 6), Some(Ratio::new(-5, 2)));
        assert_eq!(at(1, 5, 1, 6), None);
        assert_eq!(at(3, 0, 1, 3), Some(Ratio::new(3, 2)));
        assert_eq!(at(3, 3, 1, 4), Some(Ratio::new(0, 1)));
        assert_eq!(at(3, -3, 3, 4), Some(Ratio::new(0, 1)));
        assert_eq!(at(3, 3, 3, 4), None);
        assert_eq!(at(3, 5, 1, 5), None);
        assert_eq!(at(3, 0, 1, 12), None);
        assert_eq!(at(0, 3, -7, 1), Some(Ratio::new(0, 1)));
    }

    #[test]
    fn roots_multiply() {
        let value = |x: &Surd| {
            let [a, b, c, d] = x.0.clone().map(|x| x.0.to_f64());
            a + b * 2f64.sqrt() + c * 3f64.sqrt() + d * 6f64.sqrt()
        };
        for n in 0..24 {
            let surd = Surd::cos_twelfths(n).plus(&Ratio::new(3, 1), &Surd::cos_twelfths(n + 1));
            for d in [2, 3, 6] {
                let product = value(&surd) * (d as f64).sqrt();
                assert!((value(&surd.clone().times_root(d)) - product).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn surds_are_the_cosines() {
        for n in -30..30 {
            let [a, b, c, d] = Surd::cos_twelfths(n).0.map(|x| x.0.to_f64());
            let value = a + b * 2f64.sqrt() + c * 3f64.sqrt() + d * 6f64.sqrt();
            let cos = (n as f64 * std::f64::consts::PI / 12.0).cos();
            assert!((value - cos).abs() < 1e-14, "{n}");
        }
    }
}
