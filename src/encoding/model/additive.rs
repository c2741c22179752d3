//! ALiBi and T5's bias from a config.json: the flat config of their own operations.

use super::aliases::{HEAD_DIM, HEADS, WIDTH};
use super::levels::Levels;
use super::whether::{PositionEncoding, encoding};
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Operation, Reject, Slug};

/// What may stand beside `model` for these operations.
const BESIDE: [&str; 3] = ["model", "form", "layer_type"];

/// Translates the model form for `alibi_slopes`, `alibi_bias`, `t5_bucket` and `t5_bias`; a config
/// that is flat already comes back as it is.
///
/// Of ALiBi the number of heads and `alibi_bias_max` are read; the `form` of the bias is that of the
/// model type (BLOOM and Falcon `key`, MPT `mpt`), else it is asked for beside `model`. Of T5 the
/// number of buckets and the distance are read; `layer_type` is `encoder` or `decoder`, unless the
/// file says `is_decoder`.
///
/// # Errors
/// `invalid_value` for a model that has another encoding, `missing_key`, `unused_key`.
pub fn flatten_additive(config: &Object, operation: Operation) -> Result<Object, Reject> {
    let model = match config.get("model") {
        None => return Ok(config.clone()),
        Some(Json::Object(model)) => model,
        Some(other) => return Err(invalid("model", other, "an object, a model's config.json")),
    };
    if let Some((name, value)) = config.iter().find(|(name, _)| !BESIDE.contains(name)) {
        return Err(Slug::UnusedKey.because(format!(
            "key {name} (value {value}) stands beside model, which takes {} for {}",
            BESIDE.join(", "),
            operation.name()
        )));
    }
    let levels = Levels::new(model);
    let (has, because) = encoding(&levels)?;
    let wanted = match operation {
        Operation::T5Bucket | Operation::T5Bias => PositionEncoding::T5,
        _ => PositionEncoding::Alibi,
    };
    if has != wanted {
        let because = if because.is_empty() { "it has a rope's keys".to_string() } else { because };
        return Err(Slug::InvalidValue.because(format!(
            "{} is not asked of this model: {because}; it has {has}",
            operation.name()
        )));
    }
    match wanted {
        PositionEncoding::T5 => buckets(&levels, config),
        _ => slopes(&levels, config, operation == Operation::AlibiBias),
    }
}

/// The word of the innermost `model_type`.
fn model_type<'a>(levels: &Levels<'a>) -> Option<&'a str> {
    match levels.plain("model_type") {
        Some(Json::String(name)) => Some(name.as_str()),
        _ => None,
    }
}

fn slopes(levels: &Levels, config: &Object, bias: bool) -> Result<Object, Reject> {
    if let Some(layer_type) = config.get("layer_type") {
        return Err(invalid("layer_type", layer_type, "absent: all layers have one bias"));
    }
    let heads = levels.value(HEADS)?.ok_or_else(|| {
        Slug::MissingKey.because("key num_attention_heads is missing in the model")
    })?;
    let mut flat = Object::default();
    flat.set("num_heads", heads.clone());
    flat.set("slopes", Json::from("code"));
    if let Some(most) = levels.plain("alibi_bias_max") {
        flat.set("alibi_bias_max", most.clone());
    }
    if !bias {
        return Ok(flat);
    }
    let own = match model_type(levels) {
        Some("bloom" | "falcon" | "RefinedWeb" | "RefinedWebModel") => Some("key"),
        Some("mpt") => Some("mpt"),
        _ => None,
    };
    let form = config.get("form").cloned().or_else(|| own.map(Json::from)).ok_or_else(|| {
        Slug::MissingKey.because(
            "key form is missing; this model type's is not known, allowed beside model is \
             distance, key, symmetric, mpt",
        )
    })?;
    flat.set("form", form);
    // Falcon adds its bias before the scores are divided.
    if own.is_some() && model_type(levels) != Some("bloom") && model_type(levels) != Some("mpt") {
        let quotient = || match (levels.value(WIDTH), &heads) {
            (Ok(Some(Json::Integer(whole))), Json::Integer(n)) if *n > 0 && whole % n == 0 => {
                Some(Json::Integer(whole / n))
            }
            _ => None,
        };
        let dim = levels.value(HEAD_DIM)?.or_else(quotient).ok_or_else(|| {
            Slug::MissingKey.because("key hidden_size is missing in the model: it divides the bias")
        })?;
        flat.set("head_dim", dim);
    }
    Ok(flat)
}

/// Encoder and decoder, whose buckets differ, unless the file is of one of them.
pub(super) fn parts(levels: &Levels) -> Vec<String> {
    match levels.plain("is_decoder") {
        Some(Json::Bool(true)) => vec![],
        _ => ["encoder", "decoder"].map(str::to_string).to_vec(),
    }
}

fn buckets(levels: &Levels, config: &Object) -> Result<Object, Reject> {
    if let Some(form) = config.get("form") {
        return Err(invalid("form", form, "absent: it is a key of ALiBi"));
    }
    let number = |name: &str, default: i64| {
        levels.plain(name).cloned().unwrap_or_else(|| Json::from(default))
    };
    let bidirectional = match (config.get("layer_type"), levels.plain("is_decoder")) {
        (Some(Json::String(part)), _) if part == "encoder" => true,
        (Some(Json::String(part)), _) if part == "decoder" => false,
        (Some(other), _) => return Err(invalid("layer_type", other, "encoder, decoder")),
        (None, Some(Json::Bool(true))) => false,
        (None, _) => {
            return Err(Slug::MissingKey.because(
                "key layer_type is missing; encoder and decoder of this model differ, allowed is \
                 encoder, decoder",
            ));
        }
    };
    let mut flat = Object::default();
    flat.set("num_buckets", number("relative_attention_num_buckets", 32));
    flat.set("max_distance", number("relative_attention_max_distance", 128));
    flat.set("bidirectional", Json::Bool(bidirectional));
    Ok(flat)
}
