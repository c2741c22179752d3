//! Positions of many tokens.

use crate::exact::ladder::{Ladder, LadderError, Output, Span, Stats};

/// Positions of every row.
pub enum Places {
    /// Evenly spaced, the same on every axis.
    Span(Span),
    /// A list for all axes, or one for each.
    Lists(Vec<Vec<i64>>),
}

impl Places {
    /// The position of a row on an axis.
    pub fn at(&self, row: usize, axis: usize) -> i64 {
        match self {
            Places::Span(span) => span.start + span.step * row as i64,
            Places::Lists(lists) => lists.get(axis).unwrap_or(&lists[0])[row],
        }
    }

    /// The largest |position|.
    pub fn largest(&self) -> u64 {
        match self {
            Places::Span(Span { count: 0, .. }) => 0,
            Places::Span(span) => {
                self.at(0, 0).unsigned_abs().max(self.at(span.count - 1, 0).unsigned_abs())
            }
            Places::Lists(lists) => {
                lists.iter().flatten().map(|p| p.unsigned_abs()).max().unwrap_or(0)
            }
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Places::Span(span) => span.count,
            Places::Lists(lists) => lists.first().map_or(0, Vec::len),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `count` rows from row `first` on.
    pub fn fill<O: Output>(
        &self,
        ladder: &Ladder<O>,
        first: usize,
        count: usize,
        cos: &mut [O],
        sin: &mut [O],
    ) -> Result<Stats, LadderError> {
        match self {
            Places::Span(span) => ladder.fill(span.skip(first).take(count), cos, sin),
            Places::Lists(lists) => {
                let rows: Vec<&[i64]> = lists.iter().map(|l| &l[first..first + count]).collect();
                ladder.fill_at(&rows, cos, sin)
            }
        }
    }
}
