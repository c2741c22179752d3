//! `rope_type: "axial"` of Transformers: one word, and in every vision tower another arrangement.

use super::levels::Levels;
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Reject, Slug};

/// How the tower of a model type deals out its axes, from its class.
///
/// # Errors
/// `unknown_rope_type` for a model type whose code was not read.
pub(super) fn arrangement(levels: &Levels, source: &str) -> Result<&'static Object, Reject> {
    match levels.class("axial") {
        Some(Json::Object(arrangement)) => Ok(arrangement),
        _ => {
            let named = levels
                .plain("model_type")
                .map_or("the model has no model_type".to_string(), |name| {
                    format!("the arrangement of model_type {name} is not known here")
                });
            Err(Slug::UnknownRopeType.because(format!(
                "{source}.rope_type is \"axial\", which every vision tower arranges in its own \
                 way, and {named}; write the flat form, with axes_dims"
            )))
        }
    }
}

/// The flat rope_type of an arrangement: `axial`, `pixtral` or `moonvit`.
pub(super) fn rope_type(arrangement: &Object) -> &str {
    match arrangement.get("rope_type") {
        Some(Json::String(name)) => name,
        _ => "axial",
    }
}

/// Sets the widths and the order of the axes. The head is divided by the number of axes; what two
/// does not divide of a share stays unrotated, at the end.
///
/// # Errors
/// `invalid_value` for a head that is too narrow.
pub(super) fn parameters(arrangement: &Object, flat: &mut Object) -> Result<(), Reject> {
    if rope_type(arrangement) != "axial" {
        return Ok(());
    }
    let axes = match arrangement.get("axes") {
        Some(Json::Integer(axes)) => *axes,
        _ => 2,
    };
    let head_dim = match flat.get("head_dim") {
        Some(Json::Integer(dim)) => *dim,
        Some(other) => return Err(invalid("head_dim", other, "an integer")),
        None => return Err(Slug::MissingKey.because("key head_dim is missing in the model")),
    };
    let share = head_dim / axes / 2 * 2;
    if share == 0 {
        return Err(invalid("head_dim", head_dim, format!("at least {}", 2 * axes)));
    }
    if share * axes != head_dim {
        flat.set("rotary_dim", Json::Integer(share * axes));
    }
    let dims = (0..axes).map(|_| Json::Integer(share)).collect();
    flat.set("axes_dims", Json::Array(dims));
    for key in ["axes_order", "half_within_axis"] {
        if let Some(value) = arrangement.get(key) {
            flat.set(key, value.clone());
        }
    }
    Ok(())
}
