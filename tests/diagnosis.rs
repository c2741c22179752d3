//! Broken kernels are named rightly, right ones are not accused.

mod attention;
mod chains;
mod inferred;
pub mod kernels;
mod mutants;
mod python;
