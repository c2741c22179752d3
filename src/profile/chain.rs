//! A fused kernel on a machine: where it rounds between its stages, and what a row is there.

use super::machine::{Machine, contains};
use super::{Precision, Profile};
use crate::encoding::{Chain, Norm, Part, WeightKind};
use crate::number::Format;

/// Where a machine rounds on its way through a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    /// Squares, their sum and the root: f32 at least.
    pub(super) norm: Machine,
    /// The normalised value before and after the weight, where that is narrower (Llama's order).
    pub(super) narrow: Option<Machine>,
    /// What is written before the cast to what is stored: the first of two steps.
    pub(super) written: Option<Machine>,
}

impl Between {
    pub(super) fn new(profile: &Profile) -> Between {
        let machine = |precision: Precision| profile.machine(precision.format());
        let arithmetic = machine(profile.arithmetic);
        let wide = contains(arithmetic.format, Format::F64);
        let norm = if wide { Format::F64 } else { Format::F32 };
        Between {
            norm: profile.machine(norm),
            narrow: (!contains(arithmetic.format, Format::F32)).then_some(arithmetic),
            written: (profile.output != Precision::Exact).then(|| machine(profile.output)),
        }
    }

    /// What multiplies and adds.
    pub(super) fn affine(&self) -> Machine {
        self.narrow.unwrap_or(self.norm)
    }
}

/// The weight of an element as it is given (0 where there is none), and what is added to it.
pub(super) fn weight(norm: &Norm, part: &Part, row: usize, d: usize) -> (f64, f64) {
    let given = part.norm.as_ref().and_then(|weights| weights.weight.as_ref());
    let w = given.map(|w| w.format().to_f64(w.data()[part.weight_at(norm.over_heads, row, d)]));
    match (norm.weight, w) {
        (WeightKind::OnePlus, Some(w)) => (w, 1.0),
        (_, Some(w)) => (w, 0.0),
        (_, None) => (0.0, 1.0),
    }
}

/// The bias of an element, if there is one.
pub(super) fn bias(norm: &Norm, part: &Part, row: usize, d: usize) -> Option<f64> {
    let bias = part.norm.as_ref()?.bias.as_ref()?;
    Some(bias.format().to_f64(bias.data()[part.weight_at(norm.over_heads, row, d)]))
}

/// The flat indices of the elements that share a norm.
pub(super) fn rows(chain: &Chain, part: &Part) -> Vec<Vec<usize>> {
    let dim = part.heads.dim();
    let flat = |rows: Vec<usize>| rows.iter().flat_map(|row| row * dim..(row + 1) * dim).collect();
    chain.norm_rows(part).into_iter().map(flat).collect()
}

/// Values where they are stored: those of the elements, and what else is in a cache.
pub(super) fn stored<T: Clone>(
    chain: &Chain,
    part: &Part,
    elements: Vec<T>,
    untouched: impl Fn(u64) -> T,
) -> Vec<T> {
    let Some(cache) = &part.cache else { return elements };
    let mut cells: Vec<T> = cache.data().iter().map(|bits| untouched(*bits)).collect();
    let dim = part.heads.dim().max(1);
    for (index, element) in elements.into_iter().enumerate() {
        if let Some(cell) = chain.cell(part, index / dim, index % dim) {
            cells[cell] = element;
        }
    }
    cells
}
