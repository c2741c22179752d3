//! A rope whose branches are decided and whose exactness is known.

use super::decide::Intervaled;
use super::interval::Interval;
use super::intervals::Intervals;
use super::ratio::Ratio;
use super::rationals::{Rationals, of_monomial, over_pi};
use super::round::{Proof, UndecidedRounding, Value, first_enclosure};
use crate::encoding::{Class, Expression, Pair, Rope};
use num_traits::Zero;

/// An expression without branches, with its class and, if it is rational, its value.
#[derive(Clone, Debug)]
pub struct Multiple {
    /// Without branches.
    pub expression: Expression,
    /// What it is.
    pub class: Class,
    /// Its value, if it is rational.
    pub ratio: Option<Ratio>,
    /// Its value over π, if that is rational.
    pub over_pi: Option<Ratio>,
}

/// A plane of a [`ResolvedRope`].
#[derive(Clone, Debug)]
pub struct ResolvedPlane {
    /// The coordinates.
    pub pair: Pair,
    /// Index into the axes of the position.
    pub axis: usize,
    /// Radians per position.
    pub frequency: Multiple,
    /// Growth per position.
    pub growth: Multiple,
}

/// A [`Rope`] with every branch decided.
#[derive(Clone, Debug)]
pub struct ResolvedRope {
    /// The planes.
    pub planes: Vec<ResolvedPlane>,
    /// Multiplies cos and sin.
    pub magnitude: Multiple,
    /// Where growth starts.
    pub origin: i64,
}

impl Multiple {
    /// Decides branches and class of an expression.
    ///
    /// # Errors
    /// If a comparison stays open at the highest precision.
    pub fn new(expression: &Expression, name: &'static str) -> Result<Multiple, UndecidedRounding> {
        let open = UndecidedRounding { name, index: 0, precision: 1 << 13 };
        let expression = expression.resolve(&Intervaled).ok_or(open)?;
        let class = expression.class();
        let ratio = match &class {
            Class::Radical(monomial) if monomial.is_rational() => of_monomial(monomial),
            Class::Rational | Class::Undecided => expression.evaluate(&Rationals),
            _ => None,
        };
        let over_pi = match &class {
            Class::Pi(monomial) => monomial.is_rational().then(|| of_monomial(monomial)).flatten(),
            Class::Transcendental | Class::Undecided => over_pi(&expression),
            _ => None,
        };
        Ok(Multiple { expression, class, ratio, over_pi })
    }

    /// Encloses it.
    pub fn enclose(&self, precision: u32) -> Option<Interval> {
        match &self.ratio {
            Some(ratio) => Some(Interval::of_ratio(ratio, precision)),
            None => self.expression.evaluate(&Intervals { precision }),
        }
    }

    /// Whether it is provably the other: the same number, radical or expression.
    pub(in crate::exact) fn is(&self, other: &Multiple) -> bool {
        self.expression == other.expression
            || matches!((&self.ratio, &other.ratio), (Some(a), Some(b)) if a == b)
            || matches!((&self.class, &other.class), (Class::Radical(a), Class::Radical(b)) if a == b)
    }

    /// Whether it is provably 1.
    pub fn is_one(&self) -> bool {
        self.class.is_one() || self.ratio.as_ref().is_some_and(num_traits::One::is_one)
    }

    /// Whether it is provably 0.
    pub fn is_zero(&self) -> bool {
        self.class.is_zero() == Some(true)
            || [&self.ratio, &self.over_pi].into_iter().flatten().any(Zero::is_zero)
    }

    /// Why the value can be rounded, if it is not rational.
    pub fn proof(&self) -> Proof {
        match &self.class {
            _ if self.ratio.is_some() => Proof::Rational,
            _ if self.over_pi.as_ref().is_some_and(|x| !x.is_zero()) => Proof::Transcendental,
            Class::Radical(_) => Proof::IrrationalAlgebraic,
            Class::Pi(_) | Class::Logarithm { .. } | Class::Transcendental => Proof::Transcendental,
            Class::Rational | Class::Algebraic | Class::Undecided => Proof::Isolation,
        }
    }

    /// The exact value, for a sink.
    ///
    /// # Errors
    /// If not even a first enclosure can be computed.
    pub fn value<T>(&self, with: impl FnOnce(Value) -> T) -> Result<T, u32> {
        if let Some(ratio) = &self.ratio {
            return Ok(with(Value::Rational(ratio.clone())));
        }
        let enclose = |precision| self.enclose(precision);
        let first = first_enclosure(128, enclose)?;
        Ok(with(Value::Real { proof: self.proof(), first, enclose: &enclose }))
    }
}

impl ResolvedRope {
    /// Decides branches and classes of a rope.
    ///
    /// # Errors
    /// If a comparison stays open at the highest precision.
    pub fn new(rope: &Rope) -> Result<ResolvedRope, UndecidedRounding> {
        let planes = rope
            .planes
            .iter()
            .map(|plane| {
                Ok(ResolvedPlane {
                    pair: plane.pair,
                    axis: plane.axis,
                    frequency: Multiple::new(&plane.frequency, "inv_freq")?,
                    growth: Multiple::new(&plane.growth, "growth")?,
                })
            })
            .collect::<Result<_, UndecidedRounding>>()?;
        let magnitude = Multiple::new(&rope.magnitude, "attention_factor")?;
        Ok(ResolvedRope { planes, magnitude, origin: rope.origin })
    }
}
