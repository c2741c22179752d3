//! The options of `ropewalk judge`.

use super::tokens;
use crate::names;
use crate::source::Source;
use ropewalk::number::Dtype;
use ropewalk::profile::Profile;
use ropewalk::request::{Direction, Operation};
use std::path::PathBuf;

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
///   ropewalk judge --operation chain --config fused.json --input q=in.npz:q
///     --input q_weight=in.npz:w --input positions=[[0,1,2]] --answer q=out.npz:q
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// What went in: FILE.npy, or FILE:NAME of a .safetensors or .npz
    #[arg(value_name = "BEFORE", required_unless_present_any = ["table", "inv_freq", "operation"])]
    pub(super) before: Option<String>,
    /// What came out, of the same shape
    #[arg(value_name = "AFTER", required_unless_present_any = ["table", "inv_freq", "operation"])]
    pub(super) after: Option<String>,
    /// A table instead of tensors: its cosines and sines, one column per pair or two as wide as the
    /// rotated slice; or one tensor with the cosines of a row before its sines
    #[arg(long, num_args = 1..=2, value_names = ["COS", "SIN"],
        conflicts_with_all = ["before", "after", "direction"])]
    pub(super) table: Vec<String>,
    /// Frequencies instead of tensors: radians per position, one for each pair
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["before", "after", "direction", "table", "positions", "cu_seqlens", "offset", "axes"])]
    pub(super) inv_freq: Option<String>,
    #[command(flatten)]
    pub(super) given: Given,
    #[command(flatten)]
    pub(super) source: Source,
    #[command(flatten)]
    pub(super) tokens: tokens::Options,
    /// What the axes of the tensors are, d last: batch, head, sequence (or t, tokens), dimension. By
    /// default the last ones of bhsd, of a table bsd
    #[arg(long, value_name = "LETTERS")]
    pub(super) axes: Option<String>,
    /// forward, inverse or backward
    #[arg(long, value_name = "WORD", default_value = "forward", value_parser = direction)]
    pub(super) direction: Direction,
    /// Total length, for rope types that depend on it
    #[arg(long, value_name = "N")]
    pub(super) seq_len: Option<i64>,
    /// Judge by this profile instead of the right one that fits; `ropewalk list profiles`
    #[arg(long, value_name = "NAME", value_parser = names::profile)]
    pub(super) profile: Option<&'static Profile>,
    /// One JSON object
    #[arg(long)]
    pub(super) json: bool,
    /// File to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

fn direction(word: &str) -> Result<Direction, String> {
    let all = [Direction::Forward, Direction::Inverse, Direction::Backward];
    let found = all.into_iter().find(|direction| direction.name() == word);
    found.ok_or_else(|| "allowed are forward, inverse, backward".to_string())
}

/// The options of an operation that is more than a rotation.
#[derive(Debug, clap::Args)]
pub struct Given {
    /// What was computed: chain, attention, score or any other; then --config holds its config, and
    /// every tensor is given by its name
    #[arg(long, value_name = "NAME", value_parser = operation, requires = "answer",
        conflicts_with_all = ["before", "after", "table", "inv_freq", "axes", "positions", "cu_seqlens", "offset"])]
    pub(super) operation: Option<Operation>,
    /// Format of the request: that of the output, of a chain that of what is not quantised; by
    /// default that of q
    #[arg(long, value_name = "FORMAT", value_parser = dtype, requires = "operation")]
    pub(super) dtype: Option<Dtype>,
    /// An input: FILE.npy, FILE:NAME of a .safetensors or .npz, or JSON, as lse=true
    #[arg(long, value_name = "NAME=VALUE", requires = "operation")]
    pub(super) input: Vec<String>,
    /// What came out, under the name of the contract: out=FILE, key_cache=FILE:NAME
    #[arg(long, value_name = "NAME=FILE", requires = "operation")]
    pub(super) answer: Vec<String>,
}

fn operation(word: &str) -> Result<Operation, String> {
    Operation::from_name(word).map_err(|reject| reject.to_string())
}

fn dtype(word: &str) -> Result<Dtype, String> {
    let names: Vec<&str> = Dtype::ALL.iter().map(|dtype| dtype.name()).collect();
    Dtype::from_name(word).ok_or_else(|| format!("allowed are {}", names.join(", ")))
}
