//! Ropewalk is the arbiter for position encodings. It derives the right answer for rotary
//! embeddings, ALiBi, T5, sinusoidal and learned encodings with proof, publishes it as golden
//! vectors, and says of a kernel whether it is right, how far off it is, and what is wrong with it.
//!
//! # Check a kernel
//!
//! A kernel is a function from a question ([`Ask`]) to named tensors. [`check`] asks all that it
//! claims from the golden vectors that come with the crate, and holds every element against bounds
//! that are derived, not guessed:
//!
//! ```
//! use ropewalk::{Answer, Ask, Capability, Dtype, Function, Operation, Verdict, check, vector};
//!
//! /// The slopes of ALiBi; wrong where the number of heads is no power of two.
//! fn slopes(ask: &Ask) -> Answer {
//!     let heads = ask.size("num_heads")?;
//!     let most = ask.number("alibi_bias_max").unwrap_or(8.0);
//!     let slope = |head: usize| (-most * (head + 1) as f64 / heads as f64).exp2();
//!     let slopes: Vec<f64> = (0..heads).map(slope).collect();
//!     Ok(vec![("slopes".into(), ask.rounded(&[heads], &slopes)?)])
//! }
//!
//! let claimed = Capability::new(&[Operation::AlibiSlopes], &[Dtype::F32]);
//! let kernel = Function::new("slopes", vec![claimed], slopes);
//! // In a #[test]: check(kernel, vector::shipped()).unwrap();
//! let failed = check(kernel, vector::shipped()).unwrap_err();
//! assert!(failed.to_string().contains("DIVERGES"));
//! ```
//!
//! A whole rotation is in [the page on Rust](https://docs.rs/crate/ropewalk/latest/source/docs/rust.md).
//!
//! # Ask for one answer
//!
//! With the feature `exact`, `answer` answers a checked [`Question`], every element the nearest number
//! of its format to the exact one. Without it a question can be read, emulated on a machine, and its
//! errors bounded:
//!
//! ```
//! use ropewalk::{Question, Request, profile};
//! let line = r#"{"cmd":"run","id":"a","operation":"table","dtype":"f32",
//!     "config":{"head_dim":2,"layout":"half","rope_theta":10000},"input":{"positions":[1000]}}"#;
//! let question = Question::new(&Request::parse(line)?)?;
//! let hf = profile::find("hf-f32").unwrap();
//! assert_eq!(profile::emulate(hf, &question)[0].tensor.rows(), ["3f0ff813"]);
//! # Ok::<(), ropewalk::Reject>(())
//! ```
//!
//! # Modules
//!
//! What a test needs stands at the root. For those who write auditors, or ask for tolerances:
//!
//! | module | what it knows |
//! |---|---|
//! | [`number`] | formats as bits, the one rounding, tensors |
//! | [`request`] | JSON, positions, requests, replies, reject reasons |
//! | [`encoding`] | what each scheme is: expressions, planes, buckets, slopes |
//! | [`profile`] | how machines round: emulation, derived error bounds |
//! | [`fault`] | the known faults as transformations |
//! | [`vector`] | golden files |
//! | [`audit`] | kernels asked and judged |
//! | `exact` | intervals, rationals, correctly rounded answers |
//! | `dump` | tensors that were rotated already, judged |
//! | `generate` | suites become golden files |
//!
//! A module uses those above it in the table, and no circle of files is anywhere.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | what it brings |
//! |---|---|
//! | `exact` | `exact`, `dump` and `generate`; links GMP and MPFR (LGPL) |
//! | `library` | `audit::library`: kernels that are functions of a shared library |

#![warn(missing_docs)]
#![warn(clippy::dbg_macro, clippy::todo, clippy::undocumented_unsafe_blocks, clippy::unimplemented)]

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

pub use audit::{Answer, Ask, Capability, Function, Kernel, Outcome, Report, Verdict, check};
pub use encoding::{Layout, Question};
#[cfg(feature = "exact")]
pub use exact::answer;
pub use number::{Dtype, Format, Tensor};
pub use request::{Operation, Reject, Request};

/// The example of the README is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
