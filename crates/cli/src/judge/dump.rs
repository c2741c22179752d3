//! The two tensors, row by row.

use crate::CliError;
use crate::positions::Places;
use crate::tensors::Raw;
use rayon::prelude::*;
use ropewalk::audit::{Case, Large, LargeJudge, Rows};
use ropewalk::exact::bulk::Rotator;
use ropewalk::number::Tensor;

/// Rows of a task.
const BLOCK: usize = 512;

/// Which element of a tensor belongs to which head and token.
pub(super) struct Geometry {
    /// Lengths and strides of batch, head, sequence.
    lengths: [usize; 3],
    strides: [usize; 3],
    pub(super) dim: usize,
    /// The letters of the axes.
    pub(super) letters: String,
}

impl Geometry {
    /// Of a shape whose axes are called by letters.
    pub(super) fn new(
        letters: Option<&str>,
        shape: &[usize],
        head_dim: usize,
        tokens: usize,
    ) -> Result<Geometry, CliError> {
        let usage = |why: String| Err(CliError::Usage(why));
        let letters = match letters {
            Some(letters) => letters.to_string(),
            None => match shape.len() {
                n @ 1..=4 => "bhsd"[4 - n..].to_string(),
                n => return usage(format!("a tensor has {n} axes, allowed are 1 to 4 (bhsd)")),
            },
        };
        let known = letters.ends_with('d')
            && letters.chars().all(|c| "bhsd".contains(c))
            && letters.chars().all(|c| letters.matches(c).count() == 1);
        if !known {
            return usage(format!(
                "--axes is {letters:?}, allowed are b, h, s in any order and then d, each once"
            ));
        }
        if letters.len() != shape.len() {
            return usage(format!("--axes is {letters:?}, the tensors have shape {shape:?}"));
        }
        let (mut lengths, mut strides) = ([1; 3], [0; 3]);
        let mut stride = 1;
        for (letter, &length) in letters.chars().rev().zip(shape.iter().rev()) {
            if let Some(axis) = "bhs".find(letter) {
                (lengths[axis], strides[axis]) = (length, stride);
            }
            stride *= length;
        }
        let dim = shape[shape.len() - 1];
        if dim != head_dim {
            return usage(format!(
                "the last axis has length {dim}, head_dim of the config is {head_dim}"
            ));
        }
        if lengths[2] != tokens {
            return usage(format!(
                "--positions are {tokens}, the tensors have {} tokens (axis s of {letters:?}, shape \
                 {shape:?})",
                lengths[2]
            ));
        }
        if stride == 0 {
            return usage(format!("the tensors have shape {shape:?}: nothing is there to judge"));
        }
        Ok(Geometry { lengths, strides, dim, letters })
    }

    /// Number of rows: a row is one head of one token.
    pub(super) fn rows(&self) -> usize {
        self.lengths.iter().product()
    }

    /// Batch, head and token of a row.
    fn split(&self, row: usize) -> [usize; 3] {
        let [_, heads, tokens] = self.lengths;
        [row / tokens / heads, row / tokens % heads, row % tokens]
    }

    /// Where a row begins.
    fn offset(&self, row: usize) -> usize {
        self.split(row).iter().zip(&self.strides).map(|(i, stride)| i * stride).sum()
    }

    pub(super) fn token(&self, row: usize) -> usize {
        self.split(row)[2]
    }

    /// The index of an element in the tensors, outermost first.
    pub(super) fn index(&self, row: usize, coordinate: usize) -> Vec<usize> {
        let split = self.split(row);
        let place = |letter: char| "bhs".find(letter).map_or(coordinate, |axis| split[axis]);
        self.letters.chars().map(place).collect()
    }
}

/// Both tensors, and what is right.
pub(super) struct Dump {
    pub(super) before: Raw,
    pub(super) after: Raw,
    pub(super) geometry: Geometry,
    pub(super) places: Places,
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

impl Dump {
    fn block(&self, rows: impl ExactSizeIterator<Item = usize> + Clone) -> Result<Block, CliError> {
        let dim = self.geometry.dim;
        let mut input = Vec::with_capacity(rows.len() * dim);
        let mut got = Vec::with_capacity(rows.len() * dim);
        for offset in rows.clone().map(|row| self.geometry.offset(row)) {
            self.before.append(offset, dim, &mut input);
            self.after.append(offset, dim, &mut got);
        }
        let tokens: Vec<usize> = rows.clone().map(|row| self.geometry.token(row)).collect();
        let position = |row: usize, axis: usize| self.places.at(tokens[row], axis);
        let format = self.before.dtype.format().unwrap_or(ropewalk::number::Format::F64);
        let (expected, residual) = self
            .rotator
            .turn(&position, format, &input)
            .map_err(|undecided| CliError::Usage(undecided.to_string()))?;
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

    fn judged(&self, judge: &LargeJudge, block: &Block) -> Result<Large, CliError> {
        let judged = self.with(block, |rows| judge.judge(rows));
        judged.map_err(|misfit| CliError::Usage(misfit.to_string()))
    }

    /// Judges some rows; what is said of single rows is not theirs.
    pub(super) fn some(&self, judge: &LargeJudge, rows: &[usize]) -> Result<Large, CliError> {
        self.judged(judge, &self.block(rows.iter().copied())?)
    }

    /// Judges all rows.
    pub(super) fn all(
        &self,
        judge: &LargeJudge,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Large, CliError> {
        let rows = self.geometry.rows();
        let blocks: Vec<usize> = (0..rows).step_by(BLOCK).collect();
        let judged: Vec<Large> = blocks
            .into_par_iter()
            .map(|first| {
                let range = first..rows.min(first + BLOCK);
                let count = range.len() as u64;
                let large = self.judged(judge, &self.block(range)?)?;
                progress(count);
                Ok(large)
            })
            .collect::<Result<_, CliError>>()?;
        Ok(judged.into_iter().fold(Large::default(), Large::merge))
    }

    /// Some rows as a case of an audit, and what the kernel answered to it.
    pub(super) fn case(
        &self,
        judge: &LargeJudge,
        rows: &[usize],
    ) -> Result<(Case, Tensor), CliError> {
        let block = self.block(rows.iter().copied())?;
        let all: Vec<usize> = (0..rows.len()).collect();
        let case = self.with(&block, |rows| judge.case(rows, &all));
        let shape = vec![1, 1, rows.len(), self.geometry.dim];
        let got = Tensor::new(self.after.dtype, shape, block.got);
        Ok((case, got.map_err(|error| CliError::Usage(error.to_string()))?))
    }
}
