//! From the inside of `rope_scaling` or `rope_parameters` to flat keys.

use super::aliases::{IGNORED_INSIDE, LENGTH, ORIGINAL, TYPES, UNREAD_BESIDE_ALPHA};
use super::axial;
use super::dealt;
use super::layer::Layer;
use super::levels::{Levels, present, same};
use crate::encoding::is_known_key;
use crate::encoding::key::invalid;
use crate::encoding::spectrum::{SCHEMES, Scheme};
use crate::request::{Json, Object, Reject, Slug, did_you_mean};

/// Keys inside that other files of this folder read.
const ELSEWHERE: [&str; 5] =
    ["type", "rope_type", "rope_theta", "partial_rotary_factor", "max_position_embeddings"];

fn named(layer: &Layer, key: &str) -> Result<Option<String>, Reject> {
    match present(&layer.scaling, key) {
        None => Ok(None),
        Some(Json::String(name)) => Ok(Some(name.clone())),
        Some(other) => Err(invalid(&format!("{}.{key}", layer.source), other, "a string")),
    }
}

/// The flat `rope_type` of a layer.
///
/// # Errors
/// `unknown_rope_type`; `invalid_value` if `type` and `rope_type` disagree.
pub(super) fn rope_type<'a>(
    levels: &Levels,
    layer: &Layer,
    schemes: &[&'a dyn Scheme],
) -> Result<&'a str, Reject> {
    if !layer.rotates {
        return Ok("none");
    }
    if is_axial(levels, layer) {
        return Ok(axial::rope_type(axial::arrangement(levels, layer.source)?));
    }
    let translate = |name: &str| {
        let ours = TYPES.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
        // A caller's own scheme is asked for by its own name.
        let is_own = |scheme: &&&dyn Scheme| {
            scheme.rope_type() == name && !SCHEMES.iter().any(|s| s.rope_type() == name)
        };
        ours.or_else(|| schemes.iter().find(is_own).map(|scheme| scheme.rope_type()))
    };
    let unknown = |name: &str| {
        let names: Vec<&str> = TYPES.iter().map(|(theirs, _)| *theirs).collect();
        Slug::UnknownRopeType.because(format!(
            "{}.rope_type is {name:?}, allowed are {}{}",
            layer.source,
            names.join(", "),
            did_you_mean(name, names.iter().copied())
        ))
    };
    let (new, old) = (named(layer, "rope_type")?, named(layer, "type")?);
    let name = new.clone().or(old.clone()).unwrap_or_else(|| "default".to_string());
    let found = translate(&name).ok_or_else(|| unknown(&name))?;
    if let (Some(new), Some(old)) = (new, old)
        && translate(&old) != Some(found)
    {
        let rule = format!("what rope_type beside it says too, {new}");
        return Err(invalid(&format!("{}.type", layer.source), old, rule));
    }
    let has_alpha = name == "dynamic" && present(&layer.scaling, "alpha").is_some();
    // Hunyuan writes "dynamic" and means the static rule with alpha for the factor.
    Ok(if has_alpha { "ntk" } else { found })
}

/// Whether the file, or its class, says Transformers' `axial`; for a tower `default` means the same.
fn is_axial(levels: &Levels, layer: &Layer) -> bool {
    let mut said = ["rope_type", "type"].iter().filter_map(|key| present(&layer.scaling, key));
    let is_tower = levels.class("axial").is_some();
    match said.next() {
        Some(Json::String(name)) => name == "axial" || (is_tower && name == "default"),
        Some(_) => false,
        None => is_tower,
    }
}

