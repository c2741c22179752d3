//! Requests that must be refused and were answered: which leniency answers so.

use super::evidence::Evidence;
use super::fit::fit;
use super::search::{Found, Set};
use super::told::told;
use crate::audit::finding::Diagnosis;
use crate::fault::{self, Fault};
use crate::vector::Expected;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Explanations of answers to what must be refused, and clues to the rest. `known` are the faults
/// that the kernel's other answers have.
pub(super) fn accepted(
    evidence: &[&Evidence],
    known: &[&'static Fault],
) -> (Vec<Diagnosis>, Vec<String>) {
    let covers = |fault: &&'static Fault| -> (&'static Fault, Vec<bool>) {
        let set: Set = known.iter().copied().chain([*fault]).collect();
        let explains = |one: &&Evidence, set: &[&'static Fault]| {
            let machines = super::evidence::machines(one.dtype());
            machines.iter().take(3).any(|p| {
                let fit = fit(one, set, p);
                fit.applies && fit.share().unwrap_or(1.0) > 0.98
            })
        };
        let own = evidence.iter().map(|one| explains(one, &[*fault]) || explains(one, &set));
        (*fault, own.collect())
    };
    let all: Vec<&'static Fault> = fault::all().iter().collect();
    let table: Vec<(&'static Fault, Vec<bool>)> = all.par_iter().map(covers).collect();
    let mut open: Vec<bool> = vec![true; evidence.len()];
    let mut diagnoses = Vec::new();
    loop {
        let gain =
            |row: &[bool]| row.iter().zip(&open).filter(|(own, open)| **own && **open).count();
        let most = table.iter().map(|(_, row)| gain(row)).max().unwrap_or(0);
        if most == 0 {
            break;
        }
        // All that cover the same are one explanation.
        let Some((_, row)) = table.iter().find(|(_, row)| gain(row) == most) else { break };
        let same = table.iter().filter(|(_, other)| other == row);
        let found: Vec<Found> = same
            .map(|(fault, _)| Found {
                faults: vec![*fault],
                score: 1.0,
                explains: most as f64 / evidence.len().max(1) as f64,
                shares: vec![],
            })
            .collect();
        diagnoses.extend(told(&found, "What must be refused is answered: "));
        open.iter_mut().zip(row).for_each(|(open, own)| *open &= !own);
    }
    let mut slugs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (one, open) in evidence.iter().zip(&open) {
        if let (true, Expected::Reject(slug)) = (open, &one.case.truth.expected) {
            slugs.entry(slug.name()).or_default().push(&one.case.ask.id);
        }
    }
    let clue = |(slug, ids): (&str, Vec<&str>)| {
        format!("{} requests are answered that must be refused as {slug}: {}", ids.len(), ids[0])
    };
    (diagnoses, slugs.into_iter().map(clue).collect())
}
