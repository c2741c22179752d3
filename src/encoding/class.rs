//! What an expression is, decided by algebra: before any enclosure is computed, and because an
//! enclosure can never decide that something is zero or a tie.

use super::expression::{Expression, Node};
use super::fraction::Fraction;
use super::monomial::Monomial;
use std::cmp::Ordering;

/// The arithmetical nature of an expression. [`Class::Undecided`] is always a legal answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Class {
    /// A product of rational powers of integers: zero, rational or an irrational radical, and
    /// which of them is decided.
    Radical(Monomial),
    /// Rational, with parts that machine integers cannot hold.
    Rational,
    /// Algebraic; whether rational is open.
    Algebraic,
    /// π times a radical other than zero, hence transcendental (Lindemann).
    Pi(Monomial),
    /// slope · ln(argument) + intercept with rational slope ≠ 0 and a positive radical ≠ 1 as
    /// argument, hence transcendental (Lindemann).
    Logarithm {
        /// Rational, not zero.
        slope: Fraction,
        /// Positive, not one.
        argument: Monomial,
        /// Rational.
        intercept: Fraction,
    },
    /// Transcendental, by one of the theorems above and closure under algebraic operations.
    Transcendental,
    /// Nothing is known.
    Undecided,
}

/// Decides comparisons that algebra alone cannot; intervals of growing precision do it.
pub trait Decide {
    /// The order of two expressions that are known to differ.
    fn compare(&self, a: &Expression, b: &Expression) -> Option<Ordering>;
    /// ⌊x⌋.
    fn floor(&self, x: &Expression) -> Option<i128>;
}

impl Expression {
    /// The same number without branches: every select, min, max, floor and ceil replaced by what
    /// it comes to. None if a comparison stays open.
    pub fn resolve(&self, decide: &impl Decide) -> Option<Expression> {
        let of = |x: &Expression| x.resolve(decide);
        let order = |a: &Expression, b: &Expression| match a.same_number(b) {
            true => Some(Ordering::Equal),
            false => decide.compare(a, b),
        };
        Some(match self.node() {
            Node::Dyadic(_) | Node::Integer(_) | Node::Pi => self.clone(),
            Node::Add(a, b) => of(a)? + of(b)?,
            Node::Sub(a, b) => of(a)? - of(b)?,
            Node::Mul(a, b) => of(a)? * of(b)?,
            Node::Div(a, b) => {
                let (a, b, zero) = (of(a)?, of(b)?, Expression::integer(0));
                // 0/b is 0 whatever b is, if only b is known not to be 0. A YaRN ramp that begins
                // at pair 0 needs it: its class is open, and no enclosure tells 0/b from 0.
                let known = || matches!(b.class().is_zero(), Some(false));
                let apart = || decide.compare(&b, &zero).is_some_and(|o| o != Ordering::Equal);
                match a.class().is_zero() == Some(true) && (known() || apart()) {
                    true => zero,
                    false => a / b,
                }
            }
            Node::Power(x, a, b) => of(x)?.power(*a, *b),
            Node::Ln(x) => of(x)?.ln(),
            Node::Floor(x) => Expression::integer(exact_floor(&of(x)?, decide)?),
            Node::Ceil(x) => {
                let below = exact_floor(&(Expression::integer(0) - of(x)?), decide)?;
                Expression::integer(-below)
            }
            Node::Min(a, b) | Node::Max(a, b) => {
                let (a, b) = (of(a)?, of(b)?);
                let less = order(&a, &b)? == Ordering::Less;
                if less == matches!(self.node(), Node::Min(..)) { a } else { b }
            }
            Node::Select { left, right, then, otherwise } => {
                match order(&of(left)?, &of(right)?)? {
                    Ordering::Less => of(then)?,
                    _ => of(otherwise)?,
                }
            }
        })
    }

