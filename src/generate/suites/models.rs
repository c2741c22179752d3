//! `inv_freq` of every released model, keyed by its config.json as published.

use crate::encoding::{Model, RopeConfig, models};
use crate::generate::plan::{FilePlan, Input};
use crate::number::Dtype;
use crate::request::Operation;

pub(super) fn files() -> Vec<FilePlan> {
    Dtype::FLOATS.into_iter().map(file).collect()
}

/// A slug: letters, digits and hyphens.
fn slug(name: &str) -> String {
    name.replace(['.', '_'], "-")
}

fn file(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("inv_freq/models-{dtype}.json"), Operation::InvFreq);
    let rotary = || models().iter().filter(|model| model.encoding == "rotary");
    if let Some(model) = rotary().find(|model| model.name == "llama-2-7b") {
        file.group("basic", model.config.clone(), dtype).test(
            "default",
            "Llama 2: 64 pairs, base 10000",
            &["basic"],
            Input::new(),
        );
    }
    for model in rotary() {
        match model.layer_types.as_slice() {
            [] => ask(&mut file, model, None, dtype),
            list => list.iter().for_each(|layer| ask(&mut file, model, Some(layer), dtype)),
        }
    }
    file
}

fn ask(file: &mut FilePlan, model: &Model, layer: Option<&str>, dtype: Dtype) {
    let config = model.config_of(layer);
    let Ok(checked) = RopeConfig::new(&config) else { return };
    let (name, what) = match layer {
        Some(layer) => (
            format!("{}-{}", slug(&model.name), slug(layer)),
            format!("{}, {layer} layers", model.name),
        ),
        None => (slug(&model.name), model.name.clone()),
    };
    let group = file.group(name, config, dtype);
    let flags = flags(&checked);
    for length in lengths(&checked) {
        match length {
            None => group.test("frequencies", what.clone(), &flags, Input::new()),
            Some(n) => group.test(
                format!("length-{n}"),
                format!("{what}, {n} tokens in all"),
                &flags,
                Input::new().with("seq_len", n),
            ),
        };
    }
}

/// None, or total lengths around the one that the model was trained on.
fn lengths(config: &RopeConfig) -> Vec<Option<i64>> {
    if !config.scheme().needs_seq_len() {
        return vec![None];
    }
    let given = |key: &str| config.normalised().get(key).and_then(|json| json.number());
    let original = given("original_max_position_embeddings")
        .or_else(|| given("max_position_embeddings"))
        .unwrap_or_default() as i64;
    [original - 1, original, original + 1, 2 * original].map(Some).to_vec()
}

/// What a failure is evidence for.
fn flags(config: &RopeConfig) -> Vec<&'static str> {
    let mut flags = vec!["model-config", "spectrum", "history", "exponent", "slice"];
    flags.extend(match config.scheme().rope_type() {
        "linear" => &["linear"][..],
        "yarn" | "ntk_by_parts" => &["yarn", "magnitude"],
        "longrope" => &["longrope", "magnitude"],
        "llama3" => &["llama3"],
        "proportional" => &["proportional"],
        "dynamic" => &["dynamic"],
        "ntk" | "ntk_fixed" => &["ntk"],
        "axial" | "pixtral" | "moonvit" | "dinov3" | "pixel" | "ltx" => &["grid-axes"],
        "none" => &["no-rotation"],
        _ => &[],
    });
    if config.axes() > 1 && !flags.contains(&"grid-axes") {
        flags.push("axes");
    }
    let width = config.normalised().get("rotary_dim").and_then(|json| json.number());
    if width.is_some_and(|width| width != config.head_dim() as f64) {
        flags.push("partial");
    }
    flags
}
