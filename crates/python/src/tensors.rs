//! Tensors of Python as bytes, and bytes as tensors of the library.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ropewalk::dump::Raw;
use ropewalk::number::{Dtype, Tensor};

/// A tensor of another framework: `(dtype, shape, strides, pointer or bytes, owner)`. Strides are
/// in bytes, and none if the numbers lie side by side; the owner keeps the memory alive.
#[derive(FromPyObject)]
pub struct Foreign {
    dtype: String,
    shape: Vec<usize>,
    strides: Option<Vec<isize>>,
    data: Data,
    owner: Py<PyAny>,
}

#[derive(FromPyObject)]
enum Data {
    Pointer(usize),
    Bytes(Vec<u8>),
}

impl Foreign {
    /// The numbers, side by side; copied only if they are not.
    ///
    /// The memory is borrowed without a lifetime: whoever calls keeps the `Foreign` until the last
    /// use of what it gave.
    pub fn raw(&self, name: &str) -> PyResult<Raw<'static>> {
        let Some(dtype) = Dtype::from_name(&self.dtype) else {
            return Err(PyTypeError::new_err(format!(
                "{name} is {}, allowed are {}",
                self.dtype,
                Dtype::list(&Dtype::ALL)
            )));
        };
        let size = dtype.digits() / 2;
        let count = self.shape.iter().try_fold(size, |n, &length| n.checked_mul(length));
        let Some(count) = count else {
            return Err(PyValueError::new_err(format!("{name} has shape {:?}", self.shape)));
        };
        let (shape, strides) = (self.shape.clone(), self.strides.as_deref());
        let raw = match &self.data {
            Data::Bytes(bytes) => match strides {
                Some(strides) if !contiguous(&self.shape, strides, size) => {
                    spread(bytes, &self.shape, strides, size)
                        .and_then(|bytes| Raw::new(dtype, shape, bytes, 0))
                }
                _ => Raw::new(dtype, shape, bytes.clone(), 0),
            },
            Data::Pointer(_) if count == 0 => Raw::new(dtype, shape, Vec::new(), 0),
            Data::Pointer(0) => Err("it has no memory".into()),
            &Data::Pointer(pointer) => match strides {
                Some(strides) if !contiguous(&self.shape, strides, size) => {
                    if strides.len() != self.shape.len() {
                        return Err(PyValueError::new_err(format!("{name}: strides {strides:?}")));
                    }
                    let mut bytes = Vec::with_capacity(count);
                    // SAFETY: the framework says that these places hold its numbers.
                    unsafe { gather(pointer as *const u8, &self.shape, strides, size, &mut bytes) };
                    Raw::new(dtype, shape, bytes, 0)
                }
                // SAFETY: as above, and the owner lives as long as `self`.
                _ => {
                    let bytes = unsafe { std::slice::from_raw_parts(pointer as *const u8, count) };
                    Raw::new(dtype, shape, bytes, 0)
                }
            },
        };
        raw.map_err(|why| PyValueError::new_err(format!("{name}: {why}")))
    }

    /// The same as a tensor of the library.
    pub fn tensor(&self, name: &str) -> PyResult<Tensor> {
        let raw = self.raw(name)?;
        let count = raw.shape.iter().product();
        let mut data = Vec::with_capacity(count);
        raw.append(0, count, &mut data);
        Tensor::new(raw.dtype, raw.shape, data).map_err(|e| PyValueError::new_err(e.to_string()))
    }

    /// Lets the memory go, when nothing borrows it any longer.
    pub fn release(self, py: Python<'_>) {
        self.owner.drop_ref(py);
    }
}

/// The numbers of a strided array in bytes of ours, in their order.
fn spread(
    bytes: &[u8],
    shape: &[usize],
    strides: &[isize],
    size: usize,
) -> Result<Vec<u8>, String> {
    let steps: Option<Vec<usize>> = strides.iter().map(|&s| usize::try_from(s).ok()).collect();
    let far = |steps: &Vec<usize>| {
        let reach = steps.iter().zip(shape).map(|(step, n)| step.checked_mul(n.saturating_sub(1)));
        reach.chain([Some(size)]).try_fold(0usize, |sum, part| sum.checked_add(part?))
    };
    let fits = steps.as_ref().and_then(far).is_some_and(|end| end <= bytes.len());
    if strides.len() != shape.len() || !fits && !shape.contains(&0) {
        return Err(format!("strides {strides:?} leave its bytes"));
    }
    let mut out = Vec::new();
    if !shape.contains(&0) {
        // SAFETY: no stride is negative, and the last number ends within the bytes.
        unsafe { gather(bytes.as_ptr(), shape, strides, size, &mut out) };
    }
    Ok(out)
}

