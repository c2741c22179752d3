//! Why there is no answer.

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecondError {
    /// A scheme or an option that this oracle has no formula for.
    #[error("the second oracle does not know {0}")]
    Unsupported(String),
    /// The highest precision did not settle an element.
    #[error("{name}[{index}] was not settled at {precision} bits")]
    Undecided {
        /// The tensor.
        name: &'static str,
        /// Flat index of the element.
        index: usize,
        /// The precision reached.
        precision: u32,
    },
}
