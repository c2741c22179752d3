//! Which faults a run would have seen, and why not the others.

use super::case::Case;
use super::diagnose::fit::mutant;
use super::element::{Accepts, accepts};
use super::exhibit::Exhibit;
use super::finding::{CaseReport, Status, Unseen};
use super::judge::within::{Element, Ruling};
use super::outcome::Outcome;
use crate::encoding::Body;
use crate::fault::{self, Answer, Fault};
use crate::number::{Dtype, Format, Tensor};
use crate::profile::{self, Profile};
use crate::vector::{Expected, Tensors, note};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A case that was asked and judged, and what is allowed there.
struct Seen<'c> {
    exhibit: &'c Exhibit<'c>,
    /// Classes that its flags name.
    classes: BTreeSet<&'static str>,
    /// By output, the rules of special values and the largest bound of a right profile.
    allowed: OnceLock<Vec<Allowed>>,
}

/// What is allowed of an output.
struct Allowed {
    name: String,
    rules: Vec<Accepts>,
    loosest: Vec<f64>,
}

/// What a case says of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    /// The fault does not apply.
    Nothing,
    /// Its answer is the right one.
    Same,
    /// It differs, by less than rounding may.
    Masked(Dtype),
    /// It differs where precision has ended.
    Beyond,
    /// It would have been seen.
    Told,
}

/// Names of the faults that some case told from a right kernel, and the others with the reason.
pub(super) fn sight(
    exhibits: &[Exhibit],
    reports: &[CaseReport],
) -> (Vec<&'static str>, Vec<Unseen>) {
    let judged = |report: &CaseReport| {
        report.judged > 0
            || matches!(report.status, Status::Wrong | Status::Misfit(_) | Status::Accepted(_))
    };
    let mut seen: Vec<Seen> = exhibits
        .iter()
        .zip(reports)
        .filter(|(one, report)| {
            let outcome = &one.answered.outcome;
            matches!(outcome, Ok(Outcome::Output(_) | Outcome::Rejected(_))) && judged(report)
        })
        .map(|(exhibit, _)| Seen {
            exhibit,
            classes: classes(exhibit.case),
            allowed: OnceLock::new(),
        })
        .collect();
    // Most faults show in small answers already.
    seen.sort_by_cached_key(|one| one.size());
    let looks: Vec<Look> =
        fault::all().par_iter().map(|fault| look_everywhere(fault, &seen)).collect();
    let both = || fault::all().iter().zip(&looks);
    let told = both().filter(|(_, look)| **look == Look::Told).map(|(fault, _)| fault.name);
    let missed: Vec<(&Fault, Look)> =
        both().filter(|(_, l)| **l != Look::Told).map(|(f, l)| (f, *l)).collect();
    let unseen = missed
        .into_par_iter()
        .map(|(fault, look)| Unseen { name: fault.name, because: because(fault, look, exhibits) });
    (told.collect(), unseen.collect())
}

fn classes(case: &Case) -> BTreeSet<&'static str> {
    case.flags.iter().filter_map(|flag| note(flag)).flat_map(|n| n.faults).copied().collect()
}

/// The most that any case says of a fault; cases whose flags name the class first.
fn look_everywhere(fault: &'static Fault, seen: &[Seen]) -> Look {
    let (named, rest): (Vec<&Seen>, Vec<&Seen>) =
        seen.iter().partition(|one| one.classes.contains(fault.class));
    let mut best = Look::Nothing;
    for one in named.into_iter().chain(rest) {
        best = best.max(look(fault, one));
        if best == Look::Told {
            break;
        }
    }
    best
}

fn look(fault: &'static Fault, one: &Seen) -> Look {
    let Exhibit { case, history, .. } = one.exhibit;
    let Some(mutant) = mutant(case.ask.asked(), history, &[fault]) else { return Look::Nothing };
    // Its own machine where that is what is wrong with it.
    let machine =
        if mutant.is_imprecise() { loosest_machine(case.ask.dtype) } else { profile::NUMPY_F64 };
    match (&case.truth.expected, mutant.emulate(&machine)) {
        (Expected::Reject(_), Answer::Output(_)) => Look::Told,
        (Expected::Reject(_), Answer::Refused(_)) => Look::Same,
        (Expected::Tensors(_), Answer::Refused(_)) => Look::Told,
        (Expected::Tensors(right), Answer::Output(output)) => differs(one, right, &output),
    }
}

fn loosest_machine(dtype: Dtype) -> Profile {
    let common = profile::common(dtype);
    common.first().copied().unwrap_or(profile::NAMED[0])
}

