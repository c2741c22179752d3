//! A case, what came back, and what follows from the two: judged once, read by everything else.

use super::case::Case;
use super::finding::{CaseReport, Status};
use super::judge::answer::judge;
use super::judge::{Judged, Mark, Misfit, Wrong};
use super::outcome::{Answered, Outcome};
use super::place::Places;
use super::tolerance::{Tolerances, right_profiles};
use crate::encoding::Question;
use crate::fault::History;
use crate::number::{Dtype, Tensor};
use crate::profile::Profile;
use crate::request::Slug;
use crate::vector::{Expected, Tensors};
use rayon::prelude::*;
use std::sync::OnceLock;

/// A case with its answer, judged by every profile that may acquit.
pub(super) struct Exhibit<'c> {
    pub(super) case: &'c Case,
    pub(super) answered: &'c Answered,
    /// What had been asked before.
    pub(super) history: History,
    /// The profile that was given, and all that are right.
    profiles: Vec<Profile>,
    tolerances: OnceLock<Tolerances>,
    /// An answer where one is due; none if nothing is to be compared.
    pub(super) judged: Option<Result<Judged, Misfit>>,
}

/// An answer that is compared with the right one.
pub(super) struct Compared<'e> {
    pub(super) question: &'e Question,
    pub(super) expected: &'e Tensors,
    pub(super) residual: Option<&'e Tensors>,
    pub(super) output: &'e [(String, Tensor)],
}

/// The profiles that a format is judged by, and how many of them, from the first on, may acquit: the
/// one that is given, or all that are right.
pub(super) fn judging(dtype: Dtype, own: Option<Profile>) -> (Vec<Profile>, usize) {
    let right = right_profiles(dtype);
    match own {
        None => (right.clone(), right.len()),
        Some(own) => {
            let others = right.into_iter().filter(|profile| profile.name != own.name);
            ([own].into_iter().chain(others).collect(), 1)
        }
    }
}

/// All that was asked, in order.
pub(super) fn exhibits<'c>(
    cases: &'c [Case],
    answered: &'c [Answered],
    own: Option<Profile>,
) -> Vec<Exhibit<'c>> {
    let mut all = History::default();
    let mut before = Vec::with_capacity(answered.len());
    for one in answered {
        before.push(all.len());
        if let (Ok(_), Ok(question)) = (&one.outcome, cases[one.case].ask.question()) {
            all.push(question);
        }
    }
    let one = |(one, len): (&'c Answered, usize)| {
        Exhibit::new(&cases[one.case], one, all.until(len), own)
    };
    answered.par_iter().zip(before).map(one).collect()
}

