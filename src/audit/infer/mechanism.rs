//! What may have been done to a row.

use super::buckets::Bucketed;
use super::copy::{Copy, Source, Which};
use super::known::Known;
use super::map::Map;
use super::pairs::Pairs;
use super::rule::Rule;
use super::slopes::Slopes;

/// Something that may have been done to rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mechanism {
    /// Turned by another position.
    Turned(Map),
    /// Turned by other frequencies.
    Frequencies(Rule),
    /// Turned by other frequencies and another position.
    Both(Rule, Map),
    /// Another row's.
    Copied(Copy),
    /// Zero.
    Zero,
    /// No number.
    Nonfinite,
    /// A constant times the right one.
    Scaled(Scale),
    /// Signs of real and imaginary parts.
    Signs(f64, f64),
    /// The right coordinates in another order.
    Reordered(Order),
    /// The right pairs, but others: (i, i + n).
    Paired(Pairing),
    /// Bytes in another order.
    Swapped,
    /// A grid whose positions are others.
    Placed(Side, Shift),
    /// A grid whose heads are others.
    Head(HeadMap),
    /// A bias with other slopes.
    Sloped(Slopes),
    /// A grid whose distances are others.
    Distance(Map),
    /// Buckets that follow otherwise from the distance.
    Bucketed(Bucketed),
    /// A grid in which some keys have no bias: 0, or no number.
    Blank(Keys, Fill),
    /// Something that is done to some pairs of a row; the others are right.
    Only(Pairs, Box<Mechanism>),
    /// What a fault of the list makes of a row.
    Known(Known),
}

/// A factor of the right answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// A number.
    By(f64),
    /// The magnitude to a power: −1 where it is missing, 1 where it is squared.
    Magnitude(i32),
    /// head_dim to the power ±1/2.
    RootDim(f64),
    /// One of its own in every row.
    Own,
}

/// Right coordinates in another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Pairs side by side come in halves.
    InHalves,
    /// Halves come side by side.
    SideBySide,
    /// Real and imaginary parts exchanged.
    Crossed,
}

/// Pairs other than the declared ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    /// (2i, 2i + 1)
    Adjacent,
    /// (i, i + r/2)
    Halves,
    /// (i, i + n), n the next power of two of r, halved.
    PaddedHalves,
    /// (i, i + head_dim/2)
    HeadHalves,
}

/// Keys of a row of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// After the last whole tile of so many.
    After(usize),
    /// At positions beyond the query's.
    Later,
}

/// What stands where nothing of the encoding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    Zero,
    Nonfinite,
}

/// Which positions of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Queries,
    Keys,
    Both,
}

/// What is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// A map of the number.
    Map(Map),
    /// Its index.
    Index,
    /// Queries at the end of the keys, padded to a multiple.
    EndAligned(i64),
    /// Queries at the end of so many keys.
    Capacity(i64),
    /// The distance negated.
    Reversed,
}

/// Which head of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadMap {
    /// h mod H/n: every part has the first ones.
    Ranks(usize),
    Zero,
    Next(i64),
    Reversed,
}

impl Mechanism {
    /// How surprising it is.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Mechanism::Zero | Mechanism::Nonfinite => 1,
            Mechanism::Swapped => 3,
            Mechanism::Copied(copy) => copy.cost(),
            Mechanism::Turned(map) => map.cost(),
            Mechanism::Frequencies(rule) => rule.cost(),
            Mechanism::Both(rule, map) => rule.cost() + map.cost(),
            Mechanism::Signs(..) | Mechanism::Reordered(_) | Mechanism::Paired(_) => 4,
            Mechanism::Scaled(Scale::Magnitude(_)) => 3,
            Mechanism::Scaled(Scale::Own) => 15,
            Mechanism::Scaled(_) => 5,
            Mechanism::Placed(..) | Mechanism::Blank(..) => 4,
            Mechanism::Head(HeadMap::Ranks(_)) => 3,
            Mechanism::Head(_) => 4,
            Mechanism::Sloped(slopes) => slopes.cost(),
            Mechanism::Distance(map) => 1 + map.cost(),
            Mechanism::Bucketed(bucketed) => bucketed.cost(),
            Mechanism::Only(pairs, inner) => pairs.cost() + inner.cost(),
            Mechanism::Known(_) => 3,
        }
    }

    /// Whether rows are so by no accident.
    pub(super) fn is_plain(&self) -> bool {
        matches!(
            self,
            Mechanism::Zero | Mechanism::Nonfinite | Mechanism::Swapped | Mechanism::Copied(_)
        )
    }

    /// Whether it is numbers that follow no rule known here.
    pub(super) fn is_measured(&self) -> bool {
        matches!(
            self,
            Mechanism::Frequencies(Rule::Measured(_))
                | Mechanism::Scaled(Scale::Own)
                | Mechanism::Sloped(Slopes::Measured(_))
                | Mechanism::Bucketed(Bucketed::Measured(_))
        )
    }

    /// Whether it says the same as another in other words.
    pub(super) fn is_a_case_of(&self, other: &Mechanism) -> bool {
        let unturned = |m: &Mechanism| {
            matches!(
                m,
                Mechanism::Turned(Map::Constant(0) | Map::Times(0))
                    | Mechanism::Copied(Copy {
                        source: Source::Input,
                        which: Which::Own,
                        other: false
                    })
            )
        };
        let opposite =
            |m: &Mechanism| matches!(m, Mechanism::Turned(Map::Negative | Map::OtherWay));
        let measured = Mechanism::is_measured;
        // Of a rule that has a name of its own another reading of the config is no rival.
        let altered = |m: &Mechanism| matches!(m, Mechanism::Frequencies(Rule::Altered { .. }));
        unturned(self) && unturned(other)
            || opposite(self) && opposite(other)
            || measured(self)
            || measured(other)
            || altered(self) && matches!(other, Mechanism::Frequencies(_)) && !altered(other)
    }
}
