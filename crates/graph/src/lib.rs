//! The graph of the workspace's source files: an arrow from each file to those that define what it
//! names. Re-exports are looked through and draw no arrow themselves, tests are left out; what stands
//! in a circle, or points at a layer that its own may not use, can be listed.
//!
//! ```sh
//! cargo run --package ropewalk-graph --example arrows src/audit/run.rs
//! ```

#![warn(missing_docs)]

mod arrows;
mod circles;
mod house;
mod layers;
mod names;
mod read;

pub use arrows::arrows;
pub use circles::circles;
pub use house::{Arrow, Crate, House};
pub use layers::{LAYERS, against};
pub use read::{ReadError, read, workspace};
