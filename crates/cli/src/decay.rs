//! `ropewalk decay`: the bound of RoFormer's Figure 2, its converse, and the context bound.

mod asked;
mod context;
mod curve;
mod plot;
mod witness;

pub use asked::Args;
use asked::{Format, Shown, bounds, cannot_enclose, decimal, frequencies, pretty, selected};

use super::{CliError, write::write_atomically};
use std::io::Write;
use std::process::ExitCode;

/// Runs the verb: exit code 1 if no key or no base does what was asked.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let shown = match (args.context_bound, args.witness) {
        (Some(length), _) => context::show(args, length)?,
        (None, Some(distance)) => witness::show(args, distance)?,
        (None, None) => curve::show(args)?,
    };
    match &args.output {
        Some(path) => write_atomically(path, shown.text.as_bytes())?,
        None => std::io::stdout()
            .write_all(shown.text.as_bytes())
            .map_err(CliError::stream("standard output"))?,
    }
    Ok(if shown.yes { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
