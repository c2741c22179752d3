//! The frequencies of the rotary schemes as Coq terms, in the form that their sources print.
//!
//! Written from the published formulas and a config's keys alone. Where a formula branches, so does
//! the definition; Coq finds out which branch is taken.

mod axes;
mod bands;
mod plain;
mod yarn;

use super::text::parameter;
use ropewalk::request::{Json, Object};

/// Definitions of a certificate's module, and what they define.
#[derive(Default)]
pub(super) struct Formula {
    pub(super) definitions: Vec<Definition>,
    /// A term per plane.
    pub(super) planes: Vec<String>,
    /// What multiplies cos and sin, unless that is 1.
    pub(super) attention: Option<String>,
    /// What multiplies the logits.
    pub(super) softmax: Option<String>,
    /// xPos: ζ per plane, and the origin; `scale_base` is a definition.
    pub(super) growth: Option<Growth>,
}

/// A function of reals, or a constant.
pub(super) struct Definition {
    pub(super) name: &'static str,
    /// Its arguments' names, with spaces between them.
    pub(super) arguments: &'static str,
    pub(super) body: String,
}

/// xPos's growth.
pub(super) struct Growth {
    pub(super) zeta: Vec<String>,
    pub(super) origin: String,
}

impl Formula {
    /// Defines a constant.
    pub(super) fn constant(&mut self, name: &'static str, body: impl Into<String>) {
        self.define(name, "", body);
    }

    /// Defines a function of named reals.
    pub(super) fn define(
        &mut self,
        name: &'static str,
        arguments: &'static str,
        body: impl Into<String>,
    ) {
        self.definitions.push(Definition { name, arguments, body: body.into() });
    }

    /// The definitions as Coq text.
    pub(super) fn text(&self) -> String {
        let text = |d: &Definition| match d.arguments {
            "" => format!("Definition {} : R := {}.\n", d.name, d.body),
            arguments => format!("Definition {} ({arguments} : R) : R := {}.\n", d.name, d.body),
        };
        self.definitions.iter().map(text).collect()
    }
}

/// A normalised config, read once more.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) object: &'a Object,
    pub(super) seq_len: Option<i64>,
}

/// Why a config has no formula here.
pub(super) const UNKNOWN: &str = "a scheme that has no formula here";

impl Keys<'_> {
    pub(super) fn optional(&self, key: &str) -> Option<f64> {
        self.object.get(key).and_then(Json::number)
    }

    pub(super) fn number(&self, key: &str) -> Result<f64, &'static str> {
        self.optional(key).ok_or(UNKNOWN)
    }

    pub(super) fn numbers(&self, key: &str) -> Result<Vec<f64>, &'static str> {
        match self.object.get(key) {
            Some(Json::Array(items)) => {
                items.iter().map(|item| item.number().ok_or(UNKNOWN)).collect()
            }
            _ => Err(UNKNOWN),
        }
    }

    pub(super) fn word(&self, key: &str) -> Option<&str> {
        match self.object.get(key) {
            Some(Json::String(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.object.get(key) == Some(&Json::Bool(true))
    }

    /// Width of the rotated slice.
    fn dim(&self) -> Result<usize, &'static str> {
        Ok(self.optional("rotary_dim").map_or_else(|| self.number("head_dim"), Ok)? as usize)
    }
}

/// The formula of a config's `rope_type`.
pub(super) fn formula(keys: Keys) -> Result<Formula, &'static str> {
    match keys.word("rope_type").unwrap_or("default") {
        "default" => plain::default(keys),
        "linear" => plain::linear(keys),
        "none" => plain::none(keys),
        "ntk" => plain::ntk(keys),
        "dynamic" => plain::dynamic(keys),
        "ntk_fixed" => plain::ntk_fixed(keys),
        "proportional" => plain::proportional(keys),
        "longrope" => plain::longrope(keys),
        "xpos" => plain::xpos(keys),
        "llama3" => bands::llama3(keys),
        "ntk_by_parts" => bands::ntk_by_parts(keys),
        "yarn" => yarn::yarn(keys),
        "axial" => axes::axial(keys),
        "pixtral" => axes::pixtral(keys),
        "dinov3" => axes::dinov3(keys),
        "pixel" => axes::pixel(keys),
        _ => Err(UNKNOWN),
    }
}

/// base, dim and the powers that most schemes start from, under a name.
fn powers(keys: Keys, name: &'static str) -> Result<(Formula, usize), &'static str> {
    let mut formula = Formula::default();
    let dim = keys.dim()?;
    formula.constant("base", parameter(keys.number("rope_theta")?));
    formula.constant("dim", dim.to_string());
    // RoFormer §3.3: θ_i = base^(−2i/d), i = 0 … d/2 − 1.
    formula.define(name, "i", "Rpower base (- (2 * i / dim))");
    Ok((formula, dim / 2))
}
