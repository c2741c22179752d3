//! Tables of config keys: what may stand in a config, of which type, in which range.

use crate::encoding::Layout;
use crate::request::{Json, Object, Reject, Slug, did_you_mean};

/// One key of a config.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The name, Hugging Face's where it has one.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// What happens if it is not given.
    pub absent: Absent,
    /// What it does, in a line.
    pub meaning: &'static str,
}

/// Type and range of a key's value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A number, the f64 nearest to the literal, finite and within a range.
    Number(Range),
    /// A JSON integer from the first to the second bound.
    Integer(i64, i64),
    /// true or false.
    Flag,
    /// The name of a scheme; looking it up has a rejection of its own.
    Name,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of numbers, each in the range.
    Numbers(Range),
    /// A list of integers, each from the first to the second bound.
    Integers(i64, i64),
    /// Two distances [left, right], each an integer from 0 to the bound or null for no limit.
    Window(i64),
    /// A config of its own, which its own rules check.
    Config,
    /// A list of some of these words, each at most once.
    Words(&'static [&'static str]),
}

/// A range of numbers.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Range {
    Any,
    Positive,
    NonNegative,
    /// 0 < x ≤ 1.
    Proper,
}

/// What happens if a key is not given.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Absent {
    /// `missing_key`.
    Required,
    /// It stays absent, or another rule fills it in.
    Optional,
    Number(f64),
    Integer(i64),
    Flag(bool),
    Word(&'static str),
}

impl Absent {
    /// What happens, for the documentation: a default, `required` or `optional`.
    pub fn words(self) -> String {
        match self {
            Absent::Required => "required".to_string(),
            Absent::Optional => "optional".to_string(),
            Absent::Number(x) => x.to_string(),
            Absent::Integer(n) => n.to_string(),
            Absent::Flag(flag) => flag.to_string(),
            Absent::Word(word) => word.to_string(),
        }
    }
}

impl Range {
    fn contains(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Range::Any => true,
                Range::Positive => x > 0.0,
                Range::NonNegative => x >= 0.0,
                Range::Proper => x > 0.0 && x <= 1.0,
            }
    }

    fn words(self) -> &'static str {
        match self {
            Range::Any => "any finite number",
            Range::Positive => "a number above 0",
            Range::NonNegative => "a number not below 0",
            Range::Proper => "a number above 0 and at most 1",
        }
    }
}

impl Kind {
    /// What is allowed, for a sentence and for the documentation.
    pub fn words(self) -> String {
        let integers = |low: i64, high: i64| match high {
            i64::MAX => format!("from {low}"),
            _ => format!("from {low} to {high}"),
        };
        match self {
            Kind::Number(range) => range.words().to_string(),
            Kind::Integer(low, high) => format!("an integer {}", integers(low, high)),
            Kind::Flag => "true or false".to_string(),
            Kind::Name => "the name of a scheme".to_string(),
            Kind::Word(words) => words.join(", "),
            Kind::Numbers(range) => format!("a list, each {}", range.words()),
            Kind::Integers(low, high) => format!("a list of integers {}", integers(low, high)),
            Kind::Window(_) => "[left, right], each an integer from 0 or null".to_string(),
            Kind::Config => "an object, the config of that encoding".to_string(),
            Kind::Words(words) => format!("a list of some of {}, each once", words.join(", ")),
        }
    }

    /// The sentence about a value that is not allowed; of a list, about its first such entry.
    fn refusal(self, name: &str, value: &Json) -> Reject {
        let one = match self {
            Kind::Numbers(range) => Kind::Number(range),
            Kind::Integers(low, high) => Kind::Integer(low, high),
            other => other,
        };
        if let (Kind::Numbers(_) | Kind::Integers(..), Json::Array(items)) = (self, value)
            && let Some(place) = items.iter().position(|item| !one.allows(item))
        {
            return invalid(&format!("{name}[{place}]"), &items[place], one.words());
        }
        // `neox` is a layout; only not by that name.
        let hint = match (self, value) {
            (Kind::Word(words), Json::String(word)) => match Layout::meant(word) {
                Some(layout) if words.contains(&layout.name()) => {
                    format!("; what is called {word} elsewhere is {} here", layout.name())
                }
                _ => did_you_mean(word, words.iter().copied()),
            },
            _ => String::new(),
        };
        invalid(name, value, self.words() + &hint)
    }

