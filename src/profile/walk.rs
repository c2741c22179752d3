//! One walk over the elements of a question, for whatever is asked of each of them.

use super::{on_axis, pipeline};
use crate::encoding::{Apply, Body, Expression, Pair, Plane, Question, Rope, Rotate, Score};
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
}

/// Phases of every plane at every position vector that occurs.
struct Phases<'k, 'a, K: Kernel> {
    kernel: &'k K,
    rope: &'a Rope,
    spectrum: K::Spectrum<'a>,
    direction: Direction,
    by_position: HashMap<Vec<Position>, Vec<K::Phase>>,
}

impl<'k, 'a, K: Kernel> Phases<'k, 'a, K> {
    fn new(kernel: &'k K, rope: &'a Rope, direction: Direction) -> Phases<'k, 'a, K> {
        let spectrum = kernel.spectrum(rope, direction);
        Phases { kernel, rope, spectrum, direction, by_position: HashMap::new() }
    }

    fn at(&mut self, vector: Vec<Position>) -> &[K::Phase] {
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
fn at(positions: &Positions, token: usize) -> Vec<Position> {
    let axes = positions.shape().first().copied().unwrap_or_default();
    let count = positions.data().len() / axes.max(1);
    (0..axes).filter_map(|axis| positions.data().get(axis * count + token).copied()).collect()
}

fn format_of(tensor: &Tensor) -> Format {
    tensor.dtype().format().unwrap_or(Format::F64)
}

fn named(name: &'static str, dtype: Dtype, shape: Vec<usize>, bits: Vec<u64>) -> Option<Named> {
    Some(Named { name, tensor: Tensor::new(dtype, shape, bits).ok()? })
}

/// The coordinates that no plane has.
fn outside(dim: usize, pairs: &[Pair]) -> Vec<usize> {
    let mut inside = vec![false; dim];
    for pair in pairs {
        inside[pair.re] = true;
        inside[pair.im] = true;
    }
    (0..dim).filter(|&i| !inside[i]).collect()
}

/// Row, its token in [batch][seq], its elements.
fn rows(tensor: &Tensor) -> impl Iterator<Item = (usize, usize, &[u64])> {
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
        Body::Rotate(r) => rotate(kernel, r, dtype),
        Body::Apply(a) => apply(kernel, a, dtype),
        Body::Score(s) => score(kernel, s, dtype),
        Body::InvFreq(f) => inv_freq(kernel, &f.rope, dtype),
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
            sinusoidal(kernel, &s.sinusoidal, &s.positions),
        ),
        Body::AlibiSlopes(a) => {
            let bits = (0..a.num_heads).map(|head| kernel.constant(&a.slope(head), 1)).collect();
            one("slopes", vec![a.num_heads], bits)
        }
        Body::AlibiBias(a) => {
            let (queries, keys) = (&a.query_positions, &a.key_positions);
            let mut bits = Vec::new();
            for head in 0..a.alibi.num_heads {
                let slope = a.alibi.slope(head);
                // Distances repeat along the diagonals.
                let mut known = HashMap::new();
                for distance in queries.iter().flat_map(|q| keys.iter().map(|k| (*q, *k))) {
                    let distance = a.alibi.distance(distance.0, distance.1);
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
        Body::T5Bucket(_) | Body::PositionIds(_) => Vec::new(),
    }
}

fn rotate<K: Kernel>(kernel: &K, r: &Rotate, dtype: Dtype) -> Vec<Named> {
    let key_rope = r.rope.for_keys();
    let pairs = r.rope.pairs();
    let mut list = Vec::new();
    for (name, tensor, rope) in [("q", Some(&r.q), &r.rope), ("k", r.k.as_ref(), &key_rope)] {
        let Some(tensor) = tensor else { continue };
        let mut phases = Phases::new(kernel, rope, r.direction);
        let rest = outside(rope.head_dim, &pairs);
        let format = format_of(tensor);
        let mut bits = tensor.data().to_vec();
        for (row, token, x) in rows(tensor) {
            let y = &mut bits[row * x.len()..][..x.len()];
            let phases = phases.at(at(&r.positions, token));
            for (pair, phase) in pairs.iter().zip(phases) {
                let turned = kernel.turn(phase, [x[pair.re], x[pair.im]], format);
                [y[pair.re], y[pair.im]] = turned.map(|value| kernel.settle(&value));
            }
            for &i in &rest {
                y[i] = kernel.copied(x[i], format);
            }
        }
        list.extend(named(name, dtype, tensor.shape().to_vec(), bits));
    }
    list
}

fn apply<K: Kernel>(kernel: &K, a: &Apply, dtype: Dtype) -> Vec<Named> {
    let (cos_format, sin_format) = (format_of(&a.cos), format_of(&a.sin));
    // Both are read into one format; the wider of the two holds either.
    let table =
        if super::machine::contains(cos_format, sin_format) { cos_format } else { sin_format };
    let sign = if a.direction == Direction::Forward { 1.0 } else { -1.0 };
    let phase = |(cos, sin): (&u64, &u64)| {
        kernel.given(cos_format.to_f64(*cos), sign * sin_format.to_f64(*sin), table)
    };
    let phases: Vec<K::Phase> = a.cos.data().iter().zip(a.sin.data()).map(phase).collect();
    let mut list = Vec::new();
    for (name, tensor) in [("q", Some(&a.q)), ("k", a.k.as_ref())] {
        let Some(tensor) = tensor else { continue };
        let format = format_of(tensor);
        let mut bits = tensor.data().to_vec();
        for (row, token, x) in rows(tensor) {
            let y = &mut bits[row * x.len()..][..x.len()];
            for (index, pair) in a.pairs.iter().enumerate() {
                let phase = &phases[token * a.pairs.len() + index];
                let turned = kernel.turn(phase, [x[pair.re], x[pair.im]], format);
                [y[pair.re], y[pair.im]] = turned.map(|value| kernel.settle(&value));
            }
            for i in outside(x.len(), &a.pairs) {
                y[i] = kernel.copied(x[i], format);
            }
        }
        list.extend(named(name, dtype, tensor.shape().to_vec(), bits));
    }
    list
}

fn score<K: Kernel>(kernel: &K, s: &Score, dtype: Dtype) -> Vec<Named> {
    let key_rope = s.rope.for_keys();
    let pairs = s.rope.pairs();
    let rest = outside(s.rope.head_dim, &pairs);
    let rotated = |tensor: &Tensor, rope: &Rope, positions: &Positions| {
        let mut phases = Phases::new(kernel, rope, Direction::Forward);
        let format = format_of(tensor);
        let mut list: Vec<Vec<K::Value>> = Vec::new();
        for (_, token, x) in rows(tensor) {
            let mut row: Vec<K::Value> = x.iter().map(|&b| kernel.operand(b, format)).collect();
            for (pair, phase) in pairs.iter().zip(phases.at(at(positions, token))) {
                let [re, im] = kernel.turn(phase, [x[pair.re], x[pair.im]], format);
                row[pair.re] = re;
                row[pair.im] = im;
            }
            list.push(row);
        }
        list
    };
    let q = rotated(&s.q, &s.rope, &s.query_positions);
    let k = rotated(&s.k, &key_rope, &s.key_positions);
    let (&[batch, heads, queries, _], &[_, key_heads, keys, _]) = (s.q.shape(), s.k.shape()) else {
        return Vec::new();
    };
    let mut bits = Vec::with_capacity(batch * heads * queries * keys);
    for (row, query) in q.iter().enumerate().take(batch * heads * queries) {
        let (b, h) = (row / (heads * queries), row / queries % heads);
        let first = (b * key_heads + h * key_heads / heads) * keys;
        for key in &k[first..first + keys] {
            bits.push(kernel.dot(query, key, &pairs, &rest));
        }
    }
    named("score", dtype, vec![batch, heads, queries, keys], bits).into_iter().collect()
}

fn inv_freq<K: Kernel>(kernel: &K, rope: &Rope, dtype: Dtype) -> Vec<Named> {
    let spectrum = kernel.spectrum(rope, Direction::Forward);
    let pairs = rope.planes.len();
    let frequencies = (0..pairs).map(|plane| kernel.frequency(&spectrum, plane)).collect();
    let mut list = vec![named("inv_freq", dtype, vec![pairs], frequencies)];
    if rope.planes.iter().any(|plane| plane.growth != Expression::integer(1)) {
        let growth = rope.planes.iter().map(|plane| kernel.constant(&plane.growth, 1)).collect();
        list.push(named("growth", dtype, vec![pairs], growth));
    }
    for (name, factor) in
        [("attention_factor", &rope.magnitude), ("softmax_factor", &rope.softmax_factor)]
    {
        list.push(named(name, dtype, vec![], vec![kernel.constant(factor, 1)]));
    }
    list.into_iter().flatten().collect()
}

fn sinusoidal<K: Kernel>(
    kernel: &K,
    sinusoidal: &crate::encoding::Sinusoidal,
    positions: &[Position],
) -> Vec<u64> {
    use crate::encoding::Wave;
    // A sinusoid is the table of a rope of magnitude 1.
    let one = Expression::integer(1);
    let plane =
        |frequency| Plane { pair: Pair { re: 0, im: 0 }, axis: 0, frequency, growth: one.clone() };
    let rope = Rope {
        head_dim: 0,
        axes: 1,
        planes: sinusoidal.frequencies().into_iter().map(plane).collect(),
        magnitude: one.clone(),
        softmax_factor: one.clone(),
        origin: 0,
    };
    let mut phases = Phases::new(kernel, &rope, Direction::Forward);
    let mut bits = Vec::with_capacity(positions.len() * sinusoidal.dim);
    for &position in positions {
        let table: Vec<[u64; 2]> =
            phases.at(vec![position]).iter().map(|phase| kernel.table(phase)).collect();
        bits.extend((0..sinusoidal.dim).map(|column| match sinusoidal.wave(column) {
            Wave::Cos(index) => table[index][0],
            Wave::Sin(index) => table[index][1],
            Wave::Zero => 0,
        }));
    }
    bits
}
