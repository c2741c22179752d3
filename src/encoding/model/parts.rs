//! The parts of a larger model: its text model, and what else has a config of its own beside it.

use super::aliases::{NESTS, TOWERS};
use super::levels::Levels;
use super::whether;
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Reject};

const TEXT: &str = "text";
const VISION: &str = "vision";

/// How deep parts lie within parts; files of released models have three levels.
const DEEPEST: usize = 4;

fn inside<'a>(object: &'a Object, key: &str) -> Option<&'a Object> {
    match object.get(key) {
        Some(Json::Object(inside)) => Some(inside),
        _ => None,
    }
}

/// An object and the objects that hold its text model.
fn nested(object: &Object) -> impl Iterator<Item = &Object> {
    std::iter::successors(Some(object), |&object| {
        NESTS.iter().find_map(|name| inside(object, name))
    })
}

/// What a key with a part in it is called: `vision` whatever the file calls it, else its own name
/// without `_config`.
fn name_of(key: &str) -> &str {
    let tower = TOWERS.iter().find(|(_, keys)| keys.contains(&key)).map(|(name, _)| *name);
    tower.unwrap_or_else(|| key.strip_suffix("_config").unwrap_or(key))
}

/// The parts directly inside an object: what each is called, and itself.
fn below(object: &Object) -> Vec<(&str, &Object, &Object)> {
    let parts = nested(object).flat_map(|holder| {
        holder.iter().filter_map(move |(key, value)| match value {
            Json::Object(part) if !NESTS.contains(&key) && is_part(key, part) => {
                Some((name_of(key), part, holder))
            }
            _ => None,
        })
    });
    parts.collect()
}

fn is_part(key: &str, part: &Object) -> bool {
    let is_named = matches!(part.get("model_type"), Some(Json::String(_)));
    is_named || key.ends_with("_config") || TOWERS.iter().any(|(_, keys)| keys.contains(&key))
}

/// Reads one part of a config.json: `text`, or the names of [`names`].
///
/// # Errors
/// `invalid_value` for a part that the file does not have.
pub(super) fn levels<'a>(model: &'a Object, part: &str) -> Result<Levels<'a>, Reject> {
    if part == TEXT {
        return Ok(Levels::new(model));
    }
    let mut here = (model, None);
    for word in part.split('.') {
        let found = below(here.0).into_iter().find(|(name, ..)| *name == word);
        let Some((name, inside, holder)) = found else {
            let rule = format!("{}: the parts that this model has", names(model).join(", "));
            return Err(invalid("part", format!("{part:?}"), rule));
        };
        here = (inside, (name == VISION).then_some(holder));
    }
    Ok(Levels::part(here.0, here.1))
}

/// The parts whose position encoding is known: `text`, then `vision`, `audio` and other objects that
/// end with `_config`, those within others with a dot.
pub(super) fn names(model: &Object) -> Vec<String> {
    let mut found = vec![TEXT.to_string()];
    collect(model, "", 0, &mut found);
    found
}

fn collect(object: &Object, before: &str, depth: usize, found: &mut Vec<String>) {
    for (name, part, holder) in below(object) {
        let path = format!("{before}{name}");
        let holder = (name == VISION).then_some(holder);
        if whether::encoding(&Levels::part(part, holder)).is_ok() && !found.contains(&path) {
            found.push(path.clone());
        }
        if depth < DEEPEST {
            collect(part, &format!("{path}."), depth + 1, found);
        }
    }
}
