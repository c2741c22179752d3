//! One walk over the elements of a question, for whatever is asked of each of them.

mod rotary;

use super::{on_axis, pipeline};
use crate::encoding::{Body, Expression, Pair, Plane, Question, Rope};
use crate::number::{Dtype, Format, Tensor};
use crate::request::{Direction, Position, Positions};
use std::collections::HashMap;

/// A named floating-point tensor of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Name of the output.
    pub name: &'static str,
    /// In the dtype asked for.
    pub tensor: Tensor,
}

/// What is done to each element: emulation, or a bound.
pub(super) trait Kernel {
    /// A rope ready for positions.
    type Spectrum<'a>;
    /// cos and sin of a plane at a position.
    type Phase;
    /// A rotated coordinate before the output.
    type Value: Clone;

    fn spectrum<'a>(&self, rope: &'a Rope, direction: Direction) -> Self::Spectrum<'a>;
    fn phase(
        &self,
        spectrum: &Self::Spectrum<'_>,
        plane: usize,
        position: Position,
        steps: i128,
    ) -> Self::Phase;
    /// cos and sin as the caller gives them, sin with the sign of the direction.
    fn given(&self, cos: f64, sin: f64, format: Format) -> Self::Phase;
    /// A plane turned.
    fn turn(&self, phase: &Self::Phase, z: [u64; 2], format: Format) -> [Self::Value; 2];
    /// The bits of an output.
    fn settle(&self, value: &Self::Value) -> u64;
    /// The bits of a copy.
    fn copied(&self, bits: u64, format: Format) -> u64;
    /// A coordinate outside the planes, for a dot product.
    fn operand(&self, bits: u64, format: Format) -> Self::Value;
    /// The bits of a dot product over the pairs and the coordinates outside.
    fn dot(&self, q: &[Self::Value], k: &[Self::Value], pairs: &[Pair], outside: &[usize]) -> u64;
    /// The bits of cos and sin.
    fn table(&self, phase: &Self::Phase) -> [u64; 2];
    /// The bits of a frequency.
    fn frequency(&self, spectrum: &Self::Spectrum<'_>, plane: usize) -> u64;
    /// The bits of a constant: a factor, a growth, a slope; times an integer.
    fn constant(&self, expression: &Expression, times: i128) -> u64;
    /// The bits of what is computed on tensors, where frequencies are.
    fn computed(&self, expression: &Expression) -> u64;
}

/// Phases of every plane at every position vector that occurs.
pub(super) struct Phases<'k, 'a, K: Kernel> {
    kernel: &'k K,
    rope: &'a Rope,
    spectrum: K::Spectrum<'a>,
    direction: Direction,
    by_position: HashMap<Vec<Position>, Vec<K::Phase>>,
}

impl<'k, 'a, K: Kernel> Phases<'k, 'a, K> {
    pub(super) fn new(
        kernel: &'k K,
        rope: &'a Rope,
        direction: Direction,
    ) -> Phases<'k, 'a, K> {
        let spectrum = kernel.spectrum(rope, direction);
        Phases { kernel, rope, spectrum, direction, by_position: HashMap::new() }
    }

    pub(super) fn at(&mut self, vector: Vec<Position>) -> &[K::Phase] {
        let (kernel, rope, spectrum) = (self.kernel, self.rope, &self.spectrum);
        let direction = self.direction;
        let phase = |(index, plane): (usize, &Plane)| {
            let position = on_axis(&vector, plane.axis);
            let steps = pipeline::steps(rope, position, direction);
            kernel.phase(spectrum, index, position, steps)
        };
        let phases = || rope.planes.iter().enumerate().map(phase).collect();
        self.by_position.entry(vector.clone()).or_insert_with(phases)
    }
}

/// The position of a token on every axis, of positions [axis][…].
pub(super) fn at(positions: &Positions, token: usize) -> Vec<Position> {
    let axes = positions.shape().first().copied().unwrap_or_default();
    let count = positions.data().len() / axes.max(1);
    (0..axes).filter_map(|axis| positions.data().get(axis * count + token).copied()).collect()
}

pub(super) fn format_of(tensor: &Tensor) -> Format {
    tensor.dtype().format().unwrap_or(Format::F64)
}

fn named(name: &'static str, dtype: Dtype, shape: Vec<usize>, bits: Vec<u64>) -> Option<Named> {
    Some(Named { name, tensor: Tensor::new(dtype, shape, bits).ok()? })
}

/// Row, its token in [batch][seq], its elements.
pub(super) fn rows(tensor: &Tensor) -> impl Iterator<Item = (usize, usize, &[u64])> {
    let (heads, seq, dim) = match tensor.shape() {
        &[_, heads, seq, dim] => (heads.max(1), seq.max(1), dim.max(1)),
        _ => (1, 1, 1),
    };
    let token = move |row: usize| row / (heads * seq) * seq + row % seq;
    tensor.data().chunks(dim).enumerate().map(move |(row, bits)| (row, token(row), bits))
}

