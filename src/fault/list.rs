//! All faults.

use super::class::Fault;
use super::{
    absolute, alibi, axes, backward, direction, frequency, layout, memory, position, precision,
    scaling, t5,
};
use std::sync::LazyLock;

pub(super) static FAULTS: LazyLock<Vec<Fault>> = LazyLock::new(|| {
    let lists = [
        layout::faults(),
        direction::faults(),
        frequency::faults(),
        scaling::faults(),
        position::faults(),
        precision::faults(),
        memory::faults(),
        axes::faults(),
        backward::faults(),
        alibi::faults(),
        t5::faults(),
        absolute::faults(),
    ];
    let mut all: Vec<Fault> = lists.into_iter().flatten().collect();
    all.sort_by_key(|fault| fault.name);
    all
});

/// All faults, sorted by name.
pub fn all() -> &'static [Fault] {
    &FAULTS
}

/// The fault of this name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().iter().find(|fault| fault.name == name)
}
