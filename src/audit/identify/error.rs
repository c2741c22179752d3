//! Why it was not found out what a kernel computes.

use crate::audit::outcome::Breakage;
use crate::audit::outside::Outside;
use crate::request::Reject;

/// Why it was not found out what a kernel computes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// The kernel does not start.
    #[error("the kernel {0}")]
    Broken(Breakage),
    /// The config, or a question that follows from it, is refused.
    #[error("{0}")]
    Reject(#[from] Reject),
    /// What would have to be asked is not claimed.
    #[error("{0}")]
    Outside(#[from] Outside),
    /// An answer that is not there or cannot be read: a sentence.
    #[error("{0}")]
    Answer(String),
}

impl From<String> for IdentifyError {
    fn from(sentence: String) -> IdentifyError {
        IdentifyError::Answer(sentence)
    }
}
