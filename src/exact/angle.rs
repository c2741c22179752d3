//! Angles and how the values at them can be rounded.

use super::interval::Interval;
use super::ratio::Ratio;
use super::resolved::{Multiple, ResolvedPlane, ResolvedRope};
use super::round::{Proof, Value};
use crate::encoding::{Class, Fraction, Monomial};
use crate::request::{Direction, Position};
use num_complex::Complex;
use num_traits::Zero;
use rug::Rational;

/// What is known of an angle pθ.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turning {
    /// It is 0.
    Never,
    /// Algebraic and not 0: cos and sin are transcendental (Lindemann–Weierstrass), and so is
    /// every x cos − y sin with rational (x, y) ≠ 0.
    Algebraic,
    /// π times this rational: cos and sin are algebraic.
    RationalPi(Fraction),
    /// π times an irrational algebraic number: e^{iφ} is transcendental (Gelfond–Schneider).
    IrrationalPi,
    /// Nothing is known.
    Open,
}

/// One plane at one position: the angle, the scale, and the phasor that has both.
pub(super) struct Turned<'a> {
    pub(super) turning: Turning,
    /// magnitude^(±1) · growth^(±(p − origin)).
    pub(super) scale: std::borrow::Cow<'a, Multiple>,
    plane: &'a ResolvedPlane,
    position: Position,
    clockwise: bool,
    /// The phasor at the starting precision.
    pub(super) first: Complex<Interval>,
}

impl Turning {
    pub(super) fn new(frequency: &Multiple, position: Position) -> Turning {
        if position.numerator == 0 || frequency.is_zero() {
            return Turning::Never;
        }
        let non_zero = || {
            frequency.class.is_zero() == Some(false)
                || frequency.ratio.is_some()
                || frequency.enclose(256).is_some_and(|x| !x.contains_zero())
        };
        match &frequency.class {
            Class::Radical(_) | Class::Rational | Class::Algebraic if non_zero() => {
                Turning::Algebraic
            }
            Class::Pi(multiple) if !multiple.is_rational() => Turning::IrrationalPi,
            Class::Pi(multiple) => {
                let p = Fraction::new(position.numerator as i128, position.denominator as i128);
                let multiple: &Monomial = multiple;
                match multiple.to_fraction().and_then(|m| p.and_then(|p| m.mul(p))) {
                    Some(multiple) => Turning::RationalPi(multiple),
                    None => Turning::Open,
                }
            }
            _ => Turning::Open,
        }
    }
}

/// Encloses the angle pθ, in radians.
pub(super) fn angle(frequency: &Multiple, position: Position, precision: u32) -> Option<Interval> {
    let theta = frequency.enclose(precision)?;
    let angle = &Interval::point(position.numerator) * &theta;
    Some(match position.denominator {
        1 => angle,
        d => &angle / &Interval::point(d),
    })
}

impl<'a> Turned<'a> {
    /// None if the frequency cannot be enclosed at all.
    pub(super) fn new(
        rope: &'a ResolvedRope,
        plane: &'a ResolvedPlane,
        magnitude: &'a Multiple,
        position: Position,
        direction: Direction,
        precision: u32,
    ) -> Result<Turned<'a>, super::UndecidedRounding> {
        let scale = match plane.growth.is_one() {
            true => std::borrow::Cow::Borrowed(magnitude),
            false => {
                let exponent = position.numerator.saturating_sub(rope.origin);
                let grown = plane
                    .growth
                    .expression
                    .power(if direction == Direction::Inverse { -exponent } else { exponent }, 1);
                let scale = &magnitude.expression * &grown;
                std::borrow::Cow::Owned(Multiple::new(&scale, "growth")?)
            }
        };
        let mut turned = Turned {
            turning: Turning::new(&plane.frequency, position),
            scale,
            plane,
            position,
            clockwise: direction != Direction::Forward,
            first: Complex::new(Interval::point(0), Interval::point(0)),
        };
        turned.first = turned.phasor(precision).ok_or(super::UndecidedRounding {
            name: "inv_freq",
            index: 0,
            precision,
        })?;
        Ok(turned)
    }

    /// Encloses scale · e^{±iφ}.
    pub(super) fn phasor(&self, precision: u32) -> Option<Complex<Interval>> {
        let scale = self.scale.enclose(precision)?;
        if self.turning == Turning::Never {
            return Some(Complex::new(scale, Interval::point(0)));
        }
        let angle = angle(&self.plane.frequency, self.position, precision)?;
        let unit = super::phasor(&angle);
        let unit = if self.clockwise { unit.conj() } else { unit };
        Some(match self.scale.is_one() {
            true => unit,
            false => Complex::new(&unit.re * &scale, &unit.im * &scale),
        })
    }

    /// How the real part of z · phasor can be rounded, for exact finite z = x + iy ≠ 0. The
    /// imaginary part is the real part for −i·z, that is, for (y, −x).
    pub(super) fn kind(&self, x: &Ratio, y: &Ratio) -> Kind {
        let algebraic_scale = self.scale.class.is_algebraic() == Some(true);
        let y = &if self.clockwise { -y.clone() } else { y.clone() };
        match &self.turning {
            Turning::Never => self.scaled(x.clone()),
            Turning::Algebraic if algebraic_scale => Kind::Real(Proof::Lindemann),
            Turning::IrrationalPi if algebraic_scale => Kind::Real(Proof::GelfondSchneider),
            Turning::RationalPi(multiple) => match at_multiple_of_pi(x, y, *multiple) {
                Some(value) => self.scaled(value),
                // Irrational and algebraic; a rational scale keeps it so.
                None if self.scale.ratio.is_some() => Kind::Real(Proof::IrrationalAlgebraic),
                None if self.scale.proof() == Proof::Transcendental => {
                    Kind::Real(Proof::Transcendental)
                }
                None => Kind::Real(Proof::Isolation),
            },
            _ => Kind::Real(Proof::Isolation),
        }
    }

    /// scale · value.
    fn scaled(&self, value: Ratio) -> Kind {
        if value.is_zero() {
            return Kind::Rational(value);
        }
        match &self.scale.ratio {
            Some(scale) => Kind::Rational(&value * scale),
            None => Kind::Real(self.scale.proof()),
        }
    }
}