    /// Whether both are provably the same number.
    pub fn same_number(&self, other: &Expression) -> bool {
        if self == other {
            return true;
        }
        match (self.class(), other.class()) {
            (Class::Radical(a), Class::Radical(b)) if !a.is_zero() && !b.is_zero() => {
                a.div(&b).is_some_and(|ratio| ratio.is_one())
            }
            (a, b) => {
                !matches!(a, Class::Radical(ref m) if !m.is_zero()) && a.is_definite() && a == b
            }
        }
    }

    /// The class of an expression. Branches that were not resolved are undecided.
    pub fn class(&self) -> Class {
        match self.node() {
            Node::Dyadic(x) => Monomial::dyadic(*x).map_or(Class::Undecided, Class::Radical),
            Node::Integer(n) => Class::Radical(Monomial::integer(*n)),
            Node::Pi => Class::Pi(Monomial::integer(1)),
            Node::Add(a, b) => a.class().add(b.class()),
            Node::Sub(a, b) => a.class().add(b.class().neg()),
            Node::Mul(a, b) => a.class().mul(b.class()),
            Node::Div(a, b) if a == b && a.class().is_zero() == Some(false) => {
                Class::Radical(Monomial::integer(1))
            }
            Node::Div(a, b) => a.class().div(b.class()),
            Node::Power(x, a, b) => x.class().power(*a, *b),
            Node::Ln(x) => match x.class() {
                Class::Radical(m) if m.is_one() => Class::Radical(Monomial::integer(0)),
                Class::Radical(argument) if argument.signum() == 1 => {
                    Class::Logarithm { slope: Fraction::ONE, argument, intercept: Fraction::ZERO }
                }
                _ => Class::Undecided,
            },
            Node::Floor(_)
            | Node::Ceil(_)
            | Node::Min(..)
            | Node::Max(..)
            | Node::Select { .. } => Class::Undecided,
        }
    }
}

/// ⌊x⌋ by algebra where x is a small rational, else by the decider.
fn exact_floor(x: &Expression, decide: &impl Decide) -> Option<i128> {
    match x.class() {
        Class::Radical(m) if m.is_rational() => match m.to_fraction() {
            Some(value) => Some(value.numerator().div_euclid(value.denominator())),
            None => decide.floor(x),
        },
        _ => decide.floor(x),
    }
}

impl Class {
    /// Whether two equal classes of this kind mean equal numbers.
    fn is_definite(&self) -> bool {
        matches!(self, Class::Radical(_) | Class::Logarithm { .. })
    }

    /// Whether the number is zero; none if that is open.
    pub fn is_zero(&self) -> Option<bool> {
        match self {
            Class::Radical(m) => Some(m.is_zero()),
            Class::Pi(_) | Class::Logarithm { .. } | Class::Transcendental => Some(false),
            Class::Rational | Class::Algebraic | Class::Undecided => None,
        }
    }

    /// Whether the number is provably one.
    pub fn is_one(&self) -> bool {
        matches!(self, Class::Radical(m) if m.is_one())
    }

    /// Whether the number is rational; none if that is open.
    pub fn is_rational(&self) -> Option<bool> {
        match self {
            Class::Radical(m) => Some(m.is_rational()),
            Class::Rational => Some(true),
            Class::Pi(_) | Class::Logarithm { .. } | Class::Transcendental => Some(false),
            Class::Algebraic | Class::Undecided => None,
        }
    }

    /// Whether the number is algebraic; none if that is open.
    pub fn is_algebraic(&self) -> Option<bool> {
        match self {
            Class::Radical(_) | Class::Rational | Class::Algebraic => Some(true),
            Class::Pi(_) | Class::Logarithm { .. } | Class::Transcendental => Some(false),
            Class::Undecided => None,
        }
    }

