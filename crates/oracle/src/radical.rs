//! Products of rational powers of rationals, and whether they are rational.

use super::{Ball, Elementary};
use rug::ops::{NegAssign, Pow};
use rug::{Complete, Integer, Rational};

/// A rational longer than this is nobody's result: it is outside every format, or its odd part is too
/// long for one.
const LONGEST: u64 = 1 << 15;

/// `coefficient` · Π base^exponent with positive bases and any exponents, all rational.
#[derive(Clone, Debug)]
pub(super) struct Radical {
    coefficient: Rational,
    powers: Vec<(Rational, Rational)>,
}

impl From<Rational> for Radical {
    fn from(coefficient: Rational) -> Radical {
        Radical { coefficient, powers: Vec::new() }
    }
}

impl Radical {
    /// `base`^`exponent`, base > 0.
    pub(super) fn power(base: &Rational, exponent: Rational) -> Radical {
        Radical { coefficient: Rational::from(1), powers: vec![(base.clone(), exponent)] }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.coefficient.is_zero()
    }

    pub(super) fn times(&self, other: &Radical) -> Radical {
        let mut powers = self.powers.clone();
        for (base, exponent) in &other.powers {
            match powers.iter_mut().find(|(b, _)| b == base) {
                Some((_, sum)) => *sum += exponent,
                None => powers.push((base.clone(), exponent.clone())),
            }
        }
        powers.retain(|(base, exponent)| !exponent.is_zero() && *base != 1);
        Radical { coefficient: (&self.coefficient * &other.coefficient).complete(), powers }
    }

    /// 1/self; none for 0.
    pub(super) fn inverse(&self) -> Option<Radical> {
        if self.is_zero() {
            return None;
        }
        let mut powers = self.powers.clone();
        powers.iter_mut().for_each(|(_, exponent)| exponent.neg_assign());
        Some(Radical { coefficient: self.coefficient.clone().recip(), powers })
    }

    /// self^`exponent`, for a positive self.
    pub(super) fn raised(&self, exponent: &Rational) -> Radical {
        let raise = |(base, e): (&Rational, Rational)| (base.clone(), e * exponent);
        let of_coefficient = (&self.coefficient, Rational::from(1));
        let others = self.powers.iter().map(|(base, e)| (base, e.clone()));
        let powers = [of_coefficient].into_iter().chain(others).map(raise).collect();
        Radical { coefficient: Rational::from(1), powers }
    }

    /// The sum with a rational multiple of itself; none for anything else.
    pub(super) fn plus(&self, other: &Radical) -> Option<Radical> {
        match self.inverse() {
            None => Some(other.clone()),
            Some(inverse) => {
                let ratio = other.times(&inverse).value()?;
                Some(self.times(&Radical::from(ratio + 1)))
            }
        }
    }

    /// The value, if it is rational (and of sane length).
    ///
    /// Numerators and denominators are split by gcds until they are pairwise coprime. A prime then
    /// divides one of them only, so the product is rational exactly if each factor is, that is, if
    /// it is a perfect power of the order that the denominator of its exponent asks for.
    pub(super) fn value(&self) -> Option<Rational> {
        let mut value = self.coefficient.clone();
        if value.is_zero() {
            return Some(value);
        }
        for (factor, exponent) in coprime(&self.powers) {
            let order = exponent.denom().to_u32()?;
            let (root, rest) = factor.root_rem(Integer::new(), order);
            let times = exponent.numer().to_i32()?;
            let length = u64::from(root.significant_bits()) * u64::from(times.unsigned_abs());
            if !rest.is_zero() || length > LONGEST {
                return None;
            }
            value *= Rational::from(root).pow(times);
        }
        Some(value)
    }

    /// A rational value in place of the powers that make it.
    pub(super) fn simplified(self) -> Radical {
        self.value().map_or(self, Radical::from)
    }

    /// Whether both are the same number.
    pub(super) fn same(&self, other: &Radical) -> bool {
        match other.inverse() {
            None => self.is_zero(),
            Some(inverse) => self.times(&inverse).value().is_some_and(|ratio| ratio == 1),
        }
    }

    /// A ball at a working precision: what has positive exponents, over what has negative ones.
    /// None if a power is out of reach.
    pub(super) fn ball(&self, functions: &Elementary, bits: u32) -> Option<Ball> {
        // Room for the errors of a few products.
        let work = bits + 8;
        if self.powers.is_empty() {
            return Some(Ball::rational(&self.coefficient, bits));
        }
        let product = |coefficient: &Integer, positive: bool| {
            let mut product = Ball::integer(coefficient, work.max(coefficient.significant_bits()));
            for (base, exponent) in &self.powers {
                if exponent.is_positive() == positive {
                    let base = Ball::rational(base, work + longer(exponent));
                    let power = functions.power(&base, &exponent.abs_ref().complete())?;
                    product = product * power.with_bits(work);
                }
            }
            Some(product)
        };
        let numerator = product(self.coefficient.numer(), true)?;
        let denominator = product(self.coefficient.denom(), false)?;
        Some(numerator.checked_div(&denominator)?.with_bits(bits))
    }
}

