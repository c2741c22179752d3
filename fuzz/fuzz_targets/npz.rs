//! See `npz` in `crates/cli/src/fuzz.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ropewalk_cli::fuzz::run("npz", bytes));
