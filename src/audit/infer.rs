//! What a kernel did, inferred from its answers: which rows, what became of them, and where.
//!
//! Nothing here knows the list of faults. A row that went in and one that came out say what was
//! done: the angles of its planes give the position that it was turned by, its numbers those of
//! another row, or zero. A [`solve::Cause`] is a mechanism and a place, tested on every row: those
//! that are wrong must be as it says, and those that are right must lie outside of the place.

mod altered;
mod attention;
mod buckets;
mod copy;
mod decode;
mod exhibit;
mod facet;
pub(in crate::audit) mod fact;
mod facts;
mod ids;
mod known;
mod lay_out;
mod look;
mod map;
mod measure;
mod mechanism;
mod on_grid;
mod pairs;
mod place;
mod planes;
mod predict;
mod predicted;
mod propose;
mod rearranged;
mod rule;
mod slopes;
mod solve;
mod stages;
mod suspects;
mod whole;
mod words;

pub(in crate::audit) use facet::facet;
pub(in crate::audit) use facts::facts;
pub(in crate::audit) use lay_out::Given;
#[cfg(feature = "exact")]
pub(crate) use place::by_axis;

use super::finding::{Fitted, FittedPlane};
use crate::encoding::Body;
use exhibit::{Exhibit, Places, Scene, Unit};
use fact::Fact;
use lay_out::Spectra;
use rayon::prelude::*;
use solve::{Cause, Solved, solve};
use std::collections::BTreeMap;

/// A cause in words.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::audit) struct Inferred {
    /// Who, where, what.
    pub(in crate::audit) sentence: String,
    /// What speaks for it, counted.
    pub(in crate::audit) evidence: String,
    /// What to change.
    pub(in crate::audit) mend: String,
    /// Its share of the wrong rows.
    pub(in crate::audit) share: f64,
    /// Whether it names a mechanism and not numbers alone.
    pub(in crate::audit) named: bool,
    /// Whether the rows that are right leave it no exception.
    pub(in crate::audit) sharp: bool,
}

/// What was inferred.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::audit) struct Inference {
    /// What was done, the largest share first.
    pub(in crate::audit) causes: Vec<Inferred>,
    /// What is left, in words.
    pub(in crate::audit) clues: Vec<String>,
    /// Frequencies, where those are what is wrong.
    pub(in crate::audit) fitted: Option<Fitted>,
    /// Wrong answers that are not laid out in rows, so that nothing is inferred from them.
    beside: usize,
}

impl Inference {
    /// Whether every wrong row is explained by what was named.
    pub(in crate::audit) fn is_complete(&self) -> bool {
        let share: f64 = self.causes.iter().filter(|c| c.named && c.sharp).map(|c| c.share).sum();
        share > 0.9999 && self.beside == 0
    }
}

/// Infers what was done from some answers, in the order of asking. `cut` has the indices of batches,
/// heads and tokens in a larger tensor, where the answers are a part of one.
pub(in crate::audit) fn infer(given: &[Given], cut: Option<&[Vec<usize>; 3]>) -> Inference {
    let mut spectra = Spectra::default();
    let laid: Vec<Option<Exhibit>> = given.iter().map(|one| one.exhibit(&mut spectra)).collect();
    // Cells of a cache that belong to no row are told by whole answers alone.
    let beside =
        given.iter().zip(&laid).filter(|(one, laid)| laid.is_none() && one.is_beside_rows());
    let beside = beside.count();
    let mut exhibits: Vec<Exhibit> = laid.into_iter().flatten().collect();
    remember(&mut exhibits);
    exhibits.iter_mut().for_each(|exhibit| exhibit.cut = cut.cloned());
    let fickle = fickle(&exhibits);
    let solved = solve(&exhibits);
    let all = solved.left.len() + solved.causes.iter().map(|c| c.rows.len()).sum::<usize>();
    if all == 0 {
        return Inference { clues: fickle, ..Inference::default() };
    }
    let fitted = solved.causes.iter().find_map(|cause| fitted(&exhibits, cause));
    let mut causes: Vec<Inferred> =
        solved.causes.iter().map(|cause| told(&exhibits, cause, all)).collect();
    causes.sort_by(|a, b| b.share.total_cmp(&a.share));
    let mut clues = fickle;
    clues.extend(unexplained(&exhibits, &solved, all));
    if beside > 0 {
        let chains = given.iter().all(|one| matches!(one.question.body, Body::Chain(_)));
        let what = match chains {
            true => "cells of a cache are wrong that belong to no token",
            false => "something is wrong that belongs to no row",
        };
        clues.push(format!("in {beside} cases {what}"));
    }
    Inference { causes, clues, fitted, beside }
}

