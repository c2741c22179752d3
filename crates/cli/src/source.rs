//! Where a verb's config comes from: a file, a released model, or standard input.

use super::CliError;
use ropewalk::encoding::{Layout, model, models};
use ropewalk::request::{Json, Object};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The options that name a config.
#[derive(Clone, Debug, clap::Args)]
pub struct Source {
    /// A config.json, a flat config or a {"model": …} form; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    config: Option<PathBuf>,
    /// A released model; `ropewalk list models` names them
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// interleaved or half; for a config.json, by default the one that Transformers computes its
    /// model type in
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<String>,
    /// Which layers, where a model has several ropes: full_attention, sliding_attention, no_rope …
    #[arg(long, value_name = "TYPE")]
    layer_type: Option<String>,
}

impl Source {
    /// Whether any option names a config.
    pub fn is_given(&self) -> bool {
        self.config.is_some() || self.model.is_some()
    }

    /// The layer type asked for.
    pub fn layer_type(&self) -> Option<&str> {
        self.layer_type.as_deref()
    }

    /// What to call it in a heading.
    pub fn name(&self) -> String {
        match (&self.model, &self.config) {
            (Some(name), _) => name.clone(),
            (None, Some(path)) if path != Path::new("-") => path.display().to_string(),
            _ => "standard input".to_string(),
        }
    }

    /// The config, flat or in the model form, its rules still unchecked. Without options it is
    /// read from standard input.
    ///
    /// # Errors
    /// A file that cannot be read, no JSON object, an unknown model.
    pub fn object(&self) -> Result<Object, CliError> {
        let mut config = match &self.model {
            Some(name) => find(name)?.config.clone(),
            None => form(self.read()?),
        };
        if let Some(layout) = &self.layout {
            config.set("layout", Json::from(layout.as_str()));
        }
        if let Some(layer_type) = &self.layer_type {
            config.set("layer_type", Json::from(layer_type.as_str()));
        }
        Ok(config)
    }

    /// The config with keys of `--set KEY=VALUE`, whose values are JSON or words; with such keys
    /// alone nothing is read.
    ///
    /// # Errors
    /// As [`Source::object`]; a pair without `=`.
    pub fn with(&self, set: &[String]) -> Result<Object, CliError> {
        let mut config = match self.is_given() || set.is_empty() {
            true => self.object()?,
            false => Object::default(),
        };
        for pair in set {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(CliError::Usage(format!("--set {pair}: it must be KEY=VALUE")));
            };
            config.set(key, serde_json::from_str(value).unwrap_or_else(|_| Json::from(value)));
        }
        Ok(config)
    }

    fn read(&self) -> Result<Object, CliError> {
        let text = match &self.config {
            Some(path) if path != Path::new("-") => {
                std::fs::read_to_string(path).map_err(CliError::file(path))?
            }
            _ => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(CliError::stream("standard input"))?;
                text
            }
        };
        let usage = |why: String| CliError::Usage(format!("{}: {why}", self.name()));
        let json: Json =
            serde_json::from_str(&text).map_err(|error| usage(format!("no JSON: {error}")))?;
        if let Some(path) = json.duplicate_key() {
            return Err(usage(format!("key {path} stands twice")));
        }
        match json {
            Json::Object(object) => Ok(object),
            other => Err(usage(format!("a config is an object, not {}", other.kind()))),
        }
    }
}

/// Tells a config.json from the contract's own forms, which say the layout or have no rope.
fn form(object: Object) -> Object {
    let own = ["model", "layout", "slopes", "num_buckets", "dim", "offset"];
    if own.iter().any(|key| object.get(key).is_some()) {
        return object;
    }
    let layout: Layout = model::usual_layout(&object);
    [("model".to_string(), Json::Object(object)), ("layout".to_string(), Json::from(layout.name()))]
        .into_iter()
        .collect()
}

fn find(name: &str) -> Result<&'static ropewalk::encoding::Model, CliError> {
    models().iter().find(|model| model.name == name).ok_or_else(|| {
        let stem: String = name.chars().take_while(|c| c.is_alphabetic()).collect();
        let like: Vec<&str> = models()
            .iter()
            .map(|model| model.name.as_str())
            .filter(|other| !stem.is_empty() && other.starts_with(&stem.to_lowercase()))
            .collect();
        let known = match like.is_empty() {
            true => format!("`ropewalk list models` lists all {}", models().len()),
            false => format!("similar are {}", like.join(", ")),
        };
        CliError::Usage(format!("no model is called {name:?}; {known}"))
    })
}
