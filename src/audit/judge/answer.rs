//! Judges an answer by every profile at once.

use super::within::{Element, Ruling, in_ulps, ulps};
use super::{HISTOGRAM, Judged, Mark, Marked, Misfit, Tally, Wrong};
use crate::audit::case::Case;
use crate::audit::element::{Accepts, accepts};
use crate::audit::place::index_of;
use crate::audit::tolerance::{Tolerances, bound_at, without_nonfinite};
use crate::encoding::Question;
use crate::number::{Format, Tensor};
use crate::profile::{self, Profile, Ring};
use crate::vector::Tensors;

/// log₂ of a bound that judges nothing: beyond every other.
const NO_BOUND: f64 = 4096.0;

/// Judges an answer to a case.
///
/// # Errors
/// [`Misfit`] if an output is missing, surplus, or of the wrong shape or dtype.
pub fn judge(
    case: &Case,
    question: &Question,
    expected: &Tensors,
    output: &[(String, Tensor)],
    tolerances: &Tolerances,
) -> Result<Judged, Misfit> {
    fits(expected, output)?;
    // Integers are compared exactly, whatever the profile.
    let slots = if question.dtype.format().is_some() { tolerances.profiles.len() } else { 1 };
    let mut judged = Judged {
        tallies: vec![Tally::default(); slots.max(1)],
        histogram: vec![0; HISTOGRAM.len() + 1],
        ..Judged::default()
    };
    for (name, want) in &expected.0 {
        let Some((_, got)) = output.iter().find(|(other, _)| other == name) else { continue };
        let residual = case.truth.residual.as_ref().and_then(|r| r.get(name));
        let rules = accepts(question, &case.ask.input, name, want, residual);
        let bounds = tolerances.of(name);
        let scaled = rules
            .contains(&Accepts::ScaledOrNonfinite)
            .then(|| Scaled::new(question, name, &tolerances.profiles))
            .flatten();
        let mut marks = vec![vec![Mark::Open; want.data().len()]; slots];
        let one = One { name, want, got, residual, rules: &rules, bounds: &bounds, scaled };
        for index in 0..want.data().len() {
            match want.dtype().format() {
                Some(format) => one.float(&mut judged, &mut marks, format, index),
                None => one.integer(&mut judged, &mut marks, index),
            }
        }
        for (slot, rings) in tolerances.rings.iter().enumerate() {
            let own = rings.iter().filter(|ring| ring.name == name);
            own.for_each(|ring| one.norm(&mut judged.tallies[slot], &mut marks[slot], ring));
        }
        judged.outputs.push(Marked { name: name.clone(), rules, marks });
    }
    Ok(judged)
}

/// Whether outputs have the names, shapes and dtypes of the right ones.
///
/// # Errors
/// [`Misfit`]: the first that has not, or that is missing or surplus.
pub fn fits(expected: &Tensors, output: &[(String, Tensor)]) -> Result<(), Misfit> {
    for (name, want) in &expected.0 {
        let Some((_, got)) = output.iter().find(|(other, _)| other == name) else {
            return Err(Misfit::Missing(name.clone()));
        };
        if got.shape() != want.shape() {
            let (got, want) = (got.shape().to_vec(), want.shape().to_vec());
            return Err(Misfit::Shape { name: name.clone(), got, want });
        }
        if got.dtype() != want.dtype() {
            let (got, want) = (got.dtype(), want.dtype());
            return Err(Misfit::Dtype { name: name.clone(), got, want });
        }
    }
    match output.iter().find(|(name, _)| expected.get(name).is_none()) {
        Some((name, _)) => Err(Misfit::Surplus(name.clone())),
        None => Ok(()),
    }
}

/// Values and bounds of coordinates whose partner is no number.
struct Scaled {
    value: Tensor,
    bounds: Vec<Tensor>,
}

impl Scaled {
    fn new(question: &Question, name: &str, profiles: &[Profile]) -> Option<Scaled> {
        let finite = without_nonfinite(question);
        let named =
            |list: Vec<profile::Named>| list.into_iter().find(|n| n.name == name).map(|n| n.tensor);
        let value = named(profile::emulate(&profile::NUMPY_F64, &finite))?;
        let bounds = profile::bounds(&finite, profiles);
        Some(Scaled { value, bounds: bounds.into_iter().filter_map(|(_, l)| named(l)).collect() })
    }

    /// Whether a value is the scaled one up to what a right kernel may be off, and an ulp for the
    /// rounding of what it is compared with.
    fn holds(&self, format: Format, index: usize, got: u64) -> bool {
        let want = self.value.data()[index];
        let ulp = format.ulp_exponent(want).map_or(0.0, |unit| libm::ldexp(1.0, unit));
        let element = Element::value(format, got, want);
        let within = |bound: &Tensor| {
            let bound = bound_at(bound, index) + ulp;
            matches!(element.ruling(bound), Ruling::Right(_))
        };
        self.bounds.iter().any(within)
    }
}

/// One output.
struct One<'a> {
    name: &'a str,
    want: &'a Tensor,
    got: &'a Tensor,
    residual: Option<&'a Tensor>,
    rules: &'a [Accepts],
    bounds: &'a [Option<&'a Tensor>],
    scaled: Option<Scaled>,
}

