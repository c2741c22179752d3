//! Tensors as the contract writes them: a dtype, a shape and rows of hexadecimal bit patterns.

use super::Dtype;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A row-major array of bit patterns.
///
/// In JSON `bits` has ∏ shape[..−1] strings (one for shape `[]`), each with the elements of one
/// innermost row, every element as fixed-width lower-case big-endian hexadecimal of its bit
/// pattern (16 digits f64 and i64, 8 f32 and i32, 4 bf16 and f16, 2 of eight bits). Data are never JSON numbers.
///
/// ```
/// use ropewalk::number::{Dtype, Tensor};
/// let text = r#"{"dtype":"f32","shape":[2,2],"bits":["3f80000040000000","0000000080000000"]}"#;
/// let tensor: Tensor = serde_json::from_str(text).unwrap();
/// assert_eq!(tensor.data(), [0x3f800000, 0x40000000, 0, 0x80000000]);
/// assert_eq!(serde_json::to_string(&tensor).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u64>,
}

/// Why something is no tensor. The message names the field, the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TensorError(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    dtype: String,
    shape: Vec<usize>,
    bits: Vec<String>,
}

/// No tensor of the contract comes near; it keeps a shape from promising memory that nobody has.
const MOST_ELEMENTS: usize = 1 << 30;

/// Elements of a shape (1 for `[]`), none if there are too many to hold.
fn elements(shape: &[usize]) -> Option<usize> {
    let product = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
    // A zero dimension must not hide an absurd one.
    let bound = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)))?;
    (bound <= MOST_ELEMENTS).then_some(product)
}

impl Tensor {
    /// A tensor from bit patterns, row-major.
    ///
    /// # Errors
    /// If the shape does not have as many elements as `data`, or more than 2³⁰; if a pattern is
    /// wider than the dtype (a negative i32 is its 32 bits, not sign-extended).
    ///
    /// ```
    /// use ropewalk::number::{Dtype, Tensor};
    /// let minus_one = (-1i32).cast_unsigned().into();
    /// let tensor = Tensor::new(Dtype::I32, vec![], vec![minus_one]).unwrap();
    /// assert_eq!(tensor.rows(), ["ffffffff"]);
    /// assert!(Tensor::new(Dtype::I32, vec![3], vec![minus_one]).is_err());
    /// ```
    pub fn new(dtype: Dtype, shape: Vec<usize>, data: Vec<u64>) -> Result<Tensor, TensorError> {
        match elements(&shape) {
            Some(n) if n == data.len() => {}
            Some(n) => {
                return Err(TensorError(format!(
                    "shape {shape:?} has {n} elements, but {} were given",
                    data.len()
                )));
            }
            None => {
                return Err(TensorError(format!("shape {shape:?} has more than 2^30 elements")));
            }
        }
        // The rows would drop such bits silently, and equal tensors would compare unequal.
        let width = 4 * dtype.digits() as u32;
        let wide = |bits: &u64| bits.checked_shr(width).is_some_and(|above| above != 0);
        if let Some(index) = data.iter().position(wide) {
            return Err(TensorError(format!(
                "data[{index}] is {:#x}, wider than the {width} bits of {dtype}",
                data[index]
            )));
        }
        Ok(Tensor { dtype, shape, data })
    }

    /// Reads the parts of the JSON form.
    ///
    /// # Errors
    /// An unknown dtype, too large a shape, a wrong number of rows, a row of the wrong length, a
    /// character that is not a lower-case hexadecimal digit.
    pub fn from_rows(dtype: &str, shape: Vec<usize>, rows: &[&str]) -> Result<Tensor, TensorError> {
        let Some(kind) = Dtype::from_name(dtype) else {
            return Err(TensorError(format!(
                "dtype {dtype:?} is none of {}",
                Dtype::list(&Dtype::ALL)
            )));
        };
        if elements(&shape).is_none() {
            return Err(TensorError(format!("shape {shape:?} has more than 2^30 elements")));
        }
        let columns = shape.last().copied().unwrap_or(1);
        let expected_rows = shape.split_last().map_or(1, |(_, outer)| outer.iter().product());
        if rows.len() != expected_rows {
            return Err(TensorError(format!(
                "bits has {} rows, but shape {shape:?} needs {expected_rows}",
                rows.len()
            )));
        }
        let digits = kind.digits();
        let needed = columns as u64 * digits as u64;
        // Room for what is written, not for what the shape claims: a claim costs nothing.
        let written = rows.iter().map(|row| row.len()).sum::<usize>();
        let mut data = Vec::with_capacity(written / digits);
        for (index, row) in rows.iter().enumerate() {
            if row.len() as u64 != needed {
                return Err(TensorError(format!(
                    "bits[{index}] has {} digits, but {columns} elements of {kind} need {needed}",
                    row.len()
                )));
            }
            let mut bits = 0u64;
            for (place, byte) in row.bytes().enumerate() {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    b'a'..=b'f' => byte - b'a' + 10,
                    _ => {
                        return Err(TensorError(format!(
                            "bits[{index}] has a character at place {place} that is no lower-case \
                             hexadecimal digit"
                        )));
                    }
                };
                bits = bits << 4 | digit as u64;
                if (place + 1) % digits == 0 {
                    data.push(bits);
                    bits = 0;
                }
            }
        }
        Ok(Tensor { dtype: kind, shape, data })
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The bit patterns, row-major.
    pub fn data(&self) -> &[u64] {
        &self.data
    }

    /// Elements of an innermost row (1 for shape `[]`).
    ///
    /// ```
    /// use ropewalk::number::{Dtype, Tensor};
    /// let empty = Tensor::new(Dtype::F16, vec![2, 0], vec![]).unwrap();
    /// assert_eq!((empty.columns(), empty.rows()), (0, vec![String::new(); 2]));
    /// ```
    pub fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// The rows of the JSON form.
    pub fn rows(&self) -> Vec<String> {
        if self.columns() == 0 {
            let count = self.shape[..self.shape.len() - 1].iter().product();
            return vec![String::new(); count];
        }
        let digits = self.dtype.digits();
        let write = |row: &[u64]| {
            let mut text = String::with_capacity(row.len() * digits);
            for bits in row {
                // A string takes whatever is written to it.
                let _ = write!(text, "{bits:0digits$x}");
            }
            text
        };
        self.data.chunks(self.columns()).map(write).collect()
    }
}

impl TryFrom<Written> for Tensor {
    type Error = TensorError;

    fn try_from(written: Written) -> Result<Tensor, TensorError> {
        let rows: Vec<&str> = written.bits.iter().map(String::as_str).collect();
        Tensor::from_rows(&written.dtype, written.shape, &rows)
    }
}

impl From<Tensor> for Written {
    fn from(tensor: Tensor) -> Written {
        Written { dtype: tensor.dtype.name().to_string(), bits: tensor.rows(), shape: tensor.shape }
    }
}
