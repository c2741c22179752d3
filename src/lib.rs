//! Ropewalk is the arbiter for position encodings. It derives the right answer for rotary
//! embeddings, ALiBi, T5 relative bias, sinusoidal and learned encodings with proof, and publishes
//! it as golden vectors.
//!
//! # Layers
//!
//! | module | what it knows |
//! |---|---|
//! | [`number`] | formats as bits, the one rounding, tensors |
//! | [`request`] | JSON, positions, requests, replies, reject reasons |
//! | [`encoding`] | what each scheme is: expressions, planes, buckets, slopes |
//! | [`profile`] | how machines round: emulation, derived error bounds |
//! | [`fault`] | the known faults as transformations |
//! | `exact` | intervals, rationals, correctly rounded answers, two oracles |
//! | `theorem` | what is proved of the rotation, on the code that makes the vectors |
//! | [`audit`] | kernels asked and judged |
//! | `dump` | tensors that were rotated already, judged |
//! | `cli` | one file per verb |
//!
//! Arrows point upwards only: a module uses those above it in the table. `docs/architecture.md`
//! has the whole picture.
//!
//! # Features
//!
//! `exact` links GMP and MPFR and has everything that computes; `cli` is the program. Both are on
//! by default. Without them the crate still reads and checks requests and vectors, emulates machines
//! and bounds their errors.

#![warn(missing_docs)]

pub mod audit;
#[cfg(all(feature = "exact", feature = "cli"))]
pub mod cli;
#[cfg(feature = "exact")]
pub mod dump;
pub mod encoding;
#[cfg(feature = "exact")]
pub mod exact;
pub mod fault;
#[cfg(feature = "exact")]
pub mod generate;
pub mod number;
pub mod profile;
pub mod request;
#[cfg(feature = "exact")]
pub mod theorem;
pub mod vector;
