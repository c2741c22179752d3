//! The option `--profile`.

use ropewalk::profile::{self, NAMED, Profile};

/// A named profile.
pub fn named(name: &str) -> Result<&'static Profile, String> {
    let list = || NAMED.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ");
    profile::find(name).ok_or_else(|| format!("allowed are {}", list()))
}
