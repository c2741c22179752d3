//! One integration target; its modules mirror the layers and the pages of `docs/`.

#[cfg(feature = "exact")]
mod adding_a_scheme;
#[cfg(feature = "exact")]
mod additive;
#[cfg(feature = "exact")]
mod ask;
mod audit;
#[cfg(all(feature = "exact", feature = "cli"))]
mod cli_vectors;
mod config_page;
mod consumer;
#[cfg(feature = "exact")]
mod contract;
mod corpus;
mod coverage;
#[cfg(feature = "exact")]
mod diagnosis;
mod doors;
mod fault;
#[cfg(feature = "exact")]
mod generate;
#[cfg(feature = "exact")]
mod identify;
#[cfg(all(feature = "exact", feature = "cli"))]
mod judge;
#[cfg(feature = "exact")]
mod kill;
#[cfg(feature = "exact")]
mod ladder;
#[cfg(feature = "exact")]
mod model;
mod number;
#[cfg(feature = "exact")]
mod oracles;
#[cfg(feature = "exact")]
mod positions;
mod profile;
#[cfg(feature = "exact")]
mod proofs;
mod reports;
mod request;
#[cfg(feature = "exact")]
mod schemes;
#[cfg(all(feature = "exact", feature = "cli"))]
mod show;
#[cfg(all(feature = "exact", feature = "cli"))]
mod sweep;
#[cfg(all(feature = "exact", feature = "cli"))]
mod table;
#[cfg(feature = "exact")]
mod theorem;
mod vector;
