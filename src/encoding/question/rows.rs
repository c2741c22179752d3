//! The questions about rows: absolute embeddings and weight rows.

use super::additive::{flat, listed};
use super::shape::{expect_output, floating, shape_error};
use super::tensors::Floats;
use crate::encoding::absolute::{Learned, Sinusoidal};
use crate::encoding::permutation::Permutation;
use crate::encoding::rope::Layout;
use crate::request::{Position, Reject, Request, Slug};

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
    pub table: Floats,
}

/// `permute_qk`: rows of a weight in another order.
#[derive(Clone, Debug)]
pub struct PermuteRows {
    /// The permutation.
    pub permutation: Permutation,
    /// The layout that the result is for.
    pub to: Layout,
    /// [heads × head_dim, columns].
    pub weight: Floats,
}

impl SinusoidalRows {
    pub(super) fn new(request: &Request) -> Result<SinusoidalRows, Reject> {
        let sinusoidal = Sinusoidal::new(&request.config)?;
        request.input.expect_names("sinusoidal", &["positions"])?;
        let given = request.input.positions("positions")?;
        let positions = match sinusoidal.rational_positions() {
            true => listed("positions", given)?,
            false => flat("positions", given)?,
        };
        expect_output(&[positions.len(), sinusoidal.dim])?;
        Ok(SinusoidalRows { sinusoidal, positions })
    }
}

impl LearnedRows {
    pub(super) fn new(request: &Request) -> Result<LearnedRows, Reject> {
        let learned = Learned::new(&request.config)?;
        request.input.expect_names("learned", &["positions", "table"])?;
        let positions = flat("positions", request.input.positions("positions")?)?;
        let table = floating("table", request.input.tensor("table")?)?;
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
        let weight = floating("weight", request.input.tensor("weight")?)?;
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
