//! Two tensors, row by row.

use super::failure::Failure;
use super::geometry::Geometry;
use super::places::Places;
use super::raw::Raw;
use crate::audit::{Case, Glance, Large, LargeJudge, Rows, Seen};
use crate::exact::bulk::Rotator;
use crate::number::{Format, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a task.
const BLOCK: usize = 512;

/// Both tensors, and what is right.
pub struct Dump<'a> {
    /// What went in.
    pub before: Raw<'a>,
    /// What came out.
    pub after: Raw<'a>,
    /// Which element belongs to which token.
    pub geometry: Geometry,
    /// The tokens' positions.
    pub places: Places,
    pub(super) rotator: Rotator,
}

/// Some rows with everything that is known of them.
struct Block {
    first: usize,
    tokens: Vec<usize>,
    input: Vec<u64>,
    got: Vec<u64>,
    expected: Vec<u64>,
    residual: Vec<u64>,
}

impl Dump<'_> {
    /// What went in and what came out, as bits.
    fn gathered(
        &self,
        rows: impl ExactSizeIterator<Item = usize>,
        exchanged: bool,
    ) -> (Vec<u64>, Vec<u64>) {
        let dim = self.geometry.dim;
        let (before, after) = match exchanged {
            false => (&self.before, &self.after),
            true => (&self.after, &self.before),
        };
        let mut input = Vec::with_capacity(rows.len() * dim);
        let mut got = Vec::with_capacity(rows.len() * dim);
        for offset in rows.map(|row| self.geometry.offset(row)) {
            before.append(offset, dim, &mut input);
            after.append(offset, dim, &mut got);
        }
        (input, got)
    }

    /// Rows as they are judged; `exchanged` takes what came out for what went in.
    fn block(
        &self,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
        exchanged: bool,
    ) -> Result<Block, Failure> {
        let (input, got) = self.gathered(rows.clone(), exchanged);
        let before = if exchanged { &self.after } else { &self.before };
        let tokens: Vec<usize> = rows.clone().map(|row| self.geometry.token(row)).collect();
        let position = |row: usize, axis: usize| self.places.at(tokens[row], axis);
        let format = before.dtype.format().unwrap_or(Format::F64);
        let (expected, residual) =
            self.rotator.turn(&position, format, &input).map_err(Failure::Undecided)?;
        let first = rows.clone().next().unwrap_or(0);
        Ok(Block { first, tokens, input, got, expected, residual })
    }

    fn with<T>(&self, block: &Block, use_of: impl FnOnce(&Rows) -> T) -> T {
        let position = |row: usize, axis: usize| self.places.at(block.tokens[row], axis);
        use_of(&Rows {
            first: block.first,
            position: &position,
            input: &block.input,
            got: &block.got,
            expected: &block.expected,
            residual: &block.residual,
        })
    }

    fn judged(&self, judge: &LargeJudge, block: &Block) -> Result<Large, Failure> {
        let judged = self.with(block, |rows| judge.judge(rows));
        judged.map_err(|misfit| Failure::Usage(misfit.to_string()))
    }

    /// Judges some rows; what is said of single rows is not theirs.
    pub(super) fn some(&self, judge: &LargeJudge, rows: &[usize]) -> Result<Large, Failure> {
        self.judged(judge, &self.block(rows.iter().copied(), false)?)
    }

    /// Judges some rows as if the two tensors were exchanged.
    pub(super) fn exchanged(&self, judge: &LargeJudge, rows: &[usize]) -> Result<Large, Failure> {
        self.judged(judge, &self.block(rows.iter().copied(), true)?)
    }

    /// Whether what came out is what went in, bit for bit.
    pub(super) fn is_identity(&self) -> bool {
        self.before.dtype == self.after.dtype && self.before.content() == self.after.content()
    }

    /// Judges all rows.
    pub(super) fn all(
        &self,
        judge: &LargeJudge,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Large, Failure> {
        let rows = self.geometry.rows();
        let blocks: Vec<usize> = (0..rows).step_by(BLOCK).collect();
        let judged: Vec<Large> = blocks
            .into_par_iter()
            .map(|first| {
                let range = first..rows.min(first + BLOCK);
                let count = range.len() as u64;
                let large = self.judged(judge, &self.block(range, false)?)?;
                progress(count);
                Ok(large)
            })
            .collect::<Result<_, Failure>>()?;
        Ok(judged.into_iter().fold(Large::default(), Large::merge))
    }

    /// Whether all rows are right, as [`Dump::all`] would find, without measuring what is certainly
    /// right. None if that would save little, and if no row shows anything.
    pub(super) fn right(&self, judge: &LargeJudge) -> Result<Option<bool>, Failure> {
        let rows = self.geometry.rows();
        let blocks = (0..rows).step_by(BLOCK).collect::<Vec<_>>().into_par_iter();
        let seen = blocks.map(|first| self.glance(judge, first..rows.min(first + BLOCK)));
        let seen: Vec<Seen> = seen.collect::<Result<_, Failure>>()?;
        let telling: usize = seen.iter().map(|seen| seen.telling).sum();
        let open: Vec<usize> = seen.into_iter().flat_map(|seen| seen.open).collect();
        if open.len() > rows / 2 {
            return Ok(None);
        }
        let rest = open.par_chunks(BLOCK).map(|rows| self.some(judge, rows));
        let rest = rest.try_reduce(Large::default, |a, b| Ok(a.merge(b)))?;
        let right = rest.wrong == 0;
        Ok((!right || telling > 0 || rest.tells()).then_some(right))
    }

    fn glance(&self, judge: &LargeJudge, rows: Range<usize>) -> Result<Seen, Failure> {
        let (input, got) = self.gathered(rows.clone(), false);
        let first = rows.start;
        let position =
            |row: usize, axis: usize| self.places.at(self.geometry.token(first + row), axis);
        let format = self.before.dtype.format().unwrap_or(Format::F64);
        let near = self.rotator.near(&position, format, &input).map_err(Failure::Undecided)?;
        let mut seen =
            judge.glance(&Glance { position: &position, input: &input, got: &got, near: &near });
        seen.open.iter_mut().for_each(|row| *row += first);
        Ok(seen)
    }

    /// A block of rows as a case of an audit, and what the kernel answered to it: some batches,
    /// heads and tokens.
    pub(super) fn case(
        &self,
        judge: &LargeJudge,
        cut: &[Vec<usize>; 3],
    ) -> Result<(Case, Tensor), Failure> {
        let [_, heads, tokens] = self.geometry.lengths;
        let mut rows = Vec::new();
        for &b in &cut[0] {
            for &h in &cut[1] {
                rows.extend(cut[2].iter().map(|t| (b * heads + h) * tokens + t));
            }
        }
        let block = self.block(rows.iter().copied(), false)?;
        let [b, h, t] = [0, 1, 2].map(|axis| cut[axis].len());
        let case = self.with(&block, |rows| judge.case(rows, [b, h, t]));
        let shape = vec![b, h, t, self.geometry.dim];
        let got = Tensor::new(self.after.dtype, shape, block.got);
        Ok((case, got.map_err(|error| Failure::Usage(error.to_string()))?))
    }
}
