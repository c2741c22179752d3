//! The answers of a run as inference takes them: all that have a form, right ones included.

use super::evidence::Evidence;
use crate::audit::case::Case;
use crate::audit::finding::{Report, Status};
use crate::audit::infer::Given;
use crate::audit::outcome::{Answered, Outcome};
use crate::audit::probe::Probe;
use crate::fault::{Asked, History};
use crate::vector::Expected;
use std::collections::{BTreeMap, HashMap};

/// In the order of asking.
pub(super) fn given<'a>(
    cases: &'a [Case],
    answers: &'a [Answered],
    asked: &'a [(Asked, History)],
    report: &Report,
    evidence: &'a [&'a Evidence<'a>],
) -> Vec<Given<'a>> {
    let known: HashMap<*const Case, &Evidence> =
        evidence.iter().map(|e| (std::ptr::from_ref(e.case), *e)).collect();
    let one = |((answer, (asked, _)), judged): ((&'a Answered, &'a (Asked, History)), _)| {
        let judged: &crate::audit::finding::CaseReport = judged;
        let case = &cases[answer.case];
        let (Ok(Outcome::Output(got)), Expected::Tensors(right)) =
            (&answer.outcome, &case.truth.expected)
        else {
            return None;
        };
        let marks = match known.get(&std::ptr::from_ref(case)) {
            Some(evidence) if evidence.marks.is_empty() => return None,
            Some(evidence) => Some(&evidence.marks[..]),
            None if judged.status == Status::Passed && Probe::of(&case.ask).is_none() => None,
            None => return None,
        };
        Some(Given {
            question: asked.question().ok()?,
            facts: BTreeMap::new(),
            right: &right.0,
            got,
            marks,
            fickle: answer.fickle,
        })
    };
    answers.iter().zip(asked).zip(&report.cases).filter_map(one).collect()
}
