//! A sound request and the faults that it is given.

use super::faults::Fault;
use crate::number::Dtype;
use crate::request::Operation;

/// A sound request and the faults that it is given.
pub(super) struct Refusals {
    pub(super) operation: Operation,
    pub(super) dtype: Dtype,
    pub(super) config: &'static str,
    pub(super) input: &'static str,
    /// Faults of the config.
    pub(super) configs: Vec<Fault>,
    /// Faults of the input.
    pub(super) inputs: Vec<Fault>,
}
