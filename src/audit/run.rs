//! The audit itself: asks, judges, and says what follows.

use super::capability::Description;
use super::case::Case;
use super::diagnose::diagnose;
use super::errors::measured::measured;
use super::exhibit::{Exhibit, exhibits, judging};
use super::finding::{CaseReport, Report, Status, Verdict};
use super::kernel::Kernel;
use super::outcome::{Answered, Breakage, Outcome};
use super::probe::found;
use super::section::{Member, explain, section};
use super::sight::sight;
use crate::number::{Dtype, Tensor};
use crate::profile::Profile;
use crate::request::Operation;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What may be chosen of an audit.
pub struct Options<'a> {
    /// How the kernel was reached, for the report.
    pub door: String,
    /// Judge by this profile instead of the right one that fits best.
    pub profile: Option<Profile>,
    /// Ask everything twice and require the same answers.
    pub twice: bool,
    /// Look for the cause of what is wrong.
    pub diagnose: bool,
    /// Say which faults the run would have seen.
    pub sight: bool,
    /// Whether a test is listed as failing.
    pub known: &'a (dyn Fn(&str) -> bool + Sync),
    /// Called after every answer.
    pub progress: &'a (dyn Fn() + Sync),
}

impl Default for Options<'_> {
    fn default() -> Self {
        let (known, progress) = (&|_: &str| false, &|| ());
        Options {
            door: String::new(),
            profile: None,
            twice: true,
            diagnose: true,
            sight: true,
            known,
            progress,
        }
    }
}

/// An audit: the answers, and the report.
pub struct Audited {
    /// In the order of asking.
    pub asked: Vec<Answered>,
    /// What follows.
    pub report: Report,
}

/// Asks a kernel every case that it claims, judges the answers, and reports.
///
/// Basic cases come first, the others in their order; with `twice` all of them once more, so that
/// an answer that depends on what was asked before shows.
pub fn audit(kernel: &mut dyn Kernel, cases: &[Case], options: &Options) -> Audited {
    let description = match kernel.describe() {
        Ok(description) => description,
        Err(breakage) => {
            let mut report = Report::new(Description::default(), options.door.clone());
            report.verdict = Verdict::AdapterFault;
            report.complaints.push(format!("the kernel {breakage}"));
            report.log = kernel.log();
            return Audited { asked: vec![], report };
        }
    };
    let (basic, rest): (Vec<usize>, Vec<usize>) =
        (0..cases.len()).partition(|&index| cases[index].basic);
    let mut used = vec![0; description.capabilities.len()];
    let mut asked: Vec<Answered> = Vec::new();
    for index in basic.into_iter().chain(rest) {
        let case = &cases[index];
        let covered = description
            .covers(&case.ask)
            .and_then(|capability| kernel.reaches(&case.ask).map(|()| capability));
        let outcome = covered.map(|capability| {
            let outcome = kernel.ask(&case.ask);
            if matches!(
                outcome,
                Outcome::Output(_) | Outcome::Rejected(_) | Outcome::Misbehaved(..)
            ) {
                used[capability] += 1;
            }
            outcome
        });
        (options.progress)();
        asked.push(Answered { case: index, outcome, fickle: false, broke: None });
    }
    if options.twice {
        for one in &mut asked {
            if let Ok(first @ Outcome::Output(_)) = &one.outcome {
                match kernel.ask(&cases[one.case].ask) {
                    // Nothing was asked: what was answered before stands.
                    Outcome::Broken(Breakage::GivenUp(_)) => {}
                    again
                    @ (Outcome::Broken(_) | Outcome::Errored(_) | Outcome::Misbehaved(..)) => {
                        one.broke = Some(again)
                    }
                    again => one.fickle = !same(first, &again),
                }
            }
            (options.progress)();
        }
    }
    let log = kernel.log();
    let mut report = judge_all(cases, &asked, description, options);
    for (index, count) in used.iter().enumerate() {
        if *count == 0 {
            report.complaints.push(format!("capability {} was never exercised", index + 1));
        }
    }
    if report.cases.iter().any(|case| case.status.is_breakage()) {
        report.log = log;
    }
    report.verdict = verdict(&report);
    Audited { asked, report }
}

