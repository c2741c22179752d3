//! Broken kernels are named rightly, right ones are not accused.

mod attention;
mod chains;
mod inferred;
mod kernels;
mod mutants;
mod python;
