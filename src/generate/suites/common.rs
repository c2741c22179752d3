//! What suites are put together from.

use crate::encoding::Layout;
use crate::generate::plan::config;
use crate::generate::values::number;
use crate::number::Dtype;
use crate::request::{Json, Object};

/// Both layouts in all four formats.
pub(super) fn layouts_and_floats() -> impl Iterator<Item = (Layout, Dtype)> {
    Layout::ALL.into_iter().flat_map(|layout| Dtype::FLOATS.map(|dtype| (layout, dtype)))
}

/// A default rope over the whole head.
pub(super) fn plain(head_dim: usize, layout: Layout, base: f64) -> Object {
    config([
        ("head_dim", head_dim.into()),
        ("layout", layout.name().into()),
        ("rope_theta", number(base)),
    ])
}

/// A default rope, base 10000, over a slice of the head.
pub(super) fn sliced(head_dim: usize, layout: Layout, rotary_dim: usize, offset: usize) -> Object {
    let mut object = plain(head_dim, layout, 10000.0);
    object.set("rotary_dim", rotary_dim.into());
    if offset > 0 {
        object.set("rotary_offset", offset.into());
    }
    object
}

/// The pair of every plane at its place in a row of zeros.
pub(super) fn row(
    layout: Layout,
    head_dim: usize,
    offset: usize,
    planes: &[(u64, u64)],
) -> Vec<u64> {
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
pub(super) fn word(text: &str) -> Json {
    Json::from(text)
}