/// Sets the keys of the scaling rule.
///
/// # Errors
/// `unknown_key`, `unused_key`, `invalid_value`.
pub(super) fn parameters(
    levels: &Levels,
    layer: &Layer,
    scheme: &dyn Scheme,
    flat: &mut Object,
) -> Result<(), Reject> {
    if is_axial(levels, layer) {
        axial::parameters(axial::arrangement(levels, layer.source)?, flat)?;
    }
    let takes = |key: &str| scheme.keys().iter().any(|k| k.name == key);
    let has_alpha = present(&layer.scaling, "alpha").is_some();
    for (key, value) in layer.scaling.iter() {
        let path = format!("{}.{key}", layer.source);
        let skipped = has_alpha && UNREAD_BESIDE_ALPHA.contains(&key);
        if *value == Json::Null || ELSEWHERE.contains(&key) || skipped {
            continue;
        }
        let name = match (key, scheme.rope_type()) {
            (_, "yarn") if IGNORED_INSIDE.contains(&key) => continue,
            ("attn_factor", "yarn") => match value.number() {
                Some(1.0) => continue,
                _ => {
                    return Err(invalid(
                        &path,
                        value,
                        "1: libraries that know it multiply the magnitude by it, the others \
                         ignore it; write the whole magnitude as attention_factor",
                    ));
                }
            },
            ("short_mscale" | "long_mscale", "longrope") => {
                let other = ["short_mscale", "long_mscale"]
                    .iter()
                    .find_map(|name| present(&layer.scaling, name).filter(|v| !same(v, value)));
                if let Some(other) = other {
                    return Err(invalid(
                        &path,
                        value,
                        format!("as the other one, {other}: a rope has one attention_factor"),
                    ));
                }
                "attention_factor"
            }
            ("alpha", "ntk") => match value.number() {
                Some(alpha) if alpha > 0.0 => "factor",
                _ => return Err(invalid(&path, value, "a number above 0")),
            },
            ("xdrope_section", "ntk") => "mrope_section",
            ("interleaved", _) if !scheme.has_axes() => "mrope_interleaved",
            // Ernie 4.5 VL: read as [t, h, w] the sections would mean another rope.
            ("mrope_section", _) if dealt::has_order(levels) => continue,
            ("mrope_section" | "mrope_interleaved", _) if !scheme.has_axes() => key,
            _ if takes(key) => key,
            _ => {
                let (slug, has) = match is_known_key(key) || key == "alpha" {
                    true => (Slug::UnusedKey, "has no meaning"),
                    false => (Slug::UnknownKey, "is unknown"),
                };
                let shared: &[&str] = match scheme.has_axes() {
                    true => &["rope_theta", "partial_rotary_factor"],
                    false => &["rope_theta", "partial_rotary_factor", "mrope_section"],
                };
                let own = scheme.keys().iter().map(|key| key.name);
                let names: Vec<&str> = shared.iter().copied().chain(own).collect();
                return Err(slug.because(format!(
                    "key {path} (value {value}) {has} for rope_type {}, which takes {}{}",
                    scheme.rope_type(),
                    names.join(", "),
                    did_you_mean(key, names.iter().copied())
                )));
            }
        };
        agree(flat, name, value, &path)?;
    }
    if layer.rotates && !scheme.has_axes() {
        dealt::deal(levels, layer, flat)?;
    }
    if let Some((name, value)) = levels.given(ORIGINAL)?.filter(|_| takes(ORIGINAL.names[0])) {
        agree(flat, ORIGINAL.names[0], value, name)?;
    }
    if let Some((name, value)) = levels.given(LENGTH)? {
        agree(flat, LENGTH.names[0], value, name)?;
    }
    if let Some(value) = present(&layer.scaling, LENGTH.names[0]) {
        let path = format!("{}.{}", layer.source, LENGTH.names[0]);
        agree(flat, LENGTH.names[0], value, &path)?;
    }
    Ok(())
}

/// Sets a key, unless it is there with another value.
fn agree(flat: &mut Object, key: &str, value: &Json, path: &str) -> Result<(), Reject> {
    match flat.get(key) {
        Some(there) if !same(there, value) => {
            Err(invalid(path, value, format!("the {key} that the model also gives, {there}")))
        }
        Some(_) => Ok(()),
        None => {
            flat.set(key, value.clone());
            Ok(())
        }
    }
}
