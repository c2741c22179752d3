//! Profiles: emulation, bounds against the truth, and the figures of `docs/tolerances.md`.

mod adversary;
mod battery;
mod cases;
mod chains;
mod emulate;
mod figures;
mod floor;
mod truth;

use ropewalk::encoding::Question;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::Request;

/// A question from its operation, dtype, config and input.
fn question(operation: &str, dtype: Dtype, config: &str, input: &str) -> Question {
    let line = format!(
        r#"{{"cmd":"run","id":"t","operation":"{operation}","dtype":"{dtype}","config":{config},"input":{input}}}"#
    );
    Question::new(&Request::parse(&line).unwrap()).unwrap_or_else(|e| panic!("{e:?} in {line}"))
}

/// A tensor as JSON.
fn json(dtype: Dtype, shape: &[usize], data: Vec<u64>) -> String {
    serde_json::to_string(&Tensor::new(dtype, shape.to_vec(), data).unwrap()).unwrap()
}

/// A small generator of repeatable numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
