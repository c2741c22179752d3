//! Puts cases to a kernel: in order, again, and not where it breaks again and again.

use super::capability::Description;
use super::case::Case;
use super::kernel::Kernel;
use super::outcome::{Answered, Breakage, Outcome};
use super::place::index_of;
use std::collections::BTreeMap;

/// Breakages in a row after which the rest of a group is not asked; a later group is.
const PATIENCE: usize = 3;

/// What a kernel said.
pub(super) struct Asking {
    /// In the order of asking.
    pub answered: Vec<Answered>,
    /// Of every capability: whether a case lies within it, and whether one was not skipped.
    pub used: Vec<(bool, bool)>,
    /// What changed when it was asked again, by index into the answers.
    pub changes: Vec<(usize, String)>,
}

/// Asks everything that is claimed `times` times; basic cases come first.
pub(super) fn ask(
    kernel: &mut dyn Kernel,
    cases: &[Case],
    description: &Description,
    times: usize,
    progress: &dyn Fn(),
) -> Asking {
    let (basic, rest): (Vec<usize>, Vec<usize>) =
        (0..cases.len()).partition(|&index| cases[index].basic);
    let mut used = vec![(false, false); description.capabilities.len()];
    let mut broken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut answered: Vec<Answered> = Vec::new();
    for index in basic.into_iter().chain(rest) {
        let case = &cases[index];
        let covered = description
            .covers(&case.ask)
            .and_then(|capabilities| kernel.reaches(&case.ask).map(|()| capabilities));
        let outcome = covered.map(|capabilities| {
            let broken = broken.entry(&case.group).or_default();
            let outcome = match *broken >= PATIENCE {
                true => Outcome::Broken(Breakage::GivenUp(*broken)),
                false => kernel.ask(&case.ask).cut(),
            };
            match outcome {
                Outcome::Broken(Breakage::GivenUp(_)) => {}
                Outcome::Broken(_) => *broken += 1,
                _ => *broken = 0,
            }
            for capability in capabilities {
                used[capability].0 = true;
                used[capability].1 |= !matches!(outcome, Outcome::Skipped(_));
            }
            outcome
        });
        progress();
        answered.push(Answered { case: index, outcome, fickle: false, broke: None });
    }
    let mut changes: BTreeMap<usize, Changes> = BTreeMap::new();
    for _ in 1..times {
        for (index, one) in answered.iter_mut().enumerate() {
            progress();
            let Ok(first @ Outcome::Output(_)) = &one.outcome else { continue };
            if one.broke.is_some() {
                continue;
            }
            match kernel.ask(&cases[one.case].ask).cut() {
                // Nothing was asked: what was answered before stands.
                Outcome::Broken(Breakage::GivenUp(_)) => {}
                again @ (Outcome::Broken(_) | Outcome::Errored(_) | Outcome::Misbehaved(..)) => {
                    one.broke = Some(again)
                }
                again => {
                    let moved = moved(first, &again);
                    one.fickle |= moved.is_some();
                    changes.entry(index).or_default().add(moved);
                }
            }
        }
    }
    let said = |(index, changes): (usize, Changes)| Some((index, changes.words()?));
    Asking { answered, used, changes: changes.into_iter().filter_map(said).collect() }
}

/// What differed between the answers to one question.
#[derive(Default)]
struct Changes {
    again: usize,
    otherwise: usize,
    elements: BTreeMap<(String, Vec<usize>), usize>,
}

impl Changes {
    fn add(&mut self, moved: Option<Vec<(String, Vec<usize>)>>) {
        self.again += 1;
        let Some(moved) = moved else { return };
        self.otherwise += 1;
        moved.into_iter().for_each(|place| *self.elements.entry(place).or_default() += 1);
    }

    fn words(&self) -> Option<String> {
        (self.otherwise > 0).then_some(())?;
        let most = self.elements.iter().max_by_key(|(_, count)| **count);
        let where_ = most.map_or(String::new(), |((name, index), count)| {
            let others = match self.elements.len() - 1 {
                0 => "in no other element".to_string(),
                n => format!("in {n} other elements less often or as often"),
            };
            format!(": in {name}{index:?} {count} times, {others}")
        });
        Some(format!(
            "asked again {} times, it answered otherwise {} times{where_}",
            self.again, self.otherwise
        ))
    }
}

/// The elements in which two answers differ, whatever the payload of a NaN; none if they are the
/// same. Where they differ in more than numbers there is no element to name.
fn moved(first: &Outcome, again: &Outcome) -> Option<Vec<(String, Vec<usize>)>> {
    let (Outcome::Output(first), Outcome::Output(again)) = (first, again) else {
        return (first != again).then(Vec::new);
    };
    let alike = first.len() == again.len()
        && first.iter().zip(again).all(|((name, a), (other, b))| {
            name == other && a.shape() == b.shape() && a.dtype() == b.dtype()
        });
    if !alike {
        return Some(vec![]);
    }
    let mut places = Vec::new();
    for ((name, a), (_, b)) in first.iter().zip(again) {
        let canonical = |bits: u64| match a.dtype().format() {
            Some(format) if format.is_nan(bits) => format.quiet_nan(),
            _ => bits,
        };
        for (flat, (&a_bits, &b_bits)) in a.data().iter().zip(b.data()).enumerate() {
            if canonical(a_bits) != canonical(b_bits) {
                places.push((name.clone(), index_of(flat, a.shape())));
            }
        }
    }
    (!places.is_empty()).then_some(places)
}
