//! The theorems behind position encodings, checked on the code that makes the vectors.
//!
//! Each file states one theorem and says how it is checked: *proved* by an exact computation that
//! covers every input and every angle, *enclosed* in intervals with the true frequencies, or
//! *sampled*. All are generic over [`Rotation`], the functions that rotate, so that a wrong sign,
//! index or conjugate planted there can be seen to make them fail.

#![warn(missing_docs)]

mod certificate;
mod context_bound;
mod decay;
mod frequencies;
mod group_law;
mod layouts;
mod polynomial;
mod relative_position;
mod report;
mod rotation;
mod sample;
mod spectra;
mod three_forms;

pub use certificate::{
    Claim, Lemmas, PRELUDE, SATURATES, certificate, prelude, prelude_for, saturates,
};
pub use context_bound::Certificate;
pub use decay::{Curve, Point, Witness, partial_sums};
pub use frequencies::Frequencies;
pub use polynomial::{Polynomial, Variable};
pub use report::{Kind, Report};
pub use rotation::{Rotation, Shared};

use rayon::prelude::*;

/// Checks every theorem on the shared rotation; enclosures within 2^−precision.
///
/// ```
/// let reports = ropewalk_theorem::prove(64);
/// assert!(reports.iter().all(|report| report.holds()));
/// ```
pub fn prove(precision: u32) -> Vec<Report> {
    prove_with::<Shared>(precision)
}

/// Checks every theorem on a rotation of the caller's choice.
pub fn prove_with<R: Rotation>(precision: u32) -> Vec<Report> {
    let theorems: [fn(u32) -> Report; 15] = [
        relative_position::proved::<R>,
        relative_position::enclosed::<R>,
        group_law::group_proved::<R>,
        group_law::group_enclosed::<R>,
        group_law::orthogonality_proved::<R>,
        group_law::orthogonality_enclosed::<R>,
        three_forms::proved::<R>,
        three_forms::enclosed::<R>,
        layouts::proved::<R>,
        decay::abel::<R>,
        decay::bound::<R>,
        decay::converse_proved::<R>,
        decay::converse_enclosed::<R>,
        context_bound::proved::<R>,
        context_bound::enclosed::<R>,
    ];
    theorems.into_par_iter().map(|check| check(precision)).collect()
}
