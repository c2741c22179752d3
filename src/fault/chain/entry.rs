//! An entry of the lists.

use crate::fault::Fault;
use crate::fault::change::Change;

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
