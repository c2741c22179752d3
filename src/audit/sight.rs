//! Which faults a run would have seen, and why not the others.

use super::case::Case;
use super::diagnose::fit::mutant;
use super::finding::{CaseReport, Status, Unseen};
use super::outcome::Answered;
use super::outcome::Outcome;
use super::tolerance::right_profiles;
use crate::encoding::Question;
use crate::fault::{self, Answer, Asked, Fault, History};
use crate::number::{Dtype, Tensor};
use crate::profile::{self, Profile};
use crate::vector::{Expected, Tensors, note};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A case that was asked and judged, and what is allowed there.
struct Seen<'c> {
    case: &'c Case,
    asked: &'c Asked,
    history: &'c History,
    /// Classes that its flags name.
    classes: BTreeSet<&'static str>,
    loosest: OnceLock<Vec<(&'static str, Vec<f64>)>>,
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
    cases: &[Case],
    answers: &[Answered],
    asked: &[(Asked, History)],
    reports: &[CaseReport],
) -> (Vec<&'static str>, Vec<Unseen>) {
    let judged = |report: &CaseReport| {
        report.judged > 0
            || matches!(report.status, Status::Wrong | Status::Misfit(_) | Status::Accepted(_))
    };
    let seen: Vec<Seen> = answers
        .iter()
        .zip(asked)
        .zip(reports)
        .filter(|((one, _), report)| {
            let answered = matches!(one.outcome, Ok(Outcome::Output(_) | Outcome::Rejected(_)));
            answered && judged(report)
        })
        .map(|((one, (asked, history)), _)| Seen {
            case: &cases[one.case],
            asked,
            history,
            classes: classes(&cases[one.case]),
            loosest: OnceLock::new(),
        })
        .collect();
    let looks: Vec<Look> =
        fault::all().par_iter().map(|fault| look_everywhere(fault, &seen)).collect();
    let unclaimed: Vec<(usize, &str)> = answers
        .iter()
        .enumerate()
        .filter_map(|(index, one)| Some((index, one.outcome.as_ref().err()?.as_str())))
        .collect();
    let both = || fault::all().iter().zip(&looks);
    let told = both().filter(|(_, look)| **look == Look::Told).map(|(fault, _)| fault.name);
    let missed: Vec<(&Fault, Look)> =
        both().filter(|(_, l)| **l != Look::Told).map(|(f, l)| (f, *l)).collect();
    let unseen = missed.into_par_iter().map(|(fault, look)| Unseen {
        name: fault.name,
        because: because(fault, look, cases, answers, asked, &unclaimed),
    });
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
    let Some(mutant) = mutant(one.asked, one.history, &[fault]) else { return Look::Nothing };
    let machine = profile::find("numpy-f64").unwrap_or(&profile::NAMED[0]);
    // Its own machine where that is what is wrong with it.
    let machine = match mutant.is_imprecise() {
        true => loosest_machine(one.case.ask.dtype),
        false => *machine,
    };
    match (&one.case.truth.expected, mutant.emulate(&machine)) {
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
            match got.data() == want.data() {
                true => continue,
                false => return Look::Told,
            }
        };
        for index in 0..want.data().len() {
            let (got, want) = (got.data()[index], want.data()[index]);
            if got == want || format.is_zero(got) && format.is_zero(want) {
                continue;
            }
            // Special values have rules of their own, which accept much.
            if !format.is_finite(want) {
                continue;
            }
            let allowed = one.loosest.get_or_init(|| loosest(one.asked, one.case.ask.dtype));
            let allowed = allowed.iter().find(|(n, _)| n == name);
            let allowed = allowed.and_then(|(_, list)| list.get(index)).copied();
            best = best.max(match allowed {
                Some(allowed) if !format.is_finite(got) => {
                    if allowed.is_nan() {
                        Look::Beyond
                    } else {
                        Look::Told
                    }
                }
                Some(allowed) if allowed.is_nan() => Look::Beyond,
                Some(allowed)
                    if (format.to_f64(got) - format.to_f64(want)).abs() > 2.0 * allowed =>
                {
                    Look::Told
                }
                Some(_) => Look::Masked(one.case.ask.dtype),
                None => Look::Same,
            });
            if best == Look::Told {
                return best;
            }
        }
    }
    best
}

/// By output and element, the largest bound of a right profile that judges; NaN where none does.
fn loosest(asked: &Asked, dtype: Dtype) -> Vec<(&'static str, Vec<f64>)> {
    let Ok(question) = asked.question() else { return vec![] };
    widest(question, dtype)
}

fn widest(question: &Question, dtype: Dtype) -> Vec<(&'static str, Vec<f64>)> {
    let mut list: Vec<(&'static str, Vec<f64>)> = Vec::new();
    for (_, named) in profile::bounds(question, &right_profiles(dtype)) {
        for one in named {
            let Some(format) = one.tensor.dtype().format() else { continue };
            let finite = |&bits: &u64| {
                if format.is_finite(bits) { format.to_f64(bits) } else { f64::NAN }
            };
            let own: Vec<f64> = one.tensor.data().iter().map(finite).collect();
            match list.iter_mut().find(|(name, _)| *name == one.name) {
                // The other one if one is NaN.
                Some((_, all)) => all.iter_mut().zip(own).for_each(|(a, b)| *a = a.max(b)),
                None => list.push((one.name, own)),
            }
        }
    }
    list
}

/// Why a fault was not seen.
fn because(
    fault: &'static Fault,
    look: Look,
    cases: &[Case],
    answers: &[Answered],
    asked: &[(Asked, History)],
    unclaimed: &[(usize, &str)],
) -> String {
    match look {
        Look::Masked(dtype) => return format!("rounding in {dtype} may be as large"),
        Look::Beyond => return "it shows only where no precision is left to judge".into(),
        Look::Same => return "it makes no difference for the configs that were asked".into(),
        Look::Nothing | Look::Told => {}
    }
    // Something that was not asked would have shown it.
    let applies = |index: usize| {
        let (asked, history) = &asked[index];
        mutant(asked, history, &[fault]).is_some()
    };
    let (named, rest): (Vec<_>, Vec<_>) = unclaimed
        .iter()
        .partition(|(index, _)| classes(&cases[answers[*index].case]).contains(fault.class));
    for &(index, reason) in named.into_iter().chain(rest) {
        if applies(index) {
            return format!("not asked: {reason}");
        }
    }
    let silent = answers.iter().enumerate().find(|(index, one)| {
        let unanswered = !matches!(one.outcome, Ok(Outcome::Output(_) | Outcome::Rejected(_)));
        one.outcome.is_ok() && unanswered && applies(*index)
    });
    match silent {
        Some(_) => "the kernel did not answer where it would show".into(),
        None => "no test of this selection touches it".into(),
    }
}
