//! `ropewalk audit`: judge a kernel.

mod door;
mod fresh;
mod html;
mod junit;
mod reports;
pub(super) mod selection;

pub use fresh::{noted as drawn_note, within as drawn_within};
pub use html::page as html_page;
pub use junit::junit as junit_xml;

use super::CliError;
use super::names;
use super::orphans::Orphans;
use super::progress::{progress, spinner};
use globset::{GlobBuilder, GlobMatcher};
use indicatif::ProgressBar;
use ropewalk::audit::{Digest, Options, Report, Verdict, audit};
use ropewalk::profile::Profile;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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
    #[arg(long, value_name = "NAME", value_parser = names::profile)]
    profile: Option<&'static Profile>,
    /// Ask everything once, not twice
    #[arg(long)]
    once: bool,
    /// Ask everything N times, for races: what differed, and how often
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "once",
        value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// File with ids (globs, a line each, # for comments) that are known to fail; one that passes
    /// is an error
    #[arg(long, value_name = "FILE")]
    known_failures: Option<PathBuf>,
    #[command(flatten)]
    drawing: fresh::Drawing,
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
    let orphans = Orphans::adopt();
    let prompted = args.door.prompt()?;
    let whole = prompted.is_none() && args.selection.is_whole();
    let chosen = args.selection.choose(prompted)?;
    let bar = progress(chosen.count() as u64, "right answers");
    let opened = args.door.open(|| chosen.cases(&|| bar.inc(1)));
    bar.finish_and_clear();
    let door::Opened { mut kernel, mut cases, name, lasting } = opened?;
    let (drawn, source) = match lasting {
        true => None,
        false => fresh::draw(&args.drawing, &args.selection, kernel.as_mut(), &mut cases)?,
    }
    .unzip();
    if cases.is_empty() && drawn.is_some() {
        return Err(args.selection.drawing()?.nothing_left());
    }
    // What is written does not change.
    let twice = !args.once && !lasting;
    let repeat = if lasting { 1 } else { usize::from(args.repeat) };
    let times = repeat.max(if twice { 2 } else { 1 });
    let bar = progress((cases.len() * times) as u64, "cases");
    let options = Options {
        door: name,
        source: args.selection.words(),
        profile: args.profile.copied(),
        twice,
        repeat,
        whole,
        diagnose: true,
        sight: true,
        known: &|id| known.iter().any(|(_, glob)| glob.is_match(id)),
        progress: &|| bar.inc(1),
        judged: &|report| so_far(&bar, report),
        phase: &|_, done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        },
        beside: &|wrong| source.as_ref().map_or(vec![], |source| source.beside(wrong)),
        ..Options::default()
    };
    let mut audited = audit(kernel.as_mut(), &cases, &options);
    bar.finish_and_clear();
    audited.report.drawn = drawn;
    drop(kernel);
    drop(orphans);
    reports.write(&audited.report)?;
    // An id that was mistyped, or that the vectors no longer have.
    for (line, glob) in &known {
        if !audited.report.cases.iter().any(|case| glob.is_match(&case.id)) {
            super::write::warn(&format!("known failure {line} matches no test that was asked"));
        }
    }
    Ok(ExitCode::from(audited.report.verdict.exit_code()))
}

/// The verdict, before anybody looks for the cause: for whoever waits at a terminal.
fn so_far(bar: &ProgressBar, report: &Report) {
    if bar.is_hidden() || report.verdict != Verdict::Diverges {
        return;
    }
    let word = report.verdict.name().to_uppercase();
    bar.println(format!("{word}  {}", Digest::new(report).summary));
    bar.set_style(spinner());
    bar.set_message("looking for the cause");
    bar.enable_steady_tick(Duration::from_millis(100));
}

/// The entries of the file with known failures, as they are written and to match with.
fn globs(path: &Path) -> Result<Vec<(String, GlobMatcher)>, CliError> {
    known_failures(&std::fs::read_to_string(path).map_err(CliError::file(path))?)
        .map_err(|why| CliError::Usage(format!("{}: {why}", path.display())))
}

/// The globs of a file of known failures, with the lines that say them.
pub(super) fn known_failures(text: &str) -> Result<Vec<(String, GlobMatcher)>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let glob = GlobBuilder::new(line).build();
            Ok((line.to_string(), glob.map_err(|e| e.to_string())?.compile_matcher()))
        })
        .collect()
}
