//! Rotations, tables and spectra.

use super::super::angle::{Kind, Turned, Turning};
use super::super::interval::Interval;
use super::super::ratio::Ratio;
use super::super::resolved::{Multiple, ResolvedRope};
use super::super::round::{UndecidedRounding, Value};
use super::{Sink, Site};
use crate::encoding::{
    Apply, Expression, InvFreq, Pair, Rope, Rotate, Table, rotate_complex, turn,
};
use crate::number::Format;
use crate::request::{Direction, Position, Positions};
use num_complex::Complex;
use num_traits::Zero;
use rug::Float;
use std::collections::HashMap;

/// Whether a rope has a growth other than 1 (xPos).
pub(in crate::exact) fn grows(rope: &Rope) -> bool {
    let one = Expression::integer(1);
    rope.planes.iter().any(|plane| plane.growth != one)
}

/// A working precision that decides nearly every element at once: the format, the residual's bits,
/// and what the integer part of the angle takes.
pub(in crate::exact) fn starting_precision(format: Format, largest: u64) -> u32 {
    let needed = format.precision + 44 + (64 - largest.leading_zeros());
    needed.next_multiple_of(64)
}

pub(in crate::exact) fn largest(positions: &[Position]) -> u64 {
    positions.iter().map(|p| p.numerator.unsigned_abs()).max().unwrap_or_default()
}

/// A bit pattern as a point; zero for what is not finite, which callers treat apart.
pub(super) fn point(format: Format, bits: u64) -> Interval {
    let value = if format.is_finite(bits) { format.to_f64(bits) } else { 0.0 };
    Interval::exactly(Float::with_val(53, value))
}

fn ratio(format: Format, bits: u64) -> Ratio {
    Ratio::from_bits(format, bits).unwrap_or_else(Ratio::zero)
}

/// The magnitude of a direction: divided by the inverse, multiplied by the others.
pub(in crate::exact) fn magnitude(
    rope: &ResolvedRope,
    direction: Direction,
) -> Result<Multiple, UndecidedRounding> {
    match direction {
        Direction::Inverse if !rope.magnitude.is_one() => {
            let inverse = Expression::integer(1) / &rope.magnitude.expression;
            Multiple::new(&inverse, "attention_factor")
        }
        _ => Ok(rope.magnitude.clone()),
    }
}

/// Every plane at every position vector that occurs.
struct Turns<'a> {
    by_position: HashMap<Vec<Position>, Vec<Turned<'a>>>,
}

impl<'a> Turns<'a> {
    fn new(
        rope: &'a ResolvedRope,
        magnitude: &'a Multiple,
        direction: Direction,
        positions: &Positions,
        format: Format,
    ) -> Result<Turns<'a>, UndecidedRounding> {
        let precision = starting_precision(format, largest(positions.data()));
        let mut by_position = HashMap::new();
        for token in 0..tokens(positions) {
            let vector = at(positions, token);
            if by_position.contains_key(&vector) {
                continue;
            }
            let turned = rope.planes.iter().map(|plane| {
                let position = vector[plane.axis];
                Turned::new(rope, plane, magnitude, position, direction, precision)
            });
            let turned = turned.collect::<Result<Vec<_>, _>>()?;
            by_position.insert(vector, turned);
        }
        Ok(Turns { by_position })
    }

    fn at(&self, vector: &[Position]) -> &[Turned<'a>] {
        self.by_position.get(vector).map_or(&[], Vec::as_slice)
    }
}

/// Tokens in positions of shape [axis][…].
pub(in crate::exact) fn tokens(positions: &Positions) -> usize {
    positions.shape()[1..].iter().product()
}

/// The position of a token on every axis.
pub(super) fn at(positions: &Positions, token: usize) -> Vec<Position> {
    let count = tokens(positions);
    (0..positions.shape()[0]).map(|axis| positions.data()[axis * count + token]).collect()
}

