//! Where the answer goes, and in which colours.

use super::args::Args;
use crate::write::{rawln, write_atomically};
use crate::{CliError, style};
use ropewalk::audit::Verdict;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Puts the answer where it is asked for.
pub(super) fn say(args: &Args, verdict: Verdict, text: &str) -> Result<ExitCode, CliError> {
    match &args.output {
        Some(path) => write_atomically(path, text.as_bytes())?,
        None => rawln(text.trim_end())?,
    }
    Ok(ExitCode::from(verdict.exit_code()))
}

/// Whether the answer is coloured.
pub(super) fn colour(args: &Args) -> bool {
    !args.json && args.output.is_none() && style::colour(std::io::stdout().is_terminal())
}
