//! A tensor as a library sees it: elements at their strides, between guards.

use super::abi::RawTensor;
use super::buffer::Guarded;
use super::how::{Failed, How};
use crate::audit::place::index_of;
use crate::audit::probe::{Arrangement, Probe};
use crate::number::{Dtype, Tensor};
use std::ffi::c_void;

impl RawTensor {
    pub(super) const ABSENT: RawTensor = RawTensor {
        input: std::ptr::null(),
        output: std::ptr::null_mut(),
        in_strides: [0; 4],
        out_strides: [0; 4],
        heads: 0,
    };
}

/// A tensor to be rotated, in memory.
pub(super) struct Placed<'a> {
    pub(super) name: &'static str,
    tensor: &'a Tensor,
    input: Guarded,
    in_strides: [usize; 4],
    /// None if the output is the input.
    output: Option<Guarded>,
    out_strides: [usize; 4],
    /// What an output that was not written holds: a NaN with a payload that no input has.
    unwritten: u64,
}

impl<'a> Placed<'a> {
    pub(super) fn new(name: &'static str, tensor: &'a Tensor, how: How) -> Placed<'a> {
        let shape = tensor.shape();
        let in_strides = how.lie.strides(tensor, false);
        let out_strides = if how.in_place { in_strides } else { how.lie.strides(tensor, true) };
        let dtype = tensor.dtype();
        let skew = if how.lie == Arrangement::Roomy { size(dtype) } else { 0 };
        let room = |strides: &[usize; 4]| Guarded::new(extent(shape, strides) * size(dtype), skew);
        let mut input = room(&in_strides);
        for (place, &bits) in places(shape, &in_strides).into_iter().zip(tensor.data()) {
            put(input.bytes_mut(), place, dtype, bits);
        }
        let unwritten = fresh_nan(tensor);
        let output = (!how.in_place).then(|| {
            let mut output = room(&out_strides);
            for place in places(shape, &out_strides) {
                put(output.bytes_mut(), place, dtype, unwritten);
            }
            output
        });
        Placed { name, tensor, input, in_strides, output, out_strides, unwritten }
    }

    pub(super) fn raw(&mut self) -> RawTensor {
        let input = self.input.hand_out();
        let output = self.output.as_mut().map_or(input, Guarded::hand_out);
        RawTensor {
            input: input as *const c_void,
            output: output as *mut c_void,
            in_strides: self.in_strides.map(|n| n as i64),
            out_strides: self.out_strides.map(|n| n as i64),
            heads: self.tensor.shape()[1] as i64,
        }
    }

    pub(super) fn overruns(&self) -> Result<(), Failed> {
        overrun(&self.input, "the input", self.name)?;
        self.output.as_ref().map_or(Ok(()), |output| overrun(output, "the output", self.name))
    }

    pub(super) fn input_is_unchanged(&self) -> Result<(), Failed> {
        match self.output.as_ref().and(self.input.changed()) {
            None => Ok(()),
            Some(damage) => Err(Failed::Found(
                Probe::InputChanged,
                format!("it wrote {damage} the input {}", self.name),
            )),
        }
    }

    /// The output, if it was written whole and nothing between its rows.
    pub(super) fn read(&self, how: How) -> Result<Tensor, Failed> {
        let (shape, dtype) = (self.tensor.shape(), self.tensor.dtype());
        let buffer = self.output.as_ref().unwrap_or(&self.input);
        let places = places(shape, &self.out_strides);
        let mut own = vec![false; buffer.bytes().len() / size(dtype)];
        places.iter().for_each(|&place| own[place] = true);
        if let Some(damage) = buffer.changed_beside(|byte| own[byte / size(dtype)]) {
            let text = format!(
                "it wrote {damage} the output {}, between the rows: it ignores strides",
                self.name
            );
            return Err(Failed::Found(Probe::Strided, text));
        }
        let data: Vec<u64> =
            places.iter().map(|&place| get(buffer.bytes(), place, dtype)).collect();
        if self.output.is_some()
            && let Some(index) = data.iter().position(|bits| *bits == self.unwritten)
        {
            let count = data.iter().filter(|bits| **bits == self.unwritten).count();
            let strided = how.lie != Arrangement::Contiguous;
            let probe = if strided { Probe::Strided } else { Probe::Unwritten };
            let at: String = index_of(index, shape).iter().map(|i| format!("[{i}]")).collect();
            let text = format!(
                "it left {count} of {} elements of the output {} unwritten, the first at {at}",
                data.len(),
                self.name
            );
            return Err(Failed::Found(probe, text));
        }
        Tensor::new(dtype, shape.to_vec(), data).map_err(|_| Failed::Status(3))
    }
}

/// A NaN with a payload that a tensor does not have.
pub(super) fn fresh_nan(tensor: &Tensor) -> u64 {
    let first = match tensor.dtype() {
        Dtype::F64 => 0x7ffc_dead_beef_5ca1,
        Dtype::F32 => 0x7fed_beef,
        Dtype::Bf16 => 0x7fed,
        Dtype::F16 => 0x7ead,
        _ => return tensor.dtype().format().map_or(0, |format| format.quiet_nan()),
    };
    let free = |bits: &u64| !tensor.data().contains(bits);
    (first..first + 64).find(free).unwrap_or(first)
}

pub(super) fn overrun(buffer: &Guarded, what: &str, name: &str) -> Result<(), Failed> {
    match buffer.overrun() {
        None => Ok(()),
        Some(damage) => {
            Err(Failed::Found(Probe::Canary, format!("it wrote {damage} {what} {name}")))
        }
    }
}

/// Elements from the first to the last.
fn extent(shape: &[usize], strides: &[usize; 4]) -> usize {
    match shape.contains(&0) {
        true => 0,
        false => 1 + shape.iter().zip(strides).map(|(n, stride)| (n - 1) * stride).sum::<usize>(),
    }
}

/// Where the elements stand, in row-major order.
pub(super) fn places(shape: &[usize], strides: &[usize; 4]) -> Vec<usize> {
    let mut places = vec![0];
    for (&n, &stride) in shape.iter().zip(strides) {
        let inner = |&start: &usize| (0..n).map(move |i| start + i * stride);
        places = places.iter().flat_map(inner).collect();
    }
    places
}

pub(super) fn size(dtype: Dtype) -> usize {
    dtype.digits() / 2
}

pub(super) fn put(bytes: &mut [u8], place: usize, dtype: Dtype, bits: u64) {
    let slot = &mut bytes[place * size(dtype)..][..size(dtype)];
    match size(dtype) {
        1 => slot[0] = bits as u8,
        2 => slot.copy_from_slice(&(bits as u16).to_ne_bytes()),
        4 => slot.copy_from_slice(&(bits as u32).to_ne_bytes()),
        _ => slot.copy_from_slice(&bits.to_ne_bytes()),
    }
}

pub(super) fn get(bytes: &[u8], place: usize, dtype: Dtype) -> u64 {
    let slot = &bytes[place * size(dtype)..][..size(dtype)];
    let mut wide = [0; 8];
    match cfg!(target_endian = "little") {
        true => wide[..slot.len()].copy_from_slice(slot),
        false => wide[8 - slot.len()..].copy_from_slice(slot),
    }
    u64::from_ne_bytes(wide)
}
