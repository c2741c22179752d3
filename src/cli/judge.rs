//! `ropewalk judge`: tensors that a kernel has rotated already.

mod dump;
mod report;

use super::positions::Places;
use super::profiles;
use super::progress::progress;
use super::source::Source;
use super::tensors::Raw;
use super::write::write_atomically;
use super::{CliError, outln};
use crate::audit::{Answered, Description, Large, LargeJudge, Options, Outcome, Report, judge_all};
use crate::audit::{Verdict, right_profiles};
use crate::encoding::{Body, Question, RopeConfig};
use crate::exact::bulk::Rotator;
use crate::number::{Dtype, Tensor};
use crate::profile::{Profile, common};
use crate::request::{
    Direction, Json, Object, Operation, Reject, Request, run_request, tensor_json,
};
use dump::{Dump, Geometry};
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

/// What came of it.
struct Judged {
    dump: Dump,
    profile: &'static str,
    large: Large,
    /// What explains the wrong elements; none if there are none.
    report: Option<Report>,
}

impl Judged {
    fn verdict(&self) -> Verdict {
        // What has no value is right by a rule, and shows nothing of a kernel.
        match (self.large.wrong, self.large.judged > self.large.without_value()) {
            (0, false) => Verdict::Unjudged,
            (0, true) => Verdict::Conforms,
            _ => Verdict::Diverges,
        }
    }
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let (inputs, question) = match question(args) {
        Ok(Ok(found)) => found,
        Ok(Err(reject)) => {
            eprintln!("ropewalk: rejected: {reject}");
            return Ok(ExitCode::from(1));
        }
        Err(error) => return Err(error),
    };
    let Inputs { before, after, geometry, places } = inputs;
    let Body::Rotate(rotate) = &question.body else {
        return Err(CliError::Usage("a rotation was asked for".into()));
    };
    let largest = places.largest();
    let rotator = Rotator::new(&rotate.rope, rotate.direction, question.dtype, largest);
    let rotator = match rotator {
        Some(Ok(rotator)) => rotator,
        Some(Err(undecided)) => {
            eprintln!("ropewalk: {undecided}");
            return Ok(ExitCode::from(1));
        }
        None => {
            return Err(CliError::Usage(
                "a rope with growth (xpos) or more than four axes is for `ropewalk audit`".into(),
            ));
        }
    };
    let dump = Dump { before, after, geometry, places, rotator };
    let judged = judge(args, dump, &question)?;
    let text = match args.json {
        true => report::json(args, &judged),
        false => report::text(args, &judged),
    };
    match &args.output {
        Some(path) => write_atomically(path, text.as_bytes())?,
        None => outln(text.trim_end())?,
    }
    Ok(ExitCode::from(match judged.verdict() {
        Verdict::Conforms => 0,
        Verdict::Diverges => 1,
        Verdict::Unjudged | Verdict::AdapterFault => 3,
    }))
}

/// The files, and how they are to be read.
struct Inputs {
    before: Raw,
    after: Raw,
    geometry: Geometry,
    places: Places,
}

/// The question without rows, whose config, direction and formats are meant; or why it is
/// rejected.
fn question(args: &Args) -> Result<Result<(Inputs, Question), Reject>, CliError> {
    let config = args.source.with(&args.set)?;
    let rope = RopeConfig::new(&config).and_then(|checked| checked.rope(args.seq_len));
    let rope = match rope {
        Ok(rope) => rope,
        Err(reject) => return Ok(Err(reject)),
    };
    let places = Places::parse(&args.positions, rope.axes)?;
    let (before, after) = (Raw::read(&args.before)?, Raw::read(&args.after)?);
    for (name, raw) in [(&args.before, &before), (&args.after, &after)] {
        if raw.dtype.format().is_none() {
            return Err(CliError::Usage(format!(
                "{name} is {}, allowed are f64, f32, bf16, f16",
                raw.dtype
            )));
        }
    }
    if before.shape != after.shape {
        return Err(CliError::Usage(format!(
            "{} has shape {:?}, {} has {:?}: they must be the same",
            args.before, before.shape, args.after, after.shape
        )));
    }
    let geometry = Geometry::new(args.axes.as_deref(), &before.shape, rope.head_dim, places.len())?;
    let tensor = |dtype: Dtype| {
        let none = Tensor::new(dtype, vec![1, 1, 0, rope.head_dim], vec![]);
        none.map(|tensor| tensor_json(&tensor)).unwrap_or(Json::Null)
    };
    let nothing = || Json::Array(vec![Json::Array(vec![])]);
    let positions = match rope.axes {
        0 | 1 => nothing(),
        axes => Json::Array((0..axes).map(|_| nothing()).collect()),
    };
    let mut input = Object::default();
    input.set("positions", positions);
    input.set("q", tensor(before.dtype));
    input.set("direction", Json::from(args.direction.name()));
    if let Some(length) = args.seq_len {
        input.set("seq_len", Json::from(length));
    }
    let request = run_request(Operation::Rotate, after.dtype, "dump", &config, &input);
    let question = Request::from_json(&request).and_then(|request| Question::new(&request));
    Ok(question.map(|question| (Inputs { before, after, geometry, places }, question)))
}

