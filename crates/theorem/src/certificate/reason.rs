//! Why an element is not certified.

pub(super) const COPIED: &str = "copied: no arithmetic, compare the bits";
pub(super) const INTEGER: &str = "an integer: no rounding";
pub(super) const NONFINITE: &str = "not finite: no real number";
pub(super) const UNREAD: &str = "a term that has no enclosure";
pub(super) const OPERATION: &str = "copies or integers only";
pub(super) const ATTENTION: &str = "a quotient of sums of exponentials: no statement of it yet";
