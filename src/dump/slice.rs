//! The rotated slice by itself: engines with MLA keep it apart from the rest of a head.

use crate::encoding::{Rope, RopeConfig};
use crate::request::{Json, Object};

/// The config for tensors whose last axis has `dim` numbers: whole heads, or their rotated slice.
///
/// # Errors
/// A sentence, if it is neither.
pub(super) fn config(
    checked: &RopeConfig,
    rope: &Rope,
    seq_len: Option<i64>,
    dim: usize,
) -> Result<Object, String> {
    let mut config = checked.normalised().clone();
    if dim == rope.head_dim {
        return Ok(config);
    }
    config.set("head_dim", Json::from(dim));
    config.remove("rotary_offset");
    let alone = RopeConfig::new(&config).and_then(|checked| checked.rope(seq_len));
    let turns = |rope: &Rope| -> Vec<_> {
        rope.planes.iter().map(|plane| (plane.frequency.clone(), plane.axis)).collect()
    };
    let slice = 2 * rope.planes.len();
    match alone.is_ok_and(|alone| slice == dim && turns(&alone) == turns(rope)) {
        true => Ok(config),
        false => Err(format!(
            "the last axis has length {dim}, head_dim of the config is {} and its rotated slice \
             {slice}",
            rope.head_dim
        )),
    }
}
