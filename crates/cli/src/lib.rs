//! The `ropewalk` program: one file per verb, exit codes and error printing here.
//!
//! Exit codes: 0 fine, 1 the answer is no (a rejection, a failed proof, a difference), 2 usage or
//! a file that cannot be read or written.

#![warn(missing_docs)]

mod adapter;
mod audit;
mod certify;
mod completions;
mod compute;
mod corpus;
mod decay;
mod error;
mod explain;
mod export;
#[doc(hidden)]
pub mod fuzz;
mod generate;
mod host;
mod identify;
mod judge;
mod lint;
mod list;
mod names;
mod orphans;
mod own;
mod positions;
mod progress;
mod prompt;
mod prove;
mod show;
mod source;
mod stdin;
mod style;
mod sweep;
mod table;
mod tensors;
mod write;

pub use audit::{drawn_note, drawn_within, html_page, junit_xml};
pub use error::CliError;
pub use identify::{proven, to_json as identified_json, to_lines as identified_lines};
pub use source::{Given, config, config_words};

use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;
use write::{outln, rawln, warn};

const GROUPS: &str = "\
{about}

{usage-heading} {usage}

Answers:
  compute   Answer one request: correctly rounded, with residual and decimals
  explain   Say why a vector has its value: plane, angle, enclosure, neighbours, ties
  show      Show a config's planes: coordinates, frequencies, what the scaling did
  table     Write certified cos and sin tables to .npy, .npz or .safetensors
  decay     Certify RoFormer's decay curve, a key that defies it, the context bound

Vectors:
  generate  Write the golden vectors, or check them
  lint      Check golden files against the rules of the format
  list      List files, tests and flags of the vectors, schemes, keys, models and faults
  export    Print tests as lines of the protocol

Proofs:
  prove     Check the theorems on the code that makes the vectors
  certify   Write golden numbers as Coq lemmas, and have Coq check them

Kernels:
  audit     Judge a kernel: right or wrong, how far off, and what is wrong with it
  judge     Judge tensors that were rotated already: what a model has dumped
  identify  Find out what a kernel computes: config, precision, and which fault it has
  prompt    Write the questions as files, for a machine without Ropewalk
  sweep     Find the worst error of a profile over every position
  adapter   Speak the protocol as the reference kernel, correctly rounded or with a fault

Shell:
  help         Say more about a verb
  completions  Print completions for bash, zsh, fish …, or the manual page

Options:
{options}

Run `ropewalk <verb> --help` for its options.";

/// The arbiter for position encodings.
#[derive(Debug, Parser)]
#[command(name = "ropewalk", version, help_template = GROUPS)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Compute(compute::Args),
    Explain(explain::Args),
    Show(show::Args),
    Table(table::Args),
    Decay(decay::Args),
    Generate(generate::Args),
    Lint(lint::Args),
    List(list::Args),
    Export(export::Args),
    Prove(prove::Args),
    Certify(certify::Args),
    Audit(audit::Args),
    Judge(judge::Args),
    Identify(identify::Args),
    Prompt(prompt::Args),
    Sweep(sweep::Args),
    Adapter(adapter::Args),
    Completions(completions::Args),
}

/// What `audit --lib` starts; no verb, so that no help and no suggestion names it.
#[derive(Debug, Parser)]
#[command(name = "ropewalk host")]
struct Hosting {
    #[command(flatten)]
    args: host::Args,
}

/// Parses the arguments, runs the verb, prints an error, and says how it went.
pub fn main() -> ExitCode {
    run(std::env::args_os().collect(), None)
}

/// The same for a program that stands in another one: its words, its name first, and the command
/// that starts it where it is not the running file.
pub fn run(words: Vec<OsString>, own: Option<Vec<OsString>>) -> ExitCode {
    if let Some(own) = own {
        own::set(own);
    }
    if words.get(1).is_some_and(|verb| verb == "host") {
        let name = OsString::from("ropewalk host");
        let words = std::iter::once(name).chain(words.into_iter().skip(2));
        return match Hosting::try_parse_from(words) {
            Ok(hosting) => conclude(host::run(&hosting.args)),
            Err(error) => refused(&error),
        };
    }
    let parsed = match Cli::try_parse_from(&words) {
        Ok(parsed) => parsed,
        Err(error) => {
            let exit = refused(&error);
            if let Some(meant) = meant(&error, &words) {
                warn(&meant);
            }
            return exit;
        }
    };
    conclude(match parsed.verb {
        Verb::Compute(args) => compute::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Show(args) => show::run(&args),
        Verb::Table(args) => table::run(&args),
        Verb::Decay(args) => decay::run(&args),
        Verb::Generate(args) => generate::run(&args),
        Verb::Lint(args) => lint::run(&args),
        Verb::List(args) => list::run(&args),
        Verb::Export(args) => export::run(&args),
        Verb::Prove(args) => prove::run(&args),
        Verb::Certify(args) => certify::run(&args),
        Verb::Audit(args) => audit::run(&args),
        Verb::Judge(args) => judge::run(&args),
        Verb::Identify(args) => identify::run(&args),
        Verb::Prompt(args) => prompt::run(&args),
        Verb::Sweep(args) => sweep::run(&args),
        Verb::Adapter(args) => adapter::run(&args),
        Verb::Completions(args) => completions::run(&args, &mut Cli::command()),
    })
}

/// Prints what clap has to say: help, the version, a mistake.
fn refused(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Which option a word belongs to that stands alone.
fn meant(error: &clap::Error, words: &[OsString]) -> Option<String> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    if word.starts_with('-') {
        return None;
    }
    let (option, what) = match words.get(1)?.to_str()? {
        "audit" if [".so", ".dylib", ".dll"].iter().any(|end| word.ends_with(end)) => {
            ("--lib", "a shared library")
        }
        "audit" | "identify" => ("--exec", "the command of a kernel"),
        "show" | "table" | "decay" | "prompt" | "sweep" | "judge" if word.ends_with(".json") => {
            ("--config", "a config's file")
        }
        "show" | "table" | "judge" => ("--model", "a released model"),
        _ => return None,
    };
    Some(format!("{option} takes {what}: {option} {word:?}"))
}

/// Says what went wrong, if something did.
fn conclude(result: Result<ExitCode, CliError>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // Who reads the output may have gone (`| head`); that is no error of ours.
        if error.is_broken_pipe() {
            return ExitCode::SUCCESS;
        }
        warn(&error.to_string());
        ExitCode::from(2)
    })
}
