//! The third door: questions and answers as files, for a machine that has no Ropewalk.
//!
//! A [`Prompt`] holds what is asked as named tensors and a JSON text; [`Answers`] is the kernel
//! that somebody else's tensors make. Which file formats there are is the command line's business;
//! `docs/file-door.md` describes them.

use super::ask::Ask;
use super::capability::{Capability, Description};
use super::case::Case;
use super::kernel::Kernel;
use super::outcome::{Breakage, Outcome};
use super::outside::{Malformed, Outside};
use crate::number::{Dtype, Tensor};
use crate::request::{Json, Object, Operation, Positions};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The value of `schema` in a prompt.
const SCHEMA: &str = "ropewalk-prompt-1";

/// What is asked of a machine without Ropewalk.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// `<id>.<input>`, and `<id>.hash`.
    pub tensors: Vec<(String, Tensor)>,
    /// Everything that is no tensor, and which tensors there are.
    pub json: Json,
    /// Questions asked.
    pub questions: usize,
}

impl Prompt {
    /// The sound questions among some cases: what must be refused cannot be written as tensors.
    /// `selection` says what the cases were chosen from, for whoever judges the answers.
    pub fn new(cases: &[Case], selection: &Selected) -> Prompt {
        let mut tensors = Vec::new();
        let mut questions = Vec::new();
        for case in cases {
            let Some(expected) = case.truth.expected.tensors() else { continue };
            let ask = &case.ask;
            let (mut named, mut rest) = (Object::default(), Object::default());
            for (name, json) in ask.input.object().iter() {
                if let Ok(tensor) = ask.input.tensor(name) {
                    named.set(name, form(&tensor));
                    tensors.push((format!("{}.{name}", ask.id), tensor));
                    continue;
                }
                // Positions stand in the text, exactly; and as integers, where they are some.
                rest.set(name, json.clone());
                if name.ends_with("positions")
                    && let Some(tensor) = integers(name, json)
                {
                    named.set(name, form(&tensor));
                    tensors.push((format!("{}.{name}", ask.id), tensor));
                }
            }
            let hash = hash(ask);
            let carried = Tensor::new(Dtype::I64, vec![], vec![hash.cast_unsigned()]);
            tensors.extend(carried.ok().map(|tensor| (format!("{}.hash", ask.id), tensor)));
            let output: Object =
                expected.0.iter().map(|(name, t)| (name.clone(), form(t))).collect();
            questions.push(object([
                ("id", Json::from(ask.id.as_str())),
                ("hash", Json::from(format!("{hash:016x}").as_str())),
                ("operation", ask.operation.name().into()),
                ("dtype", ask.dtype.name().into()),
                ("config", Json::Object(ask.config.clone())),
                ("input", Json::Object(rest)),
                ("tensors", Json::Object(named)),
                ("output", Json::Object(output)),
            ]));
        }
        let count = questions.len();
        let json = object([
            ("schema", SCHEMA.into()),
            ("suite", crate::vector::SUITE.into()),
            ("selection", selection.to_json()),
            ("questions", Json::Array(questions)),
        ]);
        Prompt { tensors, json, questions: count }
    }
}

/// What questions were chosen from: the golden vectors if nothing is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selected {
    /// A config of the caller's.
    pub config: Option<Object>,
    /// A directory of golden files.
    pub vectors: Option<String>,
}

/// What a prompt's JSON asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompted {
    /// The ids of its questions.
    pub ids: BTreeSet<String>,
    /// What they were chosen from.
    pub selected: Selected,
}

impl Selected {
    fn to_json(&self) -> Json {
        let config = self.config.clone().map(|config| ("config".to_string(), Json::Object(config)));
        let vectors = self.vectors.as_deref().map(|path| ("vectors".to_string(), path.into()));
        Json::Object(config.into_iter().chain(vectors).collect())
    }

    fn read(json: Option<&Json>) -> Result<Selected, String> {
        let object = match json {
            None => return Ok(Selected::default()),
            Some(Json::Object(object)) => object,
            Some(other) => return Err(format!("selection is {}, no object", other.kind())),
        };
        let config = match object.get("config") {
            None => None,
            Some(Json::Object(config)) => Some(config.clone()),
            Some(other) => return Err(format!("selection.config is {}", other.kind())),
        };
        let vectors = match object.get("vectors") {
            None => None,
            Some(Json::String(path)) => Some(path.clone()),
            Some(other) => return Err(format!("selection.vectors is {}", other.kind())),
        };
        Ok(Selected { config, vectors })
    }
}

impl Prompted {
    /// Reads it.
    ///
    /// # Errors
    /// If it is no prompt.
    pub fn read(json: &Json) -> Result<Prompted, Malformed> {
        Ok(Prompted::parse(json)?)
    }

    fn parse(json: &Json) -> Result<Prompted, String> {
        let Json::Object(object) = json else { return Err("a prompt is an object".into()) };
        match object.get("schema") {
            Some(Json::String(schema)) if schema == SCHEMA => {}
            Some(other) => return Err(format!("schema is {other}, known is \"{SCHEMA}\"")),
            None => return Err(format!("schema is missing, known is \"{SCHEMA}\"")),
        }
        let Some(Json::Array(questions)) = object.get("questions") else {
            return Err("questions is no list".into());
        };
        let id = |question: &Json| match question {
            Json::Object(question) => match question.get("id") {
                Some(Json::String(id)) => Ok(id.clone()),
                _ => Err("a question has no id".to_string()),
            },
            other => Err(format!("questions holds {}", other.kind())),
        };
        let ids = questions.iter().map(id).collect::<Result<_, _>>()?;
        Ok(Prompted { ids, selected: Selected::read(object.get("selection"))? })
    }
}

