//! Two configs compared, in words.

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

/// A base to the power rotary_dim/head_dim is no base of its own.
fn powered(declared: &Object, computed: &Object) -> &'static str {
    let number = |config: &Object, key: &str| config.get(key).and_then(Json::number);
    let same = || {
        let (old, new) = (number(declared, "rope_theta")?, number(computed, "rope_theta")?);
        let share = number(computed, "rotary_dim")? / number(computed, "head_dim")?;
        let power = libm::pow(old, share);
        (share < 1.0 && (power - new).abs() < 1e-4 * new).then_some(())
    };
    match same() {
        Some(()) => ": the declared base with exponents over head_dim instead of rotary_dim",
        None => "",
    }
}

/// What the computed config has otherwise than the declared one, a sentence for each key.
pub(super) fn differences(
    declared: &Object,
    computed: &Object,
    schemes: &[&dyn Scheme],
) -> Vec<String> {
    let declared = normalised(declared, schemes);
    let computed = normalised(computed, schemes);
    let mut list = Vec::new();
    let ignored = |key: &str| key == "max_position_embeddings";
    for (key, value) in computed.iter().filter(|(key, _)| !ignored(key)) {
        let new = text(value);
        match declared.get(key).map(text) {
            Some(old) if old == new => {}
            Some(old) => {
                let why = if key == "rope_theta" { powered(&declared, &computed) } else { "" };
                list.push(format!("{key}: {old} is declared, {new} is computed{why}"));
            }
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

/// Numbers in increasing order, as they are said.
///
/// ```
/// assert_eq!(ropewalk::audit::runs(&[3, 5, 6, 7]), "3, 5–7");
/// ```
pub fn runs(list: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &i in list {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == i => *last = i,
            _ => parts.push((i, i)),
        }
    }
    let text = |(a, b): &(usize, usize)| if a == b { a.to_string() } else { format!("{a}–{b}") };
    parts.iter().map(text).collect::<Vec<_>>().join(", ")
}
