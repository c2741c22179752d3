//! Rows of a tensor turned by double-double phasors: rounded, with the residual of every element, or
//! as they come out, in f64.

use super::bound::{ROTATE_BOUND, power_of_two};
use super::entry::Double;
use super::kernel::{Work, dispatch};
use super::lanes::Lanes;
use super::output::{Output, widen};
use super::rung::{SHORT_BITS, Walk};
use super::{Ladder, check};
use crate::encoding::Pair;
use crate::exact::ladder::LadderError;
use crate::number::Format;
use std::marker::PhantomData;

/// Rows of planes to turn.
pub(in crate::exact) struct Rows<'a> {
    /// The coordinates of the planes.
    pub(in crate::exact) pairs: &'a [Pair],
    /// Elements of a row.
    pub(in crate::exact) dim: usize,
    /// The position of a row on an axis.
    pub(in crate::exact) position: &'a (dyn Fn(usize, usize) -> i64 + Sync),
    /// Axes that planes have.
    pub(in crate::exact) axes: usize,
    /// Whether the phasors are conjugated.
    pub(in crate::exact) clockwise: bool,
    /// Of the input.
    pub(in crate::exact) format: Format,
    /// The input, row after row.
    pub(in crate::exact) input: &'a [u64],
}

/// Where rounded elements go; the coordinates of the planes are written.
pub(in crate::exact) struct Rounded<'a, O> {
    /// Bits of the rounded values.
    pub(in crate::exact) values: &'a mut [u64],
    /// Bits of the residuals, f16.
    pub(in crate::exact) residuals: &'a mut [u64],
    /// What has to be done otherwise.
    pub(in crate::exact) open: &'a mut Vec<Open>,
    /// The format.
    pub(in crate::exact) output: PhantomData<O>,
}

/// Where elements go as they come out, known to 2^−52 of their pair's size; NaN where nothing is
/// known. The coordinates of the planes are written.
pub(in crate::exact) struct Near<'a>(pub(in crate::exact) &'a mut [f64]);

/// A plane of a row that was not decided; neither of its elements is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exact) struct Open {
    /// Row of the input.
    pub(in crate::exact) row: usize,
    /// Index of the plane.
    pub(in crate::exact) plane: usize,
}

/// Elements outside of these could underflow or overflow in the error terms of products.
const SMALL: f64 = power_of_two(-400);
const LARGE: f64 = power_of_two(400);
/// Below this the conversions of the lanes are not those of the formats.
const TINY: f64 = power_of_two(-100);

/// Eight elements.
struct Eight<O> {
    values: [O; 8],
    residuals: [u16; 8],
    failed: u8,
}

/// Rounds eight unevaluated sums and what they differ from their rounded values by.
#[inline(always)]
fn settle<V: Lanes, O: Output>((sum, low): (V, V), bound: &[f64; 8]) -> Eight<O> {
    let mut values = [O::default(); 8];
    let (lo, hi) = O::ends(sum, low, bound);
    let mut failed = O::round(lo, hi, &mut values);
    let mut rounded = [0.0; 8];
    for (rounded, value) in rounded.iter_mut().zip(values) {
        *rounded = value.widen();
    }
    let difference = sum.sub(V::load(&rounded));
    let rest = difference.add(low);
    let (mut d, mut r) = ([0.0; 8], [0.0; 8]);
    difference.store(&mut d);
    rest.store(&mut r);
    let (mut below, mut above) = ([0.0; 8], [0.0; 8]);
    let (precision, least) = (O::FORMAT.precision as i32, O::FORMAT.e_min());
    for i in 0..8 {
        let off = bound[i] + (d[i].abs() + r[i].abs()) * power_of_two(-52);
        // 1/ulp of the rounded value.
        let exponent = ((rounded[i].to_bits() >> 52 & 0x7ff) as i32 - 1023).max(least);
        let scale = f64::from_bits(((1023 + precision - 1 - exponent).max(1) as u64) << 52);
        below[i] = (r[i] - off) * scale;
        above[i] = (r[i] + off) * scale;
    }
    let mut residuals = [0; 8];
    failed |= V::to_f16(V::load(&below), V::load(&above), &mut residuals);
    for i in 0..8 {
        let tiny = O::FORMAT != Format::F64 && rounded[i].abs() < TINY;
        let bad = residuals[i] & 0x7fff == 0 || !rounded[i].is_finite() || tiny;
        failed |= (bad as u8) << i;
    }
    Eight { values, residuals, failed }
}

