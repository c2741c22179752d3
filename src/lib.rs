//! Ropewalk is the arbiter for position encodings.

#[cfg(all(feature = "exact", feature = "cli"))]
pub mod cli;
pub mod encoding;
#[cfg(feature = "exact")]
pub mod exact;
#[cfg(feature = "exact")]
pub mod generate;
pub mod number;
pub mod request;
pub mod vector;
