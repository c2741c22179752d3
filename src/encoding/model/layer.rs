//! Which rope a layer has: one for all, one per layer type, or none.

use super::aliases::{
    COMPRESSED, INTERVAL, LOCAL, PER_LAYER, RATIO, SCALED, SCALING, SKIPPED, THETA, TYPES,
};
use super::levels::{Levels, present, same};
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Reject, Slug};

/// The rope of the chosen layers, still in the file's words.
pub(super) struct Layer<'a> {
    /// The layer type asked for.
    pub name: Option<&'a str>,
    /// Whether it rotates at all.
    pub rotates: bool,
    /// The base.
    pub theta: Json,
    /// `rope_scaling` or `rope_parameters`.
    pub source: &'static str,
    /// What stands in it; empty for none.
    pub scaling: Object,
    /// Whether that is the class's own, for want of any in the file.
    pub is_default: bool,
}

const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";
const NO_ROPE: &str = "no_rope";
const MAIN: &str = "main";
const COMPRESS: &str = "compress";
const IS_SCALED: &str = "scaled";
const IS_UNSCALED: &str = "unscaled";

/// The scaling of the whole model: where it stands and what it holds.
struct Scaling {
    source: &'static str,
    object: Object,
    /// Whether it came from the model type's class.
    is_default: bool,
}

impl Scaling {
    /// One object per layer type, instead of parameters.
    fn is_nested(&self) -> bool {
        self.object.iter().any(|(_, value)| matches!(value, Json::Object(_)))
    }
}

/// The same scaling in two places may be spelt in two ways.
fn canonical(object: &Object) -> Vec<(String, Json)> {
    let name = |value: &Json| match value {
        Json::String(name) => {
            let known = TYPES.iter().find(|(theirs, _)| theirs == name);
            Json::from(known.map_or(name.as_str(), |(_, ours)| ours))
        }
        other => other.clone(),
    };
    let mut pairs: Vec<(String, Json)> = Vec::new();
    for (key, value) in object.iter().filter(|(_, value)| **value != Json::Null) {
        let (key, value) = match key {
            "type" | "rope_type" => ("rope_type", name(value)),
            _ => (key, value.clone()),
        };
        if !pairs.iter().any(|(k, _)| k == key) {
            pairs.push((key.to_string(), value));
        }
    }
    if !pairs.iter().any(|(key, _)| key == "rope_type") {
        pairs.push(("rope_type".to_string(), Json::from("default")));
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

fn scaling(levels: &Levels) -> Result<Scaling, Reject> {
    let mut found: Option<Scaling> = None;
    let mut is_said = false;
    for object in levels.objects() {
        for source in SCALING.names {
            let inside = match object.get(source) {
                None => continue,
                Some(Json::Null) => None,
                Some(Json::Object(inside)) => Some(inside).filter(|inside| !inside.is_empty()),
                Some(other) => {
                    return Err(invalid(source, other, "an object, or null for no scaling"));
                }
            };
            is_said = true;
            match (&found, inside) {
                (_, None) => {}
                (None, Some(inside)) => {
                    found = Some(Scaling { source, object: inside.clone(), is_default: false });
                }
                (Some(first), Some(inside)) => {
                    let (a, b) = (canonical(&first.object), canonical(inside));
                    let equal = a.len() == b.len()
                        && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1));
                    if !equal {
                        let there = Json::Object(first.object.clone());
                        let rule = format!("what {} says too, {there}", first.source);
                        return Err(invalid(source, Json::Object(inside.clone()), rule));
                    }
                }
            }
        }
    }
    let default = match levels.class("rope_parameters") {
        Some(Json::Object(object)) if !is_said => object.clone(),
        _ => Object::default(),
    };
    let default = Scaling { source: "rope_parameters", object: default, is_default: true };
    let scaling = found.unwrap_or(default);
    if scaling.is_nested() {
        for (name, value) in scaling.object.iter() {
            if !matches!(value, Json::Object(_) | Json::Null) {
                let rule =
                    "an object, or null for no rotation: one per layer type stands beside it";
                return Err(invalid(&format!("{}.{name}", scaling.source), value, rule));
            }
        }
    }
    Ok(scaling)
}

/// The base of the sliding layers, if they have one of their own, and whether they are scaled.
fn local<'a>(levels: &Levels<'a>) -> Result<Option<(Json, bool)>, Reject> {
    let is_scaled = |name: &str| name == LOCAL.names[1];
    if let Some((name, value)) = levels.given(LOCAL)? {
        return Ok(Some((value.clone(), is_scaled(name))));
    }
    let class = |name: &&'static str| Some((levels.class(name)?.clone(), is_scaled(name)));
    Ok(LOCAL.names.iter().find_map(class))
}

