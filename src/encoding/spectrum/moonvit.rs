//! MoonViT: columns and rows take turns, pair by pair, and share each frequency.

use super::axial::check_quarters;
use super::{Parameters, Scheme, Spectrum, powers};
use crate::encoding::key::{Checked, Key};
use crate::request::Reject;

/// `moonvit`. Pair 2j is turned by x · base^(−4j/D), pair 2j + 1 by y · base^(−4j/D).
///
/// Sources: moonshotai/MoonViT-SO-400M `modeling_moonvit.py` (`Rope2DPosEmb`, interleaved), Kimi-VL
/// and Kimi K2.5; Transformers `modeling_kimi_k25.py` (half). Axes are \[y, x\].
///
/// Surprises: x comes first, and neighbours differ in their axis, not in their frequency: Pixtral
/// deals one spectrum out to both axes, this one gives each axis the whole of a shorter one.
#[derive(Debug)]
pub struct MoonVit;

impl Scheme for MoonVit {
    fn rope_type(&self) -> &'static str {
        "moonvit"
    }

    fn summary(&self) -> &'static str {
        "columns and rows in turn, each frequency for both; MoonViT, Kimi-VL"
    }

    fn keys(&self) -> &'static [Key] {
        &[]
    }

    fn has_axes(&self) -> bool {
        true
    }

    fn axes(&self, _: &Checked) -> usize {
        2
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        check_quarters(config, "moonvit")
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let pairs = parameters.pairs();
        let each = powers(&parameters.exact("rope_theta"), pairs / 2, pairs);
        let frequencies = each.iter().flat_map(|frequency| [frequency, frequency]).cloned();
        let axes = (0..pairs).map(|pair| 1 - pair % 2).collect();
        Ok(Spectrum { axes, ..Spectrum::plain(frequencies.collect()) })
    }
}
