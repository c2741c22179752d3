//! What is read off the weights of an attention kernel, and how numbers in it are written.

use crate::audit::finding::Diagnosis;
use crate::number::Dtype;
use crate::request::Object;

/// Something that was read off the weights, beside what the config says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The config's key, or what else it is: `scale`, `causal`, `window`, `alibi`, `rope` …
    pub what: String,
    /// What the config says, in words.
    pub declared: String,
    /// What the weights say, in words.
    pub computed: String,
    /// Whether they differ by more than the format and a rounding of the weights explain.
    pub differs: bool,
}

/// What was found out about an attention kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentifiedAttention {
    /// Its name and version.
    pub kernel: String,
    /// The config that it was asked with, normalised.
    pub declared: Object,
    /// Format of everything that was asked.
    pub dtype: Dtype,
    /// Whether every answer lies within the bounds of a right kernel of the declared config.
    pub conforms: bool,
    /// Everything that was read; where the kernel conforms, nothing differs.
    pub readings: Vec<Reading>,
    /// What was not asked, and why.
    pub not_asked: Vec<String>,
    /// Known faults that explain what is different, best first.
    pub diagnoses: Vec<Diagnosis>,
    /// What could not be found out or explained, in words.
    pub unknown: Vec<String>,
    /// What was found beside all that.
    pub remarks: Vec<String>,
}

/// A number as a person reads it.
pub(super) fn said(x: f64) -> String {
    // Nothing that is told from 0 in a weight.
    let x = if x.abs() < 1e-6 { 0.0 } else { x };
    let rounded: f64 = format!("{x:.4e}").parse().unwrap_or(x);
    match rounded == libm::trunc(rounded) && rounded.abs() < 1e9 {
        true => format!("{}", rounded as i64),
        false => format!("{rounded}"),
    }
}

/// Numbers, the first of them if they are many.
pub(super) fn list(numbers: &[f64]) -> String {
    let shown: Vec<String> = numbers.iter().take(8).map(|&x| said(x)).collect();
    let more = if numbers.len() > 8 { format!(" … ({})", numbers.len()) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
