//! A position on a plane's axis.

use crate::request::Position;

/// The position on the axis of a plane, 0 for an axis that was not given.
pub(super) fn on_axis(position: &[Position], axis: usize) -> Position {
    position.get(axis).copied().unwrap_or(Position::integer(0))
}
