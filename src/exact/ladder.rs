//! Tables of cos and sin at memory speed, every number correctly rounded with proof.
//!
//! For a position p = 128·a + b, e^{ipθ} is one complex multiplication of two table entries: a row
//! for 128·a, and one of 128 rows for b. The rows are made in 126-bit fixed point from *seeds*
//! e^{i·2^j·θ}, which the interval reference encloses; so there are at most 62 numbers per plane
//! that cost multiple-precision arithmetic, whatever the length of the table. Then:
//!
//! 1. Both entries are rounded to double-double (plain f64 for f32, bf16 and f16 tables).
//! 2. Their product comes out as an unevaluated sum s + low with a proven *absolute* error below ε.
//! 3. If s + RN(low − ε) and s + RN(low + ε) round to the same number, that number is the correctly
//!    rounded value, because rounding is monotone. Narrow formats are rounded once, straight from
//!    the two ends.
//! 4. All other entries (sines that are zero or tiny, values next to a rounding boundary) go to the
//!    exact path: the interval reference, at whatever precision they need.
//!
//! ε is 25·2^−107 for f64 tables, 9·2^−54 for the others, times the power of two above the
//! magnitude; `bound.rs` and `docs/ladder.md` derive it. Of uniformly distributed numbers near 1
//! one in 2^48 fails in f64, one in 2^25 in f32. As a rounding test that passes *proves* the
//! number, an error in the speed of the ladder can only cost time, unless ε itself is wrong; the
//! seeds come from the first oracle, so the ladder is none.
//!
//! The work is spread over threads by rayon; nothing depends on how.

mod bound;
mod entry;
mod fixed;
mod kernel;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod output;
mod rung;
#[cfg(test)]
mod samples;
mod seed;
mod span;
#[cfg(test)]
mod tests;
mod turn;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use bound::{
    CHAIN, DOUBLE_BOUND, ENTRY, FRACTION_BITS, PLAIN_BOUND, PLAIN_ENTRY, PLAIN_PRODUCT, PLAIN_TEST,
    PRODUCT, ROTATE, ROTATE_BOUND, ROTATE_TEST, TEST,
};
pub use kernel::Path;
pub use output::{Bf16, F16, Output};
pub use span::{LadderError, Span, Stats};
pub(in crate::exact) use turn::{Near, Open, Rounded, Rows};

use super::angle::Turned;
use super::resolved::ResolvedRope;
use super::round::UndecidedRounding;
use super::turned::{cos_and_sin, starting_precision};
use crate::request::{Direction, POSITION_LIMIT, Position};
use fixed::Fixed;
use kernel::{Failed, Run, dispatch};
use output::Row;
use rayon::prelude::*;
use rung::{Rungs, SHORT_BITS, Walk};
use seed::{Magnitude, Seeds};

/// Rows that one task computes: enough to forget the start of a walk, few enough to balance.
const ROWS_PER_TASK: usize = 1024;

/// Makes tables of one rope in one format: [`Ladder::fill`] for runs of positions,
/// [`Ladder::fill_at`] for lists.
///
/// ```
/// use ropewalk::encoding::RopeConfig;
/// use ropewalk::exact::{ResolvedRope, ladder::{Ladder, Span}};
/// use ropewalk::request::{Json, Object};
/// let mut config = Object::default();
/// config.set("head_dim", Json::Integer(128));
/// config.set("layout", "half".into());
/// config.set("rope_theta", Json::Integer(10000));
/// let rope = ResolvedRope::new(&RopeConfig::new(&config).unwrap().rope(None).unwrap()).unwrap();
/// let ladder = Ladder::<f32>::new(&rope).unwrap();
/// let (mut cos, mut sin) = (vec![0.0; 1000 * 64], vec![0.0; 1000 * 64]);
/// let stats = ladder.fill(Span::from(0..1000), &mut cos, &mut sin).unwrap();
/// assert_eq!(stats.entries, 2 * 1000 * 64);
/// assert!(stats.exact < 100); // the 64 sines at position 0, and hardly any more
/// assert_eq!(cos[64], 1f32.cos());
/// ```
pub struct Ladder<O: Output> {
    rope: ResolvedRope,
    rungs: Rungs<O>,
    /// cos and sin of the planes that never turn.
    still: Vec<Option<(O, O)>>,
    bound: f64,
    path: Path,
}

fn check(position: i128) -> Result<(), LadderError> {
    match position.unsigned_abs() <= POSITION_LIMIT as u128 {
        true => Ok(()),
        false => Err(LadderError::Position(position)),
    }
}

/// Fills the rows from one on with cos and sin.
type Task<'t, O> = dyn Fn(usize, &mut [O], &mut [O]) -> Result<Stats, LadderError> + Sync + 't;

