//! Polynomials in which an identity of the rotation is a finite computation.

use num_complex::Complex;
use num_traits::{Num, One, Zero};
use rug::Integer;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// An indeterminate: a family and an index within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// Any number.
    Free(&'static str, usize),
    /// The cosine of an angle.
    Cos(&'static str, usize),
    /// The sine of the same angle.
    Sin(&'static str, usize),
}

/// Variables with their exponents, ascending, no exponent 0.
type Monomial = Vec<(Variable, u32)>;

/// An element of ℤ\[x, y, …, c, s, c′, s′, …\]/(c² + s² − 1, c′² + s′² − 1, …), kept reduced: every
/// sine has exponent 0 or 1.
///
/// Reduced monomials are linearly independent as functions of free real numbers and angles, since
/// a(c) + s·b(c) vanishes on the whole circle only for a = b = 0. So two elements are equal if and
/// only if they agree for every real value of the variables and every angle: *zero here is an
/// identity there*.
///
/// A quotient is no polynomial. Dividing gives an element that stays what it is in every later
/// operation, equals nothing, and never vanishes.
///
/// ```
/// use ropewalk_theorem::Polynomial;
/// use num_traits::One;
/// let w = Polynomial::phase("w", 0);
/// assert_eq!(w.norm_sqr(), Polynomial::one());
/// assert_eq!((w.clone() * w).re.to_string(), "-1 + 2·cos w0^2"); // cos 2φ
/// ```
#[derive(Clone, Debug)]
pub struct Polynomial(Option<BTreeMap<Monomial, Integer>>);

impl Polynomial {
    /// The indeterminate `name` `index`, any number.
    pub fn free(name: &'static str, index: usize) -> Polynomial {
        Polynomial::variable(Variable::Free(name, index))
    }

    /// `count` free indeterminates of one family.
    pub fn vector(name: &'static str, count: usize) -> Vec<Polynomial> {
        (0..count).map(|index| Polynomial::free(name, index)).collect()
    }

    /// A point of the unit circle: cos + i·sin of an arbitrary angle.
    pub fn phase(name: &'static str, index: usize) -> Complex<Polynomial> {
        Complex::new(
            Polynomial::variable(Variable::Cos(name, index)),
            Polynomial::variable(Variable::Sin(name, index)),
        )
    }

    /// `count` independent points of the unit circle.
    pub fn phases(name: &'static str, count: usize) -> Vec<Complex<Polynomial>> {
        (0..count).map(|index| Polynomial::phase(name, index)).collect()
    }

    fn variable(variable: Variable) -> Polynomial {
        Polynomial(Some(BTreeMap::from([(vec![(variable, 1)], Integer::from(1))])))
    }

    /// The highest total degree in the chosen variables; none if it is no polynomial.
    pub fn degree(&self, chosen: impl Fn(Variable) -> bool) -> Option<u32> {
        let of = |monomial: &Monomial| {
            monomial.iter().filter(|(variable, _)| chosen(*variable)).map(|(_, n)| n).sum()
        };
        Some(self.0.as_ref()?.keys().map(of).max().unwrap_or(0))
    }

    /// The largest |coefficient|; none if it is no polynomial.
    pub fn height(&self) -> Option<Integer> {
        let terms = self.0.as_ref()?;
        Some(terms.values().map(|c| Integer::from(c.abs_ref())).max().unwrap_or_default())
    }

    /// The sum of any terms.
    fn collect(terms: impl Iterator<Item = (Monomial, Integer)>) -> Polynomial {
        Polynomial(Some(BTreeMap::new())).accumulate(terms)
    }

    /// self plus the terms.
    fn accumulate(mut self, terms: impl Iterator<Item = (Monomial, Integer)>) -> Polynomial {
        let Some(sum) = &mut self.0 else { return self };
        for (monomial, coefficient) in terms {
            match sum.entry(monomial) {
                Entry::Vacant(entry) => {
                    entry.insert(coefficient);
                }
                Entry::Occupied(mut entry) => {
                    *entry.get_mut() += coefficient;
                    if entry.get().is_zero() {
                        entry.remove();
                    }
                }
            }
        }
        self
    }
}

/// The product of two reduced monomials, reduced: each s² becomes 1 − c².
fn product(a: &Monomial, b: &Monomial) -> Vec<(Monomial, bool)> {
    let mut exponents: BTreeMap<Variable, u32> = a.iter().copied().collect();
    for &(variable, exponent) in b {
        *exponents.entry(variable).or_default() += exponent;
    }
    let squares: Vec<Variable> = exponents
        .iter()
        .filter(|(variable, exponent)| matches!(variable, Variable::Sin(..)) && **exponent > 1)
        .map(|(variable, _)| *variable)
        .collect();
    let mut terms = vec![(exponents, false)];
    for sine in squares {
        let Variable::Sin(name, index) = sine else { continue };
        for (one, _) in &mut terms {
            one.remove(&sine);
        }
        let minus_cosine_squared = |(exponents, negative): &(BTreeMap<_, u32>, bool)| {
            let mut exponents = exponents.clone();
            *exponents.entry(Variable::Cos(name, index)).or_default() += 2;
            (exponents, !negative)
        };
        let more: Vec<_> = terms.iter().map(minus_cosine_squared).collect();
        terms.extend(more);
    }
    terms.into_iter().map(|(exponents, n)| (exponents.into_iter().collect(), n)).collect()
}

impl PartialEq for Polynomial {
    fn eq(&self, other: &Polynomial) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

impl Add for Polynomial {
    type Output = Polynomial;
    fn add(self, other: Polynomial) -> Polynomial {
        match other.0 {
            Some(terms) => self.accumulate(terms.into_iter()),
            None => Polynomial(None),
        }
    }
}

impl Sub for Polynomial {
    type Output = Polynomial;
    fn sub(self, other: Polynomial) -> Polynomial {
        self + -other
    }
}

impl Mul for Polynomial {
    type Output = Polynomial;
    fn mul(self, other: Polynomial) -> Polynomial {
        let (Some(a), Some(b)) = (&self.0, &other.0) else { return Polynomial(None) };
        Polynomial::collect(a.iter().flat_map(|(left, c)| {
            b.iter().flat_map(move |(right, d)| {
                let coefficient = Integer::from(c * d);
                product(left, right).into_iter().map(move |(monomial, negative)| {
                    let c = coefficient.clone();
                    (monomial, if negative { -c } else { c })
                })
            })
        }))
    }
}

impl Neg for Polynomial {
    type Output = Polynomial;
    fn neg(self) -> Polynomial {
        let negated =
            |terms: BTreeMap<_, Integer>| terms.into_iter().map(|(m, c)| (m, -c)).collect();
        Polynomial(self.0.map(negated))
    }
}

impl Div for Polynomial {
    type Output = Polynomial;
    /// No polynomial.
    fn div(self, _: Polynomial) -> Polynomial {
        Polynomial(None)
    }
}

impl Rem for Polynomial {
    type Output = Polynomial;
    /// No polynomial.
    fn rem(self, _: Polynomial) -> Polynomial {
        Polynomial(None)
    }
}

impl Zero for Polynomial {
    fn zero() -> Polynomial {
        Polynomial(Some(BTreeMap::new()))
    }
    fn is_zero(&self) -> bool {
        self.0.as_ref().is_some_and(BTreeMap::is_empty)
    }
}

impl One for Polynomial {
    fn one() -> Polynomial {
        Polynomial(Some(BTreeMap::from([(Vec::new(), Integer::from(1))])))
    }
}

impl Num for Polynomial {
    type FromStrRadixErr = rug::integer::ParseIntegerError;
    /// An integer constant.
    fn from_str_radix(text: &str, radix: u32) -> Result<Polynomial, Self::FromStrRadixErr> {
        // rug panics on a radix it does not know.
        let n = Integer::from(Integer::parse_radix(text, radix.clamp(2, 36) as i32)?);
        let terms = [(Vec::new(), n)].into_iter().filter(|(_, n)| !n.is_zero());
        Ok(Polynomial::collect(terms))
    }
}

impl std::fmt::Display for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Variable::Free(name, index) => write!(f, "{name}{index}"),
            Variable::Cos(name, index) => write!(f, "cos {name}{index}"),
            Variable::Sin(name, index) => write!(f, "sin {name}{index}"),
        }
    }
}

