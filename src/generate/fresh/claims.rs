//! What a kernel may be asked, and what was drawn for it.

use super::kind::{Fresh, formats};
use super::own::Own;
use super::positions::reaches;
use crate::encoding::Layout;
use crate::number::Dtype;
use crate::request::{Direction, Operation};

/// What may be asked.
pub struct Claims<'a> {
    /// Operations.
    pub operations: &'a [Operation],
    /// Formats of inputs and of outputs.
    pub formats: &'a [(Dtype, Dtype)],
    /// Layouts.
    pub layouts: &'a [Layout],
    /// Scaling rules; none if all.
    pub rope_types: Option<&'a [String]>,
    /// Directions.
    pub directions: &'a [Direction],
    /// The least and the largest position that is claimed: what lies beyond is not even drawn.
    pub positions: [i64; 2],
    /// Whether a question is within the claim, or why not.
    pub admits: &'a dyn Fn(&Fresh) -> Result<(), String>,
    /// A config of the caller's, to which all questions belong.
    pub own: Option<&'a Own>,
    /// Whether the claim depends on how many rows and tokens there are.
    pub shaped: bool,
}

impl Claims<'_> {
    /// Whether a word of a factor is in the lists of the claim, or why not: what is not need not be
    /// built.
    pub(super) fn admits_word(&self, factor: &str, word: &str) -> Result<(), String> {
        let holds = match factor {
            "format" => formats(word).is_some_and(|pair| self.formats.contains(&pair)),
            "layout" if self.operations.is_empty() => true,
            "layout" => self.layouts.iter().any(|layout| layout.name() == word),
            "direction" => self.directions.iter().any(|known| known.name() == word),
            "reach" => reaches(word, self.positions),
            "rule" => self.rope_types.is_none_or(|types| {
                let own = if word.starts_with("sections") { "default" } else { word };
                types.iter().any(|known| known == own)
            }),
            _ => true,
        };
        if holds { Ok(()) } else { Err(format!("{factor} {word} is not claimed")) }
    }
}

/// What was drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The questions.
    pub questions: Vec<Fresh>,
    /// How many combinations of levels meet in them.
    pub combinations: usize,
    /// Levels and combinations that no question has, and why: operation, what, why.
    pub unasked: Vec<(Operation, String, String)>,
}
