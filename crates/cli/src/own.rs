//! The command that starts this program again.

use std::ffi::OsString;
use std::sync::OnceLock;

/// It, where it is not the running file.
static OWN: OnceLock<Vec<OsString>> = OnceLock::new();

/// Says it; the first word counts.
pub fn set(words: Vec<OsString>) {
    OWN.get_or_init(|| words);
}

/// Its words.
pub fn own() -> std::io::Result<Vec<OsString>> {
    match OWN.get() {
        Some(own) => Ok(own.clone()),
        None => Ok(vec![std::env::current_exe()?.into_os_string()]),
    }
}
