//! What every report for people says, in the order in which they need it.

use super::words::{clean, count, short, ulp};
use crate::audit::finding::{CaseReport, Report, Section, Status, Verdict};
use crate::number::Dtype;
use crate::request::Operation;
use crate::vector::{Remark, note};
use std::collections::{BTreeMap, BTreeSet};

/// A report, sorted for people.
pub struct Digest<'r> {
    /// The options with which `ropewalk explain` finds the cases.
    pub source: &'r str,
    /// Name, version and language of the kernel, or how it was called.
    pub who: String,
    /// The numbers, in a sentence or two.
    pub summary: String,
    /// What to do first, where the verdict itself does not say it.
    pub advice: Vec<String>,
    /// What is said before the clues, if there are some or no cause is known.
    pub unknown: Option<&'static str>,
    /// Sections that are not fine, those with most wrong cases first.
    pub bad: Vec<&'r Section>,
    /// The others, one for each operation.
    pub fine: Vec<Fine>,
    /// Cases with a wrong value: basic ones first, then the smallest of every group, then the rest.
    pub failing: Vec<&'r CaseReport>,
    /// Answers that are wrong in another way: of another shape, refused, not refused, fickle.
    pub otherwise: Vec<Kind<'r>>,
    /// Cases without an answer of the protocol.
    pub unanswered: Vec<Kind<'r>>,
    /// Cases that the kernel declined or never claimed.
    pub declined: Vec<Kind<'r>>,
    /// Flags with failures, those that fail most surely first.
    pub flags: Vec<FlagTally<'r>>,
    /// Flags of which every case is right.
    pub right_flags: Vec<&'r str>,
    /// Whatever else is to be said against the run.
    pub complaints: Vec<String>,
    /// What deserves a line and decides nothing.
    pub remarks: Vec<String>,
    /// Faults that could not be seen, by reason.
    pub unseen: Vec<(&'r str, Vec<&'static str>)>,
    /// Settings that did not meet, by reason, most of them first.
    pub unasked: Vec<(&'r str, Vec<&'r str>)>,
}

/// The sections of one operation in which everything is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Fine {
    /// Operation.
    pub operation: Operation,
    /// Output formats.
    pub dtypes: Vec<Dtype>,
    /// Cases that passed.
    pub passed: usize,
    /// Largest error in ulp; none for integers.
    pub worst_ulp: Option<f64>,
    /// Largest error relative to what was mixed; none for what mixes nothing.
    pub relative: Option<f64>,
    /// The right profiles that bound it.
    pub profiles: Vec<&'static str>,
    /// The share of the bound that is used where most is.
    pub closest: f64,
}

/// Cases of which the same is to be said.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind<'r> {
    /// Name of the status.
    pub word: &'static str,
    /// The sentence of the first.
    pub detail: String,
    /// Which ones.
    pub ids: Vec<&'r str>,
}

/// How the tests with one flag fared.
#[derive(Clone, Copy, Debug)]
pub struct FlagTally<'r> {
    /// The flag.
    pub flag: &'r str,
    /// Those that diverge.
    pub failed: usize,
    /// Those that were answered.
    pub asked: usize,
    /// What a failure means.
    pub remark: Option<&'static Remark>,
}

impl<'r> Digest<'r> {
    /// Of a report.
    pub fn new(report: &'r Report) -> Digest<'r> {
        let mut bad: Vec<&Section> =
            report.sections.iter().filter(|s| s.verdict() != Verdict::Conforms).collect();
        bad.sort_by_key(|section| std::cmp::Reverse((section.diverged, section.broken)));
        let (flags, right_flags) = flags(report);
        let kinds = |test: &dyn Fn(&CaseReport) -> bool| kinds(report, test);
        Digest {
            source: &report.source,
            who: who(report),
            summary: summary(report),
            advice: advice(report),
            unknown: unknown(report),
            bad,
            fine: fine(&report.sections),
            failing: failing(report),
            otherwise: kinds(&|c| {
                c.status.is_divergence() && !c.known && c.status != Status::Wrong
            }),
            unanswered: kinds(&|c| c.status.is_breakage()),
            declined: kinds(&|c| {
                matches!(
                    c.status,
                    Status::Unsupported(_) | Status::Skipped(_) | Status::Unclaimed(_)
                )
            }),
            flags,
            right_flags,
            complaints: complaints(report),
            remarks: report.remarks.iter().map(|line| clean(line)).collect(),
            unseen: unseen(report),
            unasked: unasked(report),
        }
    }
}

impl Digest<'_> {
    /// The command that says why a case's answer is right.
    pub fn explain(&self, id: &str) -> String {
        // A probe asks what the case asks that it was made of.
        let id = id.split('@').next().unwrap_or(id);
        clean(&format!("ropewalk explain {}{id}", self.source))
    }
}

