//! What the pipeline of a profile needs of a number, and the frequencies in it.
//!
//! The pipeline is written once. Run over [`super::Machine`] it emulates; run over [`super::span`]
//! it encloses what every machine of the profile may get.

use super::Recipe;
use crate::encoding::{Arithmetic, Expression, Node};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

/// An [`Arithmetic`] with elementary functions and conversions.
pub(super) trait Elementary: Arithmetic {
    /// A number of another format, rounded into this one.
    fn convert(&self, x: &Self::Scalar) -> Self::Scalar;
    /// x^y for x > 0.
    fn pow(&self, x: &Self::Scalar, y: &Self::Scalar) -> Option<Self::Scalar>;
    /// e^x.
    fn exp(&self, x: &Self::Scalar) -> Option<Self::Scalar>;
    /// 2^x.
    fn exp2(&self, x: &Self::Scalar) -> Option<Self::Scalar>;
    /// log₂ x.
    fn log2(&self, x: &Self::Scalar) -> Option<Self::Scalar>;
    /// One of two branches, or what covers both where the order is open.
    fn either(
        &self,
        order: Option<Ordering>,
        then: &dyn Fn() -> Option<Self::Scalar>,
        otherwise: &dyn Fn() -> Option<Self::Scalar>,
    ) -> Option<Self::Scalar>;
    /// min(a, b).
    fn smaller(&self, a: &Self::Scalar, b: &Self::Scalar) -> Option<Self::Scalar>;
    /// Bits that tell two numbers apart.
    fn key(&self, x: &Self::Scalar) -> [u64; 2];
    /// max(a, b).
    fn larger(&self, a: &Self::Scalar, b: &Self::Scalar) -> Option<Self::Scalar>;
}

/// Whether an expression is a power of the base as spectra have them: exponent not positive.
///
/// The other powers of the schemes (a stretched base, a square root in a magnitude) have positive
/// exponents.
pub(super) fn base_power(expression: &Expression) -> Option<(&Expression, i64, i64)> {
    match expression.node() {
        Node::Power(x, a, b) if *a <= 0 => Some((x, *a, *b)),
        _ => None,
    }
}

/// Whether a base power stands anywhere in it.
pub(super) fn has_base_power(expression: &Expression) -> bool {
    let of = has_base_power;
    match expression.node() {
        _ if base_power(expression).is_some() => true,
        Node::Dyadic(_) | Node::Integer(_) | Node::Pi => false,
        Node::Add(a, b)
        | Node::Sub(a, b)
        | Node::Mul(a, b)
        | Node::Div(a, b)
        | Node::Min(a, b)
        | Node::Max(a, b) => of(a) || of(b),
        Node::Power(x, ..) | Node::Ln(x) | Node::Floor(x) | Node::Ceil(x) => of(x),
        Node::Select { left, right, then, otherwise } => {
            [left, right, then, otherwise].into_iter().any(of)
        }
    }
}

/// Two arithmetics: constants of a formula are worked out by the host and rounded once when they
/// meet a tensor; what holds a base power is computed in the tensor's format.
///
/// So Transformers does it: `math.log(…)` of a YaRN ramp is Python's double, `inv_freq / factor` a
/// tensor operation. An expression without any base power is computed in the tensor's format
/// throughout (`linspace` and the like).
#[derive(Clone)]
pub(super) struct Tiers<E: Elementary> {
    pub(super) host: E,
    pub(super) tensor: E,
    pub(super) recipe: Recipe,
    /// Whether `pow` is 2^(y · log₂ x).
    pub(super) composed_pow: bool,
    /// The denominator h of exponents −k/h. Expressions keep them in lowest terms, machines not.
    pub(super) denominator: i64,
    /// The last running product: planes come in order, so that each continues from the one before.
    pub(super) last: Last<E::Scalar>,
}

/// Factor and start of a running product, how many factors it has, and its value.
pub(super) type Last<S> = Rc<RefCell<Option<([u64; 4], i64, S)>>>;

impl<E: Elementary> Tiers<E> {
    /// A frequency.
    pub(super) fn frequency(&self, expression: &Expression) -> Option<E::Scalar> {
        match has_base_power(expression) {
            true => self.mixed(expression),
            false => walk(&self.tensor, expression, &|x| self.pure(x)),
        }
    }

    fn pure(&self, expression: &Expression) -> Option<E::Scalar> {
        walk(&self.tensor, expression, &|x| self.pure(x))
    }

    /// A constant, in the host's format.
    pub(super) fn constant(&self, expression: &Expression) -> Option<E::Scalar> {
        walk(&self.host, expression, &|x| self.constant(x))
    }

