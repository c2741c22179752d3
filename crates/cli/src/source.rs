//! Where a verb's config comes from: a file, a released model, or standard input.

use super::{CliError, stdin};
use ropewalk::audit::clean;
use ropewalk::encoding::model::{self, PositionEncoding};
use ropewalk::encoding::spectrum::SCHEMES;
use ropewalk::encoding::{Layout, Model, RopeConfig, models, rope_keys};
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
    /// Which part, where a config.json describes more than a text model: text, vision, audio, or the
    /// name of another config inside, as decoder or talker.code_predictor
    #[arg(long, value_name = "PART")]
    part: Option<String>,
    /// A key of the config; the value is JSON, or a word. Replaces what the file or the model says
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Source {
    /// Whether any option names a config.
    pub fn is_given(&self) -> bool {
        self.config.is_some() || self.model.is_some() || !self.set.is_empty()
    }

    /// Refuses options about a config where none is named.
    ///
    /// # Errors
    /// One that would have no effect.
    pub fn expect_named(&self) -> Result<(), CliError> {
        let about = [
            ("--layout", &self.layout),
            ("--layer-type", &self.layer_type),
            ("--part", &self.part),
        ];
        match about.into_iter().find(|(_, word)| word.is_some()) {
            Some((option, _)) if !self.is_given() => Err(CliError::Usage(format!(
                "{option} is about a config, and none is named: --model or --config does"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether keys are all there is of it.
    fn is_bare(&self) -> bool {
        self.config.is_none() && self.model.is_none() && !self.set.is_empty()
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
        let set = self.set.iter().map(|pair| ("--set", Some(pair.clone())));
        let quoted = |word: String| match word.contains(|c: char| c.is_whitespace() || c == '\'') {
            true => format!("'{}'", word.replace('\'', "'\\''")),
            false => word,
        };
        let said = given.into_iter().chain(set).filter_map(|(option, word)| Some((option, word?)));
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
            (None, Some(path)) if path != Path::new("-") => clean(&path.display().to_string()),
            _ if self.is_bare() => "--set".to_string(),
            _ => "standard input".to_string(),
        }
    }

    /// The config, flat or in the model form, its rules still unchecked. Without options it is
    /// read from standard input.
    ///
    /// # Errors
    /// A file that cannot be read, no JSON object, an unknown model, a pair without `=`.
    pub fn object(&self) -> Result<Object, CliError> {
        self.replaced(self.plain()?)
    }

    /// The same without the keys of `--set`.
    ///
    /// # Errors
    /// A file that cannot be read, no JSON object, an unknown model.
    pub fn plain(&self) -> Result<Object, CliError> {
        Ok(self.completed(match &self.model {
            Some(name) => find(name)?.config.clone(),
            None if self.is_bare() => Object::default(),
            None => form(recorded(self.read()?)),
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

    /// A config with the keys of `--set`, whose values are JSON or words: they replace what a file or
    /// a model says, once it has been read.
    ///
    /// # Errors
    /// A pair without `=`.
    pub fn replaced(&self, mut config: Object) -> Result<Object, CliError> {
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) => {
                let json = serde_json::from_str(value).unwrap_or_else(|_| Json::from(value));
                Ok((key.to_string(), json))
            }
            None => Err(CliError::Usage(format!("--set {text}: it must be KEY=VALUE"))),
        };
        let pairs = self.set.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
        if config.get("model").is_some() && !pairs.is_empty() {
            return Ok(replaced(config, &pairs));
        }
        pairs.into_iter().for_each(|(key, value)| config.set(&key, value));
        // The keys alone are a config too; it has the layout that a config.json would have.
        if self.is_bare() && config.get("head_dim").is_some() && config.get("layout").is_none() {
            config.set("layout", Json::from(model::usual_layout(&config).name()));
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

/// The options with which the program means the same config: those of [`config`], and keys of a flat one.
/// What only Python has is called `config.json`.
pub fn config_words(given: Given, layout: Option<&str>, layer_type: Option<&str>) -> String {
    let (layout, layer_type) = (layout.map(String::from), layer_type.map(String::from));
    let mut source = Source { layout, layer_type, ..Source::default() };
    match given {
        Given::Model(name) => source.model = Some(name.to_string()),
        Given::File(path) => source.config = Some(path.to_path_buf()),
        Given::Json(text) => match parsed("config", text).map(form) {
            Ok(flat) if flat.get("model").is_none() => {
                let pair = |(key, value): (&str, &Json)| match value {
                    Json::String(word) => format!("{key}={word}"),
                    other => format!("{key}={other}"),
                };
                source.set = flat.iter().map(pair).collect();
            }
            _ => source.config = Some("config.json".into()),
        },
    }
    source.words()
}

fn parsed(name: &str, text: &str) -> Result<Object, CliError> {
    let usage = |why: String| CliError::Usage(format!("{name}: {why}"));
    if text.trim().is_empty() {
        return Err(usage("it is empty; --model or --config names a config".into()));
    }
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

/// The config of a file of `vectors/models`, which says beside it where it is from.
fn recorded(object: Object) -> Object {
    match (object.get("config"), object.get("source"), object.get("mark")) {
        (Some(Json::Object(config)), Some(_), Some(_)) => config.clone(),
        _ => object,
    }
}

/// A model's config with keys replaced. What is about the model's own form is set before it is
/// translated, everything else after; a key without which it cannot be translated, before.
fn replaced(mut config: Object, pairs: &[(String, Json)]) -> Object {
    let (form, rest): (Vec<_>, Vec<_>) =
        pairs.iter().partition(|(key, _)| model::MODEL_KEYS.contains(&key.as_str()));
    form.into_iter().for_each(|(key, value)| config.set(key, value.clone()));
    let translated = |config: &Object| {
        let flat = model::flatten(config, SCHEMES).ok()?;
        // What is left out is found by the rules of the flat form only.
        RopeConfig::new(&flat).is_ok().then_some(flat)
    };
    let flat = translated(&config).or_else(|| translated(&completed(&config, &rest)));
    let Some(mut flat) = flat.or_else(|| model::flatten(&config, SCHEMES).ok()) else {
        // Whoever asked for the config finds out why.
        return config;
    };
    for (key, value) in rest {
        let drops: Vec<String> = match key.as_str() {
            "rope_type" => unread(&flat, value),
            // Both say how wide the slice is.
            "rotary_dim" => vec!["partial_rotary_factor".into()],
            "partial_rotary_factor" => vec!["rotary_dim".into()],
            "head_dim" if flat.get("rotary_dim") == flat.get("head_dim") => {
                vec!["rotary_dim".into()]
            }
            _ => vec![],
        };
        drops.iter().for_each(|key| drop(flat.remove(key)));
        flat.set(key, value.clone());
    }
    flat
}

/// The keys of a config that another rope type would not read.
fn unread(flat: &Object, rope_type: &Json) -> Vec<String> {
    let Some(scheme) = SCHEMES.iter().find(|s| Json::from(s.rope_type()) == *rope_type) else {
        return vec![];
    };
    let read = [rope_keys(*scheme), scheme.keys().to_vec()].concat();
    let keys = flat.iter().map(|(key, _)| key);
    keys.filter(|key| read.iter().all(|known| known.name != *key)).map(str::to_string).collect()
}

/// A model's config with keys put where its config.json would have them.
fn completed(config: &Object, pairs: &[&(String, Json)]) -> Object {
    let mut config = config.clone();
    let Some(Json::Object(model)) = config.get("model") else { return config };
    let mut model = model.clone();
    let scaling =
        ["rope_parameters", "rope_scaling"].into_iter().find_map(|name| match model.get(name) {
            Some(Json::Object(scaling)) => Some((name, scaling.clone())),
            _ => None,
        });
    match scaling {
        Some((name, mut scaling)) => {
            for (key, value) in pairs {
                match ["head_dim", "rope_theta"].contains(&key.as_str()) {
                    true => model.set(key, value.clone()),
                    false => scaling.set(key, value.clone()),
                }
            }
            model.set(name, Json::Object(scaling));
        }
        None => pairs.iter().for_each(|(key, value)| model.set(key, value.clone())),
    }
    config.set("model", Json::Object(model));
    config
}

/// Tells a config.json from the contract's own forms, which say the layout or have no rope.
fn form(object: Object) -> Object {
    let own = ["layout", "slopes", "num_buckets", "dim", "offset", "stages", "causal"];
    // A config.json may have any of these words; no form of the contract has a model_type.
    let is_file = matches!(object.get("model_type"), Some(Json::String(_)));
    if object.get("model").is_some()
        || (!is_file && own.iter().any(|key| object.get(key).is_some()))
    {
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
