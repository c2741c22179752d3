//! Which answers are right beside those within a bound: the rules of special values.

use crate::encoding::{Attention, Body, Chain, Heads, Pair, Plane, Question};
use crate::number::{Format, Overflow, Tensor};
use crate::request::{Input, Json, Position};

/// What is accepted for an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Nothing but the copy (of a NaN: any NaN), the sign of a zero included.
    Copy,
    /// What lies within the bound; a zero of either sign.
    Value,
    /// The plane is not turned, and a NaN or an infinity stands in it: any nonfinite value, or the
    /// copy (an ordinary kernel computes x·1 − y·0).
    CopyOrNonfinite,
    /// A NaN or an infinity took part: any nonfinite value.
    Nonfinite,
    /// The same where the plane is only scaled and this coordinate is finite: its scaled value too.
    ScaledOrNonfinite,
    /// A NaN or an infinity stands behind a mask: the value, or any nonfinite one (an ordinary kernel
    /// multiplies it by a weight of 0).
    ValueOrNonfinite,
    /// A query without any key: the value, or a NaN.
    ValueOrNan,
    /// Its logarithm where there is a sink: the value, these bits (the sink alone, which is all that
    /// is summed), or a NaN.
    ValueSinkOrNan(u64),
    /// A cast beyond the largest number, to an infinity or a NaN: any nonfinite value.
    Overflow,
    /// Padding: nothing is judged.
    Anything,
}

/// The rule of every element of an output, row-major. `residual` says which have no value.
///
/// Source: the contract's special values, (1) to (4).
pub fn accepts(
    question: &Question,
    input: &Input,
    name: &str,
    expected: &Tensor,
    residual: Option<&Tensor>,
) -> Vec<Accepts> {
    let count = expected.data().len();
    let Some(residual) = residual else {
        return padding(input, count);
    };
    let open = |i: usize| Format::F16.is_nan(residual.data()[i]);
    match &question.body {
        Body::Rotate(r) => {
            let Some(tensor) = (if name == "k" { r.k.as_ref() } else { Some(&r.q) }) else {
                return vec![Accepts::Value; count];
            };
            let axes = r.positions.shape()[0].max(1);
            let tokens = r.positions.data().len() / axes;
            let still = |plane: &Plane, token: usize| {
                let at = r.positions.data().get(plane.axis * tokens + token);
                at.is_none_or(|p| *p == Position::integer(0))
                    || plane.frequency.class().is_zero() == Some(true)
            };
            let pairs: Vec<Pair> = r.rope.pairs();
            let still = |index: usize, token: usize| still(&r.rope.planes[index], token);
            planes(tensor, &pairs, &still, &open)
        }
        Body::Apply(a) => {
            let tensor = if name == "k" { a.k.as_ref().unwrap_or(&a.q) } else { &a.q };
            planes(tensor, &a.pairs, &|_, _| false, &open)
        }
        Body::Attention(a) => {
            let width = if name == "out" { a.v.dim() } else { 1 };
            let copied = |i: usize| residual.data()[i] == 0;
            let infinite = |i: usize| {
                expected.dtype().format().is_some_and(|f| !f.is_finite(expected.data()[i]))
            };
            // The sink of a head as the logarithm has it.
            let sink = |a: &Attention, head: usize| {
                let sinks = a.sinks.as_ref().filter(|_| name == "lse")?;
                let bits = *sinks.data().get(head)?;
                let to = expected.dtype().format()?;
                Some(to.convert(sinks.format(), bits, Overflow::Ieee))
            };
            let rule = |i: usize| {
                let (row, queries) = (i / width.max(1), a.q.seq().max(1));
                let batch = row / (a.q.heads().max(1) * queries);
                let behind =
                    behind_masks(a, batch, row / queries % a.q.heads().max(1), i % width.max(1));
                match a.left(batch, row % queries).is_empty() {
                    true => match sink(a, row / queries % a.q.heads().max(1)) {
                        Some(bits) => Accepts::ValueSinkOrNan(bits),
                        None => Accepts::ValueOrNan,
                    },
                    // One key whose value is no number, too.
                    false if open(i) || (copied(i) && infinite(i)) => Accepts::Nonfinite,
                    false if behind => Accepts::ValueOrNonfinite,
                    false => Accepts::Value,
                }
            };
            (0..count).map(rule).collect()
        }
        Body::Chain(c) => chain(c, name, expected, residual),
        // Element by element copies.
        Body::Learned(_) | Body::T5Bias(..) | Body::PermuteQk(_) => vec![Accepts::Copy; count],
        _ => {
            (0..count).map(|i| if open(i) { Accepts::Nonfinite } else { Accepts::Value }).collect()
        }
    }
}

