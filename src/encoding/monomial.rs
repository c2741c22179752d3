//! Products of powers of integers, on which rationality is a perfect-power test.

use super::fraction::{Fraction, gcd};

/// ± Π nᵢ^eᵢ with integers nᵢ > 1 that are pairwise coprime and rational eᵢ ≠ 0; or zero.
///
/// Every dyadic is one (m·2ᵉ with odd m), and so is every product, quotient and rational power of
/// positive ones: base^(−2i/r), slopes 2^(−8h/H), factors, magnitudes. Because the nᵢ are
/// coprime, the value is rational exactly if each nᵢ^eᵢ is: if nᵢ is a perfect power of the
/// order that eᵢ's denominator asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Monomial {
    /// −1, 0 or 1.
    sign: i8,
    factors: Vec<(u128, Fraction)>,
}

/// The integer k with kⁿ = x, if there is one.
fn exact_root(x: u128, n: u128) -> Option<u128> {
    if n == 1 || x <= 1 {
        return Some(x);
    }
    let n = u32::try_from(n).ok().filter(|&n| n < 128)?;
    // Bisection: at most 64 steps, no floating point to trust.
    let (mut low, mut high) = (1u128, 1u128 << (128 / n + 1).min(127));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match middle.checked_pow(n) {
            Some(power) if power <= x => low = middle,
            _ => high = middle - 1,
        }
    }
    (low.checked_pow(n) == Some(x)).then_some(low)
}

/// Multiplies a list of coprime powers by base^exponent and keeps it coprime.
fn insert(factors: &mut Vec<(u128, Fraction)>, base: u128, exponent: Fraction) -> Option<()> {
    if base == 1 || exponent.is_zero() {
        return Some(());
    }
    for index in 0..factors.len() {
        let common = gcd(factors[index].0, base);
        if common > 1 {
            let (other, power) = factors.swap_remove(index);
            // Each step splits a base, so the recursion ends.
            insert(factors, common, power.checked_add(exponent)?)?;
            insert(factors, other / common, power)?;
            return insert(factors, base / common, exponent);
        }
    }
    factors.push((base, exponent));
    Some(())
}

impl Monomial {
    /// An integer.
    pub fn integer(n: i128) -> Monomial {
        let mut factors = Vec::new();
        let magnitude = n.unsigned_abs();
        if magnitude > 1 {
            let twos = magnitude.trailing_zeros();
            // Exponents this small always fit.
            if let Some(exponent) = Fraction::new(twos as i128, 1).filter(|_| twos > 0) {
                factors.push((2, exponent));
            }
            if magnitude >> twos > 1 {
                factors.push((magnitude >> twos, Fraction::ONE));
            }
        }
        Monomial { sign: n.signum() as i8, factors }
    }

    /// A finite f64, exactly.
    pub fn dyadic(x: f64) -> Option<Monomial> {
        let format = crate::number::Format::F64;
        let crate::number::Decoded::Finite { negative, significand, exponent } =
            format.decode(x.to_bits())
        else {
            return None;
        };
        let signed = if negative { -(significand as i128) } else { significand as i128 };
        let power = Monomial::integer(2).power(Fraction::new(exponent as i128, 1)?)?;
        Monomial::integer(signed).mul(&power)
    }

    /// A fraction.
    pub fn fraction(x: Fraction) -> Option<Monomial> {
        Monomial::integer(x.numerator()).div(&Monomial::integer(x.denominator()))
    }

    /// The sign: −1, 0 or 1.
    pub fn signum(&self) -> i8 {
        self.sign
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.sign == 0
    }

    /// Whether it is one.
    pub fn is_one(&self) -> bool {
        self.sign == 1 && self.factors.is_empty()
    }

    /// The coprime powers.
    pub fn factors(&self) -> &[(u128, Fraction)] {
        &self.factors
    }

    /// Product; none if an exponent outgrows machine integers.
    pub fn mul(&self, other: &Monomial) -> Option<Monomial> {
        let sign = self.sign * other.sign;
        let mut factors = if sign == 0 { Vec::new() } else { self.factors.clone() };
        if sign != 0 {
            for &(base, exponent) in &other.factors {
                insert(&mut factors, base, exponent)?;
            }
        }
        Some(Monomial { sign, factors })
    }

    /// Quotient; none for a zero divisor.
    pub fn div(&self, other: &Monomial) -> Option<Monomial> {
        self.mul(&other.power(Fraction::new(-1, 1)?)?)
    }

    /// Negation.
    pub fn neg(&self) -> Monomial {
        Monomial { sign: -self.sign, factors: self.factors.clone() }
    }

