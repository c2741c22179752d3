//! What a config says of its rule.

use crate::fault::edit::{number, word};
use crate::request::Object;

/// Whether the config has this rule.
pub(super) fn is(config: &Object, rope_type: &str) -> Option<()> {
    (word(config, "rope_type")? == rope_type).then_some(())
}

/// The length that a rule was trained on.
pub(super) fn original(config: &Object) -> Option<f64> {
    number(config, "original_max_position_embeddings")
        .or_else(|| number(config, "max_position_embeddings"))
}
