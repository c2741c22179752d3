//! What a mechanism would make of a row.

use super::copy::{Copy, Source};
use super::exhibit::{Exhibit, Part, Places, Scene, Turn, Unit, Whole};
use super::map::Map;
use super::mechanism::{Mechanism, Scale};
use super::on_grid::on_grid;
use super::pairs::Pairs;
use super::predicted::{Predicted, angle, own_angle, own_factor, scaled, slack_of_right, turned};
use super::rearranged::{paired, reordered, swapped};
use super::rule::{Rule, Spectrum};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

/// Frequencies by number of the spectrum, of one rule.
#[derive(Default)]
pub(super) struct Cache(Mutex<Known>);

/// By what a rule depends on; none where it says nothing.
type Known = HashMap<(usize, i64), Option<Arc<Spectrum>>>;

impl Cache {
    fn get(&self, rule: &Rule, turn: &Turn) -> Option<Arc<Spectrum>> {
        let mut known = self.0.lock().ok()?;
        known.entry(rule.case(turn)).or_insert_with(|| rule.spectrum(turn).map(Arc::new)).clone()
    }
}

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
            (_, Mechanism::Scaled(Scale::Own)) => {
                Some(scaled(exhibit, unit, own_factor(exhibit, unit)?))
            }
            (_, Mechanism::Swapped) => swapped(exhibit, unit),
            (Scene::Turn(turn), Mechanism::Only(pairs, inner)) => {
                only(*pairs, exhibit, turn, unit, inner.predict(exhibit, unit, cache)?)
            }
            (Scene::Whole(whole), Mechanism::Known(known)) => whole.predict(exhibit, unit, known.0),
            (Scene::Whole(whole), Mechanism::Copied(copy)) => copied(*copy, exhibit, whole, unit),
            (Scene::Whole(_), _) => None,
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
                Source::Turned if unit.part == Part::Turned => {
                    let angle = |plane| own_angle(turn, unit, plane);
                    turned(exhibit, turn, (side, row), &angle, turn.factor)
                }
                source => {
                    let input = source != Source::Answer;
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
                let factor = map.factor(turn);
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
            Mechanism::Reordered(order) => reordered(*order, exhibit, turn, unit),
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

/// The right answer of another row of a chain.
fn copied(copy: Copy, exhibit: &Exhibit, whole: &Whole, unit: &Unit) -> Option<Vec<Predicted>> {
    let (side, row) = copy.row(exhibit, whole.batch, unit)?;
    let width = exhibit.sides[unit.side].width;
    if copy.source != Source::Answer || exhibit.sides[side].width != width {
        return None;
    }
    let start = exhibit.start(side, row);
    let one = |coordinate: usize| Predicted {
        coordinate,
        value: exhibit.sides[side].right[start + coordinate],
        slack: whole.slack(side, start + coordinate) + exhibit.least,
    };
    Some((0..width).map(one).collect())
}

/// What is predicted in some pairs, and what is right in the others; none where a row has no such pair.
fn only(
    pairs: Pairs,
    exhibit: &Exhibit,
    turn: &Turn,
    unit: &Unit,
    inner: Vec<Predicted>,
) -> Option<Vec<Predicted>> {
    let meant: HashSet<usize> = (0..turn.planes.len())
        .filter(|&plane| pairs.has(turn, plane))
        .flat_map(|plane| [turn.planes[plane].re, turn.planes[plane].im])
        .collect();
    let mut list: Vec<Predicted> =
        inner.into_iter().filter(|one| meant.contains(&one.coordinate)).collect();
    if list.is_empty() {
        return None;
    }
    let right = scaled(exhibit, unit, 1.0).into_iter();
    list.extend(right.filter(|one| !meant.contains(&one.coordinate)));
    Some(list)
}
