//! One integration target; its modules mirror the layers and the pages of `docs/`.

#[cfg(feature = "exact")]
mod contract;
mod number;
mod request;
#[cfg(feature = "exact")]
mod theorem;
