//! Which positions, what came of it, and what can go wrong.

use super::super::round::UndecidedRounding;

/// Evenly spaced integer positions: `start`, `start + step`, …, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub start: i64,
    /// The distance of two neighbours; it may be negative.
    pub step: i64,
    /// How many.
    pub count: usize,
}

/// What it took to make a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Numbers made, cosines and sines counted apart.
    pub entries: u64,
    /// How many of them failed the rounding test and came from the exact path.
    pub exact: u64,
}

/// Why a table cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    /// xPos: its table is two tables.
    #[error("a rope with growth (xpos) has no single table")]
    Growth,
    /// A slice or list that does not fit.
    #[error("{name} has {given} elements, {needed} are needed")]
    Length {
        /// Which.
        name: &'static str,
        /// Its length.
        given: usize,
        /// What fits.
        needed: usize,
    },
    /// A position beyond ±2^62.
    #[error("position {0} is beyond ±2^62")]
    Position(i128),
    /// The exact path gave up.
    #[error(transparent)]
    Undecided(#[from] UndecidedRounding),
}

impl From<std::ops::Range<i64>> for Span {
    /// Every position of the range.
    fn from(range: std::ops::Range<i64>) -> Span {
        let count = (range.end as i128 - range.start as i128).max(0);
        Span { start: range.start, step: 1, count: usize::try_from(count).unwrap_or(usize::MAX) }
    }
}

impl Span {
    pub(super) fn position(&self, index: usize) -> i128 {
        self.start as i128 + self.step as i128 * index as i128
    }

    /// The positions from `index` on.
    pub fn skip(self, index: usize) -> Span {
        let start = self.position(index).clamp(i64::MIN as i128, i64::MAX as i128) as i64;
        Span { start, step: self.step, count: self.count.saturating_sub(index) }
    }

    /// The first `count` positions.
    pub fn take(self, count: usize) -> Span {
        Span { count: self.count.min(count), ..self }
    }
}

impl std::ops::Add for Stats {
    type Output = Stats;
    fn add(self, other: Stats) -> Stats {
        Stats { entries: self.entries + other.entries, exact: self.exact + other.exact }
    }
}
