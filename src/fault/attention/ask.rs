//! What the faults of attention share: edits of what is seen and added, and scores as a kernel has
//! them.

use super::super::change::View;
use super::super::row;
use crate::encoding::{Attention, Body, Floats, Form, Heads, Question};
use crate::number::{Dtype, Tensor};
use crate::profile::encode;
use crate::request::{Output, Position, Positions};

/// The attention that a question asks for.
pub(super) fn attention(question: &mut Question) -> Option<&mut Attention> {
    match &mut question.body {
        Body::Attention(a) => Some(a),
        _ => None,
    }
}

/// The attention of a view.
pub(super) fn viewed<'v>(view: &View<'v>) -> Option<&'v Attention> {
    match &view.question.body {
        Body::Attention(a) => Some(a),
        _ => None,
    }
}

/// The answer of another attention in the same format, or in f64.
pub(super) fn answer(view: &View, a: Attention, dtype: Dtype) -> Output {
    let operation = view.question.operation;
    (view.answer)(&Question { operation, dtype, body: Body::Attention(Box::new(a)) })
}

/// For every query the keys that are left, what ALiBi multiplies for each, and T5's buckets.
fn seen(a: &Attention) -> Vec<(Vec<usize>, Vec<i128>, Vec<usize>)> {
    let of = |batch: usize, query: usize| {
        let left = a.left(batch, query);
        let last = a.last(batch);
        let distance = |&key: &usize| {
            let [at, of] = a.biased_at(batch, query, key);
            a.alibi.as_ref().map_or(0, |alibi| alibi.distance(at, of, last))
        };
        let bucket = |&key: &usize| {
            let [at, of] = a.biased_at(batch, query, key);
            a.t5.as_ref().map_or(0, |(buckets, _)| buckets.bucket(at, of))
        };
        let (distances, buckets) =
            (left.iter().map(distance).collect(), left.iter().map(bucket).collect());
        (left, distances, buckets)
    };
    (0..a.q.batch()).flat_map(|b| (0..a.q.seq()).map(move |query| of(b, query))).collect()
}

/// Edits what queries see and what is added to their scores. None if that stays as it was.
pub(super) fn sight(
    question: &mut Question,
    edit: impl FnOnce(&mut Attention) -> Option<()>,
) -> Option<()> {
    let a = attention(question)?;
    let before = seen(a);
    edit(a)?;
    (seen(a) != before).then_some(())
}

/// What masks or biases go by: as asked, on the first axis.
fn first_axis(a: &Attention) -> [Vec<Position>; 2] {
    let of = |positions: &Positions, count: usize| positions.data()[..count].to_vec();
    let batch = a.q.batch();
    [of(&a.query_positions, batch * a.q.seq()), of(&a.key_positions, batch * a.k.seq())]
}

/// The numbers that masks and biases go by, moved: side, batch, place, position → position.
pub(super) fn moved(
    a: &Attention,
    to: impl Fn(&Attention, Side, [usize; 2], Position) -> Position,
) -> [Vec<Position>; 2] {
    let [queries, keys] = first_axis(a);
    let each = |side: Side, list: Vec<Position>, width: usize| {
        let one = |(n, p): (usize, Position)| to(a, side, [n / width.max(1), n % width.max(1)], p);
        list.into_iter().enumerate().map(one).collect()
    };
    [each(Side::Query, queries, a.q.seq()), each(Side::Key, keys, a.k.seq())]
}

/// Whose position it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Query,
    Key,
}

/// Places in the buffers: keys from 0, queries so that the last one stands at the last key.
pub(super) fn bottom_right(a: &Attention, side: Side, [batch, n]: [usize; 2]) -> Position {
    Position::integer(match side {
        Side::Query => n as i64 + a.keys(batch) as i64 - a.q.seq() as i64,
        Side::Key => n as i64,
    })
}

/// Masks and biases as asked, whatever becomes of the positions that rotate.
pub(super) fn keep_masks(a: &mut Attention) {
    let asked = first_axis(a);
    a.masks_by.get_or_insert_with(|| asked.clone());
    a.windows_by.get_or_insert_with(|| asked.clone());
    a.biases_by.get_or_insert(asked);
}

