//! What an audit found, as data: everything that is said of a kernel stands here.

use super::capability::Description;
use super::errors::Errors;
use super::judge::Wrong;
use super::judge::signs::Signs;
use super::place::Place;
use super::probe::Probe;
use crate::number::Dtype;
use crate::request::Operation;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer to "is it right?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A right explanation bounds every judged element.
    Conforms,
    /// Some answer is wrong.
    Diverges,
    /// Every value is right; what must be refused was asked, and some of it is answered.
    Lenient,
    /// Nothing could be judged, or a claim was never exercised.
    Unjudged,
    /// The kernel did not answer as the protocol has it, and nothing it did answer is wrong.
    AdapterFault,
}

impl Verdict {
    /// The word of the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Conforms => "conforms",
            Verdict::Diverges => "diverges",
            Verdict::Lenient => "lenient",
            Verdict::Unjudged => "unjudged",
            Verdict::AdapterFault => "adapter_fault",
        }
    }

    /// The exit code of the contract.
    pub const fn exit_code(self) -> u8 {
        match self {
            Verdict::Conforms => 0,
            Verdict::Diverges | Verdict::Lenient => 1,
            Verdict::Unjudged | Verdict::AdapterFault => 3,
        }
    }
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Right, in everything that could be judged.
    Passed,
    /// Answered, but no bound judges any element of it: precision ends before its positions.
    Unjudged,
    /// An element is wrong.
    Wrong,
    /// An output is missing, surplus, or of the wrong shape or dtype.
    Misfit(String),
    /// A request in order was refused.
    Refused(String),
    /// A request that must be refused was answered; the reason it should have had.
    Accepted(&'static str),
    /// Asked again, it answered otherwise.
    Fickle,
    /// Memory was not treated as it must be, or a right answer became a wrong one when only the
    /// way of asking changed.
    Misbehaved(Probe, String),
    /// Within the claim, but not supported, by the kernel's own word.
    Unsupported(String),
    /// Skipped, by the kernel's own word.
    Skipped(String),
    /// Failed inside, by the kernel's own word.
    Errored(String),
    /// No reply of the protocol: which kind, and the sentence.
    Broken(&'static str, String),
    /// Not asked: outside of what the kernel claims.
    Unclaimed(String),
}

impl Status {
    /// One word, stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Status::Passed => "passed",
            Status::Unjudged => "unjudged",
            Status::Wrong => "wrong",
            Status::Misfit(_) => "misfit",
            Status::Refused(_) => "refused",
            Status::Accepted(_) => "accepted",
            Status::Fickle => "fickle",
            Status::Misbehaved(probe, _) => probe.name(),
            Status::Unsupported(_) => "unsupported",
            Status::Skipped(_) => "skipped",
            Status::Errored(_) => "errored",
            Status::Broken(kind, _) => kind,
            Status::Unclaimed(_) => "unclaimed",
        }
    }

    /// Whether an answer was given and is not right.
    pub const fn is_divergence(&self) -> bool {
        matches!(
            self,
            Status::Wrong
                | Status::Misfit(_)
                | Status::Refused(_)
                | Status::Accepted(_)
                | Status::Fickle
                | Status::Misbehaved(..)
        )
    }

    /// Whether no answer of the protocol was given.
    pub const fn is_breakage(&self) -> bool {
        matches!(self, Status::Errored(_) | Status::Broken(..))
    }

    /// What there is to say beyond the word.
    pub fn detail(&self) -> Option<String> {
        match self {
            Status::Misfit(text)
            | Status::Refused(text)
            | Status::Unsupported(text)
            | Status::Skipped(text)
            | Status::Errored(text)
            | Status::Broken(_, text)
            | Status::Unclaimed(text) => Some(text.clone()),
            Status::Accepted(slug) => Some(format!("answered, but must be refused ({slug})")),
            Status::Fickle => Some("asked again, it gives another answer".into()),
            Status::Misbehaved(probe, text) => {
                Some(format!("{text} (fault class {})", probe.class()))
            }
            _ => None,
        }
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseReport {
    /// Id of the test.
    pub id: String,
    /// Golden file and group.
    pub group: String,
    /// Operation.
    pub operation: Operation,
    /// Format of the output.
    pub dtype: Dtype,
    /// What is tested.
    pub comment: String,
    /// Keys into the notes.
    pub flags: Vec<String>,
    /// Whether a failure means that the set-up is wrong.
    pub basic: bool,
    /// What came of it.
    pub status: Status,
    /// Elements judged (a rejection counts as one).
    pub judged: usize,
    /// Elements that no bound judges.
    pub unjudged: usize,
    /// Elements that are wrong.
    pub wrong: usize,
    /// The worst of them.
    pub worst: Option<Wrong>,
    /// Largest error of all, in ulp.
    pub worst_ulp: Option<f64>,
    /// What is worth saying though nothing is wrong.
    pub notes: Vec<String>,
    /// Whether a failure was expected (the known-failures file).
    pub known: bool,
    /// The profile that it was judged by; none for integers and refusals.
    pub profile: Option<&'static str>,
    /// Where the worst element lies.
    pub place: Option<Place>,
    /// Its error relative to what was mixed: |z| of its plane. None for what mixes nothing.
    pub relative: Option<f64>,
}

/// All cases of one operation in one output format: one kernel, in all likelihood.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Operation.
    pub operation: Operation,
    /// Format of the output.
    pub dtype: Dtype,
    /// The right profile that bounds every judged element, tightest first; where each group has
    /// one of its own, those; where none does, the one that comes nearest. Empty for integers.
    pub profiles: Vec<&'static str>,
    /// Cases by what came of them: passed.
    pub passed: usize,
    /// Answered and not right, known failures left out.
    pub diverged: usize,
    /// Not answered as the protocol has it.
    pub broken: usize,
    /// Unsupported, skipped, or answered where nothing is judged.
    pub unjudged: usize,
    /// Elements judged.
    pub elements: usize,
    /// Elements that no bound judges.
    pub elements_unjudged: usize,
    /// Elements wrong.
    pub elements_wrong: usize,
    /// Largest error in ulp, over everything that has one, and the id of its case.
    pub worst_ulp: Option<(f64, String)>,
    /// Largest error relative to the bound, of those within.
    pub closest: f64,
    /// How many elements are off by so much; see [`super::judge::HISTOGRAM`].
    pub histogram: Vec<usize>,
    /// Which way errors point.
    pub signs: Signs,
    /// Groups within the claim of which the kernel answered nothing.
    pub silent_groups: Vec<String>,
    /// What was asked, group by group.
    pub groups: Vec<Group>,
    /// How the errors lie.
    pub errors: Errors,
}