fn contiguous(shape: &[usize], strides: &[isize], size: usize) -> bool {
    let mut due = size as isize;
    shape.iter().zip(strides).rev().all(|(&length, &stride)| {
        let fits = length == 1 || stride == due;
        due *= length as isize;
        fits
    })
}

/// Appends the numbers of a strided array in their order.
///
/// # Safety
/// Every place that shape and strides reach from `pointer` holds `size` bytes.
unsafe fn gather(
    pointer: *const u8,
    shape: &[usize],
    strides: &[isize],
    size: usize,
    out: &mut Vec<u8>,
) {
    let ([length, shape @ ..], [stride, strides @ ..]) = (shape, strides) else {
        // SAFETY: the caller's.
        out.extend_from_slice(unsafe { std::slice::from_raw_parts(pointer, size) });
        return;
    };
    if contiguous(shape, strides, size)
        && *stride == size as isize * shape.iter().product::<usize>() as isize
    {
        let bytes = *length * *stride as usize;
        // SAFETY: the caller's: all of it lies side by side.
        out.extend_from_slice(unsafe { std::slice::from_raw_parts(pointer, bytes) });
        return;
    }
    for index in 0..*length {
        // SAFETY: the caller's.
        unsafe { gather(pointer.offset(index as isize * stride), shape, strides, size, out) };
    }
}

/// Positions: evenly spaced, or 64-bit integers `[axis][token]`.
#[derive(FromPyObject)]
pub enum Positions {
    /// First, step, count.
    Span(i64, i64, usize),
    /// Number of lists, and all of them.
    Lists(usize, Vec<u8>),
}

impl Positions {
    /// As the library has them.
    pub fn places(self) -> PyResult<ropewalk::dump::Places> {
        use ropewalk::dump::Places;
        use ropewalk::exact::ladder::Span;
        let limit = ropewalk::request::POSITION_LIMIT;
        let wrong = |p: i128| PyValueError::new_err(format!("position {p} is not within ±2^62"));
        match self {
            Positions::Span(start, step, count) => {
                let span = Span { start, step, count };
                let last = start as i128 + step as i128 * count.saturating_sub(1) as i128;
                let far =
                    [start as i128, last].into_iter().find(|p| p.unsigned_abs() > limit as u128);
                far.map_or(Ok(Places::Span(span)), |p| Err(wrong(p)))
            }
            Positions::Lists(axes, bytes) => {
                let all: Vec<i64> =
                    bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect();
                if let Some(&far) = all.iter().find(|p| p.unsigned_abs() > limit as u64) {
                    return Err(wrong(far as i128));
                }
                let length = all.len() / axes.max(1);
                let list = |axis: usize| all[axis * length..(axis + 1) * length].to_vec();
                Ok(Places::Lists((0..axes.max(1)).map(list).collect()))
            }
        }
    }
}

/// A dtype by its name.
pub fn dtype(name: &str) -> PyResult<Dtype> {
    let found = Dtype::from_name(name).filter(|dtype| dtype.format().is_some());
    found.ok_or_else(|| {
        let allowed: Vec<Dtype> = Dtype::floating().collect();
        PyTypeError::new_err(format!("dtype is {name}, allowed are {}", Dtype::list(&allowed)))
    })
}

/// The numbers of a tensor, little-endian.
pub fn bytes(tensor: &Tensor) -> Vec<u8> {
    let size = tensor.dtype().digits() / 2;
    tensor.data().iter().flat_map(|bits| bits.to_le_bytes().into_iter().take(size)).collect()
}

/// Dtype, shape and bytes, for Python.
pub type Packed<'py> = (&'static str, Vec<usize>, Bound<'py, PyBytes>);

