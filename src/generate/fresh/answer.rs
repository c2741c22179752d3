//! Fresh questions with their answers, as golden files that nobody writes.

use super::kind::Fresh;
use crate::encoding::Question;
use crate::exact;
use crate::generate::run::GenerateError;
use crate::request::Operation;
use crate::vector::{Expected, GOLDEN_SCHEMA, Golden, Group, SUITE, Tensors, Test, note};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Answers questions: one file for each operation, with its path.
///
/// # Errors
/// A question that cannot be answered: always a slip in what is drawn.
pub fn answer(questions: &[Fresh]) -> Result<Vec<(String, Golden)>, GenerateError> {
    let groups: Vec<(Operation, Group)> = questions
        .par_iter()
        .with_max_len(1)
        .map(|fresh| Ok((fresh.request.operation, group(fresh)?)))
        .collect::<Result<_, GenerateError>>()?;
    let mut files: Vec<(String, Golden)> = Vec::new();
    for (operation, group) in groups {
        let path = format!("fresh/{}.json", operation.name());
        let file = match files.iter_mut().position(|(known, _)| *known == path) {
            Some(at) => &mut files[at].1,
            None => {
                let golden = Golden {
                    schema: GOLDEN_SCHEMA.to_string(),
                    suite: SUITE.to_string(),
                    operation,
                    notes: BTreeMap::new(),
                    groups: vec![],
                };
                files.push((path, golden));
                let last = files.len() - 1;
                &mut files[last].1
            }
        };
        for flag in group.tests.iter().flat_map(|test| &test.flags) {
            if let Some(remark) = note(flag) {
                file.notes.entry(flag.clone()).or_insert_with(|| remark.to_note());
            }
        }
        file.groups.push(group);
    }
    Ok(files)
}

fn group(fresh: &Fresh) -> Result<Group, GenerateError> {
    let request = &fresh.request;
    let slip = |problem| GenerateError { id: request.id.clone(), problem };
    let question = Question::new(request).map_err(|reject| slip(reject.to_string()))?;
    let answer = exact::answer(&question).map_err(|e| slip(e.to_string()))?;
    let (mut expected, mut residual) = (Vec::new(), Vec::new());
    for tensor in answer.tensors {
        residual.extend(tensor.residual.map(|r| (tensor.name.to_string(), r)));
        expected.push((tensor.name.to_string(), tensor.expected));
    }
    let test = Test {
        id: request.id.clone(),
        comment: fresh.comment.clone(),
        flags: fresh.flags.iter().map(|flag| flag.to_string()).collect(),
        input: request.input.object().clone(),
        expected: Expected::Tensors(Tensors(expected)),
        residual: (!residual.is_empty()).then_some(Tensors(residual)),
        bounds: BTreeMap::new(),
    };
    let (name, config) = (request.id.clone(), request.config.clone());
    Ok(Group { name, config, dtype: request.dtype, basic: false, tests: vec![test] })
}
