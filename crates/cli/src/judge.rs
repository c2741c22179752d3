//! `ropewalk judge`: tensors that a kernel has rotated already.

mod tables;
mod tokens;

use super::profiles;
use super::progress::progress;
use super::source::Source;
use super::write::write_atomically;
use super::{CliError, error, rawln, style, tensors};
use ropewalk::audit::Verdict;
use ropewalk::dump::{Failure, Geometry, Judged, Rotated};
use ropewalk::encoding::RopeConfig;
use ropewalk::profile::Profile;
use ropewalk::request::Direction;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Judge tensors that were rotated already: what went in, what came out, and the positions
///
/// For dumps of a real model, of any size: every element is compared with the correctly rounded
/// one and judged by the derived bound of the profile that fits. Where some are wrong, the faults
/// that explain them are looked for. Exit code 0: conforms; 1: diverges; 2: usage; 3: nothing was
/// judged.
///   ropewalk judge --model llama-3.1-8b --positions 0..4096 q.npy q_rotated.npy
///   ropewalk judge --config config.json --axes thd --cu-seqlens 0,70,128 dump.safetensors:q
///     dump.safetensors:q_rotated
///   ropewalk judge --model llama-3.1-8b --positions dump.safetensors:position_ids --table
///     dump.safetensors:cos dump.safetensors:sin
///   ropewalk judge --model llama-3.1-8b --inv-freq inv_freq.npy
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// What went in: FILE.npy, or FILE:NAME of a .safetensors or .npz
    #[arg(value_name = "BEFORE", required_unless_present_any = ["table", "inv_freq"])]
    before: Option<String>,
    /// What came out, of the same shape
    #[arg(value_name = "AFTER", required_unless_present_any = ["table", "inv_freq"])]
    after: Option<String>,
    /// A table instead of tensors: its cosines and sines, one column per pair or two as wide as the
    /// rotated slice; or one tensor with the cosines of a row before its sines
    #[arg(long, num_args = 1..=2, value_names = ["COS", "SIN"],
        conflicts_with_all = ["before", "after", "direction"])]
    table: Vec<String>,
    /// Frequencies instead of tensors: radians per position, one for each pair
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["before", "after", "direction", "table", "positions", "cu_seqlens", "offset", "axes"])]
    inv_freq: Option<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    tokens: tokens::Options,
    /// What the axes of the tensors are, d last: batch, head, sequence (or t, tokens), dimension. By
    /// default the last ones of bhsd, of a table bsd
    #[arg(long, value_name = "LETTERS")]
    axes: Option<String>,
    /// forward, inverse or backward
    #[arg(long, value_name = "WORD", default_value = "forward", value_parser = direction)]
    direction: Direction,
    /// Total length, for rope types that depend on it
    #[arg(long, value_name = "N")]
    seq_len: Option<i64>,
    /// Judge by this profile instead of the right one that fits; `ropewalk list profiles`
    #[arg(long, value_name = "NAME", value_parser = profiles::named)]
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
    if !args.table.is_empty() || args.inv_freq.is_some() {
        return tables::run(args);
    }
    let judged = match judged(args)? {
        Ok(judged) => judged,
        Err(Failure::Usage(why)) => return Err(CliError::Usage(why)),
        Err(Failure::Reject(reject)) => return Ok(error::rejected(&reject)),
        Err(no) => {
            super::warn(&no.to_string());
            return Ok(ExitCode::from(1));
        }
    };
    let text = match (args.json, colour(args)) {
        (true, _) => judged.json(),
        (false, true) => judged.coloured(),
        (false, false) => judged.text(),
    };
    say(args, judged.verdict(), &text)
}

fn judged(args: &Args) -> Result<Result<Judged<'static>, Failure>, CliError> {
    let (Some(before), Some(after)) = (&args.before, &args.after) else {
        return Err(CliError::Usage("two tensors are needed: BEFORE and AFTER".into()));
    };
    let config = args.source.object()?;
    let rope = RopeConfig::new(&config).and_then(|checked| checked.rope(args.seq_len));
    let axes = match rope {
        Ok(rope) => rope.axes,
        Err(reject) => return Ok(Err(reject.into())),
    };
    let names = [before.clone(), after.clone()];
    let (before, after) = (tensors::raw(before)?, tensors::raw(after)?);
    let geometry = Geometry::new(args.axes.as_deref(), &before.shape, "bhsd");
    let geometry = geometry.map_err(CliError::Usage)?;
    let rotated = Rotated {
        names,
        places: tokens::places(&args.tokens, axes.max(1), &geometry)?,
        before,
        after,
        config,
        seq_len: args.seq_len,
        direction: args.direction,
        axes: args.axes.clone(),
        profile: args.profile.copied(),
    };
    let bar = progress(geometry.rows() as u64, "rows");
    let judged = rotated.judge(&|count| bar.inc(count));
    bar.finish_and_clear();
    Ok(judged)
}

/// Puts the answer where it is asked for.
fn say(args: &Args, verdict: Verdict, text: &str) -> Result<ExitCode, CliError> {
    match &args.output {
        Some(path) => write_atomically(path, text.as_bytes())?,
        None => rawln(text.trim_end())?,
    }
    Ok(ExitCode::from(verdict.exit_code()))
}

/// Whether the answer is coloured.
fn colour(args: &Args) -> bool {
    !args.json && args.output.is_none() && style::colour(std::io::stdout().is_terminal())
}
