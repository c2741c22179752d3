//! What may have been done to a row, as a prediction of every element.

use super::copy::Copy;
use super::exhibit::{Exhibit, Form, Grid, Part, Places, Scene, Turn, Unit};
use super::map::Map;
use super::rule::{Rule, Spectrum};
use crate::audit::judge::Mark;
use crate::request::Position;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Something that may have been done to rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mechanism {
    /// Turned by another position.
    Turned(Map),
    /// Turned by other frequencies.
    Frequencies(Rule),
    /// Turned by other frequencies and another position.
    Both(Rule, Map),
    /// Another row's.
    Copied(Copy),
    /// Zero.
    Zero,
    /// No number.
    Nonfinite,
    /// A constant times the right one.
    Scaled(Scale),
    /// Signs of real and imaginary parts.
    Signs(f64, f64),
    /// The right coordinates in another order.
    Reordered(Order),
    /// The right pairs, but others: (i, i + n).
    Paired(Pairing),
    /// Bytes in another order.
    Swapped,
    /// A grid whose positions are others.
    Placed(Side, Shift),
    /// A grid whose heads are others.
    Head(HeadMap),
}

/// A factor of the right answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// A number.
    By(f64),
    /// The magnitude to a power: −1 where it is missing, 1 where it is squared.
    Magnitude(i32),
    /// head_dim to the power ±1/2.
    RootDim(f64),
}

/// Right coordinates in another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Pairs side by side come in halves.
    InHalves,
    /// Halves come side by side.
    SideBySide,
    /// Real and imaginary parts exchanged.
    Crossed,
}

/// Pairs other than the declared ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    /// (2i, 2i + 1)
    Adjacent,
    /// (i, i + r/2)
    Halves,
    /// (i, i + n), n the next power of two of r, halved.
    PaddedHalves,
    /// (i, i + head_dim/2)
    HeadHalves,
}

/// Which positions of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Queries,
    Keys,
    Both,
}

/// What is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// A map of the number.
    Map(Map),
    /// Its index.
    Index,
    /// Queries at the end of the keys, padded to a multiple.
    EndAligned(i64),
    /// Queries at the end of so many keys.
    Capacity(i64),
    /// The distance negated.
    Reversed,
}

/// Which head of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadMap {
    /// h mod H/n: every part has the first ones.
    Ranks(usize),
    Zero,
    Next(i64),
    Reversed,
}

/// A prediction of an element: an infinite slack says nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Predicted {
    pub(super) coordinate: usize,
    pub(super) value: f64,
    pub(super) slack: f64,
}

/// Frequencies by number of the spectrum, of one rule.
#[derive(Default)]
pub(super) struct Cache(Mutex<HashMap<usize, Option<Arc<Spectrum>>>>);

impl Cache {
    fn get(&self, rule: &Rule, turn: &Turn) -> Option<Arc<Spectrum>> {
        let mut known = self.0.lock().ok()?;
        known.entry(turn.spectrum).or_insert_with(|| rule.spectrum(turn).map(Arc::new)).clone()
    }
}

/// How angles of machines in f32 are off, per radian.
const DRIFT: f64 = 1.0 / (1 << 22) as f64;

/// An angle that may be off by this is none.
const LOST: f64 = 0.5;

impl Mechanism {
    /// What a row would be; none where it does not apply.
    pub(super) fn predict(
        &self,
        exhibit: &Exhibit,
        unit: &Unit,
        cache: &Cache,
    ) -> Option<Vec<Predicted>> {
        match (&exhibit.scene, self) {
            (_, Mechanism::Zero) => {
                let zero = |coordinate| Predicted { coordinate, value: 0.0, slack: 0.0 };
                Some(exhibit.coordinates(unit).into_iter().map(zero).collect())
            }
            (_, Mechanism::Nonfinite) => {
                let one = |coordinate| Predicted { coordinate, value: f64::NAN, slack: 0.0 };
                Some(exhibit.coordinates(unit).into_iter().map(one).collect())
            }
            (_, Mechanism::Scaled(Scale::By(by))) => Some(scaled(exhibit, unit, *by)),
            (_, Mechanism::Swapped) => swapped(exhibit, unit),
            (Scene::Grid(grid), _) => on_grid(self, exhibit, grid, unit),
            (Scene::Turn(turn), _) => self.on_turn(exhibit, turn, unit, cache),
        }
    }

