//! From a position to an angle, generic over what computes.

use super::elementary::{Elementary, Tiers, base_power, has_base_power};
use super::{Recipe, Scaling};
use crate::encoding::{Expression, Node, Plane, Rope};
use crate::request::{Direction, Position};

/// The steps position, frequency and angle of a profile.
#[derive(Clone)]
pub(super) struct Pipeline<E: Elementary> {
    pub(super) tiers: Tiers<E>,
    /// Where frequencies are stored, if narrower than where they are computed.
    pub(super) stored: Option<E>,
    /// Where positions are stored, if anywhere.
    pub(super) position: Option<E>,
    /// Of the product.
    pub(super) angle: E,
    pub(super) scaling: Scaling,
}

/// A plane of a rope with its computed frequency.
#[derive(Clone, Debug)]
pub(super) struct Turning<'a, S> {
    plane: &'a Plane,
    /// Common denominator of the exponents on its axis.
    denominator: i64,
    /// None where this arithmetic cannot say.
    pub(super) frequency: Option<S>,
}

/// From a position, in the angle's format, to an angle.
#[derive(Clone, Debug)]
pub(super) enum Route<S> {
    /// p · frequency, or p / divisor · frequency.
    Product { divisor: Option<S>, frequency: S },
    /// p · factor · factor · …, so many `times`, and over the divisor at last, all in the format
    /// of frequencies.
    Running { factor: S, times: i64, divisor: Option<S> },
}