/// The rules of an output of a chain.
fn chain(c: &Chain, name: &str, expected: &Tensor, residual: &Tensor) -> Vec<Accepts> {
    let format = expected.dtype().format().unwrap_or(Format::F32);
    let own = |index: usize, copied: bool, holds: bool| {
        let no_value = Format::F16.is_nan(residual.data()[index]);
        match (format.is_finite(expected.data()[index]), holds) {
            _ if copied => Accepts::Copy,
            // A number became none though nothing but numbers took part.
            (false, false) => Accepts::Overflow,
            (false, true) => Accepts::Nonfinite,
            (true, true) if no_value => Accepts::Nonfinite,
            (true, true) if c.norm.is_none() && c.quantize.is_none() => Accepts::CopyOrNonfinite,
            (true, _) => Accepts::Value,
        }
    };
    let Some(part) = c.parts.iter().find(|part| part.output() == name) else {
        let all = |holds: &dyn Fn(usize) -> bool| (0..expected.data().len()).map(holds).collect();
        let scales: Vec<bool> = all(&|i| !format.is_finite(expected.data()[i]));
        let rule = |none: bool| if none { Accepts::Nonfinite } else { Accepts::Value };
        return scales.into_iter().map(rule).collect();
    };
    let (dim, heads) = (part.heads.dim().max(1), &part.heads);
    let pairs: Vec<Pair> = match c.turn.as_ref().filter(|_| part.turns) {
        Some(turn) => turn.rope.pairs(),
        None => vec![],
    };
    let inside = |d: usize| pairs.iter().find(|pair| pair.re == d || pair.im == d);
    let bad = |index: usize| !heads.format().is_finite(heads.data()[index]);
    // What is mixed into an element: its plane, or all of a row.
    let mut holds = vec![false; heads.data().len()];
    for (index, holds) in holds.iter_mut().enumerate() {
        let first = index - index % dim;
        let plane = inside(index % dim).map_or([index, index], |p| [first + p.re, first + p.im]);
        *holds = plane.into_iter().any(bad)
            || part.norm.as_ref().is_some_and(|weights| {
                [&weights.weight, &weights.bias].into_iter().flatten().any(|tensor| {
                    tensor.data().iter().any(|bits| !tensor.format().is_finite(*bits))
                })
            });
    }
    let mixes = part.norm.as_ref().map(|_| c.norm_rows(part)).unwrap_or_default();
    for rows in mixes {
        let places = || rows.iter().flat_map(|row| row * dim..(row + 1) * dim);
        if places().any(bad) {
            places().for_each(|index| holds[index] = true);
        }
    }
    if part.quantized && part.scale.is_none() && holds.contains(&true) {
        let mut blocks = std::collections::HashSet::new();
        let block = |index: usize| c.block(part, index / dim, index % dim);
        blocks.extend((0..holds.len()).filter(|i| holds[*i]).map(block));
        (0..holds.len()).for_each(|index| holds[index] |= blocks.contains(&block(index)));
    }
    let copies =
        |index: usize| part.norm.is_none() && !part.quantized && inside(index % dim).is_none();
    if part.cache.is_none() {
        return (0..expected.data().len()).map(|i| own(i, copies(i), holds[i])).collect();
    }
    let mut rules = vec![Accepts::Copy; expected.data().len()];
    for (index, holds) in holds.into_iter().enumerate() {
        if let Some(cell) = c.cell(part, index / dim, index % dim) {
            rules[cell] = own(cell, copies(index), holds);
        }
    }
    rules
}

/// Whether any key of a head, or its value in a coordinate, is no number, masked or not.
fn behind_masks(a: &Attention, batch: usize, head: usize, coordinate: usize) -> bool {
    let first = (batch * a.k.heads() + a.key_head(head)) * a.k.seq();
    let (dim, width) = (a.k.dim(), a.v.dim());
    (first..first + a.k.seq()).any(|row| {
        let keys = a.k.data().get(row * dim..(row + 1) * dim).unwrap_or_default();
        let value = a.v.data().get(row * width + coordinate);
        keys.iter().any(|&bits| !a.k.format().is_finite(bits))
            || value.is_some_and(|&bits| !a.v.format().is_finite(bits))
    })
}

/// Slots of a padded batch are not judged, whatever stands in them.
fn padding(input: &Input, count: usize) -> Vec<Accepts> {
    let mask = match input.get("attention_mask") {
        Some(json @ Json::Object(_)) => {
            let holder = [("m".to_string(), json.clone())].into_iter().collect();
            Input::new(holder).tensor("m").ok()
        }
        _ => None,
    };
    match mask.filter(|mask| !mask.data().is_empty()) {
        None => vec![Accepts::Value; count],
        Some(mask) => {
            let real = |i: usize| mask.data()[i % mask.data().len()] != 0;
            (0..count).map(|i| if real(i) { Accepts::Value } else { Accepts::Anything }).collect()
        }
    }
}

/// The rules of [batch, heads, seq, head_dim].
fn planes(
    tensor: &Heads,
    pairs: &[Pair],
    still: &dyn Fn(usize, usize) -> bool,
    open: &dyn Fn(usize) -> bool,
) -> Vec<Accepts> {
    let (format, dim) = (tensor.format(), tensor.dim());
    let mut rules = vec![Accepts::Copy; tensor.data().len()];
    for (row, token, bits) in tensor.rows() {
        for (index, pair) in pairs.iter().enumerate() {
            let finite = [pair.re, pair.im].map(|i| format.is_finite(bits[i]));
            for (own, i) in [pair.re, pair.im].into_iter().enumerate() {
                let place = row * dim + i;
                rules[place] = match (open(place), finite == [true, true]) {
                    (true, _) if finite[own] && still(index, token) => Accepts::ScaledOrNonfinite,
                    (true, _) => Accepts::Nonfinite,
                    (false, false) => Accepts::CopyOrNonfinite,
                    (false, true) => Accepts::Value,
                };
            }
        }
    }
    rules
}
