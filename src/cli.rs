//! The command line: one file per verb, exit codes and error printing here.
//!
//! Exit codes: 0 fine, 1 the answer is no (a rejection, a failed proof, a difference), 2 usage or
//! a file that cannot be read or written.

mod adapter;
mod compute;
mod error;
mod table;
mod write;

pub use error::CliError;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

const GROUPS: &str = "\
{about}

{usage-heading} {usage}

Answers:
  compute   Answer one request: correctly rounded, with residual and decimals
  table     Write certified cos and sin tables to .npy, .npz or .safetensors

Kernels:
  adapter   Speak the protocol as the reference kernel, correctly rounded

Options:
{options}

Run `ropewalk <verb> --help` for its options.";

/// The arbiter for position encodings.
#[derive(Debug, Parser)]
#[command(name = "ropewalk", version, help_template = GROUPS, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Compute(compute::Args),
    Table(table::Args),
    Adapter(adapter::Args),
}

/// Parses the arguments, runs the verb, prints an error, and says how it went.
pub fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Compute(args) => compute::run(&args),
        Verb::Table(args) => table::run(&args),
        Verb::Adapter(args) => adapter::run(&args),
    };
    result.unwrap_or_else(|error| {
        // Who reads the output may have gone (`| head`); that is no error of ours.
        if error.is_broken_pipe() {
            return ExitCode::SUCCESS;
        }
        eprintln!("ropewalk: {error}");
        ExitCode::from(2)
    })
}
