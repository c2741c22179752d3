//! Numbers r√R + b, which a norm makes of rationals: what they are when a plane turns them.

use super::angle::{Kind, Turned, Turning};
use super::interval::Interval;
use super::ratio::Ratio;
use super::rationals::of_monomial;
use super::resolved::Multiple;
use super::round::Proof;
use super::surd::Surd;
use crate::encoding::{Class, Fraction};
use num_traits::Zero;
use rug::Integer;

/// √R of a positive rational R that is no square.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Root(Ratio);

/// r√R + b for the one root of a row; r is 0 where there is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rooted {
    pub(super) r: Ratio,
    pub(super) b: Ratio,
}

/// √x, if it is rational.
pub(super) fn square_root(x: &Ratio) -> Option<Ratio> {
    let root = |n: &Integer| (!n.is_negative() && n.is_perfect_square()).then(|| n.clone().sqrt());
    Some(Ratio((root(x.0.numer())?, root(x.0.denom())?).into()))
}

impl Root {
    /// √R as a rational, or as a root.
    pub(super) fn of(square: Ratio) -> Result<Ratio, Root> {
        square_root(&square).ok_or(Root(square))
    }

    pub(super) fn enclose(&self, precision: u32) -> Interval {
        Interval::of_ratio(&self.0, precision).sqrt()
    }
}

impl Rooted {
    pub(super) fn rational(b: Ratio) -> Rooted {
        Rooted { r: Ratio::zero(), b }
    }

    /// r · √R + b, where √R may be rational.
    pub(super) fn new(r: Ratio, root: &Result<Ratio, Root>, b: Ratio) -> Rooted {
        match root {
            Ok(root) => Rooted::rational(&(&r * root) + &b),
            Err(_) => Rooted { r, b },
        }
    }

    /// As √R is irrational, only if both parts are.
    pub(super) fn is_zero(&self) -> bool {
        self.r.is_zero() && self.b.is_zero()
    }

    pub(super) fn negated(&self) -> Rooted {
        Rooted { r: -self.r.clone(), b: -self.b.clone() }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.r.is_zero() {
            true => Kind::Rational(self.b.clone()),
            false => Kind::Real(Proof::IrrationalAlgebraic),
        }
    }

    pub(super) fn enclose(&self, root: Option<&Root>, precision: u32) -> Interval {
        let b = Interval::of_ratio(&self.b, precision);
        match root.filter(|_| !self.r.is_zero()) {
            None => b,
            Some(root) => {
                let product = Interval::of_ratio(&self.r, precision) * root.enclose(precision);
                if self.b.is_zero() { product } else { product + b }
            }
        }
    }

    /// The nature of the real part of (x + iy) · phasor; see [`Turned::kind`].
    ///
    /// Where x or y is irrational it is algebraic, and what Lindemann–Weierstrass says of algebraic
    /// x and y holds. At angle 0 it is scale · (r√R + b), at multiples of π/12 a number over the
    /// roots of 2, 3 and R.
    pub(super) fn turned(x: &Rooted, y: &Rooted, root: Option<&Root>, turned: &Turned) -> Kind {
        let Some(root) = root.filter(|_| !x.r.is_zero() || !y.r.is_zero()) else {
            return turned.kind(&x.b, &y.b);
        };
        let algebraic_scale = turned.scale.class.is_algebraic() == Some(true);
        match &turned.turning {
            Turning::Never => x.scaled(root, &turned.scale),
            Turning::Algebraic if algebraic_scale => Kind::Real(Proof::Lindemann),
            Turning::IrrationalPi if algebraic_scale => Kind::Real(Proof::GelfondSchneider),
            Turning::RationalPi(multiple) => {
                let y = if turned.clockwise { y.negated() } else { y.clone() };
                let sum = |x, y| Surd::zero().plus_turned(x, y, multiple);
                match (sum(&x.r, &y.r), sum(&x.b, &y.b)) {
                    (Some(roots), Some(rest)) => match root.rational_sum(roots, rest) {
                        Some(value) => turned.scaled(value),
                        None => turned.irrational(),
                    },
                    _ => Kind::Real(Proof::Isolation),
                }
            }
            _ => Kind::Real(Proof::Isolation),
        }
    }

    /// The nature of scale · (r√R + b).
    ///
    /// Let a be a scale that is no rational but a radical, the real positive root of least degree n
    /// of a rational. It has degree n over ℚ. Were a · (r√R + b) rational and not 0, a would lie in
    /// ℚ(√R), hence n = 2; squared, 2rb√R is rational, hence b = 0 (as r ≠ 0 is); and (a√R)² is the
    /// square of a rational.
    fn scaled(&self, root: &Root, scale: &Multiple) -> Kind {
        if self.r.is_zero() || scale.is_zero() {
            return match (self.b.is_zero() || scale.is_zero(), &scale.ratio) {
                (true, _) => Kind::Rational(Ratio::zero()),
                (false, Some(scale)) => Kind::Rational(scale * &self.b),
                (false, None) => Kind::Real(scale.proof()),
            };
        }
        match (&scale.ratio, &scale.class) {
            (Some(_), _) => Kind::Real(Proof::IrrationalAlgebraic),
            (None, Class::Radical(radical)) => {
                let square = Fraction::new(2, 1).and_then(|two| radical.power(two));
                let square = square.filter(|square| square.is_rational());
                let product = square.and_then(|x| of_monomial(&x)).map(|x| &x * &root.0);
                match product.and_then(|x| square_root(&x)).filter(|_| self.b.is_zero()) {
                    Some(product) if radical.signum() < 0 => Kind::Rational(-(&self.r * &product)),
                    Some(product) => Kind::Rational(&self.r * &product),
                    None => Kind::Real(Proof::IrrationalAlgebraic),
                }
            }
            (None, _) => Kind::Real(scale.proof()),
        }
    }
}

impl Root {
    /// roots · √R + rest, if it is rational.
    ///
    /// √R lies in ℚ(√2, √3) exactly if R times 2, 3 or 6 is a square; else it is independent of it.
    fn rational_sum(&self, roots: Surd, rest: Surd) -> Option<Ratio> {
        for d in [2, 3, 6] {
            if let Some(t) = square_root(&(&self.0 * &Ratio::new(d, 1))) {
                let factor = &t * &Ratio::new(1, d);
                return rest.plus(&factor, &roots.times_root(d)).rational();
            }
        }
        roots.is_zero().then(|| rest.rational()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_told() {
        assert_eq!(square_root(&Ratio::new(25, 16)), Some(Ratio::new(5, 4)));
        assert_eq!(square_root(&Ratio::new(25, 15)), None);
        assert_eq!(square_root(&Ratio::new(-4, 1)), None);
    }

    #[test]
    fn a_root_of_two_meets_a_half_turn_of_eight() {
        // √2 · cos(π/4) = 1 and √2 · cos(π/6) = √6/2.
        let root = Root(Ratio::new(2, 1));
        let surd = |n, d| {
            let (one, zero) = (Ratio::new(1, 1), Ratio::zero());
            Surd::zero().plus_turned(&one, &zero, &Ratio::new(n, d)).unwrap()
        };
        assert_eq!(root.rational_sum(surd(1, 4), Surd::zero()), Some(Ratio::new(1, 1)));
        assert_eq!(root.rational_sum(surd(1, 6), Surd::zero()), None);
        assert_eq!(Root(Ratio::new(5, 1)).rational_sum(surd(1, 4), Surd::zero()), None);
    }
}
