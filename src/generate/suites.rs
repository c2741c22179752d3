//! The suites. Each file makes the golden files of one or two operations.

mod absolute;
mod alibi;
mod apply;
mod batches;
mod general;
mod ids;
mod mixed;
mod models;
mod own;
mod rejects;
mod relative;
mod rotate;
mod schemes;
mod score;
mod special;
mod spectra;
mod t5;
mod table;
mod weights;

pub use own::plans_for;
pub(super) use own::{config_of, table_of};

use super::plan::{FilePlan, config};
use super::values::number;
use crate::encoding::Layout;
use crate::number::Dtype;
use crate::request::{Json, Object};

/// A suite: its name and what makes its plans.
pub type Suite = (&'static str, fn() -> Vec<FilePlan>);

/// All suites. A new one is a function and a line here.
pub const SUITES: &[Suite] = &[
    ("rotate", rotate::files),
    ("mixed", mixed::files),
    ("schemes", schemes::files),
    ("spectra", spectra::files),
    ("models", models::files),
    ("apply", apply::files),
    ("score", score::files),
    ("table", table::files),
    ("alibi", alibi::files),
    ("t5", t5::files),
    ("absolute", absolute::files),
    ("relative", relative::files),
    ("weights", weights::files),
    ("ids", ids::files),
    ("rejects", rejects::files),
];

/// The plans of all suites, sorted by path.
pub fn plans() -> Vec<FilePlan> {
    let mut plans: Vec<FilePlan> = SUITES.iter().flat_map(|(_, files)| files()).collect();
    plans.sort_by(|a, b| a.path.cmp(&b.path));
    plans
}

/// Both layouts in all four formats.
fn layouts_and_floats() -> impl Iterator<Item = (Layout, Dtype)> {
    Layout::ALL.into_iter().flat_map(|layout| Dtype::FLOATS.map(|dtype| (layout, dtype)))
}

/// A default rope over the whole head.
fn plain(head_dim: usize, layout: Layout, base: f64) -> Object {
    config([
        ("head_dim", head_dim.into()),
        ("layout", layout.name().into()),
        ("rope_theta", number(base)),
    ])
}

/// A default rope, base 10000, over a slice of the head.
fn sliced(head_dim: usize, layout: Layout, rotary_dim: usize, offset: usize) -> Object {
    let mut object = plain(head_dim, layout, 10000.0);
    object.set("rotary_dim", rotary_dim.into());
    if offset > 0 {
        object.set("rotary_offset", offset.into());
    }
    object
}

/// The pair of every plane at its place in a row of zeros.
fn row(layout: Layout, head_dim: usize, offset: usize, planes: &[(u64, u64)]) -> Vec<u64> {
    let mut row = vec![0; head_dim];
    for (index, &(re, im)) in planes.iter().enumerate() {
        let pair = layout.pair(index, planes.len(), offset);
        if let Some(slot) = row.get_mut(pair.re) {
            *slot = re;
        }
        if let Some(slot) = row.get_mut(pair.im) {
            *slot = im;
        }
    }
    row
}

/// An option of an input.
fn word(text: &str) -> Json {
    Json::from(text)
}
