//! A function of Python as a kernel of the auditor.

use crate::tensors::{Foreign, Packed, packed};
use crate::work::Line;
use pyo3::prelude::*;
use ropewalk::audit::{Ask, Breakage, Description, Kernel, Outcome, Outside};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::Json;

/// A question for Python: id, operation, dtype, config as JSON, tensors (positions are i64), and
/// the other inputs as JSON.
pub type Question<'py> =
    (String, &'static str, &'static str, String, Vec<(String, Packed<'py>)>, String);

/// An answer of Python: what it is, its tensors, its words.
pub type Reply = (String, Vec<(String, Foreign)>, String);

/// A kernel on the other side of a line.
pub struct Remote {
    description: Description,
    line: Line<Ask, Outcome>,
    log: Vec<String>,
}

/// Failures whose words are kept.
const REMEMBERED: usize = 3;

impl Remote {
    /// The kernel that a line leads to.
    pub fn new(description: Description, line: Line<Ask, Outcome>) -> Remote {
        Remote { description, line, log: vec![] }
    }
}

impl Kernel for Remote {
    fn describe(&mut self) -> Result<Description, Breakage> {
        Ok(self.description.clone())
    }

    fn reaches(&self, ask: &Ask) -> Result<(), Outside> {
        match ask.question().is_ok() {
            true => Ok(()),
            false => Err("a function is asked sound questions only".into()),
        }
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let outcome = self.line.ask(ask.clone());
        // Nobody listens after an interrupt, nor to what comes of this.
        let outcome = outcome.unwrap_or(Outcome::Broken(Breakage::GivenUp(1)));
        if let Outcome::Errored(words) = &outcome
            && self.log.len() < REMEMBERED
        {
            self.log.push(format!("{}: {words}", ask.id));
        }
        outcome
    }

    fn log(&self) -> String {
        self.log.join("\n")
    }
}

/// A question in Python's terms; the outcome if it cannot be put so.
pub fn asked<'py>(py: Python<'py>, ask: &Ask) -> Result<Question<'py>, Outcome> {
    let mut tensors = Vec::new();
    let mut others = ropewalk::request::Object::default();
    for (name, json) in ask.input.object().iter() {
        match json {
            Json::Object(_) => tensors.push((name.to_string(), packed(py, &ask.tensor(name)?))),
            Json::Array(_) => {
                let shape = shape(json);
                let list = ask.positions(name)?;
                let data = list.into_iter().map(i64::cast_unsigned).collect();
                let tensor = Tensor::new(Dtype::I64, shape, data);
                let tensor = tensor.map_err(|e| Outcome::Unsupported(e.to_string()))?;
                tensors.push((name.to_string(), packed(py, &tensor)));
            }
            other => others.set(name, other.clone()),
        }
    }
    let text = |object: &ropewalk::request::Object| {
        serde_json::to_string(&Json::Object(object.clone()))
            .map_err(|e| Outcome::Unsupported(e.to_string()))
    };
    Ok((
        ask.id.clone(),
        ask.operation.name(),
        ask.dtype.name(),
        text(&ask.config)?,
        tensors,
        text(&others)?,
    ))
}

/// The lengths of nested lists.
fn shape(json: &Json) -> Vec<usize> {
    match json {
        Json::Array(items) => {
            let mut shape = vec![items.len()];
            shape.extend(items.first().map(self::shape).unwrap_or_default());
            shape
        }
        _ => vec![],
    }
}

/// What Python answered.
pub fn outcome(py: Python<'_>, reply: Reply) -> Outcome {
    let (kind, tensors, words) = reply;
    match kind.as_str() {
        "output" => {
            let read = tensors.into_iter().map(|(name, foreign)| {
                let tensor = foreign.tensor(&name);
                foreign.release(py);
                tensor.map(|tensor| (name, tensor))
            });
            match read.collect::<PyResult<Vec<_>>>() {
                Ok(named) => Outcome::Output(named),
                Err(error) => Outcome::Errored(error.to_string()),
            }
        }
        "unsupported" => Outcome::Unsupported(words),
        "skipped" => Outcome::Skipped(words),
        _ => Outcome::Errored(words),
    }
}

/// Puts a question to a function of Python. An exception that is no `Exception` (Ctrl-C) goes on.
pub fn put(py: Python<'_>, function: &Bound<'_, PyAny>, ask: &Ask) -> PyResult<Outcome> {
    match asked(py, ask) {
        Ok(question) => Ok(outcome(py, function.call1(question)?.extract()?)),
        Err(outcome) => Ok(outcome),
    }
}