impl std::fmt::Display for Polynomial {
    /// The first four terms, and how many there are in all if more.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 4;
        let Some(terms) = &self.0 else { return f.write_str("no polynomial") };
        if terms.is_empty() {
            return f.write_str("0");
        }
        for (n, (monomial, coefficient)) in terms.iter().take(SHOWN).enumerate() {
            let power = |(variable, exponent): &(Variable, u32)| match exponent {
                1 => variable.to_string(),
                _ => format!("{variable}^{exponent}"),
            };
            let mut factors: Vec<String> = monomial.iter().map(power).collect();
            if factors.is_empty() || *coefficient != 1 {
                factors.insert(0, coefficient.to_string());
            }
            write!(f, "{}{}", if n == 0 { "" } else { " + " }, factors.join("·"))?;
        }
        match terms.len() {
            n if n > SHOWN => write!(f, " + … ({n} terms)"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_circle_is_divided_out() {
        let (w, x) = (Polynomial::phase("w", 0), Polynomial::free("x", 0));
        let fourth = |s: Polynomial| s.clone() * s.clone() * s.clone() * s;
        // s⁴ = (1 − c²)², on paper and here.
        let one_minus = Polynomial::one() - w.re.clone() * w.re.clone();
        assert_eq!(fourth(w.im.clone()), one_minus.clone() * one_minus);
        assert_ne!(w.im.clone(), w.re.clone());
        let cubic = (w.re.clone() + x.clone()) * w.im.clone() * x;
        assert_eq!(cubic.degree(|v| matches!(v, Variable::Free(..))), Some(2));
        assert_eq!(cubic.degree(|v| !matches!(v, Variable::Free(..))), Some(2));
    }

    #[test]
    fn a_quotient_never_vanishes() {
        let x = Polynomial::free("x", 0);
        let quotient = x.clone() / x;
        assert!(!(quotient.clone() - quotient.clone()).is_zero());
        assert_ne!(quotient, quotient.clone());
        assert_eq!(quotient.to_string(), "no polynomial");
        assert_eq!(quotient.height(), None);
    }
}
