//! Rows of a batch that lie more than 2³¹ elements apart, in memory that is reserved and not filled:
//! only the pages with rows exist. There is as much room before the first row, so that an offset
//! that wraps around reads and writes there, and is found out by its answers.

use super::abi::RawTensor;
use super::how::Failed;
use super::placed::{fresh_nan, get, places, put, size};
use crate::audit::probe::{Arrangement, Probe};
use crate::number::Tensor;
use std::ffi::c_void;

/// Elements before the first row.
const BEFORE: usize = 1 << 31;

/// Reserved memory.
struct Reserved {
    start: *mut u8,
    length: usize,
}

impl Reserved {
    /// So many bytes, all zero; none where the system gives no such room.
    fn new(length: usize) -> Option<Reserved> {
        #[cfg(all(unix, target_pointer_width = "64"))]
        {
            use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
            let (access, kind) =
                (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
            // SAFETY: a new mapping at an address of the system's choice touches no other memory.
            let start = unsafe { mmap_anonymous(std::ptr::null_mut(), length, access, kind) };
            start.ok().map(|start| Reserved { start: start.cast(), length })
        }
        #[cfg(not(all(unix, target_pointer_width = "64")))]
        {
            let _ = length;
            None
        }
    }

    /// Some bytes of it.
    fn bytes(&mut self, first: usize, count: usize) -> &mut [u8] {
        debug_assert!(first + count <= self.length);
        // SAFETY: within the mapping, which is readable and writable, and borrowed for as long.
        unsafe { std::slice::from_raw_parts_mut(self.start.wrapping_add(first), count) }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        #[cfg(all(unix, target_pointer_width = "64"))]
        // SAFETY: the mapping is this value's own, and nothing borrows from it any more.
        let _ = unsafe { rustix::mm::munmap(self.start.cast(), self.length) };
    }
}

/// Whether there is such room at all.
pub(super) fn is_possible() -> bool {
    Reserved::new(8 * 4 * BEFORE).is_some()
}

/// A tensor whose rows lie far apart.
pub(super) struct Far<'a> {
    pub(super) name: &'static str,
    tensor: &'a Tensor,
    input: Reserved,
    output: Reserved,
    places: Vec<usize>,
    unwritten: u64,
}

impl<'a> Far<'a> {
    pub(super) fn new(name: &'static str, tensor: &'a Tensor) -> Option<Far<'a>> {
        let strides = Arrangement::Far.strides(tensor, false);
        let places = places(tensor.shape(), &strides);
        let (dtype, width) = (tensor.dtype(), size(tensor.dtype()));
        let last = places.iter().copied().max().unwrap_or_default();
        let room = || Reserved::new((BEFORE + last + 4096) * width);
        let (mut input, mut output) = (room()?, room()?);
        let unwritten = fresh_nan(tensor);
        for (&place, &bits) in places.iter().zip(tensor.data()) {
            let at = (BEFORE + place) * width;
            put(input.bytes(at, width), 0, dtype, bits);
            put(output.bytes(at, width), 0, dtype, unwritten);
        }
        Some(Far { name, tensor, input, output, places, unwritten })
    }

    pub(super) fn raw(&mut self) -> RawTensor {
        let strides = Arrangement::Far.strides(self.tensor, false).map(|n| n as i64);
        let first = BEFORE * size(self.tensor.dtype());
        RawTensor {
            input: self.input.start.wrapping_add(first) as *const c_void,
            output: self.output.start.wrapping_add(first) as *mut c_void,
            in_strides: strides,
            out_strides: strides,
            heads: self.tensor.shape()[1] as i64,
        }
    }

    pub(super) fn read(&mut self) -> Result<Tensor, Failed> {
        let (dtype, width) = (self.tensor.dtype(), size(self.tensor.dtype()));
        let mut data = Vec::with_capacity(self.places.len());
        for &place in &self.places {
            data.push(get(self.output.bytes((BEFORE + place) * width, width), 0, dtype));
        }
        let left = data.iter().filter(|bits| **bits == self.unwritten).count();
        if left > 0 {
            let text = format!(
                "it left {left} of {} elements of the output {} unwritten where rows of the batch \
                 are more than 2^31 elements apart: offsets are kept in 32 bits",
                data.len(),
                self.name
            );
            return Err(Failed::Found(Probe::Strided, text));
        }
        Tensor::new(dtype, self.tensor.shape().to_vec(), data).map_err(|_| Failed::Status(3))
    }
}