    /// Rational power; none for 0 to a power that is not positive, and for a negative base with
    /// an exponent that is no integer.
    pub fn power(&self, exponent: Fraction) -> Option<Monomial> {
        let sign = match self.sign {
            0 if exponent.numerator() > 0 => return Some(self.clone()),
            0 => return None,
            -1 if exponent.denominator() != 1 => return None,
            -1 if exponent.numerator() % 2 != 0 => -1,
            _ => 1,
        };
        let mut factors = Vec::new();
        for &(base, power) in &self.factors {
            let product = power.checked_mul(exponent)?;
            if !product.is_zero() {
                factors.push((base, product));
            }
        }
        Some(Monomial { sign, factors })
    }

    /// Whether the value is rational. Always decided.
    pub fn is_rational(&self) -> bool {
        let rational = |&(base, exponent): &(u128, Fraction)| {
            exact_root(base, exponent.denominator().unsigned_abs()).is_some()
        };
        self.factors.iter().all(rational)
    }

    /// The same value with every exponent an integer; none if it is irrational.
    pub fn rational_powers(&self) -> Option<Vec<(u128, i128)>> {
        let power = |&(base, exponent): &(u128, Fraction)| {
            let root = exact_root(base, exponent.denominator().unsigned_abs())?;
            Some((root, exponent.numerator()))
        };
        self.factors.iter().map(power).collect()
    }

    /// The value as a fraction, if it is rational and fits.
    pub fn to_fraction(&self) -> Option<Fraction> {
        let mut value = Fraction::new(self.sign as i128, 1)?;
        for (base, exponent) in self.rational_powers()? {
            let power = base.checked_pow(u32::try_from(exponent.unsigned_abs()).ok()?)?;
            let power = Fraction::new(i128::try_from(power).ok()?, 1)?;
            value =
                if exponent > 0 { value.checked_mul(power)? } else { value.checked_div(power)? };
        }
        Some(value)
    }

    /// The rational t with self = otherᵗ, that is, ln self / ln other, for positive monomials.
    ///
    /// `Some(None)` is the proof that there is none (they are multiplicatively independent),
    /// `None` is not knowing.
    pub fn logarithm(&self, other: &Monomial) -> Option<Option<Fraction>> {
        if self.sign != 1 || other.sign != 1 || other.is_one() {
            return None;
        }
        // Over one common coprime base, the exponent vectors must be proportional.
        let mut bases = Vec::new();
        for (base, _) in self.factors.iter().chain(&other.factors) {
            insert(&mut bases, *base, Fraction::ONE)?;
        }
        let exponents = |monomial: &Monomial| -> Option<Vec<Fraction>> {
            let mut vector = vec![Fraction::ZERO; bases.len()];
            for &(base, exponent) in &monomial.factors {
                let mut rest = base;
                for (slot, (prime, _)) in vector.iter_mut().zip(&bases) {
                    while rest % prime == 0 {
                        rest /= prime;
                        *slot = slot.checked_add(exponent)?;
                    }
                }
                (rest == 1).then_some(())?;
            }
            Some(vector)
        };
        let (ours, theirs) = (exponents(self)?, exponents(other)?);
        let pivot = theirs.iter().position(|e| !e.is_zero())?;
        let ratio = ours[pivot].checked_div(theirs[pivot])?;
        for (a, b) in ours.iter().zip(&theirs) {
            if *a != b.checked_mul(ratio)? {
                return Some(None);
            }
        }
        Some(Some(ratio))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(n: i128, order: i128) -> Monomial {
        Monomial::integer(n).power(Fraction::new(1, order).unwrap()).unwrap()
    }

    #[test]
    fn ten_thousand_to_the_half_is_a_hundred() {
        assert_eq!(root(10000, 2).to_fraction(), Fraction::new(100, 1));
        assert!(!root(10000, 3).is_rational());
        assert!(root(10000, 2).div(&Monomial::integer(100)).unwrap().is_one());
        // √6 = √2 · √3 although the bases differ.
        assert!(root(6, 2).div(&root(2, 2).mul(&root(3, 2)).unwrap()).unwrap().is_one());
    }

    #[test]
    fn logarithms_of_powers_are_rational() {
        let (a, b) = (Monomial::integer(32768), Monomial::integer(4096));
        assert_eq!(a.logarithm(&b), Some(Fraction::new(5, 4)));
        assert_eq!(Monomial::integer(6).logarithm(&Monomial::integer(4)), Some(None));
        assert_eq!(
            Monomial::integer(36).logarithm(&Monomial::integer(6)),
            Some(Fraction::new(2, 1))
        );
    }

    #[test]
    fn roots_are_exact() {
        assert_eq!(exact_root(u128::MAX, 2), None);
        assert_eq!(exact_root(1 << 126, 126), Some(2));
        assert_eq!(exact_root(3u128.pow(80), 80), Some(3));
        assert_eq!(exact_root(3u128.pow(80) + 1, 80), None);
    }
}
