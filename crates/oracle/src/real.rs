//! Frequencies and factors: radicals, multiples of π, or balls at any precision.

use super::radical::Radical;
use super::{Ball, Elementary, SecondError, pi};
use rug::Rational;
use std::rc::Rc;

/// Where the search for a decision or a rounding gives up.
pub(super) const LAST_PRECISION: u32 = 1 << 14;

/// A formula in ball arithmetic; none asks for more precision.
pub(super) type Formula<'a> = Rc<dyn Fn(&Elementary, u32) -> Option<Ball> + 'a>;

/// A real number as far as it is known.
#[derive(Clone)]
pub(super) enum Real<'a> {
    /// Algebraic.
    Radical(Radical),
    /// π times a radical.
    Pi(Radical),
    /// A formula with logarithms, or with π in more than one place.
    Open {
        formula: Formula<'a>,
        /// A radical that determines the value, within one config: where these agree, so do the
        /// values.
        of: Option<Radical>,
    },
}

impl From<Rational> for Real<'_> {
    fn from(value: Rational) -> Self {
        Real::Radical(Radical::from(value))
    }
}

impl<'a> Real<'a> {
    /// A formula; `of` is what it is a function of, if anybody asks.
    pub(super) fn open(
        of: Option<Radical>,
        formula: impl Fn(&Elementary, u32) -> Option<Ball> + 'a,
    ) -> Real<'a> {
        Real::Open { formula: Rc::new(formula), of }
    }

    /// A ball at a working precision.
    pub(super) fn ball(&self, functions: &Elementary, bits: u32) -> Option<Ball> {
        match self {
            Real::Radical(radical) => radical.ball(functions, bits),
            Real::Pi(radical) => Some(pi(bits) * radical.ball(functions, bits)?),
            Real::Open { formula, .. } => formula(functions, bits),
        }
    }

    /// The value, if it is known to be rational.
    pub(super) fn value(&self) -> Option<Rational> {
        match self {
            Real::Radical(radical) => radical.value(),
            Real::Pi(radical) if radical.is_zero() => Some(Rational::new()),
            Real::Pi(_) | Real::Open { .. } => None,
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        matches!(self, Real::Radical(radical) | Real::Pi(radical) if radical.is_zero())
    }

    /// The product with a radical; a formula stays the function of what it was.
    pub(super) fn times(&self, factor: &Radical) -> Real<'a> {
        match self {
            Real::Radical(radical) => Real::Radical(radical.times(factor)),
            Real::Pi(radical) => Real::Pi(radical.times(factor)),
            Real::Open { formula, of } => {
                let (formula, factor) = (formula.clone(), factor.clone());
                let product = move |functions: &Elementary, bits: u32| {
                    Some(formula(functions, bits)? * factor.ball(functions, bits)?)
                };
                Real::open(of.clone(), product)
            }
        }
    }

    /// 1/self; none for 0.
    pub(super) fn inverse(&self) -> Option<Real<'a>> {
        match self {
            Real::Radical(radical) => radical.inverse().map(Real::Radical),
            // Not needed for a multiple of π, which is no factor of anything.
            Real::Pi(_) => None,
            Real::Open { formula, of } => {
                let formula = formula.clone();
                let inverse = move |functions: &Elementary, bits: u32| {
                    Ball::integer(1, bits).checked_div(&formula(functions, bits)?)
                };
                Some(Real::open(of.clone(), inverse))
            }
        }
    }

    /// The same with a rational value recognised.
    pub(super) fn simplified(self) -> Real<'a> {
        match self {
            Real::Radical(radical) => Real::Radical(radical.simplified()),
            Real::Pi(radical) => Real::Pi(radical.simplified()),
            open => open,
        }
    }
}

/// The first answer on the way to the highest precision.
pub(super) fn raise<T>(
    first: u32,
    what: &'static str,
    attempt: impl Fn(u32) -> Option<T>,
) -> Result<T, SecondError> {
    let mut bits = first;
    while bits <= LAST_PRECISION {
        if let Some(found) = attempt(bits) {
            return Ok(found);
        }
        bits *= 2;
    }
    Err(SecondError::Undecided { name: what, index: 0, precision: bits / 2 })
}
