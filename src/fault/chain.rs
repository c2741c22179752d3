//! M, N, O: fused kernels, by their stages.

mod entry;
mod mean;
mod norm;
mod quantize;
mod renorm;
mod scales;
mod staged;
mod store;

use super::Fault;

pub(super) fn faults() -> Vec<Fault> {
    let stages =
        [norm::faults(), mean::faults(), quantize::faults(), scales::faults(), store::faults()];
    stages.into_iter().flatten().collect()
}

pub(super) use norm::epsilon;
