//! Who knows the right answers.

use super::kernel::Ask;
use crate::vector::{Expected, Golden, Tensors};
use std::collections::HashMap;

/// The right answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Correctly rounded, or the reason to refuse.
    pub expected: Expected,
    /// (exact − expected) in ulp of expected, as f16, for every floating-point tensor.
    pub residual: Option<Tensors>,
}

/// Answers requests rightly: from golden files, or by computing.
pub trait Reference: Sync {
    /// The right answer.
    ///
    /// # Errors
    /// A sentence, if this reference does not know.
    fn truth(&self, ask: &Ask) -> Result<Truth, String>;
}

/// The reference without arithmetic: golden files that were read. It knows what stands in them.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    truths: HashMap<String, Truth>,
}

impl Vectors {
    /// Over the tests of some golden files.
    pub fn new<'g>(files: impl IntoIterator<Item = &'g Golden>) -> Vectors {
        let tests = files.into_iter().flat_map(Golden::tests);
        let truth = |test: &crate::vector::Test| Truth {
            expected: test.expected.clone(),
            residual: test.residual.clone(),
        };
        Vectors { truths: tests.map(|(_, test)| (test.id.clone(), truth(test))).collect() }
    }
}

impl Reference for Vectors {
    fn truth(&self, ask: &Ask) -> Result<Truth, String> {
        let known = self.truths.get(&ask.id).cloned();
        known.ok_or_else(|| format!("no golden file has a test {}", ask.id))
    }
}
