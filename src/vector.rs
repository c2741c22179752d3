//! Golden files: requests with their correctly rounded answers, as data that any language reads.
//!
//! This layer knows the format and its rules, not how an answer is computed: it reads, writes and
//! lints without any arithmetic beyond bit patterns. The format is described for consumers in
//! `docs/vector-format.md`.

mod canonical;
mod lint;
mod manifest;
mod model;
mod notes;
mod read;
mod residual;
mod schema;
mod tree;

pub use lint::{Complaint, File, Rule, lint};
pub use manifest::{Entry, MANIFEST_SCHEMA, Manifest};
pub use model::{Expected, GOLDEN_SCHEMA, Golden, Group, Note, SUITE, Tensors, Test};
pub use notes::{NOTES, Remark, note};
pub use read::ReadError;
pub use residual::check as check_residual;
pub use schema::{Document, documents};
pub use tree::{MANIFEST, golden_files, is_golden_path, shipped};
