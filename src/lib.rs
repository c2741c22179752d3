//! Ropewalk is the arbiter for position encodings.

#[cfg(all(feature = "exact", feature = "cli"))]
pub mod cli;
pub mod encoding;
#[cfg(feature = "exact")]
pub mod exact;
pub mod number;
pub mod request;
