//! The worst errors of a block, and the first ones beyond the bound.

mod gate;

use super::blocks::Block;
use super::{Computed, Finding, Known, Measure, Sweep, Swept, Worst, chain, larger, slack};
use crate::number::Format;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// 2^−30, what bounds are widened by for the rounding of their own arithmetic.
const A_LITTLE: f64 = 1.0 / (1u64 << 30) as f64;
const TWO_19: f64 = (1u64 << 19) as f64;
const TWO_48: f64 = (1u64 << 48) as f64;
const TWO_128: f64 = (1u128 << 127) as f64 * 2.0;

/// What other blocks have found already, to leave out what cannot change it. Errors are not
/// negative, so that their bits are in their order.
pub(super) struct Shared {
    worst: Vec<[AtomicU64; 3]>,
    first: Vec<[AtomicU64; 3]>,
}

impl Shared {
    pub(super) fn new(planes: usize) -> Shared {
        let all = |value: u64| (0..planes).map(|_| [0; 3].map(|_: u64| value.into())).collect();
        Shared { worst: all(0), first: all(u64::MAX) }
    }

    fn worst(&self, plane: usize, measure: usize) -> f64 {
        f64::from_bits(self.worst[plane][measure].load(Relaxed))
    }
}

/// |angle − pθ|, infinite where there is no angle.
fn angle_error(known: &Known, angle: f64, position: f64) -> f64 {
    let [a, b, c] = known.pieces;
    let error = (((angle - position * a) - position * b) - position * c).abs();
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The largest of numbers that are not NaN.
fn largest(list: &[f64]) -> f64 {
    let mut lanes = [0f64; 8];
    let (chunks, rest) = list.as_chunks::<8>();
    for chunk in chunks {
        for (most, x) in lanes.iter_mut().zip(chunk) {
            *most = if *x > *most { *x } else { *most };
        }
    }
    lanes.iter().chain(rest).fold(0.0, |most, x| if *x > most { *x } else { most })
}

/// Looks at every position of a block.
pub(super) fn block(sweep: &Sweep, shared: &Shared, range: Range<u64>) -> Swept {
    let block = Block::new(range.clone(), sweep.format);
    let octave = 64 - range.start.leading_zeros() as usize;
    let mut octaves = vec![None; octave + 1];
    let mut planes = vec![<[Finding; 3]>::default(); sweep.routes.len()];
    let mut errors = [vec![0.0; block.first.len()], vec![0.0; block.first.len()]];
    chain::angles(sweep, &block, &mut |plane, angles| {
        let known = &sweep.known[plane];
        let [first, last] = &mut errors;
        for (((e, f), a), (p, q)) in first
            .iter_mut()
            .zip(last.iter_mut())
            .zip(angles)
            .zip(block.first.iter().zip(&block.last))
        {
            *e = angle_error(known, *a, *p);
            *f = if block.single { *e } else { angle_error(known, *a, *q) };
        }
        let search = Search { sweep, shared, block: &block, plane, known, angles, first, last };
        let worst = search.angles(&mut planes[plane][0]);
        let best: &mut Option<(Worst, usize)> = &mut octaves[octave];
        if best.is_none_or(|(best, _)| larger(best, worst) != best) {
            *best = Some((worst, plane));
        }
        search.tables(worst.error, &mut planes[plane]);
    });
    Swept { planes, octaves }
}

/// One plane of a block.
struct Search<'a> {
    sweep: &'a Sweep<'a>,
    shared: &'a Shared,
    block: &'a Block,
    plane: usize,
    known: &'a Known,
    angles: &'a [f64],
    /// Angle errors at the first and the last position of each group.
    first: &'a [f64],
    last: &'a [f64],
}

