//! Sums of cosines and sines of rational multiples of π: whether they are rational, by the size of
//! their conjugates.

use super::interval::Interval;
use super::intervals::Intervals;
use super::phasor;
use super::ratio::Ratio;
use crate::encoding::Arithmetic;
use num_complex::Complex;
use rug::{Float, Integer, Rational};

/// Bits beyond which a proof is not attempted.
const MOST_BITS: u64 = 1 << 16;

/// Σ Re (c e^{iπt}) over `terms` (c, t), if it is rational: `Some(None)` says that it is not,
/// `None` that nothing was found out.
///
/// With a common denominator d of all parts of c, A = 2d·Σ is a sum of integers times 2 cos πt and
/// 2 sin πt, which are algebraic integers of ℚ(ζₙ), n the common multiple of 4 and all 2·den(t).
/// So if the sum is rational, A is a whole number m. Conversely M = A − m is an algebraic integer
/// all of whose conjugates are at most B = 2d·Σ(|Re c| + |Im c|) + |m|. Were it not 0, its norm, a
/// product of φ(n) of them, would be at least 1, and |M| ≥ B^(1 − φ(n)): an enclosure of A narrower
/// than that around m proves that A = m.
pub(super) fn rational_sum(terms: &[(Complex<Ratio>, Ratio)]) -> Option<Option<Ratio>> {
    let parts = || terms.iter().flat_map(|(c, _)| [&c.re.0, &c.im.0]);
    let denominator = parts().fold(Integer::from(2), |d, x| d.lcm(x.denom()));
    let order = terms.iter().fold(Integer::from(4), |n, (_, t)| {
        let twice = Integer::from(t.0.denom() * 2u32);
        n.lcm(&twice)
    });
    // A, a factor 2 included in the denominator.
    let scaled = |precision: u32| -> Option<Interval> {
        let mut sum = Interval::point(0);
        for (c, t) in terms {
            let angle = &Intervals { precision }.pi()? * &Interval::of_ratio(t, precision);
            let unit = phasor(&angle);
            let part = |x: &Ratio| {
                let whole = Rational::from(&x.0 * &denominator) * 2u32;
                Interval::of_ratio(&Ratio(whole), precision)
            };
            sum = sum + (&part(&c.re) * &unit.re - &part(&c.im) * &unit.im);
        }
        Some(sum)
    };
    let size = parts().fold(Rational::new(), |sum, x| sum + x.clone().abs());
    let bound = (size * &denominator * 4u32 + 2u32).ceil().numer().clone();
    let length = bound.significant_bits();
    // A first look: most sums are nowhere near a whole number.
    let near = |x: &Interval| -> Option<Integer> {
        let half = Float::with_val(x.precision(), 0.5);
        let m = (Float::with_val(x.precision(), x.lo()) + half).floor().to_integer()?;
        (*x.lo() <= m && *x.hi() >= m).then_some(m)
    };
    let Some(m) = near(&scaled(length + 64)?) else {
        // Narrower than a half, and the nearest whole number is outside.
        return Some(None);
    };
    let degree = totient(order.to_u64()?);
    let needed = u64::from(length).checked_mul(degree + 1)?.checked_add(64)?;
    if needed > MOST_BITS {
        return None;
    }
    let enclosure = scaled(needed as u32)?;
    if enclosure.lo() > &m || enclosure.hi() < &m {
        return Some(None);
    }
    // |A − m| is at most the width, whose exponent shows how far below B^(1 − φ) it is.
    let width = enclosure.width();
    let narrow = width.is_zero()
        || width.get_exp().is_some_and(|e| {
            i64::from(e) < -i64::from(length).saturating_mul(degree.saturating_sub(1) as i64)
        });
    narrow.then(|| Some(Ratio(Rational::from((m, denominator * 2u32)))))
}

/// φ(n), by trial division.
fn totient(n: u64) -> u64 {
    let (mut rest, mut value, mut p) = (n, n, 2u64);
    while p.checked_mul(p).is_some_and(|square| square <= rest) {
        if rest.is_multiple_of(p) {
            value -= value / p;
            while rest.is_multiple_of(p) {
                rest /= p;
            }
        }
        p += 1;
    }
    if rest > 1 { value - value / rest } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(terms: &[(i64, i64, (i64, i64))]) -> Option<Option<Ratio>> {
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
        assert_eq!(sum(&[(1, 0, (1, 5)), (-1, 0, (2, 5))]), Some(Some(Ratio::new(1, 2))));
        let seventh = [(1, 0, (2, 7)), (1, 0, (4, 7)), (1, 0, (6, 7))];
        assert_eq!(sum(&seventh), Some(Some(Ratio::new(-1, 2))));
        assert_eq!(sum(&[(3, 5, (1, 2))]), Some(Some(Ratio::new(-5, 1))));
        assert_eq!(sum(&[(3, 3, (1, 4))]), Some(Some(Ratio::new(0, 1))));
        assert_eq!(sum(&[]), Some(Some(Ratio::new(0, 1))));
        // sin π/10 · sin 3π/10 = ¼ and sin 3π/10 − sin π/10 = ½.
        assert_eq!(sum(&[(0, 1, (1, 10)), (0, -1, (3, 10))]), Some(Some(Ratio::new(1, 2))));
    }

    #[test]
    fn irrational_sums() {
        assert_eq!(sum(&[(1, 0, (1, 5))]), Some(None));
        assert_eq!(sum(&[(1, 0, (2, 7)), (1, 0, (4, 7))]), Some(None));
        // 816 cos π/4 = 576.9991…
        assert_eq!(sum(&[(816, 0, (1, 4))]), Some(None));
        assert_eq!(sum(&[(1, 0, (1, 99_991))]), Some(None));
        // Rational, but the proof would be too long.
        assert_eq!(sum(&[(1, 0, (1, 99_991)), (-1, 0, (1, 99_991))]), None);
    }

    #[test]
    fn totients() {
        let of = [1, 2, 3, 4, 12, 49, 97, 360].map(totient);
        assert_eq!(of, [1, 1, 2, 2, 4, 42, 96, 96]);
    }
}
