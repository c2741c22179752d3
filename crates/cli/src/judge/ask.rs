//! The tensors of a dump and the question that they answer.

use super::Args;
use super::geometry::Geometry;
use super::tokens::Tokens;
use crate::CliError;
use crate::tensors::Raw;
use ropewalk::encoding::{Question, Rope, RopeConfig};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Json, Object, Operation, Reject, Request, run_request, tensor_json};

/// The files, and how they are to be read.
pub(super) struct Inputs {
    pub(super) before: Raw,
    pub(super) after: Raw,
    pub(super) geometry: Geometry,
    pub(super) places: Tokens,
}

/// A tensor of numbers that are no integers.
pub(super) fn floats(name: &str) -> Result<Raw, CliError> {
    let raw = Raw::read(name)?;
    match raw.dtype.format() {
        Some(_) => Ok(raw),
        None => Err(CliError::Usage(format!(
            "{name} is {}, allowed are f64, f32, bf16, f16",
            raw.dtype
        ))),
    }
}

/// The question without rows, whose config, direction and formats are meant; or why it is
/// rejected.
pub(super) fn question(
    args: &Args,
    [before, after]: [&str; 2],
) -> Result<Result<(Inputs, Question), Reject>, CliError> {
    let names = [before, after];
    let config = args.source.object()?;
    let checked = RopeConfig::new(&config);
    let rope = checked.and_then(|checked| Ok((checked.rope(args.seq_len)?, checked)));
    let (rope, checked) = match rope {
        Ok(rope) => rope,
        Err(reject) => return Ok(Err(reject)),
    };
    let (before, after) = (floats(before)?, floats(after)?);
    if before.shape != after.shape {
        return Err(CliError::Usage(format!(
            "{} has shape {:?}, {} has {:?}: they must be the same",
            names[0], before.shape, names[1], after.shape
        )));
    }
    let geometry = Geometry::new(args.axes.as_deref(), &before.shape, "bhsd")?;
    let config = match geometry.dim == rope.head_dim {
        true => config,
        false => slice(&checked, &rope, args.seq_len, geometry.dim)?,
    };
    let given = format!("the tensors (axes {:?}, shape {:?})", geometry.letters, before.shape);
    let places = Tokens::new(&args.tokens, rope.axes.max(1), geometry.tokens(), &given)?;
    let tensor = |dtype: Dtype| {
        let none = Tensor::new(dtype, vec![1, 1, 0, geometry.dim], vec![]);
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

/// The config of the rotated slice alone: engines with MLA keep it apart from the rest of a head.
fn slice(
    checked: &RopeConfig,
    rope: &Rope,
    seq_len: Option<i64>,
    dim: usize,
) -> Result<Object, CliError> {
    let mut config = checked.normalised().clone();
    config.set("head_dim", Json::from(dim));
    config.remove("rotary_offset");
    let alone = RopeConfig::new(&config).and_then(|checked| checked.rope(seq_len));
    let same = alone.is_ok_and(|alone| {
        let turns = |rope: &Rope| -> Vec<_> {
            rope.planes.iter().map(|plane| (plane.frequency.clone(), plane.axis)).collect()
        };
        2 * rope.planes.len() == dim && turns(&alone) == turns(rope)
    });
    match same {
        true => Ok(config),
        false => Err(CliError::Usage(format!(
            "the last axis has length {dim}, head_dim of the config is {} and its rotated slice {}",
            rope.head_dim,
            2 * rope.planes.len()
        ))),
    }
}
