//! Configs as people have them.

use crate::failure::{rejected, value};
use pyo3::prelude::*;
use ropewalk::encoding::RopeConfig;
use ropewalk::generate::fresh::Own;
use ropewalk::request::{Json, Object};
use ropewalk_cli::Given;
use std::path::Path;

/// A normalised config, read back.
pub fn object(json: &str) -> PyResult<Object> {
    serde_json::from_str(json).map_err(|e| value(format!("config: no JSON object: {e}")))
}

/// Finds a config, checks every rule and fills in every default. `kind` is json, file or model.
/// Gives JSON: `config`, `head_dim`, `axes`, `needs_seq_len`, `heads` (of queries and of keys), `words`
/// (the options with which the program means the same).
#[pyfunction]
#[pyo3(signature = (kind, what, layout=None, layer_type=None))]
pub fn resolve(
    kind: &str,
    what: &str,
    layout: Option<&str>,
    layer_type: Option<&str>,
) -> PyResult<String> {
    let given = || match kind {
        "json" => Given::Json(what),
        "file" => Given::File(Path::new(what)),
        _ => Given::Model(what),
    };
    let config = ropewalk_cli::config(given(), layout, layer_type).map_err(value)?;
    let checked = RopeConfig::new(&config).map_err(rejected)?;
    let mut found = Object::default();
    found.set("config", Json::Object(checked.normalised().clone()));
    found.set("head_dim", Json::from(checked.head_dim()));
    found.set("axes", Json::from(checked.axes()));
    found.set("needs_seq_len", Json::Bool(checked.scheme().needs_seq_len()));
    let heads = Own::new(&config).map_err(rejected)?.heads;
    found.set("heads", Json::Array(heads.iter().map(|&n| Json::from(n)).collect()));
    let words = ropewalk_cli::config_words(given(), layout, layer_type);
    found.set("words", Json::from(words.as_str()));
    serde_json::to_string(&Json::Object(found)).map_err(value)
}

/// The pairs of coordinates that a config turns, real part first, plane by plane; their axes.
#[pyfunction]
#[pyo3(signature = (config, seq_len=None))]
pub fn planes(config: &str, seq_len: Option<i64>) -> PyResult<Vec<(usize, usize, usize)>> {
    let config = object(config)?;
    let rope = RopeConfig::new(&config).and_then(|checked| checked.rope(seq_len));
    let rope = rope.map_err(rejected)?;
    Ok(rope.planes.iter().map(|plane| (plane.pair.re, plane.pair.im, plane.axis)).collect())
}
