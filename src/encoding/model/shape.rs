//! Width of the head and of the rotated slice.

use super::aliases::{
    ATTENTION_HEAD, GLOBAL_HEAD, HEAD_DIM, HEADS, LATENT, PARTIAL, PASSING, ROTARY_DIM,
    TOWER_HEADS, WIDTH,
};
use super::layer::Layer;
use super::levels::{Levels, present, same};
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Reject, Slug};

/// A width that a file gives: an integer from 1, or `invalid_value`.
fn width(name: &str, value: &Json) -> Result<i128, Reject> {
    match value {
        Json::Integer(n @ 1..=0x10_0000) => Ok(*n),
        other => Err(invalid(name, other, "an integer from 1 to 1048576")),
    }
}

fn optional(levels: &Levels, alias: super::Alias) -> Result<Option<i128>, Reject> {
    levels.value(alias)?.map(|value| width(alias.names[0], &value)).transpose()
}

/// The slices of a latent-attention head: what passes and what is rotated.
fn latent(levels: &Levels) -> Result<Option<(i128, i128)>, Reject> {
    let off = levels.plain("use_mla") == Some(&Json::Bool(false));
    let rotated = match levels.value(LATENT)? {
        None | Some(Json::Integer(0)) => return Ok(None),
        _ if off => return Ok(None),
        Some(value) => width(LATENT.names[0], &value)?,
    };
    if let Some(passing) = optional(levels, PASSING)? {
        return Ok(Some((passing, rotated)));
    }
    match optional(levels, HEAD_DIM)? {
        Some(whole) if whole > rotated => Ok(Some((whole - rotated, rotated))),
        Some(whole) => {
            Err(invalid("head_dim", whole, format!("more than qk_rope_head_dim, {rotated}")))
        }
        None => Err(Slug::MissingKey.because(
            "key qk_nope_head_dim is missing; with qk_rope_head_dim it says where the rotated \
             slice begins",
        )),
    }
}

/// head_dim, or the width divided by the number of heads. A latent head is as wide as its two
/// slices, whatever `head_dim` says: config classes store there the width of one of them.
///
/// # Errors
/// `missing_key`, `invalid_value`.
pub(super) fn head_dim(levels: &Levels, layer: Option<&str>) -> Result<Json, Reject> {
    if let Some((passing, rotated)) = latent(levels)? {
        return Ok(Json::Integer(passing + rotated));
    }
    if layer == Some("full_attention")
        && let Some(wide) = optional(levels, GLOBAL_HEAD)?
    {
        return Ok(Json::Integer(wide));
    }
    // Code that divides the width by the heads; some of it reads `head_dim` elsewhere.
    let divides = levels.class("quotient").is_some();
    for alias in [ATTENTION_HEAD, HEAD_DIM].iter().filter(|_| !divides) {
        if let Some((_, dim)) = levels.given(*alias)? {
            return Ok(dim.clone());
        }
    }
    // An explicit null asks for the quotient, whatever the class would fill in.
    if let Some(dim) = levels.class(HEAD_DIM.names[0]).filter(|_| !levels.is_null("head_dim")) {
        return Ok(dim.clone());
    }
    // Qwen2-VL's tower keeps its own width apart from that of the text model.
    let own_width = match levels.class("width") {
        Some(Json::String(name)) => {
            levels.plain(name).or_else(|| levels.class(name)).map(|v| width(name, v)).transpose()?
        }
        _ => None,
    };
    // A memory attention has numbers of its own, and a rate that narrows it.
    let own_heads = match levels.class("heads") {
        Some(Json::Array(names)) => Some(names.as_slice()),
        _ => None,
    };
    let whole = match own_width {
        Some(whole) => Some(whole),
        None => optional(levels, WIDTH)?,
    };
    let product = |names: &[Json]| -> Result<i128, Reject> {
        names.iter().try_fold(1i128, |product, name| match name {
            Json::String(name) => {
                let value = levels.plain(name).map_or(Ok(1), |value| width(name, value))?;
                Ok(product.saturating_mul(value))
            }
            _ => Ok(product),
        })
    };
    let heads = match levels.given(HEADS)?.is_some() {
        _ if own_heads.is_some() => own_heads.map(product).transpose()?,
        true => optional(levels, HEADS)?,
        false => match optional(levels, TOWER_HEADS)? {
            Some(heads) => Some(heads),
            None => optional(levels, HEADS)?,
        },
    };
    let (Some(whole), Some(heads)) = (whole, heads) else {
        return Err(Slug::MissingKey.because(
            "key head_dim is missing in the model, and so are hidden_size and \
             num_attention_heads, whose quotient it is",
        ));
    };
    if whole % heads != 0 {
        let rule = format!("a multiple of num_attention_heads, {heads}");
        return Err(invalid("hidden_size", whole, rule));
    }
    if let Some((name, said)) = levels.given(HEAD_DIM)?.filter(|_| divides)
        && !same(said, &Json::Integer(whole / heads))
    {
        let rule = format!(
            "{}: the code of this model type divides its width by its heads",
            whole / heads
        );
        return Err(invalid(name, said, rule));
    }
    Ok(Json::Integer(whole / heads))
}

