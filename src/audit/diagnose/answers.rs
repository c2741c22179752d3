//! The answers of a run as inference takes them: all that have a form, right ones included.

use super::evidence::Evidence;
use crate::audit::case::Case;
use crate::audit::exhibit::Exhibit;
use crate::audit::finding::{CaseReport, Report, Status};
use crate::audit::infer::fact::{Fact, Value};
use crate::audit::infer::{Given, facet, facts};
use crate::audit::probe::Probe;
use std::collections::{BTreeMap, HashMap};

/// In the order of asking.
pub(super) fn given<'a>(
    exhibits: &'a [Exhibit<'a>],
    report: &Report,
    evidence: &'a [&'a Evidence<'a>],
) -> Vec<Given<'a>> {
    let known: HashMap<*const Case, &Evidence> =
        evidence.iter().map(|e| (std::ptr::from_ref(e.case), *e)).collect();
    let one = |(exhibit, judged): (&'a Exhibit<'a>, &CaseReport)| {
        let compared = exhibit.compared()?;
        let marks = match known.get(&std::ptr::from_ref(exhibit.case)) {
            Some(evidence) if evidence.marks.is_empty() => return None,
            Some(evidence) => Some(&evidence.marks[..]),
            None if judged.status == Status::Passed && Probe::of(&exhibit.case.ask).is_none() => {
                None
            }
            None => return None,
        };
        Some(Given {
            question: compared.question,
            facts: BTreeMap::new(),
            right: &compared.expected.0,
            got: compared.output,
            marks,
            fickle: exhibit.answered.fickle,
        })
    };
    exhibits.iter().zip(&report.cases).filter_map(one).collect()
}

/// Where cases come to one thing and not to another, over all of them: `is` says which of both a
/// status is.
fn divided(
    exhibits: &[Exhibit],
    report: &Report,
    is: &dyn Fn(&Status) -> Option<bool>,
) -> Option<String> {
    let one = |(exhibit, case): (&Exhibit, &CaseReport)| {
        let mut facts = facts(exhibit.case.ask.question().ok()?);
        facts.extend(probe_of(&case.id));
        Some((facts, is(&case.status)?))
    };
    facet(exhibits.iter().zip(&report.cases).filter_map(one).collect())
}

/// Ways of asking have names behind an @ in the id.
fn probe_of(id: &str) -> Option<(Fact, Value)> {
    let (_, probe) = id.rsplit_once('@')?;
    Some((Fact::Config("the way of asking".into()), Value::Word(probe.to_string())))
}

/// Where answers are wrong, by settings and shapes.
pub(super) fn where_wrong(exhibits: &[Exhibit], report: &Report) -> Option<String> {
    let is = |status: &Status| match status {
        Status::Passed => Some(false),
        Status::Fickle => None,
        status => status.is_divergence().then_some(true),
    };
    divided(exhibits, report, &is).map(|place| format!("cases go wrong {place}"))
}

/// Where another way of asking makes a difference.
pub(super) fn where_probed(exhibits: &[Exhibit], report: &Report) -> Option<String> {
    let mut probed = report.clone();
    probed.cases.iter_mut().filter(|case| !case.id.contains('@')).for_each(|case| {
        case.status = Status::Unsupported(String::new());
    });
    let is = |status: &Status| match status {
        Status::Passed => Some(false),
        Status::Misbehaved(..) => Some(true),
        _ => None,
    };
    divided(exhibits, &probed, &is).map(|place| format!("another way of asking goes wrong {place}"))
}

/// Where a kernel breaks, or reports an error.
pub(super) fn where_broken(exhibits: &[Exhibit], report: &Report) -> Option<String> {
    let is = |status: &Status| match status {
        Status::Broken("given_up", _) => None,
        Status::Errored(_) | Status::Broken(..) => Some(true),
        Status::Passed | Status::Wrong | Status::Unjudged | Status::Misfit(_) => Some(false),
        _ => None,
    };
    divided(exhibits, report, &is).map(|place| format!("it breaks {place}"))
}