pub(super) fn rotate(r: &Rotate, format: Format, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let key_rope = r.rope.for_keys();
    for (name, tensor, rope) in [("q", Some(&r.q), &r.rope), ("k", r.k.as_ref(), &key_rope)] {
        let Some(tensor) = tensor else { continue };
        let rope = ResolvedRope::new(rope)?;
        let magnitude = magnitude(&rope, r.direction)?;
        let turns = Turns::new(&rope, &magnitude, r.direction, &r.positions, format)?;
        let pairs = r.rope.pairs();
        for (row, token, bits) in tensor.rows() {
            let turned = turns.at(&at(&r.positions, token));
            let first = row * tensor.dim();
            let mut emit =
                |index: usize, value: &Value| sink(Site { name, index: first + index }, value);
            rotate_row(&pairs, turned, tensor.format(), bits, &mut emit)?;
        }
    }
    Ok(())
}

/// The exact values of one rotated row.
fn rotate_row(
    pairs: &[Pair],
    turned: &[Turned],
    format: Format,
    bits: &[u64],
    emit: &mut dyn FnMut(usize, &Value) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    let x: Vec<Interval> = bits.iter().map(|&bits| point(format, bits)).collect();
    let phasors: Vec<Complex<Interval>> = turned.iter().map(|t| t.first.clone()).collect();
    let first = rotate_complex(pairs, &x, &phasors);
    let mut in_plane = vec![false; bits.len()];
    for (pair, turned) in pairs.iter().zip(turned) {
        in_plane[pair.re] = true;
        in_plane[pair.im] = true;
        let z = [bits[pair.re], bits[pair.im]];
        let first = [first[pair.re].clone(), first[pair.im].clone()];
        let mut emit = |part: usize, value: &Value| emit([pair.re, pair.im][part], value);
        turn_plane(turned, format, z, first, &mut emit)?;
    }
    for (index, &bits) in bits.iter().enumerate().filter(|(index, _)| !in_plane[*index]) {
        emit(index, &Value::Copied { bits, format })?;
    }
    Ok(())
}

/// The exact values of the two elements of a plane (part 0 real, part 1 imaginary).
fn turn_plane(
    turned: &Turned,
    format: Format,
    z: [u64; 2],
    first: [Interval; 2],
    emit: &mut dyn FnMut(usize, &Value) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    if turned.turning == Turning::Never && turned.scale.is_one() {
        return (0..2).try_for_each(|part| emit(part, &Value::Copied { bits: z[part], format }));
    }
    if !z.iter().all(|&bits| format.is_finite(bits)) {
        return (0..2).try_for_each(|part| emit(part, &Value::Nonfinite));
    }
    if z.iter().all(|&bits| format.is_zero(bits)) {
        return (0..2).try_for_each(|part| emit(part, &Value::Rational(Ratio::zero())));
    }
    let exact = Complex::new(point(format, z[0]), point(format, z[1]));
    let product = |precision: u32| Some(turn(&exact, &turned.phasor(precision)?));
    let real = |precision: u32| product(precision).map(|z| z.re);
    let imaginary = |precision: u32| product(precision).map(|z| z.im);
    let [first_re, first_im] = first;
    let (kind_re, kind_im) = kinds(turned, format, z);
    emit(0, &kind_re.value(first_re, &real))?;
    emit(1, &kind_im.value(first_im, &imaginary))
}

/// How both parts can be rounded.
fn kinds(turned: &Turned, format: Format, z: [u64; 2]) -> (Kind, Kind) {
    use super::super::round::Proof;
    // The common case needs no rationals.
    if turned.turning == Turning::Algebraic && turned.scale.class.is_algebraic() == Some(true) {
        return (Kind::Real(Proof::Lindemann), Kind::Real(Proof::Lindemann));
    }
    let (x, y) = (ratio(format, z[0]), ratio(format, z[1]));
    (turned.kind(&x, &y), turned.kind(&y, &-x))
}