fn differs(one: &Seen, right: &Tensors, output: &[(&'static str, Tensor)]) -> Look {
    let mut best = Look::Same;
    for (name, want) in &right.0 {
        let Some((_, got)) = output.iter().find(|(n, _)| n == name) else { return Look::Told };
        if got.dtype() != want.dtype() || got.shape() != want.shape() {
            return Look::Told;
        }
        let Some(format) = want.dtype().format() else {
            if got.data() != want.data() {
                return Look::Told;
            }
            continue;
        };
        for index in 0..want.data().len() {
            let (got, want) = (got.data()[index], want.data()[index]);
            // Special values have rules of their own, which accept much.
            if got == want || !format.is_finite(want) {
                continue;
            }
            best = best.max(one.told(name, index, format, got, want));
            if best == Look::Told {
                return best;
            }
        }
    }
    best
}

impl Seen<'_> {
    /// How many elements its answer has.
    fn size(&self) -> usize {
        let expected = self.exhibit.case.truth.expected.tensors();
        expected.map_or(0, |all| all.0.iter().map(|(_, tensor)| tensor.data().len()).sum())
    }

    /// What an element says that differs from the right one. A kernel with the fault may be off
    /// from it by its own bound, so it must be twice as far away.
    fn told(&self, name: &str, index: usize, format: Format, got: u64, want: u64) -> Look {
        let allowed = self.allowed.get_or_init(|| self.allowed());
        let Some(output) = allowed.iter().find(|output| output.name == name) else {
            return Look::Same;
        };
        let accepts = output.rules.get(index).copied().unwrap_or(Accepts::Value);
        let element = Element { accepts, ..Element::value(format, got, want) };
        match element.ruling(2.0 * output.loosest.get(index).copied().unwrap_or(f64::INFINITY)) {
            Ruling::Open => Look::Beyond,
            Ruling::Wrong(_) => Look::Told,
            Ruling::Right(0.0) => Look::Same,
            Ruling::Right(_) => Look::Masked(self.exhibit.case.ask.dtype),
        }
    }

    fn allowed(&self) -> Vec<Allowed> {
        let Exhibit { case, .. } = self.exhibit;
        let (Some(expected), Ok(question)) = (case.truth.expected.tensors(), case.ask.question())
        else {
            return vec![];
        };
        let residual = |name: &str| case.truth.residual.as_ref().and_then(|all| all.get(name));
        let one = |(name, want): &(String, Tensor)| Allowed {
            name: name.clone(),
            rules: accepts(question, &case.ask.input, name, want, residual(name)),
            loosest: self.exhibit.tolerances().loosest(name, case.ask.dtype),
        };
        expected.0.iter().map(one).collect()
    }
}

/// Whether all that a fault of ALiBi's form touches is attention that shows no constant: softmax of
/// s + c is softmax of s, and only the logarithm of the sum or a sink tells them apart.
fn is_behind_softmax(fault: &'static Fault, exhibits: &[Exhibit]) -> bool {
    let touched = |one: &&Exhibit| {
        matches!(one.answered.outcome, Ok(Outcome::Output(_)))
            && mutant(one.case.ask.asked(), &one.history, &[fault]).is_some()
    };
    let hides = |one: &Exhibit| match one.case.ask.question().map(|question| &question.body) {
        Ok(Body::Attention(a)) => !a.lse && a.sinks.is_none(),
        _ => false,
    };
    let mut all = exhibits.iter().filter(touched).peekable();
    fault.class == "J5" && all.peek().is_some() && all.all(hides)
}

/// Why a fault was not seen.
fn because(fault: &'static Fault, look: Look, exhibits: &[Exhibit]) -> String {
    match look {
        Look::Masked(_) | Look::Same if is_behind_softmax(fault, exhibits) => {
            return "cannot be seen: a constant for each query, which a softmax does not see \
                    without lse or a sink"
                .into();
        }
        Look::Masked(dtype) => return format!("rounding in {dtype} may be as large"),
        Look::Beyond => return "it shows only where no precision is left to judge".into(),
        Look::Same => return "it makes no difference for the configs that were asked".into(),
        Look::Nothing | Look::Told => {}
    }
    // Something that was not asked would have shown it.
    let applies = |one: &Exhibit| mutant(one.case.ask.asked(), &one.history, &[fault]).is_some();
    let unclaimed = exhibits
        .iter()
        .filter_map(|one| Some((one, one.answered.outcome.as_ref().err()?.as_str())));
    let (named, rest): (Vec<_>, Vec<_>) =
        unclaimed.partition(|(one, _)| classes(one.case).contains(fault.class));
    for (one, reason) in named.into_iter().chain(rest) {
        if applies(one) {
            return format!("not asked: {reason}");
        }
    }
    let silent = exhibits.iter().any(|one| {
        let outcome = &one.answered.outcome;
        let unanswered = !matches!(outcome, Ok(Outcome::Output(_) | Outcome::Rejected(_)));
        outcome.is_ok() && unanswered && applies(one)
    });
    if silent {
        return "the kernel did not answer where it would show".into();
    }
    "no test of this selection touches it".into()
}
