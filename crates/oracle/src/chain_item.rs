//! An element of a chain: how to enclose it, and its square if that is rational.
//!
//! A number is rational exactly if its square is the square of a rational, and everything that a
//! norm and a rotation make without a bias has a square that is easier to know: roots vanish, and
//! cosines become those of twice the angle.

use super::cyclotomic::rational_sum;
use super::read::Read;
use super::settle::{Outcome, first_precision};
use super::turn::{Angle, Turn};
use super::{Ball, Target};
use rug::{Complete, Integer, Rational};
use std::cmp::Ordering;
use std::rc::Rc;

pub(super) type Enclose<'a> = Rc<dyn Fn(u32) -> Option<Ball> + 'a>;

/// What is known of an element.
#[derive(Clone)]
pub(super) enum Item<'a> {
    Copied(u64, Target),
    Nonfinite,
    Rational(Rational),
    /// Enclosed; `square` is its square, if that is known to be rational.
    Real {
        enclose: Enclose<'a>,
        square: Option<Rational>,
    },
}

/// √x of a rational that is a square: √(p/q) = √(pq)/q.
pub(super) fn square_root(x: &Rational) -> Option<Rational> {
    let product = (x.numer() * x.denom()).complete();
    let (root, rest) =
        if product.is_negative() { return None } else { product.sqrt_rem(Integer::new()) };
    rest.is_zero().then(|| Rational::from((root, x.denom().clone())))
}

impl<'a> Item<'a> {
    pub(super) fn real(
        square: Option<Rational>,
        enclose: impl Fn(u32) -> Option<Ball> + 'a,
    ) -> Item<'a> {
        // A turn by a multiple of π makes zeros, which no precision encloses away from 0.
        match square {
            Some(square) if square.is_zero() => Item::Rational(square),
            square => Item::Real { enclose: Rc::new(enclose), square },
        }
    }

    pub(super) fn ball(&self, bits: u32) -> Option<Ball> {
        match self {
            Item::Copied(pattern, from) => from.finite(*pattern).map(|x| x.ball(bits)),
            Item::Nonfinite => None,
            Item::Rational(x) => Some(Ball::rational(x, bits)),
            Item::Real { enclose, .. } => enclose(bits),
        }
    }

    /// Whether it has a value that is finite.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Item::Copied(pattern, from) => from.finite(*pattern).is_some(),
            Item::Nonfinite => false,
            Item::Rational(_) | Item::Real { .. } => true,
        }
    }

    /// Whether it is 0; what a norm or a rotation leaves enclosed is not.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Item::Copied(pattern, from) => from.finite(*pattern).is_some_and(|x| x.is_zero()),
            Item::Rational(x) => x.is_zero(),
            Item::Nonfinite | Item::Real { .. } => false,
        }
    }

    /// Whether it is below 0; none if no precision tells.
    fn negative(&self) -> Option<bool> {
        if self.is_zero() {
            return Some(false);
        }
        (6..12).find_map(|k| self.ball(1 << k)?.sign()).map(|sign| sign == Ordering::Less)
    }

    /// Its square, if that is known to be rational.
    pub(super) fn square(&self) -> Option<Rational> {
        match self {
            Item::Copied(pattern, from) => from.finite(*pattern).map(|x| x.rational().square()),
            Item::Rational(x) => Some(x.clone().square()),
            Item::Real { square, .. } => square.clone(),
            Item::Nonfinite => None,
        }
    }

    /// Its value, if that is known to be rational.
    pub(super) fn value(&self) -> Option<Rational> {
        match self {
            Item::Copied(pattern, from) => from.finite(*pattern).map(|x| x.rational()),
            Item::Rational(x) => Some(x.clone()),
            Item::Real { enclose, square } => {
                let size = square_root(square.as_ref()?)?;
                if size.is_zero() {
                    return Some(size);
                }
                let sign = (6..12).find_map(|k| enclose(1 << k)?.sign())?;
                Some(if sign == Ordering::Less { -size } else { size })
            }
            Item::Nonfinite => None,
        }
    }

    /// A copied number as a rational.
    pub(super) fn number(self) -> Item<'a> {
        match self {
            Item::Copied(pattern, from) => match from.finite(pattern) {
                Some(x) => Item::Rational(x.rational()),
                None => Item::Nonfinite,
            },
            other => other,
        }
    }

    /// The product with a rational.
    pub(super) fn times(self, factor: &Rational) -> Item<'a> {
        match self {
            Item::Rational(x) => Item::Rational(x * factor),
            Item::Real { .. } if factor.is_zero() => Item::Rational(Rational::new()),
            Item::Real { enclose, square } => {
                let square = square.map(|x| x * factor.clone().square());
                let factor = factor.clone();
                Item::real(square, move |bits| Some(enclose(bits)? * Ball::rational(&factor, bits)))
            }
            other => other,
        }
    }

    /// What a cast makes of it, divided by a scale above 0.
    pub(super) fn over(self, scale: &Rational) -> Item<'a> {
        let inverse = scale.clone().recip();
        match self {
            Item::Copied(pattern, from) => match from.read(pattern) {
                Read::Finite(x) if !x.is_zero() => Item::Rational(x.rational() * inverse),
                Read::Finite(x) => Item::Copied(Target::F64.zero(x.negative), Target::F64),
                Read::Infinite { negative } => {
                    Item::Copied(Target::F64.overflow(negative), Target::F64)
                }
                Read::Nan => Item::Copied(Target::F64.quiet_nan(), Target::F64),
            },
            other => other.times(&inverse),
        }
    }

    pub(super) fn round(&self, target: Target) -> Result<Outcome, u32> {
        match self {
            Item::Copied(pattern, from) => Ok(Outcome::copied(*pattern, *from, target)),
            Item::Nonfinite => Ok(Outcome::nonfinite(target)),
            Item::Rational(x) => Ok(Outcome::rational(x, target)),
            Item::Real { enclose, .. } => Outcome::search(
                target,
                first_precision(target),
                |bits| enclose(bits),
                || self.value(),
            ),
        }
    }
}

