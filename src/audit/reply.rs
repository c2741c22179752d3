//! One line of a kernel, read strictly.

use super::outcome::{Breakage, Outcome, cut};
use crate::number::Tensor;
use crate::request::{Input, Json, Object};

const KINDS: [&str; 5] = ["output", "rejected", "unsupported", "skipped", "errored"];

/// Reads the reply to the request with this id.
///
/// ```
/// use ropewalk::audit::{read_reply, Outcome};
/// let line = r#"{"id":"a","rejected":"missing_key: head_dim"}"#;
/// assert_eq!(read_reply(line, "a"), Outcome::Rejected("missing_key: head_dim".into()));
/// assert!(matches!(read_reply(line, "b"), Outcome::Broken(_)));
/// ```
pub fn read_reply(line: &str, id: &str) -> Outcome {
    match reply(line, id) {
        Ok(outcome) => outcome,
        Err(breakage) => Outcome::Broken(breakage),
    }
}

fn reply(line: &str, id: &str) -> Result<Outcome, Breakage> {
    let garbage = |why: String| Breakage::Garbage(cut(why));
    let json: Json = serde_json::from_str(line)
        .map_err(|e| garbage(format!("no JSON ({e}): {}", shortened(line))))?;
    let Json::Object(object) = &json else {
        return Err(garbage(format!(
            "a reply is an object, not {}: {}",
            json.kind(),
            shortened(line)
        )));
    };
    if let Some(path) = json.duplicate_key() {
        return Err(garbage(format!("key {path} stands twice in a reply")));
    }
    match object.get("id") {
        Some(Json::String(got)) if got == id => {}
        Some(got) => {
            let got = match got {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            return Err(Breakage::WrongId { got: shortened(&got), want: id.into() });
        }
        None => return Err(garbage(format!("a reply without id: {}", shortened(line)))),
    }
    let allowed = |key: &str| key == "id" || KINDS.contains(&key) || key.starts_with("x_");
    // What the reference itself adds for people.
    let known = |key: &str| ["residual", "decimal", "config"].contains(&key);
    if let Some((key, _)) = object.iter().find(|(key, _)| !allowed(key) && !known(key)) {
        return Err(garbage(format!("key {key:?} of a reply is none of {}", KINDS.join(", "))));
    }
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| object.get(kind).is_some()).collect();
    let [kind] = kinds[..] else {
        return Err(garbage(format!(
            "a reply has exactly one of {}; this one has {}",
            KINDS.join(", "),
            if kinds.is_empty() { "none".to_string() } else { kinds.join(" and ") }
        )));
    };
    if kind == "output" {
        return output(object).map(Outcome::Output).map_err(garbage);
    }
    let text = match object.get(kind) {
        Some(Json::String(text)) => cut(text.clone()),
        Some(other) => return Err(garbage(format!("{kind} is {other}, a string is needed"))),
        None => String::new(),
    };
    Ok(match kind {
        "rejected" => Outcome::Rejected(text),
        "unsupported" => Outcome::Unsupported(text),
        "skipped" => Outcome::Skipped(text),
        _ => Outcome::Errored(text),
    })
}

fn output(object: &Object) -> Result<Vec<(String, Tensor)>, String> {
    let Some(Json::Object(named)) = object.get("output") else {
        return Err("output is no object of named tensors".into());
    };
    let tensors = Input::new(named.clone());
    let read = |(name, _): (&str, &Json)| match tensors.tensor(name) {
        Ok(tensor) => Ok((name.to_string(), tensor)),
        Err(reject) => Err(format!("output {}", reject.text)),
    };
    named.iter().map(read).collect()
}

/// The beginning of a line, for a message.
pub(super) fn shortened(line: &str) -> String {
    let mut text: String = line.chars().take(120).filter(|c| !c.is_control()).collect();
    if line.chars().count() > 120 {
        text.push('…');
    }
    text
}
