//! The stages of a fused kernel: norm, rotate, quantize, store.
//!
//! A chain is one exact function that is rounded once at its end; where a kernel rounds between
//! its stages is a matter of profiles.

use super::config::RopeConfig;
use super::key::{Absent, Checked, Key, Kind, Range, invalid};
use super::spectrum::Scheme;
use crate::number::{Dtype, Overflow};
use crate::request::{Json, Object, Reject, Slug};

const FORMATS: &[&str] = &["f8e4m3fn", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz"];
const LARGEST: i64 = 1 << 20;

/// The keys of the stage `norm`.
pub const NORM_KEYS: &[Key] = &[
    Key {
        name: "kind",
        kind: Kind::Word(&["rms", "layer"]),
        absent: Absent::Required,
        meaning: "x · w / √(mean x² + eps), or with the mean subtracted and a bias",
    },
    Key {
        name: "eps",
        kind: Kind::Number(Range::NonNegative),
        absent: Absent::Required,
        meaning: "added to the mean square, inside the root",
    },
    Key {
        name: "weight",
        kind: Kind::Word(&["plain", "one_plus", "none"]),
        absent: Absent::Required,
        meaning: "w as it is given, 1 + w (Gemma), or 1",
    },
    Key {
        name: "over",
        kind: Kind::Word(&["head", "heads"]),
        absent: Absent::Required,
        meaning: "every head alone, or all heads of a token together (OLMo 2)",
    },
    Key {
        name: "only",
        kind: Kind::Words(&["q", "k"]),
        absent: Absent::Optional,
        meaning: "which tensors are normalised; those given if absent",
    },
];

/// The keys of the stage `quantize`.
pub const QUANTIZE_KEYS: &[Key] = &[
    Key {
        name: "format",
        kind: Kind::Word(FORMATS),
        absent: Absent::Required,
        meaning: "what is stored",
    },
    Key {
        name: "scale",
        kind: Kind::Word(&["given", "amax", "amax_pow2"]),
        absent: Absent::Required,
        meaning: "what values are divided by: an input, max|x| over the largest number, or the power of two above",
    },
    Key {
        name: "per",
        kind: Kind::Word(&["tensor", "head", "token", "group"]),
        absent: Absent::Required,
        meaning: "what shares a scale; a token here is one head of it",
    },
    Key {
        name: "group_size",
        kind: Kind::Integer(1, LARGEST),
        absent: Absent::Optional,
        meaning: "coordinates that share a scale per group; divides the width",
    },
    Key {
        name: "overflow",
        kind: Kind::Word(&["saturate", "ieee"]),
        absent: Absent::Word("saturate"),
        meaning: "beyond the largest number: that number, or ∞ or NaN",
    },
    Key {
        name: "only",
        kind: Kind::Words(&["q", "k", "v"]),
        absent: Absent::Optional,
        meaning: "which tensors are quantised; those given if absent",
    },
];

/// The keys of the stage `store`.
pub const STORE_KEYS: &[Key] = &[
    Key {
        name: "block_size",
        kind: Kind::Integer(1, LARGEST),
        absent: Absent::Required,
        meaning: "rows of a block of the cache",
    },
    Key {
        name: "layout",
        kind: Kind::Word(&["NHD", "HND"]),
        absent: Absent::Required,
        meaning: "[blocks, block_size, heads, D] or [blocks, heads, block_size, D]",
    },
];

/// Which of q, k and v a stage is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Only {
    named: bool,
    list: [bool; 3],
}

impl Only {
    const NAMES: [&'static str; 3] = ["q", "k", "v"];

    fn new(stage: &Checked) -> Only {
        let words = match stage.object().get("only") {
            Some(Json::Array(words)) => words.as_slice(),
            _ => return Only { named: false, list: [true; 3] },
        };
        let has = |name: &str| words.contains(&Json::from(name));
        Only { named: true, list: Only::NAMES.map(has) }
    }

    /// Whether a tensor is meant, if it is there.
    pub fn has(&self, name: &str) -> bool {
        Only::NAMES.iter().zip(self.list).any(|(known, is)| is && *known == name)
    }

    /// The tensors that are meant by name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let named = self.named;
        Only::NAMES.into_iter().zip(self.list).filter(move |(_, is)| named && *is).map(|(n, _)| n)
    }
}

