//! What can go wrong on the command line.

use ropewalk::request::{Reject, Slug};
use std::path::{Path, PathBuf};

/// An error that ends a verb with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A file or a stream that cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An argument or a file's content that makes no sense.
    #[error("{0}")]
    Usage(String),
}

/// The sentence about a config that is refused, and the way out where the command line has one.
pub fn refusal(reject: &Reject) -> String {
    match reject.slug {
        Slug::MissingKey => format!("rejected: {reject}; --set KEY=VALUE gives it"),
        _ => format!("rejected: {reject}"),
    }
}

impl CliError {
    /// An error about a file; use as `.map_err(CliError::file(path))`.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
        let path = path.to_path_buf();
        |source| CliError::File { path, source }
    }

    /// An error about a standard stream.
    pub fn stream(name: &'static str) -> impl FnOnce(std::io::Error) -> CliError {
        CliError::file(Path::new(name))
    }

    /// Whether the reader of our output has gone.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, CliError::File { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
