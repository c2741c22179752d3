//! A known bug class.

use super::change::Change;

/// A known bug class as a transformation.
#[derive(Debug)]
pub struct Fault {
    /// The class and a name, lower case: `a1-pairing-swapped`. Stable.
    pub name: &'static str,
    /// The class of the catalogue: `A1`.
    pub class: &'static str,
    /// What is wrong, in a sentence for the author of the kernel.
    pub summary: &'static str,
    /// What its answers look like, and where it hides.
    pub signature: &'static str,
    /// What to change.
    pub fix: &'static str,
    /// Real reports of the class, as owner/repository#number.
    pub links: &'static [&'static str],
    pub(super) change: Change,
}
