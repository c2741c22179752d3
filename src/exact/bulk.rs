//! Large rotations and tables at the ladder's speed, with the same bits as element by element.
//!
//! Each plane is turned by a double-double phasor of the ladder, and both the value and its residual
//! are rounded from the two ends of a proven enclosure ([`super::ladder::ROTATE_BOUND`],
//! `docs/ladder.md`). What ends apart goes to the classifier and the interval reference, element
//! by element, as do planes that do not turn under another magnitude than 1 (they may be rational),
//! and inputs near the ends of binary64's range. So a tie, a zero, a copy are decided as ever.

use super::angle::Turned;
use super::answer::{self, Answer, Named, rotary};
use super::ladder::{Bf16, F16, Ladder, LadderError, Near, Open, Output, Rounded, Rows};
use super::resolved::ResolvedRope;
use super::round::{UndecidedRounding, Value};
use super::turned::starting_precision;
use crate::encoding::{Body, Pair, Question, Rope, outside};
use crate::number::{Dtype, Format, Tensor};
use crate::request::{Direction, Position};
use rayon::prelude::*;
use std::marker::PhantomData;

/// Elements from which on a ladder is worth its seeds. Those of 64 planes take as long as some 150
/// elements one by one; with fewer planes there are fewer.
pub const WORTH: usize = 1 << 11;

/// What a double-double enclosure counts as among working precisions, in bits.
const PRECISION: u32 = 106;

/// Rows of a task.
const ROWS: usize = 256;

/// Answers a question as [`super::answer()`] does, by the ladder wherever that can do anything.
///
/// ```
/// use ropewalk::{encoding::Question, exact::{answer, bulk}, request::Request};
/// let line = r#"{"cmd":"run","id":"a","operation":"table","dtype":"f16",
///     "config":{"head_dim":6,"layout":"half","rope_theta":10000},"input":{"positions":[0,1,-7]}}"#;
/// let question = Question::new(&Request::parse(line).unwrap()).unwrap();
/// assert_eq!(bulk::answer(&question).unwrap().tensors, answer(&question).unwrap().tensors);
/// ```
///
/// # Errors
/// As [`super::answer()`].
pub fn answer(question: &Question) -> Result<Answer, UndecidedRounding> {
    match by_ladder(question) {
        Some(answer) => answer,
        None => answer::one_by_one(question),
    }
}

/// Whether a question has so many elements that [`answer()`] is the faster way.
pub(super) fn worth(question: &Question) -> bool {
    let elements = match &question.body {
        Body::Rotate(r) => r.q.data().len() + r.k.as_ref().map_or(0, |k| k.data().len()),
        Body::Table(t) => 2 * t.positions.data().len() * t.rope.planes.len(),
        _ => 0,
    };
    elements >= WORTH
}

/// None where the ladder has nothing to offer.
fn by_ladder(question: &Question) -> Option<Result<Answer, UndecidedRounding>> {
    let (rope, positions) = match &question.body {
        Body::Rotate(r) => (&r.rope, &r.positions),
        Body::Table(t) => (&t.rope, &t.positions),
        _ => return None,
    };
    let whole = positions.data().iter().all(|position| position.denominator == 1);
    if !whole || !turns(rope) {
        return None;
    }
    Some(match question.dtype {
        Dtype::F64 => rounded::<f64>(question),
        Dtype::F32 => rounded::<f32>(question),
        Dtype::Bf16 => rounded::<Bf16>(question),
        Dtype::F16 => rounded::<F16>(question),
        // The ladder has no lanes for the others.
        _ => return None,
    })
}

