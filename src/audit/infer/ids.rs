//! Position ids laid out: a side for each axis, of one number a token.

use super::exhibit::{Laid, Side, Whole};
use super::fact::{Fact, Value};
use super::whole::{self, Shape, tensor};
use crate::audit::judge::Mark;
use crate::encoding::{Cls, IdSource, Order, PositionIds, Question, Segment};
use crate::number::{Dtype, Tensor};
use std::collections::BTreeMap;

/// The names of the axes.
fn axes(ids: &PositionIds) -> &'static [&'static str] {
    match ids.source {
        IdSource::Segments(_) => &["axis t", "axis h", "axis w"],
        IdSource::Grids(_) => &["axis y", "axis x"],
        _ => &["positions"],
    }
}

/// Lays position ids out.
pub(super) fn lay_out(
    ids: &PositionIds,
    question: &Question,
    [came, is_right]: [&[(String, Tensor)]; 2],
    marks_of: &dyn Fn(&str, usize) -> Option<Vec<Mark>>,
) -> Option<(Whole, Vec<Side>, Dtype)> {
    let tokens = *ids.shape.last()?;
    let axes = axes(ids);
    let batch = ids.positions.len() / (tokens * axes.len()).max(1);
    let count = batch * tokens;
    let each = |(axis, &name): (usize, &&'static str)| {
        let cells = (axis * count..(axis + 1) * count).map(Some).collect();
        (name, Laid { output: "positions", cells })
    };
    let mut list: Vec<(&'static str, Laid)> = axes.iter().enumerate().map(each).collect();
    if let Some(beside) = &ids.beside {
        // One number stands with the first token.
        let cells = (0..count).map(|at| (at < beside.data.len()).then_some(at)).collect();
        list.push((beside.name, Laid { output: beside.name, cells }));
    }
    let (mut sides, mut laid) = (Vec::new(), Vec::new());
    for (name, one) in list {
        let (got, right) = (tensor(came, one.output)?, tensor(is_right, one.output)?);
        // What belongs to another side is not missing in this one.
        let mut marks = marks_of(one.output, right.data().len())?;
        let own: Vec<usize> = one.cells.iter().copied().flatten().collect();
        let (first, end) = (*own.first()?, *own.last()? + 1);
        let others = marks.iter_mut().enumerate();
        others.filter(|(at, _)| !(first..end).contains(at)).for_each(|(_, m)| *m = Mark::Open);
        let shape = Shape { name, heads: 1, width: 1, input: vec![] };
        sides.push(whole::side(shape, [got, right], &marks, &one)?);
        laid.push(one);
    }
    let mut whole = Whole::new(question, [batch, tokens], vec![], laid, &sides);
    whole.kinds = kinds(ids);
    Some((whole, sides, Dtype::I64))
}

/// What every token is, and of which piece.
fn kinds(ids: &PositionIds) -> Vec<(&'static str, usize)> {
    let pieces = |list: &mut dyn Iterator<Item = (&'static str, usize)>| {
        let each = |(piece, (kind, count)): (usize, (&'static str, usize))| {
            std::iter::repeat_n((kind, piece), count)
        };
        list.enumerate().flat_map(each).collect()
    };
    match &ids.source {
        IdSource::AttentionMask(_) => vec![],
        IdSource::CumulativeLengths(ends) => {
            pieces(&mut ends.windows(2).map(|w| ("token", (w[1] - w[0]) as usize)))
        }
        IdSource::ContextParallel { cumulative, size, .. } => {
            pieces(&mut cumulative.windows(2).map(|w| ("token", ((w[1] - w[0]) / size) as usize)))
        }
        IdSource::Segments(segments) => pieces(&mut segments.iter().map(|segment| {
            let kind = match segment {
                Segment::Text(_) => "text",
                Segment::Grid { thw: [1, ..], .. } => "an image",
                Segment::Grid { .. } => "a video",
            };
            (kind, segment.tokens().unwrap_or(0))
        })),
        IdSource::Grids(grids) => {
            let patches = |[t, h, w]: &[usize; 3]| ("patch", t * h * w);
            let with_class = |grid: &[usize; 3]| match grids.cls {
                None => vec![patches(grid)],
                Some(Cls::First) => vec![("class token", 1), patches(grid)],
                Some(Cls::Last) => vec![patches(grid), ("class token", 1)],
            };
            pieces(&mut grids.grids.iter().flat_map(with_class))
        }
    }
}

/// What is known of the question.
pub(super) fn facts(ids: &PositionIds, facts: &mut BTreeMap<Fact, Value>) {
    let tokens = ids.shape.last().copied().unwrap_or(0);
    facts.insert(Fact::Tokens, Value::Number(tokens as f64));
    let mut given = |name: &str, value: Value| {
        facts.insert(Fact::Config(name.into()), value);
    };
    let word = |text: &str| Value::Word(text.into());
    match &ids.source {
        IdSource::AttentionMask(_) => given("attention_mask", word("given")),
        IdSource::CumulativeLengths(_) => given("cu_seqlens", word("given")),
        IdSource::ContextParallel { size, rank, .. } => {
            given("cp_size", Value::Number(*size as f64));
            given("cp_rank", Value::Number(*rank as f64));
        }
        IdSource::Segments(segments) => {
            given("segments", word("given"));
            let clock = |s: &Segment| matches!(s, Segment::Grid { pace: Some(_), .. });
            if segments.iter().any(clock) {
                given("seconds_per_grid", word("given"));
            }
        }
        IdSource::Grids(grids) => {
            given("grid_thw", word("given"));
            given("first", Value::Number(grids.first as f64));
            match grids.order {
                Order::Raster => given("order", word("raster")),
                Order::MergeBlock(m) => {
                    given("order", word("merge_block"));
                    given("spatial_merge_size", Value::Number(m as f64));
                }
            }
            match grids.cls {
                None => {}
                Some(Cls::First) => given("cls", word("first")),
                Some(Cls::Last) => given("cls", word("last")),
            }
        }
    }
    if let IdSource::AttentionMask(mask) = &ids.source {
        facts.insert(Fact::Batches, Value::Number(mask.shape()[0] as f64));
    }
}
