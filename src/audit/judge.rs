//! One answer against the right one, element by element.

use super::case::Case;
use super::element::{Accepts, accepts};
use super::tolerance::{Tolerances, without_nonfinite};
use crate::encoding::Question;
use crate::number::{Decoded, Dtype, Format, Tensor};
use crate::profile::{self, Profile};
use crate::vector::Tensors;

/// An output that is not even of the right form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// An output that is not there.
    #[error("output {0} is missing")]
    Missing(String),
    /// An output that nobody asked for.
    #[error("output {0} is none of this operation")]
    Surplus(String),
    /// Another dtype than was asked for.
    #[error("output {name} has dtype {got}, {want} was asked for")]
    Dtype {
        /// Which output.
        name: String,
        /// What came.
        got: Dtype,
        /// What was asked for.
        want: Dtype,
    },
    /// Another shape.
    #[error("output {name} has shape {got:?}, {want:?} is right")]
    Shape {
        /// Which output.
        name: String,
        /// What came.
        got: Vec<usize>,
        /// What is right.
        want: Vec<usize>,
    },
}

/// One element that is not right.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// Name of the output.
    pub name: String,
    /// Place in it, outermost first.
    pub index: Vec<usize>,
    /// What came, as bits.
    pub got: u64,
    /// What is right, correctly rounded, as bits.
    pub want: u64,
    /// |got − exact| in ulp of the right answer; NaN where there is none.
    pub ulps: f64,
    /// What is allowed, in the same unit; NaN where a rule of special values decides.
    pub allowed: f64,
    /// The rule, if it is none of size.
    pub rule: Option<&'static str>,
}

/// What came of judging an answer by one profile.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Tally {
    /// Elements that were judged.
    pub judged: usize,
    /// Elements that no bound of this profile judges.
    pub unjudged: usize,
    /// Elements that are wrong.
    pub wrong: usize,
    /// The largest error of those not wrong, relative to its bound (0 to 1); copies, whose one
    /// rounding is known exactly, left out.
    pub closest: f64,
    /// Sum of log₂ of the bounds in ulp: the smaller, the tighter the profile.
    pub looseness: f64,
    /// The worst of those that are wrong, by size of the error in ulp.
    pub worst: Option<Wrong>,
}

/// What came of judging an answer.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Judged {
    /// By profile, in the order they were given; one without a name for integers.
    pub tallies: Vec<Tally>,
    /// Largest error in ulp of the right answer, over all elements with a value, and its place.
    pub worst_ulp: Option<Wrong>,
    /// How many elements are off by 0 to ½, ½ to 1, 1 to 2, 2 to 4 … ulp; the last one counts all
    /// beyond 2²⁰.
    pub histogram: Vec<usize>,
    /// What is worth saying though nothing is wrong.
    pub notes: Vec<String>,
}

/// log₂ of a bound that judges nothing: beyond every other.
const NO_BOUND: f64 = 4096.0;

/// Upper ends of the classes of [`Judged::histogram`], in ulp, without the last, open one.
pub const HISTOGRAM: [f64; 12] =
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 65536.0, 1048576.0];

/// Judges an answer to a case.
///
/// # Errors
/// [`Misfit`] if an output is missing, surplus, or of the wrong shape or dtype.
pub fn judge(
    case: &Case,
    question: &Question,
    expected: &Tensors,
    output: &[(String, Tensor)],
    profiles: &[Profile],
) -> Result<Judged, Misfit> {
    judge_each(case, question, expected, output, profiles, &mut |_, _| {})
}

/// As [`judge`], and calls `wrong` with every element that is not right by the first profile: the
/// name of its output and its place in it.
pub(super) fn judge_each(
    case: &Case,
    question: &Question,
    expected: &Tensors,
    output: &[(String, Tensor)],
    profiles: &[Profile],
    wrong: &mut dyn FnMut(&str, usize),
) -> Result<Judged, Misfit> {
    let mut judged = Judged {
        tallies: vec![Tally::default(); profiles.len().max(1)],
        histogram: vec![0; HISTOGRAM.len() + 1],
        ..Judged::default()
    };
    if question.dtype.format().is_none() {
        judged.tallies.truncate(1);
    }
    outputs(case, question, expected, output, profiles, &mut |one| {
        for index in 0..one.want.data().len() {
            let before = judged.tallies[0].wrong;
            one.judge(&mut judged, index);
            if judged.tallies[0].wrong > before {
                wrong(one.name, index);
            }
        }
    })?;
    Ok(judged)
}

