//! One integration target; its modules mirror the layers and the pages of `docs/`.

#[cfg(feature = "exact")]
mod additive;
#[cfg(feature = "exact")]
mod ask;
#[cfg(feature = "exact")]
mod contract;
#[cfg(feature = "exact")]
mod generate;
#[cfg(feature = "exact")]
mod ladder;
mod number;
#[cfg(feature = "exact")]
mod oracles;
#[cfg(feature = "exact")]
mod positions;
mod profile;
mod request;
#[cfg(all(feature = "exact", feature = "cli"))]
mod table;
#[cfg(feature = "exact")]
mod theorem;
