//! The command line: one file per verb, exit codes and error printing here.
//!
//! Exit codes: 0 fine, 1 the answer is no (a rejection, a failed proof, a difference), 2 usage or
//! a file that cannot be read or written.

mod adapter;
mod compute;
mod decay;
mod error;
mod prove;
mod write;

pub use error::CliError;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

const GROUPS: &str = "\
{about}

{usage-heading} {usage}

Answers:
  compute   Answer one request: correctly rounded, with residual and decimals
  decay     Certify RoFormer's decay curve, a key that defies it, the context bound

Proofs:
  prove     Check the theorems on the code that makes the vectors

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
    Decay(decay::Args),
    Prove(prove::Args),
    Adapter(adapter::Args),
}

/// Parses the arguments, runs the verb, prints an error, and says how it went.
pub fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Compute(args) => compute::run(&args),
        Verb::Decay(args) => decay::run(&args),
        Verb::Prove(args) => prove::run(&args),
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
