//! What the compared values were: counted from questions and answers, not from intentions.

use super::case::Case;
use super::compare::agree;
use super::values::format;
use ropewalk::encoding::{Body, Double, Question, Rope};
use ropewalk::exact::Answer;
use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::request::{Json, Positions};
use std::collections::BTreeMap;

/// How many values of each class, and what went wrong.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    classes: BTreeMap<String, usize>,
    pub failures: Vec<String>,
    /// If there, cases are kept here instead of being compared.
    pub kept: Option<Vec<Case>>,
}

impl Counts {
    /// Keeps cases instead of comparing them.
    pub fn keeping() -> Counts {
        Counts { kept: Some(Vec::new()), ..Counts::default() }
    }

    pub fn add(&mut self, class: impl Into<String>, count: usize) {
        *self.classes.entry(class.into()).or_default() += count;
    }

    pub fn of(&self, class: &str) -> usize {
        self.classes.get(class).copied().unwrap_or_default()
    }

    pub fn merge(mut self, other: Counts) -> Counts {
        other.classes.into_iter().for_each(|(class, count)| self.add(class, count));
        self.failures.extend(other.failures);
        self
    }

    pub fn print(&self) {
        self.classes.iter().for_each(|(class, count)| println!("{count:>10}  {class}"));
    }

    /// Asks both oracles, and counts the values if they agree.
    pub fn compare(&mut self, case: &Case) -> Option<Answer> {
        if let Some(kept) = &mut self.kept {
            kept.push(case.clone());
            return ropewalk::exact::answer(&case.question()).ok();
        }
        match agree(case) {
            Ok((question, answer)) => {
                self.count(&question, &answer);
                Some(answer)
            }
            Err(report) => {
                self.failures.push(report);
                None
            }
        }
    }

    /// Counts the values of an answer.
    fn count(&mut self, question: &Question, answer: &Answer) {
        let name = question.operation.name();
        if let Some(Json::String(scheme)) = question.config().get("rope_type") {
            let count = answer.tensors.iter().map(|t| t.expected.data().len()).sum();
            self.add(format!("scheme {scheme}"), count);
        }
        for tensor in &answer.tensors {
            let data = tensor.expected.data();
            self.add("values", data.len());
            self.add(format!("operation {name}"), data.len());
            let Some(to) = question.dtype.format() else { continue };
            if tensor.residual.is_none() {
                continue;
            }
            self.add(format!("output {}", question.dtype), data.len());
            let below = |limit: u64| {
                let magnitude = move |bits: &u64| bits & (to.sign_bit() - 1);
                data.iter().map(magnitude).filter(|m| *m > 0 && *m < limit).count()
            };
            let normal = 1 << (to.precision - 1);
            self.add(format!("subnormal {}", question.dtype), below(normal));
            let last = to.infinity() - normal;
            let near = |bits: &&u64| {
                let magnitude = **bits & (to.sign_bit() - 1);
                magnitude >= last && magnitude <= to.infinity()
            };
            self.add(format!("near overflow {}", question.dtype), data.iter().filter(near).count());
        }
        match &question.body {
            Body::Rotate(r) => {
                for (named, input) in answer.tensors.iter().zip([Some(&r.q), r.k.as_ref()]) {
                    let Some(input) = input else { continue };
                    self.rotation(question.dtype, &r.rope, &r.positions, input, &named.expected);
                }
            }
            Body::Table(t) => {
                let tokens = t.positions.shape()[1];
                for token in 0..tokens {
                    for plane in &t.rope.planes {
                        let p = t.positions.data()[plane.axis * tokens + token];
                        let theta = plane.frequency.evaluate(&Double).unwrap_or(f64::NAN);
                        self.angle(p.numerator, theta, 2);
                    }
                }
            }
            Body::Score(s) => {
                let rows = |t: &Tensor| t.data().len() / t.shape()[3].max(1);
                let dim = s.q.shape()[3];
                if rows(&s.q) * rows(&s.k) == answer.tensors[0].expected.data().len() {
                    // One query and one key: the largest product is easy to find.
                    let (q, k) = (format(s.q.dtype()), format(s.k.dtype()));
                    let product = |i: usize| q.to_f64(s.q.data()[i]) * k.to_f64(s.k.data()[i]);
                    let most = (0..dim).map(|i| product(i).abs()).fold(0.0, f64::max);
                    let score = format(question.dtype).to_f64(answer.tensors[0].expected.data()[0]);
                    if score.abs() < most * 2f64.powi(-40) {
                        self.add("cancellation in a score", 1);
                    }
                }
            }
            _ => {}
        }
        let base = question.config().get("rope_theta").and_then(Json::number);
        if base.is_some_and(|base| base < 1.0) {
            let turning = answer.tensors.iter().filter(|t| t.residual.is_some());
            self.add("base < 1", turning.map(|t| t.expected.data().len()).sum());
        }
    }

    fn angle(&mut self, p: i64, theta: f64, values: usize) {
        if p == 0 || theta == 0.0 {
            return;
        }
        if p.unsigned_abs() > 1 << 53 {
            self.add("position beyond 2^53", values);
        }
        if (p as f64 * theta).abs() < 2f64.powi(-100) {
            self.add("tiny angle", values);
        }
    }

    /// Planes one by one.
    fn rotation(
        &mut self,
        dtype: Dtype,
        rope: &Rope,
        positions: &Positions,
        input: &Tensor,
        output: &Tensor,
    ) {
        let (from, to): (Format, Format) = (format(input.dtype()), format(dtype));
        let &[batch, heads, seq, dim] = input.shape() else { return };
        let thetas: Vec<f64> =
            rope.planes.iter().map(|x| x.frequency.evaluate(&Double).unwrap_or(f64::NAN)).collect();
        if input.dtype() != dtype {
            self.add("mixed formats", output.data().len());
        }
        for row in 0..batch * heads * seq {
            let token = row / (heads * seq) * seq + row % seq;
            for (plane, theta) in rope.planes.iter().zip(&thetas) {
                let p = positions.data()[plane.axis * batch * seq + token].numerator;
                self.angle(p, *theta, 2);
                let at = [plane.pair.re, plane.pair.im].map(|j| row * dim + j);
                let z = at.map(|index| from.to_f64(input.data()[index]).abs());
                for index in at {
                    let value = to.to_f64(output.data()[index]).abs();
                    // Underflow alone is no cancellation.
                    let floor = 2f64.powi(to.least_exponent() + 40);
                    let most = z[0].max(z[1]);
                    if value < most * 2f64.powi(-40) && most > floor {
                        self.add("cancellation below 2^-40", 1);
                    }
                }
            }
        }
    }
}
