//! Errors as exceptions, with the sentence that the program prints.

use pyo3::PyErr;
use pyo3::exceptions::{PyTypeError, PyValueError};
use ropewalk::audit::Misfit;
use ropewalk::dump::Failure;
use ropewalk::request::Reject;

/// ValueError with its sentence.
pub fn value(why: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(why.to_string())
}

/// A config or an input that breaks a rule.
pub fn rejected(reject: Reject) -> PyErr {
    value(reject)
}

/// An output that is not of the right form: TypeError for its dtype, ValueError for name and shape.
pub fn misfit(misfit: Misfit) -> PyErr {
    match misfit {
        Misfit::Dtype { .. } => PyTypeError::new_err(misfit.to_string()),
        _ => value(misfit),
    }
}

/// Tensors that cannot be judged.
pub fn failed(failure: Failure) -> PyErr {
    match failure {
        Failure::Reject(reject) => rejected(reject),
        other => value(other),
    }
}
