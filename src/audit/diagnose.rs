//! What is wrong: the known faults that explain the answers, or clues where none does.
//!
//! A fault is a hypothesis about every answer of the operations that diverge: it must have the
//! wrong ones as they are *and* leave the right ones right. Where it does not apply it predicts
//! the right answer. A hypothesis that falls short is not named as a cause.

mod accepted;
mod clues;
pub(in crate::audit) mod evidence;
pub(in crate::audit) mod fit;
mod sample;
mod search;

use super::exhibit::Exhibit;
use super::finding::{Diagnosis, Report};
use super::probe::Probe;
use crate::profile::Profile;
use evidence::{Evidence, Kind};
use search::{Found, Search};
use std::collections::BTreeSet;

/// What explains a report's divergences, best first, and clues to what nothing explains.
pub(super) fn diagnose(
    exhibits: &[Exhibit],
    report: &Report,
    profile: Option<Profile>,
) -> (Vec<Diagnosis>, Vec<String>) {
    let all = evidence::evidence(exhibits, report);
    // Other ways of asking have names of their own for what they find.
    let plain = |e: &&Evidence| Probe::of(&e.case.ask).is_none();
    let numeric: Vec<&Evidence> = all.iter().filter(|e| search::numeric(e)).filter(plain).collect();
    let (mut diagnoses, mut clues) = (Vec::new(), Vec::new());
    let fickle: Vec<&&Evidence> = numeric.iter().filter(|e| e.fickle).collect();
    if let Some(first) = fickle.first() {
        clues.push(format!(
            "asked again, {} cases are answered otherwise, the first {}: a race, or memory that \
             nobody wrote",
            fickle.len(),
            first.case.ask.id
        ));
    }
    let mut known = None;
    if numeric.iter().any(|e| e.fails()) {
        let (found, nearest) = Search::new(&numeric, profile).run();
        known = found.first().map(|best| best.faults.clone());
        match found.is_empty() {
            false => diagnoses.extend(told(&found, "")),
            true => {
                let partly = narrower(&numeric, profile, &mut clues);
                if partly.is_empty() {
                    clues.extend(nearest.iter().filter_map(miss));
                    clues.extend(clues::clues(&numeric));
                    if numeric.iter().any(|e| e.fails() && is_rotary(e)) {
                        clues.push("`ropewalk identify` finds out which config it computes".into());
                    }
                }
                diagnoses.extend(partly);
            }
        }
    }
    let refused: Vec<&Evidence> = all.iter().filter(|e| e.kind == Kind::Acceptance).collect();
    let (accepted, open) = accepted::accepted(&refused, known.as_deref().unwrap_or(&[]));
    diagnoses.extend(accepted);
    clues.extend(open);
    (diagnoses, clues)
}

fn is_rotary(evidence: &Evidence) -> bool {
    use crate::request::Operation::{InvFreq, Rotate, Table};
    matches!(evidence.operation(), Rotate | Table | InvFreq)
}

/// A near miss is a clue and no cause.
fn miss(nearest: &Found) -> Option<String> {
    (nearest.score >= 0.3).then(|| {
        format!(
            "no known fault explains it; the nearest, {}, has {:.0} % of what is wrong as it is, \
             which is not enough to blame it",
            nearest.names().join(" and "),
            100.0 * nearest.score
        )
    })
}

/// What a part of the cases is called, and how to tell it.
type Facet = (&'static str, fn(&Evidence) -> Option<String>);

const FACETS: [Facet; 6] = [
    ("the dtype is", |e| Some(e.dtype().name().to_string())),
    ("rope_type is", |e| e.case.word("rope_type").map(String::from)),
    ("layout is", |e| e.case.word("layout").map(String::from)),
    ("the direction is", |e| match e.case.ask.input.get("direction") {
        Some(crate::request::Json::String(word)) => Some(word.clone()),
        _ => Some("forward".into()),
    }),
    ("the number of tokens is", |e| {
        let question = e.asked.question().ok()?;
        let crate::encoding::Body::Rotate(r) = &question.body else { return None };
        Some(if r.q.shape()[2] == 1 { "one".into() } else { "more than one".into() })
    }),
    ("the operation is", |e| Some(e.operation().name().to_string())),
];

/// Explanations of a part: a fault on one path only, or one for each operation.
fn narrower(
    numeric: &[&Evidence],
    profile: Option<Profile>,
    clues: &mut Vec<String>,
) -> Vec<Diagnosis> {
    for (what, value) in FACETS {
        let of = |e: &&Evidence| value(e).unwrap_or_default();
        let wrong: BTreeSet<String> = numeric.iter().filter(|e| e.fails()).map(of).collect();
        let part: Vec<&Evidence> =
            numeric.iter().filter(|e| wrong.contains(&of(e))).copied().collect();
        if part.len() == numeric.len() {
            continue;
        }
        let (found, _) = Search::new(&part, profile).run();
        if !found.is_empty() {
            let list: Vec<String> = wrong.into_iter().collect();
            let part = format!("Only where {what} {}: ", list.join(", "));
            return told(&found, &part).into_iter().collect();
        }
    }
    // Several operations may be wrong for several reasons.
    let operation = |e: &&Evidence| e.operation().name();
    let wrong: BTreeSet<&str> = numeric.iter().filter(|e| e.fails()).map(operation).collect();
    if wrong.len() < 2 {
        return vec![];
    }
    let mut parts: Vec<(Vec<&str>, Vec<Found>)> = Vec::new();
    for name in wrong {
        let part: Vec<&Evidence> =
            numeric.iter().filter(|e| operation(e) == name).copied().collect();
        let (found, nearest) = Search::new(&part, profile).run();
        if found.is_empty() {
            let own = nearest.iter().filter_map(miss).chain(clues::clues(&part));
            clues.extend(own.map(|clue| format!("{name}: {clue}")));
            continue;
        }
        // One cause is told once.
        let names = |list: &[Found]| list.iter().map(Found::names).collect::<Vec<_>>();
        match parts.iter_mut().find(|(_, other)| names(other) == names(&found)) {
            Some((operations, _)) => operations.push(name),
            None => parts.push((vec![name], found)),
        }
    }
    let tell = |(operations, found): &(Vec<&str>, Vec<Found>)| {
        told(found, &format!("In {}: ", operations.join(", ")))
    };
    parts.iter().filter_map(tell).collect()
}

/// The best explanation, with what the answers cannot tell from it.
fn told(found: &[Found], part: &str) -> Option<Diagnosis> {
    let best = found.first()?;
    let mut others: Vec<Vec<&'static str>> = Vec::new();
    for names in found.iter().skip(1).map(Found::names) {
        // Variants of one fault have one name.
        if names != best.names() && !others.contains(&names) {
            others.push(names);
        }
    }
    let sentences = |of: fn(&crate::fault::Fault) -> &'static str| {
        let list: Vec<&str> = best.faults.iter().map(|fault| of(fault)).collect();
        list.join("; and ")
    };
    let mut summary = format!("{part}{}", sentences(|fault| fault.summary));
    if !others.is_empty() {
        let names: Vec<String> = others.iter().map(|set| set.join(" with ")).collect();
        summary.push_str(&format!(
            ". These answers do not tell it from {}",
            names.join(", nor from ")
        ));
    }
    let mut links: Vec<&'static str> = Vec::new();
    for link in best.faults.iter().flat_map(|fault| fault.links) {
        if !links.contains(link) {
            links.push(link);
        }
    }
    Some(Diagnosis {
        faults: best.names(),
        alternatives: others,
        explains: best.explains,
        summary,
        fix: sentences(|fault| fault.fix),
        links,
    })
}
