//! Findings in burn-nn: what `reproduce` runs.

use burn_core::tensor::{Device, Tensor};
use burn_nn::RotaryEncodingConfig;

/// A statement with its numbers, and whether it is so.
fn claim(all: &mut bool, holds: bool, text: String) {
    *all &= holds;
    println!("  {} {text}", if holds { "holds:" } else { "GONE: " });
}

fn main() {
    let mut all = true;
    println!("62. burn: after shift(), `start` counts from the window, not from position 0");
    let device = Device::default();
    let fresh = RotaryEncodingConfig::new(256, 4).init(&device);
    let mut moved = RotaryEncodingConfig::new(64, 4).init(&device);
    moved.shift(10);
    let one = || Tensor::<3>::from_floats([[[1.0, 0.0, 1.0, 0.0]]], &device);
    let values = |t: Tensor<3>| t.into_data().try_to_vec::<f32>().unwrap_or_default();
    let at = |p: usize| values(fresh.apply(one(), p));
    claim(&mut all, values(moved.forward(one())) == at(10), "after shift(10), forward() rotates by 10".into());
    claim(&mut all, values(moved.apply(one(), 10)) == at(20), "apply(x, 10) rotates by 20 (documented: sequence start position index)".into());
    let past = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| values(fresh.apply(one(), 256))));
    claim(&mut all, past.is_err(), "position 256 of 256 panics".into());
    std::process::exit(if all { 0 } else { 1 });
}
