//! θᵢ = base^(−2i/r): RoFormer (Su et al. 2021), §3.2.2.

use super::{Parameters, Scheme, Spectrum};
use crate::encoding::key::Key;
use crate::request::Reject;

/// `default`. θ₀ = 1 for every base; the last frequency is base^(−(r−2)/r), never 1/base.
///
/// Surprise: the denominator of the exponent is rotary_dim, not head_dim, and the formula counts
/// from 0 although the paper's Θ counts from 1.
#[derive(Debug)]
pub struct Default;

impl Scheme for Default {
    fn rope_type(&self) -> &'static str {
        "default"
    }

    fn summary(&self) -> &'static str {
        "base^(-2i/r); RoFormer (Su et al. 2021)"
    }

    fn keys(&self) -> &'static [Key] {
        &[]
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        Ok(Spectrum::plain(parameters.inv_freq()))
    }
}
