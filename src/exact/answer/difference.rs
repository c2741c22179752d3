//! What of a score depends on the two positions only.

use crate::encoding::{Arithmetic, Double, Expression, Fraction};
use crate::exact::interval::Interval;
use crate::exact::intervals::Intervals;
use crate::exact::resolved::{ResolvedPlane, ResolvedRope};
use crate::exact::round::{UndecidedRounding, first_enclosure};
use crate::exact::{angle, phasor};
use num_complex::Complex;

/// Planes that turn by the same |angle|; `true` where the angle is the opposite of the first's.
pub(super) struct Group {
    pub(super) members: Vec<(usize, bool)>,
    pub(super) still: bool,
}

/// What depends on the two positions only.
pub(in crate::exact::answer) struct Difference {
    pub(super) groups: Vec<Group>,
    /// e^{i(m−n)θ} with growth, without magnitude, per plane, at the starting precision.
    pub(super) phasors: Vec<Complex<Interval>>,
    pub(in crate::exact::answer) deltas: Vec<Fraction>,
}

impl Difference {
    pub(super) fn new(
        rope: &ResolvedRope,
        deltas: Vec<Fraction>,
        precision: u32,
    ) -> Result<Difference, UndecidedRounding> {
        let undecided = |precision| UndecidedRounding { name: "inv_freq", index: 0, precision };
        let phasor = |plane: &ResolvedPlane| {
            first_enclosure(precision, |bits| relative_phasor(plane, deltas[plane.axis], bits))
        };
        let phasors =
            rope.planes.iter().map(phasor).collect::<Result<Vec<_>, _>>().map_err(undecided)?;
        Ok(Difference { groups: groups(rope, &deltas), phasors, deltas })
    }
}

/// growth^(m−n) · e^{i(m−n)θ}.
pub(super) fn relative_phasor(
    plane: &ResolvedPlane,
    delta: Fraction,
    precision: u32,
) -> Option<Complex<Interval>> {
    if delta.is_zero() {
        return Some(Complex::new(Interval::point(1), Interval::point(0)));
    }
    if plane.growth.is_one() {
        return Some(phasor(&angle::angle(&plane.frequency, delta, precision)?));
    }
    let growth = plane.growth.enclose(precision)?;
    // Growth comes with integer positions only.
    let exponent = i64::try_from(delta.numerator()).ok()?;
    let scale = Intervals { precision }.power(&growth, exponent, 1)?;
    let unit = phasor(&angle::angle(&plane.frequency, delta, precision)?);
    Some(Complex::new(&unit.re * &scale, &unit.im * &scale))
}

/// Sorts planes by |angle|: floating point finds the candidates, algebra decides.
pub(super) fn groups(rope: &ResolvedRope, deltas: &[Fraction]) -> Vec<Group> {
    let mut angles: Vec<(f64, bool, Expression, usize)> = Vec::new();
    let mut still = Group { members: Vec::new(), still: true };
    for (index, plane) in rope.planes.iter().enumerate() {
        let delta = deltas[plane.axis];
        if delta.is_zero() || plane.frequency.is_zero() {
            still.members.push((index, false));
            continue;
        }
        let distance =
            Expression::integer(delta.numerator().abs()) / Expression::integer(delta.denominator());
        let angle = distance * &plane.frequency.expression;
        let near = angle.evaluate(&Double).unwrap_or(f64::NAN);
        angles.push((near, delta.numerator() < 0, angle, index));
    }
    angles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut groups: Vec<Group> = vec![still];
    let mut last: Option<(f64, Expression, bool)> = None;
    for (near, negative, angle, index) in angles {
        let joins = last.as_ref().is_some_and(|(value, first, _)| {
            (near - value).abs() <= 1e-9 * near.abs() && angle.same_number(first)
        });
        match (joins, groups.last_mut(), &last) {
            (true, Some(group), Some((_, _, first))) => {
                group.members.push((index, negative != *first));
            }
            _ => {
                groups.push(Group { members: vec![(index, false)], still: false });
                last = Some((near, angle, negative));
            }
        }
    }
    groups
}
