//! One walk over the elements of a question, for whatever is asked of each of them.

pub(super) mod attention;
mod element;
mod rotary;

pub use element::Named;
use element::named;
pub(super) use element::{Kernel, Phases, at};

use crate::encoding::{Body, Expression, Floats, Question};
use crate::request::{Direction, Position};
use std::collections::HashMap;

/// Answers a question element by element.
pub(super) fn walk<K: Kernel>(kernel: &K, question: &Question) -> Vec<Named> {
    let dtype = kernel.dtype(question.dtype);
    let one = |name, shape, bits| named(name, dtype, shape, bits).into_iter().collect();
    let copies = |name, shape, tensor: &Floats, sources: &mut dyn Iterator<Item = usize>| {
        let format = tensor.format();
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
        Body::Attention(a) => {
            let width = a.v.dim();
            let rows = vec![a.q.batch(), a.q.heads(), a.q.seq()];
            let [out, lse] = kernel.attention(a);
            let out = named("out", dtype, [&rows[..], &[width]].concat(), out);
            let lse = if a.lse { named("lse", dtype, rows, lse) } else { None };
            out.into_iter().chain(lse).collect()
        }
        // Its stages are bounded one after the other, not element by element.
        Body::Chain(_) => Vec::new(),
        // Integers are compared exactly.
        Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) | Body::PositionIds(_) => {
            Vec::new()
        }
    }
}
