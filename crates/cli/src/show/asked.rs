//! What is shown, and why it cannot be.

use crate::CliError;
use crate::source::Source;
use ropewalk::encoding::RopeConfig;
use ropewalk::exact::{RopeView, UndecidedRounding};
use ropewalk::request::Reject;
use std::path::PathBuf;

/// Show a config's planes: coordinates, frequencies, what the scaling did
///
/// Every number is correctly rounded to the digits shown. A model whose layers differ is shown
/// once for each layer type, unless --layer-type picks one. Of ALiBi the slopes are shown, of T5
/// the distances of each bucket.
///
///   ropewalk show --model llama-3.1-8b
///   ropewalk show --config config.json --svg rope.svg
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub(super) source: Source,
    /// Total length, for rope types that depend on it; by default max_position_embeddings
    #[arg(long, value_name = "N")]
    pub(super) seq_len: Option<i64>,
    /// Every pair; without it a long rope is abbreviated
    #[arg(long)]
    pub(super) all: bool,
    /// Also the exact expression of every frequency
    #[arg(long)]
    pub(super) expressions: bool,
    /// Significant digits
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(super) digits: u32,
    /// One JSON object per rope, all pairs
    #[arg(long)]
    pub(super) json: bool,
    /// Draw frequencies before and after, and wavelengths against context lengths
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
}

/// A rope to show.
pub(super) struct Shown<'a> {
    pub(super) title: String,
    pub(super) config: &'a RopeConfig<'static>,
    pub(super) seq_len: Option<i64>,
    pub(super) view: RopeView,
}

pub(super) enum Failure {
    Rejected(Reject),
    Undecided(UndecidedRounding),
    Other(CliError),
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Failure {
        Failure::Rejected(reject)
    }
}

impl From<UndecidedRounding> for Failure {
    fn from(undecided: UndecidedRounding) -> Failure {
        Failure::Undecided(undecided)
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Failure {
        Failure::Other(error)
    }
}
