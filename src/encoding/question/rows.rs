//! The questions about rows: absolute embeddings, weight rows, position ids.

use super::additive::flat;
use super::{expect_output, floating, shape_error};
use crate::encoding::absolute::{Learned, Sinusoidal};
use crate::encoding::config::is_known_key;
use crate::encoding::key::{Checked, invalid};
use crate::encoding::permutation::Permutation;
use crate::encoding::positions::{from_attention_mask, from_cumulative_lengths};
use crate::encoding::rope::Layout;
use crate::number::{Dtype, Tensor};
use crate::request::{Json, Object, Position, Reject, Request, Slug};

/// `sinusoidal`: one row per position.
#[derive(Clone, Debug)]
pub struct SinusoidalRows {
    /// The embedding.
    pub sinusoidal: Sinusoidal,
    /// A flat list.
    pub positions: Vec<Position>,
}

/// `learned`: rows of a table.
#[derive(Clone, Debug)]
pub struct LearnedRows {
    /// The index rule.
    pub learned: Learned,
    /// A flat list.
    pub positions: Vec<Position>,
    /// The row of the table for every position.
    pub rows: Vec<usize>,
    /// [rows, dim].
    pub table: Tensor,
}

/// `permute_qk`: rows of a weight in another order.
#[derive(Clone, Debug)]
pub struct PermuteRows {
    /// The permutation.
    pub permutation: Permutation,
    /// The layout that the result is for.
    pub to: Layout,
    /// [heads × head_dim, columns].
    pub weight: Tensor,
}

/// `position_ids`: positions that a mask or cumulative lengths determine.
#[derive(Clone, Debug)]
pub struct PositionIds {
    /// The normalised config.
    pub config: Object,
    /// What determines them.
    pub source: PositionSource,
    /// Shape of the answer.
    pub shape: Vec<usize>,
    /// The answer.
    pub positions: Vec<i64>,
}

/// What position ids are made from.
#[derive(Clone, Debug)]
pub enum PositionSource {
    /// Where packed sequences begin and end.
    CumulativeLengths(Vec<i64>),
    /// Which tokens are real, i32 [batch, seq].
    AttentionMask(Tensor),
}

impl SinusoidalRows {
    pub(super) fn new(request: &Request) -> Result<SinusoidalRows, Reject> {
        let sinusoidal = Sinusoidal::new(&request.config)?;
        request.input.expect_names("sinusoidal", &["positions"])?;
        let positions = flat("positions", request.input.positions("positions")?)?;
        expect_output(&[positions.len(), sinusoidal.dim])?;
        Ok(SinusoidalRows { sinusoidal, positions })
    }
}

impl LearnedRows {
    pub(super) fn new(request: &Request) -> Result<LearnedRows, Reject> {
        let learned = Learned::new(&request.config)?;
        request.input.expect_names("learned", &["positions", "table"])?;
        let positions = flat("positions", request.input.positions("positions")?)?;
        let (table, _) = floating("table", request.input.tensor("table")?)?;
        let rows = match table.shape() {
            [rows, dim] if *dim == learned.dim => *rows,
            shape => {
                return Err(shape_error("table", shape, format!("[rows, dim = {}]", learned.dim)));
            }
        };
        expect_output(&[positions.len(), learned.dim])?;
        let rows = positions.iter().map(|p| learned.row(*p, rows)).collect::<Result<_, _>>()?;
        Ok(LearnedRows { learned, positions, rows, table })
    }
}

impl PermuteRows {
    pub(super) fn new(request: &Request) -> Result<PermuteRows, Reject> {
        let permutation = Permutation::new(&request.config)?;
        request.input.expect_names("permute_qk", &["weight", "direction"])?;
        let to = match request.input.choice("direction", &["to_half", "to_interleaved"])? {
            Some(0) => Layout::Half,
            Some(_) => Layout::Interleaved,
            None => {
                return Err(Slug::MissingInput.because(
                    "input \"direction\" is missing, allowed are to_half, to_interleaved",
                ));
            }
        };
        let (weight, _) = floating("weight", request.input.tensor("weight")?)?;
        let rows = permutation.num_heads * permutation.head_dim;
        match weight.shape() {
            [n, _] if *n == rows => Ok(PermuteRows { permutation, to, weight }),
            shape => Err(shape_error(
                "weight",
                shape,
                format!("[num_heads × head_dim = {rows}, columns]"),
            )),
        }
    }
}

impl PositionIds {
    pub(super) fn new(request: &Request) -> Result<PositionIds, Reject> {
        let checked = Checked::new(&request.config, &[], is_known_key, "position_ids")?;
        let input = &request.input;
        input.expect_names("position_ids", &["cu_seqlens", "attention_mask"])?;
        let (shape, positions, source) =
            match (input.has("cu_seqlens"), input.has("attention_mask")) {
                (true, false) => {
                    let bounds = integers(input.object())?;
                    let positions = from_cumulative_lengths(&bounds)?;
                    (vec![1, positions.len()], positions, PositionSource::CumulativeLengths(bounds))
                }
                (false, true) => {
                    let mask = input.tensor("attention_mask")?;
                    let (shape, positions) = from_mask(&mask)?;
                    (shape, positions, PositionSource::AttentionMask(mask))
                }
                (true, true) => {
                    return Err(Slug::UnusedInput.because(
                        "cu_seqlens and attention_mask are given, one of them is allowed",
                    ));
                }
                (false, false) => {
                    return Err(Slug::MissingInput
                        .because("position_ids needs cu_seqlens or attention_mask"));
                }
            };
        Ok(PositionIds { config: checked.object().clone(), source, shape, positions })
    }
}

/// The list `cu_seqlens`.
fn integers(input: &Object) -> Result<Vec<i64>, Reject> {
    let rule = "a list of integers from 0 to 2^26";
    let list = match input.get("cu_seqlens") {
        Some(Json::Array(items)) => items,
        Some(other) => return Err(invalid("cu_seqlens", other, rule)),
        None => return Ok(Vec::new()),
    };
    let integer = |item: &Json| match item {
        Json::Integer(n) => i64::try_from(*n).map_err(|_| invalid("cu_seqlens", item, rule)),
        other => Err(invalid("cu_seqlens", other, rule)),
    };
    list.iter().map(integer).collect()
}

fn from_mask(mask: &Tensor) -> Result<(Vec<usize>, Vec<i64>), Reject> {
    if mask.dtype() != Dtype::I32 {
        let text = format!("attention_mask has dtype {}, allowed is i32", mask.dtype());
        return Err(Slug::DtypeMismatch.because(text));
    }
    let &[batch, seq] = mask.shape() else {
        return Err(shape_error("attention_mask", mask.shape(), "[batch, seq]"));
    };
    if let Some(bits) = mask.data().iter().find(|&&bits| bits > 1) {
        return Err(invalid("attention_mask", format!("{:?}", *bits as i32), "0 or 1 everywhere"));
    }
    let real: Vec<bool> = mask.data().iter().map(|&bits| bits == 1).collect();
    let positions = match seq {
        0 => Vec::new(),
        _ => real.chunks(seq).flat_map(from_attention_mask).collect(),
    };
    Ok((vec![batch, seq], positions))
}