fn rounded<O: Output>(question: &Question) -> Result<Answer, UndecidedRounding> {
    match &question.body {
        Body::Rotate(r) => {
            let largest = rotary::largest(r.positions.data());
            let turner = Turner::new(&r.rope, r.direction, largest, O::FORMAT)?;
            let tokens = rotary::tokens(&r.positions);
            let mut answer = Answer { tensors: Vec::new(), precision: 0 };
            for (name, tensor) in [("q", Some(&r.q)), ("k", r.k.as_ref())] {
                let Some(tensor) = tensor else { continue };
                let position = |row: usize, axis: usize| {
                    r.positions.data()[axis * tokens + tensor.token(row)].numerator
                };
                let input = Input {
                    format: tensor.format(),
                    pairs: &r.rope.pairs(),
                    dim: tensor.dim(),
                    rows: tensor.data().len() / tensor.dim().max(1),
                    position: &position,
                };
                let rows = Some(tensor.data());
                let (values, residuals, precision) =
                    turner.turn::<O>(&input, rows).map_err(|e| e.named(name, None))?;
                answer.precision = answer.precision.max(precision);
                let shape = tensor.shape().to_vec();
                answer.tensors.extend(named(name, question.dtype, shape, values, residuals));
            }
            Ok(answer)
        }
        Body::Table(t) => {
            let largest = rotary::largest(t.positions.data());
            let turner = Turner::new(&t.rope, Direction::Forward, largest, O::FORMAT)?;
            let (rows, planes) = (rotary::tokens(&t.positions), t.rope.planes.len());
            let position =
                |row: usize, axis: usize| t.positions.data()[axis * rows + row].numerator;
            // cos and sin of a plane are 1 + 0i turned; they stand side by side at first.
            let pairs: Vec<Pair> = (0..planes).map(|i| Pair { re: i, im: planes + i }).collect();
            let dim = 2 * planes;
            let input =
                Input { format: Format::F64, pairs: &pairs, dim, rows, position: &position };
            let (values, residuals, precision) =
                turner.turn::<O>(&input, None).map_err(|e| e.named("cos", Some(planes)))?;
            let half = |list: &[u64], first: usize| -> Vec<u64> {
                list.chunks_exact(dim.max(1))
                    .flat_map(|row| row[first..][..planes].to_vec())
                    .collect()
            };
            let tensor = |name: &'static str, first: usize| {
                let (values, residuals) = (half(&values, first), half(&residuals, first));
                named(name, question.dtype, vec![rows, planes], values, residuals)
            };
            let tensors = [tensor("cos", 0), tensor("sin", planes)].into_iter().flatten().collect();
            Ok(Answer { tensors, precision })
        }
        _ => answer::one_by_one(question),
    }
}

fn named(
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    values: Vec<u64>,
    residuals: Vec<u64>,
) -> Option<Named> {
    let expected = Tensor::new(dtype, shape.clone(), values).ok()?;
    let residual = Tensor::new(Dtype::F16, shape, residuals).ok();
    Some(Named { name, expected, residual })
}

/// Rows to turn; without data every row is a table's, 1 + 0i in every plane.
struct Input<'a> {
    format: Format,
    pairs: &'a [Pair],
    dim: usize,
    rows: usize,
    /// The position of a row on an axis.
    position: &'a (dyn Fn(usize, usize) -> i64 + Sync),
}

/// A rope and a direction.
struct Turner {
    rope: ResolvedRope,
    ladder: Ladder<f64>,
    direction: Direction,
    axes: usize,
    precision: u32,
}

/// Whether the ladder turns a rope at all.
fn turns(rope: &Rope) -> bool {
    !rotary::grows(rope) && rope.axes <= Ladder::<f64>::MOST_AXES
}

/// Rows of rotations block after block, for tensors of any size: the seeds are enclosed once.
///
/// ```
/// use ropewalk::encoding::RopeConfig;
/// use ropewalk::exact::bulk::Rotator;
/// use ropewalk::number::{Dtype, Format};
/// use ropewalk::request::{Direction, Json};
/// let json: Json = serde_json::from_str(
///     r#"{"head_dim":4,"layout":"half","rope_theta":10000}"#).unwrap();
/// let Json::Object(config) = json else { unreachable!() };
/// let rope = RopeConfig::new(&config).unwrap().rope(None).unwrap();
/// let rotator = Rotator::new(&rope, Direction::Forward, Dtype::F32, 7).unwrap().unwrap();
/// let row = [1f32, 0.0, 0.0, 0.0].map(|x| x.to_bits() as u64);
/// let (values, residuals) = rotator.turn(&|_, _| 7, Format::F32, &row).unwrap();
/// assert_eq!(values[0], 7f32.cos().to_bits() as u64);
/// assert_eq!(residuals[1], 0); // ±0: 0 turned is 0
/// ```
pub struct Rotator {
    turner: Turner,
    pairs: Vec<Pair>,
    dim: usize,
    output: Dtype,
}

