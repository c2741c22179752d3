//! Judging kernels: is it right, how far off is it, and what is wrong with it.
//!
//! A [`Kernel`] answers questions. It comes in by one of four doors: a [`Process`] that speaks the
//! protocol, a shared library, files with answers, or Rust code. [`audit`] asks every [`Case`] that
//! the kernel's capabilities cover, judges every element against the bounds of the right profiles,
//! and gives a [`Report`].
//!
//! What a verdict means: a kernel *conforms* when some right explanation bounds every judged
//! element. An element whose bound reaches what was mixed judges nothing and is never counted as
//! passed. See `docs/auditing.md`.

mod ask;
mod asking;
mod capability;
mod case;
mod diagnose;
mod element;
mod errors;
mod exhibit;
mod files;
mod finding;
mod function;
mod identify;
mod infer;
mod judge;
mod kernel;
mod large;
#[cfg(feature = "library")]
pub mod library;
mod outcome;
mod outside;
mod place;
mod probe;
mod process;
mod reply;
mod report;
mod run;
mod section;
mod sight;
mod tolerance;

pub use ask::Ask;
pub use capability::{Capability, Description, Limits, Sizes};
pub use case::{Case, Truth, cases, in_doubles};
pub use element::{Accepts, accepts};
pub use errors::{Band, Cell, Errors};
pub use files::{Answers, Prompt, Prompted, Selected, hash};
pub use finding::{
    CaseReport, Diagnosis, Drawn, Fitted, FittedPlane, Group, Report, Section, Status, Unasked,
    Unseen, Verdict,
};
pub use function::{Answer, Failed, Function, check};
pub use identify::{
    FoundPlane, Identified, IdentifiedAttention, IdentifyError, Inquiry, Precision, Reading,
    identify, identify_attention, plain_config, runs,
};
#[cfg(feature = "exact")]
pub(crate) use infer::by_axis;
pub use judge::answer::{fits, judge};
pub use judge::signs::Signs;
pub use judge::within::{Element, Ruling, ulps};
pub use judge::{HISTOGRAM, Judged, Mark, Marked, Misfit, Tally, Wrong};
pub use kernel::Kernel;
pub use large::{Glance, Large, LargeJudge, Rows, Seen};
pub use outcome::{Answered, Breakage, Outcome};
pub use outside::{Malformed, Outside};
pub use place::{At, Place, Places};
pub use probe::asked::probes;
pub use probe::{Arrangement, Probe};
pub use process::{Process, ProcessOptions};
pub use reply::read_reply;
pub use report::{
    Digest, Fine, FlagTally, Kind, Recorded, Style, Unreadable, clean, distance, evidence, largest,
    link, markdown, ndjson, off, read_ndjson, report_schema, sentences, terminal, ulp, value,
};
pub use run::{Audited, Options, audit, judge_all};
pub use tolerance::{Tolerances, right_profiles};
