//! Rotations, tables and spectra.

use super::super::angle::Turned;
use super::super::interval::Interval;
use super::super::ratio::Ratio;
use super::super::resolved::{Multiple, ResolvedRope};
use super::super::round::{UndecidedRounding, Value};
use super::super::turned::{cos_and_sin, point, starting_precision, turn_plane};
use super::{Sink, Site};
use crate::encoding::{
    Apply, Expression, InvFreq, Pair, Rope, Rotate, Table, rotate_complex, turn,
};
use crate::number::Format;
use crate::request::{Direction, Position, Positions};
use num_complex::Complex;
use std::collections::HashMap;

/// Whether a rope has a growth other than 1 (xPos).
pub(in crate::exact) fn grows(rope: &Rope) -> bool {
    let one = Expression::integer(1);
    rope.planes.iter().any(|plane| plane.growth != one)
}

pub(in crate::exact) fn largest(positions: &[Position]) -> u64 {
    positions.iter().map(|p| p.numerator.unsigned_abs()).max().unwrap_or_default()
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
pub(super) struct Turns<'a> {
    by_position: HashMap<Vec<Position>, Vec<Turned<'a>>>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(
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

    pub(super) fn at(&self, vector: &[Position]) -> &[Turned<'a>] {
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
