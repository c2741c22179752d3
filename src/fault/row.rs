//! Rotations row by row, for faults that confuse rows, heads, tokens and channels.

use super::change::View;
use crate::encoding::{Body, Heads, Pair, Question, Rotate};
use crate::number::{Dtype, Tensor};
use crate::profile::encode;
use crate::request::{Operation, Output, Position, Positions};

/// A row of a rotated tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) batch: usize,
    pub(super) head: usize,
    pub(super) token: usize,
}

/// A rotation or an application of a table, alike.
pub(super) struct Turned<'q> {
    pub(super) q: &'q Heads,
    pub(super) k: Option<&'q Heads>,
    pub(super) pairs: Vec<Pair>,
}

/// The rotation that a question asks for.
pub(super) fn turned(question: &Question) -> Option<Turned<'_>> {
    match &question.body {
        Body::Rotate(r) => Some(Turned { q: &r.q, k: r.k.as_ref(), pairs: r.rope.pairs() }),
        Body::Apply(a) => Some(Turned { q: &a.q, k: a.k.as_ref(), pairs: a.pairs.clone() }),
        _ => None,
    }
}

/// The `rotate` question of a view.
pub(super) fn rotate<'v>(view: &View<'v>) -> Option<&'v Rotate> {
    match &view.question.body {
        Body::Rotate(r) => Some(r),
        _ => None,
    }
}

/// A tensor of an output.
pub(super) fn named<'o>(output: &'o mut Output, name: &str) -> Option<&'o mut Tensor> {
    output.iter_mut().find(|(n, _)| *n == name).map(|(_, tensor)| tensor)
}

/// The [batch, heads, seq, dim] of a tensor.
pub(super) fn shape(tensor: &Tensor) -> Option<[usize; 4]> {
    tensor.shape().try_into().ok()
}

/// The input of the name, in the dtype of the output: what a kernel leaves that does nothing.
pub(super) fn copied(tensor: &Tensor, dtype: Dtype) -> Option<Tensor> {
    if tensor.dtype() == dtype {
        return Some(tensor.clone());
    }
    let (from, to) = (tensor.dtype().format()?, dtype.format()?);
    let bits = tensor.data().iter().map(|&bits| encode(to, from.to_f64(bits))).collect();
    Tensor::new(dtype, tensor.shape().to_vec(), bits).ok()
}

/// Replaces the bits of a tensor row by row, where the edit gives another row. None if no row
/// changes.
pub(super) fn edit(
    tensor: &mut Tensor,
    edit: impl Fn(Row, &[u64]) -> Option<Vec<u64>>,
) -> Option<()> {
    let [_, heads, seq, dim] = shape(tensor)?;
    let mut bits = tensor.data().to_vec();
    for (index, row) in bits.chunks_mut(dim.max(1)).enumerate() {
        let place = Row {
            batch: index / (heads * seq).max(1),
            head: index / seq.max(1) % heads.max(1),
            token: index % seq.max(1),
        };
        if let Some(new) = edit(place, row)
            && new.len() == row.len()
        {
            row.copy_from_slice(&new);
        }
    }
    replace(tensor, bits)
}

/// Other bits in a tensor. None if they are the same.
pub(super) fn replace(tensor: &mut Tensor, bits: Vec<u64>) -> Option<()> {
    let changed = bits != tensor.data();
    *tensor = Tensor::new(tensor.dtype(), tensor.shape().to_vec(), bits).ok()?;
    changed.then_some(())
}

/// Replaces a tensor. None if it is the same.
pub(super) fn put(slot: &mut Tensor, tensor: Tensor) -> Option<()> {
    let changed = *slot != tensor;
    *slot = tensor;
    changed.then_some(())
}

/// Edits queries and keys. None if neither changes.
pub(super) fn both(
    output: &mut Output,
    mut edit: impl FnMut(&str, &mut Tensor) -> Option<()>,
) -> Option<()> {
    let mut changed = None;
    for (name, tensor) in output.iter_mut().filter(|(name, _)| ["q", "k"].contains(name)) {
        changed = edit(name, tensor).or(changed);
    }
    changed
}

/// The answer of a question that was asked with another rotation.
pub(super) fn with_rotate(view: &View, change: impl FnOnce(&mut Rotate)) -> Option<Output> {
    let mut question = view.question.clone();
    match &mut question.body {
        Body::Rotate(r) => change(r),
        _ => return None,
    }
    Some((view.answer)(&question))
}

/// Rotates every row of a tensor at positions of the caller's choice, one per axis.
pub(super) fn at(
    view: &View,
    name: &str,
    tensor: &mut Tensor,
    position: impl Fn(Row, &Positions) -> Vec<Position>,
) -> Option<()> {
    let r = rotate(view)?;
    let input = if name == "k" { r.k.as_ref()? } else { &r.q };
    let (batch, heads, seq, dim) = (input.batch(), input.heads(), input.seq(), input.dim());
    let rows = batch * heads * seq;
    let axes = r.rope.axes;
    let mut data = vec![Position::integer(0); axes * rows];
    for index in 0..rows {
        let row =
            Row { batch: index / (heads * seq), head: index / seq % heads, token: index % seq };
        for (axis, p) in position(row, &r.positions).into_iter().take(axes).enumerate() {
            data[axis * rows + index] = p;
        }
    }
    let flat = Tensor::new(input.dtype(), vec![rows, 1, 1, dim], input.data().to_vec()).ok()?;
    let flat = Heads::new(flat)?;
    let question = Question {
        operation: Operation::Rotate,
        dtype: view.question.dtype,
        body: Body::Rotate(Rotate {
            q: flat.clone(),
            k: (name == "k").then_some(flat),
            positions: Positions::new(vec![axes, rows, 1], data)?,
            ..r.clone()
        }),
    };
    let answer = view.tensor(&question, name)?;
    replace(tensor, answer.data().to_vec())
}

/// The position of a token on every axis.
pub(super) fn token(positions: &Positions, batch: usize, token: usize) -> Vec<Position> {
    let &[axes, rows, width] = positions.shape() else { return Vec::new() };
    let get = |axis: usize| positions.data().get((axis * rows + batch) * width + token).copied();
    (0..axes).filter_map(get).collect()
}

/// −x in the format of the tensor.
pub(super) fn negated(dtype: Dtype, bits: u64) -> u64 {
    dtype.format().map_or(bits, |format| format.negated(bits))
}

/// A tensor of doubles, from the tensor's dtype.
pub(super) fn doubles(tensor: &Tensor) -> Vec<f64> {
    match tensor.dtype().format() {
        Some(format) => tensor.data().iter().map(|&bits| format.to_f64(bits)).collect(),
        None => Vec::new(),
    }
}
