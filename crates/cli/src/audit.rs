//! `ropewalk audit`: judge a kernel.

mod door;
mod html;
mod junit;
mod reports;
pub(super) mod selection;

pub use html::page as html_page;
pub use junit::junit as junit_xml;

use super::CliError;
use super::profiles;
use super::progress::progress;
use globset::{GlobBuilder, GlobMatcher};
use ropewalk::audit::{Audited, Case, Kernel, Options, audit};
use ropewalk::profile::Profile;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Judge a kernel: right or wrong, how far off, and what is wrong with it
///
/// Asks everything that the kernel claims, judges every element against bounds that are derived,
/// and says which faults this run would have seen. Exit code 0: conforms; 1: diverges; 2: usage;
/// 3: the adapter is at fault, or nothing was judged.
///
///   ropewalk audit --exec "python3 adapter.py"
///   ropewalk audit --exec ./adapter --operation rotate --dtype bf16 --report html=report.html
///   ropewalk audit --lib ./kernel.so
///   ropewalk audit --outputs answers.safetensors --prompt ask.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    door: door::Door,
    #[command(flatten)]
    selection: selection::Selection,
    /// Judge by this profile instead of the right one that fits best; `ropewalk list profiles`
    #[arg(long, value_name = "NAME", value_parser = profiles::named)]
    profile: Option<&'static Profile>,
    /// Ask everything once, not twice
    #[arg(long)]
    once: bool,
    /// File with ids (globs, a line each, # for comments) that are known to fail; one that passes
    /// is an error
    #[arg(long, value_name = "FILE")]
    known_failures: Option<PathBuf>,
    #[command(flatten)]
    reports: reports::Options,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let reports = args.reports.reports()?;
    let known = match &args.known_failures {
        Some(path) => globs(path)?,
        None => Vec::new(),
    };
    let door::Opened { mut kernel, cases, name, lasting } =
        args.door.open(args.selection.cases()?)?;
    // What is written does not change.
    let twice = !args.once && !lasting;
    let bar = progress(cases.len() as u64 * if twice { 2 } else { 1 }, "cases");
    let options = Options {
        door: name,
        profile: args.profile.copied(),
        twice,
        diagnose: true,
        sight: true,
        known: &|id| known.iter().any(|(_, glob)| glob.is_match(id)),
        progress: &|| bar.inc(1),
    };
    let audited = judge(kernel.as_mut(), &cases, &options);
    bar.finish_and_clear();
    reports.write(&audited.report)?;
    // An id that was mistyped, or that the vectors no longer have.
    for (line, glob) in &known {
        if !audited.report.cases.iter().any(|case| glob.is_match(&case.id)) {
            eprintln!("ropewalk: known failure {line} matches no test that was asked");
        }
    }
    Ok(ExitCode::from(audited.report.verdict.exit_code()))
}

fn judge(kernel: &mut dyn Kernel, cases: &[Case], options: &Options) -> Audited {
    audit(kernel, cases, options)
}

/// The entries of the file with known failures, as they are written and to match with.
fn globs(path: &Path) -> Result<Vec<(String, GlobMatcher)>, CliError> {
    let text = std::fs::read_to_string(path).map_err(CliError::file(path))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let glob = GlobBuilder::new(line).build();
            let glob = glob.map_err(|e| CliError::Usage(format!("{}: {e}", path.display())))?;
            Ok((line.to_string(), glob.compile_matcher()))
        })
        .collect()
}
