//! P: attention in one kernel, as its masks, biases, scores and sums show it.

mod ask;
mod bias;
mod head;
mod mask;
mod rotation;
mod score;
mod sum;
mod tile;
mod window;

use super::Fault;
use super::change::Change;

pub(super) fn faults() -> Vec<Fault> {
    let lists = [
        mask::faults(),
        window::faults(),
        bias::faults(),
        score::faults(),
        head::faults(),
        sum::faults(),
        tile::faults(),
        rotation::faults(),
    ];
    lists.into_iter().flatten().collect()
}

/// The same with tiles of other sizes: the name of the fault, its summary, its change.
pub(super) fn variants() -> impl Iterator<Item = (&'static str, String, Change)> {
    mask::variants().into_iter().chain(tile::variants())
}
