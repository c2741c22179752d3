//! Questions beside some that were answered wrongly: each differs in one setting, which tells what
//! the fault minds.

use super::kind::{Fresh, Kind, Words};
use super::least;
use super::own::Own;
use crate::generate::values::Random;
use std::collections::BTreeSet;

/// So many wrong answers tell by themselves where they are.
const PLENTY: usize = 24;
/// Questions to stand beside.
const SOME: usize = 3;
/// Other levels of each setting.
const LEVELS: usize = 2;
/// Elements of all of them.
const BUDGET: u64 = 1 << 20;

/// Questions that differ in one setting from some of these ids, the cheapest first; none for ids
/// that are not drawn, or where these are many. Those of one model's config need it.
///
/// ```
/// use ropewalk::generate::fresh::beside;
/// let id = "fresh-0-rotate-f32-half-default-forward-64-whole-1on1-1-1-keys-near";
/// let list = beside(&[id], None);
/// assert!(list.iter().any(|one| one.request.id == id.replace("half", "interleaved")));
/// assert!(beside(&["rotate-half-f32-basic"], None).is_empty());
/// ```
pub fn beside(ids: &[&str], own: Option<&Own>) -> Vec<Fresh> {
    let kinds = super::kinds(own);
    let mut some: Vec<(u64, &str, &Kind, Vec<&'static str>)> = Vec::new();
    for id in ids {
        if let Ok((kind, words)) = super::parsed(id, own, &kinds) {
            let cost = (kind.cost)(&Words { kind, words: words.clone(), own, tiny: false });
            some.push((cost, id, kind, words));
        }
    }
    if some.len() > PLENTY {
        return vec![];
    }
    some.sort_by_key(|(cost, id, ..)| (*cost, *id));
    let mut list: Vec<(u64, Fresh)> = Vec::new();
    for (_, id, kind, words) in some.into_iter().take(SOME) {
        for factor in 0..kind.factors.len() {
            list.extend(others(id, kind, &words, factor, own));
        }
    }
    list.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.request.id.cmp(&b.1.request.id)));
    let (mut all, mut seen) = (0, BTreeSet::new());
    list.retain(|(cost, fresh)| {
        all += cost;
        all <= BUDGET && seen.insert(fresh.request.id.clone())
    });
    list.into_iter().map(|(_, fresh)| fresh).collect()
}

/// The question at other levels of one factor, the cheapest of those that are possible.
fn others(
    id: &str,
    kind: &Kind,
    words: &[&'static str],
    factor: usize,
    own: Option<&Own>,
) -> Vec<(u64, Fresh)> {
    let levels = kind.factors[factor].levels;
    let other = levels.iter().filter(|(_, list)| !list.contains(&words[factor]));
    let mut random = Random::new(&format!("{id} {factor}"));
    let mut list: Vec<(u64, u64, Vec<&'static str>)> = other
        .map(|(_, list)| {
            let mut words = words.to_vec();
            words[factor] = least(list);
            let cost = (kind.cost)(&Words { kind, words: words.clone(), own, tiny: false });
            (cost, random.bits(), words)
        })
        .collect();
    list.sort();
    // The seed, and all before it, stands in the id.
    let rest = format!("-{}", words.join("-"));
    let Some(head) = id.strip_suffix(&rest) else { return vec![] };
    let made = list.into_iter().filter_map(|(cost, _, words)| {
        let id = format!("{head}-{}", words.join("-"));
        Some((cost, kind.question(&id, &Words { kind, words, own, tiny: false }).ok()?))
    });
    made.take(LEVELS).collect()
}
