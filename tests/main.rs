//! One integration target; its modules mirror the layers and the pages of `docs/`.

#[cfg(feature = "exact")]
mod contract;
#[cfg(feature = "exact")]
mod ladder;
mod number;
mod request;
#[cfg(all(feature = "exact", feature = "cli"))]
mod table;