/// Rotates at other positions: batch, place, position on an axis → position. None if they are the
/// same. Masks and biases stay.
pub(super) fn turned_at(
    question: &mut Question,
    side: Side,
    to: impl Fn([usize; 2], i64) -> i64,
) -> Option<()> {
    let a = attention(question)?;
    a.rope.as_ref()?;
    keep_masks(a);
    let slot = match side {
        Side::Query => &mut a.query_positions,
        Side::Key => &mut a.key_positions,
    };
    let &[_, batch, width] = slot.shape() else { return None };
    let integers = slot.data().iter().all(|p| p.denominator == 1);
    let one = |(n, p): (usize, &Position)| {
        Position::integer(to([n / width.max(1) % batch.max(1), n % width.max(1)], p.numerator))
    };
    let new: Vec<Position> = slot.data().iter().enumerate().map(one).collect();
    let changed = integers && new != slot.data();
    *slot = Positions::new(slot.shape().to_vec(), new)?;
    changed.then_some(())
}

/// Heads of a tensor in another order, or more of them.
pub(super) fn heads(tensor: &Heads, count: usize, of: impl Fn(usize) -> usize) -> Option<Heads> {
    let [batch, heads, seq, dim] = [tensor.batch(), tensor.heads(), tensor.seq(), tensor.dim()];
    let size = seq * dim;
    let slice = |b: usize, h: usize| &tensor.data()[(b * heads + of(h)) * size..][..size];
    let data: Vec<u64> =
        (0..batch).flat_map(|b| (0..count).flat_map(move |h| slice(b, h))).copied().collect();
    Heads::new(Tensor::new(tensor.dtype(), vec![batch, count, seq, dim], data).ok()?)
}

/// Numbers in f64, of this shape.
pub(super) fn wide(numbers: Vec<f64>, shape: Vec<usize>) -> Option<Floats> {
    let bits = numbers.into_iter().map(f64::to_bits).collect();
    Floats::new(Tensor::new(Dtype::F64, shape, bits).ok()?)
}

/// What multiplies ⟨q, k⟩, without a rope's factor.
pub(super) fn scale(a: &Attention) -> f64 {
    a.scale.unwrap_or_else(|| 1.0 / (a.q.dim() as f64).sqrt())
}

/// A query with the keys that are left for it, as a kernel has them before the softmax.
pub(super) struct Scored<'a> {
    /// Places of the keys.
    pub(super) keys: Vec<usize>,
    /// What is added to each, after the soft cap.
    pub(super) scores: Vec<f64>,
    pub(super) sink: Option<f64>,
    a: &'a Attention,
    batch: usize,
    head: usize,
}

