//! The suites. Each file makes the golden files of one or two operations.

mod absolute;
mod alibi;
mod apply;
mod attention;
mod axes;
mod bases;
mod batches;
mod chain;
mod common;
mod general;
mod ids;
mod mixed;
mod models;
mod own;
mod rejects;
mod relative;
mod rotate;
mod schemes;
mod score;
mod special;
mod spectra;
mod t5;
mod table;
mod weights;

use common::{layouts_and_floats, plain, row, sliced, word};

pub use own::plans_for;
pub(super) use own::{config_of, table_of};

use super::plan::FilePlan;

/// A suite: its name and what makes its plans.
pub type Suite = (&'static str, fn() -> Vec<FilePlan>);

/// All suites. A new one is a function and a line here.
pub const SUITES: &[Suite] = &[
    ("rotate", rotate::files),
    ("mixed", mixed::files),
    ("schemes", schemes::files),
    ("bases", bases::files),
    ("axes", axes::files),
    ("spectra", spectra::files),
    ("models", models::files),
    ("apply", apply::files),
    ("score", score::files),
    ("table", table::files),
    ("alibi", alibi::files),
    ("t5", t5::files),
    ("attention", attention::files),
    ("absolute", absolute::files),
    ("relative", relative::files),
    ("weights", weights::files),
    ("ids", ids::files),
    ("chain", chain::files),
    ("rejects", rejects::files),
];

/// The plans of all suites, sorted by path.
pub fn plans() -> Vec<FilePlan> {
    let mut plans: Vec<FilePlan> = SUITES.iter().flat_map(|(_, files)| files()).collect();
    plans.sort_by(|a, b| a.path.cmp(&b.path));
    plans
}
