//! How far off a chain may be on a machine of a profile.
//!
//! The proof is in `docs/tolerances.md`. Beside the errors of the machine travel those of a machine of
//! f64 that is run along with it: what the exact values are is known up to them, and a norm and a
//! maximum need to know how small they may be.

use super::bound::Bounder;
use super::chain::{Between, bias, rows, stored, weight};
use super::chain_emulate::power_above;
use super::emulator::Emulator;
use super::machine::{Machine, contains, encode};
use super::plane::{Value, least, up_hypot};
use super::span::unit;
use super::walk::{Kernel, Named, Phases, at};
use super::{NUMPY_F64, Profile};
use crate::encoding::{Chain, Norm, NormKind, Part, Quantize, ScaleKind};
use crate::number::{Dtype, Format, Overflow, Tensor};

/// Scales of f32 that have relative errors: above its subnormals, below its largest number.
const F32_RANGE: std::ops::RangeInclusive<f64> = 7.6e-37..=1.7e38;

/// Room for the second order of all errors, which are small where they are judged.
const SLACK: f64 = 1.02;

/// An element between two stages.
#[derive(Clone, Debug)]
struct Entry {
    /// What a machine of f64 has.
    near: f64,
    /// How far that may be from the exact value.
    off: f64,
    /// How far the machine may be from it; ∞ where nothing is known.
    error: f64,
    /// A format that holds what the machine has.
    format: Format,
    /// Whether it is still the input.
    copy: bool,
}

impl Entry {
    fn size(&self) -> f64 {
        (self.near.abs() + self.off) * SLACK
    }

    fn open(&mut self) {
        (self.error, self.copy) = (f64::INFINITY, false);
    }
}

/// A profile and the machine of f64 beside it.
struct Chained<'p> {
    between: Between,
    exact: Between,
    bounder: Bounder,
    beside: Bounder,
    f64: &'p Profile,
}

/// The bounds of a profile on a chain.
pub(super) fn bounds(profile: &Profile, chain: &Chain, dtype: Dtype) -> Vec<Named> {
    let beside = &NUMPY_F64;
    let mut list = Vec::new();
    let mut scales = Vec::new();
    for part in &chain.parts {
        let (to, overflow) = chain.rounding(part.output(), dtype);
        let Some(format) = to.format() else { continue };
        let chained = Chained {
            between: Between::new(profile),
            exact: Between::new(beside),
            bounder: Bounder::new(profile, format),
            beside: Bounder::new(beside, Format::F64),
            f64: beside,
        };
        let mut entries = chained.before_quantize(chain, part);
        if let Some(quantize) = chain.quantize.filter(|_| part.quantized) {
            let made = chained.quantize(chain, part, &quantize, format, &mut entries);
            if part.scale.is_none() {
                let bits = made.iter().map(|bound| up(Format::F32, *bound)).collect();
                let shape = chain.scale_shape(part);
                scales.extend(named(part.scale_name(), Dtype::F32, shape, bits));
            }
        }
        let (unit, tensor) = (chained.bounder.unit(), chained.bounder.unit_dtype(to));
        let bits =
            entries.iter().enumerate().map(|(index, entry)| match entry.copy && !part.quantized {
                true => chained.bounder.copied(part.heads.data()[index], part.heads.format()),
                false if part.quantized => {
                    let bound = chained.cast(entry, format, overflow);
                    let least = chained.bounder.least_seen();
                    up(unit, if bound > 0.0 { bound.max(least) } else { bound })
                }
                false => chained.settled(entry),
            });
        let bits = stored(chain, part, bits.collect(), |_| 0);
        list.extend(named(part.output(), tensor, part.shape().to_vec(), bits));
    }
    list.extend(scales);
    list
}

fn named(name: &'static str, dtype: Dtype, shape: Vec<usize>, bits: Vec<u64>) -> Option<Named> {
    Some(Named { name, tensor: Tensor::new(dtype, shape, bits).ok()? })
}

/// The least number of a format that is not below a bound.
fn up(format: Format, bound: f64) -> u64 {
    if !bound.is_finite() {
        return format.infinity();
    }
    let nearest = encode(format, bound);
    match format.to_f64(nearest) < bound {
        true => format.next_up(nearest).unwrap_or(format.infinity()),
        false => nearest,
    }
}