/// (x cos φ + x′ sin φ)², the scale left out, from x², x′² and x x′ (with the sign of the sine); none
/// if it is not known to be rational. cos² and sin² become the cosine of 2φ.
pub(super) fn turned_square(
    turn: &Turn,
    square: &Rational,
    other: &Rational,
    product: &Rational,
) -> Option<Rational> {
    match &turn.angle {
        Angle::Zero => Some(square.clone()),
        Angle::OfPi(t) => {
            let constant = (square + other).complete() / 2u32;
            let half = (square - other).complete() / 2u32;
            let twice: Rational = t.clone() * 2u32;
            // (x² + x′²)/2 + (x² − x′²)/2 · cos 2φ + x x′ sin 2φ.
            let sum = rational_sum(&[(half, -product.clone(), twice)]).ok().flatten();
            sum.map(|sum| sum + constant)
        }
        Angle::Other => None,
    }
}

/// scale · (x cos φ ± x′ sin φ).
pub(super) fn turned<'w: 'a, 'a>(
    turn: &Rc<Turn<'w>>,
    x: &Item<'a>,
    partner: &Item<'a>,
    sign: i8,
) -> Item<'a> {
    let still = matches!(turn.angle, Angle::Zero);
    if still && turn.scale.is_one() {
        return x.clone();
    }
    if !x.is_number() || !partner.is_number() {
        return Item::Nonfinite;
    }
    if x.is_zero() && (still || partner.is_zero()) {
        return Item::Rational(Rational::new());
    }
    if let (Some((cos, sin)), Some(scale)) = (turn.quarters(), &turn.scale.rational) {
        let (item, factor) = if cos == 0 { (partner, sin * i32::from(sign)) } else { (x, cos) };
        return item.clone().number().times(&(scale * Rational::from(factor)));
    }
    let square = || {
        let (xx, yy) = match (x.square(), partner.square()) {
            (Some(xx), Some(yy)) => (xx, yy),
            (Some(xx), None) if still => (xx, Rational::new()),
            _ => return None,
        };
        // Both have one root, so the root of the product of their squares is rational.
        let product = square_root(&(&xx * &yy).complete())?;
        let negative = x.negative()? != partner.negative()? && !product.is_zero();
        let product = if negative != (sign < 0) { -product } else { product };
        let scale = turn.scale.square()?;
        turned_square(turn, &xx, &yy, &product).map(|square| square * scale)
    };
    let square = match &turn.angle {
        Angle::Other => None,
        _ => square(),
    };
    let (turn, x, partner) = (turn.clone(), x.clone(), partner.clone());
    Item::real(square, move |bits| {
        let (cos, sin) = turn.phasor(bits)?;
        let kept = x.ball(bits)? * cos;
        Some(match sign < 0 {
            _ if matches!(turn.angle, Angle::Zero) => kept,
            true => kept - partner.ball(bits)? * sin,
            false => kept + partner.ball(bits)? * sin,
        })
    })
}
