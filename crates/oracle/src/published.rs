//! The formulas of the rotary schemes as their sources print them, one function each.
//!
//! They are kept apart from those in `encoding::spectrum` on purpose, and written in the form of
//! another source where there are several. A scheme that is missing here is answered with
//! [`SecondError::Unsupported`]; to add one is one function and one line of the table below.

mod axes;
mod bands;
mod longrope;
mod plain;
mod yarn;

use super::SecondError;
use super::radical::Radical;
use super::spectrum::{Parameters, Spectrum};

type Published = for<'a> fn(Parameters<'a>) -> Result<Spectrum<'a>, SecondError>;

/// The form of each `rope_type`.
const PUBLISHED: &[(&str, Published)] = &[
    ("default", plain::default),
    ("linear", plain::linear),
    ("none", plain::none),
    ("ntk", plain::ntk),
    ("dynamic", plain::dynamic),
    ("ntk_fixed", plain::ntk_fixed),
    ("proportional", plain::proportional),
    ("xpos", plain::xpos),
    ("yarn", yarn::yarn),
    ("ntk_by_parts", bands::ntk_by_parts),
    ("llama3", bands::llama3),
    ("longrope", longrope::longrope),
    ("axial", axes::axial),
    ("pixtral", axes::pixtral),
    ("dinov3", axes::dinov3),
    ("pixel", axes::pixel),
];

/// The spectrum of the config's `rope_type`.
pub(super) fn spectrum(parameters: Parameters) -> Result<Spectrum, SecondError> {
    let name = parameters.config.word("rope_type")?;
    match PUBLISHED.iter().find(|(known, _)| *known == name) {
        Some((_, form)) => form(parameters),
        None => Err(SecondError::Unsupported(format!("rope_type {name}"))),
    }
}

/// 1/x; the parameters that are divided by are positive.
fn over(x: &Radical) -> Result<Radical, SecondError> {
    x.inverse().ok_or_else(|| SecondError::Unsupported("a division by zero".into()))
}