/// What is said of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A rule of special values decides, or no bound judges it.
    Open,
    /// Right.
    Right,
    /// Not right.
    Wrong,
}

/// The marks of every element of every output by one profile. Where a NaN or an infinity stands in
/// the plane all is open: what a fault makes of it says little.
pub(super) fn marks(
    case: &Case,
    question: &Question,
    expected: &Tensors,
    output: &[(String, Tensor)],
    profile: &Profile,
) -> Result<Vec<(String, Vec<Mark>)>, Misfit> {
    let mut list = Vec::new();
    let profiles = std::slice::from_ref(profile);
    outputs(case, question, expected, output, profiles, &mut |one| {
        let marks = (0..one.want.data().len()).map(|index| one.mark(index)).collect();
        list.push((one.name.to_string(), marks));
    })?;
    Ok(list)
}

fn outputs(
    case: &Case,
    question: &Question,
    expected: &Tensors,
    output: &[(String, Tensor)],
    profiles: &[Profile],
    each: &mut dyn FnMut(&One),
) -> Result<(), Misfit> {
    fits(expected, output)?;
    let floats = question.dtype.format().is_some();
    let tolerances = match floats {
        true => Tolerances::new(question, profiles),
        false => Tolerances { by_profile: vec![] },
    };
    for (name, want) in &expected.0 {
        let Some((_, got)) = output.iter().find(|(other, _)| other == name) else { continue };
        let residual = case.truth.residual.as_ref().and_then(|r| r.get(name));
        let rules = accepts(question, &case.ask.input, name, want, residual);
        let bounds: Vec<Option<&Tensor>> = tolerances
            .by_profile
            .iter()
            .map(|(_, named)| named.iter().find(|(n, _)| n == name).map(|(_, t)| t))
            .collect();
        let scaled = rules
            .contains(&Accepts::ScaledOrNonfinite)
            .then(|| Scaled::new(question, name, profiles))
            .flatten();
        each(&One { name, want, got, residual, rules: &rules, bounds: &bounds, scaled });
    }
    Ok(())
}

