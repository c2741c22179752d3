//! M, N, O: fused kernels, by their stages.

mod norm;
mod quantize;
mod scales;
mod staged;
mod store;

use super::Fault;
use super::change::Change;

/// A fault of a fused kernel. None of these can be seen outside of a chain.
pub(super) const fn fault(
    name: &'static str,
    class: &'static str,
    [summary, signature, fix]: [&'static str; 3],
    links: &'static [&'static str],
    change: Change,
) -> Fault {
    Fault { name, class, summary, signature, fix, links, change }
}

pub(super) fn faults() -> Vec<Fault> {
    let stages = [norm::faults(), quantize::faults(), scales::faults(), store::faults()];
    stages.into_iter().flatten().collect()
}

pub(super) use norm::epsilon;
