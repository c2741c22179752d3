//! What is asked in an audit, and why.

use super::ask::Ask;
use crate::request::{Input, Json, Request};
use crate::vector::{Expected, Golden, Tensors};

/// A question with its right answer and its reason.
#[derive(Clone, Debug)]
pub struct Case {
    /// The request. Its config is the normalised one, unless it is there to be refused.
    pub ask: Ask,
    /// What is right.
    pub truth: Truth,
    /// Tests of one group stand or fall together in a report: the golden file and the group.
    pub group: String,
    /// Whether a failure means that the set-up is wrong.
    pub basic: bool,
    /// What is tested, in a line for people.
    pub comment: String,
    /// Keys into the notes.
    pub flags: Vec<String>,
}

/// The right answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Correctly rounded, or the reason to refuse.
    pub expected: Expected,
    /// (exact − expected) in ulp of expected, as f16, for every floating-point tensor.
    pub residual: Option<Tensors>,
}

/// The cases of a golden file, in its order. `path` is the file's, below the directory of the
/// vectors.
pub fn cases(path: &str, golden: &Golden) -> Vec<Case> {
    let of = |(group, test): (&crate::vector::Group, &crate::vector::Test)| {
        let ask = Ask::new(Request {
            id: test.id.clone(),
            operation: golden.operation,
            dtype: group.dtype,
            config: group.config.clone(),
            input: Input::new(test.input.clone()),
        });
        // Kernels get what every default has been filled into; how configs are written is the
        // business of whoever reads them.
        let ask = if test.expected.tensors().is_some() { ask.normalised() } else { ask };
        Case {
            ask,
            truth: Truth { expected: test.expected.clone(), residual: test.residual.clone() },
            group: format!("{} {}", path.trim_end_matches(".json"), group.name),
            basic: group.basic,
            comment: test.comment.clone(),
            flags: test.flags.clone(),
        }
    };
    golden.tests().map(of).collect()
}

impl Case {
    /// A word of the config, for tables: its layout, its rope type.
    pub fn word(&self, key: &str) -> Option<&str> {
        match self.ask.config.get(key) {
            Some(Json::String(word)) => Some(word),
            _ => None,
        }
    }
}
