//! Both oracles on one request.

use super::case::Case;
use ropewalk::encoding::Question;
use ropewalk::exact::{Answer, answer};
use ropewalk_oracle::SecondOracle;

/// An element where the answers differ.
#[derive(Clone, Debug)]
pub struct Difference {
    pub name: &'static str,
    pub shape: Vec<usize>,
    pub index: usize,
    pub text: String,
}

/// The first element that differs.
pub fn difference(first: &Answer, second: &Answer) -> Option<Difference> {
    if first.tensors.len() != second.tensors.len() {
        let text = format!("{} tensors and {}", first.tensors.len(), second.tensors.len());
        return Some(Difference { name: "", shape: vec![], index: 0, text });
    }
    for (a, b) in first.tensors.iter().zip(&second.tensors) {
        if a == b {
            continue;
        }
        let shape = a.expected.shape().to_vec();
        if a.name != b.name || shape != b.expected.shape() {
            let text = format!("{} {shape:?} and {} {:?}", a.name, b.name, b.expected.shape());
            return Some(Difference { name: a.name, shape: vec![], index: 0, text });
        }
        let residual = |x: &ropewalk::exact::Named, index: usize| {
            x.residual.as_ref().map(|residual| residual.data()[index])
        };
        let differs = |&index: &usize| {
            a.expected.data()[index] != b.expected.data()[index]
                || residual(a, index) != residual(b, index)
        };
        if let Some(index) = (0..a.expected.data().len()).find(differs) {
            let of = |x: &ropewalk::exact::Named| {
                format!("{:x} residual {:x?}", x.expected.data()[index], residual(x, index))
            };
            let text = format!("{}[{index}]: {} and {}", a.name, of(a), of(b));
            return Some(Difference { name: a.name, shape, index, text });
        }
    }
    None
}

/// The answers of a question, or how they disagree.
pub fn both(oracle: &SecondOracle, question: &Question) -> Result<Answer, Difference> {
    let plain = |text: String| Difference { name: "", shape: vec![], index: 0, text };
    let first = answer(question).map_err(|error| plain(format!("first: {error}")))?;
    let second = oracle.answer(question).map_err(|error| plain(format!("second: {error}")))?;
    match difference(&first, &second) {
        None => Ok(first),
        Some(difference) => Err(difference),
    }
}

/// The common answer, or a report with the smallest request that shows the disagreement.
pub fn agree(case: &Case) -> Result<(Question, Answer), String> {
    let question = case.question();
    let oracle = SecondOracle::default();
    let found = match both(&oracle, &question) {
        Ok(answer) => return Ok((question, answer)),
        Err(found) => found,
    };
    let cut = match found.shape.is_empty() {
        true => case.clone(),
        false => case.cut(found.name, &found.shape, found.index),
    };
    let (text, line) = match both(&oracle, &cut.question()) {
        Err(smaller) => (smaller.text, cut.line()),
        // Then it takes the whole request.
        Ok(_) => (found.text, case.line()),
    };
    let line: String = line.chars().take(4000).collect();
    Err(format!("the oracles disagree, {text}\n{line}"))
}
