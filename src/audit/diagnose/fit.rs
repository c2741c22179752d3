//! How well a kernel with certain faults explains one answer.

use super::evidence::{Evidence, Kind};
use crate::audit::judge::Mark;
use crate::audit::judge::within::{Element, Ruling};
use crate::audit::outcome::Outcome;
use crate::fault::{Answer, Asked, Fault, History, Mutant};
use crate::number::Tensor;
use crate::profile::Profile;

/// What a hypothesis says of one case, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::audit) struct Fit {
    /// Wrong elements that it predicts as they are.
    pub(super) explained: usize,
    /// Wrong elements that it predicts otherwise.
    pub(super) unexplained: usize,
    /// Wrong elements of which it says nothing: its own precision has ended there.
    pub(super) open: usize,
    /// Right elements that it predicts to be wrong.
    pub(super) contradicted: usize,
    /// Right elements that it leaves right.
    pub(super) right: usize,
    /// Whether any of its faults applies.
    pub(super) applies: bool,
}

impl Fit {
    /// Of what tells it from a right kernel, and the kernel from a right one, the share that it
    /// has as it is. None where all is right and predicted right. Where it says nothing of more
    /// than it explains, that counts against it.
    pub(super) fn share(&self) -> Option<f64> {
        let evaded = self.open.saturating_sub(self.explained);
        let all = self.explained + self.unexplained + self.contradicted + evaded;
        (all > 0).then(|| self.explained as f64 / all as f64)
    }

    /// Elements as they are predicted.
    pub(super) fn as_predicted(&self) -> usize {
        self.explained + self.right
    }

    /// All elements.
    pub(super) fn judged(&self) -> usize {
        self.as_predicted() + self.unexplained + self.contradicted + self.open
    }
}

/// The kernel with those of the faults that apply; none if none does.
pub(in crate::audit) fn mutant<'a>(
    asked: &'a Asked,
    history: &'a History,
    faults: &[&'static Fault],
) -> Option<Mutant<'a>> {
    let mut made: Option<Mutant> = None;
    for fault in faults {
        let next = match &made {
            None => fault.mutate(asked, history),
            Some(mutant) => mutant.then(fault),
        };
        made = next.or(made);
    }
    made
}

