//! Which faults the golden vectors kill, cell by cell.

use ropewalk::encoding::Question;
use ropewalk::fault::{self, Answer, Asked, Fault, History};
use ropewalk::number::{Format, Tensor};
use ropewalk::profile::{self, Profile};
use ropewalk::request::{Json, Object, Output};
use ropewalk::vector::{Expected, Golden, Test, note};
use std::collections::BTreeMap;

/// Where a fault may show: kernels have separate code for each of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub fault: &'static str,
    /// The operation, and for rotations the rule: `rotate yarn`.
    pub scheme: String,
    /// `half`, `interleaved`, or nothing.
    pub layout: String,
    pub dtype: &'static str,
}

/// What became of a fault in a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fate {
    /// The first test that kills it for the stated reason.
    pub killed: Option<String>,
    /// The first test that kills it while none of its flags names the class.
    pub unnamed: Option<String>,
    /// Whether a machine in f64 answers otherwise than a right one, beyond its own error.
    pub differs: bool,
    /// The largest |wrong − exact| over twice the loosest judging bound.
    pub ratio: f64,
    /// Which comparisons of that test tell.
    pub by: Branches,
}

/// The comparisons that told a wrong answer from a right one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Branches {
    /// A refusal where there is an answer, or the reverse.
    pub refusal: bool,
    /// Another name, dtype or shape.
    pub form: bool,
    /// An integer differs.
    pub integer: bool,
    /// An element that must be exact differs: its bound is 0.
    pub copy: bool,
    /// A NaN where a number can be judged.
    pub nan: bool,
    /// An error beyond twice its bound.
    pub error: bool,
}

impl Fate {
    pub fn merge(&mut self, other: Fate) {
        self.killed = self.killed.take().or(other.killed);
        self.unnamed = self.unnamed.take().or(other.unnamed);
        if self.by == Branches::default() {
            self.by = other.by;
        }
        self.differs |= other.differs;
        self.ratio = self.ratio.max(other.ratio);
    }
}

pub type Matrix = BTreeMap<Cell, Fate>;

fn word<'a>(config: &'a Object, key: &str) -> &'a str {
    match config.get(key) {
        Some(Json::String(word)) => word,
        _ => "",
    }
}

/// The operation and, of a rotary config, its rule.
pub fn scheme(golden: &Golden, config: &Object) -> String {
    let operation = golden.operation.name();
    let rotary = ["rotate", "score", "inv_freq", "table"].contains(&operation);
    let rule = match word(config, "rope_type") {
        _ if !rotary => return operation.to_string(),
        "" => "default",
        rule => rule,
    };
    let rule = match config.get("mrope_section") {
        None => rule.to_string(),
        Some(_) => match rule {
            "default" => "mrope".to_string(),
            rule => format!("mrope-{rule}"),
        },
    };
    format!("{operation} {rule}")
}

/// The machine whose answers stand for those of a mutant: exact up to f64.
fn machine() -> &'static Profile {
    profile::find("numpy-f64").unwrap()
}

/// A number of a format; ±∞ counts as ±2^(e_max + 1).
fn number(format: Format, bits: u64) -> f64 {
    match format.to_f64(bits) {
        x if x.is_infinite() && format != Format::F64 => 2f64.powi(format.e_max() + 1).copysign(x),
        x if x.is_infinite() => f64::MAX.copysign(x),
        x => x,
    }
}

/// A residual against the exact value cut at the largest number, as bounds of eight bits are.
pub fn cut(format: Format, want: u64, residual: u64) -> f64 {
    let residual = Format::F16.to_f64(residual);
    let outward = residual > 0.0 && want & format.sign_bit() == 0
        || residual < 0.0 && want & format.sign_bit() != 0;
    let largest = want & !format.sign_bit() == format.largest();
    match format.overflow() == ropewalk::number::Overflow::Saturate && largest && outward {
        true => 0.0,
        false => residual,
    }
}

/// The loosest bound of the right profiles at every element; none where one of them does not judge:
/// a kernel of that profile may answer anything there.
fn limits(test: &Test, name: &str, count: usize) -> Vec<Option<f64>> {
    let mut limits = vec![0.0f64; count];
    let tensors: Vec<&Tensor> = test.bounds.values().filter_map(|list| list.get(name)).collect();
    for tensor in &tensors {
        let Some(format) = tensor.dtype().format() else { continue };
        for (limit, &bits) in limits.iter_mut().zip(tensor.data()) {
            *limit = limit.max(format.to_f64(bits));
        }
    }
    let judging = |limit: f64| (limit.is_finite() && !tensors.is_empty()).then_some(limit);
    limits.into_iter().map(judging).collect()
}

/// The largest error over twice the limit; ∞ where a copy or an integer differs, or the form does.
pub fn excess(test: &Test, answer: &Answer, by: &mut Branches) -> f64 {
    let (Expected::Tensors(expected), Answer::Output(got)) = (&test.expected, answer) else {
        by.refusal = true;
        return f64::INFINITY;
    };
    let mut largest = 0f64;
    for (name, want) in &expected.0 {
        let got = got.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor);
        let same = |got: &&Tensor| (got.dtype(), got.shape()) == (want.dtype(), want.shape());
        let Some(got) = got.filter(same) else {
            by.form = true;
            return f64::INFINITY;
        };
        largest = largest.max(match want.dtype().format() {
            None if got == want => 0.0,
            None => {
                by.integer = true;
                f64::INFINITY
            }
            Some(format) => floats(test, name, format, got, want, by),
        });
    }
    largest
}

