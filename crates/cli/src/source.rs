//! Where a verb's config comes from: a file, a released model, or standard input.

use super::{CliError, stdin};
use ropewalk::encoding::model::{self, PositionEncoding};
use ropewalk::encoding::{Layout, Model, models};
use ropewalk::generate::{FilePlan, plans_for};
use ropewalk::request::{Json, Object, nearest};
use std::path::{Path, PathBuf};

/// The options that name a config.
#[derive(Clone, Debug, Default, clap::Args)]
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
    /// Which part, where a config.json describes towers beside the text model: text, vision, audio
    #[arg(long, value_name = "PART")]
    part: Option<String>,
}

impl Source {
    /// Whether any option names a config.
    pub fn is_given(&self) -> bool {
        self.config.is_some() || self.model.is_some()
    }

    /// The tests of a config of the caller's.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn plans(&self, config: &Object) -> Result<Vec<FilePlan>, CliError> {
        let refused = |reject| CliError::Usage(format!("{}: {reject}", self.name()));
        plans_for(config).map_err(refused)
    }

    /// The options as they were given, for a command that means the same config; nothing if none
    /// was.
    pub fn words(&self) -> String {
        let config = self.config.as_ref().map(|path| path.display().to_string());
        let given = [
            ("--model", self.model.clone()),
            ("--config", config),
            ("--layout", self.layout.clone()),
            ("--layer-type", self.layer_type.clone()),
        ];
        let quoted = |word: String| match word.contains(|c: char| c.is_whitespace() || c == '\'') {
            true => format!("'{}'", word.replace('\'', "'\\''")),
            false => word,
        };
        let said = given.into_iter().filter_map(|(option, word)| Some((option, word?)));
        said.map(|(option, word)| format!("{option} {} ", quoted(word))).collect()
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
        Ok(self.completed(match &self.model {
            Some(name) => find(name)?.config.clone(),
            None => form(self.read()?),
        }))
    }

    fn completed(&self, mut config: Object) -> Object {
        if let Some(layout) = &self.layout {
            config.set("layout", Json::from(layout.as_str()));
        }
        if let Some(layer_type) = &self.layer_type {
            config.set("layer_type", Json::from(layer_type.as_str()));
        }
        if let Some(part) = &self.part {
            config.set("part", Json::from(part.as_str()));
            // A tower has a layout of its own.
            if let (None, Some(Json::Object(file))) = (&self.layout, config.get("model")) {
                let layout = model::tower_layout(file, self.part.as_deref().unwrap_or("text"));
                config.set("layout", Json::from(layout.name()));
            }
        }
        config
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
            Some(path) => stdin::file(path)?,
            None => stdin::piped("--model or --config")?,
        };
        parsed(&self.name(), &text)
    }
}

/// What names a config at other doors than the command line.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// A config, flat or in the model form, or a config.json, as JSON.
    Json(&'a str),
    /// A file with one of these.
    File(&'a Path),
    /// A released model.
    Model(&'a str),
}

/// The config that is named, its rules still unchecked; as `--config` or `--model` with `--layout`
/// and `--layer-type`.
///
/// # Errors
/// As the verbs have them: no JSON object, a file that cannot be read, an unknown model.
pub fn config(
    given: Given,
    layout: Option<&str>,
    layer_type: Option<&str>,
) -> Result<Object, CliError> {
    let (layout, layer_type) = (layout.map(String::from), layer_type.map(String::from));
    let mut source = Source { layout, layer_type, ..Source::default() };
    match given {
        Given::Model(name) => source.model = Some(name.to_string()),
        Given::File(path) => source.config = Some(path.to_path_buf()),
        Given::Json(text) => return Ok(source.completed(form(parsed("config", text)?))),
    }
    source.object()
}

fn parsed(name: &str, text: &str) -> Result<Object, CliError> {
    let usage = |why: String| CliError::Usage(format!("{name}: {why}"));
    let json: Json =
        serde_json::from_str(text).map_err(|error| usage(format!("no JSON: {error}")))?;
    if let Some(path) = json.duplicate_key() {
        return Err(usage(format!("key {path} stands twice")));
    }
    match json {
        Json::Object(object) => Ok(object),
        other => Err(usage(format!("a config is an object, not {}", other.kind()))),
    }
}

/// Tells a config.json from the contract's own forms, which say the layout or have no rope.
fn form(object: Object) -> Object {
    let own = ["model", "layout", "slopes", "num_buckets", "dim", "offset"];
    if own.iter().any(|key| object.get(key).is_some()) {
        return object;
    }
    let layout: Layout = model::usual_layout(&object);
    let is_additive = matches!(
        model::position_encoding(&object),
        Ok(PositionEncoding::Alibi | PositionEncoding::T5)
    );
    let mut config = Object::default();
    config.set("model", Json::Object(object));
    // What is added to the scores has no layout.
    if !is_additive {
        config.set("layout", Json::from(layout.name()));
    }
    config
}

/// A released model, by its name here, or by the one that its publisher gives it, in any case.
fn find(name: &str) -> Result<&'static Model, CliError> {
    let same = |model: &&Model| {
        model.name.eq_ignore_ascii_case(name)
            || hub(model).is_some_and(|id| id.eq_ignore_ascii_case(name))
    };
    models().iter().find(same).ok_or_else(|| {
        // An organisation says little; what the model is called says all.
        let bare = name.rsplit('/').next().unwrap_or(name);
        let like = nearest(bare, models().iter().map(|model| model.name.as_str()));
        let known = match like.is_empty() {
            true => format!("`ropewalk list models` lists all {}", models().len()),
            false => format!("similar are {}", like[..like.len().min(5)].join(", ")),
        };
        CliError::Usage(format!(
            "no model is called {name:?}; {known}; --config takes its config.json"
        ))
    })
}

/// The id on Hugging Face's hub, `organisation/name`, if the source is one.
fn hub(model: &Model) -> Option<&str> {
    let id = model.source.split(';').next()?;
    // What follows a comma says which part or variant of it is meant.
    (id.split('/').count() == 2 && !id.contains([',', ' '])).then_some(id)
}
