//! The model form: a released model's `config.json`, translated to the flat form.
//!
//! `{"model": <config.json>, "layout": "half", "layer_type"?: "full_attention"}` says the same as
//! a flat config. What Hugging Face has called a thing in five years is data (`aliases`); what a
//! model type's config class fills in for keys its config.json leaves out is data (`defaults.json`,
//! read from Transformers 5.24.0). The translation only collects: every rule about a value is the
//! flat form's own, so both forms are refused for the same reasons.
//!
//! Strictness: of the hundreds of keys of a config.json only rope-bearing ones are read, but a key
//! with `rope` or `rotary` in its name that is not understood is `unknown_key`, two spellings of
//! one value that differ are `invalid_value`, and inside `rope_scaling` or `rope_parameters` every
//! key must be known and used.

mod additive;
mod aliases;
mod axial;
mod dealt;
mod layer;
mod levels;
mod parts;
mod scaling;
mod shape;
mod whether;

pub use additive::flatten_additive;
pub use whether::PositionEncoding;

pub use aliases::{ALIASES, Alias, IGNORED_INSIDE, TYPES};

use super::key::invalid;
use super::rope::Layout;
use super::spectrum::{Scheme, find};
pub use super::tables::MODEL_KEYS;
use crate::request::{Json, Object, Reject, Slug, did_you_mean};
use levels::Levels;

/// Translates the model form to the flat form; the flat form's rules are still to be checked.
///
/// ```
/// use ropewalk::encoding::{model, spectrum::SCHEMES};
/// let config = serde_json::from_str(r#"{"layout": "half", "model": {"model_type": "qwen2",
///     "hidden_size": 3584, "num_attention_heads": 28, "rope_theta": 1000000.0,
///     "rope_scaling": {"type": "linear", "factor": 4}}}"#).unwrap();
/// let flat = model::flatten(&config, SCHEMES).unwrap();
/// assert_eq!(serde_json::to_string(&flat).unwrap(),
///     r#"{"head_dim":128,"layout":"half","rope_theta":1000000.0,"rope_type":"linear","factor":4}"#);
/// ```
///
/// # Errors
/// `unknown_key`, `unused_key`, `missing_key`, `invalid_value`, `unknown_rope_type`.
pub fn flatten(config: &Object, schemes: &[&dyn Scheme]) -> Result<Object, Reject> {
    for (name, value) in config.iter() {
        if !MODEL_KEYS.contains(&name) {
            let slug = match super::is_known_key(name) {
                true => Slug::UnusedKey,
                false => Slug::UnknownKey,
            };
            return Err(slug.because(format!(
                "key {name} (value {value}) stands beside model, which takes {}{}",
                MODEL_KEYS.join(", "),
                did_you_mean(name, MODEL_KEYS)
            )));
        }
    }
    let model = match config.get("model") {
        Some(Json::Object(model)) => model,
        Some(other) => return Err(invalid("model", other, "an object, a model's config.json")),
        None => return Err(Slug::MissingKey.because("key model is missing")),
    };
    let layout = config.get("layout").ok_or_else(|| {
        Slug::MissingKey.because(
            "key layout is missing; a config.json does not say it, allowed is interleaved, half",
        )
    })?;
    let wanted = match config.get("layer_type") {
        None => None,
        Some(Json::String(name)) => Some(name.as_str()),
        Some(other) => return Err(invalid("layer_type", other, "a string")),
    };
    let levels = match config.get("part") {
        None => Levels::new(model),
        Some(Json::String(part)) => parts::levels(model, part)?,
        Some(other) => return Err(invalid("part", other, "a string, such as text or vision")),
    };
    levels.expect_no_strangers()?;
    whether::expect_rope(&levels)?;
    let levels = levels.at(wanted)?;
    let layer = layer::choose(&levels, wanted)?;
    let rope_type = scaling::rope_type(&levels, &layer, schemes)?;
    let mut flat = Object::default();
    flat.set("head_dim", shape::head_dim(&levels, layer.name)?);
    flat.set("layout", layout.clone());
    let scheme = find(schemes, rope_type)?;
    if scheme.has_base() || levels.given(aliases::THETA)?.is_some() {
        flat.set("rope_theta", layer.theta.clone());
    }
    flat.set("rope_type", Json::from(rope_type));
    shape::slice(&levels, &layer, &mut flat)?;
    scaling::parameters(&levels, &layer, scheme, &mut flat)?;
    if let Some(clockwise) = levels.class("clockwise").filter(|_| layer.rotates) {
        flat.set("clockwise", clockwise.clone());
    }
    Ok(flat)
}

/// The parts of a larger model that a config.json describes, and whose position encoding is known:
/// `text`, and beside it `vision`, `audio` or what else has a config of its own (`decoder`, `talker`,
/// `talker.code_predictor`).
pub fn parts(model: &Object) -> Vec<String> {
    parts::names(model)
}

/// The layer types that a config.json must be asked for one by one; empty if all rotating layers
/// are alike.
pub fn layer_types(model: &Object) -> Vec<String> {
    layer_types_of(model, "text")
}

/// The same of one of [`parts`]; empty for a part that the file does not have.
pub fn layer_types_of(model: &Object, part: &str) -> Vec<String> {
    let Ok(levels) = parts::levels(model, part) else { return Vec::new() };
    match whether::encoding(&levels) {
        Ok((PositionEncoding::T5, _)) => additive::parts(&levels),
        _ => layer::choices(&levels).unwrap_or_default(),
    }
}

/// Which position encoding a config.json has, a rope or another.
///
/// ```
/// use ropewalk::encoding::model::{PositionEncoding, position_encoding};
/// let of = |text| position_encoding(&serde_json::from_str(text).unwrap());
/// assert_eq!(of(r#"{"model_type": "bert"}"#), Ok(PositionEncoding::Learned));
/// assert_eq!(of(r#"{"model_type": "falcon", "alibi": true}"#), Ok(PositionEncoding::Alibi));
/// assert_eq!(of(r#"{"model_type": "mistral"}"#), Ok(PositionEncoding::Rope));
/// assert_eq!(of("{}").unwrap_err().slug.name(), "missing_key");
/// ```
///
/// # Errors
/// `missing_key` where nothing says which.
pub fn position_encoding(model: &Object) -> Result<PositionEncoding, Reject> {
    Ok(whether::encoding(&Levels::new(model))?.0)
}

/// The layout that Transformers computes a model type in: what `rope_interleave` says where it
/// stands, else `half` unless its config class or modelling code says otherwise. The contract never
/// guesses it; the command line does.
pub fn usual_layout(model: &Object) -> Layout {
    layout_of(&Levels::new(model))
}

/// The same of one of [`parts`]; `half` for a part that the file does not have.
pub fn tower_layout(model: &Object, part: &str) -> Layout {
    parts::levels(model, part).map_or(Layout::Half, |levels| layout_of(&levels))
}

fn layout_of(levels: &Levels) -> Layout {
    let switches = ["rope_interleave", "rope_interleaved", "rotary_emb_interleaved"];
    match (switches.iter().find_map(|name| levels.plain(name)), levels.class("layout")) {
        (Some(Json::Bool(true)), _) => Layout::Interleaved,
        (Some(Json::Bool(false)), _) => Layout::Half,
        (_, Some(Json::String(name))) => Layout::from_name(name).unwrap_or(Layout::Half),
        _ => Layout::Half,
    }
}