impl<O: Output> Ladder<O> {
    /// Encloses the seeds of the short table.
    ///
    /// A plane whose frequency cannot be enclosed, and a magnitude that is no positive number
    /// within 2^±60, are allowed: the exact path then answers what it can, at its own speed.
    ///
    /// # Errors
    /// [`LadderError::Growth`]; [`LadderError::Undecided`] if a plane that never turns has a value
    /// that cannot be rounded.
    pub fn new(rope: &ResolvedRope) -> Result<Ladder<O>, LadderError> {
        Ladder::with_seeds(rope, Seeds::new(rope))
    }

    fn with_seeds(rope: &ResolvedRope, seeds: Seeds) -> Result<Ladder<O>, LadderError> {
        if rope.planes.iter().any(|plane| !plane.growth.is_one()) {
            return Err(LadderError::Growth);
        }
        let (anchor, scale) = match Magnitude::new(&rope.magnitude) {
            Some(magnitude) => (magnitude.fixed, bound::power_of_two(magnitude.exponent)),
            None => (Fixed::ZERO, 1.0),
        };
        let rungs = Rungs::new(seeds, rope.planes.len(), anchor, scale);
        let bound = scale * O::Entry::BOUND;
        let rope = rope.clone();
        let mut ladder = Ladder { rope, rungs, still: Vec::new(), bound, path: Path::best() };
        let still = ladder.rope.planes.iter().enumerate().map(|(plane, p)| {
            p.frequency.is_zero().then(|| ladder.exactly(0, plane, 0)).transpose()
        });
        ladder.still = still.collect::<Result<_, _>>()?;
        Ok(ladder)
    }

    /// The same ladder on given instructions, to compare them. Those that the processor lacks are
    /// replaced by the portable ones; the bits are the same on all.
    pub fn on(self, path: Path) -> Ladder<O> {
        Ladder { path, ..self }
    }

    /// Number of planes: the length of a row.
    pub fn planes(&self) -> usize {
        self.rope.planes.len()
    }

    /// Fills cos and sin, both [count, planes] row-major, magnitude included, for evenly spaced
    /// positions. Where planes have axes of their own, the position is the same on every axis.
    ///
    /// # Errors
    /// [`LadderError::Length`] if a slice has another length, [`LadderError::Position`] beyond
    /// ±2^62, [`LadderError::Undecided`] if the exact path gave up on an entry.
    pub fn fill(&self, span: Span, cos: &mut [O], sin: &mut [O]) -> Result<Stats, LadderError> {
        if span.count > 0 {
            check(span.position(0))?;
            check(span.position(span.count - 1))?;
        }
        let whole = |_| true;
        self.tasks(span.count, cos, sin, &|first, cos, sin| {
            let at = |row| span.position(first + row) as i64;
            self.task(&at, &whole, first, cos, sin)
        })
    }

    /// As [`Ladder::fill`] for a list of positions per axis, all of one length. A rope with one axis
    /// takes one list; with a single list all axes share it.
    ///
    /// # Errors
    /// As [`Ladder::fill`].
    pub fn fill_at(
        &self,
        positions: &[&[i64]],
        cos: &mut [O],
        sin: &mut [O],
    ) -> Result<Stats, LadderError> {
        let axes = self.rope.planes.iter().map(|plane| plane.axis + 1).max().unwrap_or(1);
        let shared = positions.len() == 1;
        if !shared && positions.len() < axes {
            let given = positions.len();
            return Err(LadderError::Length { name: "positions", given, needed: axes });
        }
        let count = positions.first().map_or(0, |list| list.len());
        for list in positions {
            if list.len() != count {
                let (given, needed) = (list.len(), count);
                return Err(LadderError::Length { name: "positions of an axis", given, needed });
            }
            list.iter().try_for_each(|&p| check(p as i128))?;
        }
        self.tasks(count, cos, sin, &|first, cos, sin| {
            if shared {
                let at = |row: usize| positions[0][first + row];
                return self.task(&at, &|_| true, first, cos, sin);
            }
            self.axes(positions, axes, first, cos, sin)
        })
    }

    /// Rows whose planes have positions of their own: one pass per axis, from which the planes of
    /// that axis are kept.
    fn axes(
        &self,
        positions: &[&[i64]],
        axes: usize,
        first: usize,
        cos: &mut [O],
        sin: &mut [O],
    ) -> Result<Stats, LadderError> {
        let (mut c, mut s) = (vec![O::default(); cos.len()], vec![O::default(); sin.len()]);
        let mut stats = Stats { entries: 2 * cos.len() as u64, exact: 0 };
        for (axis, list) in positions.iter().enumerate().take(axes) {
            let of_axis = |plane: usize| self.rope.planes[plane].axis == axis;
            let at = |row: usize| list[first + row];
            stats.exact += self.task(&at, &of_axis, first, &mut c, &mut s)?.exact;
            for plane in (0..self.planes()).filter(|&plane| of_axis(plane)) {
                for index in (plane..cos.len()).step_by(self.planes()) {
                    cos[index] = c[index];
                    sin[index] = s[index];
                }
            }
        }
        Ok(stats)
    }