fn who(report: &Report) -> String {
    let kernel = &report.kernel;
    let name = match kernel.name.is_empty() {
        true => report.door.clone(),
        false => format!("{} {}", kernel.name, kernel.version).trim_end().to_string(),
    };
    clean(&match kernel.language.is_empty() {
        true => name,
        false => format!("{name} ({})", kernel.language),
    })
}

fn summary(report: &Report) -> String {
    if report.cases.is_empty() {
        return clean(&report.complaints.join("; "));
    }
    let of = |test: &dyn Fn(&CaseReport) -> bool| report.cases.iter().filter(|c| test(c)).count();
    let unclaimed = of(&|c| matches!(c.status, Status::Unclaimed(_)));
    let asked = report.cases.len() - unclaimed;
    let wrong = of(&|c| c.status.is_divergence() && !c.known);
    let elements: usize = report.cases.iter().map(|case| case.judged).sum();
    let open: usize = report.cases.iter().map(|case| case.unjudged).sum();
    let right = report.count("passed");
    let values = of(&|c| c.status == Status::Wrong && !c.known);
    let accepted = of(&|c| matches!(c.status, Status::Accepted(_)) && !c.known);
    let mut parts = match wrong {
        wrong if wrong == accepted && wrong > 0 => vec![format!(
            "values right, {} missing; {right} of {} right",
            count(accepted, "refusal"),
            count(asked, "case")
        )],
        0 => vec![format!("{right} of {} right", count(asked, "case"))],
        wrong => vec![
            format!("{wrong} of {} wrong{}", count(asked, "case"), aside(values, wrong)),
            format!("{right} right"),
        ],
    };
    let mut add = |n: usize, what: &str| {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    };
    add(of(&|c| c.known && c.status != Status::Passed), "known failures");
    add(of(&|c| c.status.is_breakage()), "not answered");
    add(report.count("unsupported") + report.count("skipped"), "declined");
    add(report.count("unjudged"), "beyond what any bound can judge");
    let mut text = format!("{}.", parts.join(", "));
    if elements + open > 0 {
        text.push_str(&format!(" {elements} answers judged one by one"));
        text.push_str(&match open {
            0 => ".".to_string(),
            open => format!(", {open} not (precision ends there)."),
        });
    }
    if unclaimed > 0 {
        text.push_str(&format!(" {} outside of its claim.", count(unclaimed, "case")));
    }
    text
}

/// Of the cases that diverge, those that do so by a value, where that is not all of them.
fn aside(values: usize, wrong: usize) -> String {
    match values {
        0 => " (none by a value)".to_string(),
        n if n == wrong => String::new(),
        n => format!(" ({n} by a value, {} otherwise)", wrong - n),
    }
}

/// What the verdict leaves open.
fn advice(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if report.divergences().any(|case| case.basic && !matches!(case.status, Status::Accepted(_))) {
        lines.push(
            "Basic cases fail: begin with them, the set-up may be wrong (decoding of tensors, \
             names, shapes)."
                .to_string(),
        );
    }
    for section in &report.sections {
        let name = (section.operation.name(), section.dtype.name());
        lines.extend(section.signs.note().map(|note| format!("{} {}: {note}", name.0, name.1)));
    }
    let asked = report.cases.iter().any(|c| !matches!(c.status, Status::Unclaimed(_)));
    match report.verdict {
        Verdict::Unjudged if report.cases.is_empty() || !asked => lines.push(
            "No case lies within what the kernel claims: look at its capabilities and at the \
             filters of this run."
                .into(),
        ),
        Verdict::Unjudged if report.cases.iter().all(|case| case.judged == 0) => {
            lines.push("Nothing that could be judged was answered, so this is no pass.".into())
        }
        Verdict::Unjudged => lines.push(
            "What was answered is right, but the claim is wider than that; see below.".into(),
        ),
        Verdict::AdapterFault if report.cases.is_empty() => lines.push(
            "It never said what it can do. Try the command by hand, with \
             {\"cmd\":\"start\",\"protocols\":[1]} as its input (docs/adapter-protocol.md)."
                .into(),
        ),
        Verdict::AdapterFault if report.count("passed") > 0 => {
            lines.push("What it did answer is right; the adapter, or what it calls, breaks.".into())
        }
        _ => {}
    }
    lines
}

