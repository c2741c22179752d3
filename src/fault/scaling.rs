//! D: scaling rules and their keys.

use super::Fault;
use super::edit;
use crate::request::{Json, Object};

/// The same config without its scaling rule.
pub(super) fn unscale(config: &mut Object, length: &mut Option<i64>) -> Option<()> {
    const KEEP: [&str; 7] = [
        "head_dim",
        "layout",
        "rope_theta",
        "rotary_dim",
        "rotary_offset",
        "mrope_section",
        "mrope_interleaved",
    ];
    let rule = edit::word(config, "rope_type")?;
    let plain = ["default", "none", "axial", "pixtral", "dinov3", "pixel"].contains(&rule);
    (!plain).then_some(())?;
    let kept = config.iter().filter(|(key, _)| KEEP.contains(key));
    let mut unscaled: Object = kept.map(|(key, value)| (key.to_string(), value.clone())).collect();
    unscaled.set("rope_type", Json::from("default"));
    *config = unscaled;
    *length = None;
    Some(())
}

pub(super) fn faults() -> Vec<Fault> {
    vec![]
}
