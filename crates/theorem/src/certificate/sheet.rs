//! Elements to be certified, and what their exact values are.

use ropewalk::number::Tensor;
use std::collections::BTreeMap;

/// Elements to be certified, and what their exact values are.
pub(crate) struct Sheet<'a> {
    pub(super) wanted: &'a dyn Fn(&str, usize) -> bool,
    /// What is to be certified.
    pub(super) expected: &'a [(&'a str, &'a Tensor, Option<&'a Tensor>)],
    pub(super) statements: Vec<Statement>,
    pub(super) left_out: BTreeMap<&'static str, usize>,
}

/// An element and its exact value.
pub(super) struct Statement {
    pub(super) tensor: &'static str,
    pub(super) index: usize,
    pub(super) real: Real,
}

/// A real number as a Coq term.
#[derive(Clone, Debug, Default)]
pub(crate) struct Real {
    /// The term.
    pub(super) text: String,
    /// The largest term is below 2^this.
    pub(super) size: i32,
    /// Bits of the largest position that multiplies a frequency.
    pub(super) turns: u32,
}

impl<'a> Sheet<'a> {
    /// The tensor under a name.
    pub(super) fn expected(&self, name: &str) -> Option<&'a Tensor> {
        self.expected.iter().find(|(other, ..)| *other == name).map(|(_, tensor, _)| *tensor)
    }

    /// Adds an element if it is wanted.
    pub(super) fn element(
        &mut self,
        tensor: &'static str,
        index: usize,
        real: impl FnOnce() -> Result<Real, &'static str>,
    ) {
        if (self.wanted)(tensor, index) {
            match real() {
                Ok(real) => self.statements.push(Statement { tensor, index, real }),
                Err(reason) => *self.left_out.entry(reason).or_default() += 1,
            }
        }
    }
}
