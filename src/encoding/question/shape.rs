//! What shapes and formats a request may have.

use crate::number::{Format, Tensor};
use crate::request::{Reject, Slug};

/// More elements than any answer should have; it bounds the memory a request can ask for.
pub(super) const MOST_ELEMENTS: usize = 1 << 26;

/// A tensor of a floating-point dtype, with its format.
///
/// # Errors
/// `dtype_mismatch` for integers.
pub(crate) fn floating(name: &str, tensor: Tensor) -> Result<(Tensor, Format), Reject> {
    match tensor.dtype().format() {
        Some(format) => Ok((tensor, format)),
        None => Err(Slug::DtypeMismatch.because(format!(
            "{name} has dtype {}, allowed are f64, f32, bf16, f16",
            tensor.dtype()
        ))),
    }
}

pub(super) fn shape_error(name: &str, shape: &[usize], rule: impl std::fmt::Display) -> Reject {
    Slug::ShapeMismatch.because(format!("{name} has shape {shape:?}, {rule} is needed"))
}

pub(super) fn expect_output(shape: &[usize]) -> Result<(), Reject> {
    match shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) {
        Some(n) if n <= MOST_ELEMENTS => Ok(()),
        _ => Err(Slug::ShapeMismatch
            .because(format!("the answer would have shape {shape:?}, more than 2^26 elements"))),
    }
}