/// A kernel that diverges is told a cause, or that none is known.
fn unknown(report: &Report) -> Option<&'static str> {
    let diverges = report.divergences().next().is_some();
    let stale = report.verdict == Verdict::Diverges && !diverges;
    match (report.diagnoses.is_empty(), report.clues.is_empty()) {
        _ if stale => Some("No answer is wrong, but the list of known failures is out of date."),
        (true, false) if diverges => {
            Some("Unknown: no known fault explains these answers. What was noticed:")
        }
        (true, true) if diverges => Some("Unknown: no known fault explains these answers."),
        (true, false) => Some("What was noticed of those that were not answered:"),
        (false, false) => Some("What is left unexplained:"),
        _ => None,
    }
}

fn fine(sections: &[Section]) -> Vec<Fine> {
    let mut list: Vec<Fine> = Vec::new();
    for section in sections.iter().filter(|s| s.verdict() == Verdict::Conforms) {
        let ulps = section.worst_ulp.as_ref().map(|(ulps, _)| *ulps);
        let relative = section.errors.whole().relative;
        match list.last_mut().filter(|fine| fine.operation == section.operation) {
            Some(fine) => {
                fine.dtypes.push(section.dtype);
                fine.passed += section.passed;
                fine.worst_ulp = fine.worst_ulp.max_of(ulps);
                fine.relative = fine.relative.max_of(relative);
                fine.closest = fine.closest.max(section.closest);
                for profile in &section.profiles {
                    if !fine.profiles.contains(profile) {
                        fine.profiles.push(profile);
                    }
                }
            }
            None => list.push(Fine {
                operation: section.operation,
                dtypes: vec![section.dtype],
                passed: section.passed,
                worst_ulp: ulps,
                relative,
                profiles: section.profiles.clone(),
                closest: section.closest,
            }),
        }
    }
    list
}

trait MaxOf {
    fn max_of(self, other: Self) -> Self;
}

impl MaxOf for Option<f64> {
    fn max_of(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

impl Fine {
    /// The formats in a row.
    pub fn formats(&self) -> String {
        self.dtypes.iter().map(|dtype| dtype.name()).collect::<Vec<_>>().join(" ")
    }

    /// How far off, and within what.
    pub fn within(&self) -> String {
        let most = match (self.worst_ulp, self.relative) {
            (None | Some(0.0), _) => return "exact".to_string(),
            (_, Some(relative)) if relative.is_finite() => format!("{} of |z|", short(relative)),
            (Some(ulps), _) => format!("{} ulp", ulp(ulps)),
        };
        match &self.profiles[..] {
            [] => format!("at most {most} off"),
            profiles => format!(
                "{:.0} % of the bound of {}; at most {most} off",
                100.0 * self.closest,
                profiles.join(", "),
            ),
        }
    }
}

/// In the order in which they should be read.
fn failing(report: &Report) -> Vec<&CaseReport> {
    let mut all: Vec<&CaseReport> =
        report.divergences().filter(|case| case.status == Status::Wrong).collect();
    // The smallest question is the easiest to follow by hand; of those of a size, the one in which
    // least is allowed.
    let allowed = |case: &CaseReport| case.worst.as_ref().map_or(0.0, |wrong| wrong.allowed);
    let size = |case: &CaseReport| (!case.basic, case.judged.next_power_of_two());
    all.sort_by(|a, b| size(a).cmp(&size(b)).then(allowed(a).total_cmp(&allowed(b))));
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let (first, rest): (Vec<&CaseReport>, Vec<&CaseReport>) =
        all.into_iter().partition(|case| seen.insert(&case.group));
    first.into_iter().chain(rest).collect()
}

/// Cases by status and sentence; numbers in a sentence make no difference.
fn kinds<'r>(report: &'r Report, test: &dyn Fn(&CaseReport) -> bool) -> Vec<Kind<'r>> {
    let mut slots: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut kinds: Vec<Kind> = Vec::new();
    for case in report.cases.iter().filter(|case| test(case)) {
        let detail = clean(&case.status.detail().unwrap_or_default());
        let gist: String = detail
            .split(|c: char| c.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("#");
        let slot = *slots.entry((case.status.name(), gist)).or_insert_with(|| {
            kinds.push(Kind { word: case.status.name(), detail, ids: vec![] });
            kinds.len() - 1
        });
        kinds[slot].ids.push(&case.id);
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.ids.len()));
    kinds
}

