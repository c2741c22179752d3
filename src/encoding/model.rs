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

mod aliases;
mod layer;
mod levels;
mod scaling;
mod shape;

pub use aliases::{ALIASES, Alias, IGNORED_INSIDE, TYPES};

use super::key::invalid;
use super::rope::Layout;
use super::spectrum::{Scheme, find};
use crate::request::{Json, Object, Reject, Slug, did_you_mean};
use levels::Levels;

/// The keys of the model form.
pub const MODEL_KEYS: [&str; 3] = ["model", "layout", "layer_type"];

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
    let levels = Levels::new(model);
    levels.expect_no_strangers()?;
    let layer = layer::choose(&levels, wanted)?;
    let rope_type = scaling::rope_type(&layer, schemes)?;
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
    Ok(flat)
}

/// The layer types that a config.json must be asked for one by one; empty if all rotating layers
/// are alike.
pub fn layer_types(model: &Object) -> Vec<String> {
    layer::choices(&Levels::new(model)).unwrap_or_default()
}

/// The layout that Transformers computes a model type in: `half` unless its config class or
/// modelling code says otherwise. The contract never guesses it; the command line does.
pub fn usual_layout(model: &Object) -> Layout {
    match Levels::new(model).class("layout") {
        Some(Json::String(name)) => Layout::from_name(name).unwrap_or(Layout::Half),
        _ => Layout::Half,
    }
}
