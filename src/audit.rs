//! Judging kernels: is it right, how far off is it, and what is wrong with it.
//!
//! A [`Kernel`] answers questions. It comes in by one of four doors: a [`Process`] that speaks the
//! protocol, a shared library, files with answers, or Rust code. A [`Reference`] knows the right
//! answers. [`audit`] asks every [`Case`] that the kernel's capabilities cover, judges every
//! element against the bounds of the right profiles, and gives a [`Report`].
//!
//! What a verdict means: a kernel *conforms* when some right explanation bounds every judged
//! element. An element whose bound reaches what was mixed judges nothing and is never counted as
//! passed. See `docs/auditing.md`.

mod capability;
mod case;
mod diagnose;
mod element;
mod errors;
mod files;
mod function;
mod identify;
mod infer;
mod judge;
mod kernel;
mod large;
#[cfg(feature = "cli")]
pub mod library;
mod place;
mod probe;
mod process;
mod reference;
mod reply;
mod report;
mod run;
mod sight;
mod tolerance;

pub use capability::{Capability, Description, Limits};
pub use case::{Case, cases};
pub use element::{Accepts, accepts};
pub use errors::{Band, Cell, Errors};
pub use files::{Answers, Prompt, hash};
pub use function::{Answer, Failed, Function, check};
pub use identify::{FoundPlane, Identified, Precision, identify, plain_config};
pub use judge::{HISTOGRAM, Judged, Misfit, Tally, Wrong, judge, ulps};
pub use kernel::{Ask, Breakage, Kernel, Outcome};
pub use large::{Large, LargeJudge, Rows};
pub use place::{At, Place, Places};
pub use probe::{Probe, probes};
pub use process::{Process, ProcessOptions};
pub use reference::{Reference, Truth, Vectors};
pub use reply::read_reply;
pub use report::{
    CaseReport, Diagnosis, Digest, Fine, Fitted, FittedPlane, FlagTally, Group, Kind, Recorded,
    Report, Section, Status, Style, Unreadable, Unseen, Verdict, clean, evidence, link, markdown,
    ndjson, read_ndjson, terminal, ulp, value,
};
pub use run::{Asked, Audited, Options, audit, judge_all};
pub use tolerance::{Tolerances, right_profiles};
