//! What a machine of a profile answers to a chain.

use super::chain::{Between, bias, rows, stored, weight};
use super::emulator::Emulator;
use super::machine::{Machine, encode};
use super::walk::{Named, Phases, at};
use super::{Precision, Profile};
use crate::encoding::{Chain, Norm, NormKind, Part, ScaleKind};
use crate::number::{Dtype, Format, Overflow, Tensor};

/// Emulates a profile on a chain.
pub(super) fn emulate(profile: &Profile, chain: &Chain, dtype: Dtype) -> Vec<Named> {
    let between = Between::new(profile);
    let mut list = Vec::new();
    let mut scales = Vec::new();
    for part in &chain.parts {
        let (mut values, copies) = before_quantize(profile, &between, chain, part);
        let (to, overflow) = chain.rounding(part.output(), dtype);
        let Some(format) = to.format() else { continue };
        if let Some(quantize) = chain.quantize.filter(|_| part.quantized) {
            if let Some(written) = between.written {
                values.iter_mut().for_each(|x| *x = written.round(*x));
            }
            let made = scales_of(chain, part, &values, format, quantize.scale);
            let dim = part.heads.dim().max(1);
            for (index, x) in values.iter_mut().enumerate() {
                *x = between.norm.round(*x / made[chain.block(part, index / dim, index % dim)]);
            }
            if part.scale.is_none() {
                let bits = made.iter().map(|x| encode(Format::F32, *x)).collect();
                scales.extend(named(part.scale_name(), Dtype::F32, chain.scale_shape(part), bits));
            }
        }
        let own = part.heads.format();
        let rounded = values.iter().enumerate().map(|(index, x)| {
            let bits = part.heads.data()[index];
            match copies[index] && !part.quantized {
                true if own == format => bits,
                true => format.convert(own, bits, overflow),
                false => cast(profile, format, overflow, *x),
            }
        });
        let bits = stored(chain, part, rounded.collect(), |bits| bits);
        list.extend(named(part.output(), to, part.shape().to_vec(), bits));
    }
    list.extend(scales);
    list
}

fn named(name: &'static str, dtype: Dtype, shape: Vec<usize>, bits: Vec<u64>) -> Option<Named> {
    Some(Named { name, tensor: Tensor::new(dtype, shape, bits).ok()? })
}

/// The last cast: through what is written, if anything is.
fn cast(profile: &Profile, format: Format, overflow: Overflow, x: f64) -> u64 {
    let x = match profile.output {
        Precision::Exact => x,
        step => profile.machine(step.format()).round(x),
    };
    match format.width() == 8 {
        // A machine that flushes does not do so in a cast to eight bits.
        true => format.convert(Format::F64, x.to_bits(), overflow),
        false => encode(format, profile.machine(format).round(x)),
    }
}

/// The values that are to be quantised, and which of them are copies.
pub(super) fn before_quantize(
    profile: &Profile,
    between: &Between,
    chain: &Chain,
    part: &Part,
) -> (Vec<f64>, Vec<bool>) {
    let mut values: Vec<f64> = part.heads.numbers().collect();
    let mut copies = vec![true; values.len()];
    let norm = chain.norm.as_ref().filter(|_| part.norm.is_some());
    let normalise = |values: &mut Vec<f64>, copies: &mut Vec<bool>| {
        if let Some(norm) = norm {
            copies.fill(false);
            for row in rows(chain, part) {
                normalised(between, norm, part, &row, values);
            }
        }
    };
    if chain.norm_first || !part.turns {
        normalise(&mut values, &mut copies);
    }
    if let Some(turn) = chain.turn.as_ref().filter(|_| part.turns) {
        let rope = if part.name == "k" { turn.rope.for_keys() } else { turn.rope.clone() };
        let emulator = Emulator::new(profile, Format::F64);
        let mut phases = Phases::new(&emulator, &rope, turn.direction);
        let dim = part.heads.dim();
        for row in 0..values.len() / dim.max(1) {
            let phases = phases.at(at(&turn.positions, part.heads.token(row)));
            for (plane, phase) in rope.planes.iter().zip(phases) {
                let [re, im] = [plane.pair.re, plane.pair.im].map(|d| row * dim + d);
                [values[re], values[im]] = emulator.turned(phase, values[re], values[im]);
                (copies[re], copies[im]) = (false, false);
            }
        }
    }
    if !chain.norm_first && part.turns {
        normalise(&mut values, &mut copies);
    }
    (values, copies)
}

fn normalised(between: &Between, norm: &Norm, part: &Part, row: &[usize], values: &mut [f64]) {
    let m = &between.norm;
    let count = m.round(row.len() as f64);
    let sum = |of: &dyn Fn(usize) -> f64| row.iter().fold(0.0, |sum, &i| m.round(sum + of(i)));
    let loaded: Vec<f64> = values.iter().map(|x| m.round(*x)).collect();
    let mean = match norm.kind {
        NormKind::Rms => 0.0,
        NormKind::Layer => m.round(sum(&|i| loaded[i]) / count),
    };
    let off = |i: usize| m.round(loaded[i] - mean);
    let square = m.round(sum(&|i| m.round(off(i) * off(i))) / count);
    let root = m.round(m.round(square + m.round(norm.eps)).sqrt());
    let inverse = m.round(1.0 / root);
    let narrow = |x: f64| between.narrow.map_or(x, |narrow: Machine| narrow.round(x));
    let affine = between.affine();
    let dim = part.heads.dim().max(1);
    for &index in row {
        let (w, plus) = weight(norm, part, index / dim, index % dim);
        let w = affine.round(affine.round(w) + plus);
        let y = affine.round(narrow(m.round(off(index) * inverse)) * w);
        values[index] = match bias(norm, part, index / dim, index % dim) {
            Some(b) => affine.round(y + affine.round(b)),
            None => y,
        };
    }
}

/// What every block is divided by.
fn scales_of(
    chain: &Chain,
    part: &Part,
    values: &[f64],
    format: Format,
    kind: ScaleKind,
) -> Vec<f64> {
    if let Some(given) = &part.scale {
        return given.numbers().collect();
    }
    let f32 = Machine { format: Format::F32, flush: false };
    let largest = format.to_f64(format.largest());
    let mut most = vec![0f64; chain.scale_shape(part).iter().product()];
    let dim = part.heads.dim().max(1);
    for (index, x) in values.iter().enumerate() {
        let most = &mut most[chain.block(part, index / dim, index % dim)];
        *most = if x.is_nan() || most.is_nan() { f64::NAN } else { most.max(x.abs()) };
    }
    let scale = |most: f64| match most {
        0.0 => 1.0,
        most if !most.is_finite() => f64::NAN,
        most => {
            let quotient = f32.round(most / largest);
            match kind {
                ScaleKind::AmaxPow2 if quotient > 0.0 => power_above(quotient),
                _ => quotient,
            }
        }
    };
    most.into_iter().map(scale).collect()
}

/// The least power of two that is not below a positive number.
pub(super) fn power_above(x: f64) -> f64 {
    let (mantissa, exponent) = libm::frexp(x);
    libm::ldexp(1.0, if mantissa == 0.5 { exponent - 1 } else { exponent })
}
