//! How a model's code deals pairs out to axes, where its config.json does not say it.

use super::layer::Layer;
use super::levels::{Levels, present};
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Reject};

const SECTIONS: &str = "mrope_section";
const INTERLEAVED: &str = "mrope_interleaved";

/// Whether the sections of a model type are not \[t, h, w\].
pub(super) fn has_order(levels: &Levels) -> bool {
    levels.class("hwt_section").is_some()
}

/// Sets the sections that a model type has where its file has none, and `pair_axes` for those whose
/// code deals pairs out in an order that no section says.
///
/// * Qwen3-VL and its successors always interleave, whatever the file says of it, and their sections
///   need not add up: what they leave over is on t.
/// * Ernie 4.5 VL: its sections are \[h, w, t\], the first two alike; pairs below h + w are on h and w
///   in turn, the others on t. Axes are \[t, h, w\].
/// * NeoMME: rows and columns in turn.
/// * openPangu-VL: the axis that is furthest behind its share comes next, never one twice if it can be
///   helped, and the last pair is on t; vLLM calls the type `openpangu`.
///
/// # Errors
/// `invalid_value` for sections that are not so.
pub(super) fn deal(levels: &Levels, layer: &Layer, flat: &mut Object) -> Result<(), Reject> {
    if let (None, Some(sections)) = (flat.get(SECTIONS), levels.class(SECTIONS)) {
        flat.set(SECTIONS, sections.clone());
    }
    let is_dealt = flat.get(SECTIONS).is_some();
    if let (None, true, Some(flag)) = (flat.get(INTERLEAVED), is_dealt, levels.class(INTERLEAVED)) {
        flat.set(INTERLEAVED, flag.clone());
        if let Some(axes) = left_over(flat) {
            flat.remove(SECTIONS);
            flat.remove(INTERLEAVED);
            flat.set("pair_axes", axes);
        }
    }
    if let Some(usual) = levels.class("hwt_section") {
        let path = format!("{}.{SECTIONS}", layer.source);
        let sections = present(&layer.scaling, SECTIONS).unwrap_or(usual);
        let widths = match sections {
            Json::Array(items) => match items.as_slice() {
                [Json::Integer(h), Json::Integer(w), Json::Integer(t)]
                    if h == w && (0..=1 << 16).contains(h) && (0..=1 << 16).contains(t) =>
                {
                    Some((*h, *t))
                }
                _ => None,
            },
            _ => None,
        };
        let rule =
            "three sections of pairs [h, w, t], the first two alike, as this model type has them";
        let (h, t) = widths.ok_or_else(|| invalid(&path, sections, rule))?;
        let spatial = (0..2 * h).map(|pair| 1 + pair % 2);
        let axes = spatial.chain((0..t).map(|_| 0)).map(Json::Integer).collect();
        flat.set("pair_axes", Json::Array(axes));
    }
    let is_pangu = ["rope_type", "type"]
        .iter()
        .any(|key| present(&layer.scaling, key) == Some(&Json::from("openpangu")));
    let alternates = flat.get(INTERLEAVED) == Some(&Json::Bool(true));
    if (is_pangu || levels.class("rarest_first").is_some() && alternates)
        && let Some(axes) = rarest_first(flat)
    {
        flat.remove(SECTIONS);
        flat.remove(INTERLEAVED);
        flat.set("pair_axes", axes);
    }
    if let Some(Json::Integer(axes)) = levels.class("axes_in_turn") {
        let pairs = pairs(flat);
        let in_turn = (0..pairs).map(|pair| Json::Integer(pair % axes)).collect();
        flat.set("pair_axes", Json::Array(in_turn));
    }
    Ok(())
}

/// openPangu's order of two or three sections: each pair goes to the axis with the smallest share of its
/// section placed, ties to the lower one, not to that of the pair before while another has pairs left.
/// With three sections a pair of t is kept for the end.
fn rarest_first(flat: &Object) -> Option<Json> {
    let Some(Json::Array(sections)) = flat.get(SECTIONS) else { return None };
    let size = |section: &Json| match section {
        Json::Integer(n @ 0..=0x1_0000) => Some(*n),
        _ => None,
    };
    let mut sizes = sections.iter().map(size).collect::<Option<Vec<i128>>>()?;
    let kept = sizes.len() == 3 && sizes[0] > 0;
    if kept {
        sizes[0] -= 1;
    }
    let mut placed = vec![0i128; sizes.len()];
    let mut axes: Vec<usize> = Vec::new();
    for _ in 0..sizes.iter().sum() {
        let left = |axis: &usize| placed[*axis] < sizes[*axis];
        let other = (0..sizes.len()).any(|axis| left(&axis) && axes.last() != Some(&axis));
        let next = (0..sizes.len())
            .filter(left)
            .filter(|axis| !other || axes.last() != Some(axis))
            .min_by(|a, b| (placed[*a] * sizes[*b]).cmp(&(placed[*b] * sizes[*a])))?;
        placed[next] += 1;
        axes.push(next);
    }
    axes.extend(kept.then_some(0));
    Some(Json::Array(axes.into_iter().map(Json::from).collect()))
}

/// The axes of three interleaved sections that do not add up to the number of pairs.
fn left_over(flat: &Object) -> Option<Json> {
    let Some(Json::Array(sections)) = flat.get(SECTIONS) else { return None };
    let [Json::Integer(t), Json::Integer(h), Json::Integer(w)] = sections.as_slice() else {
        return None;
    };
    let pairs = pairs(flat);
    let bounded = [t, h, w].iter().all(|n| (0..=1 << 16).contains(*n));
    (bounded && t + h + w != pairs).then(|| {
        let axis = |pair: i128| match pair % 3 {
            1 if pair < 3 * h => 1,
            2 if pair < 3 * w => 2,
            _ => 0,
        };
        Json::Array((0..pairs).map(|pair| Json::Integer(axis(pair))).collect())
    })
}

/// The number of pairs of a flat config whose rules are still to be checked.
fn pairs(flat: &Object) -> i128 {
    let integer = |key: &str| match flat.get(key) {
        Some(Json::Integer(n)) => Some((*n).clamp(0, 1 << 16)),
        _ => None,
    };
    let head = integer("head_dim").unwrap_or_default();
    // A share of the pairs that turn is no narrower slice.
    let slices = flat.get("rope_type") != Some(&Json::from("proportional"));
    let share = flat.get("partial_rotary_factor").and_then(Json::number).filter(|_| slices);
    let part = share.map(|share| (head as f64 * share) as i128);
    integer("rotary_dim").or(part).unwrap_or(head) / 2
}
