//! What a kernel may be asked, and what was drawn for it.

use super::kind::Fresh;
use super::own::Own;
use crate::encoding::Layout;
use crate::number::Dtype;
use crate::request::{Direction, Operation};

/// What may be asked.
pub struct Claims<'a> {
    /// Operations.
    pub operations: &'a [Operation],
    /// Formats of inputs and of outputs.
    pub formats: &'a [(Dtype, Dtype)],
    /// Layouts.
    pub layouts: &'a [Layout],
    /// Scaling rules; none if all.
    pub rope_types: Option<&'a [String]>,
    /// Directions.
    pub directions: &'a [Direction],
    /// Whether a question is within the claim, or why not.
    pub admits: &'a dyn Fn(&Fresh) -> Result<(), String>,
    /// A config of the caller's, to which all questions belong.
    pub own: Option<&'a Own>,
    /// Whether the claim depends on how many rows and tokens there are.
    pub shaped: bool,
}

/// What was drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The questions.
    pub questions: Vec<Fresh>,
    /// How many combinations of levels meet in them.
    pub combinations: usize,
    /// Levels and combinations that no question has, and why: operation, what, why.
    pub unasked: Vec<(Operation, String, String)>,
}
