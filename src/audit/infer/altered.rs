//! A declared config that is read otherwise: keys exchanged or multiplied, another rule, another length.

use super::exhibit::{Places, Turn};
use crate::encoding::RopeConfig;
use crate::request::{Json, Object};

/// What is read in place of the declared config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Altered {
    /// Each of two keys has the other's value.
    Exchanged(String, String),
    /// The first key has the second one's value.
    Taken(String, String),
    /// The first key is multiplied by the second one.
    Multiplied(String, String),
    /// The first key is divided by the second one.
    Divided(String, String),
    /// The rule of another rope_type.
    As(String),
    /// No scaling, and a base that is multiplied by this key.
    Base(String),
    /// Another total length.
    Length(Length),
}

/// What is taken for the total length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Original,
    /// The declared one and so many.
    More(i64),
    /// The tokens of the call.
    Tokens,
    /// The largest position of the call and one.
    Furthest,
}

/// Rules that share the keys of others.
const RULES: [&str; 6] = ["linear", "ntk", "dynamic", "yarn", "llama3", "longrope"];

/// Keys that a config keeps where it is read as another rule's.
const SHARED: [&str; 10] = [
    "head_dim",
    "layout",
    "rope_theta",
    "rotary_dim",
    "rotary_offset",
    "factor",
    "original_max_position_embeddings",
    "max_position_embeddings",
    "mrope_section",
    "mrope_interleaved",
];

impl Altered {
    /// Everything that a declared config suggests; `keys` are its numbers.
    pub(super) fn all(keys: &[&str]) -> Vec<Altered> {
        let mut list = Vec::new();
        for (index, one) in keys.iter().enumerate() {
            let pair = |other: &str| (one.to_string(), other.to_string());
            for other in &keys[index + 1..] {
                let (a, b) = pair(other);
                list.push(Altered::Exchanged(a, b));
            }
            for other in keys {
                let (a, b) = pair(other);
                if one != other {
                    list.push(Altered::Taken(a.clone(), b.clone()));
                    list.push(Altered::Divided(a.clone(), b.clone()));
                }
                list.push(Altered::Multiplied(a, b));
            }
        }
        list.extend(keys.iter().map(|key| Altered::Base(key.to_string())));
        list.extend(RULES.map(|rule| Altered::As(rule.into())));
        let lengths =
            [Length::Original, Length::More(1), Length::More(-1), Length::Tokens, Length::Furthest];
        list.extend(lengths.map(Altered::Length));
        list
    }

    /// The config and the length that are read; none where a key is missing.
    pub(super) fn of(&self, turn: &Turn) -> Option<(Object, Option<i64>)> {
        let mut config = turn.config.clone();
        let mut length = turn.seq_len;
        let number = |key: &str| turn.config.get(key).and_then(Json::number);
        match self {
            Altered::Exchanged(a, b) => {
                let (own, other) = (config.get(a)?.clone(), config.get(b)?.clone());
                config.set(a, other);
                config.set(b, own);
            }
            Altered::Taken(a, b) => {
                config.get(a)?;
                config.set(a, turn.config.get(b)?.clone());
            }
            Altered::Multiplied(a, b) => config.set(a, written(number(a)? * number(b)?)),
            Altered::Divided(a, b) => config.set(a, written(number(a)? / number(b)?)),
            Altered::As(rule) => config = shared(&turn.config, rule),
            Altered::Base(key) => {
                let base = number("rope_theta")? * number(key)?;
                config = shared(&turn.config, "default");
                config.remove("factor");
                config.set("rope_theta", written(base));
            }
            Altered::Length(to) => length = Some(to.of(turn)?),
        }
        Some((config, length))
    }

    /// What tells one spectrum of a config from another: the length, where it is the call's own.
    pub(super) fn case(&self, turn: &Turn) -> i64 {
        match self {
            Altered::Length(to @ (Length::Tokens | Length::Furthest)) => to.of(turn).unwrap_or(0),
            _ => 0,
        }
    }

    pub(super) fn cost(&self) -> u32 {
        match self {
            Altered::Exchanged(..) | Altered::As(_) | Altered::Length(_) => 4,
            Altered::Base(_) => 4,
            Altered::Multiplied(a, b) if a == b => 4,
            Altered::Taken(..) | Altered::Multiplied(..) | Altered::Divided(..) => 5,
        }
    }

    /// What is computed, and what to change.
    pub(super) fn words(&self, rope_type: &str) -> (String, String) {
        let (what, mend) = match self {
            Altered::Exchanged(a, b) => {
                (format!("{a} and {b} are exchanged"), format!("read {a} and {b} by name"))
            }
            Altered::Taken(a, b) => {
                (format!("{a} has the value of {b}"), format!("read {a} where {a} is meant"))
            }
            Altered::Multiplied(a, b) if a == b => {
                (format!("{a} is applied twice, as {a}²"), format!("apply {a} once"))
            }
            Altered::Multiplied(a, b) => {
                (format!("{a} is multiplied by {b}"), format!("take {a} as it is declared"))
            }
            Altered::Divided(a, b) => {
                (format!("{a} is divided by {b}"), format!("take {a} as it is declared"))
            }
            Altered::As(other) => (
                format!("rope_type {rope_type} is computed as {other}"),
                format!("the rule of {rope_type}: docs/mathematics.md"),
            ),
            Altered::Base(key) => (
                format!("rope_theta is multiplied by {key} and nothing else is scaled"),
                format!("the rule of {rope_type}: docs/mathematics.md"),
            ),
            Altered::Length(to) => (
                format!("the length is {}, not seq_len", to.words()),
                "take the total length that the call says".to_string(),
            ),
        };
        (
            format!(
                "the frequencies are those of a config in which {what} (rope_type {rope_type})"
            ),
            mend,
        )
    }
}

impl Length {
    fn of(self, turn: &Turn) -> Option<i64> {
        let original = turn.config.get("original_max_position_embeddings");
        match self {
            Length::Original => Some(original?.number()? as i64),
            Length::More(n) => turn.seq_len?.checked_add(n),
            Length::Tokens => i64::try_from(turn.tokens).ok(),
            Length::Furthest => match &turn.places {
                Places::Positions(list) => i64::try_from(*list.iter().max()?).ok()?.checked_add(1),
                Places::Table(_) => None,
            },
        }
        .filter(|&length| length > 0)
    }

    fn words(self) -> String {
        match self {
            Length::Original => "original_max_position_embeddings".into(),
            Length::More(n) if n > 0 => format!("seq_len + {n}"),
            Length::More(n) => format!("seq_len − {}", -n),
            Length::Tokens => "the number of tokens of the call".into(),
            Length::Furthest => "the largest position of the call and one".into(),
        }
    }
}

/// The config of another rule: with the keys that they share.
fn shared(declared: &Object, rope_type: &str) -> Object {
    let mut config = declared.clone();
    let names: Vec<String> = config.iter().map(|(key, _)| key.to_string()).collect();
    for key in names.iter().filter(|key| !SHARED.contains(&key.as_str())) {
        config.remove(key);
    }
    config.set("rope_type", Json::from(rope_type));
    // Of the lengths a rule may take none.
    if RopeConfig::new(&config).is_err() {
        config.remove("original_max_position_embeddings");
        config.remove("max_position_embeddings");
    }
    config
}

/// A number as a config has it: an integer where it is one.
fn written(x: f64) -> Json {
    match x.is_finite() && x == libm::trunc(x) && x.abs() < 9e15 {
        true => Json::from(x as i64),
        false => Json::Real(x),
    }
}
