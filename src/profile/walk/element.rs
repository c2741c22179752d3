//! What is done to each element, and where its plane and its position are found.

use crate::encoding::{Attention, Expression, Pair, Plane, Rope};
use crate::number::{Dtype, Format, Tensor};
use crate::profile::axis::on_axis;
use crate::profile::pipeline;
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
pub(in crate::profile) trait Kernel {
    /// A rope ready for positions.
    type Spectrum<'a>;
    /// cos and sin of a plane at a position.
    type Phase;
    /// A rotated coordinate before the output.
    type Value: Clone;

    /// The dtype of what comes of it, given that of the answer.
    fn dtype(&self, answer: Dtype) -> Dtype;
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
    /// The bits of attention: of every value, and of every logarithm.
    fn attention(&self, a: &Attention) -> [Vec<u64>; 2];
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
pub(in crate::profile) struct Phases<'k, 'a, K: Kernel> {
    pub(super) kernel: &'k K,
    pub(super) rope: &'a Rope,
    pub(super) spectrum: K::Spectrum<'a>,
    pub(super) direction: Direction,
    pub(super) by_position: HashMap<Vec<Position>, Vec<K::Phase>>,
}

impl<'k, 'a, K: Kernel> Phases<'k, 'a, K> {
    pub(in crate::profile) fn new(
        kernel: &'k K,
        rope: &'a Rope,
        direction: Direction,
    ) -> Phases<'k, 'a, K> {
        let spectrum = kernel.spectrum(rope, direction);
        Phases { kernel, rope, spectrum, direction, by_position: HashMap::new() }
    }

    pub(in crate::profile) fn at(&mut self, vector: Vec<Position>) -> &[K::Phase] {
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
pub(in crate::profile) fn at(positions: &Positions, token: usize) -> Vec<Position> {
    let axes = positions.shape().first().copied().unwrap_or_default();
    let count = positions.data().len() / axes.max(1);
    (0..axes).filter_map(|axis| positions.data().get(axis * count + token).copied()).collect()
}

pub(super) fn named(
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bits: Vec<u64>,
) -> Option<Named> {
    Some(Named { name, tensor: Tensor::new(dtype, shape, bits).ok()? })
}