impl<'c> Exhibit<'c> {
    fn new(
        case: &'c Case,
        answered: &'c Answered,
        history: History,
        own: Option<Profile>,
    ) -> Exhibit<'c> {
        let (profiles, _) = judging(case.ask.dtype, own);
        let tolerances = OnceLock::new();
        let mut exhibit = Exhibit { case, answered, history, profiles, tolerances, judged: None };
        exhibit.judged = exhibit.compared().map(|compared| {
            let Compared { question, expected, output, .. } = compared;
            judge(case, question, expected, output, exhibit.tolerances())
        });
        exhibit
    }

    /// What is compared, if an answer came where one is due.
    pub(super) fn compared(&self) -> Option<Compared<'c>> {
        let (Ok(Outcome::Output(output)), Some(expected), Ok(question)) =
            (&self.answered.outcome, self.case.truth.expected.tensors(), self.case.ask.question())
        else {
            return None;
        };
        Some(Compared { question, expected, residual: self.case.truth.residual.as_ref(), output })
    }

    /// The bounds of its profiles, derived once.
    pub(super) fn tolerances(&self) -> &Tolerances {
        self.tolerances.get_or_init(|| match self.case.ask.question() {
            Ok(question) if question.dtype.format().is_some() => {
                Tolerances::new(question, &self.profiles)
            }
            _ => Tolerances { profiles: self.profiles.clone(), by_profile: vec![], rings: vec![] },
        })
    }

    /// The place of a profile among its own.
    pub(super) fn slot(&self, profile: &str) -> usize {
        self.profiles.iter().position(|own| own.name == profile).unwrap_or_default()
    }

    /// What was judged, if the answer is of the right form.
    pub(super) fn judged(&self) -> Option<&Judged> {
        self.judged.as_ref()?.as_ref().ok()
    }

    /// The marks of every output by one profile. Where a NaN or an infinity stands in the plane all
    /// is open: what a fault makes of it says little.
    pub(super) fn marks(&self, slot: usize) -> Vec<(String, Vec<Mark>)> {
        use super::element::Accepts;
        let judged = self.judged().into_iter();
        let outputs = judged.flat_map(|judged| &judged.outputs);
        let one = |output: &super::judge::Marked| {
            let marks = output.marks.get(slot).map_or(&[][..], Vec::as_slice);
            let telling = |(mark, rule): (&Mark, &Accepts)| match rule {
                Accepts::Copy | Accepts::Value | Accepts::Overflow => *mark,
                _ => Mark::Open,
            };
            (output.name.clone(), marks.iter().zip(&output.rules).map(telling).collect())
        };
        outputs.map(one).collect()
    }

    /// What the report says of it, judged by one of its profiles.
    pub(super) fn report(&self, slot: usize, known: bool) -> CaseReport {
        let judged = self.judged();
        let tally = judged.and_then(|judged| judged.tallies.get(slot));
        let status = self.status(slot);
        let rejection = judged.is_none() && status == Status::Passed;
        let mut notes = judged.map_or(vec![], |judged| judged.notes.clone());
        notes.extend(self.other_reason());
        let worst = tally.and_then(|tally| tally.worst.clone());
        let places = self.case.ask.question().ok().map(Places::new);
        let place = worst.clone().zip(places);
        let ask = &self.case.ask;
        CaseReport {
            id: ask.id.clone(),
            group: self.case.group.clone(),
            operation: ask.operation,
            dtype: ask.dtype,
            comment: self.case.comment.clone(),
            flags: self.case.flags.clone(),
            basic: self.case.basic,
            known,
            judged: tally.map_or(usize::from(rejection), |tally| tally.judged),
            unjudged: tally.map_or(0, |tally| tally.unjudged),
            wrong: tally.map_or(0, |tally| tally.wrong),
            relative: place.as_ref().and_then(|(worst, places)| self.relative(worst, places)),
            place: place.as_ref().map(|(worst, places)| places.at(&worst.name, &worst.index)),
            worst,
            worst_ulp: judged.and_then(|j| j.worst_ulp.as_ref()).map(|w| w.ulps),
            notes,
            profile: tally.and_then(|_| self.profiles.get(slot)).map(|profile| profile.name),
            status,
        }
    }

    /// The error of an element relative to what was mixed into it.
    fn relative(&self, worst: &Wrong, places: &Places) -> Option<f64> {
        let expected = self.case.truth.expected.tensors()?;
        let want = expected.get(&worst.name)?;
        let flat = worst.index.iter().zip(want.shape()).fold(0, |flat, (i, n)| flat * n + i);
        let unit = want.dtype().format()?.ulp_exponent(worst.want)?;
        let error = libm::ldexp(worst.ulps, unit);
        let mixed = places.mixed(expected, &worst.name, want, flat)?;
        (!error.is_nan()).then_some(error / mixed)
    }

    fn status(&self, slot: usize) -> Status {
        let outcome = match &self.answered.outcome {
            Ok(outcome) => outcome,
            Err(reason) => return Status::Unclaimed(reason.to_string()),
        };
        match (outcome, &self.case.truth.expected) {
            (Outcome::Unsupported(text), _) => Status::Unsupported(text.clone()),
            (Outcome::Skipped(text), _) => Status::Skipped(text.clone()),
            (Outcome::Errored(text), _) => Status::Errored(text.clone()),
            (Outcome::Misbehaved(probe, text), _) => Status::Misbehaved(*probe, text.clone()),
            (Outcome::Broken(b), _) => Status::Broken(b.name(), b.to_string()),
            (Outcome::Rejected(_), Expected::Reject(_)) => Status::Passed,
            (Outcome::Rejected(text), Expected::Tensors(_)) => Status::Refused(text.clone()),
            (Outcome::Output(_), Expected::Reject(slug)) => Status::Accepted(slug.name()),
            (Outcome::Output(_), Expected::Tensors(_)) => self.comparison(slot),
        }
    }

    fn comparison(&self, slot: usize) -> Status {
        let judged = match (&self.judged, self.case.ask.question()) {
            // A golden file whose question this program refuses is no test of the kernel.
            (_, Err(reject)) => {
                return Status::Skipped(format!("the question is refused: {reject}"));
            }
            (Some(Err(misfit)), _) => return Status::Misfit(misfit.to_string()),
            (Some(Ok(judged)), _) => judged,
            (None, _) => return Status::Unjudged,
        };
        let tally = judged.tallies.get(slot);
        let wrong = tally.is_some_and(|tally| tally.wrong > 0);
        match &self.answered.broke {
            // To break is worse than to change one's mind, and another thing; but what was wrong
            // when it was first said stays wrong.
            Some(again) if !wrong => match again {
                Outcome::Errored(text) => return Status::Errored(text.clone()),
                Outcome::Misbehaved(probe, text) => {
                    return Status::Misbehaved(*probe, text.clone());
                }
                Outcome::Broken(b) => return Status::Broken(b.name(), b.to_string()),
                _ => {}
            },
            _ => {}
        }
        match tally {
            _ if self.answered.fickle => Status::Fickle,
            Some(tally) if tally.wrong > 0 => Status::Wrong,
            Some(tally) if tally.judged == 0 && tally.unjudged > 0 => Status::Unjudged,
            _ => Status::Passed,
        }
    }

    /// A note where a kernel refused for another reason than the one of the file.
    fn other_reason(&self) -> Option<String> {
        let (Ok(Outcome::Rejected(text)), Expected::Reject(slug)) =
            (&self.answered.outcome, &self.case.truth.expected)
        else {
            return None;
        };
        match Slug::from_reason(text) {
            Some(given) if given == *slug => None,
            Some(given) => {
                Some(format!("refused as {}, the file has {}", given.name(), slug.name()))
            }
            None => Some(format!("refused without a reason of the list: {text:?}")),
        }
    }
}
