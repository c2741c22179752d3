//! JSON that forgets nothing: key order and duplicate keys are kept, integers stay integers.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// A JSON value.
///
/// A number written with a fraction or an exponent is [`Json::Real`], the f64 nearest to the
/// literal; one written without is [`Json::Integer`] if it fits in 64 bits, signed or not, and
/// else a real too. So is `-0`, whose sign no integer keeps. A literal beyond the largest f64 is
/// an error of the text, as is nesting deeper than 127 levels.
///
/// ```
/// use ropewalk::request::Json;
/// let json: Json = serde_json::from_str(r#"{"b":1,"a":[1.0,1e3]}"#).unwrap();
/// let Json::Object(object) = &json else { unreachable!() };
/// assert_eq!(object.get("b"), Some(&Json::Integer(1)));
/// assert_eq!(serde_json::to_string(&json).unwrap(), r#"{"b":1,"a":[1.0,1000.0]}"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Within −2⁶³ and 2⁶⁴ − 1 if it was read.
    Integer(i128),
    /// Finite if it was read.
    Real(f64),
    /// The text, unescaped.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// Keys and values.
    Object(Object),
}

/// A JSON object in the order it was written, duplicates and all.
///
/// ```
/// use ropewalk::request::{Json, Object};
/// let mut object: Object = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
/// object.set("b", Json::Null);
/// object.remove("a");
/// assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"b":null}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Object(Vec<(String, Json)>);

impl Object {
    /// The value of a key (the first, if it stands twice).
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// Sets a key, in place if it is there, at the end if not.
    pub fn set(&mut self, key: &str, value: Json) {
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some(entry) => entry.1 = value,
            None => self.0.push((key.to_string(), value)),
        }
    }

    /// Takes a key out (the first, if it stands twice).
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let index = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(index).1)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(pairs: I) -> Object {
        Object(pairs.into_iter().collect())
    }
}

impl Json {
    /// What it is, for a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Integer(_) => "an integer",
            Json::Real(_) => "a number with a fraction or an exponent",
            Json::String(_) => "a string",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        }
    }

    /// The f64 nearest to a number, whichever way it was written. None for what is no number.
    ///
    /// ```
    /// use ropewalk::request::Json;
    /// assert_eq!(Json::Integer((1 << 53) + 1).number(), Some(9007199254740992.0));
    /// ```
    pub fn number(&self) -> Option<f64> {
        match *self {
            Json::Integer(n) => Some(n as f64), // `as` rounds to nearest even
            Json::Real(x) => Some(x),
            _ => None,
        }
    }

    /// The path of the first key, at any depth, that its object holds twice.
    ///
    /// ```
    /// use ropewalk::request::Json;
    /// let json: Json = serde_json::from_str(r#"{"a":[{},{"b":1,"b":2}]}"#).unwrap();
    /// assert_eq!(json.duplicate_key().as_deref(), Some("a[1].b"));
    /// ```
    pub fn duplicate_key(&self) -> Option<String> {
        let inner = |name: &str, value: &Json| {
            let dot = if matches!(value, Json::Array(_)) { "" } else { "." };
            value.duplicate_key().map(|path| format!("{name}{dot}{path}"))
        };
        match self {
            Json::Array(items) => {
                items.iter().enumerate().find_map(|(i, item)| inner(&format!("[{i}]"), item))
            }
            Json::Object(object) => {
                let mut seen = std::collections::HashSet::new();
                object
                    .iter()
                    .find_map(|(k, v)| if seen.insert(k) { inner(k, v) } else { Some(k.into()) })
            }
            _ => None,
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::String(text.to_string())
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Json {
        Json::Bool(flag)
    }
}

impl From<f64> for Json {
    fn from(x: f64) -> Json {
        Json::Real(x)
    }
}

impl From<usize> for Json {
    fn from(n: usize) -> Json {
        Json::Integer(n as i128)
    }
}

impl From<i64> for Json {
    fn from(n: i64) -> Json {
        Json::Integer(n as i128)
    }
}

/// For a sentence: cut after 200 characters. For the wire there is `serde_json`.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        match text.char_indices().nth(200) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(flag) => serializer.serialize_bool(*flag),
            Json::Integer(n) => serializer.serialize_i128(*n),
            Json::Real(x) => serializer.serialize_f64(*x),
            Json::String(text) => serializer.serialize_str(text),
            Json::Array(items) => items.serialize(serializer),
            Json::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Object(object) => Ok(object),
            other => Err(serde::de::Error::custom(format!("expected an object, not {other}"))),
        }
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Json, E> {
        Ok(Json::Integer(n as i128))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Json, E> {
        Ok(Json::Integer(n as i128))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Json, E> {
        Ok(Json::Real(x))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Json::Object(Object(pairs)))
    }
}
