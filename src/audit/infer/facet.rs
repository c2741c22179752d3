//! What divides cases that went wrong from those that went right: over all of them, by their
//! settings and shapes alone.

use super::exhibit::{Exhibit, Form, Grid, Part, Scene, Unit};
use super::fact::{Fact, Value};
use super::place::place;
use super::words::place_words;
use std::collections::BTreeMap;

/// A case's facts, and whether it went wrong.
pub(in crate::audit) type Case = (BTreeMap<Fact, Value>, bool);

/// Where cases go wrong, in words; none where nothing tells, or too few cases would.
pub(in crate::audit) fn facet(cases: Vec<Case>) -> Option<String> {
    let mut wrongs = Vec::new();
    let mut exhibits = Vec::new();
    for (facts, wrong) in cases {
        let grid = Grid { form: Form::None, queries: vec![], keys: vec![] };
        let scene = Scene::Grid(grid);
        let (unit, least, fickle, cut) = (0.0, 0.0, false, None);
        exhibits.push(Exhibit { facts, scene, sides: vec![], unit, least, fickle, cut });
        wrongs.push(wrong);
    }
    let unit = |(exhibit, &wrong): (usize, &bool)| {
        let [side, batch, head, token] = [0; 4];
        Unit { exhibit, side, part: Part::Turned, batch, head, token, wrong }
    };
    let units: Vec<Unit> = wrongs.iter().enumerate().map(unit).collect();
    let (wrong, right): (Vec<&Unit>, Vec<&Unit>) = units.iter().partition(|unit| unit.wrong);
    let found = place(&exhibits, &wrong, &right);
    let outside = right.len() - found.within;
    // A few exceptions are told; a coin that is as often wrong is not.
    if found.atoms.is_empty() || found.within > wrong.len().min(outside) {
        return None;
    }
    let (_, place) = place_words(&found, "Rows");
    let except = match found.within {
        0 => String::new(),
        n => format!(", where {n} are right"),
    };
    let place = place.trim_start_matches(", ");
    Some(format!("{place} ({} wrong{except}; {outside} right elsewhere)", wrong.len()))
}
