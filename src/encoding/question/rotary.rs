//! The questions about rotary encodings.

use super::shape::{expect_output, floating, shape_error};
use super::tensors::{Floats, Heads};
use crate::encoding::config::RopeConfig;
use crate::encoding::expression::Expression;
use crate::encoding::key::{Checked, invalid};
use crate::encoding::rope::Rope;
use crate::encoding::rotation::Pair;
use crate::encoding::spectrum::{SCHEMES, Scheme, find};
use crate::number::Tensor;
use crate::request::{Direction, Json, Object, Positions, Reject, Request, Slug};

/// `rotate`: queries and keys turned by their positions.
#[derive(Clone, Debug)]
pub struct Rotate {
    /// The normalised config.
    pub config: Object,
    /// The total length, for schemes that depend on it.
    pub seq_len: Option<i64>,
    /// What is done to queries; [`Rope::for_keys`] is done to keys.
    pub rope: Rope,
    /// [batch, heads, seq, head_dim].
    pub q: Heads,
    /// [batch, heads of its own, seq, head_dim].
    pub k: Option<Heads>,
    /// `[axis][batch][seq]`.
    pub positions: Positions,
    /// Which linear map.
    pub direction: Direction,
}

/// `apply`: rotation by a table that the caller gives.
#[derive(Clone, Debug)]
pub struct Apply {
    /// The normalised config.
    pub config: Object,
    /// The coordinates of the planes.
    pub pairs: Vec<Pair>,
    /// [batch, heads, seq, head_dim].
    pub q: Heads,
    /// [batch, heads of its own, seq, head_dim].
    pub k: Option<Heads>,
    /// [batch, seq, planes].
    pub cos: Floats,
    /// [batch, seq, planes].
    pub sin: Floats,
    /// Forward or backward.
    pub direction: Direction,
}

/// `score`: dot products of rotated queries and keys.
#[derive(Clone, Debug)]
pub struct Score {
    /// The normalised config.
    pub config: Object,
    /// The total length, for schemes that depend on it.
    pub seq_len: Option<i64>,
    /// What is done to queries.
    pub rope: Rope,
    /// [batch, query heads, queries, head_dim].
    pub q: Heads,
    /// [batch, key heads, keys, head_dim]; query head h reads key head ⌊h · H_k / H_q⌋.
    pub k: Heads,
    /// `[axis][batch][queries]`.
    pub query_positions: Positions,
    /// `[axis][batch][keys]`.
    pub key_positions: Positions,
}

/// `inv_freq`: the spectrum itself.
#[derive(Clone, Debug)]
pub struct InvFreq {
    /// The normalised config.
    pub config: Object,
    /// The total length, for schemes that depend on it.
    pub seq_len: Option<i64>,
    /// The rope.
    pub rope: Rope,
}

/// `table`: cos and sin for a list of positions.
#[derive(Clone, Debug)]
pub struct Table {
    /// The normalised config.
    pub config: Object,
    /// The total length, for schemes that depend on it.
    pub seq_len: Option<i64>,
    /// The rope.
    pub rope: Rope,
    /// `[axis][n]`.
    pub positions: Positions,
}

/// A tensor of the input, of rank 4 with the head's width.
pub(super) fn rows(name: &str, tensor: Tensor, head_dim: usize) -> Result<Heads, Reject> {
    let floats = floating(name, tensor)?;
    let shape = floats.shape().to_vec();
    Heads::from_floats(floats).filter(|heads| heads.dim() == head_dim).ok_or_else(|| {
        shape_error(name, &shape, format!("[batch, heads, seq, head_dim = {head_dim}]"))
    })
}

/// q, and k if given; k with q's batch and seq.
fn heads(request: &Request, head_dim: usize) -> Result<(Heads, Option<Heads>), Reject> {
    let q = rows("q", request.input.tensor("q")?, head_dim)?;
    let Some(k) = request.input.optional_tensor("k")? else { return Ok((q, None)) };
    let k = rows("k", k, head_dim)?;
    let (batch, seq) = (q.batch(), q.seq());
    if (k.batch(), k.seq()) != (batch, seq) {
        return Err(shape_error("k", k.shape(), format!("batch {batch} and seq {seq} of q")));
    }
    Ok((q, Some(k)))
}

/// Positions with the axis level added where a one-axis config has none.
pub(super) fn with_axes(
    name: &str,
    positions: Positions,
    config: &RopeConfig,
    expected: &[usize],
) -> Result<Positions, Reject> {
    let axes = config.axes();
    if !config.rational_positions() {
        positions.expect_integers(name)?;
    }
    if axes > 1 {
        let shape = [&[axes], expected].concat();
        positions.expect_shape(name, &shape)?;
        return Ok(positions);
    }
    positions.expect_shape(name, expected)?;
    let shape = [&[1], expected].concat();
    Positions::new(shape, positions.data().to_vec())
        .ok_or_else(|| shape_error(name, positions.shape(), format!("{expected:?}")))
}

pub(super) const DIRECTIONS: [Direction; 3] =
    [Direction::Forward, Direction::Inverse, Direction::Backward];

