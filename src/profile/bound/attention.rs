//! The error of attention: of scores, of weights, of sums in any order and any blocks.
//!
//! The proof is in `docs/tolerances.md`, section "Attention".

use super::super::emulator::Emulator;
use super::super::machine::contains;
use super::super::plane::{Value, least, up_add, up_mul};
use super::super::span::unit;
use super::super::walk::attention::{Query, Rotated, queries, scale, values};
use super::Bounder;
use crate::encoding::Attention;
use crate::number::Format;
use crate::profile::named::NUMPY_F64;

/// What is lost of the bounds to f64 when they are computed: of each a few units of its last place.
const ROOM: f64 = 1.0 + 1.0 / (1u64 << 30) as f64;

/// Below this weights are lost to a machine that flushes f32; what is added to a one beside it.
const LOST: f64 = 1.1754943508222875e-38;

/// Products of two rotated vectors in f64, and how far off they are.
struct Near<'a> {
    emulator: Emulator<'a>,
    bounder: Bounder,
    values: Rotated<f64>,
    errors: Rotated<Value>,
}

impl<'a> Near<'a> {
    fn new(a: &Attention) -> Near<'a> {
        let emulator = Emulator::new(&NUMPY_F64, Format::F64);
        let bounder = Bounder::new(&NUMPY_F64, Format::F64);
        let (values, errors) = (Rotated::new(&emulator, a), Rotated::new(&bounder, a));
        Near { emulator, bounder, values, errors }
    }

    fn product(&self, q: usize, k: usize) -> Option<(f64, f64)> {
        let (errors, values) = (&self.errors, &self.values);
        let bound =
            self.bounder.product(&errors.q[q], &errors.k[k], &errors.pairs, &errors.outside);
        Some((self.emulator.product(&values.q[q], &values.k[k]), bound?.error))
    }
}

/// The scores of one query.
struct Scores {
    /// In f64.
    list: Vec<f64>,
    /// The largest error of those.
    off: f64,
    /// How far off a machine's score may be, of each key.
    errors: Vec<f64>,
    sink: Option<f64>,
}

impl Bounder {
    /// The bits of the bound of every value and of every logarithm.
    pub(super) fn attended(&self, a: &Attention) -> [Vec<u64>; 2] {
        let own = Rotated::new(self, a);
        let near = Near::new(a);
        let (mut out, mut lse) = (Vec::new(), Vec::new());
        for query in queries(a) {
            let nothing = query.keys.is_empty();
            let scores = self.scores(a, &own, &near, &query);
            let row = scores.and_then(|scores| self.row(a, &query, &scores));
            let (values, logarithm) = match row {
                // The rule of special values decides.
                _ if nothing => (vec![0; a.v.dim()], 0),
                Some((values, logarithm)) => {
                    (values.iter().map(|v| self.finish(v)).collect(), self.finish(&logarithm))
                }
                None => (vec![self.output.infinity(); a.v.dim()], self.output.infinity()),
            };
            out.extend(values);
            lse.push(logarithm);
        }
        [out, lse]
    }

    /// The format of what is kept between the steps, if it is narrower than the accumulator's.
    fn kept(&self, accumulator: Format) -> Format {
        let arithmetic = self.profile.arithmetic.format();
        if contains(arithmetic, accumulator) { accumulator } else { arithmetic }
    }

    /// |ŝ − s| for every key: of the rotation and the dot product, six roundings of scaling (of the
    /// factor, of its root on either side, of the product), the soft cap, and of each bias two and
    /// its sum.
    fn scores(
        &self,
        a: &Attention,
        own: &Rotated<Value>,
        near: &Near,
        query: &Query,
    ) -> Option<Scores> {
        let accumulator = Emulator::accumulator(&self.profile);
        let u = unit(self.kept(accumulator));
        let tiny = least(&self.profile.machine(self.kept(accumulator)));
        let factor = scale(a);
        let mut scores = Scores { list: Vec::new(), off: 0.0, errors: Vec::new(), sink: None };
        for (&key, [slope, learned]) in query.keys.iter().zip(&query.bias) {
            let (q, k) = (&own.q[query.row], &own.k[key]);
            let product = self.product(q, k, &own.pairs, &own.outside)?;
            let (exact, off) = near.product(query.row, key)?;
            let size = product.size * factor;
            let mut error = product.error * factor + 6.0 * u * size + 6.0 * tiny;
            let mut off = off * factor + 8.0 * unit(Format::F64) * size;
            let mut s = exact * factor;
            if let Some(c) = a.softcap {
                // tanh has slope 1 at most; c, s/c, tanh and its product are rounded.
                let most = size.min(c);
                error += (3.0 + 2.0 * self.profile.accuracy.exp.max(2.0)) * u * most + 2.0 * tiny;
                off += 8.0 * unit(Format::F64) * most;
                s = c * libm::tanh(s / c);
            }
            for bias in [slope, learned] {
                if *bias != 0.0 {
                    s += bias;
                    error += u * (3.0 * bias.abs() + s.abs() + error) + tiny;
                    off += 8.0 * unit(Format::F64) * (bias.abs() + s.abs());
                }
            }
            let limit = accumulator.to_f64(accumulator.largest()) / 4.0;
            if !s.is_finite() || !error.is_finite() || size + s.abs() > limit {
                return None;
            }
            scores.list.push(s);
            scores.errors.push(error * ROOM);
            scores.off = scores.off.max(off * ROOM);
        }
        if let Some(sinks) = &a.sinks {
            let sink = sinks.format().to_f64(sinks.data()[query.head]);
            scores.sink = Some(sink).filter(|sink| sink.is_finite());
            scores.sink?;
        }
        Some(scores)
    }