/// The nature of one element.
pub(super) enum Kind {
    Rational(Ratio),
    Real(Proof),
}

impl Kind {
    pub(super) fn value<'a>(
        self,
        first: Interval,
        enclose: &'a dyn Fn(u32) -> Option<Interval>,
    ) -> Value<'a> {
        match self {
            Kind::Rational(ratio) => Value::Rational(ratio),
            Kind::Real(proof) => Value::Real { proof, first, enclose },
        }
    }
}

/// x cos φ − y sin φ at φ = π·a/b if it is rational, none if it is irrational.
///
/// At multiples of π/6 the value is A + B√3 with rational A and B, rational exactly if B = 0. At
/// odd multiples of π/4 it is (±x ± y)/√2, rational exactly if it is 0. At every other rational
/// multiple of π it is irrational (cos and sin have degree above 2 over ℚ, or an irrationality
/// that no rational x, y cancel).
fn at_multiple_of_pi(x: &Ratio, y: &Ratio, multiple: Fraction) -> Option<Ratio> {
    let (a, b) = (multiple.numerator(), multiple.denominator());
    let half = || Ratio::new(1, 2);
    if 6 % b == 0 {
        // Sixths: cos and sin as (rational, coefficient of √3).
        let sixths = (a * (6 / b)).rem_euclid(12);
        let parts = |n: i128| -> (Ratio, Ratio) {
            let zero = Ratio::zero();
            match n.rem_euclid(12) {
                0 => (Ratio::new(1, 1), zero),
                1 | 11 => (zero, half()),
                2 | 10 => (half(), zero),
                3 | 9 => (zero.clone(), zero),
                4 | 8 => (-half(), zero),
                5 | 7 => (zero, -half()),
                _ => (-Ratio::new(1, 1), zero),
            }
        };
        let ((cos, cos3), (sin, sin3)) = (parts(sixths), parts(sixths - 3));
        let irrational = x * &cos3 - y * &sin3;
        return irrational.is_zero().then(|| x * &cos - y * &sin);
    }
    if b == 4 {
        let quarters = a.rem_euclid(8);
        let cos_positive = matches!(quarters, 1 | 7);
        let sin_positive = matches!(quarters, 1 | 3);
        let sum = match cos_positive == sin_positive {
            true => x - y,
            false => Ratio(Rational::from(&x.0 + &y.0)),
        };
        return sum.is_zero().then(Ratio::zero);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rational_values_at_multiples_of_pi() {
        let at = |x, y, a, b| {
            at_multiple_of_pi(&Ratio::new(x, 1), &Ratio::new(y, 1), Fraction::new(a, b).unwrap())
        };
        assert_eq!(at(3, 5, 1, 2), Some(Ratio::new(-5, 1)));
        assert_eq!(at(3, 5, 1, 1), Some(Ratio::new(-3, 1)));
        assert_eq!(at(0, 5, 1, 6), Some(Ratio::new(-5, 2)));
        assert_eq!(at(1, 5, 1, 6), None);
        assert_eq!(at(3, 0, 1, 3), Some(Ratio::new(3, 2)));
        assert_eq!(at(3, 3, 1, 4), Some(Ratio::new(0, 1)));
        assert_eq!(at(3, -3, 3, 4), Some(Ratio::new(0, 1)));
        assert_eq!(at(3, 3, 3, 4), None);
        assert_eq!(at(3, 5, 1, 5), None);
    }
}
