//! Numbers as little-endian bytes.

use ropewalk::number::{Dtype, Tensor};

/// The numbers of a tensor, little-endian.
pub(super) fn bytes(tensor: &Tensor) -> Vec<u8> {
    let size = tensor.dtype().digits() / 2;
    tensor.data().iter().flat_map(|bits| bits.to_le_bytes().into_iter().take(size)).collect()
}

/// A tensor from little-endian numbers.
pub(super) fn tensor(dtype: Dtype, shape: Vec<usize>, bytes: &[u8]) -> Result<Tensor, String> {
    let number = |chunk: &[u8]| chunk.iter().rev().fold(0, |bits, &b| bits << 8 | u64::from(b));
    let data = bytes.chunks(dtype.digits() / 2).map(number).collect();
    Tensor::new(dtype, shape, data).map_err(|e| e.to_string())
}