fn fits(expected: &Tensors, output: &[(String, Tensor)]) -> Result<(), Misfit> {
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
        let value = named(profile::emulate(profile::find("numpy-f64")?, &finite))?;
        let bounds = profile::bounds(&finite, profiles);
        Some(Scaled { value, bounds: bounds.into_iter().filter_map(|(_, l)| named(l)).collect() })
    }

    /// Whether a value is the scaled one up to what a right kernel may be off.
    fn holds(&self, format: Format, index: usize, got: u64) -> bool {
        let want = self.value.data()[index];
        let off = ulps(format, got, want, 0.0);
        self.bounds.iter().any(|bound| {
            let bound = in_ulps(format, bound.data()[index], want);
            bound.is_finite() && off <= bound + 1.0
        })
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
    fn judge(&self, judged: &mut Judged, index: usize) {
        match self.want.dtype().format() {
            Some(format) => self.float(judged, format, index),
            None => self.integer(judged, index),
        }
    }

    fn wrong(&self, index: usize, ulps: f64, allowed: f64, rule: Option<&'static str>) -> Wrong {
        Wrong {
            name: self.name.to_string(),
            index: place(index, self.want.shape()),
            got: self.got.data()[index],
            want: self.want.data()[index],
            ulps,
            allowed,
            rule,
        }
    }

    fn integer(&self, judged: &mut Judged, index: usize) {
        let tally = &mut judged.tallies;
        if self.rules[index] == Accepts::Anything {
            tally.iter_mut().for_each(|tally| tally.unjudged += 1);
            return;
        }
        let right = self.got.data()[index] == self.want.data()[index];
        for tally in tally {
            tally.judged += 1;
            if !right {
                tally.wrong += 1;
                let rule = Some("integers are compared exactly");
                tally.worst.get_or_insert_with(|| self.wrong(index, f64::NAN, f64::NAN, rule));
            }
        }
    }

    fn float(&self, judged: &mut Judged, format: Format, index: usize) {
        let (got, want) = (self.got.data()[index], self.want.data()[index]);
        let residual = self.residual.map_or(0.0, |r| Format::F16.to_f64(r.data()[index]));
        let by_rule = self.by_rule(judged, format, index);
        let off = ulps(format, got, want, residual);
        if by_rule == Some(Ok(())) || by_rule.is_none() {
            self.count(judged, index, off, residual);
        }
        for (slot, bound) in self.bounds.iter().enumerate() {
            let Some(bound) = bound.map(|bound| bound.data()[index]) else { continue };
            let tally = &mut judged.tallies[slot];
            let Some((ratio, rule)) = self.ratio(by_rule, format, index, bound) else {
                tally.unjudged += 1;
                tally.looseness += NO_BOUND;
                continue;
            };
            tally.judged += 1;
            // Below a quarter of an ulp no bound is tighter than another.
            tally.looseness += in_ulps(format, bound, want).max(0.25).log2();
            if ratio <= 1.0 {
                if self.rules[index] != Accepts::Copy {
                    tally.closest = tally.closest.max(ratio);
                }
                continue;
            }
            tally.wrong += 1;
            let allowed = if rule.is_some() { f64::NAN } else { in_ulps(format, bound, want) };
            // The worst by size of the error; what has none comes before everything.
            let size = |ulps: f64| if ulps.is_nan() { f64::INFINITY } else { ulps };
            if tally.worst.as_ref().is_none_or(|known| size(off) > size(known.ulps)) {
                tally.worst = Some(self.wrong(index, off, allowed, rule));
            }
        }
    }

    /// The error relative to what is allowed, and the rule where one decides. None if the bound
    /// judges nothing.
    fn ratio(
        &self,
        by_rule: Option<Result<(), &'static str>>,
        format: Format,
        index: usize,
        bound: u64,
    ) -> Option<(f64, Option<&'static str>)> {
        let (got, want) = (self.got.data()[index], self.want.data()[index]);
        let residual = self.residual.map_or(0.0, |r| Format::F16.to_f64(r.data()[index]));
        match by_rule {
            Some(Ok(())) => Some((0.0, None)),
            Some(Err(rule)) => Some((f64::INFINITY, Some(rule))),
            // Also where a NaN came: an infinity on the way may have made it.
            None if bound == format.infinity() => None,
            None if format.is_zero(bound) => {
                let same = got == want || format.is_zero(got) && format.is_zero(want);
                Some((if same { 0.0 } else { f64::INFINITY }, None))
            }
            None if format.is_nan(got) => Some((f64::INFINITY, Some("it is a number"))),
            None => Some((relative(format, got, want, residual, bound), None)),
        }
    }

    /// What the first bound says of an element.
    fn mark(&self, index: usize) -> Mark {
        let right = |right: bool| if right { Mark::Right } else { Mark::Wrong };
        let Some(format) = self.want.dtype().format() else {
            return match self.rules[index] {
                Accepts::Anything => Mark::Open,
                _ => right(self.got.data()[index] == self.want.data()[index]),
            };
        };
        if !matches!(self.rules[index], Accepts::Copy | Accepts::Value) {
            return Mark::Open;
        }
        let by_rule = self.by_rule(&mut Judged::default(), format, index);
        let bound = self.bounds.first().copied().flatten();
        let ratio = bound.and_then(|b| self.ratio(by_rule, format, index, b.data()[index]));
        ratio.map_or(Mark::Open, |(ratio, _)| right(ratio <= 1.0))
    }

    /// The rules that decide without any bound.
    fn by_rule(
        &self,
        judged: &mut Judged,
        format: Format,
        index: usize,
    ) -> Option<Result<(), &'static str>> {
        let (got, want) = (self.got.data()[index], self.want.data()[index]);
        match self.rules[index] {
            Accepts::Anything => Some(Ok(())),
            Accepts::Copy if format.is_nan(want) => {
                if format.is_nan(got) && got != want {
                    let note = "the payload of a copied NaN changed".to_string();
                    if !judged.notes.contains(&note) {
                        judged.notes.push(note);
                    }
                }
                Some(format.is_nan(got).then_some(()).ok_or("a copied NaN is a NaN"))
            }
            Accepts::Copy if format.is_zero(want) || !format.is_finite(want) => {
                let rule = "it is copied, the sign of a zero or an infinity included";
                // A number of another format that overflows or underflows on its one rounding.
                Some((got == want).then_some(()).ok_or(rule))
            }
            Accepts::Copy | Accepts::Value => None,
            Accepts::CopyOrNonfinite => {
                let same = got == want || format.is_zero(got) && format.is_zero(want);
                let right = same || !format.is_finite(got);
                Some(right.then_some(()).ok_or("it is the copy, or nonfinite as its plane is"))
            }
            Accepts::Nonfinite => {
                let rule = "its plane holds a NaN or an infinity: any nonfinite value is right";
                Some((!format.is_finite(got)).then_some(()).ok_or(rule))
            }
            Accepts::ScaledOrNonfinite => {
                let scaled = || self.scaled.as_ref().is_some_and(|s| s.holds(format, index, got));
                let right = !format.is_finite(got) || scaled();
                Some(right.then_some(()).ok_or("it is its scaled input, or nonfinite"))
            }
        }
    }

    fn count(&self, judged: &mut Judged, index: usize, off: f64, residual: f64) {
        if off.is_nan() || residual.is_nan() {
            return;
        }
        let class = HISTOGRAM.iter().position(|&end| off <= end).unwrap_or(HISTOGRAM.len());
        judged.histogram[class] += 1;
        if judged.worst_ulp.as_ref().is_none_or(|known| off > known.ulps) {
            judged.worst_ulp = Some(self.wrong(index, off, f64::NAN, None));
        }
    }
}