/// The share of the head that is rotated: inside the scaling, outside, or by the class.
fn share(levels: &Levels, layer: &Layer) -> Result<Option<Json>, Reject> {
    let inside = present(&layer.scaling, "partial_rotary_factor");
    let outside = levels.given(PARTIAL)?;
    match (inside, outside) {
        (Some(inside), Some((name, outside))) if !same(inside, outside) => Err(invalid(
            &format!("{}.partial_rotary_factor", layer.source),
            inside,
            format!("what {name} outside says too, {outside}"),
        )),
        (Some(inside), _) => Ok(Some(inside.clone())),
        (None, Some((_, outside))) => Ok(Some(outside.clone())),
        (None, None) => Ok(PARTIAL.names.iter().find_map(|name| levels.class(name)).cloned()),
    }
}

/// Sets `rotary_dim`, `partial_rotary_factor` and `rotary_offset`, where there are any.
///
/// # Errors
/// `invalid_value` where two of them contradict each other.
pub(super) fn slice(levels: &Levels, layer: &Layer, flat: &mut Object) -> Result<(), Reject> {
    let share = share(levels, layer)?;
    if let Some((passing, rotated)) = latent(levels)? {
        // Classes store the rotated share of the head, of the slice, or of what they call head_dim;
        // a share that is the class's own gives way to the slices of the file.
        let said = present(&layer.scaling, "partial_rotary_factor").is_some();
        let of_file = levels.given(PARTIAL)?.is_some() || said && !layer.is_default;
        if let Some(share) = share.filter(|_| of_file) {
            let part =
                |of: i128| share.number().is_some_and(|x| (of as f64 * x) as i128 == rotated);
            let stored = optional(levels, HEAD_DIM)?;
            if ![Some(rotated), Some(passing + rotated), stored].into_iter().flatten().any(part) {
                let rule = format!("the share that makes qk_rope_head_dim, {rotated}");
                return Err(invalid("partial_rotary_factor", share, rule));
            }
        }
        flat.set("rotary_dim", Json::Integer(rotated));
        flat.set("rotary_offset", Json::Integer(passing));
        return Ok(());
    }
    if levels.class("clvp_width").is_some() {
        let heads = optional(levels, HEADS)?.unwrap_or(1);
        let projected = levels.plain("projection_dim").map(|v| width("projection_dim", v));
        let rotated = (projected.transpose()?.unwrap_or(768) / (2 * heads)).max(32);
        flat.set("rotary_dim", Json::Integer(rotated));
        return Ok(());
    }
    let given = levels.given(ROTARY_DIM)?.map(|(_, value)| value.clone());
    let is_given = given.is_some();
    match given.or_else(|| levels.class(ROTARY_DIM.names[0]).cloned()) {
        // A class's width is for its own head; a share in the file replaces it.
        Some(dim) if is_given || share.is_none() => flat.set("rotary_dim", dim),
        _ => {}
    }
    let of_file = levels.given(PARTIAL)?.is_some()
        || present(&layer.scaling, "partial_rotary_factor").is_some();
    if let Some(share) = share.filter(|_| of_file || !is_given) {
        flat.set("partial_rotary_factor", share);
    }
    Ok(())
}