/// A tensor of the library for Python.
pub fn packed<'py>(py: Python<'py>, tensor: &Tensor) -> Packed<'py> {
    (tensor.dtype().name(), tensor.shape().to_vec(), PyBytes::new(py, &bytes(tensor)))
}

/// The number of a bit pattern in hexadecimal digits, as reports have them.
#[pyfunction]
pub fn number(name: &str, digits: &str) -> PyResult<f64> {
    let bits = u64::from_str_radix(digits, 16);
    let bits = bits.map_err(|e| PyValueError::new_err(format!("{digits:?}: {e}")))?;
    Ok(match Dtype::from_name(name).map(|dtype| (dtype, dtype.format())) {
        Some((_, Some(format))) => format.to_f64(bits),
        Some((Dtype::I32, _)) => f64::from(bits as u32 as i32),
        _ => bits.cast_signed() as f64,
    })
}

/// A tensor as dtype, shape and bytes, to be kept.
#[pyfunction]
pub fn pack<'py>(py: Python<'py>, tensor: Foreign) -> PyResult<Packed<'py>> {
    let whole = tensor.tensor("tensor")?;
    tensor.release(py);
    Ok(packed(py, &whole))
}

/// What a DLPack capsule says: dtype, shape, strides in bytes, pointer.
type Described = (String, Vec<usize>, Option<Vec<isize>>, usize);

#[repr(C)]
struct DlTensor {
    data: *mut u8,
    device_type: i32,
    device_id: i32,
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

/// Reads a DLPack capsule, which stays its producer's and must outlive what it describes.
#[pyfunction]
pub fn dlpack(capsule: &Bound<'_, PyAny>) -> PyResult<Described> {
    // SAFETY: the name says what the pointer is; null comes with a Python error.
    let pointer =
        unsafe { pyo3::ffi::PyCapsule_GetPointer(capsule.as_ptr(), c"dltensor".as_ptr()) };
    if pointer.is_null() {
        return Err(PyErr::fetch(capsule.py()));
    }
    // SAFETY: a capsule of this name holds a DLManagedTensor, which begins with a DLTensor.
    let tensor = unsafe { &*(pointer as *const DlTensor) };
    // Memory of the CPU, pinned or managed.
    if ![1, 3, 11, 13].contains(&tensor.device_type) {
        let (kind, id) = (tensor.device_type, tensor.device_id);
        return Err(PyTypeError::new_err(format!(
            "the tensor lies on a device (DLPack type {kind}, number {id}); bring it to the CPU"
        )));
    }
    let name = match (tensor.code, tensor.bits, tensor.lanes) {
        (2, 64, 1) => "f64",
        (2, 32, 1) => "f32",
        (2, 16, 1) => "f16",
        (4, 16, 1) => "bf16",
        (10, 8, 1) => "f8e4m3fn",
        (11, 8, 1) => "f8e4m3fnuz",
        (12, 8, 1) => "f8e5m2",
        (13, 8, 1) => "f8e5m2fnuz",
        (0, 64, 1) => "i64",
        (0, 32, 1) => "i32",
        (code, bits, lanes) => {
            return Err(PyTypeError::new_err(format!(
                "DLPack dtype (code {code}, {bits} bits, {lanes} lanes) is none of {}",
                Dtype::list(&Dtype::ALL)
            )));
        }
    };
    let axes = usize::try_from(tensor.ndim).unwrap_or(0);
    let list = |pointer: *mut i64| -> Vec<i64> {
        match pointer.is_null() || axes == 0 {
            true => vec![],
            // SAFETY: DLPack: as many as there are axes.
            false => unsafe { std::slice::from_raw_parts(pointer, axes) }.to_vec(),
        }
    };
    let size = tensor.bits as isize / 8;
    let shape = list(tensor.shape).into_iter().map(|n| n as usize).collect();
    let strides = match tensor.strides.is_null() {
        true => None,
        false => Some(list(tensor.strides).into_iter().map(|n| n as isize * size).collect()),
    };
    Ok((name.to_string(), shape, strides, tensor.data as usize + tensor.byte_offset as usize))
}
