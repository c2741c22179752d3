//! Ropewalk's adapter protocol for kernels in Rust: tensors as bits, one reply per line.
//! `examples/adapters/protocol.py` is the same for Python and says more.

use serde_json::{json, Value};
use std::io::{BufRead, Write};

/// Why there is no output.
pub enum Refusal {
    /// The request is fine, this kernel does not do it.
    Unsupported(String),
    /// The library refused.
    Rejected(String),
}

pub fn unsupported<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unsupported(why.into()))
}

pub fn rejected(why: impl std::fmt::Display) -> Refusal {
    let first = why.to_string().lines().next().unwrap_or_default().to_string();
    Refusal::Rejected(format!("invalid_value: {first}"))
}

/// A tensor: its format's name, its shape, its bits.
pub struct Tensor {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bits: Vec<u64>,
}

fn digits(dtype: &str) -> Option<usize> {
    Some(match dtype {
        "f64" => 16,
        "f32" => 8,
        "bf16" | "f16" => 4,
        _ => return None,
    })
}

impl Tensor {
    pub fn decode(part: &Value) -> Result<Self, Refusal> {
        let malformed = || Refusal::Rejected("malformed_tensor: dtype, shape, bits".into());
        let dtype = part["dtype"].as_str().ok_or_else(malformed)?.to_string();
        let width = digits(&dtype).ok_or_else(malformed)?;
        let shape: Option<Vec<usize>> =
            part["shape"].as_array().ok_or_else(malformed)?.iter().map(|n| n.as_u64().map(|n| n as usize)).collect();
        let shape = shape.ok_or_else(malformed)?;
        let columns = shape.last().copied().unwrap_or(1);
        let rows = part["bits"].as_array().ok_or_else(malformed)?;
        let count: usize = shape.iter().rev().skip(1).product();
        if part.as_object().map(|o| o.len()) != Some(3) || rows.len() != count {
            return Err(malformed());
        }
        let mut bits = Vec::new();
        for row in rows {
            let row = row.as_str().ok_or_else(malformed)?;
            let lower = row.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            if !lower || row.len() != width * columns {
                return Err(malformed());
            }
            for chunk in row.as_bytes().chunks(width) {
                let text = std::str::from_utf8(chunk).map_err(|_| malformed())?;
                bits.push(u64::from_str_radix(text, 16).map_err(|_| malformed())?);
            }
        }
        Ok(Self { dtype, shape, bits })
    }

    pub fn encode(&self) -> Value {
        let width = digits(&self.dtype).unwrap_or(16);
        let row = self.shape.last().copied().unwrap_or(1);
        let rows: usize = self.shape.iter().rev().skip(1).product();
        let text: Vec<String> = (0..rows)
            .map(|r| self.bits[r * row..(r + 1) * row].iter().map(|b| format!("{b:0width$x}")).collect())
            .collect();
        json!({"dtype": self.dtype, "shape": self.shape, "bits": text})
    }
}

/// Unsupported unless every key is among those the kernel reads.
pub fn only(part: &Value, name: &str, keys: &[&str]) -> Result<(), Refusal> {
    for key in part.as_object().map(|o| o.keys()).into_iter().flatten() {
        if !keys.contains(&key.as_str()) {
            return unsupported(format!("{name} key {key}"));
        }
    }
    Ok(())
}

/// Rejected unless these keys are there.
pub fn needs(part: &Value, slug: &str, keys: &[&str]) -> Result<(), Refusal> {
    match keys.iter().find(|key| part.get(key).is_none()) {
        Some(key) => Err(Refusal::Rejected(format!("{slug}: {key}"))),
        None => Ok(()),
    }
}

/// Unsupported unless the whole head is rotated.
pub fn whole(config: &Value) -> Result<(), Refusal> {
    let wrong = |key: &str, right: Option<f64>| config.get(key).is_some_and(|v| v.as_f64() != right);
    let head = config["head_dim"].as_f64();
    if wrong("rotary_dim", head) || wrong("rotary_offset", Some(0.0)) || wrong("partial_rotary_factor", Some(1.0)) {
        return unsupported("a partial rotation");
    }
    Ok(())
}

/// Answers until told to stop. A panic of the library is its refusal.
pub fn serve(kernel: Value, capabilities: Value, answer: impl Fn(&Value) -> Result<Value, Refusal>) {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let request: Value = serde_json::from_str(&line).expect("the harness sends JSON");
        let reply = match request["cmd"].as_str() {
            Some("stop") => break,
            Some("start") => json!({"protocol": 1, "kernel": kernel, "capabilities": capabilities}),
            _ => {
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answer(&request)));
                let result = caught.unwrap_or_else(|panic| {
                    let words = panic.downcast_ref::<String>().cloned();
                    let words = words.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
                    Err(rejected(words.unwrap_or_else(|| "panic".into())))
                });
                match result {
                    Ok(output) => json!({"id": request["id"], "output": output}),
                    Err(Refusal::Unsupported(why)) => json!({"id": request["id"], "unsupported": why}),
                    Err(Refusal::Rejected(why)) => json!({"id": request["id"], "rejected": why}),
                }
            }
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{reply}").and_then(|()| out.flush()).expect("the harness reads");
    }
}