/// Which norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NormKind {
    /// x / √(mean x² + eps).
    Rms,
    /// (x − mean) / √(mean (x − mean)² + eps).
    Layer,
}

/// What the normalised value is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightKind {
    /// w.
    Plain,
    /// 1 + w.
    OnePlus,
    /// 1.
    None,
}

/// The stage `norm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Which norm.
    pub kind: NormKind,
    /// Inside the root, exactly this number.
    pub eps: f64,
    /// What multiplies.
    pub weight: WeightKind,
    /// Whether all heads of a token are one row.
    pub over_heads: bool,
    /// Which tensors.
    pub only: Only,
}

/// Where the scale comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScaleKind {
    /// An input.
    Given,
    /// max|x| / largest, rounded to f32.
    Amax,
    /// 2^⌈log₂(max|x| / largest)⌉.
    AmaxPow2,
}

/// What shares a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// Everything: shape [].
    Tensor,
    /// A head of all tokens: `[heads]`.
    Head,
    /// A head of a token: [batch, heads, seq].
    Token,
    /// So many coordinates of a row: [batch, heads, seq, D / size].
    Group(usize),
}

/// The stage `quantize`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantize {
    /// What is stored.
    pub format: Dtype,
    /// Where the scale comes from.
    pub scale: ScaleKind,
    /// What shares it.
    pub per: Per,
    /// Beyond the largest number.
    pub overflow: Overflow,
    /// Which tensors.
    pub only: Only,
}

/// The stage `store`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Rows of a block.
    pub block_size: usize,
    /// Whether the heads stand outside the rows of a block (HND).
    pub heads_first: bool,
}

/// The stages of a chain.
#[derive(Clone)]
pub struct Stages<'a> {
    /// The normalised config.
    pub config: Object,
    /// `norm`.
    pub norm: Option<Norm>,
    /// `rotate`.
    pub rotate: Option<RopeConfig<'a>>,
    /// Whether the norm comes before the rotation.
    pub norm_first: bool,
    /// `quantize`.
    pub quantize: Option<Quantize>,
    /// `store`.
    pub store: Option<Store>,
}

fn stages_error(why: impl std::fmt::Display) -> Reject {
    Slug::InvalidValue.because(format!(
        "stages {why}; allowed are at least two of norm, rotate, quantize, store, each once: norm \
         and rotate in either order, quantize after them, store last"
    ))
}

/// The key and the value of a stage.
fn stage(json: &Json) -> Result<(&str, &Object), Reject> {
    let Json::Object(object) = json else {
        return Err(stages_error(format!("holds {json}, no object")));
    };
    let mut pairs = object.iter();
    match (pairs.next(), pairs.next()) {
        (Some((name, Json::Object(config))), None) => Ok((name, config)),
        (Some((name, other)), None) => {
            Err(stages_error(format!("holds {name} with {other}, no object")))
        }
        _ => Err(stages_error(format!("holds {json}, no object with one key"))),
    }
}

fn known(key: &str) -> bool {
    let tables = [NORM_KEYS, QUANTIZE_KEYS, STORE_KEYS];
    tables.iter().any(|table| table.iter().any(|k| k.name == key))
        || super::config::is_known_key(key)
}

