//! How an operation is varied, and what a question is drawn from.

use super::own::Own;
use crate::encoding::Question;
use crate::generate::values::Random;
use crate::number::Dtype;
use crate::request::{Input, Object, Operation, Request};

/// Something that is varied: a name, and levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    pub(super) name: &'static str,
    pub(super) levels: &'static [Level],
}

/// A name, and the words that stand for it in ids.
pub(super) type Level = (&'static str, &'static [&'static str]);

/// How an operation is asked.
pub(super) struct Kind {
    pub(super) operation: Operation,
    pub(super) factors: Vec<Factor>,
    /// Factors of which every three levels are to meet, beside every two of all.
    pub(super) main: &'static [&'static str],
    /// Elements, or what takes as long, of a question with these words; of the least one where a
    /// word is open.
    pub(super) cost: fn(&Words) -> u64,
    pub(super) build: fn(&Words, &mut Random) -> Result<Draft, String>,
}

/// The words of a question, by factor; the empty word is open.
pub(super) struct Words<'a> {
    pub(super) kind: &'a Kind,
    pub(super) words: Vec<&'static str>,
    pub(super) own: Option<&'a Own>,
    /// Whether only the claim is asked about: shapes may be small.
    pub(super) tiny: bool,
}

impl Words<'_> {
    pub(super) fn get(&self, name: &str) -> &'static str {
        let at = self.kind.factors.iter().position(|factor| factor.name == name);
        at.and_then(|at| self.words.get(at)).copied().unwrap_or_default()
    }

    /// A number in a word; where the word is open, the least of all words.
    pub(super) fn size(&self, name: &str) -> usize {
        let number = |word: &str| word.parse().unwrap_or(0);
        match self.get(name) {
            "" => {
                let factor = self.kind.factors.iter().find(|factor| factor.name == name);
                let words = factor.into_iter().flat_map(|factor| factor.levels);
                words.flat_map(|(_, words)| *words).map(|word| number(word)).min().unwrap_or(1)
            }
            word => number(word),
        }
    }
}

/// A question to be.
pub(super) struct Draft {
    pub(super) dtype: Dtype,
    pub(super) config: Object,
    pub(super) input: Object,
    pub(super) flags: Vec<&'static str>,
}

/// A question that is not yet answered.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The request; its id names everything that it was drawn from.
    pub request: Request,
    /// What is special, for people.
    pub comment: String,
    /// Keys into the notes.
    pub flags: Vec<&'static str>,
}

impl Kind {
    /// Every two factors, and every three of the main ones.
    pub(super) fn wanted(&self) -> Vec<Vec<usize>> {
        let count = self.factors.len();
        let at = |name: &&str| self.factors.iter().position(|factor| factor.name == *name);
        let main: Vec<usize> = self.main.iter().filter_map(at).collect();
        let mut sets = Vec::new();
        for (i, a) in main.iter().enumerate() {
            for (j, b) in main.iter().enumerate().skip(i + 1) {
                sets.extend(main[j + 1..].iter().map(|c| vec![*a, *b, *c]));
            }
        }
        for a in 0..count {
            sets.extend((a + 1..count).map(|b| vec![a, b]));
        }
        sets
    }

    pub(super) fn question(&self, id: &str, words: &Words) -> Result<Fresh, String> {
        let Draft { dtype, config, input, flags } = (self.build)(words, &mut Random::new(id))?;
        let pairs = self.factors.iter().zip(&words.words);
        let said: Vec<String> =
            pairs.map(|(factor, word)| format!("{} {word}", factor.name)).collect();
        let comment = format!("drawn: {}", said.join(", "));
        Fresh::new(id, self.operation, Draft { dtype, config, input, flags }, comment)
    }
}

impl Fresh {
    /// With every default filled into the config, as kernels are asked.
    pub(super) fn new(
        id: &str,
        operation: Operation,
        draft: Draft,
        comment: String,
    ) -> Result<Fresh, String> {
        let Draft { dtype, config, input, flags } = draft;
        let mut request =
            Request { id: id.to_string(), operation, dtype, config, input: Input::new(input) };
        let question = Question::new(&request).map_err(|reject| reject.to_string())?;
        request.config = question.config().clone();
        Ok(Fresh { request, comment, flags })
    }
}

/// How ids begin.
pub(super) const fn prefix(own: Option<&Own>) -> &'static str {
    match own {
        None => "fresh-",
        Some(_) => "own-fresh-",
    }
}

/// Input and output of a word: `f32`, `bf16_f32`.
pub(super) fn formats(word: &str) -> Option<(Dtype, Dtype)> {
    let (from, to) = word.split_once('_').unwrap_or((word, word));
    Some((Dtype::from_name(from)?, Dtype::from_name(to)?))
}