fn floats(
    test: &Test,
    name: &str,
    format: Format,
    got: &Tensor,
    want: &Tensor,
    by: &mut Branches,
) -> f64 {
    let limits = limits(test, name, want.data().len());
    let residuals = test.residual.as_ref().and_then(|tensors| tensors.get(name));
    let mut largest = 0f64;
    for (i, limit) in limits.iter().enumerate() {
        let (Some(limit), got, want) = (limit, got.data()[i], want.data()[i]) else { continue };
        if got == want || format.is_nan(want) {
            continue;
        }
        if format.is_nan(got) {
            by.nan = true;
            largest = f64::INFINITY;
            continue;
        }
        let residual = residuals.map_or(0.0, |tensor| cut(format, want, tensor.data()[i]));
        let ulp = format.ulp_exponent(want).map_or(0.0, |k| 2f64.powi(k));
        // Halved, so that the largest numbers do not overflow.
        let apart = number(format, got) / 2.0 - number(format, want) / 2.0;
        let error = (apart - residual * ulp / 2.0).abs();
        let ratio = match (error > 0.0, *limit == 0.0) {
            (false, _) => 0.0,
            (true, true) => f64::INFINITY,
            (true, false) => error / limit,
        };
        by.copy |= ratio.is_infinite();
        by.error |= ratio.is_finite() && ratio > 1.0;
        largest = largest.max(ratio);
    }
    largest
}

/// Whether two answers of f64 machines differ by more than such machines may.
fn differs(question: &Question, right: &Output, wrong: &Output) -> bool {
    let bounds = profile::bounds(question, std::slice::from_ref(machine()));
    let bounds: Vec<_> = bounds.into_iter().flat_map(|(_, named)| named).collect();
    if right.len() != wrong.len() {
        return true;
    }
    right.iter().zip(wrong).any(|((name, right), (_, wrong))| {
        if right == wrong {
            return false;
        }
        let Some(format) = right.dtype().format() else { return true };
        if (right.dtype(), right.shape()) != (wrong.dtype(), wrong.shape()) {
            return true;
        }
        let bound = bounds.iter().find(|named| named.name == *name);
        (0..right.data().len()).any(|i| {
            let (a, b) = (right.data()[i], wrong.data()[i]);
            let bound = bound.map_or(0.0, |named| {
                named.tensor.dtype().format().unwrap_or(format).to_f64(named.tensor.data()[i])
            });
            let apart = (number(format, a) / 2.0 - number(format, b) / 2.0).abs();
            a != b && (apart.is_nan() || apart > bound) && !(format.is_nan(a) && format.is_nan(b))
        })
    })
}

/// Tries faults on the tests of a file, in their order, as one process would be asked.
pub fn of_file(golden: &Golden, faults: &[&'static Fault], skip: &dyn Fn(&Cell) -> bool) -> Matrix {
    let mut matrix = Matrix::new();
    let mut history = History::default();
    for (group, test) in golden.tests() {
        let asked = Asked::new(&golden.request(group, test));
        // A model's own config names its rule in other words.
        let config = asked.question().map_or(&group.config, |question| question.config());
        let scheme = match asked.question() {
            Ok(_) => scheme(golden, config),
            Err(_) => "refused ".to_string() + golden.operation.name(),
        };
        let mut right = None;
        for &fault in faults {
            let cell = Cell {
                fault: fault.name,
                scheme: scheme.clone(),
                layout: word(config, "layout").to_string(),
                dtype: group.dtype.name(),
            };
            if skip(&cell) || matrix.get(&cell).is_some_and(|fate| fate.killed.is_some()) {
                continue;
            }
            let Some(mutant) = fault.mutate(&asked, &history) else { continue };
            let fate = matrix.entry(cell).or_default();
            let answer = mutant.emulate(machine());
            let mut by = Branches::default();
            let ratio = excess(test, &answer, &mut by);
            fate.ratio = fate.ratio.max(ratio);
            if ratio > 1.0 {
                fate.differs = true;
                let named = test.flags.iter().filter_map(|flag| note(flag));
                let named = named.flat_map(|note| note.faults).any(|class| *class == fault.class);
                let slot = if named { &mut fate.killed } else { &mut fate.unnamed };
                slot.get_or_insert_with(|| test.id.clone());
                if named {
                    fate.by = by;
                }
            } else if let (false, Ok(question)) = (fate.differs, asked.question()) {
                let right = right.get_or_insert_with(|| fault::right(machine(), question));
                fate.differs = match &answer {
                    Answer::Output(wrong) => differs(question, right, wrong),
                    Answer::Refused(_) => true,
                };
            }
        }
        if let Ok(question) = asked.question() {
            history.push(question);
        }
    }
    matrix
}

/// All faults on all files.
pub fn whole(files: &[&Golden], faults: &[&'static Fault]) -> Matrix {
    use rayon::prelude::*;
    let parts: Vec<Matrix> =
        files.par_iter().map(|golden| of_file(golden, faults, &|_| false)).collect();
    let mut matrix = Matrix::new();
    for (cell, fate) in parts.into_iter().flatten() {
        matrix.entry(cell).or_default().merge(fate);
    }
    matrix
}

/// Every fault.
pub fn all_faults() -> Vec<&'static Fault> {
    fault::all().iter().collect()
}