/// Cases of one golden file that share a config.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Golden file and group.
    pub name: String,
    /// The profile that it was judged by.
    pub profile: Option<&'static str>,
    /// Cases that passed.
    pub passed: usize,
    /// Answered and not right, known failures left out.
    pub diverged: usize,
    /// Not answered as the protocol has it.
    pub broken: usize,
    /// Unsupported, skipped, or answered where nothing is judged.
    pub unjudged: usize,
    /// The case, by index into the report's, that is furthest off: of those that diverge, else of
    /// all.
    pub worst: Option<usize>,
    /// Largest error in ulp.
    pub worst_ulp: Option<f64>,
    /// How the errors lie.
    pub errors: Errors,
}

/// A named explanation of what is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// One fault, or two together.
    pub faults: Vec<&'static str>,
    /// Others that these answers do not tell from it.
    pub alternatives: Vec<Vec<&'static str>>,
    /// Which share of the judged elements in the cases that diverge it explains, right ones
    /// included.
    pub explains: f64,
    /// The sentence for the author.
    pub summary: String,
    /// What to change.
    pub fix: String,
    /// Real reports of this class.
    pub links: Vec<&'static str>,
}

/// Frequencies recovered from the answers, beside the declared ones.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fitted {
    /// The config that the answers follow, as JSON to paste; none if no rule fits.
    pub config: Option<String>,
    /// Of every plane.
    pub planes: Vec<FittedPlane>,
}

/// The frequency of one plane in radians per position.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FittedPlane {
    /// Which plane.
    pub plane: usize,
    /// What the config says.
    pub declared: Option<f64>,
    /// What the answers say.
    pub fitted: Option<f64>,
}

/// Questions that stand in no file, so that settings meet which meet in no other.
#[derive(Clone, Debug, PartialEq, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// What they were drawn from.
    pub seed: u64,
    /// How many of them this report has.
    pub questions: usize,
    /// How many combinations of settings meet in them.
    pub combinations: usize,
    /// How many more were asked, drawn from the seeds that follow, until time was up; none of those
    /// is in the report unless its answer was wrong.
    pub more: usize,
    /// Settings, and combinations of them, that were not asked.
    pub unasked: Vec<Unasked>,
}

impl Drawn {
    /// Whether a question or a group of this name, or of names that match this pattern, was drawn.
    pub fn has(name: &str) -> bool {
        name.starts_with("fresh-") || name.starts_with("own-fresh-")
    }
}

