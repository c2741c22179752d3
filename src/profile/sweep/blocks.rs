//! Positions in blocks, and in each block the groups that a format rounds alike.

use crate::number::Format;
use std::ops::Range;

/// Groups of a block: their numbers fit into a first-level cache.
const GROUPS: u64 = 1024;

/// The distance of neighbouring numbers of the format from `position` on, at least 1.
fn step(position: u64, format: Format) -> u64 {
    let length = 64 - position.leading_zeros();
    1 << length.saturating_sub(format.precision)
}

/// Cuts a range into blocks within an octave.
pub(super) fn cut(range: Range<u64>, format: Format) -> Vec<Range<u64>> {
    let mut list = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let octave = (start + 1).next_power_of_two();
        let end = range.end.min(octave).min(start + GROUPS * step(start, format));
        list.push(start..end);
        start = end;
    }
    list
}

/// The groups of a block, as f64, which holds every position.
pub(super) struct Block {
    /// The number of the format.
    pub(super) rounded: Vec<f64>,
    /// The first position that becomes it.
    pub(super) first: Vec<f64>,
    /// The last one.
    pub(super) last: Vec<f64>,
    /// Whether every group is one position.
    pub(super) single: bool,
}

impl Block {
    /// For a range within an octave.
    pub(super) fn new(range: Range<u64>, format: Format) -> Block {
        let step = step(range.start, format);
        let largest = format.to_f64(format.largest());
        let mut block = Block { rounded: vec![], first: vec![], last: vec![], single: step == 1 };
        let mut position = range.start;
        while position < range.end {
            // The nearest multiple, ties to even, and the last position that has the same.
            let (mut multiple, rest) = (position / step, position % step);
            if 2 * rest > step || (2 * rest == step && multiple % 2 == 1) {
                multiple += 1;
            }
            let last = match step {
                1 => position,
                _ => multiple * step + step / 2 - multiple % 2,
            };
            let last = last.min(range.end - 1);
            let rounded = (multiple * step) as f64;
            block.rounded.push(if rounded > largest { f64::INFINITY } else { rounded });
            block.first.push(position as f64);
            block.last.push(last as f64);
            position = last + 1;
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Machine;

    #[test]
    fn groups_are_what_the_machine_rounds() {
        for format in [Format::F32, Format::BF16, Format::F16, Format::F64] {
            let machine = Machine { format, flush: false };
            for range in [
                0..3000u64,
                65000..66000,
                (1 << 24) - 50..(1 << 24) + 99,
                4e9 as u64..4e9 as u64 + 3000,
            ] {
                let mut next = range.start;
                for part in cut(range.clone(), format) {
                    assert_eq!(part.start, next);
                    let block = Block::new(part.clone(), format);
                    for (g, rounded) in block.rounded.iter().enumerate() {
                        let (first, last) = (block.first[g] as u64, block.last[g] as u64);
                        assert_eq!(first, next);
                        for p in first..=last {
                            assert_eq!(machine.from_integer(p as i128), *rounded, "{p} {format:?}");
                        }
                        assert!(!block.single || first == last);
                        next = last + 1;
                    }
                    assert_eq!(next, part.end);
                }
                assert_eq!(next, range.end);
            }
        }
    }
}
