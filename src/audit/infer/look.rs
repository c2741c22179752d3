//! A prediction beside the row that came.

use super::exhibit::{Exhibit, Unit};
use super::mechanism::Mechanism;
use super::predict::Cache;
use crate::audit::judge::Mark;

/// What a prediction says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing: it does not apply, or what it predicts is right too.
    Nothing,
    /// The row is wrong, as predicted.
    Hit,
    /// The row is wrong, but otherwise.
    Miss,
    /// The row is right and would be wrong.
    Refuted,
}

impl Mechanism {
    /// Compares a prediction with a row.
    pub(super) fn look(&self, exhibit: &Exhibit, unit: &Unit, cache: &Cache) -> Look {
        let Some(predicted) = self.predict(exhibit, unit, cache) else {
            return if unit.wrong { Look::Miss } else { Look::Nothing };
        };
        let side = &exhibit.sides[unit.side];
        let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
        let (mut told, mut open, mut tells) = (0usize, 0usize, false);
        // How far all that is wrong lies from the prediction, and from what is right.
        let (mut off, mut wrong) = (0.0, 0.0);
        for one in &predicted {
            let at = start + one.coordinate;
            let (got, right, mark) = (side.got[at], side.right[at], side.marks[at]);
            if mark == Mark::Open {
                continue;
            }
            if one.slack.is_infinite() {
                open += usize::from(mark == Mark::Wrong);
                continue;
            }
            let near = match one.value.is_nan() {
                true => !got.is_finite(),
                false => (got - one.value).abs() <= one.slack,
            };
            let apart = one.value.is_nan() || (one.value - right).abs() > 3.0 * one.slack;
            match (mark, unit.wrong) {
                (Mark::Wrong, _) => {
                    if !near {
                        return Look::Miss;
                    }
                    told += 1;
                    if got.is_finite() {
                        off += (got - one.value) * (got - one.value);
                        wrong += (got - right) * (got - right);
                    }
                }
                (_, true) if !near => return Look::Miss,
                (_, false) if apart && !near => tells = true,
                _ => {}
            }
        }
        // It comes nearer than the right answer does.
        let closer = 4.0 * off <= wrong;
        match (unit.wrong, closer && told >= open.max(1), tells) {
            (true, true, _) => Look::Hit,
            // Nothing that it says of the row is refuted: it says too little.
            (true, false, _) if closer && open > 0 => Look::Nothing,
            (true, false, _) => Look::Miss,
            (false, _, true) => Look::Refuted,
            (false, _, false) => Look::Nothing,
        }
    }
}
