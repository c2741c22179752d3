//! Which coordinates are rotated: the width of the slice and its pairs.

use crate::encoding::key::{Checked, invalid};
use crate::encoding::rope::Layout;
use crate::encoding::rotation::Pair;
use crate::request::{Json, Object, Reject, Slug};

/// The width of the rotated slice, from either key; the config keeps `rotary_dim` alone.
pub(super) fn rotary_dim(
    config: &mut Checked,
    head_dim: usize,
    offset: usize,
) -> Result<usize, Reject> {
    // One IEEE product and a truncation, as every library does: 80 × 0.6 is 48.
    let product = |factor: f64| (head_dim as f64 * factor) as usize;
    let width = match (config.size("rotary_dim"), config.number("partial_rotary_factor")) {
        (Some(given), Some(factor)) if product(factor) != given => {
            return Err(invalid(
                "rotary_dim",
                given,
                format!("trunc(head_dim × partial_rotary_factor) = {}", product(factor)),
            ));
        }
        (Some(given), _) => given,
        (None, Some(factor)) => product(factor),
        (None, None) => head_dim,
    };
    let room = head_dim.saturating_sub(offset);
    if !(2..=room).contains(&width) {
        let rule = format!("from 2 to head_dim − rotary_offset = {room}");
        return Err(match (config.has("rotary_dim"), config.number("partial_rotary_factor")) {
            (true, _) => invalid("rotary_dim", width, rule),
            (_, Some(factor)) => invalid(
                "partial_rotary_factor",
                factor,
                format!("a share whose rotary_dim, here {width}, is {rule}"),
            ),
            (false, None) => invalid(
                "rotary_offset",
                offset,
                format!("0 for a slice of {width}, or {rule} as rotary_dim"),
            ),
        });
    }
    config.remove("partial_rotary_factor");
    config.set("rotary_dim", Json::from(width));
    Ok(width)
}

/// Pairs need an even width.
///
/// # Errors
/// `odd_rotary_dim`, about the key that the config as given says the width with.
pub(super) fn expect_even(
    given: &Object,
    width: usize,
    room: usize,
    slices: bool,
) -> Result<(), Reject> {
    if width.is_multiple_of(2) {
        return Ok(());
    }
    let said = match (given.get("rotary_dim"), given.get("partial_rotary_factor")) {
        (None, Some(factor)) if slices => {
            format!("rotary_dim = trunc(head_dim × partial_rotary_factor {factor})")
        }
        (Some(_), _) => "rotary_dim".to_string(),
        (None, _) => "head_dim, which is rotary_dim too,".to_string(),
    };
    Err(Slug::OddRotaryDim.because(format!(
        "{said} is {width}, allowed is an even number from 2 to head_dim − rotary_offset = {room}"
    )))
}

/// The pairs of the rotated slice: one block, or several that follow each other.
pub(super) fn coordinates(
    layout: Layout,
    blocks: &[usize],
    pairs: usize,
    offset: usize,
) -> Vec<Pair> {
    let whole = [pairs];
    let mut start = offset;
    let mut list = Vec::with_capacity(pairs);
    for &count in if blocks.is_empty() { &whole } else { blocks } {
        list.extend((0..count).map(|i| layout.pair(i, count, start)));
        start += 2 * count;
    }
    list
}
