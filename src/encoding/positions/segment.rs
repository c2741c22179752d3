//! Text, images and videos in one sequence: the positions of M-RoPE.

use super::MOST_TOKENS;
use crate::number::{Decoded, Format};
use crate::request::{POSITION_LIMIT, Reject, Slug};

/// How time passes between the grids of a video.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Seconds from one grid to the next, not negative.
    pub seconds_per_grid: f64,
    /// Positions per second, not negative.
    pub tokens_per_second: f64,
}

/// A run of tokens of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Segment {
    /// So many tokens of text.
    Text(usize),
    /// Merged patches, that is, after the merger has joined blocks of patches into tokens.
    Grid {
        /// Frames, rows, columns, each at least 1.
        thw: [usize; 3],
        /// Qwen2.5-VL's clock; without one every frame takes one step.
        pace: Option<Pace>,
    },
}

/// Positions [t, h, w] of every token, and where decoding goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multimodal {
    /// One list per axis.
    pub positions: [Vec<i64>; 3],
    /// Largest position + 1 − number of tokens: what is added to the place of a token generated
    /// later, on every axis.
    pub rope_delta: i64,
}

impl Segment {
    /// Number of tokens; none if they are too many to count.
    pub fn tokens(&self) -> Option<usize> {
        match self {
            Segment::Text(count) => Some(*count),
            Segment::Grid { thw: [t, h, w], .. } => t.checked_mul(*h)?.checked_mul(*w),
        }
    }
}

/// The rule of Qwen2-VL and its successors. Text counts on, all axes alike. A grid that starts at
/// st, the largest position so far plus 1, has T = st + step of its frame, H = st + row,
/// W = st + column; the next segment starts at the largest of all these plus 1.
///
/// The step of frame f is f, or ⌊f · seconds_per_grid · tokens_per_second⌋ with exact factors
/// (Qwen2.5-VL). Sources: Transformers `get_rope_index` of Qwen2-VL and Qwen2.5-VL.
///
/// Surprises: after an image the positions run behind the number of tokens, so `rope_delta` is
/// negative and a decoder that counts tokens is wrong. Transformers has computed the step in two
/// ways, neither of them exact: in f32, where a product may reach an integer that it should not;
/// and with the seconds cast to int64 first, so that half a second becomes none.
///
/// ```
/// use ropewalk::encoding::{Segment, from_segments};
/// let image = Segment::Grid { thw: [1, 2, 2], pace: None };
/// let ids = from_segments(&[Segment::Text(3), image, Segment::Text(1)]).unwrap();
/// assert_eq!(ids.positions[0], [0, 1, 2, 3, 3, 3, 3, 5]);
/// assert_eq!(ids.positions[1], [0, 1, 2, 3, 3, 4, 4, 5]);
/// assert_eq!(ids.positions[2], [0, 1, 2, 3, 4, 3, 4, 5]);
/// assert_eq!(ids.rope_delta, -2);
/// ```
///
/// # Errors
/// `invalid_value` above 2²⁶ tokens, `position_out_of_range` if a clock runs beyond 2⁶².
pub fn from_segments(segments: &[Segment]) -> Result<Multimodal, Reject> {
    let total = segments.iter().try_fold(0usize, |sum, s| sum.checked_add(s.tokens()?));
    let Some(total) = total.filter(|&total| total <= MOST_TOKENS as usize) else {
        return Err(Slug::InvalidValue
            .because("segments have more than 2^26 tokens, allowed is up to 2^26"));
    };
    let mut positions = [const { Vec::new() }; 3];
    let mut next = 0i64;
    for segment in segments {
        let start = next;
        let mut push = |ids: [i64; 3]| {
            for (axis, id) in positions.iter_mut().zip(ids) {
                axis.push(id);
                next = next.max(id + 1);
            }
        };
        match *segment {
            Segment::Text(count) => {
                (start..start + count as i64).for_each(|id| push([id; 3]));
            }
            Segment::Grid { thw: [frames, rows, columns], pace } => {
                for frame in 0..frames {
                    let t = step(frame as u64, pace)
                        .and_then(|step| start.checked_add(step))
                        .filter(|&t| t < POSITION_LIMIT - MOST_TOKENS)
                        .ok_or_else(|| {
                            Slug::PositionOutOfRange
                                .because(format!("frame {frame} of a video is beyond 2^62"))
                        })?;
                    for row in 0..rows as i64 {
                        for column in 0..columns as i64 {
                            push([t, start + row, start + column]);
                        }
                    }
                }
            }
        }
    }
    Ok(Multimodal { positions, rope_delta: next - total as i64 })
}

