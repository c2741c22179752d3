//! What is wrong: the known faults that explain the answers, or clues where none does.
//!
//! A fault is a hypothesis about every answer of the operations that diverge: it must have the
//! wrong ones as they are *and* leave the right ones right. Where it does not apply it predicts
//! the right answer. A hypothesis that falls short is not named as a cause.

mod accepted;
mod answers;
mod clues;
pub(in crate::audit) mod evidence;
pub(in crate::audit) mod fit;
mod part;
mod sample;
mod search;
mod told;

use super::exhibit::Exhibit;
use super::finding::{Diagnosis, Fitted, Report};
use super::infer::{Inference, Inferred, infer};
use super::probe::Probe;
use crate::profile::Profile;
use evidence::{Evidence, Kind};
use part::narrower;
use search::{Found, Search};
use std::time::{Duration, Instant};
use told::told;

/// What explains a report's divergences.
#[derive(Default)]
pub(super) struct Explained {
    /// Best first.
    pub(super) diagnoses: Vec<Diagnosis>,
    /// What was noticed of what nothing explains.
    pub(super) clues: Vec<String>,
    /// Frequencies, where those are wrong.
    pub(super) fitted: Option<Fitted>,
}

/// How long faults are looked for, and who is told of it.
pub(super) struct Patience<'a> {
    /// For all of the search; what is inferred takes milliseconds.
    pub(super) time: Duration,
    /// Told what is tried, and how much of it.
    pub(super) phase: &'a (dyn Fn(&str, usize, usize) + Sync),
    /// Where the cases were cut out of a larger tensor.
    pub(super) cut: Option<&'a [Vec<usize>; 3]>,
}

/// Where a kernel breaks, or minds how it is asked, if a setting, a shape or a position tells.
pub(super) fn beside(exhibits: &[Exhibit], report: &Report) -> Vec<String> {
    let found = [answers::where_broken(exhibits, report), answers::where_probed(exhibits, report)];
    found.into_iter().flatten().collect()
}

/// Explains what diverges in a report: what is inferred from the answers first, then the known
/// faults that explain them, by whatever name.
pub(super) fn diagnose(
    exhibits: &[Exhibit],
    report: &Report,
    profile: Option<Profile>,
    patience: &Patience,
) -> Explained {
    let all = evidence::evidence(exhibits, report);
    // Other ways of asking have names of their own for what they find.
    let plain = |e: &&Evidence| Probe::of(&e.case.ask).is_none();
    let numeric: Vec<&Evidence> = all.iter().filter(|e| search::numeric(e)).filter(plain).collect();
    let mut explained = Explained::default();
    let fickle: Vec<&&Evidence> = numeric.iter().filter(|e| e.fickle).collect();
    if let Some(first) = fickle.first() {
        explained.clues.push(format!(
            "asked again, {} cases are answered otherwise, the first {}: a race, or memory that \
             nobody wrote",
            fickle.len(),
            first.case.ask.id
        ));
    }
    let steady: Vec<&Evidence> = numeric.iter().copied().filter(|e| !e.fickle).collect();
    let mut known = None;
    (patience.phase)("inferring what was done", 0, 1);
    let inferred = match numeric.iter().any(|e| e.fails()) {
        true => infer(&answers::given(exhibits, report, &numeric), patience.cut),
        false => Inference::default(),
    };
    if steady.iter().any(|e| e.fails()) {
        let until = Instant::now() + patience.time;
        let search = Search::new(&steady, profile, until, patience.phase);
        // One cause has one name, if any; several may be two known faults.
        let alone = inferred.is_complete() && inferred.causes.len() == 1;
        let (mut found, nearest) = search.run(alone);
        if inferred.is_complete() {
            // What is inferred has no exception: a name must fit as well.
            found.retain(|one| one.explains > 0.98);
        }
        known = found.first().map(|best| best.faults.clone());
        let partly = match found.is_empty() && !inferred.is_complete() {
            true => narrower(&steady, profile, until, patience.phase),
            false => vec![],
        };
        explained.diagnoses = together(told(&found, ""), partly, &inferred);
        explained.clues.extend(inferred.clues.iter().cloned());
        if explained.diagnoses.is_empty() {
            explained.clues.extend(nearest.iter().filter_map(miss));
            explained.clues.extend(answers::where_wrong(exhibits, report));
            explained.clues.extend(clues::clues(&steady));
        }
        if search.is_late() && !inferred.is_complete() {
            explained.clues.push(format!(
                "known faults were looked for during {} s and not all of their pairs were tried",
                patience.time.as_secs()
            ));
        }
    } else {
        explained.clues.extend(inferred.clues.iter().cloned());
    }
    explained.fitted = inferred.fitted;
    let refused: Vec<&Evidence> = all.iter().filter(|e| e.kind == Kind::Acceptance).collect();
    let (accepted, open) = accepted::accepted(&refused, known.as_deref().unwrap_or(&[]));
    explained.diagnoses.extend(accepted);
    explained.clues.extend(open);
    if explained.diagnoses.is_empty() && explained.clues.is_empty() {
        explained
            .clues
            .push("nothing that is known of the cases tells wrong ones from right".into());
    }
    explained
}

/// What is inferred and what is known, in one list: a sentence with a name where both say the same.
fn together(
    known: Option<Diagnosis>,
    partly: Vec<Diagnosis>,
    inferred: &Inference,
) -> Vec<Diagnosis> {
    let mut list: Vec<Diagnosis> = known.into_iter().chain(partly).collect();
    let sharp: Vec<&Inferred> = inferred.causes.iter().filter(|c| c.named).collect();
    let own = |cause: &Inferred| Diagnosis {
        faults: vec![],
        alternatives: vec![],
        explains: cause.share,
        summary: format!("{} ({})", cause.sentence, cause.evidence),
        fix: cause.mend.clone(),
        links: vec![],
    };
    match (&mut list[..], &sharp[..]) {
        ([], _) => inferred.causes.iter().map(own).collect(),
        ([one, ..], [first, rest @ ..]) if first.sharp && first.share > 0.5 => {
            let told = format!("{} ({})", first.sentence, first.evidence);
            // What is known row by row says it in the same words.
            one.summary = match first.sentence.ends_with(&one.summary) {
                true => told,
                false => format!("{told}. {}", one.summary),
            };
            list.extend(rest.iter().filter(|c| inferred.is_complete() && c.sharp).map(|c| own(c)));
            list
        }
        _ => list,
    }
}

/// A near miss is a clue and no cause.
fn miss(nearest: &Found) -> Option<String> {
    (nearest.score >= 0.8).then(|| {
        format!(
            "no known fault explains it; the nearest, {}, has {:.0} % of what is wrong as it is, \
             which is not enough to blame it",
            nearest.names().join(" and "),
            100.0 * nearest.score
        )
    })
}
