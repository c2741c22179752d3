//! All faults.

use super::class::Fault;
use super::{
    absolute, alibi, attention, axes, backward, chain, direction, frequency, ids, layout, memory,
    position, precision, scaling, segments, t5,
};
use std::sync::LazyLock;

/// Those that no golden vector is counted against: diagnoses know them.
const UNCOUNTED: [&str; 6] = [
    "e14-index-overflows",
    "f1-product-in-tf32",
    "f10-bytes-swapped",
    "f8-cast-to-f32",
    "n7-cut-instead-of-rounded",
    // What shows it in the vectors are windows, whose notes are about windows.
    "p11-first-tile-masked",
];

/// All that are counted, and the others.
static FAULTS: LazyLock<(Vec<Fault>, Vec<Fault>)> = LazyLock::new(|| {
    let lists = [
        layout::faults(),
        direction::faults(),
        frequency::faults(),
        scaling::faults(),
        position::faults(),
        ids::faults(),
        segments::faults(),
        precision::faults(),
        memory::faults(),
        axes::faults(),
        backward::faults(),
        alibi::faults(),
        t5::faults(),
        absolute::faults(),
        chain::faults(),
        attention::faults(),
    ];
    let mut all: Vec<Fault> = lists.into_iter().flatten().collect();
    all.sort_by_key(|fault| fault.name);
    all.into_iter().partition(|fault| !UNCOUNTED.contains(&fault.name))
});

/// All faults that the vectors are counted against, sorted by name.
pub fn all() -> &'static [Fault] {
    &FAULTS.0
}

/// Faults that are diagnosed and not counted, sorted by name.
pub(super) fn uncounted() -> &'static [Fault] {
    &FAULTS.1
}

/// The fault of this name, counted or not.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().iter().chain(uncounted()).find(|fault| fault.name == name)
}
