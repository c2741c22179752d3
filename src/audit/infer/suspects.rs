//! Known faults that are worth a trial on the rows of whole answers.

use super::exhibit::{Exhibit, Unit};
use super::known::Known;
use super::look::Look;
use super::mechanism::Mechanism;
use super::predict::Cache;
use crate::fault::Fault;
use rayon::prelude::*;

/// The faults that have some wrong row as it is: those that are worth a trial on all rows.
pub(super) fn suspects(exhibits: &[Exhibit], wrong: &[&&Unit]) -> Vec<&'static Fault> {
    // A fault is emulated on a few questions only, small ones and some of the others.
    let mut sizes: Vec<(usize, usize)> = wrong
        .iter()
        .map(|unit| {
            (exhibits[unit.exhibit].sides.iter().map(|s| s.right.len()).sum(), unit.exhibit)
        })
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    let step = sizes.len().div_ceil(QUESTIONS).max(1);
    let some: Vec<usize> = sizes.iter().step_by(step).map(|(_, exhibit)| *exhibit).collect();
    let units: Vec<&&&Unit> = wrong.iter().filter(|unit| some.contains(&unit.exhibit)).collect();
    let cache = Cache::default();
    let hits = |fault: &'static Fault| {
        let mechanism = Mechanism::Known(Known(fault));
        let hit =
            |unit: &&&&&Unit| mechanism.look(&exhibits[unit.exhibit], unit, &cache) == Look::Hit;
        units.iter().filter(hit).count()
    };
    let all: Vec<&'static Fault> =
        crate::fault::all().iter().chain(crate::fault::variants()).collect();
    let mut ranked: Vec<(usize, usize, &'static Fault)> = all
        .into_par_iter()
        .enumerate()
        .map(|(index, fault)| (usize::MAX - hits(fault), index, fault))
        .filter(|(missed, ..)| *missed < usize::MAX)
        .collect();
    ranked.sort_by_key(|(missed, index, _)| (*missed, *index));
    ranked.into_iter().take(BEST).map(|(.., fault)| fault).collect()
}

/// Questions on which faults are tried first.
const QUESTIONS: usize = 8;
/// Faults that are tried on everything.
const BEST: usize = 10;
