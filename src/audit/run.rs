//! The audit itself: asks, judges, and says what follows.

use super::asking::ask;
use super::capability::Description;
use super::case::Case;
use super::diagnose::{Patience, beside, diagnose};
use super::errors::measured::measured;
use super::exhibit::{Exhibit, exhibits, judging};
use super::finding::{CaseReport, Report, Status, Verdict};
use super::kernel::Kernel;
use super::outcome::Answered;
use super::probe::found;
use super::section::{Member, explain, section};
use super::sight::sight;
use crate::number::Dtype;
use crate::profile::Profile;
use crate::request::Operation;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// What may be chosen of an audit.
pub struct Options<'a> {
    /// How the kernel was reached, for the report.
    pub door: String,
    /// The options with which `ropewalk explain` finds the cases, each with a space behind it;
    /// empty for the golden ones.
    pub source: String,
    /// Judge by this profile instead of the right one that fits best.
    pub profile: Option<Profile>,
    /// Ask everything twice and require the same answers.
    pub twice: bool,
    /// Ask everything so often, at least.
    pub repeat: usize,
    /// Whether the cases are all there are: then a claim that none of them touches is a mistake.
    pub whole: bool,
    /// Look for the cause of what is wrong.
    pub diagnose: bool,
    /// Say which faults the run would have seen.
    pub sight: bool,
    /// Whether a test is listed as failing.
    pub known: &'a (dyn Fn(&str) -> bool + Sync),
    /// Called after every answer.
    pub progress: &'a (dyn Fn() + Sync),
    /// Called with the verdict, before causes are looked for.
    pub judged: &'a (dyn Fn(&Report) + Sync),
    /// How long known faults are looked for once the verdict is there.
    pub patience: Duration,
    /// Told what is looked for after the verdict, and how much of it has been tried.
    pub phase: &'a (dyn Fn(&str, usize, usize) + Sync),
    /// Where the cases are cut out of a larger tensor, the indices of its batches, heads and tokens
    /// that were taken: places are told in the tensor.
    pub cut: Option<&'a [Vec<usize>; 3]>,
    /// Given the ids of what was answered wrongly, cases that are to be asked as well: they tell
    /// where it is wrong. What is listed as failing is not among them.
    pub beside: &'a (dyn Fn(&[&str]) -> Vec<Case> + Sync),
}

impl Default for Options<'_> {
    fn default() -> Self {
        let (known, progress, judged) = (&|_: &str| false, &|| (), &|_: &Report| ());
        Options {
            door: String::new(),
            source: String::new(),
            profile: None,
            twice: true,
            repeat: 1,
            whole: true,
            diagnose: true,
            sight: true,
            known,
            progress,
            judged,
            patience: Duration::from_secs(10),
            phase: &|_, _, _| (),
            cut: None,
            beside: &|_| vec![],
        }
    }
}

/// An audit: the answers, and the report.
pub struct Audited {
    /// Answers to the cases, in the order of asking.
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
    let times = options.repeat.max(if options.twice { 2 } else { 1 });
    let asking = ask(kernel, cases, &description, times, options.progress);
    let log = kernel.log();
    // Before what borrows them.
    let (more, answered);
    let mut shown = exhibits(cases, &asking.answered, options.profile);
    let mut told = Told::new(&shown, options);
    (more, answered) = beside_wrong(kernel, cases, &told, &description, options);
    if !more.is_empty() {
        shown.extend(exhibits(&more, &answered, options.profile));
        told = Told::new(&shown, options);
    }
    let mut report = told.report(&shown, description, options);
    if !more.is_empty() {
        report.remarks.push(format!(
            "{} questions were asked beside some that are wrong, each in another setting, to see \
             where it is wrong",
            more.len()
        ));
    }
    for (index, &(covering, exercised)) in asking.used.iter().enumerate() {
        if !exercised && (covering || options.whole) {
            report.complaints.push(format!("capability {} was never exercised", index + 1));
        }
    }
    if let [(index, change), ..] = &asking.changes[..] {
        report.remarks.push(format!(
            "{} of {} cases changed when they were asked again; {} is one: {change}",
            asking.changes.len(),
            report.cases.len(),
            report.cases[*index].id
        ));
    }
    for (index, change) in asking.changes {
        report.cases[index].notes.push(change);
    }
    if report.cases.iter().any(|case| case.status.is_breakage()) {
        report.log = log;
    }
    report.verdict = verdict(&report);
    Audited { asked: asking.answered, report }
}