    /// The word for a report.
    pub fn name(&self) -> &'static str {
        match self {
            Class::Radical(m) if m.is_zero() => "zero",
            Class::Radical(m) if m.is_rational() => "rational",
            Class::Radical(_) => "irrational radical",
            Class::Rational => "rational",
            Class::Algebraic => "algebraic",
            Class::Pi(_) => "π times a radical",
            Class::Logarithm { .. } => "logarithm of an algebraic number",
            Class::Transcendental => "transcendental",
            Class::Undecided => "undecided",
        }
    }

    fn fraction(&self) -> Option<Fraction> {
        if let Class::Radical(m) = self { m.to_fraction() } else { None }
    }

    fn rational(x: Option<Fraction>) -> Class {
        x.and_then(Monomial::fraction).map_or(Class::Rational, Class::Radical)
    }

    fn neg(self) -> Class {
        match self {
            Class::Radical(m) => Class::Radical(m.neg()),
            Class::Pi(m) => Class::Pi(m.neg()),
            Class::Logarithm { slope, argument, intercept } => {
                Class::Logarithm { slope: -slope, argument, intercept: -intercept }
            }
            other => other,
        }
    }

    fn add(self, other: Class) -> Class {
        use Class::*;
        match (self, other) {
            (Radical(a), x) | (x, Radical(a)) if a.is_zero() => x,
            (Radical(a), Radical(b)) => {
                // Rational, or commensurate: a + b = b(a/b + 1).
                let ratio = a.div(&b);
                match (a.is_rational() && b.is_rational(), ratio) {
                    (true, _) => Class::rational(
                        a.to_fraction()
                            .and_then(|x| b.to_fraction().and_then(|y| x.checked_add(y))),
                    ),
                    (_, Some(ratio)) if ratio.is_rational() => ratio
                        .to_fraction()
                        .and_then(|x| x.checked_add(Fraction::ONE))
                        .and_then(Monomial::fraction)
                        .and_then(|sum| sum.mul(&b))
                        .map_or(Algebraic, Radical),
                    _ => Algebraic,
                }
            }
            (Logarithm { slope, argument, intercept }, x)
            | (x, Logarithm { slope, argument, intercept })
                if x.fraction().is_some() =>
            {
                match x.fraction().and_then(|x| intercept.checked_add(x)) {
                    Some(intercept) => Logarithm { slope, argument, intercept },
                    None => Transcendental,
                }
            }
            (a, b) => match (a.is_algebraic(), b.is_algebraic()) {
                (Some(true), Some(true))
                    if a.is_rational() == Some(true) && b.is_rational() == Some(true) =>
                {
                    Rational
                }
                (Some(true), Some(true)) => Algebraic,
                (Some(true), Some(false)) | (Some(false), Some(true)) => Transcendental,
                _ => Undecided,
            },
        }
    }

    fn mul(self, other: Class) -> Class {
        use Class::*;
        match (self, other) {
            (Radical(zero), _) | (_, Radical(zero)) if zero.is_zero() => Radical(zero),
            (Radical(a), Radical(b)) => a.mul(&b).map_or(Algebraic, Radical),
            (Radical(a), Pi(b)) | (Pi(b), Radical(a)) => a.mul(&b).map_or(Transcendental, Pi),
            (Logarithm { slope, argument, intercept }, x)
            | (x, Logarithm { slope, argument, intercept })
                if x.fraction().is_some() =>
            {
                let scaled = x
                    .fraction()
                    .and_then(|x| Some((slope.checked_mul(x)?, intercept.checked_mul(x)?)));
                match scaled {
                    Some((slope, intercept)) => Logarithm { slope, argument, intercept },
                    None => Transcendental,
                }
            }
            (a, b) => match (a.is_algebraic(), b.is_algebraic()) {
                (Some(true), Some(true))
                    if a.is_rational() == Some(true) && b.is_rational() == Some(true) =>
                {
                    Rational
                }
                (Some(true), Some(true)) => Algebraic,
                // A non-zero algebraic multiple of a transcendental number is transcendental.
                (Some(true), Some(false)) if a.is_zero() == Some(false) => Transcendental,
                (Some(false), Some(true)) if b.is_zero() == Some(false) => Transcendental,
                _ => Undecided,
            },
        }
    }

    fn div(self, other: Class) -> Class {
        use Class::*;
        match (self, other) {
            (_, Radical(zero)) if zero.is_zero() => Undecided,
            // Formulas divide by numbers that are not 0, known or not.
            (Radical(zero), _) if zero.is_zero() => Radical(zero),
            (Radical(a), Radical(b)) => a.div(&b).map_or(Algebraic, Radical),
            (Pi(a), Pi(b)) => a.div(&b).map_or(Algebraic, Radical),
            (Pi(a), Radical(b)) => a.div(&b).map_or(Transcendental, Pi),
            (
                Logarithm { slope: s, argument: x, intercept: c },
                Logarithm { slope: t, argument: y, intercept: d },
            ) => quotient_of_logarithms(s, &x, c, t, &y, d),
            (a, b) => {
                let inverse = match b.is_algebraic() {
                    // 1/x is rational, algebraic, transcendental with x.
                    Some(true) if b.is_zero() == Some(false) => b,
                    Some(false) => Transcendental,
                    _ => return Undecided,
                };
                a.mul(inverse)
            }
        }
    }

    fn power(self, a: i64, b: i64) -> Class {
        let exponent = Fraction::new(a as i128, b as i128);
        match self {
            _ if a == 0 => Class::Radical(Monomial::integer(1)),
            Class::Radical(m) => match exponent.and_then(|e| m.power(e)) {
                Some(power) => Class::Radical(power),
                None if m.signum() == 1 => Class::Algebraic,
                None => Class::Undecided,
            },
            Class::Rational if b == 1 && a > 0 => Class::Rational,
            // Positive or not, a real rational power of an algebraic number is algebraic, and the
            // root of a transcendental one is transcendental.
            Class::Rational | Class::Algebraic => Class::Algebraic,
            Class::Pi(_) | Class::Logarithm { .. } | Class::Transcendental => Class::Transcendental,
            Class::Undecided => Class::Undecided,
        }
    }
}

