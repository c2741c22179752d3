//! Angles and how the values at them can be rounded.

use super::interval::Interval;
use super::intervals::Intervals;
use super::ratio::Ratio;
use super::resolved::{Multiple, ResolvedPlane, ResolvedRope};
use super::round::{Proof, Value, first_enclosure};
use super::surd::at_multiple_of_pi;
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
    pub(super) clockwise: bool,
    /// Whether the growth is cut: the scale is none that a norm may divide by.
    pub(super) cut: bool,
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
        let mut cut = false;
        let scale = match plane.growth.is_one() {
            true => std::borrow::Cow::Borrowed(magnitude),
            false => {
                let exponent = position.numerator.saturating_sub(rope.origin);
                let whole = exponent;
                let exponent = bounded(&plane.growth, exponent);
                cut = exponent != whole;
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
            cut,
            first: Complex::new(Interval::point(0), Interval::point(0)),
        };
        let undecided =
            |precision| super::UndecidedRounding { name: "inv_freq", index: 0, precision };
        turned.first = first_enclosure(precision, |bits| turned.phasor(bits)).map_err(undecided)?;
        Ok(turned)
    }

    /// Whether both turn by the same angle, written alike, and scale alike.
    pub(super) fn is(&self, other: &Turned) -> bool {
        let still = self.turning == Turning::Never && other.turning == Turning::Never;
        let angles = || {
            self.position == other.position
                && self.clockwise == other.clockwise
                && self.plane.frequency.is(&other.plane.frequency)
        };
        self.scale.is(&other.scale) && (still || angles())
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
                None => self.irrational(),
            },
            _ => Kind::Real(Proof::Isolation),
        }
    }

    /// scale · an irrational algebraic number: a rational scale keeps it so.
    pub(super) fn irrational(&self) -> Kind {
        Kind::Real(match self.scale.ratio.is_some() {
            true => Proof::IrrationalAlgebraic,
            false if self.scale.proof() == Proof::Transcendental => Proof::Transcendental,
            false => Proof::Isolation,
        })
    }

    /// scale · value.
    pub(super) fn scaled(&self, value: Ratio) -> Kind {
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
