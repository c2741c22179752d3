//! Suites become golden files: plans say what is asked, the first oracle answers, in parallel and
//! in the same bytes on every machine and with any number of threads.
//!
//! To add a suite, write a function that returns [`FilePlan`]s and name it in [`SUITES`]. A plan is
//! plain data; ids come from the names in it, never from an order, so inserting a test changes no
//! other.

mod compare;
mod lists;
mod near_tie;
mod plan;
mod run;
mod suites;
mod values;

pub use compare::{Difference, compare};
pub use lists::{BASES, Band, DIMS, POSITIONS, band_of, bands};
pub use near_tie::{Phase, distance_to_tie};
pub use plan::{FilePlan, GroupPlan, TestPlan};
pub use run::{GenerateError, Generated, generate, manifest, truths};
pub use suites::{SUITES, plans, plans_for};
