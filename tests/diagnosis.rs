//! Broken kernels are named rightly, right ones are not accused.

mod attention;
mod inferred;
mod kernels;
mod mutants;
mod python;
