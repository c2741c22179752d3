//! M-RoPE: the axis of each pair of one spectrum, by sections or one by one.

use crate::encoding::key::{Checked, invalid};
use crate::request::{Json, Reject, Slug};

/// # Errors
/// `unused_key`, `invalid_value`.
pub(super) fn check(config: &mut Checked, pairs: usize) -> Result<(), Reject> {
    if let Some(axes) = config.numbers("pair_axes") {
        if let Some(key) = ["mrope_section", "mrope_interleaved"].iter().find(|k| config.has(k)) {
            return Err(Slug::UnusedKey
                .because(format!("{key} has no meaning beside pair_axes, which says it all")));
        }
        if axes.len() != pairs {
            let axes = config.object().get("pair_axes").cloned().unwrap_or(Json::Null);
            let rule = format!("one axis for each of rotary_dim/2 = {pairs} pairs");
            return Err(invalid("pair_axes", axes, rule));
        }
        return Ok(());
    }
    let Some(sections) = config.numbers("mrope_section") else {
        return match config.has("mrope_interleaved") {
            true => {
                Err(Slug::UnusedKey
                    .because("mrope_interleaved has no meaning without mrope_section"))
            }
            false => Ok(()),
        };
    };
    let sum: f64 = sections.iter().sum();
    let rule = format!(
        "3 sections of pairs [t, h, w], or 4 with ggml's [t, h, w, e], whose sum is \
         rotary_dim/2 = {pairs}"
    );
    if !(3..=4).contains(&sections.len()) || sum != pairs as f64 {
        let sections = config.object().get("mrope_section").cloned().unwrap_or(Json::Null);
        return Err(invalid("mrope_section", sections, rule));
    }
    if !config.has("mrope_interleaved") {
        config.set("mrope_interleaved", Json::Bool(false));
    }
    Ok(())
}

/// Number of axes of a position; none where neither key stands.
pub(super) fn count(config: &Checked) -> Option<usize> {
    let last = |axes: &[f64]| 1 + axes.iter().fold(0.0, |most: f64, &axis| most.max(axis)) as usize;
    match config.numbers("pair_axes") {
        Some(axes) => Some(last(&axes)),
        None => config.numbers("mrope_section").map(|sections| sections.len()),
    }
}

/// The axis of each pair. Sectioned (Qwen2-VL): the sections follow each other under one running
/// frequency index. Interleaved (Qwen3-VL): pair i is on h if i % 3 = 1 and i < 3·section\[1\], on
/// w if i % 3 = 2 and i < 3·section\[2\], else on t. With four sections (ggml's IMROPE) t is bounded
/// in the same way and the rest is on the fourth axis.
pub(super) fn axes(config: &Checked, pairs: usize) -> Vec<usize> {
    if let Some(axes) = config.numbers("pair_axes") {
        return axes.iter().map(|&axis| axis as usize).collect();
    }
    let Some(sections) = config.numbers("mrope_section") else {
        return Vec::new();
    };
    let sections: Vec<usize> = sections.iter().map(|&n| n as usize).collect();
    if !config.flag("mrope_interleaved") {
        return sections.iter().enumerate().flat_map(|(axis, &n)| vec![axis; n]).collect();
    }
    (0..pairs)
        .map(|i| match i % 3 {
            axis if i < 3 * sections[axis] => axis,
            _ if sections.len() == 4 => 3,
            _ => 0,
        })
        .collect()
}
