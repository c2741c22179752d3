//! Asking the reference over the door that adapters use, and reading what it says.

use ropewalk::exact;
use serde_json::{Value, json};

/// The reply to a request made of these parts.
pub fn ask(operation: &str, dtype: &str, config: Value, input: Value) -> Value {
    let request = json!({"cmd": "run", "id": "t", "operation": operation, "dtype": dtype,
                         "config": config, "input": input});
    let text = serde_json::to_string(&exact::reply(&request.to_string()).to_json()).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// One tensor of the answer: dtype, shape and bit patterns.
pub fn tensor(reply: &Value, name: &str) -> (String, Vec<usize>, Vec<u64>) {
    let tensor = &reply["output"][name];
    let dtype = tensor["dtype"].as_str().unwrap_or_else(|| panic!("{reply}")).to_string();
    let digits = match dtype.as_str() {
        "f64" | "i64" => 16,
        "f32" | "i32" => 8,
        _ => 4,
    };
    let shape = tensor["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize);
    let rows = tensor["bits"].as_array().unwrap().iter().map(|row| row.as_str().unwrap());
    let bits = rows
        .flat_map(|row| row.as_bytes().chunks(digits))
        .map(|hex| u64::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
    (dtype, shape.collect(), bits.collect())
}

/// An i32 or i64 tensor of the answer.
pub fn integers(reply: &Value, name: &str) -> Vec<i64> {
    let (dtype, _, bits) = tensor(reply, name);
    let signed = |bits: u64| if dtype == "i32" { bits as u32 as i32 as i64 } else { bits as i64 };
    bits.into_iter().map(signed).collect()
}

/// An f64 tensor of the answer.
pub fn doubles(reply: &Value, name: &str) -> Vec<f64> {
    let (dtype, _, bits) = tensor(reply, name);
    assert_eq!(dtype, "f64");
    bits.into_iter().map(f64::from_bits).collect()
}

/// Requires a rejection with this slug whose text holds all of these words.
#[track_caller]
pub fn rejects(reply: &Value, slug: &str, words: &[&str]) {
    let reason = reply["rejected"].as_str().unwrap_or_else(|| panic!("no rejection: {reply}"));
    let (got, text) = reason.split_once(": ").unwrap();
    assert_eq!(got, slug, "{reason}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {reason:?}");
    }
}
