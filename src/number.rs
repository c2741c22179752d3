//! Formats as bits: what a bit pattern means, how an exact value becomes one, and tensors of them.
//!
//! Nothing here knows about position encodings, and nothing here needs a bignum. An exact value
//! arrives as a [`Wide`] (at least 66 leading bits and a sticky flag), which is enough to round
//! once and correctly into every format.

mod dtype;
mod format;
mod round;
mod tensor;

pub use dtype::Dtype;
pub use format::{Decoded, Format, Specials};
pub use round::{Overflow, Wide};
pub use tensor::{Tensor, TensorError};
