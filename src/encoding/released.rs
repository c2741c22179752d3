//! Released models and their configs: one data file each, none requiring code.

use super::model;
use crate::request::{Json, Object};
use std::sync::LazyLock;

/// A released model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// How it is called here: lower case, `vectors/models/NAME.json`.
    pub name: String,
    /// Where its config is published, and where the numbers were read.
    pub source: String,
    /// How sure that is: `V` read in the library or publisher's own text, `T` in a third party's,
    /// `U` from memory.
    pub mark: String,
    /// `rotary`, `alibi` or `t5`.
    pub encoding: String,
    /// The layer types to ask for, one rope each; empty if one rope serves all layers.
    pub layer_types: Vec<String>,
    /// The config, flat or in the model form, as a request takes it (with a `layer_type` for one
    /// of [`Model::layer_types`], if there are any).
    pub config: Object,
    /// What surprises about it; may be empty.
    pub notes: String,
}

impl Model {
    fn parse(text: &str) -> Option<Model> {
        let file: Object = serde_json::from_str(text).ok()?;
        let word = |key: &str| match file.get(key) {
            Some(Json::String(word)) => Some(word.clone()),
            _ => None,
        };
        let Some(Json::Object(config)) = file.get("config") else { return None };
        let layer_types = match file.get("layer_types") {
            Some(Json::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Json::String(name) => Some(name.clone()),
                    _ => None,
                })
                .collect::<Option<_>>()?,
            _ => Vec::new(),
        };
        Some(Model {
            name: word("name")?,
            source: word("source")?,
            mark: word("mark")?,
            encoding: word("encoding").unwrap_or_else(|| "rotary".to_string()),
            layer_types,
            config: config.clone(),
            notes: word("notes").unwrap_or_default(),
        })
    }

    /// The config for a request, with a layer type where the model has several.
    pub fn config_of(&self, layer_type: Option<&str>) -> Object {
        let mut config = self.config.clone();
        if let Some(name) = layer_type {
            config.set("layer_type", Json::from(name));
        }
        config
    }

    /// Whether the layers differ, so that a request must name one of [`Model::layer_types`].
    pub fn needs_layer_type(&self) -> bool {
        match self.config.get("model") {
            Some(Json::Object(file)) => !model::layer_types(file).is_empty(),
            _ => false,
        }
    }
}

macro_rules! model {
    ($name:literal) => {
        ($name, include_str!(concat!("../../vectors/models/", $name, ".json")))
    };
}

/// Name and text of every file in `vectors/models`, by name.
const FILES: &[(&str, &str)] = &[
    model!("apertus-8b"),
    model!("bloom-560m"),
    model!("code-llama-7b"),
    model!("codegen-2b-mono"),
    model!("command-r7b"),
    model!("deepseek-v2-lite"),
    model!("deepseek-v3"),
    model!("dinov3-vitb16"),
    model!("esm2-650m"),
    model!("falcon-7b"),
    model!("falcon3-7b"),
    model!("flux.1-dev"),
    model!("gemma-2-27b"),
    model!("gemma-3-1b"),
    model!("gemma-3-27b"),
    model!("gemma-3-4b"),
    model!("gemma-3n-e4b"),
    model!("gemma-4-31b"),
    model!("gemma-4-e2b"),
    model!("gemma-4-vision"),
    model!("gemma-7b"),
    model!("glm-4-9b"),
    model!("glm-4.5"),
    model!("gpt-j-6b"),
    model!("gpt-neox-20b"),
    model!("gpt-oss-20b"),
    model!("hunyuan-7b"),
    model!("hunyuanvideo"),
    model!("kimi-k2"),
    model!("kimi-k2-0905"),
    model!("llama-2-7b"),
    model!("llama-3-8b"),
    model!("llama-3.1-405b"),
    model!("llama-3.1-8b"),
    model!("llama-3.2-1b"),
    model!("llama-3.2-3b"),
    model!("llama-3.3-70b"),
    model!("llama-4-maverick"),
    model!("llama-4-scout"),
    model!("llama-4-vision"),
    model!("longcat-flash"),
    model!("mimo-v2-flash"),
    model!("minimax-m2"),
    model!("ministral-3"),
    model!("mistral-7b-v0.1"),
    model!("mistral-7b-v0.3"),
    model!("mixtral-8x7b"),
    model!("modernbert-base"),
    model!("mpt-7b"),
    model!("olmo-2-7b"),
    model!("olmo-3-7b"),
    model!("phi-1.5"),
    model!("phi-2"),
    model!("phi-3-mini-128k"),
    model!("phi-3-mini-4k"),
    model!("phi-3.5-mini"),
    model!("phi-4"),
    model!("pixtral-12b-vision"),
    model!("pythia-1.4b"),
    model!("qwen2-vl-7b"),
    model!("qwen2-vl-vision"),
    model!("qwen2.5-7b"),
    model!("qwen2.5-7b-1m"),
    model!("qwen2.5-7b-yarn"),
    model!("qwen2.5-math-7b"),
    model!("qwen2.5-vl-7b"),
    model!("qwen3-30b-a3b-2507"),
    model!("qwen3-8b"),
    model!("qwen3-coder-480b"),
    model!("qwen3-next-80b"),
    model!("qwen3-omni-30b"),
    model!("qwen3-vl-4b"),
    model!("qwen3.5-35b-a3b"),
    model!("roformer-base"),
    model!("smollm2-135m"),
    model!("smollm3-3b"),
    model!("stablelm-3b-4e1t"),
    model!("t5-small"),
    model!("tiny-llama-1.1b"),
    model!("wan2.1-t2v-14b"),
];

static MODELS: LazyLock<Vec<Model>> =
    LazyLock::new(|| FILES.iter().filter_map(|(_, text)| Model::parse(text)).collect());

/// All released models that are known here, by name.
///
/// ```
/// let models = ropewalk::encoding::models();
/// let scout = models.iter().find(|model| model.name == "llama-4-scout").unwrap();
/// assert_eq!(scout.layer_types, ["chunked_attention", "no_rope"]);
/// ```
pub fn models() -> &'static [Model] {
    &MODELS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_bears_its_name() {
        let names: Vec<&str> = models().iter().map(|model| model.name.as_str()).collect();
        let files: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
    }
}
