//! One integration target; its modules mirror the layers and the pages of `docs/`.

mod number;
mod request;
