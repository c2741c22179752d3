//! An answer and its elements.

use crate::exact::round::{UndecidedRounding, Value};
use crate::number::Tensor;
use crate::request::{Object, Reply, tensors};

/// Which element of which tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Name of the output tensor.
    pub name: &'static str,
    /// Flat index, row-major.
    pub index: usize,
}

/// Called with every element of the answer, tensor by tensor, in row-major order within a tensor
/// but for planes, whose two elements come together.
pub type Sink<'s> = dyn FnMut(Site, &Value) -> Result<(), UndecidedRounding> + 's;

/// One tensor of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Name of the output.
    pub name: &'static str,
    /// Correctly rounded.
    pub expected: Tensor,
    /// (exact − expected) in ulp, f16; none for integers.
    pub residual: Option<Tensor>,
}

/// A correctly rounded answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The tensors, in the order of the contract.
    pub tensors: Vec<Named>,
    /// Highest working precision that an element needed, in bits; 0 if all were exact.
    pub precision: u32,
}

impl Answer {
    /// The reply of the protocol; `residual` goes into further keys if asked for.
    pub fn into_reply(self, id: String, residual: bool) -> Reply {
        let mut more = Object::default();
        if residual {
            let list: Vec<_> =
                self.tensors.iter().filter_map(|t| Some((t.name, t.residual.clone()?))).collect();
            more.set("residual", tensors(&list));
        }
        let output = self.tensors.into_iter().map(|t| (t.name, t.expected)).collect();
        Reply::Output { id, output, more }
    }
}
