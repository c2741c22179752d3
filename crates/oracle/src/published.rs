//! The formulas of the rotary schemes as their sources print them, one function each.
//!
//! They are kept apart from those in `encoding::spectrum` on purpose, and written in the form of
//! another source where there are several. A scheme that is missing here is answered with
//! [`SecondError::Unsupported`]; to add one is one function and one line of the table below.

mod axes;
mod bands;
mod longrope;
mod over;
mod plain;
mod yarn;

use over::over;

use super::SecondError;
use super::real::Real;
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
    ("moonvit", axes::moonvit),
    ("dinov3", axes::dinov3),
    ("pixel", axes::pixel),
    ("ltx", axes::ltx),
];

/// The spectrum of the config's `rope_type`, rational values recognised.
pub(super) fn spectrum(parameters: Parameters) -> Result<Spectrum, SecondError> {
    let name = parameters.config.word("rope_type")?;
    let form = PUBLISHED.iter().find(|(known, _)| *known == name);
    let (_, form) = form.ok_or_else(|| SecondError::Unsupported(format!("rope_type {name}")))?;
    let mut spectrum = form(parameters)?;
    spectrum.frequencies = spectrum.frequencies.into_iter().map(Real::simplified).collect();
    spectrum.attention_factor = spectrum.attention_factor.simplified();
    spectrum.softmax_factor = spectrum.softmax_factor.simplified();
    Ok(spectrum)
}
