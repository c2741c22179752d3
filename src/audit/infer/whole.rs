//! Answers that are more than a rotation or a distance: their rows, and what a known fault would
//! make of them.
//!
//! A fault of the list is a hypothesis about whole answers; here it is one about rows, so that it is
//! found where it acts on some of them: keys only, the heads of one half, queries of one tile.

use super::exhibit::{Exhibit, Laid, Rows, Side, Unit, Whole, numbers};
use super::predicted::Predicted;
use crate::audit::judge::Mark;
use crate::encoding::Question;
use crate::fault::{Answer, Asked, Fault, History};
use crate::number::Tensor;
use crate::profile;
use std::sync::{Arc, Mutex};

impl Laid {
    /// The elements of the rows.
    pub(super) fn rows<T: Copy>(&self, data: &[T]) -> Vec<Option<T>> {
        self.cells.iter().map(|cell| data.get((*cell)?).copied()).collect()
    }

    /// The same as numbers: 0 for what is not there.
    pub(super) fn numbers(&self, tensor: &Tensor) -> Vec<f64> {
        self.rows(&numbers(tensor)).into_iter().map(|x| x.unwrap_or(0.0)).collect()
    }
}

/// One side of an answer: its name, heads and width, and what went in, if that is as wide.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) heads: usize,
    pub(super) width: usize,
    pub(super) input: Vec<f64>,
}

/// A side from what came, what is right, and what is said of it. None where the shapes differ, and
/// where something is wrong that belongs to no row or in which no number is right.
pub(super) fn side(
    shape: Shape,
    [got, right]: [&Tensor; 2],
    marks: &[Mark],
    laid: &Laid,
) -> Option<Side> {
    let Shape { name, heads, width, input } = shape;
    if got.shape() != right.shape() || got.dtype() != right.dtype() {
        return None;
    }
    // What padding would be is not judged, nor what a row says that has no number.
    let numbers = laid.numbers(right);
    let own = laid.rows(marks).into_iter().zip(&numbers);
    let own: Vec<Mark> =
        own.map(|(mark, right)| mark.filter(|_| right.is_finite()).unwrap_or(Mark::Open)).collect();
    let wrong = |list: &[Mark]| list.iter().filter(|mark| **mark == Mark::Wrong).count();
    if wrong(marks) > wrong(&own) {
        return None;
    }
    let bits = laid.rows(got.data()).into_iter().map(|bits| bits.unwrap_or(0)).collect();
    Some(Side {
        name,
        heads,
        width,
        input,
        got: laid.numbers(got),
        bits: Tensor::new(got.dtype(), vec![laid.cells.len()], bits).ok()?,
        right: numbers.into_iter().map(|x| if x.is_finite() { x } else { 0.0 }).collect(),
        marks: own,
        outside: vec![],
    })
}

/// A tensor of a list.
pub(super) fn tensor<'t>(list: &'t [(String, Tensor)], name: &str) -> Option<&'t Tensor> {
    list.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor)
}

/// Twice the widest bound of a row.
fn slack(question: &Question, laid: &[Laid], sides: &[Side]) -> Vec<Vec<f64>> {
    let profiles = crate::audit::right_profiles(question.dtype);
    let bounds = profile::bounds(question, &profiles);
    let named = || bounds.iter().flat_map(|(_, named)| named);
    let of = |(laid, side): (&Laid, &Side)| {
        let mut widest = vec![0f64; side.right.len()];
        for one in named().filter(|one| one.name == laid.output) {
            for (slot, x) in widest.iter_mut().zip(laid.numbers(&one.tensor)) {
                *slot = slot.max(if x.is_finite() { x } else { 0.0 });
            }
        }
        for row in widest.chunks_mut(side.width.max(1)) {
            row.fill(2.0 * row.iter().copied().fold(0.0, f64::max));
        }
        widest
    };
    laid.iter().zip(sides).map(of).collect()
}

impl Whole {
    /// An answer to a question in rows, [batch, tokens] of each head of each side.
    pub(super) fn new(
        question: &Question,
        [batch, tokens]: [usize; 2],
        positions: Vec<i64>,
        laid: Vec<Laid>,
        sides: &[Side],
    ) -> Whole {
        Whole {
            batch,
            tokens,
            positions: positions.into_iter().map(i128::from).collect(),
            kinds: vec![],
            slack: slack(question, &laid, sides),
            asked: Asked::from(question.clone()),
            laid,
            known: Mutex::default(),
        }
    }

    pub(super) fn slack(&self, side: usize, at: usize) -> f64 {
        self.slack.get(side).and_then(|list| list.get(at)).copied().unwrap_or(0.0)
    }

    /// All rows as a kernel with this fault has them; none where it makes no difference.
    fn known(&self, fault: &'static Fault) -> Option<Rows> {
        // Variants of a fault have its name and sentences of their own.
        let key = fault.summary;
        if let Some(found) = self.known.lock().ok()?.get(key) {
            return found.clone();
        }
        let found = self.made(fault).map(Arc::new);
        self.known.lock().ok()?.insert(key, found.clone());
        found
    }

    fn made(&self, fault: &'static Fault) -> Option<Vec<Vec<f64>>> {
        let history = History::default();
        let mutant = fault.mutate(&self.asked, &history)?;
        let Answer::Output(output) = mutant.emulate(&profile::NUMPY_F64) else {
            return None;
        };
        let of = |laid: &Laid| {
            let (_, made) = output.iter().find(|(name, _)| *name == laid.output)?;
            // Where padding is written there is no row, and where a row is not written no number.
            Some(laid.numbers(made))
        };
        self.laid.iter().map(of).collect()
    }

    /// A row as a kernel with this fault has it.
    pub(super) fn predict(
        &self,
        exhibit: &Exhibit,
        unit: &Unit,
        fault: &'static Fault,
    ) -> Option<Vec<Predicted>> {
        let known = self.known(fault)?;
        let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
        let row = known.get(unit.side)?.get(start..start + exhibit.sides[unit.side].width)?;
        let one = |(coordinate, &value): (usize, &f64)| {
            let slack = self.slack(unit.side, start + coordinate) + exhibit.least;
            Predicted { coordinate, value, slack }
        };
        Some(row.iter().enumerate().map(one).collect())
    }
}
