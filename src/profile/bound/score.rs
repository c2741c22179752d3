//! The error of a dot product of two rotated vectors.

use super::super::Precision;
use super::super::emulator::Emulator;
use super::super::machine::Machine;
use super::super::plane::{Value, least, up_add, up_hypot, up_mul};
use super::super::span::unit;
use super::Bounder;
use crate::encoding::Pair;

impl Bounder {
    /// Every rounding between the rotation and a dot product.
    fn before_dot(&self) -> Vec<Machine> {
        let written = match self.profile.output {
            Precision::Exact => None,
            step => Some(self.profile.machine(step.format())),
        };
        let accumulator = self.profile.machine(Emulator::accumulator(&self.profile));
        written.into_iter().chain([accumulator]).collect()
    }

    /// The bits of the bound of a dot product.
    pub(super) fn score(&self, q: &[Value], k: &[Value], pairs: &[Pair], outside: &[usize]) -> u64 {
        match self.product(q, k, pairs, outside) {
            None => self.unit().infinity(),
            Some(total) if total.size == 0.0 => 0,
            Some(total) => self.finish(&total),
        }
    }

    /// A dot product in the accumulator's format; none if nothing can be said of it.
    pub(super) fn product(
        &self,
        q: &[Value],
        k: &[Value],
        pairs: &[Pair],
        outside: &[usize],
    ) -> Option<Value> {
        let m = self.profile.machine(Emulator::accumulator(&self.profile));
        // What attention reads is what the rotation wrote.
        let written = |value: &Value| {
            let mut value = value.clone();
            for machine in self.before_dot() {
                value.convert(&machine);
                if value.size > machine.format.to_f64(machine.format.largest()) {
                    return Value::OPEN;
                }
            }
            value
        };
        let mut total = Value::exact(0.0, 0.0, m.format);
        let mut add = |q: [&Value; 2], k: [&Value; 2], parts: usize| {
            let (q, k) = (q.map(written), k.map(written));
            let norm = |v: &[Value; 2], f: fn(&Value) -> f64| match parts {
                1 => f(&v[0]),
                _ => up_hypot(f(&v[0]), f(&v[1])),
            };
            // Vectors of a plane: |⟨q̂,k̂⟩ − ⟨q,k⟩| ≤ |δq||k̂| + |q||δk|, and |q̂| ≤ |q| + |δq|.
            let (dq, dk) = (norm(&q, |v| v.error), norm(&k, |v| v.error));
            let (mq, mk) = (q[0].mixed.max(q[1].mixed), k[0].mixed.max(k[1].mixed));
            let (sq, sk) = (up_add(mq, dq), up_add(mk, dk));
            let error = up_add(up_mul(dq, sk), up_mul(mq, dk));
            total.error = up_add(total.error, error);
            total.size = up_add(total.size, up_mul(sq, sk));
            total.mixed += mq * mk;
        };
        for pair in pairs {
            add([&q[pair.re], &q[pair.im]], [&k[pair.re], &k[pair.im]], 2);
        }
        for &i in outside {
            add([&q[i], &q[i]], [&k[i], &k[i]], 1);
        }
        if !total.error.is_finite() || !total.size.is_finite() {
            return None;
        }
        if total.size == 0.0 {
            return Some(total);
        }
        // Every product and every sum rounded, in any order: γₙ = (1 + u)ⁿ − 1 ≤ nu/(1 − nu).
        let nu = q.len() as f64 * unit(m.format);
        if nu > 0.5 || total.size >= m.format.to_f64(m.format.largest()) / 2.0 {
            return None;
        }
        let gamma = (nu / (1.0 - nu)).next_up().next_up();
        total.perturb(gamma, up_mul(4.0 * q.len() as f64, least(&m)));
        Some(total)
    }
}