    fn on_turn(
        &self,
        exhibit: &Exhibit,
        turn: &Turn,
        unit: &Unit,
        cache: &Cache,
    ) -> Option<Vec<Predicted>> {
        let own = [unit.batch, unit.head, unit.token];
        if let Mechanism::Copied(copy) = self {
            let (side, row) = copy.row(exhibit, turn.batch, unit)?;
            if exhibit.sides[side].width != exhibit.sides[unit.side].width {
                return None;
            }
            return Some(match copy.source {
                super::copy::Source::Turned if unit.part == Part::Turned => {
                    let angle = |plane| own_angle(turn, unit, plane);
                    turned(exhibit, turn, (side, row), &angle, turn.factor)
                }
                source => {
                    let input = source != super::copy::Source::Answer;
                    let from = &exhibit.sides[side];
                    let list = if input { &from.input } else { &from.right };
                    let start = exhibit.start(side, row);
                    let one = |coordinate: usize| {
                        let value = list[start + coordinate];
                        let slack = match input {
                            true => value.abs() * exhibit.unit + exhibit.least,
                            // Machines round and turn as they do.
                            false => {
                                slack_of_right(exhibit, turn, unit, &list[start..], coordinate)
                            }
                        };
                        Predicted { coordinate, value, slack }
                    };
                    exhibit.coordinates(unit).into_iter().map(one).collect()
                }
            });
        }
        if unit.part == Part::Passed {
            return match self {
                Mechanism::Scaled(scale) => Some(scaled(exhibit, unit, scale.of(exhibit)?)),
                _ => None,
            };
        }
        let place = (unit.side, own);
        match self {
            Mechanism::Turned(map) => {
                let factor = turn.factor;
                match &turn.places {
                    Places::Table(_) => {
                        let [batch, token] = match map {
                            Map::Negative => {
                                let back = |plane| {
                                    own_angle(turn, unit, plane).map(|(c, s, slack)| (c, -s, slack))
                                };
                                return Some(turned(exhibit, turn, place, &back, factor));
                            }
                            _ => map.entry(exhibit, unit)?,
                        };
                        let other = Unit { batch, token, ..*unit };
                        let angle = |plane| own_angle(turn, &other, plane);
                        Some(turned(exhibit, turn, place, &angle, factor))
                    }
                    Places::Positions(_) => {
                        let axes = turn.planes.iter().map(|p| p.axis).max().unwrap_or(0) + 1;
                        let at: Option<Vec<i128>> =
                            (0..axes).map(|axis| map.position(exhibit, unit, axis)).collect();
                        let at = at?;
                        let angle = |plane: usize| {
                            let own = turn.planes[plane];
                            Some(angle(turn.sign * own.theta * at[own.axis] as f64))
                        };
                        Some(turned(exhibit, turn, place, &angle, factor))
                    }
                }
            }
            Mechanism::Frequencies(rule) | Mechanism::Both(rule, _) => {
                let map = if let Mechanism::Both(_, map) = self { *map } else { Map::Plus(0) };
                let spectrum = cache.get(rule, turn)?;
                let factor = match turn.factor < turn.magnitude {
                    true => 1.0 / spectrum.magnitude,
                    false => spectrum.magnitude,
                };
                let angle = |plane: usize| {
                    let axis = turn.planes[plane].axis;
                    let p = map.position(exhibit, unit, axis)?;
                    // A rule with another width has other planes.
                    let theta = *spectrum.thetas.get(plane)?;
                    Some(angle(turn.sign * theta * p as f64))
                };
                Some(turned(exhibit, turn, place, &angle, factor))
            }
            Mechanism::Scaled(scale) => Some(scaled(exhibit, unit, scale.of(exhibit)?)),
            Mechanism::Signs(re, im) => {
                let mut list = scaled(exhibit, unit, 1.0);
                for plane in &turn.planes {
                    for one in &mut list {
                        if one.coordinate == plane.re {
                            one.value *= re;
                        } else if one.coordinate == plane.im {
                            one.value *= im;
                        }
                    }
                }
                Some(list)
            }
            Mechanism::Reordered(order) => {
                let start = exhibit.start(unit.side, own);
                let right = &exhibit.sides[unit.side].right;
                let mut slots: Vec<usize> = exhibit.coordinates(unit);
                slots.sort_unstable();
                let count = turn.planes.len();
                let mut list = Vec::with_capacity(slots.len());
                for (place, &coordinate) in slots.iter().enumerate() {
                    let from = match order {
                        // Pair i's parts lie side by side in the right answer.
                        Order::InHalves => {
                            *slots.get(2 * place.checked_rem(count)? + place / count)?
                        }
                        Order::SideBySide => *slots.get(place / 2 + count * (place % 2))?,
                        Order::Crossed => {
                            let plane = turn
                                .planes
                                .iter()
                                .find(|p| p.re == coordinate || p.im == coordinate)?;
                            plane.re + plane.im - coordinate
                        }
                    };
                    let slack = slack_of_right(exhibit, turn, unit, &right[start..], from);
                    list.push(Predicted { coordinate, value: right[start + from], slack });
                }
                Some(list)
            }
            Mechanism::Paired(pairing) => paired(*pairing, exhibit, turn, unit),
            _ => None,
        }
    }
}

