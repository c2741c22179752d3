//! Reading a config.json: nested objects, several spellings, what the model type fills in.

use super::aliases::{ALIASES, Alias, IRRELEVANT, NESTS};
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Reject, Slug};
use std::sync::LazyLock;

/// What Transformers' config classes fill in, by `model_type`.
static CLASSES: LazyLock<Object> =
    LazyLock::new(|| serde_json::from_str(include_str!("defaults.json")).unwrap_or_default());

/// A config.json from the innermost object outwards, then its class.
pub(super) struct Levels<'a> {
    given: Vec<&'a Object>,
    class: Option<&'static Object>,
}

/// Whether two values are the same, whichever way a number is written.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// The value of a key, null being as good as absent.
pub(super) fn present<'a>(object: &'a Object, name: &str) -> Option<&'a Json> {
    object.get(name).filter(|value| **value != Json::Null)
}

/// The model type that an object names.
fn word(object: &Object) -> Option<&str> {
    match object.get("model_type") {
        Some(Json::String(name)) => Some(name),
        _ => None,
    }
}

fn of_class(name: String) -> Option<&'static Object> {
    match CLASSES.get(&name) {
        Some(Json::Object(class)) => Some(class),
        _ => None,
    }
}

impl<'a> Levels<'a> {
    pub(super) fn new(model: &'a Object) -> Levels<'a> {
        let mut given = vec![model];
        let mut innermost = model;
        let deeper = |object: &'a Object| {
            NESTS.iter().find_map(|name| match object.get(name) {
                Some(Json::Object(inner)) => Some(inner),
                _ => None,
            })
        };
        while let Some(inner) = deeper(innermost) {
            // A rope around the text model's own is another one.
            let outer = word(innermost).and_then(|word| of_class(word.to_string()));
            if outer.is_some_and(|class| class.get("outer_rope").is_some()) {
                given.clear();
            }
            given.push(inner);
            innermost = inner;
        }
        given.reverse();
        let class = given.iter().find_map(|object| of_class(word(object)?.to_string()));
        Levels { given, class }
    }

