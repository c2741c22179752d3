//! Whether a config.json rotates at all, and what it has instead of a rope.
//!
//! What a model type is built with is data (`without_rope.json`, read from Transformers 5.24.0);
//! what a file switches on or off in its own words is the table [`SWITCHES`]. Whatever neither knows
//! to rotate is refused: a rope that nobody declared would be an invention.

use super::aliases::{
    COMPRESSED, LATENT, LOCAL, PARTIAL, PER_LAYER, RATIO, ROTARY_DIM, SCALING, THETA,
};
use super::levels::Levels;
use crate::encoding::key::invalid;
use crate::request::{Json, Object, Reject, Slug};
use std::fmt;
use std::sync::LazyLock;

static WITHOUT: LazyLock<Object> =
    LazyLock::new(|| serde_json::from_str(include_str!("without_rope.json")).unwrap_or_default());

/// How a model knows where its tokens stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PositionEncoding {
    /// Queries and keys are rotated.
    Rope,
    /// A slope times the distance is added to the scores.
    Alibi,
    /// A learned bias for each bucket of distances, as T5 has them.
    T5,
    /// Some other bias or embedding of distances.
    Relative,
    /// Sines and cosines are added to the embeddings.
    Sinusoidal,
    /// A learned vector for each position is added to the embeddings.
    Learned,
    /// A convolution over the tokens.
    Convolutional,
    /// Nothing says where a token stands.
    None,
}

impl PositionEncoding {
    const ALL: [PositionEncoding; 8] = [
        PositionEncoding::Rope,
        PositionEncoding::Alibi,
        PositionEncoding::T5,
        PositionEncoding::Relative,
        PositionEncoding::Sinusoidal,
        PositionEncoding::Learned,
        PositionEncoding::Convolutional,
        PositionEncoding::None,
    ];

    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            PositionEncoding::Rope => "rope",
            PositionEncoding::Alibi => "alibi",
            PositionEncoding::T5 => "t5",
            PositionEncoding::Relative => "relative",
            PositionEncoding::Sinusoidal => "sinusoidal",
            PositionEncoding::Learned => "learned",
            PositionEncoding::Convolutional => "convolutional",
            PositionEncoding::None => "none",
        }
    }

    const fn described(self) -> &'static str {
        match self {
            PositionEncoding::Rope => "a rope",
            PositionEncoding::Alibi => "ALiBi; ask for alibi_slopes or alibi_bias",
            PositionEncoding::T5 => "T5's relative bias; ask for t5_bucket or t5_bias",
            PositionEncoding::Relative => "a relative encoding that is no rotation",
            PositionEncoding::Sinusoidal => {
                "sinusoidal embeddings, which are added and rotate nothing"
            }
            PositionEncoding::Learned => "learned embeddings of absolute positions",
            PositionEncoding::Convolutional => "a convolution in place of positions",
            PositionEncoding::None => "no position encoding",
        }
    }
}

impl fmt::Display for PositionEncoding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.described())
    }
}

