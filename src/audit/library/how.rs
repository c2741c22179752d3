//! How a call is made, and how it fails.

use crate::audit::probe::{Arrangement, Probe};

/// How a call is made.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit::library) struct How {
    /// How the tensors lie.
    pub(in crate::audit::library) lie: Arrangement,
    /// The outputs are the inputs.
    pub(in crate::audit::library) in_place: bool,
    /// Of a position: 32 or 64.
    pub(in crate::audit::library) bits: i32,
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::audit::library) enum Failed {
    /// What the library returned, other than `ROPEWALK_OK`.
    Status(i32),
    /// What it did.
    Found(Probe, String),
}
