//! No rotation: the layers that models leave without position encoding.

use super::{Parameters, Scheme, Spectrum};
use crate::encoding::expression::Expression;
use crate::encoding::key::Key;
use crate::request::Reject;

/// `none`. Every frequency is 0, so every input is copied.
///
/// Source: the NoPE layers of Llama 4, SmolLM3 and Cohere 2. Surprise: in their configs
/// `no_rope_layers[i] = 1` means that layer i *has* RoPE.
#[derive(Debug)]
pub struct Unturned;

impl Scheme for Unturned {
    fn rope_type(&self) -> &'static str {
        "none"
    }

    fn summary(&self) -> &'static str {
        "no rotation; NoPE layers (Llama 4, SmolLM3, Cohere 2)"
    }

    fn keys(&self) -> &'static [Key] {
        &[]
    }

    fn spectrum(&self, parameters: &Parameters) -> Result<Spectrum, Reject> {
        Ok(Spectrum::plain(vec![Expression::integer(0); parameters.pairs()]))
    }
}
