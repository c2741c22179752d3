//! The answers of a run as inference takes them: all that have a form, right ones included.

use super::evidence::Evidence;
use crate::audit::case::Case;
use crate::audit::finding::{Report, Status};
use crate::audit::infer::{Given, facet, facts};
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

/// Where cases come to one thing and not to another, over all of them: `is` says which of both a
/// status is.
fn divided(
    asked: &[(Asked, History)],
    report: &Report,
    is: &dyn Fn(&Status) -> Option<bool>,
) -> Option<String> {
    let one = |((asked, _), case): (&(Asked, History), &crate::audit::finding::CaseReport)| {
        let mut facts = facts(asked.question().ok()?);
        facts.extend(probe_of(&case.id));
        Some((facts, is(&case.status)?))
    };
    facet(asked.iter().zip(&report.cases).filter_map(one).collect())
}

/// Ways of asking have names behind an @ in the id.
fn probe_of(id: &str) -> Option<(crate::audit::infer::fact::Fact, crate::audit::infer::fact::Value)> {
    use crate::audit::infer::fact::{Fact, Value};
    let (_, probe) = id.rsplit_once('@')?;
    Some((Fact::Config("the way of asking".into()), Value::Word(probe.to_string())))
}

/// Where answers are wrong, by settings and shapes.
pub(super) fn where_wrong(asked: &[(Asked, History)], report: &Report) -> Option<String> {
    let is = |status: &Status| match status {
        Status::Passed => Some(false),
        Status::Fickle => None,
        status => status.is_divergence().then_some(true),
    };
    divided(asked, report, &is).map(|place| format!("cases go wrong {place}"))
}

/// Where another way of asking makes a difference.
pub(super) fn where_probed(asked: &[(Asked, History)], report: &Report) -> Option<String> {
    let mut probed = report.clone();
    probed.cases.iter_mut().filter(|case| !case.id.contains('@')).for_each(|case| {
        case.status = Status::Unsupported(String::new());
    });
    let is = |status: &Status| match status {
        Status::Passed => Some(false),
        Status::Misbehaved(..) => Some(true),
        _ => None,
    };
    divided(asked, &probed, &is).map(|place| format!("another way of asking goes wrong {place}"))
}

/// Where a kernel breaks, or reports an error.
pub(super) fn where_broken(asked: &[(Asked, History)], report: &Report) -> Option<String> {
    let is = |status: &Status| match status {
        Status::Broken("given_up", _) => None,
        Status::Errored(_) | Status::Broken(..) => Some(true),
        Status::Passed | Status::Wrong | Status::Unjudged | Status::Misfit(_) => Some(false),
        _ => None,
    };
    divided(asked, report, &is).map(|place| format!("it breaks {place}"))
}
