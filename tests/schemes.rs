//! Every scheme against numbers that were computed or published elsewhere.
//!
//! A check value is a decimal: the test requires the correctly rounded f64 to round to it.

mod axes;
mod scaling;
mod values;

use crate::ask::{ask, doubles};
use serde_json::{Value, json};

/// Frequencies and attention factor of a config.
fn spectrum(config: Value, seq_len: Option<i64>) -> (Vec<f64>, f64, f64) {
    let input = seq_len.map_or(json!({}), |length| json!({"seq_len": length}));
    let reply = ask("inv_freq", "f64", config, input);
    let one = |name: &str| doubles(&reply, name)[0];
    (doubles(&reply, "inv_freq"), one("attention_factor"), one("softmax_factor"))
}

/// A flat config of a half-layout rope.
fn flat(head_dim: u32, theta: f64, rope_type: &str, more: Value) -> Value {
    let mut config = json!({"head_dim": head_dim, "layout": "half", "rope_theta": theta,
                            "rope_type": rope_type});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// Requires a number to round to a printed decimal: at most half a unit of its last digit away.
#[track_caller]
fn rounds_to(x: f64, printed: &str) {
    let mantissa = printed.split(['e', 'E']).next().unwrap();
    let decimals = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as i32;
    let exponent: i32 = printed.split_once('e').map_or(0, |(_, e)| e.parse().unwrap());
    let unit = 10f64.powi(exponent - decimals);
    let value: f64 = printed.parse().unwrap();
    assert!((x - value).abs() <= 0.500_001 * unit, "{x:e} does not round to {printed}");
}

/// [`rounds_to`] for numbers separated by blanks, from an index on.
#[track_caller]
fn list_rounds_to(list: &[f64], from: usize, printed: &str) {
    for (i, text) in printed.split_whitespace().enumerate() {
        rounds_to(list[from + i], text);
    }
}
