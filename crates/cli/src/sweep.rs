//! `ropewalk sweep`: the worst error of a profile over every position.

mod failure;
pub(super) mod record;
mod report;
mod truth;

use failure::Failure;

use super::names;
use super::progress::progress;
use super::source::Source;
use super::{CliError, write::write_atomically};
use record::{Header, Record};
use ropewalk::encoding::{Rope, RopeConfig};
use ropewalk::exact::ResolvedRope;
use ropewalk::profile::{self, LAST_POSITION, Sweep, Swept};
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use truth::Enclosed;

/// Find the worst error of a profile over every position, and where it first exceeds a bound
///
/// Every position of the range and every plane is looked at; nothing is sampled (docs/sweep.md).
/// angle: radians; table: cos and sin as they are stored; rotation: of a rotated vector, over its
/// length. A long sweep can be cut into shards, on one machine or many, and put together again:
///   ropewalk sweep --model llama-3.1-8b --profile hf-f32
///   ropewalk sweep --config c.json --profile ggml-f32 --shard 1/4 --json -o 1.ndjson
///   ropewalk sweep --merge 1.ndjson 2.ndjson 3.ndjson 4.ndjson
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Total length, for rope types that depend on it
    #[arg(long, value_name = "N")]
    seq_len: Option<i64>,
    /// How the machine computes: hf-f32, ggml-f32, bf16-positions …
    #[arg(long, value_name = "NAME", value_parser = names::profile, required_unless_present = "merge")]
    profile: Option<&'static profile::Profile>,
    /// Positions FIRST..END, END at most 2^32
    #[arg(long, value_name = "FIRST..END", default_value = "0..2147483648", value_parser = range)]
    range: Range<u64>,
    /// Only the K-th of N equal parts of the range, K from 1
    #[arg(long, value_name = "K/N", value_parser = shard)]
    shard: Option<(u64, u64)>,
    /// The error whose first excess is looked for; by default half an ulp of bf16 at 1
    #[arg(long, value_name = "ERROR", default_value_t = 0.001953125,
        allow_negative_numbers = true, value_parser = bound)]
    bound: f64,
    /// Put sweeps together that --json has written, instead of sweeping
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all =
        ["config", "model", "set", "seq_len", "profile", "range", "shard", "bound"])]
    merge: Vec<PathBuf>,
    /// Every plane; without it a long rope is abbreviated
    #[arg(long)]
    all: bool,
    /// One JSON object per line: what was asked, every plane, every octave of positions
    #[arg(long)]
    json: bool,
    /// File to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let fits = |(a, b): &(u64, u64)| a < b && *b <= LAST_POSITION;
    let (first, end) =
        ends.filter(fits).ok_or("allowed is FIRST..END, 0 <= FIRST < END <= 2^32")?;
    Ok(first..end)
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    let fits = |(k, n): &(u64, u64)| (1..=*n).contains(k) && *n <= 1 << 20;
    parts.filter(fits).ok_or_else(|| "allowed is K/N, 1 <= K <= N <= 1048576".to_string())
}

fn bound(text: &str) -> Result<f64, String> {
    let fits = |bound: &f64| bound.is_finite() && *bound >= 0.0;
    text.parse().ok().filter(fits).ok_or_else(|| "allowed is a number from 0 on".to_string())
}

/// Runs the verb: exit code 0 for a result, 1 for a config that has none.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let text = match swept(args) {
        Ok(text) => text,
        Err(Failure::No(why)) => {
            super::write::warn(&why);
            return Ok(ExitCode::from(1));
        }
        Err(Failure::Other(error)) => return Err(error),
    };
    match &args.output {
        Some(path) => write_atomically(path, text.as_bytes())?,
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(CliError::stream("standard output"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What has to stand still while a sweep borrows it.
struct Ground {
    rope: Rope,
    truth: Enclosed,
}

impl Ground {
    fn new(header: &Header) -> Result<Ground, Failure> {
        let rope = RopeConfig::new(&header.config)?.rope(header.seq_len)?;
        let truth = Enclosed::new(&ResolvedRope::new(&rope)?);
        let truth = truth.ok_or_else(|| Failure::No("a frequency cannot be enclosed".into()))?;
        Ok(Ground { rope, truth })
    }

    fn sweep(&self, header: &Header) -> Result<Sweep<'_>, Failure> {
        let sweep = Sweep::new(header.profile, &self.rope, &self.truth, Some(header.bound));
        sweep.ok_or_else(|| Failure::No("a rope with growth (xpos) has no single table".into()))
    }
}

fn swept(args: &Args) -> Result<String, Failure> {
    let (header, swept) = match (&args.profile, args.merge.is_empty()) {
        (Some(profile), true) => sweep(args, profile)?,
        _ => record::merge(&args.merge)?,
    };
    let ground = Ground::new(&header)?;
    let record = Record::new(&header, &swept, &ground.sweep(&header)?, &ground.truth);
    Ok(if args.json { record.ndjson() } else { report::text(&record, args.all) })
}

fn sweep(args: &Args, profile: &'static profile::Profile) -> Result<(Header, Swept), Failure> {
    let config = RopeConfig::new(&args.source.object()?)?.normalised().clone();
    let Range { start, end } = args.range;
    let cut = |k: u64, n: u64| start + ((end - start) as u128 * k as u128 / n as u128) as u64;
    let range = args.shard.map_or(start..end, |(k, n)| cut(k - 1, n)..cut(k, n));
    let header = Header {
        profile,
        config,
        seq_len: args.seq_len,
        bound: args.bound,
        ranges: vec![range.clone()],
    };
    let ground = Ground::new(&header)?;
    let sweep = ground.sweep(&header)?;
    let bar = progress(range.end - range.start, "positions");
    let swept = sweep.run(range, &|count| bar.inc(count));
    bar.finish_and_clear();
    Ok((header, swept))
}
