//! An answer laid out in rows, beside what is right: what inference looks at.

use super::fact::{Fact, Value};
use crate::audit::judge::Mark;
use crate::encoding::{Alibi, Buckets};
use crate::fault::Asked;
use crate::number::{Dtype, Tensor};
use crate::request::{Object, Position};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// One answer.
pub(in crate::audit) struct Exhibit {
    /// What is known of the question as a whole.
    pub(super) facts: BTreeMap<Fact, Value>,
    /// What was asked.
    pub(super) scene: Scene,
    /// The outputs: q and k, or one.
    pub(super) sides: Vec<Side>,
    /// Relative rounding of the coarser of input and output.
    pub(super) unit: f64,
    /// What is lost next to zero.
    pub(super) least: f64,
    /// Whether it was answered otherwise when asked again.
    pub(super) fickle: bool,
    /// The indices of batches, heads and tokens in a larger tensor.
    pub(super) cut: Option<[Vec<usize>; 3]>,
}

/// What was asked, in numbers.
pub(super) enum Scene {
    /// Rows that are turned plane by plane.
    Turn(Turn),
    /// A number for every query and key.
    Grid(Grid),
    /// Rows that known faults are tried on.
    Whole(Box<Whole>),
}

/// What an answer was made of, so that it can be made again with a fault.
pub(super) struct Whole {
    pub(super) batch: usize,
    pub(super) tokens: usize,
    /// [batch][token], where there is one axis of integers.
    pub(super) positions: Vec<i128>,
    /// What kind a token is, and the number of the piece that it belongs to, where these differ.
    pub(super) kinds: Vec<(&'static str, usize)>,
    pub(super) asked: Asked,
    /// Where the rows of each side stand in an output.
    pub(super) laid: Vec<Laid>,
    /// How far off machines may be, by side and element.
    pub(super) slack: Vec<Vec<f64>>,
    pub(super) known: Mutex<HashMap<&'static str, Option<Rows>>>,
}

/// The rows of a side in an output.
pub(super) struct Laid {
    pub(super) output: &'static str,
    /// Where each element stands; none for what is not in it.
    pub(super) cells: Vec<Option<usize>>,
}

/// Numbers by side.
pub(super) type Rows = Arc<Vec<Vec<f64>>>;

/// A rotation: of queries and keys, of 1 (a table), of a row of waves.
pub(super) struct Turn {
    /// The normalised config.
    pub(super) config: Object,
    pub(super) seq_len: Option<i64>,
    /// Numbers alike configs and lengths alike.
    pub(super) spectrum: usize,
    pub(super) planes: Vec<Plane>,
    pub(super) magnitude: f64,
    /// What the magnitude is multiplied by in this direction: m, or 1/m.
    pub(super) factor: f64,
    /// −1 where it is turned back.
    pub(super) sign: f64,
    pub(super) batch: usize,
    pub(super) tokens: usize,
    pub(super) places: Places,
    /// Positions of the first and of the last call before this one of the same shape and config.
    pub(super) earlier: Vec<Vec<i128>>,
}

/// A plane of a rotation.
#[derive(Clone, Copy)]
pub(super) struct Plane {
    pub(super) re: usize,
    pub(super) im: usize,
    pub(super) axis: usize,
    pub(super) theta: f64,
}

/// What turns the rows.
pub(super) enum Places {
    /// Positions, [axis][batch][token], as numerators of integers.
    Positions(Vec<i128>),
    /// cos and sin, [batch][token][plane].
    Table(Vec<[f64; 2]>),
}

/// A bias or a bucket.
pub(super) struct Grid {
    pub(super) form: Form,
    pub(super) queries: Vec<i64>,
    pub(super) keys: Vec<i64>,
}

/// How a number follows from a distance.
pub(super) enum Form {
    Alibi(Alibi),
    /// One number a head.
    Slopes(Alibi),
    Bucket(Buckets),
    Bias(Buckets, Vec<f64>, usize),
    /// Nothing is known but facts.
    None,
}

/// One output, row by row.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) heads: usize,
    /// Elements of a row.
    pub(super) width: usize,
    /// What went in; empty for a grid.
    pub(super) input: Vec<f64>,
    pub(super) got: Vec<f64>,
    /// The bits that came, for bytes in another order.
    pub(super) bits: Tensor,
    pub(super) right: Vec<f64>,
    pub(super) marks: Vec<Mark>,
    /// Coordinates that no plane has.
    pub(super) outside: Vec<usize>,
}

