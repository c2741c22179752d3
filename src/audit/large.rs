//! Large rotated tensors, judged at memory speed: what a model has dumped.
//!
//! Every element is compared with the right one. Where its error is below a floor that is known to
//! be below the bound ([`Floor`]), it is right; where it is not, or where no floor is known (a NaN,
//! an overflow, a plane that does not turn and was not copied), its whole row is judged as any
//! other answer is ([`super::judge()`]). So nothing is decided otherwise than by the bounds.

mod certain;

pub use certain::{Glance, Seen};

use super::ask::Ask;
use super::case::Case;
use super::case::Truth;
use super::errors::{Band, Cell, Errors};
use super::judge::answer::judge;
use super::judge::error::{Error, wide};
use super::judge::signs::Signs;
use super::judge::within::scale;
use super::judge::{HISTOGRAM, Mark, Misfit, Wrong};
use super::tolerance::Tolerances;
use crate::encoding::{Body, Expression, Heads, Question, Rope, outside};
use crate::number::{Dtype, Format, Tensor};
use crate::profile::{Floor, Profile};
use crate::request::{Input, Json, Object, Position, Positions, tensor_json};
use crate::vector::{Expected, Tensors};

/// What came of judging rows by one profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Large {
    /// Elements that were judged.
    pub judged: usize,
    /// Elements that no bound judges.
    pub unjudged: usize,
    /// Elements that are wrong.
    pub wrong: usize,
    /// The worst of those; its index is row and coordinate.
    pub worst_wrong: Option<Wrong>,
    /// The largest error in ulp of all elements that have one; its index is row and coordinate.
    pub worst: Option<Wrong>,
    /// As [`super::Judged::histogram`].
    pub histogram: Vec<usize>,
    /// Which way the errors point.
    pub signs: Signs,
    /// By band of positions and plane, without bounds.
    pub errors: Errors,
    /// Rows with a wrong element, all of them, in order.
    pub rows: Vec<usize>,
    /// Wrong elements by coordinate; empty if there are none.
    pub columns: Vec<usize>,
    /// Elements of planes in which nothing went in: 0 is right of them, and says nothing.
    pub zeros: usize,
}

/// The larger of two numbers that are not NaN.
#[inline]
fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// Rows to be judged: whole rows of head_dim elements, as bits.
pub struct Rows<'a> {
    /// Number of the first one in the whole tensor.
    pub first: usize,
    /// The position of a row (counted from the first one here) on an axis.
    pub position: &'a (dyn Fn(usize, usize) -> i64 + Sync),
    /// What went in.
    pub input: &'a [u64],
    /// What came out.
    pub got: &'a [u64],
    /// What is right.
    pub expected: &'a [u64],
    /// Its residuals, f16.
    pub residual: &'a [u64],
}

/// Both coordinates of a plane in a row.
struct Pair {
    /// What went in, and its size.
    z: [f64; 2],
    size: f64,
    /// What came out.
    got: [f64; 2],
    /// How far that is from what is exact, if that is known.
    off: [Option<f64>; 2],
    /// Whether it is what is right, bit for bit, and a number.
    same: [bool; 2],
}

/// The positions of a row by axis; planes of one axis follow each other, mostly.
struct Along<'a> {
    position: &'a dyn Fn(usize, usize) -> i64,
    row: usize,
    known: (usize, i64),
}

impl<'a> Along<'a> {
    #[inline(always)]
    fn new(position: &'a dyn Fn(usize, usize) -> i64, row: usize) -> Along<'a> {
        Along { position, row, known: (0, position(row, 0)) }
    }

    #[inline(always)]
    fn axis(&mut self, axis: usize) -> i64 {
        if axis != self.known.0 {
            self.known = (axis, (self.position)(self.row, axis));
        }
        self.known.1
    }
}

/// Judges rows of rotations by one profile.
pub struct LargeJudge<'a> {
    /// A rotation without rows, whose config, direction and formats are meant.
    question: &'a Question,
    rope: &'a Rope,
    profile: Profile,
    floor: Option<Floor>,
    input: Dtype,
    formats: [Format; 2],
    /// The coordinates that no plane has.
    outside: Vec<usize>,
}

