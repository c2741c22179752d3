//! Tensors that a kernel has rotated already, of any size, judged at memory speed.
//!
//! Every element is compared with the correctly rounded one and judged by the derived bound of the
//! profile that fits; where some are wrong, an audit of a few rows names the fault. `ropewalk judge`
//! and the Python package are two doors to it.

mod explain;
mod failure;
mod geometry;
mod given;
mod judge;
mod places;
mod raw;
mod report;
mod rows;
mod slice;
mod unwound;

pub use failure::Failure;
pub use geometry::Geometry;
pub use given::{Given, Sorted};
pub use judge::{Judged, Rotated};
pub use places::Places;
pub use raw::Raw;
pub use report::{causes, word};
pub use rows::Dump;