/// What is known of a plane before it is turned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    Turn,
    Copy,
    Nonfinite,
    Zero,
    Open,
}

/// Up to eight planes of a row that are turned together.
struct Group<'g> {
    row: usize,
    /// The number of the first one.
    plane: usize,
    pairs: &'g [Pair],
    format: Format,
    /// The row.
    input: &'g [u64],
    natures: [Nature; 8],
    bound: [f64; 8],
}

/// What becomes of turned planes.
trait Sink {
    /// Real and imaginary parts as unevaluated sums.
    fn put<V: Lanes>(&mut self, group: &Group, turned: [(V, V); 2]);
}

impl<O: Output> Sink for Rounded<'_, O> {
    #[inline(always)]
    fn put<V: Lanes>(&mut self, group: &Group, [r, s]: [(V, V); 2]) {
        let (r, s) = (settle::<V, O>(r, &group.bound), settle::<V, O>(s, &group.bound));
        let (input, start) = (group.input, group.row * group.input.len());
        let values = &mut self.values[start..][..input.len()];
        let residuals = &mut self.residuals[start..][..input.len()];
        for (i, pair) in group.pairs.iter().enumerate() {
            let (value, residual) = match group.natures[i] {
                Nature::Turn if (r.failed | s.failed) >> i & 1 == 0 => (
                    [r.values[i].to_bits(), s.values[i].to_bits()],
                    [r.residuals[i] as u64, s.residuals[i] as u64],
                ),
                Nature::Nonfinite => ([O::FORMAT.quiet_nan(); 2], [Format::F16.quiet_nan(); 2]),
                Nature::Zero => ([0; 2], [0; 2]),
                Nature::Copy if group.format == O::FORMAT => {
                    ([input[pair.re], input[pair.im]], [0; 2])
                }
                _ => {
                    self.open.push(Open { row: group.row, plane: group.plane + i });
                    continue;
                }
            };
            [values[pair.re], values[pair.im]] = value;
            [residuals[pair.re], residuals[pair.im]] = residual;
        }
    }
}

impl Sink for Near<'_> {
    #[inline(always)]
    fn put<V: Lanes>(&mut self, group: &Group, [r, s]: [(V, V); 2]) {
        let (mut re, mut im) = ([0.0; 8], [0.0; 8]);
        r.0.add(r.1).store(&mut re);
        s.0.add(s.1).store(&mut im);
        let (input, start) = (group.input, group.row * group.input.len());
        let values = &mut self.0[start..][..input.len()];
        for (i, pair) in group.pairs.iter().enumerate() {
            [values[pair.re], values[pair.im]] = match group.natures[i] {
                // What no seed and no magnitude is known of has entries that are zero.
                Nature::Turn if re[i] != 0.0 || im[i] != 0.0 => [re[i], im[i]],
                Nature::Zero => [0.0; 2],
                Nature::Copy => {
                    [widen(group.format, input[pair.re]), widen(group.format, input[pair.im])]
                }
                _ => [f64::NAN; 2],
            };
        }
    }
}

struct Turning<'a, 'r, S> {
    ladder: &'a Ladder<f64>,
    rows: Rows<'r>,
    sink: S,
}

impl<S: Sink> Turning<'_, '_, S> {
    /// Whether a plane has to be copied, has no value, is zero, or beyond what may be multiplied.
    #[inline(always)]
    fn nature(&self, still: bool, z: [u64; 2], size: f64, smaller: f64) -> Nature {
        let format = self.rows.format;
        if still {
            // With another magnitude than 1 it may be rational.
            return if self.ladder.rope.magnitude.is_one() { Nature::Copy } else { Nature::Open };
        }
        if !format.is_finite(z[0]) || !format.is_finite(z[1]) {
            return Nature::Nonfinite;
        }
        if size == 0.0 {
            return Nature::Zero;
        }
        let small = smaller != 0.0 && smaller < SMALL;
        if small || !(SMALL..=LARGE).contains(&size) { Nature::Open } else { Nature::Turn }
    }

