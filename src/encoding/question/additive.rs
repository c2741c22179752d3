//! The questions about additive biases, relative buckets and attention temperature.

use super::shape::{expect_output, floating, shape_error};
use super::tensors::Floats;
use crate::encoding::alibi::Alibi;
use crate::encoding::deberta::DebertaBuckets;
use crate::encoding::relative::Shaw;
use crate::encoding::t5::Buckets;
use crate::encoding::temperature::Temperature;
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
    /// The largest key position, 0 if there is none: what the form `mpt` counts back from.
    pub last: Position,
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

/// `shaw_bucket`: the row of every query and key. All of them are in the table.
#[derive(Clone, Debug)]
pub struct ShawBucket {
    /// Sign, clipping and size.
    pub shaw: Shaw,
    /// A flat list.
    pub query_positions: Vec<Position>,
    /// A flat list.
    pub key_positions: Vec<Position>,
}

/// `deberta_bucket`: the bucket of every query and key.
#[derive(Clone, Debug)]
pub struct DebertaBucket {
    /// The buckets.
    pub buckets: DebertaBuckets,
    /// A flat list.
    pub query_positions: Vec<Position>,
    /// A flat list.
    pub key_positions: Vec<Position>,
}

/// `attention_temperature`: one scale per position. All of them have one.
#[derive(Clone, Debug)]
pub struct TemperatureRows {
    /// The rule.
    pub temperature: Temperature,
    /// A flat list.
    pub positions: Vec<Position>,
}

/// A flat list of integer positions.
pub(super) fn flat(name: &str, positions: Positions) -> Result<Vec<Position>, Reject> {
    positions.expect_integers(name)?;
    listed(name, positions)
}

/// A flat list that may hold exact rationals.
pub(super) fn listed(name: &str, positions: Positions) -> Result<Vec<Position>, Reject> {
    positions.expect_shape(name, &[positions.data().len()])?;
    Ok(positions.data().to_vec())
}

const PAIR: [&str; 2] = ["query_positions", "key_positions"];

/// The positions of queries and of keys, two flat lists.
fn pair(request: &Request) -> Result<(Vec<Position>, Vec<Position>), Reject> {
    let list = |name: &str| flat(name, request.input.positions(name)?);
    Ok((list("query_positions")?, list("key_positions")?))
}

impl AlibiBias {
    pub(super) fn new(request: &Request) -> Result<AlibiBias, Reject> {
        let alibi = Alibi::new(&request.config, true)?;
        request.input.expect_names("alibi_bias", &PAIR)?;
        let (query_positions, key_positions) = pair(request)?;
        expect_output(&[alibi.num_heads, query_positions.len(), key_positions.len()])?;
        let last = key_positions.iter().copied().max().unwrap_or(Position::integer(0));
        Ok(AlibiBias { alibi, query_positions, key_positions, last })
    }

    /// What the slope multiplies for a query and a key.
    pub fn distance(&self, query: Position, key: Position) -> i128 {
        self.alibi.distance(query, key, self.last)
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
            false => input.expect_names("t5_bucket", &PAIR)?,
        }
        let (query_positions, key_positions) = pair(request)?;
        expect_output(&[query_positions.len(), key_positions.len()])?;
        Ok(T5 { buckets, query_positions, key_positions })
    }

    /// The learned table [num_buckets, heads].
    pub(super) fn table(&self, request: &Request) -> Result<Floats, Reject> {
        let table = floating("table", request.input.tensor("table")?)?;
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

impl ShawBucket {
    pub(super) fn new(request: &Request) -> Result<ShawBucket, Reject> {
        let shaw = Shaw::new(&request.config)?;
        request.input.expect_names("shaw_bucket", &PAIR)?;
        let (query_positions, key_positions) = pair(request)?;
        expect_output(&[query_positions.len(), key_positions.len()])?;
        // The row is monotone in both positions, so the extremes speak for all.
        let ends = |list: &[Position]| {
            list.iter().copied().min().into_iter().chain(list.iter().copied().max())
        };
        for query in ends(&query_positions) {
            for key in ends(&key_positions) {
                shaw.bucket(query, key)?;
            }
        }
        Ok(ShawBucket { shaw, query_positions, key_positions })
    }
}

impl DebertaBucket {
    pub(super) fn new(request: &Request) -> Result<DebertaBucket, Reject> {
        let buckets = DebertaBuckets::new(&request.config)?;
        request.input.expect_names("deberta_bucket", &PAIR)?;
        let (query_positions, key_positions) = pair(request)?;
        expect_output(&[query_positions.len(), key_positions.len()])?;
        Ok(DebertaBucket { buckets, query_positions, key_positions })
    }
}

impl TemperatureRows {
    pub(super) fn new(request: &Request) -> Result<TemperatureRows, Reject> {
        let temperature = Temperature::new(&request.config)?;
        request.input.expect_names("attention_temperature", &["positions"])?;
        let positions = flat("positions", request.input.positions("positions")?)?;
        if let Some(lowest) = positions.iter().copied().min() {
            temperature.scale(lowest)?;
        }
        expect_output(&[positions.len()])?;
        Ok(TemperatureRows { temperature, positions })
    }
}
