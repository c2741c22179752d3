//! Biases, relative buckets, temperatures and sinusoids: the values of the literature, the same
//! rules written another way, and every refusal once.

mod alibi;
mod buckets;
mod temperature;

use ropewalk::encoding::{ALIBI_KEYS, DEBERTA_KEYS, SHAW_KEYS, T5_KEYS, TEMPERATURE_KEYS};
use ropewalk::request::Operation;

/// At most so many ulp apart.
#[track_caller]
fn within_ulps(got: f64, want: f64, ulps: i64) {
    let apart = (got.to_bits() as i64).wrapping_sub(want.to_bits() as i64);
    assert!(got == want || (got * want > 0.0 && apart.abs() <= ulps), "{got} is not {want}");
}

#[test]
fn the_page_of_operations_names_every_operation_and_key() {
    let page = include_str!("../docs/operations.md");
    for operation in Operation::ALL {
        assert!(page.contains(&format!("`{}`", operation.name())), "{}", operation.name());
    }
    for key in [ALIBI_KEYS, DEBERTA_KEYS, SHAW_KEYS, T5_KEYS, TEMPERATURE_KEYS].concat() {
        assert!(page.contains(&format!("`{}`", key.name)), "{}", key.name);
    }
}
