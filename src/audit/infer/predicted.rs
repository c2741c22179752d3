//! Rows as they would be, and how far off machines may be.

use super::exhibit::{Exhibit, Places, Scene, Turn, Unit};

/// A prediction of an element: an infinite slack says nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Predicted {
    pub(super) coordinate: usize,
    pub(super) value: f64,
    pub(super) slack: f64,
}

/// How angles of machines in f32 are off, per radian.
pub(super) const DRIFT: f64 = 1.0 / (1 << 22) as f64;

/// An angle that may be off by this is none.
pub(super) const LOST: f64 = 0.5;

/// Cosine, sine, and how far off the angle may be.
pub(super) fn angle(radians: f64) -> (f64, f64, f64) {
    (libm::cos(radians), libm::sin(radians), DRIFT * radians.abs())
}

/// By what a plane of a row is turned rightly.
pub(super) fn own_angle(turn: &Turn, unit: &Unit, plane: usize) -> Option<(f64, f64, f64)> {
    match &turn.places {
        Places::Table(table) => {
            let at = (unit.batch * turn.tokens + unit.token) * turn.planes.len() + plane;
            let [cos, sin] = *table.get(at)?;
            Some((cos, turn.sign * sin, 0.0))
        }
        Places::Positions(_) => {
            let own = turn.planes[plane];
            let p = turn.position(own.axis, unit.batch, unit.token)?;
            Some(angle(turn.sign * own.theta * p as f64))
        }
    }
}

/// A row of some input, turned.
pub(super) fn turned(
    exhibit: &Exhibit,
    turn: &Turn,
    (side, row): (usize, [usize; 3]),
    angle: &dyn Fn(usize) -> Option<(f64, f64, f64)>,
    factor: f64,
) -> Vec<Predicted> {
    let start = exhibit.start(side, row);
    let input = &exhibit.sides[side].input;
    let mut list = Vec::with_capacity(2 * turn.planes.len());
    for (index, plane) in turn.planes.iter().enumerate() {
        let (x, y) = (input[start + plane.re], input[start + plane.im]);
        let Some((cos, sin, off)) = angle(index) else { continue };
        let size = factor.abs() * libm::hypot(x, y) * libm::hypot(cos, sin);
        let slack = match off < LOST {
            true => size * (6.0 * exhibit.unit + off + DRIFT) + exhibit.least,
            false => f64::INFINITY,
        };
        let re = factor * (x * cos - y * sin);
        let im = factor * (x * sin + y * cos);
        list.push(Predicted { coordinate: plane.re, value: re, slack });
        list.push(Predicted { coordinate: plane.im, value: im, slack });
    }
    list
}

/// How far off a right element may be: as much as its plane is large and its angle far.
pub(super) fn slack_of_right(
    exhibit: &Exhibit,
    turn: &Turn,
    unit: &Unit,
    row: &[f64],
    coordinate: usize,
) -> f64 {
    let plane = turn.planes.iter().position(|p| p.re == coordinate || p.im == coordinate);
    let Some(plane) = plane else {
        return row.get(coordinate).map_or(0.0, |x| x.abs() * exhibit.unit) + exhibit.least;
    };
    let own = turn.planes[plane];
    let at = |c: usize| row.get(c).copied().unwrap_or(0.0);
    let size = libm::hypot(at(own.re), at(own.im));
    let off = own_angle(turn, unit, plane).map_or(0.0, |(.., off)| off);
    match off < LOST {
        true => size * (6.0 * exhibit.unit + off + DRIFT) + exhibit.least,
        false => f64::INFINITY,
    }
}

/// By what the right row is multiplied, if it is multiplied; none of a row of one or two numbers,
/// which shows nothing, and of one that is lost.
pub(super) fn own_factor(exhibit: &Exhibit, unit: &Unit) -> Option<f64> {
    let side = &exhibit.sides[unit.side];
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let (mut up, mut down, mut count) = (0.0, 0.0, 0);
    for c in exhibit.coordinates(unit) {
        up += side.got[start + c] * side.right[start + c];
        down += side.right[start + c] * side.right[start + c];
        count += usize::from(side.right[start + c] != 0.0);
    }
    let by = up / down;
    (count > 2 && by.is_finite() && by.abs() > 1e-3).then_some(by)
}

/// A multiple of the right row.
pub(super) fn scaled(exhibit: &Exhibit, unit: &Unit, by: f64) -> Vec<Predicted> {
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let side = &exhibit.sides[unit.side];
    let right = &side.right;
    let one = |coordinate: usize| {
        let value = by * right[start + coordinate];
        let slack = match &exhibit.scene {
            Scene::Turn(turn) => {
                by.abs() * slack_of_right(exhibit, turn, unit, &right[start..], coordinate)
            }
            Scene::Grid(_) => 8.0 * exhibit.unit * value.abs(),
            Scene::Whole(whole) => by.abs() * whole.slack(unit.side, start + coordinate),
        };
        if slack.is_infinite()
            && let Scene::Turn(turn) = &exhibit.scene
            && let Some(plane) = turn.planes.iter().find(|p| [p.re, p.im].contains(&coordinate))
        {
            // Where the angle is lost the norm is none the less; told in terms of what came.
            let norm = |row: &[f64]| libm::hypot(row[start + plane.re], row[start + plane.im]);
            let (size, came) = (by.abs() * norm(right), norm(&side.got));
            let value = match came > 0.0 && came.is_finite() {
                true => side.got[start + coordinate] * (size / came),
                // Of what has no direction only a norm of zero is right.
                false => size,
            };
            return Predicted {
                coordinate,
                value,
                slack: 6.0 * exhibit.unit * size + exhibit.least,
            };
        }
        Predicted { coordinate, value, slack: slack + exhibit.least }
    };
    exhibit.coordinates(unit).into_iter().map(one).collect()
}
