//! A config's keys, and the definitions that a formula is made of.

use crate::certificate::text::parameter;
use ropewalk::request::{Json, Object};

/// Definitions of a certificate's module, and what they define.
#[derive(Default)]
pub(in crate::certificate) struct Formula {
    pub(in crate::certificate) definitions: Vec<Definition>,
    /// A term per plane.
    pub(in crate::certificate) planes: Vec<String>,
    /// What multiplies cos and sin, unless that is 1.
    pub(in crate::certificate) attention: Option<String>,
    /// What multiplies the logits.
    pub(in crate::certificate) softmax: Option<String>,
    /// xPos: ζ per plane, and the origin; `scale_base` is a definition.
    pub(in crate::certificate) growth: Option<Growth>,
}

/// A function of reals, or a constant.
pub(in crate::certificate) struct Definition {
    pub(in crate::certificate) name: String,
    /// Its arguments' names, with spaces between them.
    pub(in crate::certificate) arguments: &'static str,
    pub(in crate::certificate) body: String,
}

/// xPos's growth.
pub(in crate::certificate) struct Growth {
    pub(in crate::certificate) zeta: Vec<String>,
    pub(in crate::certificate) origin: String,
}

impl Formula {
    /// Defines a constant.
    pub(in crate::certificate) fn constant(
        &mut self,
        name: impl Into<String>,
        body: impl Into<String>,
    ) {
        self.define(name, "", body);
    }

    /// Defines a function of named reals.
    pub(in crate::certificate) fn define(
        &mut self,
        name: impl Into<String>,
        arguments: &'static str,
        body: impl Into<String>,
    ) {
        self.definitions.push(Definition { name: name.into(), arguments, body: body.into() });
    }

    /// The definitions as Coq text.
    pub(in crate::certificate) fn text(&self) -> String {
        let text = |d: &Definition| match d.arguments {
            "" => format!("Definition {} : R := {}.\n", d.name, d.body),
            arguments => format!("Definition {} ({arguments} : R) : R := {}.\n", d.name, d.body),
        };
        self.definitions.iter().map(text).collect()
    }
}

/// A normalised config, read once more.
#[derive(Clone, Copy)]
pub(in crate::certificate) struct Keys<'a> {
    pub(in crate::certificate) object: &'a Object,
    pub(in crate::certificate) seq_len: Option<i64>,
}

/// Why a config has no formula here.
pub(in crate::certificate) const UNKNOWN: &str = "a scheme that has no formula here";

impl Keys<'_> {
    pub(in crate::certificate) fn optional(&self, key: &str) -> Option<f64> {
        self.object.get(key).and_then(Json::number)
    }

    pub(in crate::certificate) fn number(&self, key: &str) -> Result<f64, &'static str> {
        self.optional(key).ok_or(UNKNOWN)
    }

    pub(in crate::certificate) fn numbers(&self, key: &str) -> Result<Vec<f64>, &'static str> {
        match self.object.get(key) {
            Some(Json::Array(items)) => {
                items.iter().map(|item| item.number().ok_or(UNKNOWN)).collect()
            }
            _ => Err(UNKNOWN),
        }
    }

    pub(in crate::certificate) fn word(&self, key: &str) -> Option<&str> {
        match self.object.get(key) {
            Some(Json::String(word)) => Some(word),
            _ => None,
        }
    }

    pub(in crate::certificate) fn flag(&self, key: &str) -> bool {
        self.object.get(key) == Some(&Json::Bool(true))
    }

    /// Width of the rotated slice.
    pub(super) fn dim(&self) -> Result<usize, &'static str> {
        Ok(self.optional("rotary_dim").map_or_else(|| self.number("head_dim"), Ok)? as usize)
    }
}

/// base, dim and the powers that most schemes start from, under a name.
pub(super) fn powers(keys: Keys, name: &'static str) -> Result<(Formula, usize), &'static str> {
    let mut formula = Formula::default();
    let dim = keys.dim()?;
    formula.constant("base", parameter(keys.number("rope_theta")?));
    formula.constant("dim", dim.to_string());
    // RoFormer §3.3: θ_i = base^(−2i/d), i = 0 … d/2 − 1.
    formula.define(name, "i", "Rpower base (- (2 * i / dim))");
    Ok((formula, dim / 2))
}