impl Scale {
    fn of(self, exhibit: &Exhibit) -> Option<f64> {
        match (self, &exhibit.scene) {
            (Scale::By(by), _) => Some(by),
            (Scale::Magnitude(n), Scene::Turn(turn)) if turn.magnitude != 1.0 => {
                Some(libm::pow(turn.factor, f64::from(n)))
            }
            (Scale::RootDim(power), _) => {
                Some(libm::pow(exhibit.sides.first()?.width as f64, power))
            }
            _ => None,
        }
    }
}

/// Cosine, sine, and how far off the angle may be.
fn angle(radians: f64) -> (f64, f64, f64) {
    (libm::cos(radians), libm::sin(radians), DRIFT * radians.abs())
}

/// By what a plane of a row is turned rightly.
fn own_angle(turn: &Turn, unit: &Unit, plane: usize) -> Option<(f64, f64, f64)> {
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
fn turned(
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
fn slack_of_right(
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

fn scaled(exhibit: &Exhibit, unit: &Unit, by: f64) -> Vec<Predicted> {
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

/// The right row with the bytes of every number reversed: what came, read the other way round, is
/// right.
fn swapped(exhibit: &Exhibit, unit: &Unit) -> Option<Vec<Predicted>> {
    let side = &exhibit.sides[unit.side];
    let format = side.bits.dtype().format()?;
    let bytes = side.bits.dtype().digits() / 2;
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let one = |coordinate: usize| {
        let bits = side.bits.data()[start + coordinate];
        let read = format.to_f64(bits.swap_bytes() >> (64 - 8 * bytes));
        let right = side.right[start + coordinate];
        let near = (read - right).abs() <= 1e-3 * right.abs() + exhibit.least;
        // Told in terms of what came.
        let value = if near { side.got[start + coordinate] } else { f64::INFINITY };
        Predicted { coordinate, value, slack: 0.0 }
    };
    Some(exhibit.coordinates(unit).into_iter().map(one).collect())
}

fn paired(pairing: Pairing, exhibit: &Exhibit, turn: &Turn, unit: &Unit) -> Option<Vec<Predicted>> {
    let count = turn.planes.len();
    let side = &exhibit.sides[unit.side];
    let first = turn.planes.iter().map(|p| p.re.min(p.im)).min()?;
    let step = match pairing {
        Pairing::Adjacent => 1,
        Pairing::Halves => count,
        Pairing::PaddedHalves => (2 * count).next_power_of_two() / 2,
        Pairing::HeadHalves => side.width / 2,
    };
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let x = |c: usize| side.input.get(start + c).copied().filter(|_| c < side.width);
    // What no pair takes stays.
    let mut row: Vec<(f64, f64)> =
        (0..side.width).map(|c| (side.input[start + c], exhibit.least)).collect();
    for plane in 0..count {
        let re = if pairing == Pairing::Adjacent { first + 2 * plane } else { first + plane };
        let im = re + step;
        let (a, b) = (x(re)?, x(im).unwrap_or(0.0));
        let (cos, sin, off) = own_angle(turn, unit, plane)?;
        let size = turn.factor.abs() * libm::hypot(a, b);
        let slack = match off < LOST {
            true => size * (6.0 * exhibit.unit + off + DRIFT) + exhibit.least,
            false => f64::INFINITY,
        };
        row[re] = (turn.factor * (a * cos - b * sin), slack);
        if im < side.width {
            row[im] = (turn.factor * (a * sin + b * cos), slack);
        }
    }
    let one = |coordinate: usize| Predicted {
        coordinate,
        value: row[coordinate].0,
        slack: row[coordinate].1,
    };
    Some(exhibit.coordinates(unit).into_iter().map(one).collect())
}

fn on_grid(
    mechanism: &Mechanism,
    exhibit: &Exhibit,
    grid: &Grid,
    unit: &Unit,
) -> Option<Vec<Predicted>> {
    let heads = exhibit.sides[unit.side].heads;
    let (mut head, mut query, mut keys) = (unit.head, grid.queries[unit.token], grid.keys.clone());
    let mut reversed = false;
    match mechanism {
        Mechanism::Head(map) => {
            head = match map {
                HeadMap::Ranks(n) if heads.is_multiple_of(*n) => unit.head % (heads / n),
                HeadMap::Ranks(_) => return None,
                HeadMap::Zero => 0,
                HeadMap::Next(n) => usize::try_from(unit.head as i64 + n).ok()?,
                HeadMap::Reversed => heads - 1 - unit.head,
            };
        }
        Mechanism::Placed(_, Shift::Reversed) => reversed = true,
        Mechanism::Placed(side, shift) => {
            if let Shift::EndAligned(_) | Shift::Capacity(_) = shift {
                let count = keys.len() as i64;
                let capacity = match shift {
                    Shift::EndAligned(n) => (count + n - 1) / n * n,
                    Shift::Capacity(n) => *n,
                    _ => count,
                };
                let queries = grid.queries.len() as i64;
                query = grid.keys.first()? + capacity - queries + unit.token as i64;
            } else {
                let of = |p: i64, index: usize| -> Option<i64> {
                    match shift {
                        Shift::Index => Some(index as i64),
                        Shift::Map(map) => i64::try_from(map.of(i128::from(p))?).ok(),
                        _ => None,
                    }
                };
                if *side != Side::Keys {
                    query = of(query, unit.token)?;
                }
                if *side != Side::Queries {
                    let all: Option<Vec<i64>> =
                        keys.iter().enumerate().map(|(index, &p)| of(p, index)).collect();
                    keys = all?;
                }
            }
        }
        _ => return None,
    }
    if head >= heads {
        return None;
    }
    let last = keys.iter().copied().max().unwrap_or(0);
    let one = |(coordinate, &key): (usize, &i64)| {
        let (mut i, mut j) = (Position::integer(query), Position::integer(key));
        if reversed {
            std::mem::swap(&mut i, &mut j);
        }
        let value = match &grid.form {
            Form::Alibi(alibi) => {
                let distance = alibi.distance(i, j, Position::integer(last));
                alibi.bias(head, distance).evaluate(&crate::encoding::Double)?
            }
            Form::Bucket(buckets) => buckets.bucket(i, j) as f64,
            Form::None => return None,
            Form::Bias(buckets, table, columns) => {
                *table.get(buckets.bucket(i, j) * columns + head)?
            }
        };
        let slack = match grid.form {
            Form::Bucket(_) => 0.0,
            _ => 8.0 * exhibit.unit * value.abs() + exhibit.least,
        };
        Some(Predicted { coordinate, value, slack })
    };
    keys.iter().enumerate().map(one).collect()
}

/// What a prediction says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing: it does not apply, or what it predicts is right too.
    Nothing,
    /// The row is wrong, as predicted.
    Hit,
    /// The row is wrong, but otherwise.
    Miss,
    /// The row is right and would be wrong.
    Refuted,
}

impl Mechanism {
    /// Compares a prediction with a row.
    pub(super) fn look(&self, exhibit: &Exhibit, unit: &Unit, cache: &Cache) -> Look {
        let Some(predicted) = self.predict(exhibit, unit, cache) else {
            return if unit.wrong { Look::Miss } else { Look::Nothing };
        };
        let side = &exhibit.sides[unit.side];
        let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
        let (mut told, mut open, mut tells) = (0usize, 0usize, false);
        // How far all that is wrong lies from the prediction, and from what is right.
        let (mut off, mut wrong) = (0.0, 0.0);
        for one in &predicted {
            let at = start + one.coordinate;
            let (got, right, mark) = (side.got[at], side.right[at], side.marks[at]);
            if mark == Mark::Open {
                continue;
            }
            if one.slack.is_infinite() {
                open += usize::from(mark == Mark::Wrong);
                continue;
            }
            let near = match one.value.is_nan() {
                true => !got.is_finite(),
                false => (got - one.value).abs() <= one.slack,
            };
            let apart = one.value.is_nan() || (one.value - right).abs() > 3.0 * one.slack;
            match (mark, unit.wrong) {
                (Mark::Wrong, _) => {
                    if !near {
                        return Look::Miss;
                    }
                    told += 1;
                    if got.is_finite() {
                        off += (got - one.value) * (got - one.value);
                        wrong += (got - right) * (got - right);
                    }
                }
                (_, true) if !near => return Look::Miss,
                (_, false) if apart && !near => tells = true,
                _ => {}
            }
        }
        // It comes nearer than the right answer does.
        let closer = 4.0 * off <= wrong;
        match (unit.wrong, closer && told >= open.max(1), tells) {
            (true, true, _) => Look::Hit,
            // Nothing that it says of the row is refuted: it says too little.
            (true, false, _) if closer && open > 0 => Look::Nothing,
            (true, false, _) => Look::Miss,
            (false, _, true) => Look::Refuted,
            (false, _, false) => Look::Nothing,
        }
    }
}