/// What tells one question from every other: 63 bits of the SHA-256 of its request.
pub fn hash(ask: &Ask) -> i64 {
    let text = serde_json::to_string(&ask.to_json()).unwrap_or_default();
    let digest = Sha256::digest(text.as_bytes());
    let first = digest.iter().take(8).fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    (first >> 1) as i64
}

fn object<const N: usize>(pairs: [(&str, Json); N]) -> Json {
    Json::Object(pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect())
}

fn form(tensor: &Tensor) -> Json {
    let shape = tensor.shape().iter().map(|&n| Json::from(n)).collect();
    object([("dtype", tensor.dtype().name().into()), ("shape", Json::Array(shape))])
}

fn integers(name: &str, json: &Json) -> Option<Tensor> {
    let positions = Positions::parse(name, json).ok()?;
    let integer =
        |p: &crate::request::Position| (p.denominator == 1).then_some(p.numerator.cast_unsigned());
    let data = positions.data().iter().map(integer).collect::<Option<Vec<u64>>>()?;
    Tensor::new(Dtype::I64, positions.shape().to_vec(), data).ok()
}

/// A kernel whose answers have been given already.
pub struct Answers {
    name: String,
    by_id: BTreeMap<String, Vec<(String, Tensor)>>,
    /// Operations and formats of which there is an answer at all.
    answered: BTreeSet<(&'static str, &'static str)>,
    /// Every question counts, answered or not.
    all: bool,
}

impl Answers {
    /// Tensors named `<id>.<output>`, with `<id>.hash` copied from the prompt. `cases` are those
    /// that will be asked.
    ///
    /// Of the operations and formats of which no answer is there, nothing is asked; with `all`,
    /// everything is.
    pub fn new(name: &str, tensors: Vec<(String, Tensor)>, cases: &[Case], all: bool) -> Answers {
        let mut by_id: BTreeMap<String, Vec<(String, Tensor)>> = BTreeMap::new();
        for (name, tensor) in tensors {
            // Ids have no dots.
            let (id, output) = name.split_once('.').unwrap_or((&name, ""));
            by_id.entry(id.into()).or_default().push((output.into(), tensor));
        }
        let answered = cases
            .iter()
            .filter(|case| by_id.contains_key(&case.ask.id))
            .map(|case| (case.ask.operation.name(), case.ask.dtype.name()))
            .collect();
        Answers { name: name.into(), by_id, answered, all }
    }

    /// Ids of answers that are to none of these questions.
    pub fn foreign<'a>(&'a self, cases: &[Case]) -> Vec<&'a str> {
        let asked: BTreeSet<&str> = cases.iter().map(|case| case.ask.id.as_str()).collect();
        self.by_id.keys().map(String::as_str).filter(|id| !asked.contains(id)).collect()
    }
}

impl Kernel for Answers {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let floats = || Dtype::FLOATS.into_iter();
        let mixed = floats().flat_map(|from| floats().map(move |to| (from, to))).collect();
        let everything = Capability { mixed, ..Capability::new(&Operation::ALL, &Dtype::ALL) };
        Ok(Description { capabilities: vec![everything], ..Description::named(&self.name) })
    }

    fn reaches(&self, ask: &Ask) -> Result<(), Outside> {
        if ask.question().is_err() {
            return Err("files cannot ask what must be refused".into());
        }
        let (operation, dtype) = (ask.operation.name(), ask.dtype.name());
        if self.all || self.answered.contains(&(operation, dtype)) {
            return Ok(());
        }
        Err(format!("no answer to {operation} in {dtype} is there").into())
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let Some(named) = self.by_id.get(&ask.id) else {
            return Outcome::Skipped("no answer is there".into());
        };
        let want = hash(ask);
        let got = named.iter().find(|(name, _)| name == "hash").map(|(_, tensor)| tensor);
        if got.is_none_or(|got| got.data() != [want.cast_unsigned()]) {
            let got = match got.map(|got| got.data()) {
                Some(&[bits]) => format!("{bits:016x}"),
                Some(_) => "no single number".into(),
                None => "missing".into(),
            };
            return Outcome::Broken(Breakage::Stale { got, want: format!("{want:016x}") });
        }
        let outputs = named.iter().filter(|(name, _)| name != "hash").cloned();
        Outcome::Output(outputs.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Input, Request};

    #[test]
    fn a_hash_depends_on_the_question() {
        let ask = |id: &str| {
            Ask::new(Request {
                id: id.into(),
                operation: Operation::AlibiSlopes,
                dtype: Dtype::F32,
                config: Object::default(),
                input: Input::default(),
            })
        };
        assert_eq!(hash(&ask("a")), hash(&ask("a")));
        assert_ne!(hash(&ask("a")), hash(&ask("b")));
        assert!(hash(&ask("a")) >= 0);
    }
}
