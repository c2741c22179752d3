//! Position ids from what batches carry: masks, cumulative lengths, ranks, segments and grids.

mod grid;
mod parallel;
pub(super) mod segment;

pub use grid::{Cls, Grids, Order};
pub use parallel::{Shard, from_context_parallel};
pub use segment::{Multimodal, Pace, Segment, from_segments};

use crate::request::{Reject, Slug};

/// More tokens than any batch has; it bounds the memory a request can ask for.
pub(super) const MOST_TOKENS: i64 = 1 << 26;

/// Positions of packed sequences: each restarts at 0 where the previous one ends.
///
/// ```
/// use ropewalk::encoding::from_cumulative_lengths;
/// assert_eq!(from_cumulative_lengths(&[0, 3, 4, 9]).unwrap(), [0, 1, 2, 0, 0, 1, 2, 3, 4]);
/// ```
///
/// # Errors
/// `invalid_value` unless the list begins with 0 and never decreases.
pub fn from_cumulative_lengths(cumulative: &[i64]) -> Result<Vec<i64>, Reject> {
    let wrong = |text: String| Slug::InvalidValue.because(text);
    if cumulative.first() != Some(&0) {
        let first = cumulative.first().map_or("nothing".to_string(), |n| n.to_string());
        return Err(wrong(format!("cu_seqlens begins with {first}, it must begin with 0")));
    }
    if let Some(step) = cumulative.windows(2).find(|step| step[0] > step[1]) {
        return Err(wrong(format!("cu_seqlens falls from {} to {}", step[0], step[1])));
    }
    match cumulative.last() {
        Some(&total) if total > MOST_TOKENS => {
            Err(wrong(format!("cu_seqlens ends with {total}, allowed is up to 2^26")))
        }
        _ => Ok(cumulative.windows(2).flat_map(|step| 0..step[1] - step[0]).collect()),
    }
}

/// Positions of the real tokens of a row, counted from the first real one; padding gets 0.
///
/// ```
/// use ropewalk::encoding::from_attention_mask;
/// assert_eq!(from_attention_mask(&[false, false, true, true]), [0, 0, 0, 1]);
/// ```
pub fn from_attention_mask(mask: &[bool]) -> Vec<i64> {
    let mut next = 0;
    let mut position = |&real: &bool| {
        let p = if real { next } else { 0 };
        next += real as i64;
        p
    };
    mask.iter().map(&mut position).collect()
}
