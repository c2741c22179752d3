//! The frequencies of the rotary schemes as Coq terms, in the form that their sources print.
//!
//! Written from the published formulas and a config's keys alone. Where a formula branches, a
//! floating-point guess picks the branch and a lemma of the certificate proves it, so that a wrong
//! guess can only make Coq refuse.

mod axes;
mod bands;
mod plain;
mod yarn;

use super::text::parameter;
use crate::request::{Json, Object};

/// Definitions of a certificate's module, and what they define.
#[derive(Default)]
pub(super) struct Formula {
    definitions: Vec<(&'static str, String)>,
    /// Equations about the definitions, which proofs may rewrite with.
    equations: Vec<(String, String)>,
    /// Equations that others need.
    first: Vec<String>,
    /// One per plane.
    pub(super) planes: Vec<Frequency>,
    /// What multiplies cos and sin, unless that is 1.
    pub(super) attention: Option<String>,
    /// What multiplies the logits.
    pub(super) softmax: Option<String>,
    /// xPos: ζ per plane, and the origin; `scale_base` is a definition.
    pub(super) growth: Option<Growth>,
}

/// xPos's growth.
pub(super) struct Growth {
    pub(super) zeta: Vec<String>,
    pub(super) origin: String,
}

/// A frequency: a term, and the name of an equation that says which branch it is.
#[derive(Clone, Default)]
pub(super) struct Frequency {
    pub(super) term: String,
    pub(super) equation: Option<String>,
}

impl Formula {
    /// Defines a constant.
    pub(super) fn constant(&mut self, name: &'static str, body: impl Into<String>) {
        self.define(name, "", body);
    }

    /// Defines a function of named reals.
    pub(super) fn define(&mut self, name: &'static str, arguments: &str, body: impl Into<String>) {
        let binder =
            if arguments.is_empty() { String::new() } else { format!(" ({arguments} : R)") };
        let body = body.into();
        self.definitions.push((name, format!("Definition {name}{binder} : R := {body}.\n")));
    }

    /// States an equation; `settle` and the other tactics of the module are at hand.
    fn equation(&mut self, name: &str, left: &str, right: &str, proof: &str) {
        let text = format!("Lemma {name} : {left} = {right}.\nProof. {proof} Qed.\n");
        self.equations.push((name.to_string(), text));
    }

    /// A plane without branches.
    fn plane(&mut self, term: String) {
        self.planes.push(Frequency { term, equation: None });
    }

    /// A plane whose formula branches: the equation says where to.
    fn branch(&mut self, index: usize, right: &str, proof: &str) {
        let (name, term) = (format!("theta_{index}"), format!("theta {index}"));
        self.equation(&name, &term, right, proof);
        self.planes.push(Frequency { term, equation: Some(name) });
    }

    /// The definitions, and the equations that are used.
    pub(super) fn text(&self, used: &dyn Fn(&str) -> bool) -> String {
        let mut text: String = self.definitions.iter().map(|(_, text)| text.as_str()).collect();
        let names: Vec<&str> = self.definitions.iter().map(|(name, _)| *name).collect();
        text += &match names.is_empty() {
            true => "Ltac formula := idtac.\n".to_string(),
            false => format!("Ltac formula := cbv beta delta [{}].\n", names.join(" ")),
        };
        if self.equations.iter().any(|(name, _)| used(name)) {
            text += SETTLE;
            for (name, equation) in &self.equations {
                if used(name) || self.first.contains(name) {
                    text += equation;
                }
            }
        }
        text
    }
}

/// Decides comparisons of a formula by enclosing the difference of the two sides.
const SETTLE: &str = "\
Ltac real := formula; enclose 100%positive.
Ltac settle := repeat match goal with
  | |- context [Rlt_dec ?a ?b] =>
      let H := fresh in destruct (Rlt_dec a b) as [H|H];
      [ first [exfalso; assert (0 <= a - b) by real; lra | clear H]
      | first [exfalso; assert (0 < b - a) by real; lra | clear H] ]
  | |- context [Rmax ?a ?b] => first
      [ rewrite (Rmax_left a b) by (assert (0 <= a - b) by real; lra)
      | rewrite (Rmax_right a b) by (assert (0 <= b - a) by real; lra) ]
  | |- context [Rmin ?a ?b] => first
      [ rewrite (Rmin_left a b) by (assert (0 <= b - a) by real; lra)
      | rewrite (Rmin_right a b) by (assert (0 <= a - b) by real; lra) ]
  end.
";

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
