//! A few cases that stand for many.

use super::evidence::Evidence;
use crate::audit::case::Case;
use std::collections::{BTreeMap, BTreeSet};

/// Elements that are compared at once.
const QUICK: usize = 8192;

/// Up to so many of these, of all kinds, small ones first.
pub(super) fn sample(evidence: &[&Evidence], of: &[usize], most: usize) -> Vec<usize> {
    let mut kinds: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for &index in of {
        kinds.entry(kind(evidence[index].case)).or_default().push(index);
    }
    for members in kinds.values_mut() {
        members.sort_by_key(|&index| (evidence[index].size(), index));
        // The smallest say little of positions and axes: one of the middle of those that take no time
        // comes first.
        let quick = members.partition_point(|&index| evidence[index].size() <= QUICK);
        members.swap(0, quick / 2);
    }
    let mut chosen = BTreeSet::new();
    let mut round = 0;
    while chosen.len() < most.min(of.len()) {
        for members in kinds.values() {
            if let Some(&index) = members.get(round)
                && chosen.len() < most
            {
                chosen.insert(index);
            }
        }
        round += 1;
    }
    chosen.into_iter().collect()
}

/// What tells cases apart for a sample.
fn kind(case: &Case) -> Vec<String> {
    let word = |key: &str| case.word(key).unwrap_or_default().to_string();
    let direction = match case.ask.input.get("direction") {
        Some(crate::request::Json::String(word)) => word.clone(),
        _ => String::new(),
    };
    vec![
        case.ask.operation.name().to_string(),
        word("rope_type"),
        word("layout"),
        direction,
        case.flags.first().cloned().unwrap_or_default(),
    ]
}
