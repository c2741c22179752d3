//! Broken kernels are named rightly, right ones are not accused.

mod attention;
mod chains;
mod ids;
mod inferred;
pub mod kernels;
mod mutants;
mod python;
