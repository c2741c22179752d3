//! The frequencies of the rotary schemes as Coq terms, in the form that their sources print.
//!
//! Written from the published formulas and a config's keys alone. Where a formula branches, so does
//! the definition; Coq finds out which branch is taken.

mod axes;
mod bands;
mod keys;
mod plain;
mod yarn;

use keys::powers;
pub(super) use keys::{Definition, Formula, Growth, Keys, UNKNOWN};

/// The formula of a config's `rope_type`.
pub(super) fn formula(keys: Keys) -> Result<Formula, &'static str> {
    match keys.word("rope_type").unwrap_or("default") {
        "default" => plain::default(keys),
        "linear" => plain::linear(keys),
        "none" => plain::none(keys),
        "ntk" => plain::ntk(keys),
        "dynamic" => plain::dynamic(keys),
        "ntk_fixed" => plain::ntk_fixed(keys),
        "proportional" => plain::proportional(keys),
        "longrope" => plain::longrope(keys),
        "xpos" => plain::xpos(keys),
        "llama3" => bands::llama3(keys),
        "ntk_by_parts" => bands::ntk_by_parts(keys),
        "yarn" => yarn::yarn(keys),
        "axial" => axes::axial(keys),
        "pixtral" => axes::pixtral(keys),
        "moonvit" => axes::moonvit(keys),
        "dinov3" => axes::dinov3(keys),
        "pixel" => axes::pixel(keys),
        "ltx" => axes::ltx(keys),
        _ => Err(UNKNOWN),
    }
}