/// Rows looked at first, to see which profiles are possible.
const SAMPLE: usize = 128;

/// Rows all over the tensor, on no lattice: positions in bf16 are right at every 1024th.
fn sample(rows: usize) -> Vec<usize> {
    let count = rows.min(SAMPLE);
    let place = |i: usize| (i as u128 * rows as u128 / count as u128) as usize;
    let inside = |i: usize| i.wrapping_mul(0x9e37_79b9) % (place(i + 1) - place(i));
    (0..count).map(|i| place(i) + inside(i)).collect()
}

/// Judges all rows by the first profile that explains them; where none does, by the one that
/// leaves least unexplained, as far as a sample shows.
fn judge(args: &Args, dump: Dump, question: &Question) -> Result<Judged, CliError> {
    let rows = dump.geometry.rows();
    let sample = sample(rows);
    let mut possible = Vec::new();
    for profile in candidates(args, question.dtype) {
        if let Some(judge) = LargeJudge::new(question, profile) {
            possible.push((dump.some(&judge, &sample)?.wrong, profile.name, judge));
        }
    }
    let least = possible.iter().map(|(wrong, ..)| *wrong).min().unwrap_or(0);
    let mut best: Option<(&'static str, Large)> = None;
    for (_, name, judge) in possible.iter().filter(|(wrong, ..)| *wrong == least) {
        if let Some((_, known)) = &best
            && dump.some(judge, &known.rows)?.wrong > 0
        {
            // What was wrong before is wrong by this profile too.
            continue;
        }
        let bar = progress(rows as u64, "rows");
        let large = dump.all(judge, &|count| bar.inc(count))?;
        bar.finish_and_clear();
        if best.as_ref().is_none_or(|(_, known)| large.wrong < known.wrong) {
            best = Some((name, large));
        }
        if best.as_ref().is_some_and(|(_, large)| large.wrong == 0) {
            break;
        }
    }
    let (Some((profile, large)), Some((.., any))) = (best, possible.first()) else {
        return Err(CliError::Usage(format!("no profile is right for {}", question.dtype)));
    };
    let report = match large.wrong {
        0 => None,
        _ => Some(explain(args, &dump, any, &large, &sample)?),
    };
    Ok(Judged { dump, profile, large, report })
}

/// The profile that is given, or all that are right, those in common use first.
fn candidates(args: &Args, dtype: Dtype) -> Vec<Profile> {
    if let Some(profile) = args.profile {
        return vec![*profile];
    }
    let mut list = common(dtype);
    for profile in right_profiles(dtype) {
        if list.iter().all(|known| known.name != profile.name) {
            list.push(profile);
        }
    }
    list
}

/// An audit of some rows, wrong ones and others.
fn explain(
    args: &Args,
    dump: &Dump,
    judge: &LargeJudge,
    large: &Large,
    sample: &[usize],
) -> Result<Report, CliError> {
    const FEW: usize = 12;
    let few = |list: &[usize]| -> Vec<usize> {
        list.iter().step_by(list.len().div_ceil(FEW).max(1)).copied().collect()
    };
    let mut rows = [few(sample), few(&large.rows)].concat();
    rows.sort_unstable();
    rows.dedup();
    let options = Options {
        door: "a dump".into(),
        profile: args.profile.copied(),
        twice: false,
        ..Options::default()
    };
    let (case, got) = dump.case(judge, &rows)?;
    let output = Outcome::Output(vec![("q".to_string(), got)]);
    let asked = Answered { case: 0, outcome: Ok(output), fickle: false };
    Ok(judge_all(&[case], &[asked], Description::named("dump"), &options))
}
