//! `ropewalk table`: cos and sin of a rope for any number of positions, to a file.

mod arrangement;
mod arrays;
mod container;

pub(super) use arrangement::Arrangement;

use super::positions;
use super::progress::progress;
use super::source::Source;
use super::{CliError, names};
use arrays::{Arrays, bytes};
use container::Container;
use ropewalk::dump::Places;
use ropewalk::encoding::{Rope, RopeConfig};
use ropewalk::exact::ResolvedRope;
use ropewalk::exact::ladder::{Bf16, F16, Ladder, Output, Stats};
use ropewalk::number::Dtype;
use ropewalk::request::{Json, Object, Reject};
use std::path::PathBuf;
use std::process::ExitCode;

/// Bytes of a block of rows for each thread, cos and sin together: a task or two, which stay in the
/// cache until they are written.
const BLOCK: usize = 1 << 20;

/// Write certified cos and sin tables to .npy, .npz or .safetensors
///
/// Every number is correctly rounded, with proof (docs/ladder.md). The file appears whole or not at
/// all and is written in blocks, so that its length does not matter. For example
///   ropewalk table --model llama-3.1-8b --positions 0..131072 llama.safetensors
///   ropewalk table --set head_dim=128 --set layout=half --set rope_theta=500000
///     --positions 0..131072 --dtype bf16 cache.npy
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The file to write; its extension is the format: npy, npz or safetensors
    out: PathBuf,
    #[command(flatten)]
    source: Source,
    /// FIRST..END, FIRST..END:STEP, a list 1,2,3, or @FILE with integers between white space; once,
    /// or once per axis
    #[arg(long, value_name = "POSITIONS", required = true, allow_hyphen_values = true)]
    positions: Vec<String>,
    /// Total length, for rope types that depend on it
    #[arg(long, value_name = "N")]
    seq_len: Option<i64>,
    /// Format of the numbers
    #[arg(long, value_name = "f64|f32|bf16|f16", default_value = "f32", value_parser = names::float)]
    dtype: Dtype,
    /// Arrangement: cos_sin (two arrays), complex (cos + i sin), concat ([cos, sin] in a row, as
    /// vLLM's cache), duplicated (two arrays as wide as the rotated slice, in the config's layout)
    #[arg(long, value_name = "WORD", default_value = "cos_sin", value_parser = arrangement)]
    layout_out: Arrangement,
}

fn arrangement(word: &str) -> Result<Arrangement, String> {
    match word {
        "cos_sin" => Ok(Arrangement::CosSin),
        "complex" => Ok(Arrangement::Complex),
        "concat" => Ok(Arrangement::Concat),
        "duplicated" => Ok(Arrangement::Duplicated),
        _ => Err("allowed are cos_sin, complex, concat, duplicated".to_string()),
    }
}

/// Runs the verb: exit code 0 for a table, 1 for a rejected config or an undecided rounding.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let config = args.source.object()?;
    let (rope, config) = match checked(&config, args.seq_len) {
        Ok(checked) => checked,
        Err(reject) => return Ok(super::write::rejected(&reject)),
    };
    let places = positions::parse(&args.positions, rope.axes)?;
    let undecided = |error: &dyn std::fmt::Display| {
        super::write::warn(&error.to_string());
        Ok(ExitCode::from(1))
    };
    let resolved = match ResolvedRope::new(&rope) {
        Ok(resolved) => resolved,
        Err(error) => return undecided(&error),
    };
    let work = Work { args, rope: &resolved, places, metadata: metadata(args, config) };
    let made = match args.dtype {
        Dtype::F64 => work.write::<f64>()?,
        Dtype::Bf16 => work.write::<Bf16>()?,
        Dtype::F16 => work.write::<F16>()?,
        _ => work.write::<f32>()?,
    };
    match made {
        Ok(stats) => {
            let Stats { entries, exact } = stats;
            eprintln!("{entries} numbers, {exact} of them by the exact path");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => undecided(&error),
    }
}

fn checked(config: &Object, seq_len: Option<i64>) -> Result<(Rope, Object), Reject> {
    let checked = RopeConfig::new(config)?;
    Ok((checked.rope(seq_len)?, checked.normalised().clone()))
}

/// What the table is, as JSON, for whoever finds the file.
fn metadata(args: &Args, config: Object) -> String {
    let mut object = Object::default();
    object.set("generator", Json::from(format!("ropewalk {}", env!("CARGO_PKG_VERSION")).as_str()));
    object.set("config", Json::Object(config));
    let positions = args.positions.iter().map(|p| Json::from(p.as_str())).collect();
    object.set("positions", Json::Array(positions));
    if let Some(length) = args.seq_len {
        object.set("seq_len", Json::from(length));
    }
    object.set("dtype", Json::from(args.dtype.name()));
    serde_json::to_string(&Json::Object(object)).unwrap_or_default()
}

struct Work<'a> {
    args: &'a Args,
    rope: &'a ResolvedRope,
    places: Places,
    metadata: String,
}

impl Work<'_> {
    /// Block after block; the inner error is one of the mathematics.
    fn write<O: Output>(
        &self,
    ) -> Result<Result<Stats, ropewalk::exact::ladder::LadderError>, CliError> {
        let ladder = match Ladder::<O>::new(self.rope) {
            Ok(ladder) => ladder,
            Err(error) => return Ok(Err(error)),
        };
        let planes = ladder.planes();
        let rows = self.places.len();
        let pairs: Vec<_> = self.rope.planes.iter().map(|plane| plane.pair).collect();
        let arrays = Arrays::new(self.args.layout_out, &pairs, self.args.dtype, rows)?;
        let mut file = Container::create(&self.args.out, &arrays, &self.metadata)?;
        let block = BLOCK * rayon::current_num_threads();
        let step = (block / (2 * planes * size_of::<O>()).max(1)).clamp(1, rows.max(1));
        let (mut cos, mut sin) =
            (vec![O::default(); step * planes], vec![O::default(); step * planes]);
        let mut room = Vec::new();
        let progress = progress(rows as u64, "positions");
        let mut stats = Stats::default();
        for first in (0..rows).step_by(step) {
            let count = step.min(rows - first);
            let (cos, sin) = (&mut cos[..count * planes], &mut sin[..count * planes]);
            match self.places.fill(&ladder, first, count, cos, sin) {
                Ok(block) => stats = stats + block,
                Err(error) => return Ok(Err(error)),
            }
            for stream in 0..arrays.streams() {
                file.write(stream, &bytes(arrays.arranged(stream, cos, sin, &mut room)))?;
            }
            progress.inc(count as u64);
        }
        progress.finish_and_clear();
        file.finish()?;
        Ok(Ok(stats))
    }
}