impl Rotate {
    pub(super) fn new(request: &Request, schemes: &[&dyn Scheme]) -> Result<Rotate, Reject> {
        let config = RopeConfig::with_schemes(&request.config, schemes)?;
        let input = &request.input;
        input.expect_names("rotate", &["q", "k", "positions", "direction", "seq_len"])?;
        let seq_len = input.seq_len()?;
        let rope = config.rope(seq_len)?;
        let direction = input.direction(&DIRECTIONS)?;
        let (q, k) = heads(request, rope.head_dim)?;
        let shape = [q.batch(), q.seq()];
        let positions = with_axes("positions", input.positions("positions")?, &config, &shape)?;
        let config = config.normalised().clone();
        Ok(Rotate { config, seq_len, rope, q, k, positions, direction })
    }
}

impl Apply {
    pub(super) fn new(request: &Request) -> Result<Apply, Reject> {
        // The planes are those of a default rope; the table replaces the rest.
        if let Some((key, value)) = request.config.iter().find(|(key, _)| {
            ["rope_theta", "rope_type", "mrope_section", "mrope_interleaved", "pair_axes"]
                .contains(key)
        }) {
            return Err(Slug::UnusedKey.because(format!(
                "key {key} (value {value}) has no meaning for apply: the table is the caller's"
            )));
        }
        let default = find(SCHEMES, "default")?;
        let mut whole = request.config.clone();
        whole.set("rope_theta", Json::Integer(1));
        let mut config = RopeConfig::with_schemes(&whole, &[default])?;
        let input = &request.input;
        input.expect_names("apply", &["q", "k", "cos", "sin", "direction"])?;
        let rope = config.rope(None)?;
        let pairs = rope.pairs();
        let direction = input.direction(&[Direction::Forward, Direction::Backward])?;
        let (q, k) = heads(request, rope.head_dim)?;
        let shape = [q.batch(), q.seq(), pairs.len()];
        let table = |name: &str| {
            let tensor = floating(name, input.tensor(name)?)?;
            match tensor.shape() == shape {
                true => Ok(tensor),
                false => Err(shape_error(name, tensor.shape(), format!("{shape:?}"))),
            }
        };
        let (cos, sin) = (table("cos")?, table("sin")?);
        let config = without_spectrum(config.checked_mut());
        Ok(Apply { config, pairs, q, k, cos, sin, direction })
    }
}

fn without_spectrum(config: &mut Checked) -> Object {
    config.remove("rope_theta");
    config.remove("rope_type");
    config.object().clone()
}

impl Score {
    pub(super) fn new(request: &Request, schemes: &[&dyn Scheme]) -> Result<Score, Reject> {
        let config = RopeConfig::with_schemes(&request.config, schemes)?;
        let input = &request.input;
        input.expect_names("score", &["q", "k", "query_positions", "key_positions", "seq_len"])?;
        let seq_len = input.seq_len()?;
        let rope = config.rope(seq_len)?;
        let q = rows("q", input.tensor("q")?, rope.head_dim)?;
        let k = rows("k", input.tensor("k")?, rope.head_dim)?;
        let (batch, query_heads, key_heads) = (q.batch(), q.heads(), k.heads());
        if k.batch() != batch {
            return Err(shape_error("k", k.shape(), format!("batch {batch} of q")));
        }
        if key_heads == 0 && query_heads > 0 || query_heads % key_heads.max(1) != 0 {
            return Err(shape_error(
                "k",
                k.shape(),
                format!("a number of heads that divides {query_heads}, the query heads,"),
            ));
        }
        let (queries, keys) = (q.seq(), k.seq());
        let positions = |name: &str, count: usize| {
            with_axes(name, input.positions(name)?, &config, &[batch, count])
        };
        let query_positions = positions("query_positions", queries)?;
        let key_positions = positions("key_positions", keys)?;
        expect_output(&[batch, query_heads, queries, keys])?;
        let config = config.normalised().clone();
        Ok(Score { config, seq_len, rope, q, k, query_positions, key_positions })
    }
}

impl InvFreq {
    pub(super) fn new(request: &Request, schemes: &[&dyn Scheme]) -> Result<InvFreq, Reject> {
        let config = RopeConfig::with_schemes(&request.config, schemes)?;
        request.input.expect_names("inv_freq", &["seq_len"])?;
        let seq_len = request.input.seq_len()?;
        let rope = config.rope(seq_len)?;
        Ok(InvFreq { config: config.normalised().clone(), seq_len, rope })
    }
}

impl Table {
    pub(super) fn new(request: &Request, schemes: &[&dyn Scheme]) -> Result<Table, Reject> {
        let config = RopeConfig::with_schemes(&request.config, schemes)?;
        let input = &request.input;
        input.expect_names("table", &["positions", "seq_len"])?;
        let seq_len = input.seq_len()?;
        let rope = config.rope(seq_len)?;
        if rope.planes.iter().any(|plane| plane.growth != Expression::integer(1)) {
            return Err(invalid(
                "rope_type",
                "xpos",
                "one without growth: its table is two tables",
            ));
        }
        let positions = input.positions("positions")?;
        let count = positions.shape().last().copied().unwrap_or_default();
        let positions = with_axes("positions", positions, &config, &[count])?;
        expect_output(&[count, rope.planes.len()])?;
        Ok(Table { config: config.normalised().clone(), seq_len, rope, positions })
    }
}
