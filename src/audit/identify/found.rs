//! What was found out about a kernel.

use super::machine::Precision;
use crate::audit::finding::Diagnosis;
use crate::number::Dtype;
use crate::request::Object;

/// What was found out about a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Identified {
    /// Its name and version.
    pub kernel: String,
    /// The config that it was asked with, normalised.
    pub declared: Object,
    /// Format of everything that was asked.
    pub dtype: Dtype,
    /// The config that it computes, normalised; none if no config does.
    pub config: Option<Object>,
    /// Whether that config is one of a known rule, not a list of divisors for lack of one.
    pub by_rule: bool,
    /// What is different from the declared config, in words; empty if nothing is.
    pub differences: Vec<String>,
    /// The planes: coordinates, axis, radians per position and how far off that may be.
    pub planes: Vec<FoundPlane>,
    /// Multiplies cos and sin.
    pub attention_factor: Option<f64>,
    /// Whether sums are kept; none if that could not be asked.
    pub linear: Option<bool>,
    /// Whether scores depend on distances only; none if that could not be asked.
    pub relative: Option<bool>,
    /// How it computes.
    pub precision: Precision,
    /// Known faults that explain what is different, best first.
    pub diagnoses: Vec<Diagnosis>,
    /// What could not be found out or explained, in words.
    pub unknown: Vec<String>,
    /// What was found beside all that: parts that agree, clues.
    pub remarks: Vec<String>,
}

/// A plane as it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundPlane {
    /// Coordinate of the real part.
    pub re: usize,
    /// Coordinate of the imaginary part.
    pub im: usize,
    /// Which position turns it.
    pub axis: usize,
    /// Radians per position, counter-clockwise.
    pub theta: f64,
    /// How far off that may be.
    pub error: f64,
}
