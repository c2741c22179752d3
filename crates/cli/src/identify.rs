//! `ropewalk identify`: what a kernel computes, found out by asking.

mod attention;
mod told;

use super::orphans::Orphans;
use super::progress::Waiting;
use super::source::Source;
use super::{CliError, names, outln};
use ropewalk::audit::{
    Identified, Inquiry, Process, ProcessOptions, Truth, identify, identify_attention, runs,
};
use ropewalk::encoding::Question;
use ropewalk::number::Dtype;
use ropewalk::request::{Json, Object};
use ropewalk::vector::{Expected, Tensors};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use told::{faults, told, value};

/// Find out what a kernel computes: planes, frequencies, scaling, precision, and which fault it has
///
/// Asks for rotations near and far, of rows, heads and keys, in decoding steps and backwards, and
/// judges them against the declared config. Where they are wrong, it looks for the config that they
/// follow. Of attention it reads the weights: mask, window, scale, soft cap, slopes or buckets, sinks,
/// key heads, the rope inside, each beside what is declared. Exit code 0: it computes what is declared, as far as it was asked; 1: something else, or
/// something unknown; 2: usage; 3: the adapter is at fault.
///
///   ropewalk identify --exec "python3 adapter.py" --model llama-3.1-8b
///   ropewalk identify --exec ./adapter --config config.json --dtype bf16 --json
///   ropewalk identify --exec ./adapter --operation attention --set causal=true --head-dim 128
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A command that speaks the protocol (docs/adapter-protocol.md), for the shell
    #[arg(long, value_name = "COMMAND")]
    exec: String,
    #[command(flatten)]
    source: Source,
    /// Format of everything that is asked; by default the widest that the kernel claims
    #[arg(long, value_name = "FORMAT", value_parser = names::float)]
    dtype: Option<Dtype>,
    /// rotate (what rotates and makes tables) or attention
    #[arg(long, value_name = "NAME", default_value = "rotate", value_parser = ["rotate", "attention"])]
    operation: String,
    /// Width of the heads of attention, where no rope says it
    #[arg(long, value_name = "D", default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..=1024))]
    head_dim: u16,
    /// Seconds for one answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let config = match args.source.is_given() {
        true => Some(args.source.object()?),
        false => None,
    };
    let attends = args.operation == "attention";
    if let Some(config) = config.as_ref().filter(|_| !attends)
        && let Err(reject) = ropewalk::encoding::RopeConfig::new(config)
    {
        return Err(CliError::Usage(format!("{}: {reject}", args.source.name())));
    }
    let timeout = Duration::from_secs(args.timeout);
    // Dropped after the kernel.
    let _orphans = Orphans::adopt();
    let mut kernel =
        Process::new(&args.exec, ProcessOptions { timeout, ..ProcessOptions::default() });
    let waiting = Waiting::new();
    let progress = |what: &str| waiting.says(what);
    let inquiry =
        Inquiry { dtype: args.dtype, truth: &proven, progress: &progress, ..Inquiry::default() };
    if attends {
        let config = config.ok_or_else(|| {
            CliError::Usage("attention needs --config, or --set causal=true".into())
        })?;
        let found = identify_attention(&mut kernel, &config, args.head_dim.into(), &inquiry);
        waiting.ends();
        return match found {
            Ok(found) => attention::show(&found, args.json),
            Err(why) => {
                super::write::warn(&why.to_string());
                Ok(ExitCode::from(3))
            }
        };
    }
    let found = identify(&mut kernel, config.as_ref(), &inquiry);
    waiting.ends();
    let found = match found {
        Ok(found) => found,
        Err(why) => {
            super::write::warn(&why.to_string());
            return Ok(ExitCode::from(3));
        }
    };
    match args.json {
        true => super::write::rawln(&to_json(&found).to_string())?,
        false => to_lines(&found).iter().try_for_each(|line| outln(line))?,
    }
    Ok(ExitCode::from(u8::from(!found.conforms)))
}

