//! Angles and how the values at them can be rounded.

use super::interval::Interval;
use super::intervals::Intervals;
use super::ratio::Ratio;
use super::resolved::{Multiple, ResolvedPlane, ResolvedRope};
use super::round::{Proof, Value, first_enclosure};
use crate::encoding::{Arithmetic, Class, Fraction};
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
    /// π times this rational, reduced to [0, 2): cos and sin are algebraic.
    RationalPi(Ratio),
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
    position: Fraction,
    clockwise: bool,
    /// The phasor at the starting precision.
    pub(super) first: Complex<Interval>,
}

impl Turning {
    pub(super) fn new(frequency: &Multiple, position: Fraction) -> Turning {
        if position.is_zero() || frequency.is_zero() {
            return Turning::Never;
        }
        let non_zero = || {
            frequency.class.is_zero() == Some(false)
                || frequency.ratio.is_some()
                || frequency.enclose(256).is_some_and(|x| !x.contains_zero())
        };
        if let Some(multiple) = &frequency.over_pi {
            let position = Rational::from((position.numerator(), position.denominator()));
            let half = position * &multiple.0 / 2u32;
            return Turning::RationalPi(Ratio((half.clone() - half.floor()) * 2u32));
        }
        match &frequency.class {
            Class::Radical(_) | Class::Rational | Class::Algebraic if non_zero() => {
                Turning::Algebraic
            }
            Class::Pi(multiple) if !multiple.is_rational() => Turning::IrrationalPi,
            _ => Turning::Open,
        }
    }
}

/// A position, or a difference of positions, as a fraction: differences of positions within ±2⁶²
/// with denominators up to 2⁶² fit 128 bits.
pub(super) fn fraction(position: Position) -> Fraction {
    Fraction::new(position.numerator as i128, position.denominator as i128)
        .unwrap_or(Fraction::ZERO)
}

/// Encloses the angle pθ, in radians.
pub(super) fn angle(frequency: &Multiple, position: Fraction, precision: u32) -> Option<Interval> {
    let theta = frequency.enclose(precision)?;
    let exactly = |n: i128| Interval::exactly(rug::Float::with_val(128, n));
    let angle = &exactly(position.numerator()) * &theta;
    Some(match position.denominator() {
        1 => angle,
        d => &angle / &exactly(d),
    })
}