impl One<'_> {
    fn wrong(&self, index: usize, ulps: f64, allowed: f64, rule: Option<&'static str>) -> Wrong {
        Wrong {
            name: self.name.to_string(),
            index: index_of(index, self.want.shape()),
            dtype: self.want.dtype(),
            got: self.got.data()[index],
            want: self.want.data()[index],
            ulps,
            allowed,
            rule,
        }
    }

    fn integer(&self, judged: &mut Judged, marks: &mut [Vec<Mark>], index: usize) {
        let open = self.rules[index] == Accepts::Anything;
        let right = self.got.data()[index] == self.want.data()[index];
        for (tally, marks) in judged.tallies.iter_mut().zip(marks) {
            if open {
                tally.unjudged += 1;
                continue;
            }
            tally.judged += 1;
            marks[index] = if right { Mark::Right } else { Mark::Wrong };
            if !right {
                tally.wrong += 1;
                let rule = Some("integers are compared exactly");
                tally.worst.get_or_insert_with(|| self.wrong(index, f64::NAN, f64::NAN, rule));
            }
        }
    }

    fn float(&self, judged: &mut Judged, marks: &mut [Vec<Mark>], format: Format, index: usize) {
        let (got, want) = (self.got.data()[index], self.want.data()[index]);
        let accepts = self.rules[index];
        let element = Element {
            accepts,
            format,
            got,
            want,
            residual: self.residual.map_or(0.0, |r| Format::F16.to_f64(r.data()[index])),
            scaled: accepts == Accepts::ScaledOrNonfinite
                && self.scaled.as_ref().is_some_and(|s| s.holds(format, index, got)),
        };
        if accepts == Accepts::Copy && format.is_nan(want) && format.is_nan(got) && got != want {
            let note = "the payload of a copied NaN changed".to_string();
            if !judged.notes.contains(&note) {
                judged.notes.push(note);
            }
        }
        let off = ulps(format, got, want, element.residual);
        if !matches!(element.by_rule(), Some(Err(_))) {
            self.count(judged, index, off, element.residual);
        }
        for (slot, bound) in self.bounds.iter().enumerate() {
            let Some(bound) = bound.map(|bound| bound_at(bound, index)) else {
                continue;
            };
            let tally = &mut judged.tallies[slot];
            // Below a quarter of an ulp no bound is tighter than another.
            let looseness = || in_ulps(format, bound, want).max(0.25).log2();
            match element.ruling(bound) {
                Ruling::Open => {
                    tally.unjudged += 1;
                    tally.looseness += NO_BOUND;
                }
                Ruling::Right(share) => {
                    marks[slot][index] = Mark::Right;
                    tally.judged += 1;
                    tally.looseness += looseness();
                    if accepts != Accepts::Copy {
                        tally.closest = tally.closest.max(share);
                    }
                }
                Ruling::Wrong(rule) => {
                    marks[slot][index] = Mark::Wrong;
                    tally.judged += 1;
                    tally.looseness += looseness();
                    tally.wrong += 1;
                    let allowed =
                        if rule.is_some() { f64::NAN } else { in_ulps(format, bound, want) };
                    // The worst by size of the error; what has none comes before everything.
                    let size = |ulps: f64| if ulps.is_nan() { f64::INFINITY } else { ulps };
                    if tally.worst.as_ref().is_none_or(|known| size(off) > size(known.ulps)) {
                        tally.worst = Some(self.wrong(index, off, allowed, rule));
                    }
                }
            }
        }
    }

    /// Blames the elements of a pair whose norm is off: those whose own errors are large enough to
    /// be the reason, of which there is one at least.
    fn norm(&self, tally: &mut Tally, marks: &mut [Mark], ring: &Ring) {
        let Some(format) = self.want.dtype().format() else { return };
        let places = [ring.re, ring.im];
        let plain =
            |i: &usize| self.rules[*i] == Accepts::Value && format.is_finite(self.got.data()[*i]);
        let [re, im] = places.map(|i| format.to_f64(self.got.data()[i]));
        if !places.iter().all(plain) || ring.holds(re, im) {
            return;
        }
        for index in places {
            let (got, want) = (self.got.data()[index], self.want.data()[index]);
            let residual = self.residual.map_or(0.0, |r| Format::F16.to_f64(r.data()[index]));
            let off = ulps(format, got, want, residual);
            let allowed = in_ulps(format, ring.bound, want);
            // √½ of it and a little less, for the rounding of the residual.
            if off <= 0.7 * allowed || marks[index] == Mark::Wrong {
                continue;
            }
            if marks[index] == Mark::Open {
                (tally.judged, tally.unjudged) = (tally.judged + 1, tally.unjudged - 1);
            }
            marks[index] = Mark::Wrong;
            tally.wrong += 1;
            let rule =
                Some("a rotation keeps the norm of every pair, however far off its angle is");
            if tally.worst.as_ref().is_none_or(|known| off > known.ulps) {
                tally.worst = Some(self.wrong(index, off, f64::NAN, rule));
            }
        }
    }

    fn count(&self, judged: &mut Judged, index: usize, off: f64, residual: f64) {
        if off.is_nan() || residual.is_nan() {
            return;
        }
        if let Some(format) = self.want.dtype().format() {
            judged.signs.count(format, self.got.data()[index], self.want.data()[index], residual);
        }
        let class = HISTOGRAM.iter().position(|&end| off <= end).unwrap_or(HISTOGRAM.len());
        judged.histogram[class] += 1;
        if judged.worst_ulp.as_ref().is_none_or(|known| off > known.ulps) {
            judged.worst_ulp = Some(self.wrong(index, off, f64::NAN, None));
        }
    }
}