/// ⌊frame · seconds · tokens⌋, or the frame itself; none beyond i64.
pub(crate) fn step(frame: u64, pace: Option<Pace>) -> Option<i64> {
    let Some(Pace { seconds_per_grid, tokens_per_second }) = pace else {
        return i64::try_from(frame).ok();
    };
    let parts = |x: f64| match Format::F64.decode(x.to_bits()) {
        Decoded::Finite { significand, exponent, .. } => Some((significand as u128, exponent)),
        _ => None,
    };
    let ((a, d), (b, e)) = (parts(seconds_per_grid)?, parts(tokens_per_second)?);
    floor_scaled(frame, a.checked_mul(b)?, i64::from(d) + i64::from(e))
}

/// ⌊n · m · 2^exponent⌋ for m below 2¹⁰⁶; none beyond i64.
fn floor_scaled(n: u64, m: u128, exponent: i64) -> Option<i64> {
    // n·m as high · 2⁶⁴ + low, low below 2⁶⁴; high stays below 2¹⁰⁷.
    let (top, bottom) = (n as u128 * (m >> 64), n as u128 * (m & u64::MAX as u128));
    let (high, low) = (top + (bottom >> 64), bottom & u64::MAX as u128);
    let scaled = match exponent {
        // A high part alone is beyond i64 already.
        0.. if high > 0 || exponent >= i64::from(low.leading_zeros()) => return None,
        0.. => low << exponent,
        -63..0 if high >> -exponent > 0 => return None,
        -63..0 => high << (64 + exponent) | low >> -exponent,
        _ => u32::try_from(-exponent - 64).ok().and_then(|n| high.checked_shr(n)).unwrap_or(0),
    };
    i64::try_from(scaled).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paced(frame: u64, seconds_per_grid: f64, tokens_per_second: f64) -> Option<i64> {
        step(frame, Some(Pace { seconds_per_grid, tokens_per_second }))
    }

    #[test]
    fn steps_are_exact() {
        assert_eq!(paced(3, 0.5, 25.0), Some(37)); // 37.5
        assert_eq!(paced(7, 1.0, 2.0), Some(14));
        assert_eq!(paced(7, 0.0, 2.0), Some(0));
        // A third in f64 lies below 1/3, so three of them do not make a second; in f32 they do.
        assert_eq!(paced(3, 1.0 / 3.0, 1.0), Some(0));
        assert_eq!(3.0f32 * (1.0f32 / 3.0) * 1.0, 1.0);
        // A tenth in f64 lies above 1/10.
        assert_eq!(paced(10, 0.1, 1.0), Some(1));
        // The ends of the format.
        assert_eq!(paced(u64::MAX, f64::from_bits(1), f64::from_bits(1)), Some(0));
        assert_eq!(paced(1, f64::MAX, 1.0), None);
        assert_eq!(paced(1, 2f64.powi(62), 1.0), Some(1 << 62));
        assert_eq!(paced(2, 2f64.powi(62), 1.0), None);
        assert_eq!(paced(1, f64::MAX, f64::MIN_POSITIVE), Some(3)); // 4 − 2⁻⁵¹
        // (2⁵³ − 1)² · 2⁻⁵³ = 2⁵³ − 2 + 2⁻⁵³.
        let widest = 2f64.powi(53) - 1.0;
        assert_eq!(paced(1, widest, widest * 2f64.powi(-53)), Some((1 << 53) - 2));
    }
}