/// Answers a question element by element.
pub(super) fn walk<K: Kernel>(kernel: &K, question: &Question) -> Vec<Named> {
    let dtype = question.dtype;
    let one = |name, shape, bits| named(name, dtype, shape, bits).into_iter().collect();
    let copies = |name, shape, tensor: &Tensor, sources: &mut dyn Iterator<Item = usize>| {
        let format = format_of(tensor);
        let bits = sources.map(|i| kernel.copied(tensor.data()[i], format)).collect();
        one(name, shape, bits)
    };
    match &question.body {
        Body::Rotate(r) => rotary::rotate(kernel, r, dtype),
        Body::Apply(a) => rotary::apply(kernel, a, dtype),
        Body::Score(s) => rotary::score(kernel, s, dtype),
        Body::InvFreq(f) => rotary::inv_freq(kernel, &f.rope, dtype),
        Body::Table(t) => {
            let tokens = t.positions.shape().get(1).copied().unwrap_or_default();
            let mut phases = Phases::new(kernel, &t.rope, Direction::Forward);
            let (mut cos, mut sin) = (Vec::new(), Vec::new());
            for token in 0..tokens {
                for phase in phases.at(at(&t.positions, token)) {
                    let [c, s] = kernel.table(phase);
                    cos.push(c);
                    sin.push(s);
                }
            }
            let shape = vec![tokens, t.rope.planes.len()];
            let list = [("cos", cos), ("sin", sin)];
            list.into_iter().filter_map(|(n, bits)| named(n, dtype, shape.clone(), bits)).collect()
        }
        Body::Sinusoidal(s) => one(
            "embedding",
            vec![s.positions.len(), s.sinusoidal.dim],
            rotary::sinusoidal(kernel, &s.sinusoidal, &s.positions),
        ),
        Body::AlibiSlopes(a) => {
            let bits = (0..a.num_heads).map(|head| kernel.constant(&a.slope(head), 1)).collect();
            one("slopes", vec![a.num_heads], bits)
        }
        Body::AlibiBias(a) => {
            let (queries, keys) = (&a.query_positions, &a.key_positions);
            let mut bits = Vec::new();
            for head in 0..a.alibi.num_heads {
                let slope = match a.alibi.head_dim {
                    Some(dim) => a.alibi.slope(head) / Expression::integer(dim as i128).sqrt(),
                    None => a.alibi.slope(head),
                };
                // Distances repeat along the diagonals.
                let mut known = HashMap::new();
                for (query, key) in queries.iter().flat_map(|q| keys.iter().map(|k| (*q, *k))) {
                    let distance = a.distance(query, key);
                    let of = || kernel.constant(&slope, distance);
                    bits.push(*known.entry(distance).or_insert_with(of));
                }
            }
            one("bias", vec![a.alibi.num_heads, queries.len(), keys.len()], bits)
        }
        Body::T5Bias(t, table) => {
            let (queries, keys) = (&t.query_positions, &t.key_positions);
            let heads = table.shape().get(1).copied().unwrap_or_default();
            let bucket = |q: &Position, k: &Position| t.buckets.bucket(*q, *k) * heads;
            let mut sources = (0..heads).flat_map(|head| {
                queries.iter().flat_map(move |q| keys.iter().map(move |k| bucket(q, k) + head))
            });
            copies("bias", vec![heads, queries.len(), keys.len()], table, &mut sources)
        }
        Body::Learned(l) => {
            let dim = l.learned.dim;
            let mut sources = l.rows.iter().flat_map(|row| row * dim..(row + 1) * dim);
            copies("embedding", vec![l.rows.len(), dim], &l.table, &mut sources)
        }
        Body::PermuteQk(p) => {
            let columns = p.weight.shape().get(1).copied().unwrap_or_default();
            let rows = p.permutation.sources(p.to);
            let mut sources = rows.iter().flat_map(|row| row * columns..(row + 1) * columns);
            copies("weight", p.weight.shape().to_vec(), &p.weight, &mut sources)
        }
        Body::AttentionTemperature(t) => {
            // Every position was checked to have a scale.
            let scale = |p: &Position| {
                let scale = t.temperature.scale(*p);
                scale.map_or(0, |scale| kernel.computed(&scale))
            };
            one("scale", vec![t.positions.len()], t.positions.iter().map(scale).collect())
        }
        // Integers are compared exactly.
        Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) | Body::PositionIds(_) => {
            Vec::new()
        }
    }
}
