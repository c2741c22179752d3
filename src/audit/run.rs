//! The audit itself: asks, judges, and says what follows.

use super::capability::Description;
use super::case::Case;
use super::diagnose::{diagnose, evidence};
use super::errors::Errors;
use super::finding::{CaseReport, Report, Section, Status, Verdict};
use super::judge::{HISTOGRAM, Judged, Misfit, judge};
use super::kernel::Kernel;
use super::outcome::{Answered, Outcome};
use super::probe::found;
use super::sight::sight;
use super::tolerance::right_profiles;
use crate::number::{Dtype, Tensor};
use crate::profile::Profile;
use crate::request::{Operation, Slug};
use crate::vector::Expected;
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
    /// Look for the cause of what is wrong, and say which faults the run would have seen.
    pub diagnose: bool,
    /// Whether a test is listed as failing.
    pub known: &'a (dyn Fn(&str) -> bool + Sync),
    /// Called after every answer.
    pub progress: &'a (dyn Fn() + Sync),
}

impl Default for Options<'_> {
    fn default() -> Self {
        let (known, progress) = (&|_: &str| false, &|| ());
        Options { door: String::new(), profile: None, twice: true, diagnose: true, known, progress }
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
            let mut report = Report::empty(Description::default(), options);
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
        asked.push(Answered { case: index, outcome, fickle: false });
    }
    if options.twice {
        for one in &mut asked {
            if let Ok(first @ Outcome::Output(_)) = &one.outcome {
                match kernel.ask(&cases[one.case].ask) {
                    // To break is worse than to change one's mind, and another thing.
                    again
                    @ (Outcome::Broken(_) | Outcome::Errored(_) | Outcome::Misbehaved(..)) => {
                        one.outcome = Ok(again)
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
    report.verdict = report.concluded();
    Audited { asked, report }
}

/// Judges answers that are there already.
pub fn judge_all(
    cases: &[Case],
    asked: &[Answered],
    description: Description,
    options: &Options,
) -> Report {
    let mut report = Report::empty(description, options);
    let judged: Vec<One> =
        asked.par_iter().map(|one| One::new(&cases[one.case], one, options)).collect();
    // One section is one kernel, in all likelihood, and gets one profile.
    let mut sections: BTreeMap<(usize, Dtype), Vec<usize>> = BTreeMap::new();
    for (index, one) in judged.iter().enumerate() {
        let operation = Operation::ALL.iter().position(|op| *op == one.case.ask.operation);
        let key = (operation.unwrap_or_default(), one.case.ask.dtype);
        sections.entry(key).or_default().push(index);
    }
    let mut slots = vec![0; judged.len()];
    for ((_, dtype), members) in &sections {
        let profiles = chosen(*dtype, options);
        let (names, slot_of) = explain(&judged, members, &profiles);
        for (&index, slot) in members.iter().zip(slot_of) {
            slots[index] = slot;
        }
        let of = |&index: &usize| judged[index].report(slots[index], options);
        let reports: Vec<(CaseReport, &One)> =
            members.iter().map(|index| (of(index), &judged[*index])).collect();
        let section = Section::new(names, &reports, &slots, members);
        if section.passed + section.diverged + section.broken + section.unjudged > 0 {
            report.sections.push(section);
        }
    }
    report.cases =
        judged.iter().zip(&slots).map(|(one, slot)| one.report(*slot, options)).collect();
    found::name_failures(&mut report.cases);
    report.diagnoses = found::diagnoses(&report.cases);
    super::errors::lay_out(&mut report, cases, asked, options.profile);
    report.complain(options);
    report.verdict = report.concluded();
    if options.diagnose && !asked.is_empty() {
        let read = evidence::asked(cases, asked);
        // What a probe found has its cause already.
        let probed = |case: &CaseReport| matches!(case.status, Status::Misbehaved(..));
        if report.divergences().any(|case| !probed(case)) {
            let (found, clues) = diagnose(cases, asked, &read, &report, options.profile);
            report.diagnoses.extend(found);
            report.clues = clues;
        }
        (report.seen, report.unseen) = sight(cases, asked, &read, &report.cases);
    }
    report
}

fn chosen(dtype: Dtype, options: &Options) -> Vec<Profile> {
    match &options.profile {
        Some(profile) => vec![*profile],
        None => right_profiles(dtype),
    }
}

/// The profile of every case of a section, by slot, and their names: one for all if one explains
/// all; else one for each group; else the one that leaves least unexplained.
fn explain(
    judged: &[One],
    members: &[usize],
    profiles: &[Profile],
) -> (Vec<&'static str>, Vec<usize>) {
    let tally = |index: usize, slot: usize| match &judged[index].judged {
        Some(judged) => judged.tallies.get(slot),
        None => None,
    };
    let wrong = |slot: usize, members: &[usize]| -> usize {
        members.iter().filter_map(|&i| tally(i, slot)).map(|t| t.wrong).sum()
    };
    let loose = |slot: usize, members: &[usize]| -> f64 {
        members.iter().filter_map(|&i| tally(i, slot)).map(|t| t.looseness).sum()
    };
    // The tightest of those that leave least unexplained.
    let best = |members: &[usize]| -> usize {
        let score = |slot: &usize| (wrong(*slot, members), loose(*slot, members));
        (0..profiles.len())
            .min_by(|a, b| {
                let (a, b) = (score(a), score(b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            })
            .unwrap_or_default()
    };
    let name = |slot: usize| profiles.get(slot).map(|p| p.name);
    let one = best(members);
    if wrong(one, members) == 0 {
        return (name(one).into_iter().collect(), vec![one; members.len()]);
    }
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &index in members {
        groups.entry(&judged[index].case.group).or_default().push(index);
    }
    let by_group: BTreeMap<&str, usize> =
        groups.iter().map(|(group, members)| (*group, best(members))).collect();
    if groups.iter().any(|(group, members)| wrong(by_group[group], members) > 0) {
        return (name(one).into_iter().collect(), vec![one; members.len()]);
    }
    let slots: Vec<usize> =
        members.iter().map(|&index| by_group[judged[index].case.group.as_str()]).collect();
    let mut names: Vec<&str> = slots.iter().filter_map(|&slot| name(slot)).collect();
    names.sort_unstable();
    names.dedup();
    (names, slots)
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

/// One case, its answer, and what judging it gave by every profile.
struct One<'c> {
    case: &'c Case,
    /// Decided without a profile.
    status: Option<Status>,
    judged: Option<Judged>,
    notes: Vec<String>,
}

impl<'c> One<'c> {
    fn new(case: &'c Case, asked: &Answered, options: &Options) -> One<'c> {
        let mut one = One { case, status: None, judged: None, notes: vec![] };
        let outcome = match &asked.outcome {
            Ok(outcome) => outcome,
            Err(reason) => {
                one.status = Some(Status::Unclaimed(reason.clone()));
                return one;
            }
        };
        one.status = match (outcome, &case.truth.expected) {
            (Outcome::Unsupported(text), _) => Some(Status::Unsupported(text.clone())),
            (Outcome::Skipped(text), _) => Some(Status::Skipped(text.clone())),
            (Outcome::Errored(text), _) => Some(Status::Errored(text.clone())),
            (Outcome::Misbehaved(probe, text), _) => Some(Status::Misbehaved(*probe, text.clone())),
            (Outcome::Broken(b), _) => Some(Status::Broken(b.name(), b.to_string())),
            (Outcome::Rejected(text), Expected::Reject(slug)) => {
                one.notes.extend(other_reason(text, *slug));
                Some(Status::Passed)
            }
            (Outcome::Rejected(text), Expected::Tensors(_)) => Some(Status::Refused(text.clone())),
            (Outcome::Output(_), Expected::Reject(slug)) => Some(Status::Accepted(slug.name())),
            (Outcome::Output(output), Expected::Tensors(expected)) => match case.ask.question() {
                // A golden file whose question this program refuses is no test of the kernel.
                Err(reject) => Some(Status::Skipped(format!("the question is refused: {reject}"))),
                Ok(question) => {
                    let profiles = chosen(case.ask.dtype, options);
                    match judge(case, question, expected, output, &profiles) {
                        Err(misfit) => Some(Status::Misfit(Misfit::to_string(&misfit))),
                        Ok(judged) => {
                            one.notes.extend(judged.notes.iter().cloned());
                            one.judged = Some(judged);
                            asked.fickle.then_some(Status::Fickle)
                        }
                    }
                }
            },
        };
        one
    }

    fn report(&self, slot: usize, options: &Options) -> CaseReport {
        let tally = self.judged.as_ref().and_then(|judged| judged.tallies.get(slot));
        let status = match (&self.status, tally) {
            (Some(status), _) => status.clone(),
            (None, Some(tally)) if tally.wrong > 0 => Status::Wrong,
            (None, Some(tally)) if tally.judged == 0 && tally.unjudged > 0 => Status::Unjudged,
            (None, _) => Status::Passed,
        };
        let rejection = self.judged.is_none() && status == Status::Passed;
        let ask = &self.case.ask;
        CaseReport {
            id: ask.id.clone(),
            group: self.case.group.clone(),
            operation: ask.operation,
            dtype: ask.dtype,
            comment: self.case.comment.clone(),
            flags: self.case.flags.clone(),
            basic: self.case.basic,
            known: (options.known)(&ask.id),
            judged: tally.map_or(usize::from(rejection), |tally| tally.judged),
            unjudged: tally.map_or(0, |tally| tally.unjudged),
            wrong: tally.map_or(0, |tally| tally.wrong),
            worst: tally.and_then(|tally| tally.worst.clone()),
            worst_ulp: self.judged.as_ref().and_then(|j| j.worst_ulp.as_ref()).map(|w| w.ulps),
            notes: self.notes.clone(),
            profile: tally
                .and_then(|_| chosen(ask.dtype, options).get(slot).map(|profile| profile.name)),
            place: None,
            status,
        }
    }
}

/// A note where a kernel refused for another reason than the one of the file.
fn other_reason(text: &str, slug: Slug) -> Option<String> {
    match Slug::from_reason(text) {
        Some(given) if given == slug => None,
        Some(given) => Some(format!("refused as {}, the file has {}", given.name(), slug.name())),
        None => Some(format!("refused without a reason of the list: {text:?}")),
    }
}

impl Section {
    fn new(
        profiles: Vec<&'static str>,
        reports: &[(CaseReport, &One)],
        slots: &[usize],
        members: &[usize],
    ) -> Section {
        let count = |test: &dyn Fn(&CaseReport) -> bool| {
            reports.iter().filter(|(report, _)| test(report)).count()
        };
        let sum = |of: &dyn Fn(&CaseReport) -> usize| reports.iter().map(|(r, _)| of(r)).sum();
        let mut histogram = vec![0; HISTOGRAM.len() + 1];
        let mut closest = 0.0f64;
        // Answered, and answered with anything that can be judged in principle.
        let mut groups: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for ((report, one), index) in reports.iter().zip(members) {
            if let Some(judged) = &one.judged {
                histogram.iter_mut().zip(&judged.histogram).for_each(|(sum, n)| *sum += n);
                closest = closest.max(judged.tallies.get(slots[*index]).map_or(0.0, |t| t.closest));
            }
            let entry = groups.entry(&report.group).or_default();
            entry.0 |= !matches!(report.status, Status::Unclaimed(_));
            let evaded = matches!(report.status, Status::Unsupported(_) | Status::Skipped(_));
            entry.1 |= !evaded && !matches!(report.status, Status::Unclaimed(_));
        }
        let silent = groups.iter().filter(|(_, (asked, answered))| *asked && !answered);
        let worst = reports
            .iter()
            .filter_map(|(report, _)| Some((report.worst_ulp?, report.id.clone())))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let first = &reports[0].0;
        Section {
            operation: first.operation,
            dtype: first.dtype,
            profiles,
            passed: count(&|r| r.status == Status::Passed),
            diverged: count(&|r| r.status.is_divergence() && !r.known),
            broken: count(&|r| r.status.is_breakage()),
            unjudged: count(&|r| {
                matches!(r.status, Status::Unjudged | Status::Unsupported(_) | Status::Skipped(_))
            }),
            elements: sum(&|r| r.judged),
            elements_unjudged: sum(&|r| r.unjudged),
            elements_wrong: sum(&|r| r.wrong),
            worst_ulp: worst,
            closest,
            histogram,
            silent_groups: silent.map(|(group, _)| group.to_string()).collect(),
            groups: vec![],
            errors: Errors::default(),
        }
    }
}

impl Report {
    fn empty(kernel: Description, options: &Options) -> Report {
        Report {
            kernel,
            door: options.door.clone(),
            verdict: Verdict::Unjudged,
            sections: vec![],
            cases: vec![],
            diagnoses: vec![],
            clues: vec![],
            fitted: None,
            seen: vec![],
            unseen: vec![],
            complaints: vec![],
            log: String::new(),
        }
    }

    /// Whatever is wrong with the run itself.
    fn complain(&mut self, options: &Options) {
        for case in &self.cases {
            if (options.known)(&case.id) && case.status == Status::Passed {
                self.complaints
                    .push(format!("{} is listed as a known failure and passes", case.id));
            }
        }
        for group in self.sections.iter().flat_map(|section| &section.silent_groups) {
            self.complaints
                .push(format!("the kernel claims the group {group} and skipped all of it"));
        }
    }

    fn concluded(&self) -> Verdict {
        let stale = self.cases.iter().any(|case| case.known && case.status == Status::Passed);
        let judged: usize = self.cases.iter().map(|case| case.judged).sum();
        if stale || self.divergences().next().is_some() {
            return Verdict::Diverges;
        }
        if self.cases.iter().any(|case| case.status.is_breakage() && !case.known) {
            return Verdict::AdapterFault;
        }
        match judged == 0 || !self.complaints.is_empty() {
            true => Verdict::Unjudged,
            false => Verdict::Conforms,
        }
    }
}
