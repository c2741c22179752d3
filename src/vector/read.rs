//! Reading, strictly: unknown and repeated keys are errors, every tensor is checked.

use super::model::{Expected, GOLDEN_SCHEMA, Golden, Tensors};
use crate::number::{Dtype, Tensor};
use crate::request::{Operation, Slug};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::fmt;

/// Why a text is no golden file or manifest, with line and column where the JSON is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No JSON, or JSON of another form.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// A version of the format that this reader does not know.
    #[error("schema is {found:?}, this reader knows {known:?}")]
    Schema {
        /// What the file says.
        found: String,
        /// What it should say.
        known: &'static str,
    },
}

impl Golden {
    /// Reads a golden file.
    ///
    /// # Errors
    /// [`ReadError`]; see `docs/vector-format.md` for the form.
    pub fn read(text: &str) -> Result<Golden, ReadError> {
        let golden: Golden = serde_json::from_str(text)?;
        match golden.schema == GOLDEN_SCHEMA {
            true => Ok(golden),
            false => Err(ReadError::Schema { found: golden.schema, known: GOLDEN_SCHEMA }),
        }
    }
}

pub(super) fn operation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Operation, D::Error> {
    let name = String::deserialize(deserializer)?;
    Operation::from_name(&name).map_err(D::Error::custom)
}

pub(super) fn dtype<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Dtype, D::Error> {
    let name = String::deserialize(deserializer)?;
    Dtype::from_name(&name).ok_or_else(|| D::Error::custom(format!("unknown dtype {name:?}")))
}

impl<'de> Deserialize<'de> for Tensors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tensors, D::Error> {
        match deserializer.deserialize_map(ExpectedVisitor)? {
            Expected::Tensors(tensors) => Ok(tensors),
            Expected::Reject(_) => Err(D::Error::custom("\"reject\" is no tensor")),
        }
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expected, D::Error> {
        deserializer.deserialize_map(ExpectedVisitor)
    }
}

struct ExpectedVisitor;

impl<'de> Visitor<'de> for ExpectedVisitor {
    type Value = Expected;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("named tensors, or {\"reject\": slug}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expected, A::Error> {
        let mut tensors: Vec<(String, Tensor)> = Vec::new();
        let mut reject = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == "reject" && reject.is_none() && tensors.is_empty() {
                let slug: String = map.next_value()?;
                let known = Slug::ALL.into_iter().find(|known| known.name() == slug);
                reject = Some(known.ok_or_else(|| {
                    A::Error::custom(format!("{slug:?} is no reason from the list"))
                })?);
                continue;
            }
            if reject.is_some() || tensors.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("{name:?} stands twice or beside a reject")));
            }
            tensors.push((name, map.next_value()?));
        }
        Ok(match reject {
            Some(slug) => Expected::Reject(slug),
            None => Expected::Tensors(Tensors(tensors)),
        })
    }
}