impl Scored<'_> {
    /// Σ wⱼ vⱼ for weights of these keys.
    pub(super) fn values(&self, weights: &[f64]) -> Vec<f64> {
        let (a, width) = (self.a, self.a.v.dim());
        let first = (self.batch * a.k.heads() + a.key_head(self.head)) * a.k.seq();
        let mut sums = vec![0.0; width];
        for (key, weight) in self.keys.iter().zip(weights) {
            let row = &a.v.data()[(first + key) * width..][..width];
            for (sum, &bits) in sums.iter_mut().zip(row) {
                *sum += weight * a.v.format().to_f64(bits);
            }
        }
        sums
    }

    /// The largest of the scores and the sink.
    pub(super) fn most(&self) -> f64 {
        self.scores.iter().copied().chain(self.sink).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// One key for each row of a batch: its score is the logarithm of the sum.
fn scores(view: &View, a: &Attention) -> Option<Vec<f64>> {
    let (batch, queries, keys) = (a.q.batch(), a.q.seq(), a.k.seq());
    let rows = batch * keys;
    let spread = |positions: &Positions, width: usize, of: &dyn Fn(usize, usize) -> usize| {
        let axes = positions.shape().first().copied()?;
        let at = |axis: usize, row: usize, n: usize| {
            positions.data()[axis * positions.data().len() / axes.max(1) + of(row, n)]
        };
        let data = (0..axes)
            .flat_map(|axis| (0..rows * width).map(move |i| (axis, i / width, i % width)))
            .map(|(axis, row, n)| at(axis, row, n))
            .collect();
        Positions::new(vec![axes, rows, width], data)
    };
    let query = |row: usize, n: usize| row / keys * queries + n;
    let key = |row: usize, _: usize| row;
    let size = a.q.heads() * queries * a.q.dim();
    let q: Vec<u64> =
        (0..rows).flat_map(|row| &a.q.data()[row / keys * size..][..size]).copied().collect();
    let dim = a.k.dim();
    let of_key = |row: usize, head: usize| {
        &a.k.data()[((row / keys * a.k.heads() + head) * keys + row % keys) * dim..][..dim]
    };
    let k: Vec<u64> = (0..rows)
        .flat_map(|row| (0..a.k.heads()).flat_map(move |head| of_key(row, head)))
        .copied()
        .collect();
    let mut one = Attention {
        q: Heads::new(Tensor::new(a.q.dtype(), vec![rows, a.q.heads(), queries, dim], q).ok()?)?,
        k: Heads::new(Tensor::new(a.k.dtype(), vec![rows, a.k.heads(), 1, dim], k).ok()?)?,
        v: Heads::new(
            wide(vec![0.0; rows * a.k.heads()], vec![rows, a.k.heads(), 1, 1])?.tensor().clone(),
        )?,
        query_positions: spread(&a.query_positions, queries, &query)?,
        key_positions: spread(&a.key_positions, 1, &key)?,
        causal: false,
        window: [None; 2],
        masks_by: None,
        windows_by: None,
        biases_by: None,
        key_lengths: None,
        sinks: None,
        lse: true,
        ..a.clone()
    };
    let counted = a.alibi.as_ref().is_some_and(|alibi| alibi.form == Some(Form::Mpt));
    if counted {
        // The last key is another one: the distance is told by the form `key`.
        one.alibi.as_mut()?.form = Some(Form::Key);
    }
    if counted || a.biases_by.is_some() {
        let places = |row: usize, n: usize| a.biased_at(row / keys, n, row % keys);
        let back = |row: usize| if counted { a.last(row / keys).numerator } else { 0 };
        let queries = (0..rows).flat_map(|row| (0..queries).map(move |n| (row, n)));
        one.biases_by = Some([
            queries.map(|(row, n)| places(row, n)[0]).collect(),
            (0..rows)
                .map(|row| {
                    let [_, of] = places(row, 0);
                    Position { numerator: of.numerator.saturating_sub(back(row)), ..of }
                })
                .collect(),
        ]);
    }
    let lse = answer(view, one, Dtype::F64).into_iter().find(|(name, _)| *name == "lse")?.1;
    Some(row::doubles(&lse))
}

/// Answers every query that has keys otherwise: its values, and its logarithm. None leaves it.
pub(super) fn summed(
    view: &View,
    output: &mut Output,
    sum: impl Fn(&Scored) -> Option<(Vec<f64>, Option<f64>)>,
) -> Option<()> {
    let a = viewed(view)?;
    let format = view.question.dtype.format()?;
    let (heads, queries, keys) = (a.q.heads(), a.q.seq(), a.k.seq());
    if a.q.batch() * heads * queries * keys == 0 {
        return None;
    }
    let all = scores(view, a)?;
    let mut changed = None;
    let read = |output: &mut Output, name: &str| {
        row::named(output, name).map(|tensor| tensor.data().to_vec())
    };
    let (mut out, mut lse) = (read(output, "out")?, read(output, "lse"));
    for (index, values) in out.chunks_mut(a.v.dim().max(1)).enumerate() {
        let (batch, head, query) =
            (index / (heads * queries), index / queries % heads, index % queries);
        let left = a.left(batch, query);
        if left.is_empty() {
            continue;
        }
        let score = |key: &usize| all[((batch * keys + key) * heads + head) * queries + query];
        let scored = Scored {
            scores: left.iter().map(score).collect(),
            keys: left,
            sink: a.sinks.as_ref().map(|s| s.format().to_f64(s.data()[head])),
            a,
            batch,
            head,
        };
        if let Some((new, logarithm)) = sum(&scored) {
            for (bits, x) in values.iter_mut().zip(new) {
                *bits = encode(format, x);
            }
            if let (Some(lse), Some(x)) = (&mut lse, logarithm) {
                lse[index] = encode(format, x);
            }
        }
    }
    for (name, bits) in [("out", Some(out)), ("lse", lse)] {
        if let (Some(tensor), Some(bits)) = (row::named(output, name), bits) {
            changed = row::replace(tensor, bits).or(changed);
        }
    }
    changed
}
