//! Biases, embeddings and rows.

use super::super::angle::Turned;
use super::super::resolved::{Multiple, ResolvedPlane, ResolvedRope};
use super::super::round::{UndecidedRounding, Value};
use super::super::turned::{cos_and_sin, starting_precision};
use super::rotary::largest;
use super::{Sink, Site};
use crate::encoding::{
    Alibi, AlibiBias, Expression, Floats, LearnedRows, Pair, PermuteRows, SinusoidalRows, T5,
    TemperatureRows,
};
use crate::number::Format;
use crate::request::Direction;

fn emit(
    name: &'static str,
    index: usize,
    expression: &Expression,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    Multiple::new(expression, name)?
        .value(|value| sink(Site { name, index }, &value))
        .map_err(|precision| UndecidedRounding { name, index, precision })?
}

pub(super) fn alibi_slopes(a: &Alibi, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    (0..a.num_heads).try_for_each(|head| emit("slopes", head, &a.slope(head), sink))
}

pub(super) fn alibi_bias(a: &AlibiBias, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let mut index = 0;
    for head in 0..a.alibi.num_heads {
        for query in &a.query_positions {
            for key in &a.key_positions {
                let bias = a.alibi.bias(head, a.distance(*query, *key));
                emit("bias", index, &bias, sink)?;
                index += 1;
            }
        }
    }
    Ok(())
}

pub(super) fn temperature(t: &TemperatureRows, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    for (index, position) in t.positions.iter().enumerate() {
        // Every position was checked to have a scale.
        if let Ok(scale) = t.temperature.scale(*position) {
            emit("scale", index, &scale, sink)?;
        }
    }
    Ok(())
}

/// Copies elements of a tensor.
fn copy(
    name: &'static str,
    tensor: &Floats,
    sources: impl Iterator<Item = usize>,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    let format = tensor.format();
    for (index, source) in sources.enumerate() {
        let value = Value::Copied { bits: tensor.data()[source], format };
        sink(Site { name, index }, &value)?;
    }
    Ok(())
}

pub(super) fn t5_bias(t: &T5, table: &Floats, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let heads = table.shape()[1];
    let sources = (0..heads).flat_map(|head| {
        t.query_positions.iter().flat_map(move |query| {
            t.key_positions.iter().map(move |key| t.buckets.bucket(*query, *key) * heads + head)
        })
    });
    copy("bias", table, sources, sink)
}

pub(super) fn learned(l: &LearnedRows, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let dim = l.learned.dim;
    let sources = l.rows.iter().flat_map(|row| (0..dim).map(move |column| row * dim + column));
    copy("embedding", &l.table, sources, sink)
}

pub(super) fn permute_qk(p: &PermuteRows, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let columns = p.weight.shape()[1];
    let rows = p.permutation.sources(p.to);
    let sources =
        rows.iter().flat_map(|row| (0..columns).map(move |column| row * columns + column));
    copy("weight", &p.weight, sources, sink)
}

pub(super) fn sinusoidal(
    s: &SinusoidalRows,
    format: Format,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    const NAME: &str = "embedding";
    let one = Multiple::new(&Expression::integer(1), NAME)?;
    let plane = |frequency: &Expression| {
        Ok(ResolvedPlane {
            pair: Pair { re: 0, im: 0 },
            axis: 0,
            frequency: Multiple::new(frequency, NAME)?,
            growth: one.clone(),
        })
    };
    // A sinusoid is a rope of magnitude 1 that turns 1 + 0i.
    let planes = s.sinusoidal.frequencies().iter().map(plane).collect::<Result<_, _>>()?;
    let rope = ResolvedRope { planes, magnitude: one.clone(), origin: 0 };
    let precision = starting_precision(format, largest(&s.positions));
    let dim = s.sinusoidal.dim;
    for (row, &position) in s.positions.iter().enumerate() {
        for (k, plane) in rope.planes.iter().enumerate() {
            let turned = Turned::new(&rope, plane, &one, position, Direction::Forward, precision)?;
            let columns = s.sinusoidal.columns(k);
            cos_and_sin(&turned, &mut |part, value| {
                sink(Site { name: NAME, index: row * dim + columns[part] }, value)
            })?;
        }
        if dim % 2 == 1 {
            let zero = Value::Rational(num_traits::Zero::zero());
            sink(Site { name: NAME, index: row * dim + dim - 1 }, &zero)?;
        }
    }
    Ok(())
}
