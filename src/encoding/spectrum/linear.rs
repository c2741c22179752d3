//! Position interpolation: every frequency divided by a factor (Chen et al. 2023).

use super::{Parameters, Scheme, Spectrum};
use crate::encoding::key::{Absent, Key, Kind, Range};
use crate::request::Reject;

/// `linear`. θᵢ = base^(−2i/r) / factor.
///
/// Surprise: dividing the position instead gives the same real number and, unless the factor is
/// a power of two, other bits in f32.
#[derive(Debug)]
pub struct Linear;

pub(super) const FACTOR: Key = Key {
    name: "factor",
    kind: Kind::Number(Range::Positive),
    absent: Absent::Required,
    meaning: "by how much the context is stretched",
};

impl Scheme for Linear {
    fn rope_type(&self) -> &'static str {
        "linear"
    }

    fn summary(&self) -> &'static str {
        "base^(-2i/r) / factor; Position Interpolation (Chen et al. 2023)"
    }

    fn keys(&self) -> &'static [Key] {
        &[FACTOR]
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let factor = parameters.exact("factor");
        let divided = parameters.inv_freq().into_iter().map(|theta| theta / &factor);
        Ok(Spectrum::plain(divided.collect()))
    }
}