/// Which coordinates of a row are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Those of the planes, or all of a grid.
    Turned,
    /// Those that pass through.
    Passed,
}

/// A row, or a part of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) exhibit: usize,
    pub(super) side: usize,
    pub(super) part: Part,
    pub(super) batch: usize,
    pub(super) head: usize,
    pub(super) token: usize,
    /// Whether something in it is wrong; else something is right.
    pub(super) wrong: bool,
}

impl Exhibit {
    /// Tokens of a row of the batch; queries of a grid.
    pub(super) fn tokens(&self) -> usize {
        match &self.scene {
            Scene::Turn(turn) => turn.tokens,
            Scene::Grid(grid) => grid.queries.len(),
            Scene::Whole(whole) => whole.tokens,
        }
    }

    /// Where a row begins in its side.
    pub(super) fn start(&self, side: usize, [batch, head, token]: [usize; 3]) -> usize {
        let side = &self.sides[side];
        ((batch * side.heads + head) * self.tokens() + token) * side.width
    }

    /// The coordinates of a part.
    pub(super) fn coordinates(&self, unit: &Unit) -> Vec<usize> {
        match (&self.scene, unit.part) {
            (_, Part::Passed) => self.sides[unit.side].outside.clone(),
            (Scene::Turn(turn), Part::Turned) => {
                turn.planes.iter().flat_map(|p| [p.re, p.im]).collect()
            }
            (Scene::Grid(grid), Part::Turned) => (0..grid.keys.len()).collect(),
            (Scene::Whole(_), Part::Turned) => (0..self.sides[unit.side].width).collect(),
        }
    }

    /// All rows in which something is right or wrong.
    pub(super) fn units(&self, exhibit: usize) -> Vec<Unit> {
        let mut list = Vec::new();
        let batch = match &self.scene {
            Scene::Turn(turn) => turn.batch,
            Scene::Grid(_) => 1,
            Scene::Whole(whole) => whole.batch,
        };
        for (side, one) in self.sides.iter().enumerate() {
            for part in [Part::Turned, Part::Passed] {
                let mut unit =
                    Unit { exhibit, side, part, batch: 0, head: 0, token: 0, wrong: false };
                let coordinates = self.coordinates(&unit);
                if coordinates.is_empty() {
                    continue;
                }
                for row in 0..batch * one.heads * self.tokens() {
                    let tokens = self.tokens();
                    unit.batch = row / tokens / one.heads;
                    unit.head = row / tokens % one.heads;
                    unit.token = row % tokens;
                    let marks = || coordinates.iter().map(|&c| one.marks[row * one.width + c]);
                    unit.wrong = marks().any(|mark| mark == Mark::Wrong);
                    if unit.wrong || marks().any(|mark| mark == Mark::Right) {
                        list.push(unit);
                    }
                }
            }
        }
        list
    }

    /// The position of a token on an axis, where it has one.
    pub(super) fn position(&self, unit: &Unit, axis: usize) -> Option<i128> {
        match &self.scene {
            Scene::Turn(turn) => turn.position(axis, unit.batch, unit.token),
            Scene::Grid(grid) => grid.queries.get(unit.token).map(|&p| p as i128),
            Scene::Whole(whole) if axis == 0 => {
                whole.positions.get(unit.batch * whole.tokens + unit.token).copied()
            }
            Scene::Whole(_) => None,
        }
    }
}

impl Turn {
    /// The position of a token on an axis.
    pub(super) fn position(&self, axis: usize, batch: usize, token: usize) -> Option<i128> {
        match &self.places {
            Places::Positions(list) if batch < self.batch && token < self.tokens => {
                list.get((axis * self.batch + batch) * self.tokens + token).copied()
            }
            _ => None,
        }
    }
}

/// Integers of a list of positions; none if one is a fraction.
pub(super) fn integers(list: &[Position]) -> Option<Vec<i64>> {
    list.iter().map(|p| (p.denominator == 1).then_some(p.numerator)).collect()
}

/// The elements of a tensor as numbers.
pub(super) fn numbers(tensor: &Tensor) -> Vec<f64> {
    match tensor.dtype().format() {
        Some(format) => tensor.data().iter().map(|&bits| format.to_f64(bits)).collect(),
        None => {
            let signed = |&bits: &u64| match tensor.dtype() {
                Dtype::I32 => f64::from(bits as u32 as i32),
                _ => bits as i64 as f64,
            };
            tensor.data().iter().map(signed).collect()
        }
    }
}
