//! The frequencies of a kernel's planes, measured over all its rows, and the rules they suggest.

use super::exhibit::{Exhibit, Part, Places, Scene, Turn, Unit};
use super::rule::{Formula, Rule, SINUSOID, Spectrum, kind, round};
use crate::request::{Json, Object};
use std::collections::BTreeMap;
use std::f64::consts::{PI, TAU};

/// A frequency and how far off it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theta {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// Measures the frequencies of one spectrum: none where a plane turns proportionally to no
/// frequency, or is not shown.
pub(super) fn thetas(exhibits: &[Exhibit], units: &[&Unit], spectrum: usize) -> Option<Vec<Theta>> {
    let mut seen: Vec<Vec<(f64, f64, f64)>> = Vec::new();
    for unit in units {
        let exhibit = &exhibits[unit.exhibit];
        let Scene::Turn(turn) = &exhibit.scene else { continue };
        if turn.spectrum != spectrum || unit.part == Part::Passed {
            continue;
        }
        seen.resize(turn.planes.len(), vec![]);
        angles(exhibit, turn, unit, &mut seen);
    }
    let fit = |list: &mut Vec<(f64, f64, f64)>| -> Option<Theta> {
        // Small positions first: they tell how often the plane has gone round.
        list.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()).then(a.2.total_cmp(&b.2)));
        let &(p, angle, error) = list.first()?;
        let mut theta = Theta { value: angle / p, error: error / p.abs() };
        for &(p, angle, error) in &list[1..] {
            let off = angle - theta.value * p;
            let off = off - TAU * libm::rint(off / TAU);
            let slack = error + theta.error * p.abs() + 2e-6 * (theta.value * p).abs();
            if slack > PI / 2.0 {
                break;
            }
            if off.abs() > 2.0 * slack {
                return None;
            }
            let own = (error + 1e-6 * (theta.value * p).abs()) / p.abs();
            if own < theta.error {
                theta = Theta { value: theta.value + off / p, error: own };
            }
        }
        Some(theta)
    };
    let list: Option<Vec<Theta>> = seen.iter_mut().map(fit).collect();
    list.filter(|list| list.len() >= 2)
}

fn angles(exhibit: &Exhibit, turn: &Turn, unit: &Unit, seen: &mut [Vec<(f64, f64, f64)>]) {
    if matches!(turn.places, Places::Table(_)) {
        return;
    }
    let side = &exhibit.sides[unit.side];
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    for (plane, own) in turn.planes.iter().zip(seen) {
        let Some(p) = turn.position(plane.axis, unit.batch, unit.token).filter(|p| *p != 0) else {
            continue;
        };
        let [x, y] = [plane.re, plane.im].map(|c| side.input[start + c]);
        let [u, v] = [plane.re, plane.im].map(|c| side.got[start + c]);
        let size = libm::hypot(x, y);
        if size <= exhibit.least * 64.0 || !size.is_finite() || !(u.is_finite() && v.is_finite()) {
            continue;
        }
        let angle = turn.sign * libm::atan2(v * x - u * y, u * x + v * y);
        let error = 8.0 * exhibit.unit + exhibit.least / size + 1e-7;
        own.push((p as f64, angle, error));
    }
}

/// What multiplies cos and sin in rows of one spectrum: the median of what the pairs are longer by;
/// none where nothing is seen of it.
fn magnitude(exhibits: &[Exhibit], units: &[&Unit]) -> Option<f64> {
    let mut seen: Vec<f64> = Vec::new();
    let mut slack = 0f64;
    for unit in units {
        let exhibit = &exhibits[unit.exhibit];
        let Scene::Turn(turn) = &exhibit.scene else { continue };
        if unit.part == Part::Passed || matches!(turn.places, Places::Table(_)) {
            continue;
        }
        let side = &exhibit.sides[unit.side];
        let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
        slack = slack.max(exhibit.unit);
        for plane in &turn.planes {
            let size = |of: &[f64]| libm::hypot(of[start + plane.re], of[start + plane.im]);
            let (before, after) = (size(&side.input), size(&side.got));
            if before > exhibit.least * 4096.0 && before.is_finite() && after.is_finite() {
                let by = after / before;
                seen.push(if turn.factor < turn.magnitude { 1.0 / by } else { by });
            }
        }
    }
    seen.sort_by(f64::total_cmp);
    let middle = *seen.get(seen.len() / 2)?;
    // One is what a table has that nobody multiplies.
    let one = (middle - 1.0).abs() <= 2.0 * slack + 1e-6;
    (middle > 0.0).then_some(if one { 1.0 } else { middle })
}

