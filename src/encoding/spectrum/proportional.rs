//! Proportional RoPE: only the fastest share of the pairs turns (Gemma 4; Barbero et al. 2024).

use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Key, Kind, Range};
use crate::request::Reject;

/// `proportional`. θᵢ = base^(−2i/D) / factor for i < ⌊p·D/2⌋, 0 for the other pairs of the
/// whole head.
///
/// Source: Transformers, Gemma 4; the idea is p-RoPE (Barbero et al. 2024, §6).
///
/// Surprises: unlike partial rotary, the exponent's denominator is head_dim and the pairs span
/// the head, so with the half layout the rotated coordinates are not one slice. The count is
/// ⌊RN64(p·D)/2⌋ with one IEEE product.
#[derive(Debug)]
pub struct Proportional;

impl Scheme for Proportional {
    fn rope_type(&self) -> &'static str {
        "proportional"
    }

    fn summary(&self) -> &'static str {
        "the fastest share of the pairs turns, the others have frequency 0; Gemma 4"
    }

    fn keys(&self) -> &'static [Key] {
        const KEYS: [Key; 2] = [
            Key {
                name: "partial_rotary_factor",
                kind: Kind::Number(Range::Proper),
                absent: Absent::Number(1.0),
                meaning: "the share p of the pairs that turn",
            },
            Key {
                name: "factor",
                kind: Kind::Number(Range::Positive),
                absent: Absent::Number(1.0),
                meaning: "divides the frequencies",
            },
        ];
        &KEYS
    }

    fn slices(&self) -> bool {
        false
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let share = parameters.config.number("partial_rotary_factor").unwrap_or(1.0);
        let turning = (share * parameters.rotary_dim as f64 / 2.0).floor() as usize;
        let factor = parameters.exact("factor");
        let mut frequencies: Vec<Expression> =
            parameters.inv_freq().iter().take(turning).map(|theta| theta / &factor).collect();
        frequencies.resize(parameters.pairs(), Expression::integer(0));
        Ok(Spectrum::plain(frequencies))
    }
}
