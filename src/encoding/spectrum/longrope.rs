//! LongRoPE: a divisor per pair, from one of two lists (Ding et al. 2024).

use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, Range, invalid};
use crate::request::{Reject, Slug};

/// `longrope`. θᵢ = 1/(fᵢ · base^(2i/r)), f the long list if seq_len > L₀ *strictly*, else the
/// short one. Magnitude √(1 + ln s / ln L₀) for s > 1, with both lists; s = `factor` if given,
/// else `max_position_embeddings` / L₀.
///
/// Source: microsoft/LongRoPE; Transformers, `_compute_longrope_parameters`.
///
/// Surprise: "short" is not unscaled, its divisors exceed 1 in every released model.
#[derive(Debug)]
pub struct LongRope;

const LISTS: [&str; 2] = ["short_factor", "long_factor"];

impl Scheme for LongRope {
    fn rope_type(&self) -> &'static str {
        "longrope"
    }

    fn summary(&self) -> &'static str {
        "a divisor per pair, two lists; LongRoPE (Ding et al. 2024)"
    }

    fn keys(&self) -> &'static [Key] {
        const fn list(name: &'static str, meaning: &'static str) -> Key {
            Key { name, kind: Kind::Numbers(Range::Positive), absent: Absent::Required, meaning }
        }
        const fn number(name: &'static str, absent: Absent, meaning: &'static str) -> Key {
            Key { name, kind: Kind::Number(Range::Positive), absent, meaning }
        }
        const KEYS: [Key; 5] = [
            list("short_factor", "divisors up to the original length, one per pair"),
            list("long_factor", "divisors beyond it, one per pair"),
            number("original_max_position_embeddings", Absent::Required, "the length L₀, above 1"),
            number("factor", Absent::Optional, "s; default max_position_embeddings / L₀"),
            number("attention_factor", Absent::Optional, "the magnitude, instead of the formula"),
        ];
        &KEYS
    }

    fn needs_seq_len(&self) -> bool {
        true
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        let pairs = config.size("rotary_dim").unwrap_or_default() / 2;
        for name in LISTS {
            let length = config.numbers(name).map_or(0, |list| list.len());
            if length != pairs {
                return Err(invalid(
                    name,
                    format!("a list of {length}"),
                    format!("one number per pair, {pairs}"),
                ));
            }
        }
        let original = config.number("original_max_position_embeddings").unwrap_or_default();
        if original <= 1.0 {
            return Err(invalid(
                "original_max_position_embeddings",
                original,
                "a number above 1: the magnitude divides by its logarithm",
            ));
        }
        let known = ["factor", "max_position_embeddings", "attention_factor"];
        if !known.iter().any(|key| config.has(key)) {
            return Err(Slug::MissingKey.because(
                "longrope needs factor or max_position_embeddings (or an attention_factor)",
            ));
        }
        Ok(())
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let config = parameters.config;
        let original = config.number("original_max_position_embeddings").unwrap_or_default();
        let is_long = parameters.seq_len.is_some_and(|length| above(length, original));
        let divisors = config.numbers(LISTS[is_long as usize]).unwrap_or_default();
        let divide = |(theta, divisor): (&Expression, &f64)| theta / Expression::dyadic(*divisor);
        let mut spectrum =
            Spectrum::plain(parameters.inv_freq().iter().zip(&divisors).map(divide).collect());
        spectrum.magnitude = magnitude(parameters);
        Ok(spectrum)
    }
}

/// length > limit, exactly: an i64 need not be an f64.
fn above(length: i64, limit: f64) -> bool {
    // The limit is above 1; its floor fits an i128 unless it is larger than any length.
    limit < 2f64.powi(63) && length as i128 > limit.floor() as i128
}

fn magnitude(parameters: &Parameters) -> Expression {
    let one = Expression::integer(1);
    if parameters.config.has("attention_factor") {
        return parameters.exact("attention_factor");
    }
    let original = parameters.exact("original_max_position_embeddings");
    let stretch = match parameters.config.has("factor") {
        true => parameters.exact("factor"),
        false => parameters.exact("max_position_embeddings") / &original,
    };
    let grown = (&one + stretch.ln() / original.ln()).sqrt();
    one.select_below(&stretch, &grown, &one)
}
