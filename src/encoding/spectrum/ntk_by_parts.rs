//! NTK-by-parts as the YaRN paper defines it: a ramp over the number of turns.

use super::linear::FACTOR;
use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, Range, invalid};
use crate::request::Reject;

/// `ntk_by_parts`. θᵢ = (1 − γ)·ω/s + γ·ω with ω = base^(−2i/r), γ = clamp((t − α)/(β − α), 0, 1)
/// and t = L₀·ω/2π, the turns in the original window. α is `beta_slow`, β is `beta_fast`.
///
/// Source: YaRN (Peng et al. 2023), §3.2. Surprise: no library computes this; what they call YaRN
/// ramps over the pair index ([`super::Yarn`]), and the two differ by up to 0.4 in γ.
#[derive(Debug)]
pub struct NtkByParts;

impl Scheme for NtkByParts {
    fn rope_type(&self) -> &'static str {
        "ntk_by_parts"
    }

    fn summary(&self) -> &'static str {
        "a ramp over the turns in L0; YaRN's paper (Peng et al. 2023, section 3.2)"
    }

    fn keys(&self) -> &'static [Key] {
        const fn number(name: &'static str, absent: Absent, meaning: &'static str) -> Key {
            Key { name, kind: Kind::Number(Range::Positive), absent, meaning }
        }
        const KEYS: [Key; 5] = [
            FACTOR,
            number("original_max_position_embeddings", Absent::Required, "the length L₀"),
            number("beta_fast", Absent::Number(32.0), "turns in L₀ from which a pair stays"),
            number("beta_slow", Absent::Number(1.0), "turns in L₀ up to which it is divided"),
            number("attention_factor", Absent::Number(1.0), "the magnitude"),
        ];
        &KEYS
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        match (config.number("beta_fast"), config.number("beta_slow")) {
            (Some(fast), Some(slow)) if fast <= slow => {
                Err(invalid("beta_fast", fast, format!("more than beta_slow, {slow}")))
            }
            _ => Ok(()),
        }
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let (zero, one) = (Expression::integer(0), Expression::integer(1));
        let [factor, original, fast, slow] =
            ["factor", "original_max_position_embeddings", "beta_fast", "beta_slow"]
                .map(|key| parameters.exact(key));
        let blend = |theta: &Expression| {
            if parameters.is_unstretched() {
                return theta.clone();
            }
            let turns = &original * theta / (Expression::integer(2) * Expression::pi());
            let share = ((turns - &slow) / (&fast - &slow)).max(&zero).min(&one);
            theta * ((&one - &share) / &factor + &share)
        };
        let frequencies = parameters.inv_freq().iter().map(blend).collect();
        let magnitude = parameters.exact("attention_factor");
        Ok(Spectrum { magnitude, ..Spectrum::plain(frequencies) })
    }
}
