//! The questions about additive biases.

use super::{expect_output, floating, shape_error};
use crate::encoding::alibi::Alibi;
use crate::encoding::t5::Buckets;
use crate::number::Tensor;
use crate::request::{Position, Positions, Reject, Request};

/// `alibi_bias`: slope times distance.
#[derive(Clone, Debug)]
pub struct AlibiBias {
    /// Slopes and form.
    pub alibi: Alibi,
    /// A flat list.
    pub query_positions: Vec<Position>,
    /// A flat list.
    pub key_positions: Vec<Position>,
}

/// `t5_bucket` and `t5_bias`: the bucket of every query and key.
#[derive(Clone, Debug)]
pub struct T5 {
    /// The buckets.
    pub buckets: Buckets,
    /// A flat list.
    pub query_positions: Vec<Position>,
    /// A flat list.
    pub key_positions: Vec<Position>,
}

/// A flat list of integer positions.
pub(super) fn flat(name: &str, positions: Positions) -> Result<Vec<Position>, Reject> {
    positions.expect_integers(name)?;
    positions.expect_shape(name, &[positions.data().len()])?;
    Ok(positions.data().to_vec())
}

impl AlibiBias {
    pub(super) fn new(request: &Request) -> Result<AlibiBias, Reject> {
        let alibi = Alibi::new(&request.config, true)?;
        let input = &request.input;
        input.expect_names("alibi_bias", &["query_positions", "key_positions"])?;
        let list = |name: &str| flat(name, input.positions(name)?);
        let (query_positions, key_positions) = (list("query_positions")?, list("key_positions")?);
        expect_output(&[alibi.num_heads, query_positions.len(), key_positions.len()])?;
        Ok(AlibiBias { alibi, query_positions, key_positions })
    }
}

impl T5 {
    pub(super) fn new(request: &Request, bias: bool) -> Result<T5, Reject> {
        let buckets = Buckets::new(&request.config)?;
        let input = &request.input;
        match bias {
            true => {
                input.expect_names("t5_bias", &["query_positions", "key_positions", "table"])?
            }
            false => input.expect_names("t5_bucket", &["query_positions", "key_positions"])?,
        }
        let list = |name: &str| flat(name, input.positions(name)?);
        let (query_positions, key_positions) = (list("query_positions")?, list("key_positions")?);
        expect_output(&[query_positions.len(), key_positions.len()])?;
        Ok(T5 { buckets, query_positions, key_positions })
    }

    /// The learned table [num_buckets, heads].
    pub(super) fn table(&self, request: &Request) -> Result<Tensor, Reject> {
        let (table, _) = floating("table", request.input.tensor("table")?)?;
        let rows = self.buckets.num_buckets;
        match table.shape() {
            [n, heads] if *n == rows => {
                expect_output(&[*heads, self.query_positions.len(), self.key_positions.len()])?;
                Ok(table)
            }
            shape => Err(shape_error("table", shape, format!("[num_buckets = {rows}, heads]"))),
        }
    }
}
