//! Dynamic NTK: the base grows with the length of the sequence.

use super::linear::FACTOR;
use super::ntk::{check_width, stretched};
use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::{Absent, Checked, Key, Kind, Range};
use crate::request::{Reject, Slug};

/// `dynamic`. base′ = base · (s·L/L₀ − (s − 1))^(r/(r−2)) with L = max(seq_len, L₀), and
/// θᵢ = base′^(−2i/r).
///
/// Source: Hugging Face Transformers, `_compute_dynamic_ntk_parameters`; the exponent r/(r−2)
/// leaves the last frequency divided by exactly the bracket.
///
/// Surprises: at or below L₀ nothing changes; libraries keep the base of the longest sequence
/// they have seen and of the longest row of a batch, so their answers depend on history. Here
/// the length is an input.
#[derive(Debug)]
pub struct Dynamic;

pub(super) const ORIGINAL: Key = Key {
    name: "original_max_position_embeddings",
    kind: Kind::Number(Range::Positive),
    absent: Absent::Optional,
    meaning: "the length L₀ that the model was trained on",
};

impl Scheme for Dynamic {
    fn rope_type(&self) -> &'static str {
        "dynamic"
    }

    fn summary(&self) -> &'static str {
        "base grows with seq_len beyond the original length; dynamic NTK (Transformers)"
    }

    fn keys(&self) -> &'static [Key] {
        const KEYS: [Key; 2] = [FACTOR, Key { absent: Absent::Optional, ..ORIGINAL }];
        &KEYS
    }

    fn needs_seq_len(&self) -> bool {
        true
    }

    fn check(&self, config: &mut Checked) -> Result<(), Reject> {
        check_width(config, "dynamic")?;
        if !config.has("original_max_position_embeddings") && !config.has("max_position_embeddings")
        {
            return Err(Slug::MissingKey.because(
                "dynamic needs original_max_position_embeddings or max_position_embeddings",
            ));
        }
        Ok(())
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        let original = match parameters.config.has("original_max_position_embeddings") {
            true => parameters.exact("original_max_position_embeddings"),
            false => parameters.exact("max_position_embeddings"),
        };
        let length = Expression::integer(parameters.seq_len.unwrap_or(1)).max(&original);
        let factor = parameters.exact("factor");
        let stretch = &factor * &length / &original - (&factor - Expression::integer(1));
        Ok(Spectrum::plain(stretched(parameters, &stretch)))
    }
}