    fn allows(self, value: &Json) -> bool {
        let integer = |value: &Json, low: i64, high: i64| match value {
            Json::Integer(n) => (low as i128..=high as i128).contains(n),
            _ => false,
        };
        match (self, value) {
            (Kind::Number(range), value) => value.number().is_some_and(|x| range.contains(x)),
            (Kind::Integer(low, high), value) => integer(value, low, high),
            (Kind::Flag, Json::Bool(_)) | (Kind::Name, Json::String(_)) => true,
            (Kind::Word(words), Json::String(word)) => words.contains(&word.as_str()),
            (Kind::Numbers(range), Json::Array(items)) => {
                items.iter().all(|item| item.number().is_some_and(|x| range.contains(x)))
            }
            (Kind::Integers(low, high), Json::Array(items)) => {
                items.iter().all(|item| integer(item, low, high))
            }
            (Kind::Window(high), Json::Array(items)) => {
                let side = |item: &Json| *item == Json::Null || integer(item, 0, high);
                items.len() == 2 && items.iter().all(side)
            }
            (Kind::Config, Json::Object(_)) => true,
            (Kind::Words(words), Json::Array(items)) => {
                let word = |item: &Json| words.iter().any(|word| *item == Json::from(*word));
                let twice = |i: usize| items[..i].contains(&items[i]);
                !items.is_empty() && items.iter().all(word) && !(1..items.len()).any(twice)
            }
            _ => false,
        }
    }
}

/// `invalid_value`, with the sentence that names key, value and rule.
pub fn invalid(key: &str, value: impl std::fmt::Display, rule: impl std::fmt::Display) -> Reject {
    Slug::InvalidValue.because(format!("{key} is {value}, allowed is {rule}"))
}

/// A config that has passed its table: every value has its type, defaults are filled in, the keys
/// stand in the order of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked(Object);

impl Checked {
    /// Checks a config against a table.
    ///
    /// # Errors
    /// `unused_key` for a key that `elsewhere` knows, `unknown_key` for one that nobody knows,
    /// `missing_key`, `invalid_value`.
    pub fn new(
        config: &Object,
        table: &[Key],
        elsewhere: impl Fn(&str) -> bool,
        what: &str,
    ) -> Result<Checked, Reject> {
        for (name, value) in config.iter() {
            if table.iter().any(|key| key.name == name) {
                continue;
            }
            let names: Vec<&str> = table.iter().map(|key| key.name).collect();
            let (slug, has) = match elsewhere(name) {
                true => (Slug::UnusedKey, "has no meaning"),
                false => (Slug::UnknownKey, "is unknown"),
            };
            return Err(slug.because(format!(
                "key {name} (value {value}) {has} for {what}, which takes {}{}",
                names.join(", "),
                did_you_mean(name, names.iter().copied())
            )));
        }
        let mut checked = Object::default();
        for key in table {
            let value = match (config.get(key.name), key.absent) {
                (Some(value), _) if !key.kind.allows(value) => {
                    return Err(key.kind.refusal(key.name, value));
                }
                (Some(value), _) => value.clone(),
                (None, Absent::Required) => {
                    return Err(Slug::MissingKey.because(format!(
                        "key {} is missing; {what} needs it, allowed is {}",
                        key.name,
                        key.kind.words()
                    )));
                }
                (None, Absent::Optional) => continue,
                (None, Absent::Number(x)) => Json::Real(x),
                (None, Absent::Integer(n)) => Json::from(n),
                (None, Absent::Flag(flag)) => Json::Bool(flag),
                (None, Absent::Word(word)) => Json::from(word),
            };
            checked.set(key.name, value);
        }
        Ok(Checked(checked))
    }

    /// The normalised config.
    pub fn object(&self) -> &Object {
        &self.0
    }

    /// Whether a key is there, given or by default.
    pub fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    /// Fills in a key that a rule determines.
    pub fn set(&mut self, key: &str, value: Json) {
        self.0.set(key, value);
    }

    /// Puts the keys into the order of their table.
    pub(super) fn sort(&mut self, table: &[Key]) {
        let place = |name: &str| table.iter().position(|key| key.name == name);
        let mut pairs: Vec<(String, Json)> =
            self.0.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        pairs.sort_by_key(|(key, _)| place(key));
        self.0 = pairs.into_iter().collect();
    }

    /// Takes a key out that another one replaces.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// A number, if the key is there.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(Json::number)
    }

    /// An integer, if the key is there.
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.0.get(key) {
            Some(Json::Integer(n)) => i64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A size, if the key is there; tables make sizes non-negative.
    pub fn size(&self, key: &str) -> Option<usize> {
        self.integer(key).and_then(|n| usize::try_from(n).ok())
    }

    /// A flag; false if the key is not there.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(Json::Bool(true)))
    }

    /// A word, if the key is there.
    pub fn word(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(Json::String(word)) => Some(word),
            _ => None,
        }
    }

    /// A list of numbers, if the key is there.
    pub fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        match self.0.get(key) {
            Some(Json::Array(items)) => items.iter().map(Json::number).collect(),
            _ => None,
        }
    }
}
