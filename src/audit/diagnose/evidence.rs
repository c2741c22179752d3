//! What there is to explain: the answers of the operations that went wrong, right ones included.

use crate::audit::case::Case;
use crate::audit::exhibit::Exhibit;
use crate::audit::finding::{CaseReport, Report};
use crate::audit::judge::Mark;
use crate::audit::outcome::Outcome;
use crate::encoding::{Body, Floats, Question};
use crate::fault::{Asked, History};
use crate::number::Dtype;
use crate::profile::Profile;
use crate::request::Operation;
use crate::vector::Expected;
use rayon::prelude::*;
use std::collections::HashSet;

/// What a kernel made of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) enum Kind {
    /// An answer of the right form.
    Answer,
    /// An answer of another shape or dtype.
    Misfit,
    /// A refusal of what is in order.
    Refusal,
    /// An answer to what must be refused.
    Acceptance,
    /// A refusal that is right.
    RightRefusal,
}

/// One case with what came back, ready for comparisons.
pub(in crate::audit) struct Evidence<'c> {
    pub(in crate::audit) case: &'c Case,
    pub(in crate::audit) outcome: &'c Outcome,
    pub(in crate::audit) asked: &'c Asked,
    /// What was asked before.
    pub(in crate::audit) history: History,
    pub(in crate::audit) kind: Kind,
    /// Whether it answered otherwise when it was asked again.
    pub(in crate::audit) fickle: bool,
    /// Whether a NaN or an infinity stands in what is rotated: what becomes of its plane is not
    /// determined, and which plane that is depends on the fault.
    pub(in crate::audit) special: bool,
    /// By output, for an answer of the right form.
    pub(in crate::audit) marks: Vec<(String, Vec<Mark>)>,
    pub(in crate::audit) wrong: usize,
    pub(in crate::audit) right: usize,
}

impl<'c> Evidence<'c> {
    pub(in crate::audit) fn operation(&self) -> Operation {
        self.case.ask.operation
    }

    pub(in crate::audit) fn dtype(&self) -> Dtype {
        self.case.ask.dtype
    }

    /// Whether something is wrong with it.
    pub(in crate::audit) fn fails(&self) -> bool {
        match self.kind {
            Kind::Answer => self.wrong > 0,
            Kind::RightRefusal => false,
            _ => true,
        }
    }

    /// How much work it is to compare.
    pub(in crate::audit) fn size(&self) -> usize {
        match self.outcome {
            Outcome::Output(output) => output.iter().map(|(_, t)| t.data().len()).sum(),
            _ => 1,
        }
    }
}

/// The evidence of every section that diverges, in the order of asking.
pub(in crate::audit) fn evidence<'c>(
    exhibits: &'c [Exhibit<'c>],
    report: &Report,
) -> Vec<Evidence<'c>> {
    let diverging: HashSet<(Operation, Dtype)> =
        report.divergences().map(|case| (case.operation, case.dtype)).collect();
    let profile = |key: (Operation, Dtype)| {
        let section = report.sections.iter().find(|s| (s.operation, s.dtype) == key)?;
        section.profiles.first().copied()
    };
    let one = |(exhibit, judged): (&'c Exhibit<'c>, &CaseReport)| {
        let case = exhibit.case;
        let key = (case.ask.operation, case.ask.dtype);
        let outcome = exhibit.answered.outcome.as_ref().ok()?;
        // What is listed as a known failure is explained already.
        if !diverging.contains(&key) || judged.known {
            return None;
        }
        let kind = match (outcome, &case.truth.expected) {
            (Outcome::Output(_), Expected::Reject(_)) => Kind::Acceptance,
            (Outcome::Rejected(_), Expected::Reject(_)) => Kind::RightRefusal,
            (Outcome::Rejected(_), Expected::Tensors(_)) => Kind::Refusal,
            (Outcome::Output(_), Expected::Tensors(_)) => match exhibit.judged.as_ref()? {
                Ok(_) => Kind::Answer,
                Err(_) => Kind::Misfit,
            },
            _ => return None,
        };
        let marks = exhibit.marks(profile(key).map_or(0, |name| exhibit.slot(name)));
        let count = |mark: Mark| {
            let all = marks.iter().flat_map(|(_, marks)| marks);
            all.filter(|&&m| m == mark).count()
        };
        let (wrong, right) = (count(Mark::Wrong), count(Mark::Right));
        Some(Evidence {
            case,
            outcome,
            asked: case.ask.asked(),
            history: exhibit.history.clone(),
            kind,
            fickle: exhibit.answered.fickle,
            special: case.ask.question().is_ok_and(is_special),
            marks,
            wrong,
            right,
        })
    };
    exhibits.par_iter().zip(&report.cases).filter_map(one).collect()
}

/// Whether a NaN or an infinity is among the numbers that are rotated.
fn is_special(question: &Question) -> bool {
    let tensors: Vec<&Floats> = match &question.body {
        Body::Rotate(r) => vec![&r.q, r.k.as_ref().unwrap_or(&r.q)],
        Body::Apply(a) => vec![&a.q, a.k.as_ref().unwrap_or(&a.q), &a.cos, &a.sin],
        Body::Score(s) => vec![&s.q, &s.k],
        _ => vec![],
    };
    tensors.iter().any(|tensor| tensor.numbers().any(|x| !x.is_finite()))
}

/// The profiles that may stand for the kernel behind an answer.
pub(in crate::audit) fn machines(dtype: Dtype) -> Vec<Profile> {
    match dtype.format() {
        Some(_) => crate::audit::right_profiles(dtype),
        None => vec![crate::profile::NAMED[0]],
    }
}