/// (s ln x + c) / (t ln y + d).
fn quotient_of_logarithms(
    s: Fraction,
    x: &Monomial,
    c: Fraction,
    t: Fraction,
    y: &Monomial,
    d: Fraction,
) -> Class {
    // With x = yᵘ this is (su·ln y + c) / (t·ln y + d), a Möbius map of a transcendental number:
    // transcendental, unless it is constant. Independent x and y with c = d = 0 give a ratio of
    // logarithms that is irrational, hence transcendental (Gelfond–Schneider).
    match x.logarithm(y) {
        Some(Some(u)) => {
            let Some((a, constant)) = s.checked_mul(u).and_then(|a| {
                Some((a, a.checked_mul(d)?.compare(c.checked_mul(t)?)? == Ordering::Equal))
            }) else {
                return Class::Undecided;
            };
            match constant {
                true => Class::rational(a.checked_div(t)),
                false => Class::Transcendental,
            }
        }
        Some(None) if c.is_zero() && d.is_zero() => Class::Transcendental,
        _ => Class::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows that numbers differ, nothing else.
    struct Apart;

    impl Decide for Apart {
        fn compare(&self, _: &Expression, _: &Expression) -> Option<Ordering> {
            Some(Ordering::Greater)
        }
        fn floor(&self, _: &Expression) -> Option<i128> {
            None
        }
    }

    #[test]
    fn zero_over_an_open_number_is_zero() {
        // ln(1/π) is of no class that is known, and not 0.
        let open = (Expression::integer(1) / Expression::pi()).ln();
        assert_eq!(open.class(), Class::Undecided);
        let quotient = Expression::integer(0) / open;
        assert_eq!(quotient.resolve(&Apart), Some(Expression::integer(0)));
    }
}