/// The right answer with its proof; none where a rounding stays undecided.
pub fn proven(question: &Question) -> Option<Truth> {
    let answer = ropewalk::exact::answer(question).ok()?;
    let (mut expected, mut residual) = (Vec::new(), Vec::new());
    for tensor in answer.tensors {
        residual.extend(tensor.residual.map(|r| (tensor.name.to_string(), r)));
        expected.push((tensor.name.to_string(), tensor.expected));
    }
    let residual = Some(Tensors(residual));
    Some(Truth { expected: Expected::Tensors(Tensors(expected)), residual })
}

/// What was found out, for programs.
pub fn to_json(found: &Identified) -> Value {
    let config = |object: &Object| value(&Json::Object(object.clone()));
    let planes: Vec<Value> = found
        .planes
        .iter()
        .map(
            |p| json!({"re": p.re, "im": p.im, "axis": p.axis, "theta": p.theta, "error": p.error}),
        )
        .collect();
    json!({
        "config": found.config.as_ref().map(config),
        "profile": found.precision.profile.or(found.precision.explained_by),
        "faults": faults(&found.diagnoses),
        "unknown": found.unknown,
        "declared": config(&found.declared),
        "conforms": found.conforms,
        "differences": found.differences,
        "untold_planes": found.untold,
        "not_asked": found.not_asked,
        "dtype": found.dtype.name(),
        "attention_factor": found.attention_factor,
        "linear": found.linear,
        "relative": found.relative,
        "profile_is_right": found.precision.profile.is_some(),
        "alike": {"profiles": found.precision.alike, "share": found.precision.share},
        "planes": planes,
        "diagnoses": found.diagnoses,
        "remarks": found.remarks,
    })
}

/// What was found out, for people: lines.
pub fn to_lines(found: &Identified) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |line: &str| lines.push(line.to_string());
    let text =
        |config: &Object| serde_json::to_string(&Json::Object(config.clone())).unwrap_or_default();
    say(&format!("{}, asked in {}", found.kernel, found.dtype));
    say(&format!("  declared  {}", text(&found.declared)));
    match (&found.config, found.conforms) {
        (_, true) => say(&format!("It computes what is declared (to {}).", found.dtype)),
        (Some(config), _) if *config == found.declared => {}
        (Some(config), _) => say(&format!("  computes  {}", text(config))),
        (None, _) => say("  computes  no config that is known here"),
    }
    if !found.conforms && !found.differences.is_empty() {
        say("Different from what is declared:");
        for line in &found.differences {
            say(&format!("  {line}"));
        }
    }
    if !found.untold.is_empty() {
        say(&format!(
            "Not told by {}: how fast planes {} turn, so slowly that no position asked shows it",
            found.dtype,
            runs(&found.untold)
        ));
    }
    told(&found.diagnoses).iter().for_each(|line| say(line));
    for line in &found.unknown {
        say(&format!("Unknown: {line}"));
    }
    let said = |flag: Option<bool>, yes: &str, no: &str| match flag {
        Some(true) => yes.to_string(),
        Some(false) => no.to_string(),
        None => "not found out".to_string(),
    };
    say(&format!("  linear    {}", said(found.linear, "yes", "no: sums are not kept")));
    say(&format!(
        "  relative  {}",
        said(
            found.relative,
            "yes: scores depend on distances only",
            "no: scores depend on more than distances"
        )
    ));
    if let Some(factor) = found.attention_factor {
        say(&format!("  factor    {factor}"));
    }
    let profile = match (found.precision.profile, found.precision.explained_by) {
        (Some(name), _) => format!("within the bounds of {name}"),
        (None, Some(name)) => format!("as {name}, which is wrong for {}", found.dtype),
        (None, None) => "within the bounds of no profile".into(),
    };
    let alike = match found.precision.share {
        share if share >= 0.9 => {
            format!("; {:.1} % bit for bit as {}", 100.0 * share, found.precision.alike.join(", "))
        }
        _ => String::new(),
    };
    say(&format!("  computed  {profile}{alike}"));
    for remark in &found.remarks {
        say(&format!("  {remark}"));
    }
    for line in &found.not_asked {
        say(&format!("  not asked: {line}"));
    }
    say("  not asked: other formats, widths, operations: `ropewalk audit` does");
    lines
}
