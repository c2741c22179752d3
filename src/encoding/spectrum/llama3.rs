//! Llama 3.1's three bands (Meta's `apply_scaling`).

use super::linear::FACTOR;
use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, Range, invalid};
use crate::request::Reject;

/// `llama3`. With λ = 2π/θ: short waves (λ < L₀/high) stay, long ones (λ > L₀/low) are divided
/// by the factor, those between are blended in the number of waves that fit into L₀.
///
/// Source: Meta's Llama 3.1 reference code; Transformers, `_compute_llama3_parameters`.
///
/// Surprises: the blend is on frequencies, not wavelengths; low = high, which Llama 4 Scout
/// ships, makes two bands, and a wave of exactly L₀ (which π forbids) would be 0/0.
#[derive(Debug)]
pub struct Llama3;

const fn required(name: &'static str, meaning: &'static str) -> Key {
    Key { name, kind: Kind::Number(Range::Positive), absent: Absent::Required, meaning }
}

impl Scheme for Llama3 {
    fn rope_type(&self) -> &'static str {
        "llama3"
    }

    fn summary(&self) -> &'static str {
        "three bands by wavelength; Llama 3.1 (Meta)"
    }

    fn keys(&self) -> &'static [Key] {
        const KEYS: [Key; 4] = [
            FACTOR,
            required("low_freq_factor", "waves longer than L₀ over this are divided"),
            required("high_freq_factor", "waves shorter than L₀ over this stay"),
            required("original_max_position_embeddings", "the length L₀ of the training"),
        ];
        &KEYS
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        match (config.number("low_freq_factor"), config.number("high_freq_factor")) {
            (Some(low), Some(high)) if low > high => {
                Err(invalid("low_freq_factor", low, format!("at most high_freq_factor, {high}")))
            }
            _ => Ok(()),
        }
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let [factor, low, high, original] =
            ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]
                .map(|key| parameters.exact(key));
        let two_pi = Expression::integer(2) * Expression::pi();
        let scale = |theta: &Expression| {
            if parameters.is_unstretched() {
                return theta.clone();
            }
            let wavelength = &two_pi / theta;
            let long = theta / &factor;
            let share = (&original / &wavelength - &low) / (&high - &low);
            let blend = (Expression::integer(1) - &share) * &long + &share * theta;
            let rest = (&original / &low).select_below(&wavelength, &long, &blend);
            wavelength.select_below(&(&original / &high), theta, &rest)
        };
        Ok(Spectrum::plain(parameters.inv_freq().iter().map(scale).collect()))
    }
}
