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
//! | `exact` | intervals, rationals, correctly rounded answers |
//! | [`audit`] | kernels asked and judged |
//! | `dump` | tensors that were rotated already, judged |
//!
//! Arrows point upwards only: a module uses those above it in the table. `docs/architecture.md`
//! has the whole picture.
//!
//! # Features
//!
//! None is on by default: the crate reads and checks requests and vectors, emulates machines, bounds
//! their errors and judges kernels. `exact` links GMP and MPFR and answers, correctly rounded;
//! `library` asks kernels that are functions of a shared library.

#![warn(missing_docs)]

pub mod audit;
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
pub mod vector;
