//! Errors as exceptions, with the sentence that the program prints.

use pyo3::PyErr;
use pyo3::exceptions::PyValueError;
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

/// Tensors that cannot be judged.
pub fn failed(failure: Failure) -> PyErr {
    match failure {
        Failure::Reject(reject) => rejected(reject),
        other => value(other),
    }
}