impl<'a> Stages<'a> {
    /// Checks the config of a chain.
    ///
    /// ```
    /// use ropewalk::encoding::{Stages, spectrum::SCHEMES};
    /// let config = |text| serde_json::from_str(text).unwrap();
    /// let one = config(r#"{"stages":[{"store":{"block_size":16,"layout":"NHD"}}]}"#);
    /// let reject = Stages::new(&one, SCHEMES).err().unwrap();
    /// assert!(reject.to_string().starts_with("invalid_value: stages"));
    /// ```
    ///
    /// # Errors
    /// `missing_key`, `unknown_key`, `unused_key`, `invalid_value`, and those of a rope config.
    pub fn new(config: &Object, schemes: &[&'a dyn Scheme]) -> Result<Stages<'a>, Reject> {
        if let Some((key, value)) = config.iter().find(|(key, _)| *key != "stages") {
            let slug = if known(key) { Slug::UnusedKey } else { Slug::UnknownKey };
            return Err(slug.because(format!(
                "key {key} (value {value}) has no place in a chain's config, which has stages"
            )));
        }
        let list = match config.get("stages") {
            Some(Json::Array(list)) => list,
            Some(other) => return Err(stages_error(format!("is {other}, no list"))),
            None => return Err(Slug::MissingKey.because("key stages is missing; chain needs it")),
        };
        let stages = list.iter().map(stage).collect::<Result<Vec<_>, _>>()?;
        let rank = |name: &str| match name {
            "norm" | "rotate" => Ok(0),
            "quantize" => Ok(1),
            "store" => Ok(2),
            _ => Err(stages_error(format!("holds {name:?}, which is no stage"))),
        };
        let ranks = stages.iter().map(|(name, _)| rank(name)).collect::<Result<Vec<_>, _>>()?;
        let twice = (1..stages.len()).find(|&i| stages[..i].iter().any(|s| s.0 == stages[i].0));
        if let Some(i) = twice {
            return Err(stages_error(format!("holds {} twice", stages[i].0)));
        }
        if stages.len() < 2 {
            return Err(stages_error(format!("has {} stages", stages.len())));
        }
        if let Some(i) = (1..ranks.len()).find(|&i| ranks[i] < ranks[i - 1]) {
            return Err(stages_error(format!("has {} after {}", stages[i].0, stages[i - 1].0)));
        }
        let mut chain = Stages {
            config: Object::default(),
            norm: None,
            rotate: None,
            norm_first: stages[0].0 == "norm",
            quantize: None,
            store: None,
        };
        let mut normalised = Vec::new();
        for (name, config) in stages {
            let table = |keys| Checked::new(config, keys, known, name);
            let object = match name {
                "norm" => {
                    let checked = table(NORM_KEYS)?;
                    chain.norm = Some(norm(&checked));
                    checked.object().clone()
                }
                "rotate" => {
                    let rope = RopeConfig::with_schemes(config, schemes)?;
                    let object = rope.normalised().clone();
                    chain.rotate = Some(rope);
                    object
                }
                "quantize" => {
                    let checked = table(QUANTIZE_KEYS)?;
                    chain.quantize = Some(quantize(&checked)?);
                    checked.object().clone()
                }
                _ => {
                    let checked = table(STORE_KEYS)?;
                    chain.store = Some(Store {
                        block_size: checked.size("block_size").unwrap_or(1),
                        heads_first: checked.word("layout") == Some("HND"),
                    });
                    checked.object().clone()
                }
            };
            let pair = (name.to_string(), Json::Object(object));
            normalised.push(Json::Object([pair].into_iter().collect()));
        }
        chain.config.set("stages", Json::Array(normalised));
        Ok(chain)
    }
}

fn norm(checked: &Checked) -> Norm {
    Norm {
        kind: match checked.word("kind") {
            Some("layer") => NormKind::Layer,
            _ => NormKind::Rms,
        },
        eps: checked.number("eps").unwrap_or_default(),
        weight: match checked.word("weight") {
            Some("plain") => WeightKind::Plain,
            Some("one_plus") => WeightKind::OnePlus,
            _ => WeightKind::None,
        },
        over_heads: checked.word("over") == Some("heads"),
        only: Only::new(checked),
    }
}

fn quantize(checked: &Checked) -> Result<Quantize, Reject> {
    let per = match (checked.word("per"), checked.size("group_size")) {
        (Some("group"), Some(size)) => Per::Group(size),
        (Some("group"), None) => {
            return Err(
                Slug::MissingKey.because("key group_size is missing; quantize per group needs it")
            );
        }
        (Some(per), Some(size)) => {
            return Err(Slug::UnusedKey.because(format!(
                "key group_size (value {size}) has no meaning for quantize per {per}"
            )));
        }
        (Some("head"), None) => Per::Head,
        (Some("token"), None) => Per::Token,
        _ => Per::Tensor,
    };
    let format = checked.word("format").and_then(Dtype::from_name);
    Ok(Quantize {
        format: format.ok_or_else(|| invalid("format", "unknown", FORMATS.join(", ")))?,
        scale: match checked.word("scale") {
            Some("given") => ScaleKind::Given,
            Some("amax") => ScaleKind::Amax,
            _ => ScaleKind::AmaxPow2,
        },
        per,
        overflow: match checked.word("overflow") {
            Some("ieee") => Overflow::Ieee,
            _ => Overflow::Saturate,
        },
        only: Only::new(checked),
    })
}