impl Rotator {
    /// For positions up to `largest` in size. None where the ladder has nothing to offer: xPos,
    /// more than four axes, integers.
    ///
    /// # Errors
    /// [`UndecidedRounding`] if a branch of the config stays open.
    pub fn new(
        rope: &Rope,
        direction: Direction,
        output: Dtype,
        largest: u64,
    ) -> Option<Result<Rotator, UndecidedRounding>> {
        let format = output.format().filter(|_| turns(rope) && Dtype::FLOATS.contains(&output))?;
        let turner = Turner::new(rope, direction, largest, format);
        let (pairs, dim) = (rope.pairs(), rope.head_dim);
        Some(turner.map(|turner| Rotator { turner, pairs, dim, output }))
    }

    /// Rounded values and their residuals (f16) of whole rows of head_dim elements. `position` is
    /// asked for row and axis.
    ///
    /// # Errors
    /// [`UndecidedRounding`] with the index of the element that stays open.
    pub fn turn(
        &self,
        position: &(dyn Fn(usize, usize) -> i64 + Sync),
        format: Format,
        data: &[u64],
    ) -> Result<(Vec<u64>, Vec<u64>), UndecidedRounding> {
        let Rotator { turner, pairs, dim, output } = self;
        let rows = data.len() / dim;
        let input = Input { format, pairs, dim: *dim, rows, position };
        let data = Some(data);
        let turned = match output {
            Dtype::F64 => turner.turn::<f64>(&input, data),
            Dtype::Bf16 => turner.turn::<Bf16>(&input, data),
            Dtype::F16 => turner.turn::<F16>(&input, data),
            _ => turner.turn::<f32>(&input, data),
        };
        let (values, residuals, _) = turned.map_err(|stuck| stuck.named("q", None))?;
        Ok((values, residuals))
    }

    /// What [`Rotator::turn`] rounds, as f64 that err by less than 2^−52·(|re| + |im|) of their pair;
    /// NaN where that is not known: ends of ranges, planes that only a factor changes, coordinates of
    /// no plane. Some times faster.
    ///
    /// # Errors
    /// [`UndecidedRounding`] for a position beyond ±2^62.
    pub fn near(
        &self,
        position: &(dyn Fn(usize, usize) -> i64 + Sync),
        format: Format,
        data: &[u64],
    ) -> Result<Vec<f64>, UndecidedRounding> {
        let Rotator { turner, pairs, dim, .. } = self;
        let mut values = vec![f64::NAN; data.len()];
        let rows = turner.rows(pairs, *dim, position, format, data);
        let turned = turner.ladder.near(rows, Near(&mut values));
        turned.map_err(|_| UndecidedRounding { name: "q", index: 0, precision: 0 })?;
        Ok(values)
    }
}

/// An element that could not be rounded.
struct Stuck {
    index: usize,
    precision: u32,
}

impl Stuck {
    /// With the name of its tensor; a table's row is a row of cos and one of sin.
    fn named(self, name: &'static str, planes: Option<usize>) -> UndecidedRounding {
        let Stuck { index, precision } = self;
        match planes {
            None => UndecidedRounding { name, index, precision },
            Some(planes) => {
                let (row, column) = (index / (2 * planes), index % (2 * planes));
                let name = if column < planes { "cos" } else { "sin" };
                UndecidedRounding { name, index: row * planes + column % planes, precision }
            }
        }
    }
}

impl Turner {
    fn new(
        rope: &Rope,
        direction: Direction,
        largest: u64,
        format: Format,
    ) -> Result<Turner, UndecidedRounding> {
        let mut resolved = ResolvedRope::new(rope)?;
        resolved.magnitude = rotary::magnitude(&resolved, direction)?;
        let ladder = Ladder::new(&resolved).map_err(|error| match error {
            LadderError::Undecided(undecided) => undecided,
            // Growth was asked about, and nothing has a length or a position yet.
            _ => UndecidedRounding { name: "inv_freq", index: 0, precision: 0 },
        })?;
        let precision = starting_precision(format, largest);
        Ok(Turner { rope: resolved, ladder, direction, axes: rope.axes.max(1), precision })
    }