    #[inline(always)]
    fn group<V: Lanes>(&mut self, row: usize, group: usize, x: &Double, y: &Double, turned: u8) {
        let Rows { pairs, dim, clockwise, format, .. } = self.rows;
        let pairs = &pairs[8 * group..pairs.len().min(8 * group + 8)];
        let input = &self.rows.input[row * dim..][..dim];
        let (mut re, mut im, mut bound) = ([0.0; 8], [0.0; 8], [0.0; 8]);
        let mut natures = [Nature::Open; 8];
        let unit = self.ladder.rungs.scale() * ROTATE_BOUND;
        for (i, pair) in pairs.iter().enumerate() {
            let z = [input[pair.re], input[pair.im]];
            // No closures: what `map` calls would not be compiled for these lanes.
            let (a, b) = (widen(format, z[0]), widen(format, z[1]));
            let (p, q) = (a.abs(), b.abs());
            let size = if p > q { p } else { q };
            let smaller = if p > q { q } else { p };
            natures[i] = self.nature(turned >> i & 1 == 0, z, size, smaller);
            (re[i], im[i], bound[i]) = (a, b, size * unit);
        }
        let plane = 8 * group;
        let group = Group { row, plane, pairs, format, input, natures, bound };
        self.sink.put(&group, x.turn::<V>(y, clockwise, &re, &im));
    }
}

impl<S: Sink> Work for Turning<'_, '_, S> {
    #[inline(always)]
    fn run<V: Lanes>(mut self) {
        let ladder = self.ladder;
        let planes = &ladder.rope.planes;
        let axes = self.rows.axes;
        let mut walks: Vec<Walk<f64>> = (0..axes).map(|_| ladder.rungs.walk()).collect();
        let groups = planes.len().div_ceil(8);
        // For every axis and group: planes of the axis that turn at all.
        let mut masks = vec![0u8; axes * groups];
        for (index, plane) in planes.iter().enumerate().filter(|(_, p)| !p.frequency.is_zero()) {
            masks[plane.axis * groups + index / 8] |= 1 << (index % 8);
        }
        let count = self.rows.input.len() / self.rows.dim.max(1);
        for row in 0..count {
            let mut shorts: [&[Double]; 4] = [&[]; 4];
            let mut moved = [false; 4];
            for axis in 0..axes {
                let position = (self.rows.position)(row, axis);
                walks[axis].go(position >> SHORT_BITS);
                shorts[axis] = ladder.rungs.short((position & ((1 << SHORT_BITS) - 1)) as usize);
                moved[axis] = position != 0;
            }
            for group in 0..groups {
                let mut turned = if moved[0] { masks[group] } else { 0 };
                if axes == 1 {
                    let (x, y) = (&walks[0].row()[group], &shorts[0][group]);
                    self.group::<V>(row, group, x, y, turned);
                    continue;
                }
                let (mut x, mut y) = (walks[0].row()[group], shorts[0][group]);
                for axis in 1..axes {
                    let mask = masks[axis * groups + group];
                    x.take(&walks[axis].row()[group], mask);
                    y.take(&shorts[axis][group], mask);
                    turned |= if moved[axis] { mask } else { 0 };
                }
                self.group::<V>(row, group, &x, &y, turned);
            }
        }
    }
}

impl Ladder<f64> {
    /// The most axes that [`Ladder::turn`] keeps apart.
    pub(in crate::exact) const MOST_AXES: usize = 4;

    /// Turns rows into a format of output.
    ///
    /// # Errors
    /// [`LadderError::Position`] beyond ±2^62.
    pub(in crate::exact) fn turn<O: Output>(
        &self,
        rows: Rows,
        rounded: Rounded<O>,
    ) -> Result<(), LadderError> {
        self.turned(rows, rounded)
    }

    /// Turns rows without rounding them.
    ///
    /// # Errors
    /// As [`Ladder::turn`].
    pub(in crate::exact) fn near(&self, rows: Rows, near: Near) -> Result<(), LadderError> {
        self.turned(rows, near)
    }

    fn turned(&self, rows: Rows, sink: impl Sink) -> Result<(), LadderError> {
        let count = rows.input.len() / rows.dim.max(1);
        for row in 0..count {
            (0..rows.axes).try_for_each(|axis| check((rows.position)(row, axis) as i128))?;
        }
        dispatch(Turning { ladder: self, rows, sink }, self.path);
        Ok(())
    }
}