impl<'a> LargeJudge<'a> {
    /// None if the question is no rotation into a floating-point format.
    pub fn new(question: &'a Question, profile: Profile) -> Option<LargeJudge<'a>> {
        let Body::Rotate(rotate) = &question.body else { return None };
        let (input, output) = (rotate.q.dtype(), question.dtype);
        let formats = [input.format()?, output.format()?];
        let floor = Floor::new(&profile, &rotate.rope, rotate.direction, formats[0], output);
        let rope = &rotate.rope;
        let outside = outside(rope.head_dim, &rope.pairs());
        Some(LargeJudge { question, rope, profile, floor, input, formats, outside })
    }

    /// Judges rows.
    ///
    /// # Errors
    /// [`Misfit`] if there are not as many of one thing as of the others.
    pub fn judge(&self, rows: &Rows) -> Result<Large, Misfit> {
        let dim = self.rope.head_dim;
        let count = rows.got.len() / dim;
        for given in [rows.got, rows.input, rows.expected, rows.residual] {
            if given.len() != count * dim {
                let (got, want) = (vec![given.len()], vec![count, dim]);
                return Err(Misfit::Shape { name: "q".to_string(), got, want });
            }
        }
        // Each of these is compiled for its own formats: an element is a few operations then.
        match self.formats {
            [Format::F32, Format::F32] => self.rows([Format::F32; 2], rows, count),
            [Format::BF16, Format::BF16] => self.rows([Format::BF16; 2], rows, count),
            [Format::F16, Format::F16] => self.rows([Format::F16; 2], rows, count),
            formats => self.rows(formats, rows, count),
        }
    }

    #[inline(always)]
    fn rows(&self, formats: [Format; 2], rows: &Rows, count: usize) -> Result<Large, Misfit> {
        let mut large = Large { histogram: vec![0; HISTOGRAM.len() + 1], ..Large::default() };
        let mut planes = vec![Cell::default(); self.rope.planes.len() + 1];
        let mut band = None;
        let mut open = Vec::new();
        for row in 0..count {
            // What no position turns is counted with the first axis.
            let own = Band::of(Some((rows.position)(row, 0) as f64));
            if band.is_some_and(|known| known != own) {
                large.lay_down(band, &mut planes);
            }
            band = Some(own);
            if !self.row(formats, rows, row, &mut large, &mut planes) {
                open.push(row);
            }
        }
        large.lay_down(band, &mut planes);
        large.judged = rows.got.len();
        if !open.is_empty() {
            self.thoroughly(rows, &open, &mut large)?;
        }
        Ok(large)
    }

    /// Counts a row's errors; whether every element of it is certainly right.
    #[inline(always)]
    fn row(
        &self,
        [from, to]: [Format; 2],
        rows: &Rows,
        row: usize,
        large: &mut Large,
        cells: &mut [Cell],
    ) -> bool {
        let dim = self.rope.head_dim;
        let at = row * dim..(row + 1) * dim;
        let slices = [rows.input, rows.got, rows.expected, rows.residual];
        let [input, got, want, residual] = slices.map(|slice| &slice[at.clone()]);
        let mut certain = true;
        let least = scale(1.0, to.e_min());
        let error = |index: usize| Error::of(to, got[index], want[index], residual[index]);
        let same = |index: usize| got[index] == want[index] && to.is_finite(got[index]);
        let wrong = |index: usize, ulps: f64| Wrong {
            name: "q".to_string(),
            dtype: self.question.dtype,
            index: vec![rows.first + row, index],
            got: got[index],
            want: want[index],
            ulps,
            allowed: f64::NAN,
            rule: None,
        };
        let mut along = Along::new(rows.position, row);
        for (index, plane) in self.rope.planes.iter().enumerate() {
            let pair = plane.pair;
            let [x, y] = [wide(from, input[pair.re]), wide(from, input[pair.im])];
            let size = (x * x + y * y).sqrt();
            large.zeros += if size == 0.0 { 2 } else { 0 };
            let both = [pair.re, pair.im];
            let off = both.map(error);
            certain &= self.pair(
                index,
                along.axis(plane.axis),
                &Pair {
                    z: [x, y],
                    size,
                    got: both.map(|i| wide(to, got[i])),
                    off: [0, 1].map(|part| off[part].as_ref().map(|error| error.ulps * error.unit)),
                    same: both.map(same),
                },
            );
            let cell = &mut cells[index];
            for (i, off) in both.into_iter().zip(off) {
                if let Some(error) = &off {
                    large.count(error, cell, |ulps| wrong(i, ulps));
                }
                if let Some(error) = off
                    && size >= least
                {
                    let relative = error.ulps * error.unit / size;
                    cell.relative = Some(cell.relative.map_or(relative, |r| larger(r, relative)));
                }
            }
        }
        let last = cells.len() - 1;
        for &i in &self.outside {
            large.zeros += usize::from(from.is_zero(input[i]));
            let off = error(i);
            if let Some(error) = &off {
                large.count(error, &mut cells[last], |ulps| wrong(i, ulps));
            }
            certain &= off.is_some() && same(i);
        }
        certain
    }

    /// Whether both coordinates of a plane are certainly right.
    #[inline(always)]
    fn pair(&self, plane: usize, position: i64, pair: &Pair) -> bool {
        let Some(floor) = &self.floor else { return false };
        let turned = floor.at(plane, position);
        if turned.is_some_and(|turned| !turned.keeps_norm(pair.z, pair.got)) {
            return false;
        }
        match turned.and_then(|turned| turned.of(pair.z[0], pair.z[1])) {
            Some(most) => [0, 1].into_iter().all(|part| {
                pair.off[part].is_some_and(|off| off <= most[part]) && pair.got[part].is_finite()
            }),
            // At position 0, and where nothing turns, what is not copied is looked into.
            None => {
                let known = pair.off[0].is_some() && pair.off[1].is_some();
                let copied = pair.same[0] && pair.same[1];
                known && copied && floor.fits(pair.size) && self.still(plane, position)
            }
        }
    }

    /// Whether a plane is only copied: every bound is then 0.
    fn still(&self, plane: usize, position: i64) -> bool {
        let plane = &self.rope.planes[plane];
        let turns = position != 0 && plane.frequency.class().is_zero() != Some(true);
        !turns && self.rope.magnitude == Expression::integer(1)
    }

    /// Judges some rows as any answer is judged.
    fn thoroughly(&self, rows: &Rows, open: &[usize], large: &mut Large) -> Result<(), Misfit> {
        let dim = self.rope.head_dim;
        let case = self.bare(rows, open);
        let shape = vec![1, 1, open.len(), dim];
        let got = Tensor::new(self.question.dtype, shape, gather(rows.got, open, dim));
        let (Some(expected), Ok(question), Ok(got)) =
            (case.truth.expected.tensors(), case.ask.question(), got)
        else {
            // Bits that are wider than the format: no caller of ours has them.
            large.unjudged = open.len() * dim;
            large.judged -= large.unjudged;
            return Ok(());
        };
        let output = [("q".to_string(), got)];
        let tolerances = Tolerances::new(question, &[self.profile]);
        let whole = judge(&case, question, expected, &output, &tolerances)?;
        let tally = &whole.tallies[0];
        large.unjudged = tally.unjudged;
        large.judged -= tally.unjudged;
        large.wrong = tally.wrong;
        if tally.wrong == 0 {
            return Ok(());
        }
        large.worst_wrong = tally.worst.clone().map(|mut worst| {
            if let [.., row, column] = worst.index[..] {
                worst.index = vec![rows.first + open[row], column];
            }
            worst
        });
        let marks = whole.outputs.iter().flat_map(|output| &output.marks[0]);
        for (flat, _) in marks.enumerate().filter(|(_, mark)| **mark == Mark::Wrong) {
            let (row, column) = (open[flat / dim], flat % dim);
            if large.rows.last() != Some(&(rows.first + row)) {
                large.rows.push(rows.first + row);
            }
            large.columns.resize(dim, 0);
            large.columns[column] += 1;
            let turns =
                |plane: &crate::encoding::Plane| plane.pair.re == column || plane.pair.im == column;
            let plane = self.rope.planes.iter().position(turns);
            // Counted where the row's errors were.
            let band = Band::of(Some((rows.position)(row, 0) as f64));
            large.errors.cells.entry((band, plane)).or_default().beyond += 1;
        }
        Ok(())
    }

    /// Rows of `shape` batches, heads and tokens as a case of an audit, whose request has everything
    /// in it.
    pub fn case(&self, rows: &Rows, shape: [usize; 3]) -> Case {
        let all: Vec<usize> = (0..shape.iter().product()).collect();
        let mut case = self.cut(rows, &all, shape);
        if let Ok(Question { body: Body::Rotate(rotate), .. }) = case.ask.question() {
            let mut input = Object::default();
            let positions = rotate.positions.to_json();
            // One axis has no level of its own.
            let one = match (self.rope.axes, positions) {
                (0 | 1, Json::Array(mut axes)) if axes.len() == 1 => axes.remove(0),
                (_, all) => all,
            };
            input.set("positions", one);
            input.set("q", tensor_json(&rotate.q));
            input.set("direction", Json::from(rotate.direction.name()));
            if let Some(length) = rotate.seq_len {
                input.set("seq_len", Json::from(length));
            }
            case.ask = case.ask.reworded(|request| request.input = Input::new(input));
        }
        case
    }

    /// Some rows without a request.
    fn bare(&self, rows: &Rows, some: &[usize]) -> Case {
        self.cut(rows, some, [1, 1, some.len()])
    }

    fn cut(&self, rows: &Rows, some: &[usize], [batch, heads, tokens]: [usize; 3]) -> Case {
        let dim = self.rope.head_dim;
        let shape = vec![batch, heads, tokens, dim];
        let tensor = |dtype: Dtype, from: &[u64]| {
            Tensor::new(dtype, shape.clone(), gather(from, some, dim)).ok()
        };
        let mut question = self.question.clone();
        let axes = self.rope.axes.max(1);
        if let Body::Rotate(rotate) = &mut question.body {
            // Heads share their positions: those of the first one.
            let first = |place: usize| some[place / tokens * heads * tokens + place % tokens];
            let position = |axis: usize| {
                let one = move |place| Position::integer((rows.position)(first(place), axis));
                (0..batch * tokens).map(one)
            };
            let list = (0..axes).flat_map(position).collect();
            let positions = Positions::new(vec![axes, batch, tokens], list);
            // As many as the shapes say.
            let q = tensor(self.input, rows.input).and_then(Heads::new);
            if let (Some(q), Some(positions)) = (q, positions) {
                (rotate.q, rotate.positions) = (q, positions);
            }
        }
        let named = |tensor: Option<Tensor>| {
            Tensors(tensor.map(|tensor| ("q".to_string(), tensor)).into_iter().collect())
        };
        let truth = Truth {
            expected: Expected::Tensors(named(tensor(question.dtype, rows.expected))),
            residual: Some(named(tensor(Dtype::F16, rows.residual))),
        };
        let ask = Ask::of("rows", question);
        let (group, comment) = ("rows".to_string(), String::new());
        Case { ask, truth, group, basic: false, comment, flags: vec![] }
    }
}

fn gather(from: &[u64], rows: &[usize], dim: usize) -> Vec<u64> {
    rows.iter().flat_map(|row| &from[row * dim..(row + 1) * dim]).copied().collect()
}

impl Large {
    /// Elements without an error: a NaN or an infinity went in, or a NaN came out.
    pub fn without_value(&self) -> usize {
        self.judged + self.unjudged - self.histogram.iter().sum::<usize>()
    }

