//! Scaling rules: each file says what frequencies and which magnitude one `rope_type` has.
//!
//! A new rule is one new file here and one line in [`SCHEMES`].

mod axial;
mod default;
mod dynamic;
mod linear;
mod llama3;
mod longrope;
mod ltx;
mod moonvit;
mod none;
mod ntk;
mod ntk_by_parts;
mod proportional;
mod scheme;
mod xpos;
mod yarn;

pub use scheme::{Parameters, Scheme, Spectrum, powers};

pub use axial::{Axial, Dinov3, Pixel, Pixtral};
pub use default::Default;
pub use dynamic::Dynamic;
pub use linear::Linear;
pub use llama3::Llama3;
pub use longrope::LongRope;
pub use ltx::Ltx;
pub use moonvit::MoonVit;
pub use none::Unturned;
pub use ntk::{Ntk, NtkFixed};
pub use ntk_by_parts::NtkByParts;
pub use proportional::Proportional;
pub use xpos::XPos;
pub use yarn::Yarn;

use crate::request::{Reject, Slug, did_you_mean};

/// The rules that the crate brings, in the order of the documentation.
pub const SCHEMES: &[&dyn Scheme] = &[
    &Default,
    &Linear,
    &Ntk,
    &Dynamic,
    &NtkFixed,
    &NtkByParts,
    &Yarn,
    &LongRope,
    &Llama3,
    &Proportional,
    &XPos,
    &Axial,
    &Pixtral,
    &MoonVit,
    &Dinov3,
    &Pixel,
    &Ltx,
    &Unturned,
];

/// The scheme of this name.
///
/// # Errors
/// `unknown_rope_type`.
pub fn find<'a>(schemes: &[&'a dyn Scheme], rope_type: &str) -> Result<&'a dyn Scheme, Reject> {
    schemes.iter().copied().find(|scheme| scheme.rope_type() == rope_type).ok_or_else(|| {
        let names: Vec<&str> = schemes.iter().map(|scheme| scheme.rope_type()).collect();
        Slug::UnknownRopeType.because(format!(
            "rope_type is {rope_type:?}, allowed are {}{}",
            names.join(", "),
            did_you_mean(rope_type, names.iter().copied())
        ))
    })
}
