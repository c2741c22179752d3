//! What a machine reads before it attends: rotated rows, and the numbers that are added.

use super::Kernel;
use super::rotary;
use crate::encoding::{Attention, Double, Expression, Heads, Pair, Rope, outside};
use crate::request::Positions;

/// Queries and keys, rotated where there is a rope.
pub(in crate::profile) struct Rotated<V> {
    pub(in crate::profile) q: Vec<Vec<V>>,
    pub(in crate::profile) k: Vec<Vec<V>>,
    pub(in crate::profile) pairs: Vec<Pair>,
    pub(in crate::profile) outside: Vec<usize>,
}

/// One query and the keys that are left for it.
pub(in crate::profile) struct Query {
    pub(in crate::profile) head: usize,
    /// Its row in q.
    pub(in crate::profile) row: usize,
    /// Rows in k, and in v, of the keys that are left.
    pub(in crate::profile) keys: Vec<usize>,
    /// What is added to the score of each, by ALiBi and by T5, in f64.
    pub(in crate::profile) bias: Vec<[f64; 2]>,
}

impl<V> Rotated<V> {
    pub(in crate::profile) fn new<K: Kernel<Value = V>>(kernel: &K, a: &Attention) -> Rotated<V> {
        let plain = |tensor: &Heads| -> Vec<Vec<V>> {
            let format = tensor.format();
            let row = |bits: &[u64]| bits.iter().map(|&b| kernel.operand(b, format)).collect();
            tensor.rows().map(|(_, _, bits)| row(bits)).collect()
        };
        let rotated = |tensor: &Heads, rope: Option<&Rope>, positions: &Positions| match rope {
            None => plain(tensor),
            Some(rope) => rotary::rotated(kernel, tensor, rope, positions),
        };
        let pairs = a.rope.as_ref().map_or(Vec::new(), Rope::pairs);
        let for_keys = a.rope.as_ref().map(Rope::for_keys);
        Rotated {
            q: rotated(&a.q, a.rope.as_ref(), &a.query_positions),
            k: rotated(&a.k, for_keys.as_ref(), &a.key_positions),
            outside: outside(a.q.dim(), &pairs),
            pairs,
        }
    }
}

/// Every query, in the order of the answer.
pub(in crate::profile) fn queries(a: &Attention) -> impl Iterator<Item = Query> + '_ {
    let (heads, seq, keys) = (a.q.heads(), a.q.seq(), a.k.seq());
    let unit = |head| a.alibi.as_ref().map_or(0.0, |alibi| double(&alibi.bias(head, 1)));
    let units: Vec<f64> = (0..heads).map(unit).collect();
    (0..a.q.batch() * heads * seq).map(move |row| {
        let (batch, head, query) = (row / (heads * seq), row / seq % heads, row % seq);
        let left = a.left(batch, query);
        let last = a.last(batch);
        let bias = |&key: &usize| {
            let [at, of] = a.biased_at(batch, query, key);
            let slope = a
                .alibi
                .as_ref()
                .map_or(0.0, |alibi| units[head] * alibi.distance(at, of, last) as f64);
            let learned = a.t5.as_ref().map_or(0.0, |(buckets, table)| {
                let entry = a.bias_entry(buckets, batch, head, [query, key]);
                table.format().to_f64(table.data()[entry])
            });
            [slope, learned]
        };
        let bias = left.iter().map(bias).collect();
        let first = (batch * a.k.heads() + a.key_head(head)) * keys;
        Query { head, row, keys: left.into_iter().map(|key| first + key).collect(), bias }
    })
}

/// scale · softmax_factor, in f64: within a few units of its last place.
pub(in crate::profile) fn scale(a: &Attention) -> f64 {
    let scale = a.scale.unwrap_or_else(|| 1.0 / (a.q.dim() as f64).sqrt());
    scale * a.rope.as_ref().map_or(1.0, |rope| double(&rope.softmax_factor))
}

fn double(expression: &Expression) -> f64 {
    expression.evaluate(&Double).unwrap_or(f64::NAN)
}

/// The numbers of a row of v.
pub(in crate::profile) fn values(a: &Attention, row: usize) -> impl Iterator<Item = f64> + '_ {
    let (width, format) = (a.v.dim(), a.v.format());
    a.v.data()[row * width..][..width].iter().map(move |&bits| format.to_f64(bits))
}