/// What the wrong rows of answers that change are: the same mechanisms, without a place.
fn fickle(exhibits: &[Exhibit]) -> Vec<String> {
    let of = |(index, exhibit): (usize, &Exhibit)| {
        if exhibit.fickle { exhibit.units(index) } else { vec![] }
    };
    let units: Vec<Unit> = exhibits.iter().enumerate().flat_map(of).collect();
    let wrong: Vec<Unit> = units.iter().filter(|unit| unit.wrong).copied().collect();
    let found = solve::plainly(exhibits, &wrong);
    found
        .map(|mechanism| {
            let unit = &wrong[0];
            let name = exhibits[unit.exhibit].sides[unit.side].name;
            format!(
                "where answers change, {} of {} rows are wrong, and of all of them it holds that {}",
                wrong.len(),
                units.len(),
                mechanism.words(name)
            )
        })
        .into_iter()
        .collect()
}

/// Positions of calls of the same config and shape, for kernels that remember.
fn remember(exhibits: &mut [Exhibit]) {
    let mut first: BTreeMap<(usize, Vec<usize>, usize), Vec<i128>> = BTreeMap::new();
    let mut last = first.clone();
    for exhibit in exhibits {
        let heads: Vec<usize> = exhibit.sides.iter().map(|side| side.heads).collect();
        let unit = exhibit.unit.to_bits() as usize;
        let Scene::Turn(turn) = &mut exhibit.scene else { continue };
        let Places::Positions(positions) = &turn.places else { continue };
        let shape = [heads, vec![turn.batch, turn.tokens]].concat();
        let key = (turn.spectrum, shape, unit);
        turn.earlier = [first.get(&key), last.get(&key)].into_iter().flatten().cloned().collect();
        let again = !turn.earlier.is_empty();
        first.entry(key.clone()).or_insert_with(|| positions.clone());
        last.insert(key, positions.clone());
        exhibit.facts.insert(Fact::Repeated, fact::Value::flag(again));
    }
}

fn told(exhibits: &[Exhibit], cause: &Cause, all: usize) -> Inferred {
    let unit = &cause.rows[0];
    let name = exhibits[unit.exhibit].sides[unit.side].name;
    let mut sentence = words::sentence(exhibits, cause);
    let mut rivals: Vec<String> = Vec::new();
    for words in cause.rivals.iter().map(|rival| rival.words(name)) {
        if rivals.len() < 3 && !rivals.contains(&words) {
            rivals.push(words);
        }
    }
    if !rivals.is_empty() {
        sentence
            .push_str(&format!(" (or, as far as these answers tell: {})", rivals.join("; or ")));
    }
    let share = cause.rows.len() as f64 / all as f64;
    let mut evidence = format!("{} of {all} wrong rows are so", cause.rows.len());
    if cause.outside > 0 {
        evidence
            .push_str(&format!("; {} rows elsewhere would show it and are right", cause.outside));
    }
    if cause.spared > 0 {
        evidence.push_str(&format!("; {} rows would show it and are right", cause.spared));
    }
    if let Some(table) = asked_and_computed(exhibits, cause) {
        evidence.push_str(&format!("; position asked → computed: {table}"));
    }
    if matches!(cause.mechanism, mechanism::Mechanism::Scaled(mechanism::Scale::Own)) {
        evidence.push_str(&format!("; factors: {}", own_factors(exhibits, cause)));
    }
    if cause.mechanism.is_measured()
        && let Some(fitted) = fitted(exhibits, cause)
    {
        let of = |pick: fn(&FittedPlane) -> Option<f64>| -> Vec<f64> {
            fitted.planes.iter().filter_map(pick).collect()
        };
        let planes = words::planes(&of(|p| p.declared), &of(|p| p.fitted));
        sentence.push_str(&format!(": {planes}"));
    }
    Inferred {
        sentence,
        evidence,
        mend: cause.mechanism.mend(),
        share,
        named: !cause.mechanism.is_measured(),
        sharp: cause.spared == 0,
    }
}