    /// A part beside the text model, alone; for a vision tower `holder` is the object that it stands
    /// in, whose name it may repeat or leave to be understood.
    pub(super) fn part(inside: &'a Object, holder: Option<&'a Object>) -> Levels<'a> {
        let levels = Levels::new(inside);
        let own = levels.given.iter().find_map(|object| word(object));
        let Some(holder) = holder else { return levels };
        let ends = ["_vision", "_vision_encoder"];
        let tower = own
            .or(word(holder))
            .and_then(|word| ends.iter().find_map(|end| of_class(format!("{word}{end}"))));
        Levels { class: tower.or(levels.class), ..levels }
    }

    /// The same for layers of one type, whose own values (`per_layer_config`, or what their class
    /// gives them) come before the model's.
    ///
    /// # Errors
    /// `invalid_value` for a spelling of such a value that is not read and says something else.
    pub(super) fn at(mut self, layer: Option<&str>) -> Result<Levels<'a>, Reject> {
        let Some(layer) = layer else { return Ok(self) };
        let of_class = match self.class("layers") {
            Some(Json::Object(layers)) => match layers.get(layer) {
                Some(Json::Object(own)) => Some(own),
                _ => None,
            },
            _ => None,
        };
        for (name, own) in of_class.iter().flat_map(|own| own.iter()) {
            let spelling = format!("swa_{name}");
            if let Some(given) = self.plain(&spelling).filter(|given| !same(given, own)) {
                let rule =
                    format!("{own}, as the class has it, or the same key in per_layer_config");
                return Err(invalid(&spelling, given, rule));
            }
        }
        let own = self.of_layer(layer);
        self.given.splice(0..0, own.into_iter().chain(of_class));
        Ok(self)
    }

    /// The entry of `per_layer_config` of the first layer of a type.
    fn of_layer(&self, layer: &str) -> Option<&'a Object> {
        let Some(Json::Array(types)) = self.plain("layer_types") else { return None };
        let Some(Json::Object(layers)) = self.plain("per_layer_config") else { return None };
        let index = types.iter().position(|name| *name == Json::from(layer))?;
        layers.iter().find_map(|(key, own)| match (key.parse::<usize>(), own) {
            (Ok(number), Json::Object(own)) if number == index => Some(own),
            _ => None,
        })
    }

    /// What the model type's class fills in.
    pub(super) fn class(&self, name: &str) -> Option<&'static Json> {
        self.class.and_then(|class| class.get(name))
    }

    /// Whether the model type is one whose class is known to rotate.
    pub(super) fn is_known_class(&self) -> bool {
        self.class.is_some()
    }

    /// The objects of the file, innermost first.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'a Object> {
        self.given.iter().copied()
    }

    /// The innermost value of a plain key.
    pub(super) fn plain(&self, name: &str) -> Option<&'a Json> {
        self.objects().find_map(|object| present(object, name))
    }

    /// Whether the file says, at its innermost, that a key is null.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.objects().find_map(|object| object.get(name)) == Some(&Json::Null)
    }

    /// The innermost value that the file has under any spelling, and that spelling.
    ///
    /// # Errors
    /// `invalid_value` if one object spells it in two ways with two values.
    pub(super) fn given(&self, alias: Alias) -> Result<Option<(&'static str, &'a Json)>, Reject> {
        for object in self.objects() {
            let found: Vec<(&'static str, &Json)> = alias
                .names
                .iter()
                .filter_map(|name| Some((*name, present(object, name)?)))
                .collect();
            if let [first, rest @ ..] = found.as_slice() {
                if let Some((name, value)) = rest.iter().find(|(_, value)| !same(value, first.1)) {
                    return Err(invalid(
                        name,
                        value,
                        format!("what {} says too, {}", first.0, first.1),
                    ));
                }
                return Ok(Some(*first));
            }
        }
        Ok(None)
    }

    /// As [`Levels::given`], where no two levels may differ.
    ///
    /// # Errors
    /// `invalid_value` if one object spells it in two ways with two values, or two objects do.
    pub(super) fn agreed(&self, alias: Alias) -> Result<Option<(&'static str, &'a Json)>, Reject> {
        let innermost = self.given(alias)?;
        let all = self.objects().flat_map(|object| {
            alias.names.iter().filter_map(|name| Some((*name, present(object, name)?)))
        });
        if let Some((first, value)) = innermost {
            for (name, other) in all {
                if !same(value, other) {
                    let rule = format!("what {first} of the text model inside says too, {value}");
                    return Err(invalid(name, other, rule));
                }
            }
        }
        Ok(innermost)
    }

    /// As [`Levels::given`], and what the class fills in where the file has no spelling.
    ///
    /// # Errors
    /// As [`Levels::given`].
    pub(super) fn value(&self, alias: Alias) -> Result<Option<Json>, Reject> {
        let class = || alias.names.iter().find_map(|name| self.class(name)).cloned();
        Ok(self.given(alias)?.map(|(_, value)| value.clone()).or_else(class))
    }

    /// Refuses what speaks of a rope in words that nobody here knows.
    ///
    /// # Errors
    /// `unknown_key`; `invalid_value` if the text model or `model_type` is no such thing.
    pub(super) fn expect_no_strangers(&self) -> Result<(), Reject> {
        let known = |name: &str| {
            IRRELEVANT.contains(&name) || ALIASES.iter().any(|alias| alias.names.contains(&name))
        };
        for object in self.objects() {
            for name in NESTS {
                match object.get(name) {
                    None | Some(Json::Null | Json::Object(_)) => {}
                    Some(other) => return Err(invalid(name, other, "an object")),
                }
            }
            match object.get("model_type") {
                None | Some(Json::Null | Json::String(_)) => {}
                Some(other) => return Err(invalid("model_type", other, "a string")),
            }
            for (name, value) in object.iter() {
                let speaks = name.contains("rope") || name.contains("rotary");
                // A switch says nothing without the numbers beside it.
                let says = !matches!(value, Json::Null | Json::Bool(_));
                if speaks && says && !known(name) {
                    return Err(Slug::UnknownKey.because(format!(
                        "key {name} (value {value}) of the model speaks of a rope in words that \
                         are not known; if it matters, write the flat form, else leave it out"
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_objects() {
        assert!(CLASSES.iter().count() > 90);
        assert!(CLASSES.iter().all(|(_, class)| matches!(class, Json::Object(_))));
    }
}