    /// Spreads rows over threads.
    fn tasks(
        &self,
        count: usize,
        cos: &mut [O],
        sin: &mut [O],
        task: &Task<O>,
    ) -> Result<Stats, LadderError> {
        let planes = self.planes();
        let needed = count.saturating_mul(planes);
        for (name, given) in [("cos", cos.len()), ("sin", sin.len())] {
            if given != needed {
                return Err(LadderError::Length { name, given, needed });
            }
        }
        if needed == 0 {
            return Ok(Stats::default());
        }
        let size = ROWS_PER_TASK * planes;
        cos.par_chunks_mut(size)
            .zip(sin.par_chunks_mut(size))
            .enumerate()
            .map(|(index, (cos, sin))| task(index * ROWS_PER_TASK, cos, sin))
            .try_reduce(Stats::default, |a, b| Ok(a + b))
    }

    /// Rows one after the other, then the exact path for what failed; only `wanted` planes count.
    /// `first` is the number of the first row in the whole table, for messages.
    fn task(
        &self,
        at: &dyn Fn(usize) -> i64,
        wanted: &dyn Fn(usize) -> bool,
        first: usize,
        cos: &mut [O],
        sin: &mut [O],
    ) -> Result<Stats, LadderError> {
        let planes = self.planes();
        let rows = cos.len() / planes;
        let mut failed = Vec::new();
        let mut walk = self.rungs.walk();
        let mut row = 0;
        while row < rows {
            let end = self.stretch(at, row, rows);
            let slots = row * planes..end * planes;
            let (cos, sin) = (&mut cos[slots.clone()], &mut sin[slots]);
            self.kernel(&mut walk, at(row), row, cos, sin, &mut failed);
            row = end;
        }
        let mut stats = Stats { entries: 2 * cos.len() as u64, exact: 0 };
        for group in failed {
            stats.exact += self.repair(&group, at(group.row), wanted, first, cos, sin)?;
        }
        Ok(stats)
    }

    /// The end of the rows from `row` on that are consecutive positions over one high part.
    fn stretch(&self, at: &dyn Fn(usize) -> i64, row: usize, rows: usize) -> usize {
        let start = at(row);
        let room = (1 << SHORT_BITS) - (start & ((1 << SHORT_BITS) - 1)) as usize;
        let most = rows.min(row + room);
        let mut end = row + 1;
        while end < most && at(end) == start + (end - row) as i64 {
            end += 1;
        }
        end
    }

    fn kernel(
        &self,
        walk: &mut Walk<O>,
        position: i64,
        first: usize,
        cos: &mut [O],
        sin: &mut [O],
        failed: &mut Vec<Failed>,
    ) {
        let low = (position & ((1 << SHORT_BITS) - 1)) as usize;
        let x = walk.go(position >> SHORT_BITS);
        let table = self.rungs.short(low);
        let (planes, bound) = (self.planes(), self.bound);
        dispatch(Run { x, table, planes, bound, first, cos, sin, failed }, self.path);
    }

    /// Puts right what failed in a group of eight planes, and says how many needed the exact path.
    fn repair(
        &self,
        group: &Failed,
        position: i64,
        wanted: &dyn Fn(usize) -> bool,
        first: usize,
        cos: &mut [O],
        sin: &mut [O],
    ) -> Result<u64, LadderError> {
        let mut exact = 0;
        for lane in (0..8).filter(|lane| (group.cos | group.sin) >> lane & 1 == 1) {
            let plane = group.plane + lane;
            if !wanted(plane) {
                continue;
            }
            let (c, s) = match self.still[plane] {
                Some(still) => still,
                None => {
                    exact += (group.cos >> lane & 1) as u64 + (group.sin >> lane & 1) as u64;
                    self.exactly(position, plane, first + group.row)?
                }
            };
            cos[group.row * self.planes() + plane] = c;
            sin[group.row * self.planes() + plane] = s;
        }
        Ok(exact)
    }

    /// cos and sin from the interval reference.
    fn exactly(&self, position: i64, plane: usize, row: usize) -> Result<(O, O), LadderError> {
        let precision = starting_precision(O::FORMAT, position.unsigned_abs());
        let (rope, position) = (&self.rope, Position::integer(position));
        let resolved = &rope.planes[plane];
        let forward = Direction::Forward;
        let turned = Turned::new(rope, resolved, &rope.magnitude, position, forward, precision)?;
        let mut both = [O::default(); 2];
        cos_and_sin(&turned, &mut |part, value| {
            let (name, index) = (["cos", "sin"][part], row * self.planes() + plane);
            let rounded = value.round(O::FORMAT);
            let rounded =
                rounded.map_err(|precision| UndecidedRounding { name, index, precision })?;
            both[part] = O::from_bits(rounded.bits);
            Ok(())
        })?;
        Ok((both[0], both[1]))
    }
}
