//! Attention as a plain kernel computes it: scores, their maximum, exponentials, two sums.

use super::super::machine::contains;
use super::super::walk::attention::{Query, Rotated, queries, scale, values};
use super::Emulator;
use crate::encoding::Attention;

impl Emulator<'_> {
    /// The bits of every value and of every logarithm.
    pub(super) fn attended(&self, a: &Attention) -> [Vec<u64>; 2] {
        let rotated = Rotated::new(self, a);
        let (mut out, mut lse) = (Vec::new(), Vec::new());
        for query in queries(a) {
            let (row, logarithm) = self.row(a, &rotated, &query);
            out.extend(row);
            lse.push(logarithm);
        }
        [out, lse]
    }

    fn row(&self, a: &Attention, rotated: &Rotated<f64>, query: &Query) -> (Vec<u64>, u64) {
        let width = a.v.dim();
        if query.keys.is_empty() {
            return (vec![0; width], self.bits(f64::NEG_INFINITY));
        }
        let m = self.profile.machine(Emulator::accumulator(self.profile));
        // Where arithmetic is done in the model's format, scores and weights are kept in it.
        let kept = self.profile.machine(self.profile.arithmetic.format());
        let kept = |x: f64| if contains(kept.format, m.format) { x } else { kept.round(x) };
        let factor = m.round(scale(a));
        let score = |(&key, bias): (&usize, &[f64; 2])| {
            let product = self.product(&rotated.q[query.row], &rotated.k[key]);
            let mut s = kept(m.round(kept(product) * factor));
            if let Some(c) = a.softcap.map(|c| m.round(c)) {
                s = kept(m.round(c * m.round(libm::tanh(m.round(s / c)))));
            }
            bias.iter().fold(s, |s, b| kept(m.round(s + kept(m.round(*b)))))
        };
        let scores: Vec<f64> = query.keys.iter().zip(&query.bias).map(score).collect();
        let sink = a.sinks.as_ref().map(|s| m.round(s.format().to_f64(s.data()[query.head])));
        let most = scores.iter().copied().chain(sink).fold(f64::NEG_INFINITY, f64::max);
        let exp = |s: f64| m.round(libm::exp(m.round(s - most)));
        let weights: Vec<f64> = scores.iter().map(|&s| exp(s)).collect();
        let total = weights.iter().copied().chain(sink.map(exp)).fold(0.0, |l, p| m.round(l + p));
        let mut sums = vec![0.0; width];
        for (&key, &weight) in query.keys.iter().zip(&weights) {
            let weight = kept(weight);
            for (sum, v) in sums.iter_mut().zip(values(a, key)) {
                *sum = m.fma(weight, v, *sum);
            }
        }
        let out = sums.iter().map(|&sum| self.bits(m.round(sum / total))).collect();
        (out, self.bits(m.round(most + m.round(libm::log(total)))))
    }
}
