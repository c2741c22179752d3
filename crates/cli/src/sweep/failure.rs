//! Why nothing was swept.

use crate::CliError;
use ropewalk::exact::UndecidedRounding;
use ropewalk::request::Reject;

/// Why nothing was swept.
pub(crate) enum Failure {
    /// The answer is no: exit code 1.
    No(String),
    Other(CliError),
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Failure {
        Failure::Other(error)
    }
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Failure {
        Failure::No(crate::error::refusal(&reject))
    }
}

impl From<UndecidedRounding> for Failure {
    fn from(undecided: UndecidedRounding) -> Failure {
        Failure::No(undecided.to_string())
    }
}