/// A key of a config.json that decides, the value that does, and what it decides for.
type Switch = (&'static str, Json, PositionEncoding);

/// Keys that switch a rope off, or another encoding on, whatever the model type.
const SWITCHES: [Switch; 8] = [
    ("alibi", Json::Bool(true), PositionEncoding::Alibi),
    ("use_alibi", Json::Bool(true), PositionEncoding::Alibi),
    ("use_mem_rope", Json::Bool(false), PositionEncoding::None),
    ("mla_use_nope", Json::Bool(true), PositionEncoding::None),
    ("use_rope", Json::Bool(false), PositionEncoding::None),
    ("use_rotary_embedding", Json::Bool(false), PositionEncoding::None),
    ("use_rotary_embeddings", Json::Bool(false), PositionEncoding::None),
    ("use_rotary", Json::Bool(false), PositionEncoding::None),
];

/// What the words of `position_embedding_type` mean; others say nothing of the attention.
const WORDS: [(&str, PositionEncoding); 12] = [
    ("rope", PositionEncoding::Rope),
    ("rotary", PositionEncoding::Rope),
    ("alibi", PositionEncoding::Alibi),
    ("nope", PositionEncoding::None),
    ("none", PositionEncoding::None),
    ("absolute", PositionEncoding::Learned),
    ("learned", PositionEncoding::Learned),
    ("learned_absolute", PositionEncoding::Learned),
    ("relative", PositionEncoding::Relative),
    ("relative_key", PositionEncoding::Relative),
    ("relative_key_query", PositionEncoding::Relative),
    ("sinusoidal", PositionEncoding::Sinusoidal),
];

const TYPE_KEYS: [&str; 2] = ["position_embedding_type", "position_embeddings_type"];

/// The innermost model type, and what Transformers builds it with, if not a rope.
fn of_type(levels: &Levels) -> Option<(String, PositionEncoding)> {
    let name = levels.objects().find_map(|object| match object.get("model_type") {
        Some(Json::String(name)) => Some(name.clone()),
        _ => None,
    })?;
    let lists = |encoding: &&PositionEncoding| match WITHOUT.get(encoding.name()) {
        Some(Json::Array(names)) => names.contains(&Json::from(name.as_str())),
        _ => false,
    };
    let encoding = PositionEncoding::ALL.iter().find(lists)?;
    Some((name.clone(), *encoding))
}

/// Whether anything in the file, or its class, speaks of a rope's numbers.
fn speaks_of_a_rope(levels: &Levels) -> Result<bool, Reject> {
    let read = [THETA, RATIO, LOCAL, PER_LAYER, COMPRESSED, PARTIAL, ROTARY_DIM, LATENT, SCALING];
    for alias in read {
        if levels.given(alias)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a config.json has, and by which of its words; an error where nothing says.
pub(super) fn encoding(levels: &Levels) -> Result<(PositionEncoding, String), Reject> {
    for (key, value, encoding) in SWITCHES {
        if levels.plain(key) == Some(&value) {
            return Ok((encoding, format!("{key} is {value}")));
        }
    }
    let of_type = of_type(levels);
    let is_rotary_class = levels.is_known_class();
    for key in TYPE_KEYS {
        let Some(Json::String(word)) = levels.plain(key) else { continue };
        let lower = word.to_lowercase();
        let Some((_, meant)) = WORDS.iter().find(|(name, _)| *name == lower) else { continue };
        // A left-over that the code of a rotating class does not read.
        let is_left_over = is_rotary_class
            && !levels
                .class("reads_position_embedding_type")
                .is_some_and(|v| *v == Json::Bool(true))
            && !matches!(meant, PositionEncoding::Alibi | PositionEncoding::None);
        if !is_left_over {
            return Ok((*meant, format!("{key} is {word:?}")));
        }
    }
    if let Some(Json::String(name)) = levels.class("unless_switched") {
        let switched = SWITCHES.iter().any(|(key, ..)| levels.plain(key).is_some());
        let encoding = PositionEncoding::ALL.into_iter().find(|encoding| encoding.name() == name);
        if let Some(encoding) = encoding.filter(|_| !switched) {
            return Ok((encoding, "its model type is built so unless a key says otherwise".into()));
        }
    }
    if let Some((name, encoding)) = of_type {
        // A file may carry a rope that the type of its class does not have: then it is no such model.
        return Ok((encoding, format!("model_type is {name:?}")));
    }
    if is_rotary_class || speaks_of_a_rope(levels)? {
        return Ok((PositionEncoding::Rope, String::new()));
    }
    let named = levels.plain("model_type").map_or_else(
        || "it has no model_type".to_string(),
        |name| format!("its model_type, {name}, is not known here"),
    );
    Err(Slug::MissingKey.because(format!(
        "key rope_theta is missing, and nothing else in the model says that it rotates: {named}; if \
         it does, give rope_theta or write the flat form"
    )))
}

/// Refuses what does not rotate, and what rotates by a rule that is not read here.
///
/// # Errors
/// `invalid_value`, `missing_key`.
pub(super) fn expect_rope(levels: &Levels) -> Result<(), Reject> {
    let (encoding, because) = encoding(levels)?;
    if encoding != PositionEncoding::Rope {
        return Err(Slug::InvalidValue
            .because(format!("the model has no rope: {because}; it has {encoding}")));
    }
    if let Some(value @ Json::Bool(true)) = levels.plain("use_dynamic_ntk") {
        let rule = "false: the base of this rule grows in steps with the length of the prompt; \
                    without it the rope is the one for prompts up to seq_length";
        return Err(invalid("use_dynamic_ntk", value, rule));
    }
    Ok(())
}
