//! Explanations of a part of what went wrong, where nothing explains all of it.

use super::evidence::Evidence;
use super::search::{Found, Search};
use super::told::told;
use crate::audit::finding::Diagnosis;
use crate::profile::Profile;
use std::collections::BTreeSet;
use std::time::Instant;

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
pub(super) fn narrower(
    numeric: &[&Evidence],
    profile: Option<Profile>,
    until: Instant,
    phase: &(dyn Fn(&str, usize, usize) + Sync),
) -> Vec<Diagnosis> {
    let search = |part: &[&Evidence]| Search::new(part, profile, until, phase).run(false);
    for (what, value) in FACETS {
        let of = |e: &&Evidence| value(e).unwrap_or_default();
        let wrong: BTreeSet<String> = numeric.iter().filter(|e| e.fails()).map(of).collect();
        let part: Vec<&Evidence> =
            numeric.iter().filter(|e| wrong.contains(&of(e))).copied().collect();
        if part.len() == numeric.len() {
            continue;
        }
        let (found, _) = search(&part);
        if !found.is_empty() {
            let list: Vec<String> = wrong.into_iter().collect();
            let part = format!("Only where {what} {}: ", list.join(", "));
            return told(&found, &part).into_iter().collect();
        }
    }
    // Several operations or formats may be wrong for several reasons: each is explained by itself.
    const APART: [fn(&Evidence) -> &'static str; 2] =
        [|e| e.operation().name(), |e| e.dtype().name()];
    let parts = APART.iter().map(|of| apart(numeric, *of, &search));
    parts.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// What a search finds, and what came nearest.
type Searched = (Vec<Found>, Option<Found>);

/// An explanation of every part by itself, where there are several.
fn apart(
    numeric: &[&Evidence],
    of: fn(&Evidence) -> &'static str,
    search: &dyn Fn(&[&Evidence]) -> Searched,
) -> Vec<Diagnosis> {
    let wrong: BTreeSet<&str> = numeric.iter().filter(|e| e.fails()).map(|e| of(e)).collect();
    if wrong.len() < 2 {
        return vec![];
    }
    let mut parts: Vec<(Vec<&str>, Vec<Found>)> = Vec::new();
    for name in wrong {
        let part: Vec<&Evidence> = numeric.iter().filter(|e| of(e) == name).copied().collect();
        let (found, _) = search(&part);
        if found.is_empty() {
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
