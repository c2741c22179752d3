//! How engines lay tensors out.

use crate::number::Tensor;

/// Where the rows of a tensor [batch, heads, seq, dim] lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arrangement {
    /// One after another, in this order.
    Contiguous,
    /// Heads within tokens, with room between all of them, off the alignment.
    Roomy,
    /// Rows of q, k and v: heads adjacent within a token, room between tokens only.
    Packed,
    /// Slices of wider heads: room between heads.
    Sliced,
    /// Heads within tokens, dense.
    Transposed,
    /// What is alike along an axis lies there once, with a stride of 0.
    Broadcast,
    /// Rows of a batch more than 2³¹ elements apart.
    Far,
}

impl Arrangement {
    /// Those that are tried beside the contiguous one.
    pub const ASKED: [Arrangement; 6] = [
        Arrangement::Roomy,
        Arrangement::Packed,
        Arrangement::Sliced,
        Arrangement::Transposed,
        Arrangement::Broadcast,
        Arrangement::Far,
    ];

    /// The word in ids.
    pub const fn name(self) -> &'static str {
        match self {
            Arrangement::Contiguous => "contiguous",
            Arrangement::Roomy => "roomy",
            Arrangement::Packed => "packed",
            Arrangement::Sliced => "sliced",
            Arrangement::Transposed => "transposed",
            Arrangement::Broadcast => "broadcast",
            Arrangement::Far => "far",
        }
    }

    /// What is different, for people.
    pub const fn says(self) -> &'static str {
        match self {
            Arrangement::Contiguous => "contiguous",
            Arrangement::Roomy => "with room between heads, tokens and rows of the batch",
            Arrangement::Packed => "with packed rows of q, k and v: room between tokens only",
            Arrangement::Sliced => "with slices of wider heads: room between heads",
            Arrangement::Transposed => "with heads within tokens, dense",
            Arrangement::Broadcast => "with a stride of 0 along an axis of equal rows",
            Arrangement::Far => "with rows of the batch more than 2^31 elements apart",
        }
    }

    /// The arrangement of this name.
    pub fn from_name(name: &str) -> Option<Arrangement> {
        Arrangement::ASKED.into_iter().find(|one| one.name() == name)
    }

    /// Strides of a tensor in elements, the input's or the output's; both have room of their own.
    pub fn strides(self, tensor: &Tensor, output: bool) -> [usize; 4] {
        let &[_, heads, seq, dim] = tensor.shape() else { return [0; 4] };
        let room = if output { 2 } else { 3 };
        let plain = [heads * seq * dim, seq * dim, dim, 1];
        match self {
            Arrangement::Contiguous => plain,
            Arrangement::Broadcast if output => plain,
            Arrangement::Broadcast => {
                let mut strides = plain;
                for (axis, equal) in alike(tensor).into_iter().enumerate() {
                    if equal {
                        strides[axis] = 0;
                    }
                }
                strides
            }
            Arrangement::Roomy => {
                let head = dim + room;
                let token = heads * head + room + 2;
                [seq * token + room + 4, head, token, 1]
            }
            Arrangement::Packed => {
                let token = (heads + room - 1) * dim;
                [seq * token, dim, token, 1]
            }
            Arrangement::Sliced => {
                let head = room * dim;
                [heads * seq * head, seq * head, head, 1]
            }
            Arrangement::Transposed => [seq * heads * dim, dim, heads * dim, 1],
            Arrangement::Far => [FAR + 64, seq * dim, dim, 1],
        }
    }

    /// Whether a tensor can lie so, and differently from others.
    pub fn suits(self, tensor: &Tensor) -> bool {
        match self {
            Arrangement::Broadcast => alike(tensor).contains(&true),
            Arrangement::Far => tensor.shape().first().is_some_and(|batch| (2..=4).contains(batch)),
            _ => true,
        }
    }
}

/// Elements beyond which an offset in 32 bits wraps.
const FAR: usize = 1 << 31;

/// Whether all that an axis of several counts is equal: batch, heads, tokens.
fn alike(tensor: &Tensor) -> [bool; 3] {
    let &[batch, heads, seq, dim] = tensor.shape() else { return [false; 3] };
    let counts = [batch, heads, seq];
    let strides = [heads * seq * dim, seq * dim, dim];
    [0, 1, 2].map(|axis| {
        counts[axis] > 1
            && tensor.data().iter().enumerate().all(|(index, bits)| {
                let own = index / strides[axis] % counts[axis];
                *bits == tensor.data()[index - own * strides[axis]]
            })
    })
}