/// The exponent of a growth, cut where the growth passes e^±(2^28): a plane turned by it
/// overflows or underflows every format from there on, and MPFR's exponents end soon after.
fn bounded(growth: &Multiple, exponent: i64) -> i64 {
    let intervals = Intervals { precision: 64 };
    let logarithm = growth.enclose(64).and_then(|growth| intervals.ln(&growth));
    let least = logarithm.map_or(0.0, |log| log.abs().lo().to_f64());
    let most = f64::from(1 << 28) / least;
    if exponent.unsigned_abs() as f64 > most { exponent.signum() * most as i64 } else { exponent }
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
                let exponent = bounded(&plane.growth, exponent);
                let grown = plane
                    .growth
                    .expression
                    .power(if direction == Direction::Inverse { -exponent } else { exponent }, 1);
                let scale = &magnitude.expression * &grown;
                std::borrow::Cow::Owned(Multiple::new(&scale, "growth")?)
            }
        };
        let mut turned = Turned {
            turning: Turning::new(&plane.frequency, fraction(position)),
            scale,
            plane,
            position: fraction(position),
            clockwise: direction != Direction::Forward,
            first: Complex::new(Interval::point(0), Interval::point(0)),
        };
        let undecided =
            |precision| super::UndecidedRounding { name: "inv_freq", index: 0, precision };
        turned.first = first_enclosure(precision, |bits| turned.phasor(bits)).map_err(undecided)?;
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
            Turning::RationalPi(multiple) => match at_multiple_of_pi(x, y, multiple) {
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

/// A number Σ cᵢ·bᵢ over the basis 1, √2, √3, √6, which is linearly independent over ℚ.
#[derive(Clone, Debug, PartialEq)]
struct Surd([Ratio; 4]);

impl Surd {
    fn zero() -> Surd {
        Surd(std::array::from_fn(|_| Ratio::zero()))
    }

    /// The value, if it is rational.
    fn rational(self) -> Option<Ratio> {
        let [rational, others @ ..] = self.0;
        others.iter().all(Ratio::is_zero).then_some(rational)
    }

    /// self + factor · other.
    fn plus(self, factor: &Ratio, other: &Surd) -> Surd {
        let mut sum = self;
        for (a, b) in sum.0.iter_mut().zip(&other.0) {
            *a = &*a + &(factor * b);
        }
        sum
    }

    /// cos(nπ/12).
    fn cos_twelfths(n: i128) -> Surd {
        let n = n.rem_euclid(24);
        let n = if n > 12 { 24 - n } else { n };
        let (n, sign) = if n > 6 { (12 - n, -1) } else { (n, 1) };
        // (coefficient of 1, √2, √3, √6) times 4.
        let quarters = match n {
            0 => [4, 0, 0, 0],
            1 => [0, 1, 0, 1],
            2 => [0, 0, 2, 0],
            3 => [0, 2, 0, 0],
            4 => [2, 0, 0, 0],
            5 => [0, -1, 0, 1],
            _ => [0, 0, 0, 0],
        };
        Surd(quarters.map(|quarter| Ratio::new(sign * quarter, 4)))
    }

    /// self + x cos φ − y sin φ at φ = π·multiple, 0 ≤ multiple < 2; none unless φ is a multiple
    /// of π/12.
    fn plus_turned(self, x: &Ratio, y: &Ratio, multiple: &Ratio) -> Option<Surd> {
        let twelfths = Rational::from(&multiple.0 * 12u32);
        let n = twelfths.is_integer().then(|| twelfths.numer().to_i128()).flatten()?;
        let (cos, sin) = (Surd::cos_twelfths(n), Surd::cos_twelfths(n - 6));
        Some(self.plus(x, &cos).plus(&-y.clone(), &sin))
    }
}

/// x cos φ − y sin φ at φ = π·a/b if it is rational, none if it is irrational.
///
/// At multiples of π/12 by the basis of [`Surd`]. At every other rational multiple of π it is
/// irrational: cos and sin have degree above 2 over ℚ, or an irrationality that no rational x, y
/// cancel.
fn at_multiple_of_pi(x: &Ratio, y: &Ratio, multiple: &Ratio) -> Option<Ratio> {
    Surd::zero().plus_turned(x, y, multiple)?.rational()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rational_values_at_multiples_of_pi() {
        let at =
            |x, y, a, b| at_multiple_of_pi(&Ratio::new(x, 1), &Ratio::new(y, 1), &Ratio::new(a, b));
        assert_eq!(at(3, 5, 1, 2), Some(Ratio::new(-5, 1)));
        assert_eq!(at(3, 5, 1, 1), Some(Ratio::new(-3, 1)));
        assert_eq!(at(0, 5, 1, 6), Some(Ratio::new(-5, 2)));
        assert_eq!(at(1, 5, 1, 6), None);
        assert_eq!(at(3, 0, 1, 3), Some(Ratio::new(3, 2)));
        assert_eq!(at(3, 3, 1, 4), Some(Ratio::new(0, 1)));
        assert_eq!(at(3, -3, 3, 4), Some(Ratio::new(0, 1)));
        assert_eq!(at(3, 3, 3, 4), None);
        assert_eq!(at(3, 5, 1, 5), None);
        assert_eq!(at(3, 0, 1, 12), None);
        assert_eq!(at(0, 3, -7, 1), Some(Ratio::new(0, 1)));
    }

    #[test]
    fn surds_are_the_cosines() {
        for n in -30..30 {
            let [a, b, c, d] = Surd::cos_twelfths(n).0.map(|x| x.0.to_f64());
            let value = a + b * 2f64.sqrt() + c * 3f64.sqrt() + d * 6f64.sqrt();
            let cos = (n as f64 * std::f64::consts::PI / 12.0).cos();
            assert!((value - cos).abs() < 1e-14, "{n}");
        }
    }
}