/// The least, some, and the largest of the factors of rows.
fn own_factors(exhibits: &[Exhibit], cause: &Cause) -> String {
    let of = |unit: &Unit| predicted::own_factor(&exhibits[unit.exhibit], unit);
    let mut list: Vec<f64> = cause.rows.iter().filter_map(of).collect();
    list.sort_by(f64::total_cmp);
    let step = list.len().div_ceil(4).max(1);
    let some = list.iter().step_by(step).chain(list.last());
    some.map(|by| format!("{by:.4}")).collect::<Vec<_>>().join(", ")
}

/// A few positions, and what they were taken for.
fn asked_and_computed(exhibits: &[Exhibit], cause: &Cause) -> Option<String> {
    let mechanism::Mechanism::Turned(_) = &cause.mechanism else { return None };
    let some: Vec<&Unit> =
        cause.rows.iter().step_by(cause.rows.len().div_ceil(200).max(1)).collect();
    let mut pairs: Vec<(i128, i128)> =
        propose::moved(exhibits, &some).iter().map(|m| (m.asked, m.computed)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let shown: Vec<String> = pairs
        .iter()
        .step_by(pairs.len().div_ceil(5).max(1))
        .take(5)
        .map(|(p, q)| format!("{p} → {q}"))
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// The frequencies of a cause that is one of frequencies, beside the declared ones.
fn fitted(exhibits: &[Exhibit], cause: &Cause) -> Option<Fitted> {
    let mechanism::Mechanism::Frequencies(rule) = &cause.mechanism else { return None };
    let unit = cause.rows.iter().find(|unit| match &exhibits[unit.exhibit].scene {
        Scene::Turn(turn) => rule.spectrum(turn).is_some(),
        Scene::Grid(_) | Scene::Whole(_) => false,
    })?;
    let Scene::Turn(turn) = &exhibits[unit.exhibit].scene else { return None };
    let spectrum = rule.spectrum(turn)?;
    let plane = |(plane, (own, theta)): (usize, (&exhibit::Plane, &f64))| FittedPlane {
        plane,
        declared: Some(own.theta),
        fitted: Some(*theta),
    };
    let thetas: Vec<measure::Theta> = spectrum
        .thetas
        .iter()
        .map(|&value| measure::Theta { value, error: 1e-6 * value.abs() })
        .collect();
    // A config is that of one question: several have several.
    let alike = cause.rows.iter().all(|unit| match &exhibits[unit.exhibit].scene {
        Scene::Turn(other) => other.spectrum == turn.spectrum,
        Scene::Grid(_) | Scene::Whole(_) => false,
    });
    let config = if alike { measure::config(turn, &thetas, spectrum.magnitude) } else { None };
    Some(Fitted {
        config: config.and_then(|config| serde_json::to_string(&config).ok()),
        planes: turn.planes.iter().zip(&spectrum.thetas).enumerate().map(plane).collect(),
    })
}

/// Where that is wrong which no mechanism explains.
fn unexplained(exhibits: &[Exhibit], solved: &Solved, all: usize) -> Vec<String> {
    if solved.left.is_empty() {
        return vec![];
    }
    let wrong: Vec<&Unit> = solved.left.iter().collect();
    // What every fault leaves right says nothing: first everything, then without position 0.
    let right: Vec<&Unit> = solved.right.iter().collect();
    let moved: Vec<&Unit> = right
        .par_iter()
        .copied()
        .filter(|unit| exhibits[unit.exhibit].position(unit, 0) != Some(0))
        .filter(|unit| unit.part == exhibit::Part::Turned)
        .collect();
    let whole = place::place(exhibits, &wrong, &right);
    let found = match whole.within {
        0 => whole,
        _ => {
            let other = place::place(exhibits, &wrong, &moved);
            if other.within == 0 { other } else { whole }
        }
    };
    let all_of_it = words::all_of_it(&exhibits[wrong[0].exhibit]);
    let (subject, place) = words::place_words(&found, all_of_it);
    let mut clues = Vec::new();
    let count = format!("{} of {all} wrong rows", wrong.len());
    if !found.atoms.is_empty() || subject != all_of_it {
        let outside = right.len() - found.within;
        let except = match found.within {
            0 => String::new(),
            n => format!(", where {n} are right"),
        };
        clues.push(format!(
            "wrong in a way that is not known: {subject}{place} ({count}{except}; {outside} rows \
             elsewhere are right)"
        ));
    }
    clues.extend(planes::planes(exhibits, &wrong));
    clues
}
