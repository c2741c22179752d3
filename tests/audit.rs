//! The auditor: every branch of the comparison, every verdict.

mod capability;
mod judge;
mod one_opinion;
mod verdict;

use ropewalk::audit::{Ask, Breakage, Capability, Description, Kernel, Outcome};
use ropewalk::number::Dtype;
use ropewalk::request::Operation;

/// A kernel made of a closure; it claims every operation and format.
pub struct Closure<F>(pub F);

impl<F: FnMut(&Ask) -> Outcome> Kernel for Closure<F> {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let everything = Capability {
            operations: Operation::ALL.to_vec(),
            dtypes: Dtype::ALL.to_vec(),
            mixed: Dtype::FLOATS.iter().flat_map(|&a| Dtype::FLOATS.map(|b| (a, b))).collect(),
            ..Capability::default()
        };
        Ok(Description { capabilities: vec![everything], ..Description::named("closure") })
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        (self.0)(ask)
    }
}
