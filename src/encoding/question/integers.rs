//! The integer tensors of an answer, which need no rounding.

use super::{Body, Question};
use crate::number::{Dtype, Tensor};
use crate::request::Position;

impl Question {
    /// The integer tensors of the answer, in the order of the contract.
    pub fn integers(&self) -> Vec<(&'static str, Tensor)> {
        let tensor =
            |dtype, shape: Vec<usize>, data: Vec<u64>| Tensor::new(dtype, shape, data).ok();
        let i32_bits = |n: usize| n as u32 as u64;
        let named = match &self.body {
            Body::InvFreq(f) => {
                let planes = &f.rope.planes;
                let coordinates = |p: &crate::encoding::Plane| [p.pair.re, p.pair.im].map(i32_bits);
                let pairs = planes.iter().flat_map(coordinates).collect();
                let axis = planes.iter().map(|plane| i32_bits(plane.axis)).collect();
                vec![
                    ("planes", tensor(Dtype::I32, vec![planes.len(), 2], pairs)),
                    ("axis", tensor(Dtype::I32, vec![planes.len()], axis)),
                ]
            }
            Body::T5Bucket(t) => {
                let of = |q, k| i32_bits(t.buckets.bucket(q, k));
                vec![("bucket", buckets(&t.query_positions, &t.key_positions, of))]
            }
            Body::ShawBucket(s) => {
                // Every pair was checked to be in the table.
                let of = |q, k| s.shaw.bucket(q, k).unwrap_or_default() as u32 as u64;
                vec![("bucket", buckets(&s.query_positions, &s.key_positions, of))]
            }
            Body::DebertaBucket(d) => {
                let of = |q, k| d.buckets.bucket(q, k) as u32 as u64;
                vec![("bucket", buckets(&d.query_positions, &d.key_positions, of))]
            }
            Body::PositionIds(p) => {
                let ids = |shape: &Vec<usize>, data: &[i64]| {
                    tensor(Dtype::I64, shape.clone(), data.iter().map(|&n| n as u64).collect())
                };
                let positions = ("positions", ids(&p.shape, &p.positions));
                let beside = p.beside.iter().map(|b| (b.name, ids(&b.shape, &b.data)));
                [positions].into_iter().chain(beside).collect()
            }
            _ => vec![],
        };
        named.into_iter().filter_map(|(name, tensor)| Some((name, tensor?))).collect()
    }
}

/// An i32 tensor [queries, keys].
fn buckets(
    queries: &[Position],
    keys: &[Position],
    of: impl Fn(Position, Position) -> u64,
) -> Option<Tensor> {
    let data = queries.iter().flat_map(|&q| keys.iter().map(move |&k| (q, k)));
    let data = data.map(|(q, k)| of(q, k)).collect();
    Tensor::new(Dtype::I32, vec![queries.len(), keys.len()], data).ok()
}
