//! Pairs of a row, as a person names them in heads of any width.

use super::exhibit::{Exhibit, Part, Scene, Side, Turn, Unit};
use crate::audit::judge::Mark;

/// Some pairs of every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairs {
    First,
    Last,
    FirstHalf,
    SecondHalf,
    Even,
    Odd,
    /// From the nth on, counted from 0.
    From(usize),
    /// Those after the last whole n: what a vector of n leaves.
    Tail(usize),
    /// Those that turn by an axis, where there are several.
    Axis(usize),
}

impl Pairs {
    /// All that are worth a try.
    pub(super) fn all() -> Vec<Pairs> {
        use Pairs::*;
        let mut list = vec![First, Last, FirstHalf, SecondHalf, Even, Odd];
        list.extend([8, 16, 32, 64].map(From));
        list.extend([2, 4, 8, 16, 32].map(Tail));
        list.extend([0, 1, 2].map(Axis));
        list
    }

    /// Whether a plane of a rotation is among them.
    pub(super) fn has(self, turn: &Turn, plane: usize) -> bool {
        let count = turn.planes.len();
        match self {
            Pairs::First => plane == 0,
            Pairs::Last => plane + 1 == count,
            Pairs::FirstHalf => 2 * plane < count,
            Pairs::SecondHalf => 2 * plane + 1 >= count,
            Pairs::Even => plane.is_multiple_of(2),
            Pairs::Odd => !plane.is_multiple_of(2),
            Pairs::From(first) => plane >= first,
            Pairs::Tail(whole) => plane >= count / whole * whole,
            Pairs::Axis(axis) => {
                turn.planes[plane].axis == axis && turn.planes.iter().any(|p| p.axis != axis)
            }
        }
    }

    /// How surprising it is that just these are meant.
    pub(super) fn cost(self) -> u32 {
        match self {
            Pairs::First | Pairs::Last => 1,
            Pairs::FirstHalf | Pairs::SecondHalf | Pairs::Axis(_) => 2,
            Pairs::Even | Pairs::Odd | Pairs::From(_) | Pairs::Tail(_) => 3,
        }
    }

    /// Who is meant.
    pub(super) fn words(self) -> String {
        match self {
            Pairs::First => "the first pair".into(),
            Pairs::Last => "the last pair".into(),
            Pairs::FirstHalf => "pairs of the first half".into(),
            Pairs::SecondHalf => "pairs of the second half".into(),
            Pairs::Even => "pairs of even number".into(),
            Pairs::Odd => "pairs of odd number".into(),
            Pairs::From(first) => format!("pairs from number {first} on"),
            Pairs::Tail(whole) => format!("pairs after the last whole {whole}"),
            Pairs::Axis(axis) => format!("pairs of axis {axis}"),
        }
    }

    /// Whether it is a single pair of a row.
    pub(super) fn is_one(self) -> bool {
        matches!(self, Pairs::First | Pairs::Last)
    }

    /// Whether a row shows that only these are meant: another one of it turns, and is right.
    pub(super) fn is_told(self, exhibit: &Exhibit, unit: &Unit) -> bool {
        let Scene::Turn(turn) = &exhibit.scene else { return false };
        unit.part == Part::Turned
            && turning(exhibit, turn, unit).any(|plane| !self.has(turn, plane))
    }
}

/// The planes of a row that turn, and rightly so that it shows.
pub(super) fn turning(exhibit: &Exhibit, turn: &Turn, unit: &Unit) -> impl Iterator<Item = usize> {
    let side = &exhibit.sides[unit.side];
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    turn.planes.iter().enumerate().filter_map(move |(index, plane)| {
        let at = [plane.re, plane.im].map(|c| start + c);
        let marks = at.map(|i| side.marks[i]);
        let right = marks.contains(&Mark::Right) && !marks.contains(&Mark::Wrong);
        (right && at.iter().any(|&i| moves(side, i))).then_some(index)
    })
}

/// Whether a right element is another than its input, so that it would show what others show.
fn moves(side: &Side, at: usize) -> bool {
    (side.right[at] - side.input[at]).abs() > side.input[at].abs() / 64.0
}
