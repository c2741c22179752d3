//! How a finding is told: for people, for programs, for a pull request.

mod bars;
mod digest;
mod lines;
mod markdown;
mod ndjson;
mod read;
mod terminal;
mod words;

pub use digest::{Digest, Fine, FlagTally, Kind};
pub use markdown::markdown;
pub use ndjson::{ndjson, report_schema};
pub use read::{Recorded, Unreadable, read_ndjson};
pub use terminal::{Style, terminal};
pub use words::{clean, distance, evidence, largest, link, sentences, ulp, value};
