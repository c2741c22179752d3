//! Sums of roots of unity with rational coefficients, and so of cosines and sines of rational
//! multiples of π: whether they are rational, decided by linear independence.

use super::ratio::Ratio;
use num_complex::Complex;
use rug::ops::Pow;
use rug::{Integer, Rational};
use std::collections::BTreeMap;

/// Σ x·e^{2πiu}: the coefficients x by the turns u, 0 ≤ u < 1.
type Sum = BTreeMap<Rational, Rational>;

/// Σ Re (c e^{iπt}) over `terms` (c, t), if it is rational; none if it is irrational.
pub(super) fn rational_sum(terms: &[(Complex<Ratio>, Ratio)]) -> Option<Ratio> {
    let quarter = Rational::from((1, 4));
    let mut sum = Sum::new();
    for (c, t) in terms {
        // (c e^{iπt} + c̄ e^{−iπt}) / 2, and i is a quarter of a turn.
        let turn = Rational::from(&t.0 / 2u32);
        let ahead = Rational::from(&turn + &quarter);
        for (turn, x) in [(&turn, &c.re.0), (&ahead, &c.im.0)] {
            let half = Rational::from(x / 2u32);
            add(&mut sum, turn.clone(), &half);
            add(&mut sum, -turn.clone(), &half);
        }
    }
    rational(sum).map(Ratio)
}

fn add(sum: &mut Sum, turn: Rational, x: &Rational) {
    let turn = &turn - turn.clone().floor();
    *sum.entry(turn).or_default() += x;
}

fn is_zero(sum: Sum) -> bool {
    rational(sum).is_some_and(|value| value.is_zero())
}

/// The value, if it is rational.
///
/// Let n be the common denominator of the turns and n = m·m′ with coprime m and m′. Each term is a
/// power of ζ_m times a number of K = ℚ(ζ_m′), and what is known of the powers over K decides:
///
/// * m = pᵉ, e > 1: ζ_mʲ for 0 ≤ j < pᵉ⁻¹ are independent over K(ζ_p).
/// * m = p: Σ ζ_pʲ = 0 is the only relation.
/// * every prime of m beyond the number of terms plus one: both at once, for there are too few terms
///   for a relation. No large number needs to be factored.
fn rational(mut sum: Sum) -> Option<Rational> {
    sum.retain(|_, x| !x.is_zero());
    let order = sum.keys().fold(Integer::from(1), |n, turn| n.lcm(turn.denom()));
    if order == 1 {
        return Some(sum.into_values().next().unwrap_or_default());
    }
    let (mut rough, mut small) = (order.clone(), None);
    for p in 2..=sum.len() as u32 + 1 {
        let mut power = 0;
        while rough.is_divisible_u(p) {
            rough /= p;
            power += 1;
        }
        small = if power > 0 { Some((p, power)) } else { small };
    }
    let Some((p, power)) = small.filter(|_| rough == 1) else {
        let mut groups = split(sum, &order, &rough, &rough);
        let rest = groups.remove(&Integer::new()).unwrap_or_default();
        return groups.into_values().all(is_zero).then(|| rational(rest)).flatten();
    };
    let m = Integer::from(p).pow(power);
    if power > 1 {
        let mut groups = split(sum, &order, &m, &Integer::from(p).pow(power - 1));
        let rest = groups.remove(&Integer::new()).unwrap_or_default();
        return groups.into_values().all(is_zero).then(|| rational(rest)).flatten();
    }
    let mut groups = split(sum, &order, &m, &m);
    let rest = groups.remove(&Integer::new()).unwrap_or_default();
    if groups.len() + 1 < p as usize {
        return groups.into_values().all(is_zero).then(|| rational(rest)).flatten();
    }
    // All of ζ, …, ζᵖ⁻¹ are there: the last is minus 1 minus the others.
    let (_, last) = groups.pop_last()?;
    let less = |mut sum: Sum| {
        last.iter().for_each(|(turn, x)| add(&mut sum, turn.clone(), &Rational::from(-x)));
        sum
    };
    groups.into_values().all(|group| is_zero(less(group))).then(|| rational(less(rest))).flatten()
}