    fn mixed(&self, expression: &Expression) -> Option<E::Scalar> {
        if let Some((x, a, b)) = base_power(expression) {
            let (k, h) = match self.denominator % b {
                0 => (a.checked_neg()?.checked_mul(self.denominator / b)?, self.denominator),
                _ => (-a, b),
            };
            return self.power(&self.constant(x)?, k, h);
        }
        match has_base_power(expression) {
            true => walk(&self.tensor, expression, &|x| self.mixed(x)),
            false => Some(self.tensor.convert(&self.constant(expression)?)),
        }
    }

    /// b^(−k/h) by the recipe, k ≥ 0.
    fn power(&self, base: &E::Scalar, k: i64, h: i64) -> Option<E::Scalar> {
        let t = &self.tensor;
        let integer = |n: i64| t.integer(n as i128);
        let b = t.convert(base);
        let exponent = |k: i64| t.div(&integer(k)?, &integer(h)?);
        let one = integer(1)?;
        match self.recipe {
            Recipe::ReciprocalOfPower => t.div(&one, &self.pow(&b, &exponent(k)?)?),
            Recipe::PowerOfReciprocal => self.pow(&t.div(&one, &b)?, &exponent(k)?),
            Recipe::NegativePower => self.pow(&b, &exponent(-k)?),
            Recipe::PowerOfStep => self.pow(&self.pow(&b, &exponent(-1)?)?, &integer(k)?),
            Recipe::Exponential => {
                let step = t.div(&t.convert(&self.host.ln(base)?), &integer(h)?)?;
                t.exp(&t.mul(&integer(-k)?, &step)?)
            }
            Recipe::Exp2 => {
                let doublings = t.convert(&self.host.log2(base)?);
                t.exp2(&t.mul(&exponent(-k)?, &doublings)?)
            }
            Recipe::RunningProduct => self.running(&self.step(base, h)?, k, one),
        }
    }

    fn pow(&self, x: &E::Scalar, y: &E::Scalar) -> Option<E::Scalar> {
        let t = &self.tensor;
        match self.composed_pow {
            true => t.exp2(&t.mul(y, &t.log2(x)?)?),
            false => t.pow(x, y),
        }
    }

    /// b^(−1/h), the factor of a running product.
    pub(super) fn step(&self, base: &E::Scalar, h: i64) -> Option<E::Scalar> {
        let t = &self.tensor;
        let exponent = t.div(&t.integer(-1)?, &t.integer(h as i128)?)?;
        self.pow(&t.convert(base), &exponent)
    }

    /// start · factor · factor · …, k factors, every product rounded.
    pub(super) fn running(
        &self,
        factor: &E::Scalar,
        k: i64,
        start: E::Scalar,
    ) -> Option<E::Scalar> {
        let t = &self.tensor;
        let ([a, b], [c, d]) = (t.key(factor), t.key(&start));
        let key = [a, b, c, d];
        let (done, start) = match self.last.take() {
            Some((known, done, product)) if known == key && done <= k => (done, product),
            _ => (0, start),
        };
        let product = (done..k).try_fold(start, |product, _| t.mul(&product, factor))?;
        self.last.replace(Some((key, k, product.clone())));
        Some(product)
    }

    /// x^(a/b) with the exponent rounded: the growth of xPos.
    pub(super) fn real_power(&self, x: &Expression, a: i128, b: i128) -> Option<E::Scalar> {
        let t = &self.tensor;
        let exponent = t.div(&t.integer(a)?, &t.integer(b)?)?;
        self.pow(&self.pure(x)?, &exponent)
    }
}

/// One operation of an expression, its operands through `of`.
fn walk<E: Elementary>(
    e: &E,
    expression: &Expression,
    of: &dyn Fn(&Expression) -> Option<E::Scalar>,
) -> Option<E::Scalar> {
    match expression.node() {
        Node::Dyadic(x) => e.dyadic(*x),
        Node::Integer(n) => e.integer(*n),
        Node::Pi => e.pi(),
        Node::Add(a, b) => e.add(&of(a)?, &of(b)?),
        Node::Sub(a, b) => e.sub(&of(a)?, &of(b)?),
        Node::Mul(a, b) => e.mul(&of(a)?, &of(b)?),
        Node::Div(a, b) => e.div(&of(a)?, &of(b)?),
        Node::Power(x, a, b) => e.power(&of(x)?, *a, *b),
        Node::Ln(x) => e.ln(&of(x)?),
        Node::Floor(x) => e.floor(&of(x)?),
        Node::Ceil(x) => {
            let zero = e.integer(0)?;
            e.sub(&zero, &e.floor(&e.sub(&zero, &of(x)?)?)?)
        }
        Node::Min(a, b) => e.smaller(&of(a)?, &of(b)?),
        Node::Max(a, b) => e.larger(&of(a)?, &of(b)?),
        Node::Select { left, right, then, otherwise } => {
            let order = e.compare(&of(left)?, &of(right)?);
            e.either(order, &|| of(then), &|| of(otherwise))
        }
    }
}
