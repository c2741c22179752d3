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
mod element;
mod judge;
mod kernel;
mod process;
mod reference;
mod reply;
mod report;
mod run;
mod tolerance;

pub use capability::{Capability, Description, Limits};
pub use case::{Case, cases};
pub use element::{Accepts, accepts};
pub use judge::{HISTOGRAM, Judged, Misfit, Tally, Wrong, judge, ulps};
pub use kernel::{Ask, Breakage, Kernel, Outcome};
pub use process::{Process, ProcessOptions};
pub use reference::{Reference, Truth, Vectors};
pub use reply::read_reply;
pub use report::{
    CaseReport, Diagnosis, Report, Section, Status, Style, Unseen, Verdict, evidence, ndjson,
    terminal, ulp, value,
};
pub use run::{Asked, Audited, Options, audit, judge_all};
pub use tolerance::{Tolerances, right_profiles};