/// The one base of a list with a base for each layer, and whether some layers have none.
fn per_layer<'a>(levels: &Levels<'a>) -> Result<Option<(&'a Json, bool)>, Reject> {
    let Some((name, list)) = levels.given(PER_LAYER)? else { return Ok(None) };
    let rule = "a list of one base and, for layers without rotation, 0; where layers have several \
                bases, write the flat form of each";
    let bases: Option<Vec<(f64, &Json)>> = match list {
        Json::Array(items) => items.iter().map(|item| Some((item.number()?, item))).collect(),
        _ => None,
    };
    let bases = bases.ok_or_else(|| invalid(name, list, rule))?;
    let mut turning = bases.iter().filter(|(base, _)| *base != 0.0);
    match turning.next() {
        Some((first, base)) if turning.all(|(base, _)| base == first) => {
            Ok(Some((base, bases.iter().any(|(base, _)| *base == 0.0))))
        }
        _ => Err(invalid(name, list, rule)),
    }
}

/// The layer types of layers that do not rotate, `no_rope` among them if the file numbers them.
fn still(levels: &Levels) -> Result<Vec<String>, Reject> {
    let mut names = Vec::new();
    let rule = "a list of 0 and 1, one per layer";
    let listed = match levels.given(SKIPPED)? {
        None => None,
        Some((name, value)) => match value {
            Json::Array(items) if items.iter().all(|i| matches!(i, Json::Integer(0 | 1))) => {
                // An empty list stands for the interval.
                (!items.is_empty()).then(|| items.contains(&Json::Integer(0)))
            }
            other => return Err(invalid(name, other, rule)),
        },
    };
    let every = match levels.value(INTERVAL)? {
        None => false,
        Some(Json::Integer(n)) if n >= 1 => true,
        Some(other) => return Err(invalid(INTERVAL.names[0], other, "an integer from 1")),
    };
    let zero = per_layer(levels)?.is_some_and(|(_, zero)| zero);
    if listed.unwrap_or(every) || zero {
        names.push(NO_ROPE.to_string());
    }
    // Without a sliding window some of these models rotate everywhere, others nowhere.
    let alternative = levels.class("no_window").filter(|_| levels.is_null("sliding_window"));
    let turns = alternative == Some(&Json::from("turns"));
    if let (Some(Json::Array(items)), false) = (levels.class("nope"), turns) {
        let word = |item: &Json| match item {
            Json::String(name) => Some(name.clone()),
            _ => None,
        };
        names.extend(items.iter().filter_map(word));
        names.extend(alternative.map(|_| SLIDING.to_string()));
    }
    Ok(names)
}

/// The layer types that must be told apart; empty if all rotating layers are alike.
pub(super) fn choices(levels: &Levels) -> Result<Vec<String>, Reject> {
    let scaling = scaling(levels)?;
    if scaling.is_nested() {
        return Ok(scaling.object.iter().map(|(name, _)| name.to_string()).collect());
    }
    let names = |pair: [&str; 2]| pair.map(str::to_string).to_vec();
    if is_scaled_in_part(levels, &scaling)? {
        return Ok(names([IS_SCALED, IS_UNSCALED]));
    }
    Ok(match (local(levels)?, levels.value(COMPRESSED)?) {
        (Some(_), _) => names([FULL, SLIDING]),
        (None, Some(_)) => names([MAIN, COMPRESS]),
        (None, None) => Vec::new(),
    })
}

/// Whether some layers are scaled and others are not.
fn is_scaled_in_part(levels: &Levels, scaling: &Scaling) -> Result<bool, Reject> {
    let plain =
        |(key, value): &(String, Json)| key == "rope_type" && *value == Json::from("default");
    match levels.given(SCALED)? {
        None => Ok(false),
        Some((_, Json::Array(_))) => Ok(!canonical(&scaling.object).iter().any(plain)),
        Some((name, other)) => Err(invalid(name, other, "a list of layers")),
    }
}

fn unknown_layer(name: &str, allowed: &[String]) -> Reject {
    invalid("layer_type", format!("{name:?}"), allowed.join(", "))
}

