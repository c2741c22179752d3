//! `ropewalk judge`: tensors that a kernel has rotated already.

use super::names;
use super::positions;
use super::progress::progress;
use super::source::Source;
use super::tensors;
use super::write::write_atomically;
use super::{CliError, outln};
use ropewalk::audit::Verdict;
use ropewalk::dump::{Failure, Judged, Rotated};
use ropewalk::encoding::RopeConfig;
use ropewalk::profile::Profile;
use ropewalk::request::Direction;
use std::path::PathBuf;
use std::process::ExitCode;

/// Judge tensors that were rotated already: what went in, what came out, and the positions
///
/// For dumps of a real model, of any size: every element is compared with the correctly rounded
/// one and judged by the derived bound of the profile that fits. Where some are wrong, the faults
/// that explain them are looked for. Exit code 0: conforms; 1: diverges; 2: usage; 3: nothing was
/// judged.
///   ropewalk judge --model llama-3.1-8b --positions 0..4096 q.npy q_rotated.npy
///   ropewalk judge --config config.json --axes shd --positions @ids.txt dump.safetensors:q
///     dump.safetensors:q_rotated
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// What went in: FILE.npy, or FILE:NAME of a .safetensors or .npz
    #[arg(value_name = "BEFORE")]
    before: String,
    /// What came out, of the same shape
    #[arg(value_name = "AFTER")]
    after: String,
    #[command(flatten)]
    source: Source,
    /// A key of the config; the value is JSON, or a word. Replaces what the file says
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Of the tokens: FIRST..END, FIRST..END:STEP, a list 1,2,3, or @FILE with integers between
    /// white space; once, or once per axis of the rope
    #[arg(long, value_name = "POSITIONS", required = true, allow_hyphen_values = true)]
    positions: Vec<String>,
    /// What the axes of the tensors are, d last: batch, head, sequence, dimension. By default the
    /// last ones of bhsd
    #[arg(long, value_name = "LETTERS")]
    axes: Option<String>,
    /// forward, inverse or backward
    #[arg(long, value_name = "WORD", default_value = "forward", value_parser = direction)]
    direction: Direction,
    /// Total length, for rope types that depend on it
    #[arg(long, value_name = "N")]
    seq_len: Option<i64>,
    /// Judge by this profile instead of the right one that fits; `ropewalk list profiles`
    #[arg(long, value_name = "NAME", value_parser = names::profile)]
    profile: Option<&'static Profile>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// File to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn direction(word: &str) -> Result<Direction, String> {
    let all = [Direction::Forward, Direction::Inverse, Direction::Backward];
    let found = all.into_iter().find(|direction| direction.name() == word);
    found.ok_or_else(|| "allowed are forward, inverse, backward".to_string())
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let judged = match judged(args)? {
        Ok(judged) => judged,
        Err(Failure::Usage(why)) => return Err(CliError::Usage(why)),
        Err(no) => {
            eprintln!("ropewalk: {no}");
            return Ok(ExitCode::from(1));
        }
    };
    let text = if args.json { judged.json() } else { judged.text() };
    match &args.output {
        Some(path) => write_atomically(path, text.as_bytes())?,
        None => outln(text.trim_end())?,
    }
    Ok(ExitCode::from(match judged.verdict() {
        Verdict::Conforms => 0,
        Verdict::Diverges | Verdict::Lenient => 1,
        Verdict::Unjudged | Verdict::AdapterFault => 3,
    }))
}

fn judged(args: &Args) -> Result<Result<Judged<'static>, Failure>, CliError> {
    let config = args.source.with(&args.set)?;
    let rope = RopeConfig::new(&config).and_then(|checked| checked.rope(args.seq_len));
    let axes = match rope {
        Ok(rope) => rope.axes,
        Err(reject) => return Ok(Err(reject.into())),
    };
    let rotated = Rotated {
        names: [args.before.clone(), args.after.clone()],
        places: positions::parse(&args.positions, axes)?,
        before: tensors::raw(&args.before)?,
        after: tensors::raw(&args.after)?,
        config,
        seq_len: args.seq_len,
        direction: args.direction,
        axes: args.axes.clone(),
        profile: args.profile.copied(),
    };
    let width = rotated.after.shape.last().copied().unwrap_or(1).max(1);
    let elements: usize = rotated.after.shape.iter().product();
    let bar = progress((elements / width) as u64, "rows");
    let judged = rotated.judge(&|count| bar.inc(count));
    bar.finish_and_clear();
    Ok(judged)
}