/// Judges answers that are there already.
pub fn judge_all(
    cases: &[Case],
    answered: &[Answered],
    description: Description,
    options: &Options,
) -> Report {
    let mut report = Report::new(description, options.door.clone());
    let exhibits = exhibits(cases, answered, options.profile);
    let mut members: BTreeMap<(usize, Dtype), Vec<usize>> = BTreeMap::new();
    for (index, exhibit) in exhibits.iter().enumerate() {
        let ask = &exhibit.case.ask;
        let operation = Operation::ALL.iter().position(|op| *op == ask.operation);
        members.entry((operation.unwrap_or_default(), ask.dtype)).or_default().push(index);
    }
    let mut slots = vec![0; exhibits.len()];
    let mut profiles: Vec<Vec<&'static str>> = Vec::new();
    for ((_, dtype), members) in &members {
        let (all, acquitting) = judging(*dtype, options.profile);
        let own: Vec<&Exhibit> = members.iter().map(|&index| &exhibits[index]).collect();
        let (names, chosen) = explain(&own, &all[..acquitting]);
        members.iter().zip(chosen).for_each(|(&index, slot)| slots[index] = slot);
        profiles.push(names);
    }
    let known = |exhibit: &Exhibit| (options.known)(&exhibit.case.ask.id);
    let mut reports: Vec<CaseReport> =
        exhibits.iter().zip(&slots).map(|(one, &slot)| one.report(slot, known(one))).collect();
    found::name_failures(&mut reports);
    let member = |&index: &usize| Member {
        exhibit: &exhibits[index],
        index,
        slot: slots[index],
        report: &reports[index],
        errors: measured(&exhibits[index], slots[index]),
    };
    for (names, members) in profiles.into_iter().zip(members.values()) {
        let members: Vec<Member> = members.par_iter().map(member).collect();
        report.sections.extend(section(names, &members));
    }
    report.diagnoses = found::diagnoses(&reports);
    report.cases = reports;
    report.complaints = complaints(&report);
    report.verdict = verdict(&report);
    // What a probe found has its cause already.
    let probed = |case: &CaseReport| matches!(case.status, Status::Misbehaved(..));
    if options.diagnose && report.divergences().any(|case| !probed(case)) {
        let (found, clues) = diagnose(&exhibits, &report, options.profile);
        report.diagnoses.extend(found);
        report.clues = clues;
    }
    if options.sight && !exhibits.is_empty() {
        (report.seen, report.unseen) = sight(&exhibits, &report.cases);
    }
    report
}

/// Whether two answers are the same, whatever the payload of a NaN.
fn same(first: &Outcome, again: &Outcome) -> bool {
    let (Outcome::Output(first), Outcome::Output(again)) = (first, again) else {
        return first == again;
    };
    let bits = |tensor: &Tensor| -> Vec<u64> {
        let canonical = |&bits: &u64| match tensor.dtype().format() {
            Some(format) if format.is_nan(bits) => format.quiet_nan(),
            _ => bits,
        };
        tensor.data().iter().map(canonical).collect()
    };
    first.len() == again.len()
        && first.iter().zip(again).all(|((name, a), (other, b))| {
            name == other && a.shape() == b.shape() && a.dtype() == b.dtype() && bits(a) == bits(b)
        })
}

/// Whatever is wrong with the run itself.
fn complaints(report: &Report) -> Vec<String> {
    let stale = report.cases.iter().filter(|case| case.known && case.status == Status::Passed);
    let stale = stale.map(|case| format!("{} is listed as a known failure and passes", case.id));
    let silent = report.sections.iter().flat_map(|section| &section.silent_groups);
    let silent =
        silent.map(|group| format!("the kernel claims the group {group} and skipped all of it"));
    stale.chain(silent).collect()
}

fn verdict(report: &Report) -> Verdict {
    let stale = report.cases.iter().any(|case| case.known && case.status == Status::Passed);
    let judged: usize = report.cases.iter().map(|case| case.judged).sum();
    if stale || report.divergences().next().is_some() {
        return Verdict::Diverges;
    }
    if report.cases.iter().any(|case| case.status.is_breakage() && !case.known) {
        return Verdict::AdapterFault;
    }
    if judged == 0 || !report.complaints.is_empty() {
        return Verdict::Unjudged;
    }
    Verdict::Conforms
}