/// Indices of a flat place, outermost first.
pub(super) fn place(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, &size) in index.iter_mut().zip(shape).rev() {
        *slot = flat % size.max(1);
        flat /= size.max(1);
    }
    index
}

/// |got − exact| in ulp of `want`, where exact is `residual` ulp away from `want`. ±∞ counts as
/// ±2^(e_max+1), and a right infinity is right however far the exact value lies beyond it. NaN
/// where one of them is no number.
///
/// ```
/// use ropewalk::{audit::ulps, number::Format};
/// let one = 0x3f800000;
/// assert_eq!(ulps(Format::F32, one, one, 0.25), 0.25);
/// assert_eq!(ulps(Format::F32, one + 1, one, 0.25), 0.75);
/// ```
#[inline]
pub fn ulps(format: Format, got: u64, want: u64, residual: f64) -> f64 {
    match format.ulp_exponent(want) {
        Some(_) if got == want => residual.abs().min(0.5),
        Some(unit) => (scaled(format, got, unit) - scaled(format, want, unit) - residual).abs(),
        None => f64::NAN,
    }
}

/// A bound in ulp of `want`.
fn in_ulps(format: Format, bound: u64, want: u64) -> f64 {
    match format.ulp_exponent(want) {
        Some(_) if bound == format.infinity() => f64::INFINITY,
        Some(unit) => scaled(format, bound, unit),
        None => f64::NAN,
    }
}

/// |got − exact| / bound, in units that keep both in range: beyond them the quotient is 0 or ∞ on
/// the right side of 1. The residual is an f16, so the error is known to 2⁻¹² of itself only where
/// it matters least; that much is forgiven.
fn relative(format: Format, got: u64, want: u64, residual: f64, bound: u64) -> f64 {
    if got == want && residual.is_infinite() {
        return 0.0;
    }
    let (Some(unit), Some(of)) = (format.ulp_exponent(bound), format.ulp_exponent(want)) else {
        return f64::INFINITY;
    };
    // An f16 residual that is infinite stands for all from 65520 on.
    let residual = scale(residual.clamp(-65520.0, 65520.0), of - unit);
    let off = scaled(format, got, unit) - scaled(format, want, unit);
    let error = ((off - residual).abs() - residual.abs() * 2f64.powi(-11)).max(0.0);
    let ratio = error / scaled(format, bound, unit);
    if ratio.is_nan() { f64::INFINITY } else { ratio }
}

/// A number divided by 2^unit; an infinity as ±2^(e_max+1).
#[inline]
fn scaled(format: Format, bits: u64, unit: i32) -> f64 {
    match format.decode(bits) {
        Decoded::Nan => f64::NAN,
        Decoded::Infinite { negative } => {
            let size = scale(1.0, format.e_max() + 1 - unit);
            if negative { -size } else { size }
        }
        Decoded::Finite { negative, significand, exponent } => {
            let size = scale(significand as f64, exponent - unit);
            if negative { -size } else { size }
        }
    }
}

/// x · 2^n without overflow on the way, rounded once.
pub(super) fn scale(x: f64, n: i32) -> f64 {
    match n {
        -1022..=1023 => x * f64::from_bits(((n + 1023) as u64) << 52),
        _ => libm::ldexp(x, n),
    }
}