impl Kind<'_> {
    /// The sentence, with the word before it where it does not say that itself.
    pub fn sentence(&self) -> String {
        match self.word {
            "refused" | "unsupported" | "skipped" | "errored" => {
                format!("{}: {}", self.word, self.detail)
            }
            _ => self.detail.clone(),
        }
    }

    /// One of the cases, and how many more there are.
    pub fn which(&self) -> String {
        match self.ids.len() {
            1 => self.ids[0].to_string(),
            n => format!("{} and {} more", self.ids[0], n - 1),
        }
    }
}

fn flags(report: &Report) -> (Vec<FlagTally<'_>>, Vec<&str>) {
    let mut tallies: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    // What is accepted though it must be refused says nothing of the values.
    let accepts = |case: &CaseReport| matches!(case.status, Status::Accepted(_));
    let values = report.divergences().any(|case| !accepts(case));
    for case in report.cases.iter().filter(|case| !(values && accepts(case))) {
        let failed = case.status.is_divergence() && !case.known;
        if !failed && case.status != Status::Passed {
            continue;
        }
        for flag in &case.flags {
            let tally = tallies.entry(flag).or_default();
            tally.0 += usize::from(failed);
            tally.1 += 1;
        }
    }
    let right = tallies.iter().filter(|(_, (failed, _))| *failed == 0).map(|(flag, _)| *flag);
    let right = right.collect();
    let mut wrong: Vec<FlagTally> = tallies
        .iter()
        .filter(|(_, (failed, _))| *failed > 0)
        .map(|(&flag, &(failed, asked))| FlagTally { flag, failed, asked, remark: note(flag) })
        .collect();
    // All of many says more than one of one.
    let sure = |tally: &FlagTally| tally.failed as f64 / (tally.asked + 2) as f64;
    wrong.sort_by(|a, b| sure(b).total_cmp(&sure(a)).then(a.flag.cmp(b.flag)));
    (wrong, right)
}

/// Groups that were skipped whole are many or none: a line for all of them.
fn complaints(report: &Report) -> Vec<String> {
    let groups: Vec<&str> = report
        .sections
        .iter()
        .flat_map(|section| section.silent_groups.iter().map(String::as_str))
        .collect();
    let about = |line: &String| groups.iter().any(|g| line.contains(&format!("the group {g} ")));
    let mut lines: Vec<String> =
        report.complaints.iter().filter(|line| !about(line)).map(|line| clean(line)).collect();
    if let Some(first) = groups.first() {
        lines.push(match groups.len() {
            1 => format!("the group {first} is within the claim, and all of it was skipped"),
            n => {
                format!("{n} groups are within the claim, and all of them were skipped: {first} …")
            }
        });
    }
    lines
}

fn unasked(report: &Report) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in report.drawn.iter().flat_map(|drawn| &drawn.unasked) {
        reasons.entry(&one.because).or_default().push(&one.what);
    }
    let mut list: Vec<(&str, Vec<&str>)> = reasons.into_iter().collect();
    list.sort_by_key(|(_, what)| std::cmp::Reverse(what.len()));
    list
}

fn unseen(report: &Report) -> Vec<(&str, Vec<&'static str>)> {
    let mut reasons: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for fault in &report.unseen {
        reasons.entry(&fault.because).or_default().push(fault.name);
    }
    reasons.into_iter().collect()
}