/// Rules that the measured frequencies of some spectra suggest.
pub(super) fn rules(exhibits: &[Exhibit], wrong: &[&&Unit]) -> Vec<Rule> {
    let mut by_spectrum: BTreeMap<usize, Vec<&Unit>> = BTreeMap::new();
    for unit in wrong {
        if let Scene::Turn(turn) = &exhibits[unit.exhibit].scene
            && turn.spectrum != usize::MAX
        {
            by_spectrum.entry(turn.spectrum).or_default().push(unit);
        }
    }
    let mut rules = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut measured: BTreeMap<usize, Spectrum> = BTreeMap::new();
    let mut others: Vec<f64> = Vec::new();
    for (&spectrum, units) in &by_spectrum {
        let Some(Scene::Turn(turn)) = units.first().map(|unit| &exhibits[unit.exhibit].scene)
        else {
            continue;
        };
        // Frequencies and what multiplies them stand in one table, and go wrong together.
        let other = magnitude(exhibits, units).filter(|m| (m / turn.magnitude - 1.0).abs() > 0.01);
        if let Some(m) = other
            && !others.iter().any(|known| (known / m - 1.0).abs() < 0.01)
        {
            others.push(m);
        }
        let Some(list) = thetas(exhibits, units, spectrum) else { continue };
        let magnitude = other.unwrap_or(turn.magnitude);
        measured.insert(
            spectrum,
            Spectrum { thetas: list.iter().map(|t| t.value).collect(), magnitude },
        );
        let ratios: Vec<f64> =
            turn.planes.iter().zip(&list).map(|(p, t)| p.theta / t.value).collect();
        let first = ratios.first().copied().unwrap_or(1.0);
        let alike = ratios.iter().zip(&list).all(|(ratio, t)| {
            (ratio - first).abs() <= 8.0 * first.abs() * (t.error / t.value.abs() + 1e-6)
        });
        if alike && first.is_finite() && (first - 1.0).abs() > 1e-4 {
            // The number that somebody wrote, if it is one.
            let slack = list.iter().map(|t| t.error / t.value.abs() + 1e-6).fold(1.0, f64::min);
            let near = |x: f64| (x - first).abs() <= slack * first;
            let written = [round(first), 1.0 / round(1.0 / first)];
            let off = |x: &f64| (x - first).abs();
            let nearest = written.into_iter().min_by(|a, b| off(a).total_cmp(&off(b)));
            rules.push(Rule::Divided(nearest.filter(|x| near(*x)).unwrap_or(first)));
            continue;
        }
        // One config of each kind is enough to suggest a rule.
        let kind = match turn.config.get("rope_type") {
            Some(Json::String(word)) => word.clone(),
            _ if kind(&turn.config) == SINUSOID => continue,
            _ => String::new(),
        };
        let tried = known.entry(kind.clone()).or_default();
        if *tried >= 2 {
            continue;
        }
        *tried += 1;
        if let Some(found) = config(turn, &list, magnitude) {
            let keys = differences(&turn.config, &found);
            if !keys.is_empty() {
                rules.push(Rule::Read { rope_type: kind, keys });
            }
        }
    }
    if !measured.is_empty() {
        rules.push(Rule::Measured(measured));
    }
    let with = |magnitude: f64| {
        Formula::ALL.into_iter().map(move |formula| Rule::With { formula, magnitude })
    };
    rules.extend(others.into_iter().take(3).flat_map(with));
    rules
}

/// The config that has these frequencies, if one has.
pub(super) fn config(turn: &Turn, list: &[Theta], magnitude: f64) -> Option<Object> {
    use crate::audit::identify::{Measured, Turning};
    if kind(&turn.config) == SINUSOID {
        return None;
    }
    let one = |t: &Theta| Turning {
        theta: t.value,
        error: t.error.max(2e-7 * t.value.abs()),
        bends_at: None,
    };
    let measured = Measured {
        pairs: turn.planes.iter().map(|p| crate::encoding::Pair { re: p.re, im: p.im }).collect(),
        axes: turn.planes.iter().map(|p| p.axis).collect(),
        turning: list.iter().map(one).collect(),
        magnitude,
        slack: 1e-4,
        seq_len: turn.seq_len,
        located: true,
    };
    let mut shape = Object::default();
    for key in ["head_dim", "layout", "rotary_dim", "rotary_offset"] {
        if let Some(value) = turn.config.get(key) {
            shape.set(key, value.clone());
        }
    }
    measured.config(&turn.config, &shape)
}

/// The keys in which two configs differ.
fn differences(declared: &Object, found: &Object) -> Vec<(String, Option<Json>)> {
    let same = |a: &Json, b: &Json| a == b || a.number().is_some() && a.number() == b.number();
    let mut keys: Vec<(String, Option<Json>)> = Vec::new();
    for (key, value) in found.iter() {
        if declared.get(key).is_none_or(|own| !same(own, value)) {
            keys.push((key.to_string(), Some(value.clone())));
        }
    }
    for (key, _) in declared.iter() {
        if found.get(key).is_none() {
            keys.push((key.to_string(), None));
        }
    }
    keys
}
