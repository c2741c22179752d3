//! Profiles: emulation, bounds against the truth, and the figures of `docs/tolerances.md`.

#[cfg(feature = "exact")]
mod battery;
#[cfg(feature = "exact")]
mod cases;
mod emulate;
#[cfg(feature = "cli")]
mod figures;
#[cfg(feature = "exact")]
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

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Bits of a number of a dtype: mostly of ordinary size, sometimes tiny, huge or zero.
    fn element(&mut self, dtype: Dtype) -> u64 {
        let format = dtype.format().unwrap();
        let fraction = self.next() & ((1 << (format.precision - 1)) - 1);
        let sign = if self.next() & 1 == 1 { format.sign_bit() } else { 0 };
        let bias = format.e_max() as u64;
        let exponent = match self.below(64) {
            0 => return sign,
            1 => self.below(format.precision as u64),
            2 => 2 * bias - self.below(4),
            3..8 => bias - bias / 2 + self.below(bias),
            _ => bias - 3 + self.below(4),
        };
        sign | exponent << (format.precision - 1) | fraction
    }

    fn tensor(&mut self, dtype: Dtype, shape: &[usize]) -> String {
        let count = shape.iter().product();
        json(dtype, shape, (0..count).map(|_| self.element(dtype)).collect())
    }
}
