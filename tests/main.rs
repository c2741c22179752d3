//! One integration target; its modules mirror the layers and the pages of `docs/`.

#[cfg(all(feature = "exact", feature = "cli"))]
mod cli_vectors;
mod consumer;
#[cfg(feature = "exact")]
mod contract;
mod corpus;
mod coverage;
#[cfg(feature = "exact")]
mod generate;
mod number;
mod request;
mod vector;
