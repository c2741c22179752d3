//! What shapes and formats a request may have.

use super::tensors::Floats;
use crate::number::{Dtype, Tensor};
use crate::request::{Reject, Slug};

/// More elements than any answer should have; it bounds the memory a request can ask for.
pub(super) const MOST_ELEMENTS: usize = 1 << 26;

/// A tensor of a floating-point dtype.
///
/// # Errors
/// `dtype_mismatch` for integers.
pub(super) fn floating(name: &str, tensor: Tensor) -> Result<Floats, Reject> {
    let dtype = tensor.dtype();
    Floats::new(tensor).ok_or_else(|| {
        Slug::DtypeMismatch
            .because(format!("{name} has dtype {dtype}, allowed are {}", floating_names()))
    })
}

fn floating_names() -> String {
    Dtype::list(&Dtype::floating().collect::<Vec<_>>())
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
