//! Two configs compared, in words.

use super::Identified;
use crate::encoding::RopeConfig;
use crate::encoding::spectrum::Scheme;
use crate::request::{Json, Object};

/// A value as a person reads it: 10000 and 10000.0 are one number.
fn text(value: &Json) -> String {
    match value.number() {
        Some(x) => x.to_string(),
        None => match value {
            Json::String(word) => word.clone(),
            Json::Array(items) if items.len() > 8 => format!("a list of {}", items.len()),
            other => other.to_string(),
        },
    }
}

fn normalised(config: &Object, schemes: &[&dyn Scheme]) -> Object {
    match RopeConfig::with_schemes(config, schemes) {
        Ok(read) => read.normalised().clone(),
        Err(_) => config.clone(),
    }
}

/// What the computed config has otherwise than the declared one, a sentence for each key.
pub(super) fn differences(found: &Identified, schemes: &[&dyn Scheme]) -> Vec<String> {
    let Some(computed) = &found.config else { return vec![] };
    let declared = normalised(&found.declared, schemes);
    let computed = normalised(computed, schemes);
    let mut list = Vec::new();
    let ignored = |key: &str| key == "max_position_embeddings";
    for (key, value) in computed.iter().filter(|(key, _)| !ignored(key)) {
        let new = text(value);
        match declared.get(key).map(text) {
            Some(old) if old == new => {}
            Some(old) => list.push(format!("{key}: {old} is declared, {new} is computed")),
            None => list.push(format!("{key}: not declared, {new} is computed")),
        }
    }
    for (key, value) in declared.iter().filter(|(key, _)| !ignored(key)) {
        if computed.get(key).is_none() {
            list.push(format!("{key}: {} is declared and has no effect", text(value)));
        }
    }
    list
}