/// The exact values of the two elements of a plane, given alone.
pub(in crate::exact) fn turn_one(
    turned: &Turned,
    format: Format,
    z: [u64; 2],
    emit: &mut dyn FnMut(usize, &Value) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    let exact = Complex::new(point(format, z[0]), point(format, z[1]));
    let first = turn(&exact, &turned.first);
    turn_plane(turned, format, z, [first.re, first.im], emit)
}

pub(super) fn table(t: &Table, format: Format, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let rope = ResolvedRope::new(&t.rope)?;
    let turns = Turns::new(&rope, &rope.magnitude, Direction::Forward, &t.positions, format)?;
    for token in 0..tokens(&t.positions) {
        let turned = turns.at(&at(&t.positions, token));
        for (index, turned) in turned.iter().enumerate() {
            let index = token * rope.planes.len() + index;
            let mut emit = |part: usize, value: &Value| {
                sink(Site { name: ["cos", "sin"][part], index }, value)
            };
            cos_and_sin(turned, &mut emit)?;
        }
    }
    Ok(())
}

/// cos and sin of a plane are 1 + 0i turned.
pub(in crate::exact) fn cos_and_sin(
    turned: &Turned,
    emit: &mut dyn FnMut(usize, &Value) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    let one = [0x3ff0_0000_0000_0000, 0];
    let first = [turned.first.re.clone(), turned.first.im.clone()];
    turn_plane(turned, Format::F64, one, first, emit)
}

pub(super) fn apply(a: &Apply, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let (cos_format, sin_format) = (a.cos.format(), a.sin.format());
    for (name, tensor) in [("q", Some(&a.q)), ("k", a.k.as_ref())] {
        let Some(tensor) = tensor else { continue };
        let (format, dim) = (tensor.format(), tensor.dim());
        for (row, token, bits) in tensor.rows() {
            let mut in_plane = vec![false; dim];
            for (plane, pair) in a.pairs.iter().enumerate() {
                let entry = token * a.pairs.len() + plane;
                let (cos, sin) = (a.cos.data()[entry], a.sin.data()[entry]);
                let z = Complex::new(
                    Ratio::from_bits(format, bits[pair.re]),
                    Ratio::from_bits(format, bits[pair.im]),
                );
                let w = (Ratio::from_bits(cos_format, cos), Ratio::from_bits(sin_format, sin));
                let values = match (z.re, z.im, w) {
                    (Some(x), Some(y), (Some(cos), Some(sin))) => {
                        let sin = if a.direction == Direction::Forward { sin } else { -sin };
                        let turned = turn(&Complex::new(x, y), &Complex::new(cos, sin));
                        [Value::Rational(turned.re), Value::Rational(turned.im)]
                    }
                    _ => [Value::Nonfinite, Value::Nonfinite],
                };
                for (index, value) in [pair.re, pair.im].into_iter().zip(&values) {
                    in_plane[index] = true;
                    sink(Site { name, index: row * dim + index }, value)?;
                }
            }
            for (index, &bits) in bits.iter().enumerate().filter(|(index, _)| !in_plane[*index]) {
                sink(Site { name, index: row * dim + index }, &Value::Copied { bits, format })?;
            }
        }
    }
    Ok(())
}

pub(super) fn inv_freq(f: &InvFreq, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let planes = f.rope.planes.iter().enumerate();
    let frequencies = planes.clone().map(|(i, plane)| ("inv_freq", i, &plane.frequency));
    let growth = planes.filter(|_| grows(&f.rope)).map(|(i, plane)| ("growth", i, &plane.growth));
    let factors =
        [("attention_factor", 0, &f.rope.magnitude), ("softmax_factor", 0, &f.rope.softmax_factor)];
    for (name, index, expression) in frequencies.chain(growth).chain(factors) {
        let undecided = |precision| UndecidedRounding { name, index, precision };
        Multiple::new(expression, name)?
            .value(|value| sink(Site { name, index }, &value))
            .map_err(undecided)??;
    }
    Ok(())
}