/// Cases beside those that are wrong, with what the kernel answers.
fn beside_wrong(
    kernel: &mut dyn Kernel,
    cases: &[Case],
    told: &Told,
    description: &Description,
    options: &Options,
) -> (Vec<Case>, Vec<Answered>) {
    let wrong = |case: &&CaseReport| case.status == Status::Wrong && !case.known;
    let wrong: Vec<&str> = told.reports.iter().filter(wrong).map(|case| case.id.as_str()).collect();
    if wrong.is_empty() {
        return (vec![], vec![]);
    }
    let mut more = (options.beside)(&wrong);
    let asked: HashSet<&str> = cases.iter().map(|case| case.ask.id.as_str()).collect();
    more.retain(|case| {
        let claimed = description.covers(&case.ask).is_ok() && kernel.reaches(&case.ask).is_ok();
        claimed && !asked.contains(case.ask.id.as_str())
    });
    let answered = ask(kernel, &more, description, 1, &|| ()).answered;
    (more, answered)
}

/// Judges answers that are there already.
pub fn judge_all(
    cases: &[Case],
    answered: &[Answered],
    description: Description,
    options: &Options,
) -> Report {
    let exhibits = exhibits(cases, answered, options.profile);
    Told::new(&exhibits, options).report(&exhibits, description, options)
}

/// What is said of every case, by the profile that explains its operation and format best.
struct Told {
    /// Indices by operation and format.
    members: BTreeMap<(usize, Dtype), Vec<usize>>,
    /// In the same order, the profiles that are right.
    profiles: Vec<Vec<&'static str>>,
    slots: Vec<usize>,
    reports: Vec<CaseReport>,
}

impl Told {
    fn new(exhibits: &[Exhibit], options: &Options) -> Told {
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
        Told { members, profiles, slots, reports }
    }

    fn report(self, exhibits: &[Exhibit], description: Description, options: &Options) -> Report {
        let Told { members, profiles, slots, reports } = self;
        let mut report = Report::new(description, options.door.clone());
        report.source = options.source.clone();
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
        report.remarks.extend(declined(&report.cases));
        report.verdict = verdict(&report);
        (options.judged)(&report);
        // What a probe found has its cause already.
        let probed = |case: &CaseReport| matches!(case.status, Status::Misbehaved(..));
        if options.diagnose && report.divergences().any(|case| !probed(case)) {
            let (time, phase, cut) = (options.patience, options.phase, options.cut);
            let patience = Patience { time, phase, cut };
            let found = diagnose(exhibits, &report, options.profile, &patience);
            report.diagnoses.extend(found.diagnoses);
            (report.clues, report.fitted) = (found.clues, found.fitted);
        }
        if options.diagnose {
            report.clues.extend(beside(exhibits, &report));
        }
        if options.sight && !exhibits.is_empty() {
            (report.seen, report.unseen) = sight(exhibits, &report.cases);
        }
        report
    }
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
    let lenient = |case: &CaseReport| matches!(case.status, Status::Accepted(_));
    if report.divergences().next().is_some() && report.divergences().all(lenient) && judged > 0 {
        return if stale { Verdict::Diverges } else { Verdict::Lenient };
    }
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

/// What a kernel declines although it claims it, in a line: it is left out of its claim, and the
/// reasons say how to write that.
fn declined(cases: &[CaseReport]) -> Option<String> {
    let mut groups: BTreeMap<&str, bool> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        match &case.status {
            Status::Unclaimed(_) => {}
            Status::Unsupported(reason) => {
                groups.entry(&case.group).or_insert(true);
                *reasons.entry(reason).or_default() += 1;
            }
            _ => _ = groups.insert(&case.group, false),
        }
    }
    let whole = groups.values().filter(|declined| **declined).count();
    let count: usize = reasons.values().sum();
    let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let more = reasons.len().saturating_sub(5);
    let mut said: Vec<String> =
        reasons.iter().take(5).map(|(reason, count)| format!("{reason} ({count})")).collect();
    said.extend((more > 0).then(|| format!("{more} more reasons")));
    (count > 0).then(|| {
        format!(
            "{count} cases that it declines are left out of its claim, {whole} of {} groups as a \
             whole: {}",
            groups.len(),
            said.join(", ")
        )
    })
}