    /// Whether something was judged that has a value and shows it: what has none, and the nothing that
    /// is made of nothing, is right by a rule and shows nothing of a kernel.
    pub fn tells(&self) -> bool {
        self.judged > self.without_value() + self.zeros
    }

    #[inline(always)]
    fn count(&mut self, error: &Error, cell: &mut Cell, wrong: impl FnOnce(f64) -> Wrong) {
        let off = error.ulps;
        // Ends of classes that lie below; most are in the first ones.
        let class = match off <= HISTOGRAM[0] {
            true => 0,
            false => HISTOGRAM.iter().map(|&end| usize::from(off > end)).sum(),
        };
        self.histogram[class] += 1;
        if self.worst.as_ref().is_none_or(|known| off > known.ulps) {
            self.worst = Some(wrong(off));
        }
        self.signs.add(error.signed, error.positive);
        cell.elements += 1;
        cell.ulp = larger(cell.ulp, off);
    }

    /// Adds the cells of a band and clears them; the last one belongs to no plane.
    fn lay_down(&mut self, band: Option<Band>, cells: &mut [Cell]) {
        let Some(band) = band else { return };
        let last = cells.len() - 1;
        for (plane, cell) in cells.iter_mut().enumerate().filter(|(_, cell)| cell.elements > 0) {
            let plane = (plane < last).then_some(plane);
            self.errors.cells.entry((band, plane)).or_default().merge(cell);
            *cell = Cell::default();
        }
    }

    /// Both together; `other` is of later rows.
    pub fn merge(mut self, other: Large) -> Large {
        let worse = |a: Option<Wrong>, b: Option<Wrong>| {
            let size = |w: &Wrong| if w.ulps.is_nan() { f64::INFINITY } else { w.ulps };
            match (a, b) {
                (Some(a), Some(b)) => Some(if size(&b) > size(&a) { b } else { a }),
                (a, b) => a.or(b),
            }
        };
        self.judged += other.judged;
        self.unjudged += other.unjudged;
        self.wrong += other.wrong;
        self.worst_wrong = worse(self.worst_wrong, other.worst_wrong);
        self.worst = worse(self.worst, other.worst);
        self.histogram.resize(HISTOGRAM.len() + 1, 0);
        self.histogram.iter_mut().zip(&other.histogram).for_each(|(a, b)| *a += b);
        self.errors.merge(&other.errors);
        self.signs.merge(&other.signs);
        self.rows.extend(other.rows);
        self.zeros += other.zeros;
        self.columns.resize(self.columns.len().max(other.columns.len()), 0);
        self.columns.iter_mut().zip(&other.columns).for_each(|(a, b)| *a += b);
        self
    }
}
