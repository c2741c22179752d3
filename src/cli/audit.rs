//! `ropewalk audit`: judge a kernel.

mod selection;

use super::CliError;
use super::progress::progress;
use super::write::write_atomically;
use crate::audit::{
    Audited, Case, Kernel, Options, Process, ProcessOptions, Report, Style, audit, ndjson, terminal,
};
use crate::profile;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Judge a kernel: right or wrong, how far off, and what is wrong with it
///
/// Asks everything that the kernel claims, judges every element against bounds that are derived,
/// and says which faults this run would have seen. Exit code 0: conforms; 1: diverges; 2: usage;
/// 3: the adapter is at fault, or nothing was judged.
///
/// ropewalk audit --exec "python3 adapter.py"
/// ropewalk audit --exec ./adapter --operation rotate --dtype bf16 --report markdown
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A command that speaks the protocol (docs/adapter-protocol.md), for the shell
    #[arg(long, value_name = "COMMAND")]
    exec: String,
    #[command(flatten)]
    selection: selection::Selection,
    /// Judge by this profile instead of the right one that fits best; `ropewalk list profiles`
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Seconds for one answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Ask everything once, not twice
    #[arg(long)]
    once: bool,
    /// File with ids (globs, a line each, # for comments) that are known to fail; one that passes
    /// is an error
    #[arg(long, value_name = "FILE")]
    known_failures: Option<PathBuf>,
    /// Cases shown whole in the terminal report
    #[arg(long, value_name = "N", default_value_t = 5)]
    show: usize,
    /// terminal, ndjson; FORMAT=FILE writes to a file, may be given several times
    #[arg(long, value_name = "FORMAT[=FILE]", default_value = "terminal")]
    report: Vec<String>,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let reports =
        args.report.iter().map(|text| Wanted::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let profile = match &args.profile {
        None => None,
        Some(name) => Some(*profile::find(name).ok_or_else(|| unknown_profile(name))?),
    };
    let known = match &args.known_failures {
        Some(path) => globs(path)?,
        None => GlobSet::empty(),
    };
    let cases = args.selection.cases()?;
    let timeout = Duration::from_secs(args.timeout);
    let mut kernel =
        Process::new(&args.exec, ProcessOptions { timeout, ..ProcessOptions::default() });
    let bar = progress(cases.len() as u64 * if args.once { 1 } else { 2 }, "cases");
    let options = Options {
        door: args.exec.clone(),
        profile,
        twice: !args.once,
        known: &|id| known.is_match(id),
        progress: &|| bar.inc(1),
    };
    let audited = judge(&mut kernel, &cases, &options);
    bar.finish_and_clear();
    for wanted in &reports {
        wanted.write(&audited.report, args)?;
    }
    Ok(ExitCode::from(audited.report.verdict.exit_code()))
}

fn judge(kernel: &mut dyn Kernel, cases: &[Case], options: &Options) -> Audited {
    audit(kernel, cases, options)
}

fn unknown_profile(name: &str) -> CliError {
    let names: Vec<&str> = profile::NAMED.iter().map(|profile| profile.name).collect();
    CliError::Usage(format!("--profile is {name:?}, known are {}", names.join(", ")))
}

fn globs(path: &Path) -> Result<GlobSet, CliError> {
    let text = std::fs::read_to_string(path).map_err(CliError::file(path))?;
    let mut set = GlobSetBuilder::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            let glob = GlobBuilder::new(line).build();
            set.add(glob.map_err(|e| CliError::Usage(format!("{}: {e}", path.display())))?);
        }
    }
    set.build().map_err(|e| CliError::Usage(format!("{}: {e}", path.display())))
}

/// A report that was asked for.
struct Wanted {
    format: Format,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy)]
enum Format {
    Terminal,
    Ndjson,
}

impl Format {
    const ALL: [(&'static str, Format); 2] =
        [("terminal", Format::Terminal), ("ndjson", Format::Ndjson)];
}

impl Wanted {
    fn parse(text: &str) -> Result<Wanted, CliError> {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let found = Format::ALL.iter().find(|(known, _)| *known == name);
        let Some((_, format)) = found else {
            let names: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
            return Err(CliError::Usage(format!(
                "--report is {text:?}, allowed are {} with =FILE or without",
                names.join(", ")
            )));
        };
        Ok(Wanted { format: *format, file })
    }

    fn write(&self, report: &Report, args: &Args) -> Result<(), CliError> {
        let text = match self.format {
            Format::Terminal => terminal(report, self.style(args)),
            Format::Ndjson => ndjson(report),
        };
        match &self.file {
            Some(path) => write_atomically(path, text.as_bytes()),
            None => {
                use std::io::Write;
                std::io::stdout()
                    .write_all(text.as_bytes())
                    .map_err(CliError::stream("standard output"))
            }
        }
    }

    fn style(&self, args: &Args) -> Style {
        let tty = self.file.is_none() && std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = if tty { console::Term::stdout().size().1 as usize } else { 100 };
        Style { width: width.clamp(60, 160), colour: tty && !plain, show: args.show }
    }
}