/// The terms by the exponent j of ζ_m in them, j modulo `by`, each divided by ζ_m^(j mod `by`).
fn split(sum: Sum, order: &Integer, m: &Integer, by: &Integer) -> BTreeMap<Integer, Sum> {
    let others = Integer::from(order / m);
    let inverse = others.invert(m).unwrap_or_default();
    let mut groups: BTreeMap<Integer, Sum> = BTreeMap::new();
    for (turn, x) in sum {
        let whole = Rational::from(&turn * order).numer().clone();
        let j = (whole * &inverse).modulo(m).modulo(by);
        let rest = turn - Rational::from((&j, m));
        add(groups.entry(j).or_default(), rest, &x);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(terms: &[(i64, i64, (i64, i64))]) -> Option<Ratio> {
        let terms: Vec<_> = terms
            .iter()
            .map(|&(x, y, t)| {
                (Complex::new(Ratio::new(x, 1), Ratio::new(y, 1)), Ratio::new(t.0, t.1))
            })
            .collect();
        rational_sum(&terms)
    }

    #[test]
    fn rational_sums() {
        // cos π/5 − cos 2π/5 = ½, Σ cos 2πk/7 = −½ over k = 1, 2, 3.
        assert_eq!(sum(&[(1, 0, (1, 5)), (-1, 0, (2, 5))]), Some(Ratio::new(1, 2)));
        let seventh = [(1, 0, (2, 7)), (1, 0, (4, 7)), (1, 0, (6, 7))];
        assert_eq!(sum(&seventh), Some(Ratio::new(-1, 2)));
        assert_eq!(sum(&[(3, 5, (1, 2))]), Some(Ratio::new(-5, 1)));
        assert_eq!(sum(&[(3, 3, (1, 4))]), Some(Ratio::new(0, 1)));
        assert_eq!(sum(&[]), Some(Ratio::new(0, 1)));
        // sin 3π/10 − sin π/10 = ½.
        assert_eq!(sum(&[(0, 1, (1, 10)), (0, -1, (3, 10))]), Some(Ratio::new(1, 2)));
        // cos φ + cos(π − φ) = 0 and cos φ + cos(φ + 2π/3) + cos(φ + 4π/3) = 0, whatever the order.
        for q in [99_991, 2 * 99_991, (1 << 60) - 93, 1 << 60, 3_i64.pow(30)] {
            assert_eq!(sum(&[(1, 0, (1, q)), (1, 0, (q - 1, q))]), Some(Ratio::new(0, 1)));
            let third: Vec<_> = (0..3).map(|k| (7, 2, (3 + 2 * k * q, 3 * q))).collect();
            assert_eq!(sum(&third), Some(Ratio::new(0, 1)), "{q}");
            assert_eq!(sum(&third[..2]), None);
        }
    }

    #[test]
    fn irrational_sums() {
        assert_eq!(sum(&[(1, 0, (1, 5))]), None);
        assert_eq!(sum(&[(1, 0, (2, 7)), (1, 0, (4, 7))]), None);
        // 816 cos π/4 = 576.9991…
        assert_eq!(sum(&[(816, 0, (1, 4))]), None);
        assert_eq!(sum(&[(1, 0, (1, 99_991))]), None);
        assert_eq!(sum(&[(1, 0, (1, (1 << 61) - 1))]), None);
    }

    #[test]
    fn sums_of_every_small_order_are_as_rational_as_their_values() {
        // A sum of three cosines is rational exactly if its value is a fraction of a small
        // denominator: 1/4, as coefficients and terms are few.
        for n in 1..32i64 {
            for a in 0..n {
                for (b, y) in [(1, 0), (a + 1, 1), (2 * a, -2)] {
                    let terms = [(1, 0, (2 * a, n)), (-2, y, (2 * b, n)), (1, y, (1, n))];
                    let value: f64 = terms
                        .iter()
                        .map(|&(x, y, t)| {
                            let phi = std::f64::consts::PI * t.0 as f64 / t.1 as f64;
                            x as f64 * phi.cos() - y as f64 * phi.sin()
                        })
                        .sum();
                    let near = (value * 4.0 - (value * 4.0).round()).abs() < 1e-12;
                    assert_eq!(sum(&terms).is_some(), near, "{terms:?} {value}");
                }
            }
        }
    }
}