/// What one rounding of a number of this size adds.
fn rounding(machine: &Machine, size: f64) -> f64 {
    unit(machine.format) * size + least(machine)
}

impl Chained<'_> {
    fn before_quantize(&self, chain: &Chain, part: &Part) -> Vec<Entry> {
        let format = part.heads.format();
        let norm = chain.norm.as_ref().filter(|_| part.norm.is_some());
        // Beyond, a square, a sum or a maximum may leave the machine's range.
        let machine = self.between.norm.format;
        let largest = machine.to_f64(machine.largest());
        let limit = if norm.is_some() { largest.sqrt() / 4096.0 } else { largest / 4096.0 };
        let entry = |near: f64| {
            let error = if near.abs() <= limit { 0.0 } else { f64::INFINITY };
            Entry { near, off: 0.0, error, format, copy: true }
        };
        let mut entries: Vec<Entry> = part.heads.numbers().map(entry).collect();
        let normalise = |entries: &mut Vec<Entry>| {
            if let Some(norm) = norm {
                rows(chain, part).iter().for_each(|row| self.norm(norm, part, row, entries));
            }
        };
        if chain.norm_first || !part.turns {
            normalise(&mut entries);
        }
        self.turn(chain, part, &mut entries);
        if !chain.norm_first && part.turns {
            normalise(&mut entries);
        }
        entries
    }

    fn turn(&self, chain: &Chain, part: &Part, entries: &mut [Entry]) {
        let Some(turn) = chain.turn.as_ref().filter(|_| part.turns) else { return };
        let rope = if part.name == "k" { turn.rope.for_keys() } else { turn.rope.clone() };
        let emulator = Emulator::new(self.f64, Format::F64);
        let mut near = Phases::new(&emulator, &rope, turn.direction);
        let mut phases = Phases::new(&self.bounder, &rope, turn.direction);
        let mut beside = Phases::new(&self.beside, &rope, turn.direction);
        let dim = part.heads.dim();
        for row in 0..entries.len() / dim.max(1) {
            let vector = at(&turn.positions, part.heads.token(row));
            let near = near.at(vector.clone());
            let (phases, beside) = (phases.at(vector.clone()), beside.at(vector));
            for (index, plane) in rope.planes.iter().enumerate() {
                let [re, im] = [plane.pair.re, plane.pair.im].map(|d| row * dim + d);
                let (x, y) = (entries[re].clone(), entries[im].clone());
                let values = emulator.turned(&near[index], x.near, y.near);
                for (place, value, own, other) in [(re, values[0], &x, &y), (im, values[1], &y, &x)]
                {
                    let (Some(phase), Some(exact)) = (&phases[index], &beside[index]) else {
                        entries[place].open();
                        continue;
                    };
                    let error = |e: f64, of: f64| (e + of) * SLACK;
                    // The machine's own numbers may be larger by their errors.
                    let sizes = [own, other].map(|z| z.size() + z.error);
                    let format = if contains(own.format, other.format) { own } else { other };
                    let machine = self.bounder.steps.turn(phase, sizes[0], sizes[1], format.format);
                    let wide = self.beside.steps.turn(exact, own.size(), other.size(), Format::F64);
                    let carried = phase.factor.hi * up_hypot(own.error, other.error);
                    let beside = exact.factor.hi * up_hypot(own.off, other.off);
                    entries[place] = Entry {
                        near: value,
                        off: error(wide.error, beside),
                        error: error(machine.error, carried),
                        format: machine.format,
                        copy: false,
                    };
                }
            }
        }
    }

    /// A row normalised, on this machine and on the one of f64.
    fn norm(&self, norm: &Norm, part: &Part, row: &[usize], entries: &mut [Entry]) {
        let n = row.len() as f64;
        let dim = part.heads.dim().max(1);
        let mean =
            |of: &dyn Fn(&Entry) -> f64| row.iter().map(|&i| of(&entries[i])).sum::<f64>() / n;
        let layer = norm.kind == NormKind::Layer;
        let middle = if layer { mean(&|x| x.near) } else { 0.0 };
        let square = mean(&|x| (x.near - middle).powi(2));
        let whole = mean(&|x| x.size().powi(2)) * SLACK;
        let sizes = mean(&|x| x.size()) * SLACK;
        // Errors of the deviations and of 1/√, relatively, for a machine and what it was given.
        let of = |m: &Machine, given: &dyn Fn(&Entry) -> f64| {
            let u = unit(m.format);
            let load = |x: &Entry| match contains(m.format, x.format) {
                true => given(x),
                false => given(x) + rounding(m, x.size()),
            };
            let shared = if layer { mean(&load) + (n + 2.0) * u * sizes } else { 0.0 };
            let off = |x: &Entry| load(x) + shared + u * ((x.near - middle).abs() + x.off);
            // Two passes, or one with the square of the mean subtracted.
            let sums = (n + 4.0) * u * if layer { 2.0 * whole } else { square };
            let moved = mean(&|x| 2.0 * (x.near - middle).abs() * off(x) + off(x).powi(2));
            let lost = (n + 1.0) * least(m);
            let of_square = (sums + moved + lost) * SLACK;
            (
                of_square + 2.0 * u * norm.eps,
                row.iter().map(|&i| off(&entries[i])).collect::<Vec<_>>(),
            )
        };
        let (off_square, offs) = of(&self.exact.norm, &|x| x.off);
        let least_root = square + norm.eps - off_square;
        let (error_square, errors) = of(&self.between.norm, &|x| x.error);
        let m = &self.between.norm;
        let largest = m.format.to_f64(m.format.largest());
        let judged = least_root > 0.0
            && error_square < least_root / 2.0
            && whole * n < largest / 4.0
            && square.is_finite();
        if !judged {
            row.iter().for_each(|&i| entries[i].open());
            return;
        }
        let inverse = 1.0 / (square + norm.eps).sqrt();
        let most = SLACK / least_root.sqrt();
        // |(1 + t)^(−½) − 1| ≤ t for |t| ≤ ½; a root, a quotient and rsqrt's two ulps.
        let root = |machine: &Machine, error: f64| error / least_root + 6.0 * unit(machine.format);
        let (own_root, wide_root) = (root(m, error_square), root(&self.exact.norm, off_square));
        for (place, &index) in row.iter().enumerate() {
            let at = (index / dim, index % dim);
            let (w, plus) = weight(norm, part, at.0, at.1);
            let b = bias(norm, part, at.0, at.1);
            let deviation = entries[index].near - middle;
            let (value, factor) = (deviation * inverse, w + plus);
            let size = (deviation.abs() + offs[place]) * most;
            let step = |between: &Between, of_root: f64, error: f64| {
                let affine = between.affine();
                let u = unit(between.norm.format);
                let mut e = error * most + size * (of_root + u) + least(&between.norm);
                if let Some(narrow) = &between.narrow {
                    e += rounding(narrow, size + e);
                }
                // A weight that is loaded, and one more than it.
                let loaded = 2.0 * rounding(&affine, w.abs() + factor.abs());
                let loaded = if w == 0.0 { 0.0 } else { loaded };
                let mut e = e * factor.abs() + (size + e) * loaded;
                let mut size = size * factor.abs() + e;
                e += rounding(&affine, size);
                if let Some(b) = b {
                    size += b.abs();
                    e += 2.0 * rounding(&affine, size);
                }
                e * SLACK
            };
            entries[index] = Entry {
                near: value * factor + b.unwrap_or(0.0),
                off: step(&self.exact, wide_root, offs[place]),
                error: step(&self.between, own_root, errors[place]),
                format: self.between.affine().format,
                copy: false,
            };
            if !entries[index].near.is_finite() {
                entries[index].open();
            }
        }
    }

    /// Divides by scales; the bounds of those that are made.
    fn quantize(
        &self,
        chain: &Chain,
        part: &Part,
        quantize: &Quantize,
        format: Format,
        entries: &mut [Entry],
    ) -> Vec<f64> {
        let dim = part.heads.dim().max(1);
        let block = |index: usize| chain.block(part, index / dim, index % dim);
        let m = &self.between.norm;
        if let Some(written) = &self.between.written {
            for entry in entries.iter_mut().filter(|x| !contains(written.format, x.format)) {
                entry.error += rounding(written, entry.size() + entry.error);
                entry.format = written.format;
            }
        }
        let count: usize = chain.scale_shape(part).iter().product();
        // The scale, its error relatively, and its own bound.
        let scales: Vec<(f64, f64, f64)> = match &part.scale {
            Some(given) => given.numbers().map(|scale| (scale, 0.0, 0.0)).collect(),
            None => {
                let mut most = vec![(0f64, 0f64, 0f64); count];
                for (index, entry) in entries.iter().enumerate() {
                    let (size, off, error) = &mut most[block(index)];
                    *size = size.max(entry.near.abs());
                    *off = off.max(entry.off);
                    *error = error.max(entry.error);
                }
                let largest = format.to_f64(format.largest());
                most.into_iter().map(|most| made(most, largest, quantize.scale)).collect()
            }
        };
        for (index, entry) in entries.iter_mut().enumerate() {
            let (scale, relative, _) = scales[block(index)];
            let u = 3.0 * unit(m.format);
            let near = entry.near / scale;
            let size = entry.size() / scale;
            entry.off = (entry.off / scale + size * 2f64.powi(-51)) * SLACK;
            let own = entry.error / scale;
            entry.error = (own + (size + own) * (u + 1.1 * relative)) * SLACK + 2.0 * least(m);
            (entry.near, entry.format) = (near, m.format);
        }
        scales.into_iter().map(|(.., bound)| bound).collect()
    }

    /// The bound of a cast to eight bits, against the exact value cut at the largest number.
    fn cast(&self, entry: &Entry, format: Format, overflow: Overflow) -> f64 {
        if entry.near.is_infinite() && entry.copy {
            return 0.0;
        }
        if !entry.error.is_finite() || !entry.near.is_finite() {
            return f64::INFINITY;
        }
        let largest = format.to_f64(format.largest());
        let ulp = format.ulp_exponent(format.largest()).unwrap_or(0);
        let end = largest + libm::ldexp(0.5, ulp);
        let reach = (entry.off + entry.error) * SLACK;
        let size = entry.near.abs();
        if overflow == Overflow::Ieee && (size - end).abs() <= reach {
            return f64::INFINITY;
        }
        let size = (size + reach).min(largest);
        let eight = Machine { format, flush: false };
        let error = entry.error + rounding(&eight, size);
        // The machine of f64 itself is off.
        error * SLACK
    }

    /// The bound of what is not quantised.
    fn settled(&self, entry: &Entry) -> u64 {
        let mixed = if entry.error.is_finite() { f64::INFINITY } else { 0.0 };
        let value = Value {
            size: entry.size() + entry.error,
            error: entry.error,
            mixed,
            format: entry.format,
        };
        self.bounder.settle(&value)
    }
}

/// The scale of a block, its error relatively, and the bound of the scale itself.
fn made((most, off, error): (f64, f64, f64), largest: f64, kind: ScaleKind) -> (f64, f64, f64) {
    let least = most - off;
    if most == 0.0 && off == 0.0 && error == 0.0 {
        return (1.0, 0.0, 0.0);
    }
    let u = unit(Format::F32);
    // The quotient rounded here and there, and by a machine that multiplies by 1/largest.
    let relative = ((error + off) / least + 5.0 * u) * SLACK;
    let open = (most.max(f64::MIN_POSITIVE) / largest, f64::INFINITY, f64::INFINITY);
    let quotient = most / largest;
    if least.is_nan() || least <= 0.0 || relative > 0.25 || !F32_RANGE.contains(&quotient) {
        return open;
    }
    match kind {
        ScaleKind::AmaxPow2 => {
            let (low, high) = (quotient * (1.0 - relative), quotient * (1.0 + relative));
            let exact = error == 0.0 && off == 0.0 && power_above(quotient) == quotient;
            match exact || power_above(low) == power_above(high) {
                true => (power_above(quotient), 0.0, 0.0),
                false => open,
            }
        }
        _ => (quotient, relative, quotient * relative),
    }
}
