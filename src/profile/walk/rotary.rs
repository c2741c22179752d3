//! The walks over rotations, scores and spectra.

use super::{Kernel, Named, Phases, at, named};
use crate::encoding::{
    Apply, Expression, Heads, Pair, Plane, Rope, Rotate, Score, Sinusoidal, Wave, outside,
};
use crate::number::Dtype;
use crate::profile::machine::contains;
use crate::request::{Direction, Position, Positions};

pub(super) fn rotate<K: Kernel>(kernel: &K, r: &Rotate, dtype: Dtype) -> Vec<Named> {
    let key_rope = r.rope.for_keys();
    let pairs = r.rope.pairs();
    let mut list = Vec::new();
    for (name, tensor, rope) in [("q", Some(&r.q), &r.rope), ("k", r.k.as_ref(), &key_rope)] {
        let Some(tensor) = tensor else { continue };
        let mut phases = Phases::new(kernel, rope, r.direction);
        let rest = outside(rope.head_dim, &pairs);
        let format = tensor.format();
        let mut bits = tensor.data().to_vec();
        for (row, token, x) in tensor.rows() {
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

pub(super) fn apply<K: Kernel>(kernel: &K, a: &Apply, dtype: Dtype) -> Vec<Named> {
    let (cos_format, sin_format) = (a.cos.format(), a.sin.format());
    // Both are read into one format; the wider of the two holds either.
    let table = if contains(cos_format, sin_format) { cos_format } else { sin_format };
    let sign = if a.direction == Direction::Forward { 1.0 } else { -1.0 };
    let phase = |(cos, sin): (&u64, &u64)| {
        kernel.given(cos_format.to_f64(*cos), sign * sin_format.to_f64(*sin), table)
    };
    let phases: Vec<K::Phase> = a.cos.data().iter().zip(a.sin.data()).map(phase).collect();
    let mut list = Vec::new();
    for (name, tensor) in [("q", Some(&a.q)), ("k", a.k.as_ref())] {
        let Some(tensor) = tensor else { continue };
        let format = tensor.format();
        let mut bits = tensor.data().to_vec();
        for (row, token, x) in tensor.rows() {
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

/// Every row of a tensor, rotated.
pub(super) fn rotated<K: Kernel>(
    kernel: &K,
    tensor: &Heads,
    rope: &Rope,
    positions: &Positions,
) -> Vec<Vec<K::Value>> {
    let pairs = rope.pairs();
    let mut phases = Phases::new(kernel, rope, Direction::Forward);
    let format = tensor.format();
    let mut list: Vec<Vec<K::Value>> = Vec::new();
    for (_, token, x) in tensor.rows() {
        let mut row: Vec<K::Value> = x.iter().map(|&b| kernel.operand(b, format)).collect();
        for (pair, phase) in pairs.iter().zip(phases.at(at(positions, token))) {
            let [re, im] = kernel.turn(phase, [x[pair.re], x[pair.im]], format);
            row[pair.re] = re;
            row[pair.im] = im;
        }
        list.push(row);
    }
    list
}

pub(super) fn score<K: Kernel>(kernel: &K, s: &Score, dtype: Dtype) -> Vec<Named> {
    let key_rope = s.rope.for_keys();
    let pairs = s.rope.pairs();
    let rest = outside(s.rope.head_dim, &pairs);
    let q = rotated(kernel, &s.q, &s.rope, &s.query_positions);
    let k = rotated(kernel, &s.k, &key_rope, &s.key_positions);
    let (batch, heads, queries) = (s.q.batch(), s.q.heads(), s.q.seq());
    let (key_heads, keys) = (s.k.heads(), s.k.seq());
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

pub(super) fn inv_freq<K: Kernel>(kernel: &K, rope: &Rope, dtype: Dtype) -> Vec<Named> {
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

pub(super) fn sinusoidal<K: Kernel>(
    kernel: &K,
    sinusoidal: &Sinusoidal,
    positions: &[Position],
) -> Vec<u64> {
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