/// Compares what a kernel of this profile with these faults would answer with what came.
pub(in crate::audit) fn fit(
    evidence: &Evidence,
    faults: &[&'static Fault],
    profile: &Profile,
) -> Fit {
    let mutant = mutant(evidence.asked, &evidence.history, faults);
    let Some(mutant) = mutant else {
        // It answers rightly.
        let one = usize::from(evidence.fails() && evidence.wrong == 0);
        return Fit { unexplained: evidence.wrong + one, right: evidence.right, ..Fit::default() };
    };
    let answer = mutant.emulate(profile);
    let fit = match (evidence.kind, evidence.outcome, &answer) {
        (Kind::RightRefusal, _, Answer::Output(_)) => Fit { contradicted: 1, ..Fit::default() },
        (Kind::RightRefusal, _, Answer::Refused(_)) => Fit { right: 1, ..Fit::default() },
        (Kind::Refusal, _, Answer::Refused(_)) => Fit { explained: 1, ..Fit::default() },
        (Kind::Refusal, _, Answer::Output(_)) => Fit { unexplained: 1, ..Fit::default() },
        (_, _, Answer::Refused(_)) => Fit {
            unexplained: evidence.wrong.max(usize::from(evidence.fails())),
            contradicted: evidence.right,
            ..Fit::default()
        },
        (_, Outcome::Output(output), Answer::Output(predicted)) => {
            match mutant.shown(profile, output) {
                // Its form is the proof; how its machine rounds, nobody knows.
                Some(shown) => {
                    compare(evidence, &shown.output, &shown.predicted, &shown.bounds, false)
                }
                None => compare(evidence, output, predicted, &mutant.bounds(profile), true),
            }
        }
        _ => Fit::default(),
    };
    Fit { applies: true, ..fit }
}

fn compare(
    evidence: &Evidence,
    output: &[(String, Tensor)],
    predicted: &[(&'static str, Tensor)],
    bounds: &[(&'static str, Vec<f64>)],
    nearer: bool,
) -> Fit {
    let mut fit = Fit::default();
    for (name, got) in output {
        let marks = evidence.marks.iter().find(|(n, _)| n == name).map(|(_, marks)| marks);
        let bound = bounds.iter().find(|(n, _)| n == name).map(|(_, bound)| bound);
        let predicted = predicted.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor);
        let right = evidence.case.truth.expected.tensors().and_then(|all| all.get(name));
        let alike = predicted.filter(|p| p.dtype() == got.dtype() && p.shape() == got.shape());
        for index in 0..got.data().len() {
            // An answer of another form has no marks: all of it is wrong.
            let wrong = match marks.map(|marks| marks[index]) {
                Some(Mark::Open) => continue,
                Some(Mark::Right) => false,
                Some(Mark::Wrong) | None => true,
            };
            let bound = bound.and_then(|bound| bound.get(index)).copied();
            let holds = match alike {
                None => Some(false),
                Some(predicted) if evidence.special && !both_finite(got, predicted, index) => {
                    continue;
                }
                Some(predicted) => near(got, predicted, index, bound),
            };
            // An explanation of what is wrong comes nearer to it than the right answer does.
            let nearer = || match (alike, right) {
                (Some(predicted), Some(right)) if nearer && right.shape() == got.shape() => {
                    twice_as_near(got, predicted, right, index)
                }
                _ => true,
            };
            match (wrong, holds) {
                (true, Some(true)) if nearer() => fit.explained += 1,
                (true, Some(_)) => fit.unexplained += 1,
                (false, Some(true)) => fit.right += 1,
                (false, Some(false)) => fit.contradicted += 1,
                (true, None) => fit.open += 1,
                (false, None) => {}
            }
        }
    }
    fit
}

/// Whether what came is at most half as far from the prediction as from the right answer.
fn twice_as_near(got: &Tensor, predicted: &Tensor, right: &Tensor, index: usize) -> bool {
    let Some(format) = got.dtype().format() else { return true };
    if right.dtype() != got.dtype() {
        return true;
    }
    let [got, predicted, right] =
        [got, predicted, right].map(|tensor| format.to_f64(tensor.data()[index]));
    let (off, wrong) = ((got - predicted).abs(), (got - right).abs());
    // Infinities and NaN have no distance: there the comparison before this one decides.
    !off.is_finite() || !wrong.is_finite() || 2.0 * off <= wrong
}

fn both_finite(a: &Tensor, b: &Tensor, index: usize) -> bool {
    let finite = |tensor: &Tensor| match tensor.dtype().format() {
        Some(format) => format.is_finite(tensor.data()[index]),
        None => true,
    };
    finite(a) && finite(b)
}

/// Whether an element is the predicted one; none if the bound judges nothing.
fn near(got: &Tensor, predicted: &Tensor, index: usize, bound: Option<f64>) -> Option<bool> {
    let (got_bits, predicted_bits) = (got.data()[index], predicted.data()[index]);
    let format = match (got.dtype().format(), predicted.dtype() == got.dtype()) {
        (Some(format), true) => format,
        _ => return Some(got_bits == predicted_bits),
    };
    if got_bits == predicted_bits {
        return Some(true);
    }
    let (x, y) = (format.to_f64(got_bits), format.to_f64(predicted_bits));
    if !x.is_finite() || !y.is_finite() {
        // What overflows on the way may be any of them.
        return Some(!x.is_finite() && !y.is_finite());
    }
    match Element::value(format, got_bits, predicted_bits).ruling(bound.unwrap_or(0.0)) {
        Ruling::Open => None,
        ruling => Some(matches!(ruling, Ruling::Right(_))),
    }
}
