//! What is asked of whoever identifies a kernel.

use crate::audit::case::{Truth, in_doubles};
use crate::audit::run::Options;
use crate::encoding::Question;
use crate::number::Dtype;
use std::time::Duration;

/// How a kernel is identified.
pub struct Inquiry<'a> {
    /// The format of everything that is asked; by default the widest that the kernel claims.
    pub dtype: Option<Dtype>,
    /// Who knows the right answers; none where it does not. By default [`in_doubles`], which knows
    /// none of f64.
    pub truth: &'a (dyn Fn(&Question) -> Option<Truth> + Sync),
    /// How long known faults are tried where something is wrong.
    pub patience: Duration,
    /// Told what is being asked or tried.
    pub progress: &'a dyn Fn(&str),
}

impl Default for Inquiry<'_> {
    fn default() -> Self {
        let patience = Options::default().patience;
        Inquiry { dtype: None, truth: &in_doubles, patience, progress: &|_| () }
    }
}
