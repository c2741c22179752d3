//! What was found, in words.

use super::search::Found;
use crate::audit::finding::Diagnosis;

/// The best explanation, with what the answers cannot tell from it.
pub(super) fn told(found: &[Found], part: &str) -> Option<Diagnosis> {
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
