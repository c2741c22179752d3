//! What is asked of a decay curve, and how its numbers are written.

use crate::CliError;
use ropewalk::exact::Interval;
use ropewalk_theorem::Frequencies;
use rug::float::Round::{Down, Up};
use serde_json::Value;
use std::path::PathBuf;

/// Distances of a curve are listed one by one; more than this is no picture.
pub(super) const MOST_POINTS: u64 = 100_000;

/// Beyond this a double is no whole number any more, and a plot has no axis.
pub(super) const FARTHEST: i64 = 1 << 53;

/// The certified decay curve of RoFormer's Figure 2, a key that defies it, the context bound
///
/// The curve is the mean of |S_1|, …, |S_{D/2}|, S_j = sum of e^{irθ_i} over i < j, at relative
/// distance r: the part of an upper bound of the score that does not depend on query and key.
/// Every value is enclosed; csv and json have the enclosure's ends. See docs/decay.md.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Width D of the head, even
    #[arg(long, value_name = "D", default_value = "128", value_parser = head_dim)]
    pub(super) head_dim: usize,
    /// The base (rope_theta); with --context-bound a list, repeated or separated by commas
    #[arg(long, value_name = "B", default_value = "10000", value_delimiter = ',', value_parser = base)]
    pub(super) base: Vec<f64>,
    /// First distance
    #[arg(long, value_name = "R", default_value_t = 0, allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-FARTHEST..=FARTHEST))]
    pub(super) from: i64,
    /// Last distance
    #[arg(long, value_name = "R", default_value_t = 256, allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-FARTHEST..=FARTHEST))]
    pub(super) to: i64,
    /// From one distance to the next
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=FARTHEST as u64))]
    pub(super) step: u64,
    /// The converse: a query and a key whose score is largest at distance R (m - n)
    #[arg(long, value_name = "R", allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-FARTHEST..=FARTHEST))]
    pub(super) witness: Option<i64>,
    /// For each base the first m <= L with B(m) = sum of cos(mθ_i) below 0, every sign certified;
    /// exit code 1 if no listed base stays non-negative
    #[arg(long, value_name = "L", conflicts_with_all = ["from", "to", "step", "witness"],
        value_parser = clap::value_parser!(u64).range(0..=1 << 32))]
    pub(super) context_bound: Option<u64>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Report)]
    pub(super) format: Format,
    /// File to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A few lines for a reader
    Report,
    /// All values with their certified bounds
    Csv,
    /// The same with what was found
    Json,
    /// A picture
    Svg,
}

pub(super) fn head_dim(text: &str) -> Result<usize, String> {
    let allowed = || "allowed is an even number from 2 to 65536".to_string();
    let even = |n: &usize| (2..=1 << 16).contains(n) && n.is_multiple_of(2);
    text.parse().ok().filter(even).ok_or_else(allowed)
}

pub(super) fn base(text: &str) -> Result<f64, String> {
    let allowed = || "allowed is a finite number above 0".to_string();
    text.parse().ok().filter(|b: &f64| b.is_finite() && *b > 0.0).ok_or_else(allowed)
}

/// Text of an answer, and whether the answer is yes.
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) yes: bool,
}

impl Args {
    /// The one base that a curve has.
    pub(super) fn single_base(&self) -> Result<f64, CliError> {
        match self.base[..] {
            [base] => Ok(base),
            _ => Err(CliError::Usage(format!(
                "--base has {} values, allowed is one (a list goes with --context-bound)",
                self.base.len()
            ))),
        }
    }

    pub(super) fn distances(&self) -> Result<Vec<i64>, CliError> {
        let (from, to) = (self.from, self.to);
        if to < from {
            return Err(CliError::Usage(format!(
                "--to is {to}, allowed is at least --from, which is {from}"
            )));
        }
        let points = (to - from) as u64 / self.step + 1;
        if points > MOST_POINTS {
            return Err(CliError::Usage(format!(
                "--step is {}, which makes {points} distances, allowed are {MOST_POINTS}",
                self.step
            )));
        }
        Ok((from..=to).step_by(self.step as usize).collect())
    }
}

pub(super) fn frequencies(args: &Args, base: f64) -> Result<Frequencies, CliError> {
    Frequencies::new(args.head_dim, base).map_err(|reject| CliError::Usage(reject.to_string()))
}

pub(super) fn cannot_enclose(base: f64) -> CliError {
    CliError::Usage(format!("--base is {base}, whose frequencies cannot be enclosed"))
}

/// The largest double not above an enclosure and the smallest not below it.
pub(super) fn bounds(x: &Interval) -> (f64, f64) {
    (x.lo().to_f64_round(Down), x.hi().to_f64_round(Up))
}

/// Six decimals, if both ends of the enclosure round to them; both ends otherwise.
pub(super) fn decimal(x: &Interval) -> String {
    let (lo, hi) = bounds(x);
    let (low, high) = (format!("{lo:.6}"), format!("{hi:.6}"));
    if low == high { low } else { format!("{lo} to {hi}") }
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Indices 0, 1, 2, 5, 10, 20, 50, … below a count, and the last.
pub(super) fn selected(count: usize) -> Vec<usize> {
    let decades = (0..).map(|n| 10usize.pow(n)).take_while(|decade| *decade < count);
    let series = decades.flat_map(|decade| [1, 2, 5].map(|n| n * decade));
    let mut list: Vec<usize> = [0].into_iter().chain(series).filter(|n| *n + 1 < count).collect();
    list.extend(count.checked_sub(1));
    list
}
