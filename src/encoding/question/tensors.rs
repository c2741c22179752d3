//! Tensors whose dtype and rank were checked: what reads them need not ask again.

use crate::number::{Format, Tensor};
use std::ops::Deref;

/// A tensor of a floating-point dtype.
///
/// ```
/// use ropewalk::{encoding::Floats, number::{Dtype, Format, Tensor}};
/// let tensor = |dtype| Tensor::new(dtype, vec![1], vec![0]).unwrap();
/// assert_eq!(Floats::new(tensor(Dtype::F16)).unwrap().format(), Format::F16);
/// assert!(Floats::new(tensor(Dtype::I32)).is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Floats {
    tensor: Tensor,
    format: Format,
}

impl Deref for Floats {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.tensor
    }
}

impl Floats {
    /// None for integers.
    pub fn new(tensor: Tensor) -> Option<Floats> {
        let format = tensor.dtype().format()?;
        Some(Floats { tensor, format })
    }

    /// The tensor itself.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The format of its elements.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its elements as numbers.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        self.data().iter().map(|&bits| self.format.to_f64(bits))
    }

    /// The same with every element changed.
    pub fn map(&self, change: impl FnMut(u64) -> u64) -> Floats {
        let data = self.data().iter().copied().map(change).collect();
        let tensor = Tensor::new(self.dtype(), self.shape().to_vec(), data);
        Floats { tensor: tensor.unwrap_or_else(|_| self.tensor.clone()), format: self.format }
    }
}

/// Floating-point rows of heads: [batch, heads, seq, head_dim].
///
/// ```
/// use ropewalk::{encoding::Heads, number::{Dtype, Tensor}};
/// let tensor = Tensor::new(Dtype::F16, vec![2, 3, 1, 4], vec![0; 24]).unwrap();
/// let heads = Heads::new(tensor).unwrap();
/// assert_eq!((heads.batch(), heads.heads(), heads.seq(), heads.dim()), (2, 3, 1, 4));
/// let (row, token, bits) = heads.rows().nth(4).unwrap();
/// assert_eq!((row, token, bits.len()), (4, 1, 4));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Heads {
    floats: Floats,
    shape: [usize; 4],
}

impl Deref for Heads {
    type Target = Floats;

    fn deref(&self) -> &Floats {
        &self.floats
    }
}

impl Heads {
    /// None for integers, and for other ranks than 4.
    pub fn new(tensor: Tensor) -> Option<Heads> {
        Heads::from_floats(Floats::new(tensor)?)
    }

    /// None for other ranks than 4.
    pub(super) fn from_floats(floats: Floats) -> Option<Heads> {
        let shape = floats.shape().try_into().ok()?;
        Some(Heads { floats, shape })
    }

    /// Number of sequences.
    pub fn batch(&self) -> usize {
        self.shape[0]
    }

    /// Heads of a token.
    pub fn heads(&self) -> usize {
        self.shape[1]
    }

    /// Tokens of a sequence.
    pub fn seq(&self) -> usize {
        self.shape[2]
    }

    /// Coordinates of a head.
    pub fn dim(&self) -> usize {
        self.shape[3]
    }

    /// The token of a row, counted over `[batch][seq]`.
    pub fn token(&self, row: usize) -> usize {
        let (heads, seq) = (self.heads().max(1), self.seq().max(1));
        row / (heads * seq) * seq + row % seq
    }

    /// Every row: its number, its token, its elements.
    pub fn rows(&self) -> impl Iterator<Item = (usize, usize, &[u64])> {
        let rows = self.data().chunks(self.dim().max(1)).enumerate();
        rows.map(|(row, bits)| (row, self.token(row), bits))
    }

    /// The same with every element changed.
    pub fn map(&self, change: impl FnMut(u64) -> u64) -> Heads {
        Heads { floats: self.floats.map(change), shape: self.shape }
    }
}