/// Settings that were not asked together.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unasked {
    /// Which.
    pub what: String,
    /// Why.
    pub because: String,
}

/// A fault that this run could not have seen.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unseen {
    /// Its name.
    pub name: &'static str,
    /// Why.
    pub because: String,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Who was audited.
    pub kernel: Description,
    /// How it was called: the command, the library, the file.
    pub door: String,
    /// The options with which `ropewalk explain` finds the cases, each with a space behind it.
    pub source: String,
    /// The answer.
    pub verdict: Verdict,
    /// By operation and output format.
    pub sections: Vec<Section>,
    /// In the order of asking.
    pub cases: Vec<CaseReport>,
    /// What is wrong with it, best explanation first.
    pub diagnoses: Vec<Diagnosis>,
    /// What was noticed of a kernel that diverges, for whoever looks for the cause.
    pub clues: Vec<String>,
    /// Frequencies recovered from the answers beside the declared ones; the inference of a diagnosis
    /// sets it where that is what is wrong.
    pub fitted: Option<Fitted>,
    /// Names of the faults that this run would have seen.
    pub seen: Vec<&'static str>,
    /// Those that it could not have seen, each with the reason.
    pub unseen: Vec<Unseen>,
    /// What was asked beyond what is stored.
    pub drawn: Option<Drawn>,
    /// Whatever else decides the verdict or deserves a line: claims never exercised, entries of
    /// the known-failures file that pass.
    pub complaints: Vec<String>,
    /// What deserves a line and decides nothing: what the kernel declines.
    pub remarks: Vec<String>,
    /// The end of the kernel's log, if something broke.
    pub log: String,
}

impl Report {
    /// Of a kernel of which nothing is known yet.
    pub(super) fn new(kernel: Description, door: String) -> Report {
        Report {
            kernel,
            door,
            source: String::new(),
            verdict: Verdict::Unjudged,
            sections: vec![],
            cases: vec![],
            diagnoses: vec![],
            clues: vec![],
            fitted: None,
            seen: vec![],
            unseen: vec![],
            drawn: None,
            complaints: vec![],
            remarks: vec![],
            log: String::new(),
        }
    }

    /// How many cases have a status of this name.
    pub fn count(&self, name: &str) -> usize {
        self.cases.iter().filter(|case| case.status.name() == name).count()
    }

    /// Cases that diverge and were not expected to.
    pub fn divergences(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| case.status.is_divergence() && !case.known)
    }
}

impl Diagnosis {
    /// The sentence to read first, and the rest of the summary.
    pub fn title(&self) -> (String, String) {
        // What is inferred is followed by its evidence: `(31 of 40 wrong rows are so; …)`.
        let counted = |&(at, _): &(usize, &str)| {
            let mut words = self.summary[at + 2..].split(' ');
            let counts = [words.next(), words.nth(1)];
            counts.iter().flatten().all(|n| n.parse::<usize>().is_ok())
                && words.take(3).eq(["wrong", "rows", "are"])
        };
        match self.summary.match_indices(" (").find(counted) {
            Some((end, _)) => {
                (self.summary[..end].to_string(), self.summary[end + 1..].to_string())
            }
            None => (self.summary.clone(), String::new()),
        }
    }

    /// The faults, two together with "and", and what is as likely with "or".
    pub fn names(&self) -> String {
        let all = std::iter::once(&self.faults).chain(&self.alternatives);
        all.map(|faults| faults.join(" and ")).collect::<Vec<_>>().join(" or ")
    }
}

impl Group {
    /// Cases that were put to the kernel, known failures left out.
    pub fn asked(&self) -> usize {
        self.passed + self.diverged + self.broken + self.unjudged
    }

    /// Of this group alone.
    pub fn verdict(&self) -> Verdict {
        verdict(self.passed, self.diverged, self.broken)
    }
}

impl Section {
    /// Cases that were put to the kernel, known failures left out.
    pub fn asked(&self) -> usize {
        self.passed + self.diverged + self.broken + self.unjudged
    }

    /// Of this section alone.
    pub fn verdict(&self) -> Verdict {
        verdict(self.passed, self.diverged, self.broken)
    }
}

fn verdict(passed: usize, diverged: usize, broken: usize) -> Verdict {
    match (passed, diverged, broken) {
        (_, 1.., _) => Verdict::Diverges,
        (_, _, 1..) => Verdict::AdapterFault,
        (0, _, _) => Verdict::Unjudged,
        _ => Verdict::Conforms,
    }
}
