//! A large tensor as the bytes that a file or a framework has.

use crate::number::{Dtype, Tensor};
use std::borrow::Cow;

/// Little-endian numbers, row-major.
pub struct Raw<'a> {
    /// Their format.
    pub dtype: Dtype,
    /// Lengths of the axes, outermost first.
    pub shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
    start: usize,
}

impl<'a> Raw<'a> {
    /// The numbers from byte `start` on.
    ///
    /// # Errors
    /// If there are fewer bytes than the shape says.
    pub fn new(
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: impl Into<Cow<'a, [u8]>>,
        start: usize,
    ) -> Result<Raw<'a>, String> {
        let raw = Raw { dtype, shape, bytes: bytes.into(), start };
        raw.fits().then_some(raw).ok_or_else(|| "its data are not as long as its shape says".into())
    }

    fn size(&self) -> usize {
        self.dtype.digits() / 2
    }

    /// Number of elements.
    fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |n, &length| n.checked_mul(length))
    }

    fn fits(&self) -> bool {
        let end = self.count().and_then(|n| n.checked_mul(self.size())?.checked_add(self.start));
        end.is_some_and(|end| end <= self.bytes.len())
    }

    /// The bytes of the elements.
    pub fn content(&self) -> &[u8] {
        let count = self.count().unwrap_or_default();
        &self.bytes[self.start..][..count * self.size()]
    }

    /// The elements, if they are integers.
    pub fn integers(&self) -> Option<Vec<i64>> {
        let mut bits = Vec::new();
        self.append(0, self.count()?, &mut bits);
        match self.dtype {
            Dtype::I64 => Some(bits.into_iter().map(|bits| bits as i64).collect()),
            Dtype::I32 => {
                Some(bits.into_iter().map(|bits| i64::from(bits as u32 as i32)).collect())
            }
            _ => None,
        }
    }

    /// Appends the bits of some elements.
    pub fn append(&self, first: usize, count: usize, out: &mut Vec<u64>) {
        let size = self.size();
        let bytes = &self.bytes[self.start + first * size..][..count * size];
        match size {
            1 => out.extend(bytes.iter().map(|&byte| u64::from(byte))),
            2 => out.extend(bytes.as_chunks().0.iter().map(|b| u64::from(u16::from_le_bytes(*b)))),
            4 => out.extend(bytes.as_chunks().0.iter().map(|b| u64::from(u32::from_le_bytes(*b)))),
            _ => out.extend(bytes.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b))),
        }
    }
}

impl From<&Tensor> for Raw<'_> {
    fn from(tensor: &Tensor) -> Self {
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        let size = dtype.digits() / 2;
        let bits = tensor.data().iter();
        let bytes: Vec<u8> =
            bits.flat_map(|bits| bits.to_le_bytes().into_iter().take(size)).collect();
        Raw { dtype, shape, bytes: bytes.into(), start: 0 }
    }
}
