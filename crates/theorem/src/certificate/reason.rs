//! Why an element is not certified.

pub(super) const COPIED: &str = "copied: no arithmetic, compare the bits";
pub(super) const INTEGER: &str = "an integer: no rounding";
pub(super) const NONFINITE: &str = "not finite: no real number";
pub(super) const NAN: &str = "an overflow to NaN: no real number";
pub(super) const TIE: &str = "a tie that only algebra sees";
pub(super) const UNREAD: &str = "a term that has no enclosure";
pub(super) const OPERATION: &str = "copies or integers only";
pub(super) const NO_KEYS: &str = "a query without keys: what it gets is a convention";
pub(super) const NO_SCALE: &str = "divided by a scale that is 0 or not finite";
pub(super) const ZEROS: &str = "the scale of a block of zeros: a convention";