impl Search<'_> {
    /// Whether an error is beyond the bound; the reference decides where f64 cannot.
    fn exceeds(&self, measure: usize, position: f64, error: f64, computed: &Computed) -> bool {
        let Some(bound) = self.sweep.bound else { return false };
        let position = position as u64;
        let (relative, absolute) = slack(Measure::ALL[measure], self.known, position);
        let margin = relative * error + absolute;
        if !error.is_finite() || error - margin > bound {
            return true;
        }
        error + margin > bound
            && self.sweep.truth.errors(self.plane, position, computed)[measure][0] > bound
    }

    /// Whether the first position beyond the bound may be in this block.
    fn wanted(&self, measure: usize) -> bool {
        let known = self.shared.first[self.plane][measure].load(Relaxed);
        self.sweep.bound.is_some() && (self.block.first[0] as u64) < known
    }

    fn found(&self, measure: usize, position: f64, finding: &mut Finding) {
        let position = position as u64;
        finding.first = Some(finding.first.map_or(position, |first| first.min(position)));
        self.shared.first[self.plane][measure].fetch_min(position, Relaxed);
    }

    fn update(&self, measure: usize, position: f64, error: f64, finding: &mut Finding) {
        let worst = Worst { error, position: position as u64 };
        finding.worst = Some(finding.worst.map_or(worst, |known| larger(known, worst)));
        self.shared.worst[self.plane][measure].fetch_max(error.to_bits(), Relaxed);
    }

    /// The largest angle error of the block.
    fn angles(&self, finding: &mut Finding) -> Worst {
        let error = largest(self.first).max(largest(self.last));
        let at = |g: &usize| self.first[*g] == error || self.last[*g] == error;
        let g = (0..self.first.len()).find(at).unwrap_or_default();
        let ends = [&self.block.first, &self.block.last];
        let position = ends[(self.first[g] != error) as usize][g];
        let worst = Worst { error, position: position as u64 };
        if error >= self.shared.worst(self.plane, 0) {
            self.update(0, position, error, finding);
        }
        let (relative, absolute) = slack(Measure::Angle, self.known, self.block.first[0] as u64);
        let most = error * (1.0 + relative) + 4.0 * absolute;
        if self.wanted(0)
            && self.sweep.bound.is_some_and(|bound| most > bound)
            && let Some(position) = (0..self.angles.len()).find_map(|g| self.first_angle(g))
        {
            self.found(0, position, finding);
        }
        worst
    }

    /// The first position of a group whose angle error exceeds the bound. The error is linear but
    /// for its sign, so the positions that exceed are some at the start, some at the end.
    fn first_angle(&self, g: usize) -> Option<f64> {
        let computed = Computed { angle: self.angles[g], table: [0.0; 2] };
        let exceeds = |position: f64| {
            let error = angle_error(self.known, self.angles[g], position);
            self.exceeds(0, position, error, &computed)
        };
        let (mut low, mut high) = (self.block.first[g], self.block.last[g]);
        if exceeds(low) {
            return Some(low);
        }
        if !exceeds(high) {
            return None;
        }
        while high - low > 1.0 {
            let middle = ((low + high) / 2.0).floor();
            if exceeds(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// The errors of a table entry at a position.
    fn errors(&self, [cos, sin]: [f64; 2], position: f64) -> [f64; 2] {
        let turn = (position as u128).wrapping_mul(self.known.turn) as i128;
        let (s, c) = libm::sincos(turn as f64 * (1.0 / TWO_128) * std::f64::consts::TAU);
        let cos = (cos - self.known.magnitude * c).abs();
        let sin = (sin - self.known.magnitude * s).abs();
        let errors = [if cos > sin { cos } else { sin }, libm::sqrt(cos * cos + sin * sin)];
        // A NaN in either makes the root one.
        if errors[1].is_nan() { [f64::INFINITY; 2] } else { errors }
    }

    /// The largest errors that a table may have where its angle errs by `delta` at most, and its
    /// components by `rounding` besides.
    fn most(&self, delta: f64, rounding: f64) -> [f64; 2] {
        let chord = match delta {
            d if d < 0.5 => d,
            d if d < std::f64::consts::PI => 2.0 * libm::sin(d / 2.0),
            _ => 2.0,
        };
        let m = self.known.magnitude.abs();
        // No NaN: an unknown angle errs by infinity, an unknown magnitude is bounded by it.
        [rounding, 1.5 * rounding].map(|r| (m * chord + r) * (1.0 + A_LITTLE))
    }

    /// A component of the table against magnitude · cos or sin of the computed angle, generously.
    fn rounding(&self, reach: f64) -> f64 {
        let (stored, m) = (&self.sweep.stored, self.known.magnitude.abs());
        let host = self.sweep.magnitude.unwrap_or(f64::NAN);
        let held = stored.table.round(stored.trig.round(host)).abs();
        // A magnitude that a format cannot hold bounds nothing.
        if !(held > 0.98 * m && held < 1.02 * m) {
            return f64::INFINITY;
        }
        let least = |machine: &crate::profile::Machine| {
            let Format { precision, .. } = machine.format;
            let tiny = if machine.flush {
                machine.format.e_min()
            } else {
                machine.format.least_exponent()
            };
            (2f64.powi(-(precision as i32)), 2f64.powi(tiny))
        };
        let ((trig, a), (table, b)) = (least(&stored.trig), least(&stored.table));
        let fast = stored
            .accuracy
            .fast_trig
            .map_or(0.0, |fast| 2.0 * (fast.absolute + fast.per_radian * reach));
        m * (4.0 * trig + 2.0 * table + fast + 0.5 / TWO_48) + 4.0 * (a + b)
    }

    /// Table and rotation errors, looked at only where they may be the worst so far, or beyond the
    /// bound for the first time.
    fn tables(&self, delta: f64, findings: &mut [Finding; 3]) {
        let reach = match self.sweep.stored.accuracy.fast_trig {
            Some(_) => self.angles.iter().fold(0f64, |most, a| most.max(a.abs())),
            None => 0.0,
        };
        let mut worst = [1, 2].map(|measure| self.shared.worst(self.plane, measure));
        let mut wanted = [1, 2].map(|measure| self.wanted(measure));
        let bound = self.sweep.bound.unwrap_or(f64::INFINITY) * (1.0 - A_LITTLE);
        let open = |most: [f64; 2], worst: [f64; 2], wanted: [bool; 2]| {
            (0..2).any(|k| most[k] >= worst[k] || (wanted[k] && most[k] > bound))
        };
        let component = self.rounding(reach);
        if !open(self.most(delta, component), worst, wanted) {
            return;
        }
        let rounding = self.most(0.0, component);
        let mut gate = self.gate(worst, rounding);
        // A plane that does not turn has one error everywhere.
        let still = self.known.pieces[0] == 0.0 && self.angles.iter().all(|a| *a == 0.0);
        for g in 0..if still { 1 } else { self.angles.len() } {
            let delta = if self.first[g] > self.last[g] { self.first[g] } else { self.last[g] };
            // The cheap bound first, then the chord.
            let quick =
                rounding.map(|r| self.known.magnitude.abs() * delta * (1.0 + 2.0 * A_LITTLE) + r);
            if !open(quick, worst, wanted) || !open(self.most(delta, component), worst, wanted) {
                continue;
            }
            // Where nothing is known of the angle any more, the phases say which positions of a
            // group may be as bad as the worst.
            if !wanted[0] && !wanted[1] && !self.passes(gate, g) {
                continue;
            }
            let before = worst;
            let computed =
                Computed { angle: self.angles[g], table: self.sweep.table(self.angles[g]) };
            let mut look = |position: f64, worst: &mut [f64; 2], wanted: &mut [bool; 2]| {
                let errors = self.errors(computed.table, position);
                for k in 0..2 {
                    if errors[k] >= worst[k] {
                        worst[k] = errors[k];
                        self.update(k + 1, position, errors[k], &mut findings[k + 1]);
                    }
                    if wanted[k] && self.exceeds(k + 1, position, errors[k], &computed) {
                        self.found(k + 1, position, &mut findings[k + 1]);
                        wanted[k] = false;
                    }
                }
                errors
            };
            let m = self.known.magnitude.abs();
            let [c, s] = computed.table.map(f64::abs);
            // No further from e^{iψ} than the two radii together.
            let radius = [c.max(s) + m, libm::sqrt(c * c + s * s) + m];
            let radius = radius.map(|r| if r.is_nan() { f64::INFINITY } else { r });
            let margin = |most: f64| most * (1.0 + A_LITTLE) + 1.0 / TWO_48 * m;
            if !open(radius.map(margin), worst, wanted) {
                continue;
            }
            let (first, last) = (self.block.first[g], self.block.last[g]);
            let a = look(first, &mut worst, &mut wanted);
            // No number anywhere in the group is no worse than none at its start.
            if still || first == last || a[1].is_infinite() {
                continue;
            }
            // The other end, before anything is wanted of what lies between.
            let b = self.errors(computed.table, last);
            let span = (last - first) * self.known.pieces[0].abs() * (1.0 + 1.0 / TWO_19);
            let between: [f64; 2] = std::array::from_fn(|k| {
                margin((a[k].max(b[k]) + m * span * span / 8.0).min(radius[k]))
            });
            if open(between, worst, wanted) {
                let mut position = first + 1.0;
                while position < last && open(between, worst, wanted) {
                    look(position, &mut worst, &mut wanted);
                    position += 1.0;
                }
            }
            look(last, &mut worst, &mut wanted);
            if worst != before {
                gate = self.gate(worst, rounding);
            }
        }
    }
}
