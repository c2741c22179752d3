//! Why tensors cannot be judged.

use crate::exact::UndecidedRounding;
use crate::request::Reject;

/// Why tensors cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The config is refused.
    #[error("rejected: {0}")]
    Reject(#[from] Reject),
    /// A right value that no precision decides.
    #[error("{0}")]
    Undecided(#[from] UndecidedRounding),
    /// What is given does not fit together.
    #[error("{0}")]
    Usage(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure::Usage(why)
    }
}