/// The rope of the layers asked for.
///
/// # Errors
/// `missing_key` where the layers differ and none is asked for, `invalid_value` for one that the
/// model does not have.
pub(super) fn choose<'a>(levels: &Levels, wanted: Option<&'a str>) -> Result<Layer<'a>, Reject> {
    let scaling = scaling(levels)?;
    let still = still(levels)?;
    let base = theta(levels, &scaling)?;
    let layer = |theta: Json, object: Object| Layer {
        name: wanted,
        rotates: true,
        theta,
        source: scaling.source,
        scaling: object,
        is_default: scaling.is_default,
    };
    if wanted.is_some_and(|name| still.iter().any(|other| other == name)) {
        return Ok(Layer { rotates: false, ..layer(base, Object::default()) });
    }
    let choices = choices(levels)?;
    let pick = |wanted: Option<&str>| match wanted {
        Some(name) if choices.iter().any(|choice| choice == name) => Ok(name.to_string()),
        Some(name) => Err(unknown_layer(name, &[choices.clone(), still.clone()].concat())),
        None if choices.len() == 1 => Ok(choices[0].clone()),
        None => Err(Slug::MissingKey.because(format!(
            "key layer_type is missing; the layers of this model differ, allowed is {}",
            choices.join(", ")
        ))),
    };
    if scaling.is_nested() {
        let name = pick(wanted)?;
        return Ok(match scaling.object.get(&name) {
            Some(Json::Object(inside)) => {
                let theta = present(inside, "rope_theta").cloned();
                layer(theta.unwrap_or(base), inside.clone())
            }
            _ => Layer { rotates: false, ..layer(base, Object::default()) },
        });
    }
    if is_scaled_in_part(levels, &scaling)? {
        return Ok(match pick(wanted)?.as_str() {
            IS_SCALED => layer(base, scaling.object.clone()),
            _ => layer(base, Object::default()),
        });
    }
    if let Some((local, is_scaled)) = local(levels)? {
        return Ok(match pick(wanted)?.as_str() {
            FULL => layer(base, scaling.object.clone()),
            _ if is_scaled => layer(local, scaling.object.clone()),
            _ => layer(local, Object::default()),
        });
    }
    if let Some(compressed) = levels.value(COMPRESSED)? {
        return Ok(match pick(wanted)?.as_str() {
            MAIN => layer(base, Object::default()),
            _ => layer(compressed, unmagnified(scaling.object.clone())),
        });
    }
    let mut allowed = vec![FULL.to_string()];
    let listed = levels.plain("layer_types").or_else(|| levels.class("layer_types"));
    if let Some(Json::Array(items)) = listed {
        let attends = |item: &Json| match item {
            Json::String(name) if name.ends_with("attention") && !name.starts_with("linear") => {
                Some(name.clone())
            }
            _ => None,
        };
        allowed.extend(items.iter().filter_map(attends));
    }
    allowed.sort();
    allowed.dedup();
    allowed.retain(|name| !still.contains(name));
    if let Some(name) = wanted.filter(|name| !allowed.iter().any(|other| other == name)) {
        return Err(unknown_layer(name, &[allowed, still].concat()));
    }
    // Every layer is of a type that stays, unless the layers are numbered besides (Llama 4).
    if allowed.is_empty() && !still.iter().any(|name| name == NO_ROPE) {
        return Ok(Layer { rotates: false, ..layer(base, Object::default()) });
    }
    Ok(layer(base, scaling.object.clone()))
}

/// DeepSeek V4 scales the frequencies of its compressed layers and not cos and sin.
fn unmagnified(mut scaling: Object) -> Object {
    let is_yarn = ["rope_type", "type"].iter().any(|key| match present(&scaling, key) {
        Some(Json::String(name)) => name.ends_with("yarn"),
        _ => false,
    });
    if is_yarn && present(&scaling, "attention_factor").is_none() {
        scaling.set("attention_factor", Json::from(1i64));
    }
    scaling
}

/// The base outside the layer types: in the file, in the scaling, by the class, or 10000.
///
/// # Errors
/// `invalid_value` if file and scaling disagree; a scaling that the class brings gives way.
fn theta(levels: &Levels, scaling: &Scaling) -> Result<Json, Reject> {
    let inside = present(&scaling.object, "rope_theta");
    if let Some((name, ratio)) = levels.given(RATIO)? {
        return match (levels.given(THETA)?, inside, ratio.number()) {
            (None, None, Some(ratio)) if ratio > 0.0 => Ok(Json::from(10000.0 * ratio)),
            (None, None, _) => Err(invalid(name, ratio, "a number above 0")),
            _ => Err(invalid(name, ratio, "absent beside rope_theta: it is the base over 10000")),
        };
    }
    let outside = match (levels.agreed(THETA)?, per_layer(levels)?) {
        (Some((name, given)), Some((base, _))) if !same(given, base) => {
            let rule = format!("a list of what {name} says too, {given}");
            return Err(invalid(PER_LAYER.names[0], base, rule));
        }
        (None, Some((base, _))) => Some((PER_LAYER.names[0], base)),
        (given, _) => given,
    };
    Ok(match (outside, inside) {
        (Some((name, given)), Some(inside)) if !same(given, inside) && !scaling.is_default => {
            return Err(invalid(
                &format!("{}.rope_theta", scaling.source),
                inside,
                format!("what {name} outside says too, {given}"),
            ));
        }
        (Some((_, given)), _) => given.clone(),
        (None, Some(inside)) => inside.clone(),
        (None, None) => {
            let class = THETA.names.iter().find_map(|name| levels.class(name));
            class.cloned().unwrap_or(Json::from(10000i64))
        }
    })
}
