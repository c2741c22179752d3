//! The two oracles against each other.

mod case;
mod examples;