    /// Bits of values and residuals, and the highest precision that was needed.
    fn turn<O: Output>(
        &self,
        input: &Input,
        data: Option<&[u64]>,
    ) -> Result<(Vec<u64>, Vec<u64>, u32), Stuck> {
        let &Input { dim, rows, .. } = input;
        let (mut values, mut residuals) = (vec![0; rows * dim], vec![0; rows * dim]);
        let size = (ROWS * dim).max(1);
        let tasks = values.par_chunks_mut(size).zip(residuals.par_chunks_mut(size)).enumerate();
        let precision = tasks.map(|(task, (values, residuals))| {
            let first = task * ROWS;
            let own;
            let data = match data {
                Some(data) => &data[first * dim..][..values.len()],
                None => {
                    let mut unit = vec![0; dim];
                    unit[..dim / 2].fill(1f64.to_bits());
                    own = unit.repeat(values.len() / dim.max(1));
                    &own[..]
                }
            };
            self.task::<O>(input, first, data, values, residuals)
        });
        let precision = precision.try_reduce(|| 0, |a, b| Ok(a.max(b)))?;
        Ok((values, residuals, precision))
    }

    fn rows<'a>(
        &self,
        pairs: &'a [Pair],
        dim: usize,
        position: &'a (dyn Fn(usize, usize) -> i64 + Sync),
        format: Format,
        input: &'a [u64],
    ) -> Rows<'a> {
        let clockwise = self.direction != Direction::Forward;
        Rows { pairs, dim, position, axes: self.axes, clockwise, format, input }
    }

    /// Rows from `first` on.
    fn task<O: Output>(
        &self,
        input: &Input,
        first: usize,
        data: &[u64],
        values: &mut [u64],
        residuals: &mut [u64],
    ) -> Result<u32, Stuck> {
        let &Input { format, pairs, dim, .. } = input;
        let position = |row: usize, axis: usize| (input.position)(first + row, axis);
        let outside = outside(dim, pairs);
        for start in (0..data.len()).step_by(dim.max(1)) {
            for index in outside.iter().map(|index| start + index) {
                let rounded =
                    super::round::copy(data[index], format, O::FORMAT, O::FORMAT.overflow());
                (values[index], residuals[index]) = (rounded.bits, rounded.residual);
            }
        }
        let mut open = Vec::new();
        let rows = self.rows(pairs, dim, &position, format, data);
        let rounded = Rounded { values, residuals, open: &mut open, output: PhantomData::<O> };
        self.ladder.turn(rows, rounded).map_err(|_| Stuck { index: first * dim, precision: 0 })?;
        let planes = values.len() / dim.max(1) * pairs.len();
        let mut needed = if open.len() < planes { PRECISION } else { 0 };
        for Open { row, plane } in open {
            let position = Position::integer(position(row, self.rope.planes[plane].axis));
            let pair = pairs[plane];
            let z = [data[row * dim + pair.re], data[row * dim + pair.im]];
            let precision =
                self.exactly(position, plane, format, z, O::FORMAT, &mut |part, bits| {
                    let index = row * dim + [pair.re, pair.im][part];
                    (values[index], residuals[index]) = bits;
                });
            let index = (first + row) * dim + pair.re;
            needed = needed.max(precision.map_err(|precision| Stuck { index, precision })?);
        }
        Ok(needed)
    }

    /// Both elements of a plane by classifier and intervals.
    fn exactly(
        &self,
        position: Position,
        plane: usize,
        from: Format,
        z: [u64; 2],
        to: Format,
        emit: &mut dyn FnMut(usize, (u64, u64)),
    ) -> Result<u32, u32> {
        let (rope, resolved) = (&self.rope, &self.rope.planes[plane]);
        let (direction, precision) = (self.direction, self.precision);
        let turned = Turned::new(rope, resolved, &rope.magnitude, position, direction, precision)
            .map_err(|undecided| undecided.precision)?;
        let mut needed = 0;
        super::turned::turn_one(&turned, from, z, &mut |part, value: &Value| {
            let undecided = |precision| UndecidedRounding { name: "q", index: part, precision };
            let rounded = value.round(to).map_err(undecided)?;
            needed = needed.max(rounded.precision);
            emit(part, (rounded.bits, rounded.residual));
            Ok(())
        })
        .map_err(|undecided| undecided.precision)?;
        Ok(needed)
    }
}
