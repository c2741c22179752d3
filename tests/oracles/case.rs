//! Requests, made in tests.

use ropewalk::encoding::Question;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::Request;

/// SplitMix64: deterministic, and good enough for bit patterns.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// From `low` to `high`.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        low.wrapping_add(self.below(high.wrapping_sub(low) as u64 + 1) as i64)
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Case {
    pub operation: &'static str,
    pub dtype: Dtype,
    pub config: String,
    /// Names and JSON texts.
    pub input: Vec<(&'static str, String)>,
}

impl Case {
    pub fn line(&self) -> String {
        let input: Vec<String> =
            self.input.iter().map(|(name, text)| format!("\"{name}\":{text}")).collect();
        format!(
            r#"{{"cmd":"run","id":"case","operation":"{}","dtype":"{}","config":{},"input":{{{}}}}}"#,
            self.operation,
            self.dtype,
            self.config,
            input.join(",")
        )
    }

    pub fn question(&self) -> Question {
        let request = Request::parse(&self.line()).unwrap();
        Question::new(&request).unwrap_or_else(|reject| panic!("{reject}\n{}", self.config))
    }
}

pub fn tensor(dtype: Dtype, shape: &[usize], data: Vec<u64>) -> String {
    let tensor = Tensor::new(dtype, shape.to_vec(), data).unwrap();
    serde_json::to_string(&tensor).unwrap()
}

pub fn position(p: i64) -> String {
    if p.unsigned_abs() < 1 << 53 { p.to_string() } else { format!("\"{p}\"") }
}

/// A flat list.
pub fn list(positions: &[i64]) -> String {
    format!("[{}]", positions.iter().map(|&p| position(p)).collect::<Vec<_>>().join(","))
}