/// Least common multiple of the denominators of all base powers on an axis: machines compute
/// 2i/r, not the fraction in lowest terms, and r/2 is what the lowest terms have in common.
fn denominator(planes: &[Plane], axis: usize) -> i64 {
    fn gcd(a: i64, b: i64) -> i64 {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    fn visit(expression: &Expression, least: &mut i64) {
        if let Some((_, _, b)) = base_power(expression) {
            let common = (*least / gcd(*least, b)).saturating_mul(b);
            if common <= 1 << 40 {
                *least = common;
            }
            return;
        }
        match expression.node() {
            Node::Dyadic(_) | Node::Integer(_) | Node::Pi => {}
            Node::Add(a, b) | Node::Sub(a, b) | Node::Mul(a, b) | Node::Div(a, b) => {
                visit(a, least);
                visit(b, least);
            }
            Node::Min(a, b) | Node::Max(a, b) => {
                visit(a, least);
                visit(b, least);
            }
            Node::Power(x, ..) | Node::Ln(x) | Node::Floor(x) | Node::Ceil(x) => visit(x, least),
            // A wavelength or a frequency: both branches have the power that the test has.
            Node::Select { left, right, .. } => {
                visit(left, least);
                visit(right, least);
            }
        }
    }
    let mut least = 1;
    for plane in planes.iter().filter(|plane| plane.axis == axis) {
        visit(&plane.frequency, &mut least);
    }
    least
}

/// A power, or a power over a constant.
fn simple(expression: &Expression) -> Option<(&Expression, Option<&Expression>)> {
    if base_power(expression).is_some() {
        return Some((expression, None));
    }
    match expression.node() {
        Node::Div(power, factor) if base_power(power).is_some() && !has_base_power(factor) => {
            Some((power, Some(factor)))
        }
        _ => None,
    }
}

impl<E: Elementary + Clone> Pipeline<E> {
    /// Computes the frequencies of a rope.
    pub(super) fn planes<'a>(&self, rope: &'a Rope) -> Vec<Turning<'a, E::Scalar>> {
        let denominators: Vec<i64> =
            (0..rope.axes).map(|axis| denominator(&rope.planes, axis)).collect();
        let plane = |plane: &'a Plane| {
            let denominator = denominators.get(plane.axis).copied().unwrap_or(1);
            let mut turning = Turning { plane, denominator, frequency: None };
            turning.frequency = self.frequency(&turning);
            turning
        };
        rope.planes.iter().map(plane).collect()
    }

    fn tiers_of(&self, turning: &Turning<E::Scalar>) -> Tiers<E> {
        Tiers { denominator: turning.denominator, ..self.tiers.clone() }
    }

    fn frequency(&self, turning: &Turning<E::Scalar>) -> Option<E::Scalar> {
        let expression = match (self.scaling, simple(&turning.plane.frequency)) {
            (Scaling::Position, Some((power, Some(_)))) => power,
            _ => &turning.plane.frequency,
        };
        let computed = self.tiers_of(turning).frequency(expression)?;
        Some(match &self.stored {
            Some(stored) => stored.convert(&computed),
            None => computed,
        })
    }

    fn position(&self, position: Position) -> Option<E::Scalar> {
        let e = self.position.as_ref().unwrap_or(&self.angle);
        let numerator = e.integer(position.numerator as i128)?;
        let value = match position.denominator {
            1 => numerator,
            d => e.div(&numerator, &e.integer(d as i128)?)?,
        };
        Some(if self.position.is_some() { self.angle.convert(&value) } else { value })
    }

    /// How the angle of a plane comes from the position.
    pub(super) fn route(&self, turning: &Turning<E::Scalar>) -> Option<Route<E::Scalar>> {
        let simple = simple(&turning.plane.frequency);
        if let (Recipe::RunningProduct, Some((power, divisor))) = (self.tiers.recipe, simple) {
            let tiers = self.tiers_of(turning);
            let (x, a, b) = base_power(power)?;
            let (times, h) = match tiers.denominator % b {
                0 => (-a * (tiers.denominator / b), tiers.denominator),
                _ => (-a, b),
            };
            let factor = tiers.step(&tiers.constant(x)?, h)?;
            let divisor = match divisor {
                Some(divisor) => Some(tiers.tensor.convert(&tiers.constant(divisor)?)),
                None => None,
            };
            return Some(Route::Running { factor, times, divisor });
        }
        let divisor = match (self.scaling, simple) {
            (Scaling::Position, Some((_, Some(divisor)))) => {
                Some(self.angle.convert(&self.tiers.constant(divisor)?))
            }
            _ => None,
        };
        let frequency = self.angle.convert(turning.frequency.as_ref()?);
        Some(Route::Product { divisor, frequency })
    }

    /// The angle in radians.
    pub(super) fn angle(
        &self,
        turning: &Turning<E::Scalar>,
        position: Position,
    ) -> Option<E::Scalar> {
        let p = self.position(position)?;
        match self.route(turning)? {
            Route::Product { divisor: None, frequency } => self.angle.mul(&p, &frequency),
            Route::Product { divisor: Some(divisor), frequency } => {
                self.angle.mul(&self.angle.div(&p, &divisor)?, &frequency)
            }
            Route::Running { factor, times, divisor } => {
                let t = &self.tiers.tensor;
                let mut angle = self.tiers.running(&factor, times, t.convert(&p))?;
                if let Some(divisor) = divisor {
                    angle = t.div(&angle, &divisor)?;
                }
                Some(self.angle.convert(&angle))
            }
        }
    }

    /// growth^(±(p − origin)), none but for schemes that grow.
    pub(super) fn growth(
        &self,
        turning: &Turning<E::Scalar>,
        steps: i128,
    ) -> Option<Option<E::Scalar>> {
        let growth = &turning.plane.growth;
        if *growth == Expression::integer(1) {
            return Some(None);
        }
        // ζ^(1/s) for queries, its reciprocal for keys: one power with the exponent ±steps/s.
        let (root, sign) = match growth.node() {
            Node::Div(_, root) if matches!(root.node(), Node::Power(..)) => (root, -1),
            _ => (growth, 1),
        };
        let Node::Power(zeta, a, b) = root.node() else { return None };
        let exponent = steps.checked_mul(sign * *a as i128)?;
        self.tiers.real_power(zeta, exponent, *b as i128).map(Some)
    }

    /// The factor on cos and sin of a direction, by the host.
    pub(super) fn magnitude(&self, rope: &Rope, direction: Direction) -> Option<E::Scalar> {
        let one = Expression::integer(1);
        match direction {
            Direction::Inverse => self.tiers.constant(&(&one / &rope.magnitude)),
            _ => self.tiers.constant(&rope.magnitude),
        }
    }
}

/// The signed number of growth steps at a position.
pub(super) fn steps(rope: &Rope, position: Position, direction: Direction) -> i128 {
    let steps = position.numerator as i128 - rope.origin as i128;
    if direction == Direction::Inverse { -steps } else { steps }
}
