//! Sums of cosines and sines of rational multiples of π, and whether they are rational.

use rug::Rational;

/// Beyond this order the polynomials are not worth their length; the caller learns nothing.
const LARGEST_ORDER: usize = 1 << 12;

/// Σ x cos πt − y sin πt over `terms` (x, y, t), if it is rational.
///
/// With ζ = e^{2πi/n}, n a multiple of 4 and of twice every denominator, each term is
/// (zζᵏ + z̄ζ⁻ᵏ)/2 for z = x + iy and i = ζ^(n/4): the sum is a polynomial in ζ with rational
/// coefficients. Powers of ζ below φ(n) are linearly independent over ℚ, so the polynomial's
/// remainder modulo the cyclotomic polynomial Φₙ is constant exactly if the sum is rational.
///
/// `Err` says that the order is too large to try.
pub(super) fn rational_sum(
    terms: &[(Rational, Rational, Rational)],
) -> Result<Option<Rational>, TooLarge> {
    let mut order = 4usize;
    for (_, _, t) in terms {
        let needed = t.denom().to_usize().and_then(|d| d.checked_mul(2)).ok_or(TooLarge)?;
        order = order.checked_mul(needed / gcd(order, needed)).ok_or(TooLarge)?;
        if order > LARGEST_ORDER {
            return Err(TooLarge);
        }
    }
    let mut sum = vec![Rational::new(); order];
    for (x, y, t) in terms {
        // πt = 2πk/n.
        let turns = t * Rational::from((order as u64, 2));
        let k = turns.numer().mod_u(order as u32) as usize;
        let quarter = order / 4;
        let half = |value: &Rational| Rational::from(value / 2);
        sum[k] += half(x);
        sum[(order - k) % order] += half(x);
        sum[(k + quarter) % order] += half(y);
        // −i = ζ^(−n/4).
        sum[(2 * order - k - quarter) % order] += half(y);
    }
    let modulus = cyclotomic(order);
    let degree = modulus.len() - 1;
    for place in (degree..order).rev() {
        let leading = std::mem::take(&mut sum[place]);
        if !leading.is_zero() {
            for (below, &coefficient) in modulus[..degree].iter().enumerate() {
                if coefficient != 0 {
                    sum[place - degree + below] -= Rational::from(&leading * coefficient);
                }
            }
        }
    }
    let rational = sum[1..degree].iter().all(Rational::is_zero);
    Ok(rational.then(|| std::mem::take(&mut sum[0])))
}

/// The order of the root of unity is beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Φₙ, lowest coefficient first: Π over d | n of (x^d − 1)^μ(n/d), as power series.
fn cyclotomic(n: usize) -> Vec<i64> {
    let primes: Vec<usize> =
        (2..=n).filter(|&p| n.is_multiple_of(p) && (2..p).all(|q| !p.is_multiple_of(q))).collect();
    let degree = primes.iter().fold(n, |degree, p| degree / p * (p - 1));
    let mut series = vec![0i64; degree + 1];
    series[0] = 1;
    // Every square-free divisor m of n stands for d = n/m with μ(m); up to the sign, which is +
    // for n > 1 as there are as many factors above as below, (x^d − 1) may be (1 − x^d).
    for subset in 0..1usize << primes.len() {
        let chosen = |index: &usize| subset >> index & 1 == 1;
        let m: usize = (0..primes.len()).filter(chosen).map(|index| primes[index]).product();
        let d = n / m;
        if subset.count_ones() % 2 == 0 {
            for place in (d..=degree).rev() {
                series[place] -= series[place - d];
            }
        } else {
            for place in d..=degree {
                series[place] += series[place - d];
            }
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials() {
        assert_eq!(cyclotomic(4), [1, 0, 1]);
        assert_eq!(cyclotomic(12), [1, 0, -1, 0, 1]);
        assert_eq!(cyclotomic(24), [1, 0, 0, 0, -1, 0, 0, 0, 1]);
        assert_eq!(cyclotomic(20), [1, 0, -1, 0, 1, 0, -1, 0, 1]);
        // The first with a coefficient other than 0 and ±1.
        assert_eq!(cyclotomic(105)[7], -2);
        assert_eq!(cyclotomic(105).len(), 49);
    }

    fn sum(terms: &[(i32, i32, (i32, i32))]) -> Option<Rational> {
        let terms: Vec<_> = terms
            .iter()
            .map(|&(x, y, t)| (Rational::from(x), Rational::from(y), Rational::from(t)))
            .collect();
        rational_sum(&terms).unwrap()
    }

    #[test]
    fn single_angles() {
        let half = |n: i32| Some(Rational::from((n, 2)));
        assert_eq!(sum(&[(3, 5, (1, 2))]), half(-10));
        assert_eq!(sum(&[(3, 5, (1, 1))]), half(-6));
        assert_eq!(sum(&[(3, 5, (-7, 2))]), half(-10));
        assert_eq!(sum(&[(0, 5, (1, 6))]), half(-5));
        assert_eq!(sum(&[(1, 5, (1, 6))]), None);
        assert_eq!(sum(&[(3, 0, (1, 3))]), half(3));
        assert_eq!(sum(&[(3, 3, (1, 4))]), half(0));
        assert_eq!(sum(&[(3, -3, (3, 4))]), half(0));
        assert_eq!(sum(&[(3, 3, (3, 4))]), None);
        assert_eq!(sum(&[(3, 5, (1, 5))]), None);
        assert_eq!(sum(&[(3, 0, (1, 12))]), None);
    }

    #[test]
    fn sums_of_several() {
        // cos π/5 − cos 2π/5 = ½; Σ cos 2πk/7 over k = 1, 2, 3 is −½.
        assert_eq!(sum(&[(1, 0, (1, 5)), (-1, 0, (2, 5))]), Some(Rational::from((1, 2))));
        assert_eq!(
            sum(&[(1, 0, (2, 7)), (1, 0, (4, 7)), (1, 0, (6, 7))]),
            Some(Rational::from((-1, 2)))
        );
        // sin π/12 + sin 5π/12 = √6/2.
        assert_eq!(sum(&[(0, -1, (1, 12)), (0, -1, (5, 12))]), None);
        assert_eq!(sum(&[]), Some(Rational::new()));
        let far = [(Rational::from(1), Rational::new(), Rational::from((1, 99991)))];
        assert_eq!(rational_sum(&far), Err(TooLarge));
    }
}