    /// The bounds of the values of a query, and of its logarithm.
    fn row(&self, a: &Attention, query: &Query, scores: &Scores) -> Option<(Vec<Value>, Value)> {
        let accumulator = self.profile.machine(Emulator::accumulator(&self.profile));
        let (u, ulps) = (unit(accumulator.format), self.profile.accuracy.exp.max(1.0));
        let all = || scores.list.iter().copied().chain(scores.sink);
        let top = all().fold(f64::NEG_INFINITY, f64::max);
        let reach = all().fold(0.0, |m: f64, s| m.max(s.abs()));
        let n = all().count() as f64;
        // Scores that f64 does not know say nothing.
        if scores.off > 0.01 {
            return None;
        }
        // How far the logarithm of a weight may be off: its score, the argument of the exponential
        // (a product with log₂ e, one of the maximum's, their difference), the exponential, and as
        // many for every block after it that has a new maximum.
        let blocks = n - 1.0;
        let steps = |size: f64| 4.0 * u * size + 2.0 * ulps * u;
        let shift = |(s, error): (&f64, &f64)| {
            error + steps(s.abs() + reach) + blocks * (steps(2.0 * reach) + u)
        };
        let mut shifts: Vec<f64> = scores.list.iter().zip(&scores.errors).map(shift).collect();
        if let Some(sink) = &scores.sink {
            shifts.push(shift((sink, &(unit(self.kept(accumulator.format)) * sink.abs()))));
        }
        let weights: Vec<f64> = all().map(|s| libm::exp(s - top)).collect();
        let total: f64 = weights.iter().sum();
        // What f64 makes of the weights.
        let known = libm::exp(2.0 * scores.off) * ROOM;
        let share: Vec<f64> = weights.iter().map(|w| w / total * known).collect();
        let largest = known / total;

        // Roundings of the two sums, n terms and as many rescalings, and of P.
        let values_format = a.v.format();
        let narrow = if contains(values_format, accumulator.format) {
            accumulator.format
        } else {
            values_format
        };
        let kept = self.kept(accumulator.format);
        let p = match accumulator.format == narrow && kept == accumulator.format {
            true => 0.0,
            false => unit(narrow).max(unit(kept)),
        };
        let rounds = (2.0 * n + blocks + 2.0) * u;
        if rounds > 0.25 {
            return None;
        }
        let sums = (1.0 + p) * (1.0 + rounds / (1.0 - rounds)) - 1.0;
        // Weights that a format loses, beside the largest of them.
        let lost = LOST.max(least(&self.profile.machine(narrow))).max(match kept == narrow {
            true => 0.0,
            false => least(&self.profile.machine(kept)),
        });

        let shrunk: f64 = share.iter().zip(&shifts).map(|(w, h)| w / known * libm::exp(-h)).sum();
        let least_total = (shrunk / known) * (1.0 - sums) - n * lost * largest;
        if least_total.is_nan() || least_total <= 0.0 {
            return None;
        }
        let rows: Vec<Vec<f64>> = query.keys.iter().map(|&key| values(a, key).collect()).collect();
        let value = |d: usize| {
            let column = || rows.iter().map(move |row| row[d]);
            let size: f64 = column().map(f64::abs).sum();
            if !size.is_finite()
                || size > accumulator.format.to_f64(accumulator.format.largest()) / 4.0
            {
                return Value::OPEN;
            }
            let x: f64 = column().zip(&weights).map(|(v, w)| v * w).sum::<f64>() / total;
            let mixed: f64 = column().zip(&share).map(|(v, w)| v.abs() * w).sum();
            // x itself is known to so much.
            let x_off = mixed * (scores.off * 4.0 + n * 4.0 * unit(Format::F64));
            let mut error = 0.0;
            for ((v, w), h) in column().zip(&share).zip(&shifts) {
                let apart = (v - x).abs() + x_off;
                error += w * libm::expm1(*h) * apart;
                error += w * libm::exp(*h) * sums * (v.abs() + x.abs() + x_off);
            }
            if scores.sink.is_some()
                && let Some((w, h)) = share.last().zip(shifts.last())
            {
                error += w * (libm::expm1(*h) + libm::exp(*h) * sums) * (x.abs() + x_off);
            }
            error += lost * largest * (size + n * (x.abs() + x_off));
            let mut value = Value::exact(0.0, mixed, accumulator.format);
            value.error = error / least_total * ROOM;
            value.size = up_add(x.abs() + x_off, value.error);
            if size == 0.0 {
                return Value::exact(0.0, 0.0, accumulator.format);
            }
            // The reciprocal of the sum, or the division.
            value.perturb(3.0 * u, least(&accumulator));
            value
        };
        let values = (0..a.v.dim()).map(value).collect();
        // ln l + m: both sums' errors, the logarithm, the products with ln 2, the sum.
        let most = shifts.iter().copied().fold(0.0, f64::max);
        let spread = reach + libm::log(n) + 1.0;
        let log = 2.0 * self.profile.accuracy.log.max(1.0) + 4.0;
        let mut logarithm = Value::exact(0.0, spread, accumulator.format);
        logarithm.error = (most + 2.0 * sums + n * lost + log * u * spread + scores.off) * ROOM;
        logarithm.size = up_add(spread, up_mul(logarithm.error, 1.0));
        Some((values, logarithm))
    }
}
