//! Context parallelism: which tokens of packed sequences a rank holds.

use super::from_cumulative_lengths;
use crate::request::{Reject, Slug};

/// The tokens of one rank, in the order in which it holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Places in the packed stream.
    pub indices: Vec<i64>,
    /// Positions, counted from 0 in each sequence.
    pub positions: Vec<i64>,
}

/// The zigzag that balances causal attention: each sequence is cut into 2·size chunks of equal
/// length, and rank r holds chunks r and 2·size − 1 − r of each.
///
/// Source: Megatron-LM `get_batch_on_this_cp_rank`, TransformerEngine's THD partition.
///
/// Surprise: places and positions differ from the second sequence on. A rope whose table runs over
/// the whole packed stream is read at the places; one that restarts with each sequence, at the
/// positions. Taking the one for the other is the usual bug of packing with context parallelism.
///
/// ```
/// use ropewalk::encoding::from_context_parallel;
/// let shard = from_context_parallel(&[0, 4, 8], 2, 0).unwrap();
/// assert_eq!(shard.indices, [0, 3, 4, 7]);
/// assert_eq!(shard.positions, [0, 3, 0, 3]);
/// ```
///
/// # Errors
/// `invalid_value` as [`from_cumulative_lengths`], unless rank < size, and for a sequence whose
/// length is no multiple of 2·size: libraries pad to one, each in its own way.
pub fn from_context_parallel(cumulative: &[i64], size: i64, rank: i64) -> Result<Shard, Reject> {
    let wrong = |text: String| Slug::InvalidValue.because(text);
    let all = from_cumulative_lengths(cumulative)?;
    if !(0..size).contains(&rank) {
        return Err(wrong(format!("cp_rank is {rank}, allowed is from 0 to {}", size - 1)));
    }
    let chunks = size.saturating_mul(2);
    let mut indices = Vec::with_capacity(all.len() / size as usize);
    for (number, ends) in cumulative.windows(2).enumerate() {
        let (start, length) = (ends[0], ends[1] - ends[0]);
        if length % chunks != 0 {
            return Err(wrong(format!(
                "sequence {number} of cu_seqlens has {length} tokens, allowed is a multiple of \
                 2·cp_size = {chunks}"
            )));
        }
        let chunk = length / chunks;
        for held in [rank, chunks - 1 - rank] {
            indices.extend(start + held * chunk..start + (held + 1) * chunk);
        }
    }
    // Places lie within the stream, whose length the cumulative lengths give.
    let positions = indices.iter().map(|&place| all[place as usize]).collect();
    Ok(Shard { indices, positions })
}
