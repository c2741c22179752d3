//! The two oracles against each other: on the examples, on a million random and constructed
//! values, and with mistakes planted in either.

mod adversarial;
mod bulk;
pub mod case;
pub mod chain;
mod classes;
mod compare;
mod config;
mod corpus;
mod examples;
mod generate;
mod long;
mod places;
mod planted;
mod random;
mod values;