/// Bits that a power loses because the relative error of its base is multiplied by the exponent.
fn longer(exponent: &Rational) -> u32 {
    let (up, down) = (exponent.numer().significant_bits(), exponent.denom().significant_bits());
    up.saturating_sub(down) + 2
}

/// Π nᵏ^eᵏ with pairwise coprime integers nᵏ > 1 and exponents other than 0.
fn coprime(powers: &[(Rational, Rational)]) -> Vec<(Integer, Rational)> {
    let mut waiting: Vec<(Integer, Rational)> = Vec::new();
    for (base, exponent) in powers {
        waiting.push((base.numer().clone(), exponent.clone()));
        waiting.push((base.denom().clone(), Rational::from(-exponent)));
    }
    let mut done: Vec<(Integer, Rational)> = Vec::new();
    // Each turn removes a common factor for good, so the numbers shrink and it ends.
    while let Some((n, e)) = waiting.pop() {
        if n == 1 || e.is_zero() {
            continue;
        }
        let common = done.iter().position(|(m, _)| m.gcd_ref(&n).complete() != 1);
        let Some(index) = common else {
            done.push((n, e));
            continue;
        };
        let (m, f) = done.swap_remove(index);
        let g = m.gcd_ref(&n).complete();
        waiting.push((m.div_exact(&g), f.clone()));
        waiting.push((n.div_exact(&g), e.clone()));
        waiting.push((g, e + f));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(a: (i64, i64), e: (i64, i64)) -> Radical {
        Radical::power(&Rational::from(a), Rational::from(e))
    }

    #[test]
    fn rational_values() {
        let value = |a, e| power(a, e).value();
        assert_eq!(value((10000, 1), (-1, 2)), Some(Rational::from((1, 100))));
        assert_eq!(value((10000, 1), (-1, 3)), None);
        assert_eq!(value((8, 27), (2, 3)), Some(Rational::from((4, 9))));
        assert_eq!(value((8, 9), (1, 2)), None);
        assert_eq!(value((1, 1), (5, 7)), Some(Rational::from(1)));
        assert_eq!(value((5, 1), (0, 1)), Some(Rational::from(1)));
        // √6 · √10 · √15 = 30, though no two bases are coprime.
        let product = power((6, 1), (1, 2)).times(&power((10, 1), (1, 2)));
        assert_eq!(product.value(), None);
        assert_eq!(product.times(&power((15, 1), (1, 2))).value(), Some(Rational::from(30)));
        // 2^(10^9) is rational but longer than anything that is asked for.
        assert_eq!(value((2, 1), (1_000_000_000, 1)), None);
        assert_eq!(value((2, 1), (1, 1_000_000_000)), None);
    }

    #[test]
    fn equal_numbers() {
        let root = power((1, 4), (-1, 4));
        assert!(root.same(&power((2, 1), (1, 2))));
        assert!(!root.same(&power((2, 1), (1, 3))));
        assert!(!root.same(&root.times(&Radical::from(Rational::from(-1)))));
        let zero = Radical::from(Rational::new());
        assert!(zero.same(&zero) && !zero.same(&root) && !root.same(&zero));
        assert!(root.raised(&Rational::from(4)).same(&Radical::from(Rational::from(4))));
        let sum = root.plus(&power((8, 1), (1, 2))).unwrap();
        assert!(sum.same(&power((18, 1), (1, 2))));
        assert!(root.plus(&power((3, 1), (1, 2))).is_none());
        assert!(root.plus(&zero).unwrap().same(&root) && zero.plus(&root).unwrap().same(&root));
    }

    #[test]
    fn balls_are_tight() {
        let mixed = power((10000, 1), (-3, 64)).times(&power((7, 3), (5, 31)));
        let mixed = mixed.times(&Radical::from(Rational::from((-5, 11))));
        for bits in [64, 128, 1000] {
            let ball = mixed.ball(&Elementary::TRUE, bits).unwrap();
            assert!(ball.radius().top() <= ball.top() + 4 - i64::from(bits));
            // The 64 · 31st power is rational.
            let order = 64 * 31;
            let wide = mixed.ball(&Elementary::TRUE, bits + 20).unwrap().powi(order).unwrap();
            let exact = (0..order).fold(Radical::from(Rational::from(1)), |x, _| x.times(&mixed));
            let difference = wide - Ball::rational(&exact.value().unwrap(), bits);
            assert!(difference.sign().is_none());
        }
        let huge = power((7, 2), (1 << 40, 3)).ball(&Elementary::TRUE, 64).unwrap();
        assert!(huge.radius().top() <= huge.top() - 60);
    }
}
