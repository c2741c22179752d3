//! Answers plans.

use super::plan::{FilePlan, GroupPlan, TestPlan};
use crate::encoding::Question;
use crate::exact;
use crate::number::Tensor;
use crate::profile;
use crate::request::{Request, run_request};
use crate::vector::{
    Entry, Expected, GOLDEN_SCHEMA, Golden, Group, Manifest, SUITE, Tensors, Test, note,
};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A golden file that was made.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Path below the directory of the vectors.
    pub path: String,
    /// The model.
    pub golden: Golden,
    /// Its canonical text.
    pub text: String,
    /// Highest working precision that an element needed, in bits; 0 if all were exact.
    pub precision: u32,
}

/// A question that cannot be made: a slip in a suite, or an id that nothing is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id}: {problem}")]
pub struct GenerateError {
    /// The id of the test, or the path of the file.
    pub id: String,
    /// What is wrong.
    pub problem: String,
}

/// Answers plans; `progress` is called after every test, from any thread.
///
/// # Errors
/// The first slip, in the order of the plans: an answer where a refusal was planned or the reverse,
/// a flag without a note, `UndecidedRounding`.
pub fn generate(
    plans: &[FilePlan],
    progress: &(dyn Fn() + Sync),
) -> Result<Vec<Generated>, GenerateError> {
    let mut files = answered(plans, true, progress)?;
    files.par_iter_mut().for_each(|file| file.text = file.golden.to_canonical());
    Ok(files)
}

/// Answers plans for whoever judges by bounds of its own: without the ones that golden files carry
/// and without the text, which together take longer than the answers.
///
/// # Errors
/// As [`generate`].
pub fn truths(
    plans: &[FilePlan],
    progress: &(dyn Fn() + Sync),
) -> Result<Vec<(String, Golden)>, GenerateError> {
    let files = answered(plans, false, progress)?;
    Ok(files.into_iter().map(|file| (file.path, file.golden)).collect())
}

fn answered(
    plans: &[FilePlan],
    bounded: bool,
    progress: &(dyn Fn() + Sync),
) -> Result<Vec<Generated>, GenerateError> {
    let tests: Vec<_> = plans
        .iter()
        .flat_map(|file| {
            file.groups.iter().flat_map(move |g| g.tests.iter().map(move |t| (file, g, t)))
        })
        .collect();
    // One task per test, collected in order: threads decide who computes, not what.
    let answered: Vec<_> = tests
        .par_iter()
        .with_max_len(1)
        .map(|(file, group, test)| {
            let answered = answer(file, group, test, bounded);
            progress();
            answered
        })
        .collect();
    let mut answered = answered.into_iter();
    let mut files = Vec::new();
    for plan in plans {
        files.push(assemble(plan, &mut answered)?);
    }
    Ok(files)
}

/// The manifest of a whole suite.
pub fn manifest(files: &[Generated]) -> Manifest {
    let entry = |file: &Generated| Entry::new(&file.path, &file.text, &file.golden);
    Manifest::new(files.iter().map(entry).collect())
}

type Answered = Result<(Test, u32), GenerateError>;

fn answer(file: &FilePlan, group: &GroupPlan, test: &TestPlan, bounded: bool) -> Answered {
    let id = file.id(group, test);
    let slip = |problem: String| GenerateError { id: id.clone(), problem };
    let json = run_request(file.operation, group.dtype, &id, &group.config, &test.input);
    let asked = Request::from_json(&json).and_then(|request| Question::new(&request));
    let (expected, residual, bounds, precision) = match (asked, test.refused) {
        (Err(reject), Some(slug)) if reject.slug == slug => {
            (Expected::Reject(slug), None, BTreeMap::new(), 0)
        }
        (Err(reject), planned) => {
            let planned = planned.map_or("an answer", |slug| slug.name());
            return Err(slip(format!("planned was {planned}, but {reject}")));
        }
        (Ok(_), Some(slug)) => {
            return Err(slip(format!("planned was {}, but it is in order", slug.name())));
        }
        (Ok(question), None) => {
            let answer = exact::answer(&question).map_err(|e| slip(e.to_string()))?;
            let precision = answer.precision;
            let mut expected: Vec<(String, Tensor)> = Vec::new();
            let mut residual = Vec::new();
            for tensor in answer.tensors {
                if let Some(r) = tensor.residual {
                    residual.push((tensor.name.to_string(), r));
                }
                expected.push((tensor.name.to_string(), tensor.expected));
            }
            let residual = (!residual.is_empty()).then_some(Tensors(residual));
            let bounds = if bounded { bounds(&question) } else { BTreeMap::new() };
            (Expected::Tensors(Tensors(expected)), residual, bounds, precision)
        }
    };
    let test = Test {
        id,
        comment: test.comment.clone(),
        flags: test.flags.iter().map(|flag| flag.to_string()).collect(),
        input: test.input.clone(),
        expected,
        residual,
        bounds,
    };
    Ok((test, precision))
}

/// The bounds of the profiles in common use; none where everything is an integer.
fn bounds(question: &Question) -> BTreeMap<String, Tensors> {
    let list = profile::bounds(question, &profile::carried(question.dtype)).into_iter();
    let tensors = |named: Vec<profile::Named>| {
        Tensors(named.into_iter().map(|n| (n.name.to_string(), n.tensor)).collect())
    };
    list.map(|(profile, named)| (profile.to_string(), tensors(named))).collect()
}

/// Takes a file's tests off the stream of answers.
fn assemble(
    plan: &FilePlan,
    answered: &mut impl Iterator<Item = Answered>,
) -> Result<Generated, GenerateError> {
    let mut precision = 0;
    let mut notes = BTreeMap::new();
    let mut groups = Vec::new();
    for (index, group) in plan.groups.iter().enumerate() {
        let mut tests = Vec::new();
        for answer in answered.take(group.tests.len()) {
            let (test, needed) = answer?;
            precision = precision.max(needed);
            for flag in &test.flags {
                let Some(remark) = note(flag) else {
                    let problem = format!("flag {flag:?} has no note");
                    return Err(GenerateError { id: test.id, problem });
                };
                notes.entry(flag.clone()).or_insert_with(|| remark.to_note());
            }
            tests.push(test);
        }
        groups.push(Group {
            name: group.name.clone(),
            config: group.config.clone(),
            dtype: group.dtype,
            basic: index == 0,
            tests,
        });
    }
    let golden = Golden {
        schema: GOLDEN_SCHEMA.to_string(),
        suite: SUITE.to_string(),
        operation: plan.operation,
        notes,
        groups,
    };
    Ok(Generated { path: plan.path.clone(), golden, text: String::new(), precision })
}
