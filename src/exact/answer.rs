//! Answers: every element's exact value, and its rounding.

mod additive;
mod attention;
mod chain;
mod difference;
mod growth;
mod model;
pub(super) mod rotary;
mod score;

pub use model::{Answer, Named, Sink, Site};

use super::round::{Rounded, UndecidedRounding, Value};
use crate::encoding::{Body, Heads, Question};
use crate::number::{Dtype, Tensor};

/// The floating-point tensors of an answer and their shapes, in the order of the contract.
pub fn shapes(question: &Question) -> Vec<(&'static str, Vec<usize>)> {
    let qk = |q: &Heads, k: &Option<Heads>| {
        let q = [("q", q.shape().to_vec())];
        q.into_iter().chain(k.as_ref().map(|k| ("k", k.shape().to_vec()))).collect()
    };
    match &question.body {
        Body::Rotate(r) => qk(&r.q, &r.k),
        Body::Apply(a) => qk(&a.q, &a.k),
        Body::Score(s) => {
            let (q, k) = (s.q.shape(), s.k.shape());
            vec![("score", vec![q[0], q[1], q[2], k[2]])]
        }
        Body::InvFreq(f) => {
            let pairs = f.rope.planes.len();
            let mut list = vec![("inv_freq", vec![pairs])];
            if rotary::grows(&f.rope) {
                list.push(("growth", vec![pairs]));
            }
            list.extend([("attention_factor", vec![]), ("softmax_factor", vec![])]);
            list
        }
        Body::Table(t) => {
            let shape = vec![t.positions.shape()[1], t.rope.planes.len()];
            vec![("cos", shape.clone()), ("sin", shape)]
        }
        Body::AlibiSlopes(a) => vec![("slopes", vec![a.num_heads])],
        Body::AlibiBias(a) => {
            vec![("bias", vec![a.alibi.num_heads, a.query_positions.len(), a.key_positions.len()])]
        }
        Body::T5Bias(t, table) => {
            vec![("bias", vec![table.shape()[1], t.query_positions.len(), t.key_positions.len()])]
        }
        Body::Sinusoidal(s) => {
            vec![("embedding", vec![s.positions.len(), s.sinusoidal.dim])]
        }
        Body::Learned(l) => vec![("embedding", vec![l.rows.len(), l.learned.dim])],
        Body::PermuteQk(p) => vec![("weight", p.weight.shape().to_vec())],
        Body::AttentionTemperature(t) => vec![("scale", vec![t.positions.len()])],
        Body::Attention(a) => {
            let rows = vec![a.q.batch(), a.q.heads(), a.q.seq()];
            let out = ("out", [&rows[..], &[a.v.dim()]].concat());
            [out].into_iter().chain(a.lse.then_some(("lse", rows))).collect()
        }
        Body::Chain(c) => c.outputs(),
        Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) | Body::PositionIds(_) => {
            vec![]
        }
    }
}

/// Visits the exact value of every floating-point element.
///
/// # Errors
/// What the sink returns, and `UndecidedRounding` where a branch of a formula stays open.
pub fn visit(question: &Question, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    // Integers are answered without rounding: there is nothing to visit.
    let Some(format) = question.dtype.format() else { return Ok(()) };
    match &question.body {
        Body::Rotate(r) => rotary::rotate(r, format, sink),
        Body::Apply(a) => rotary::apply(a, sink),
        Body::Score(s) => score::score(s, format, sink),
        Body::InvFreq(f) => rotary::inv_freq(f, sink),
        Body::Table(t) => rotary::table(t, format, sink),
        Body::AlibiSlopes(a) => additive::alibi_slopes(a, sink),
        Body::AlibiBias(a) => additive::alibi_bias(a, sink),
        Body::T5Bias(t, table) => additive::t5_bias(t, table, sink),
        Body::Sinusoidal(s) => additive::sinusoidal(s, format, sink),
        Body::Learned(l) => additive::learned(l, sink),
        Body::PermuteQk(p) => additive::permute_qk(p, sink),
        Body::AttentionTemperature(t) => additive::temperature(t, sink),
        Body::Attention(a) => attention::attention(a, format, sink),
        Body::Chain(c) => chain::chain(c, sink),
        Body::T5Bucket(_) | Body::ShawBucket(_) | Body::DebertaBucket(_) | Body::PositionIds(_) => {
            Ok(())
        }
    }
}

/// Rounds an element of an answer into the format of its tensor.
///
/// # Errors
/// `UndecidedRounding`.
pub(super) fn round(
    question: &Question,
    site: Site,
    value: &Value,
) -> Result<Rounded, UndecidedRounding> {
    let (dtype, overflow) = question.rounding(site.name);
    let Site { name, index } = site;
    let format = dtype.format().ok_or(UndecidedRounding { name, index, precision: 0 })?;
    let undecided = |precision| UndecidedRounding { name, index, precision };
    value.round_by(format, overflow).map_err(undecided)
}

/// Answers a question by visiting its elements.
pub(super) fn one_by_one(question: &Question) -> Result<Answer, UndecidedRounding> {
    if question.dtype.format().is_none() {
        let whole = |(name, expected)| Named { name, expected, residual: None };
        let tensors = question.integers().into_iter().map(whole).collect();
        return Ok(Answer { tensors, precision: 0 });
    }
    let shapes = shapes(question);
    let sizes: Vec<usize> = shapes.iter().map(|(_, shape)| shape.iter().product()).collect();
    let mut bits: Vec<Vec<u64>> = sizes.iter().map(|&n| vec![0; n]).collect();
    let mut residuals = bits.clone();
    let mut precision = 0;
    visit(question, &mut |site, value| {
        let rounded = round(question, site, value)?;
        precision = precision.max(rounded.precision);
        if let Some(slot) = shapes.iter().position(|(name, _)| *name == site.name) {
            bits[slot][site.index] = rounded.bits;
            residuals[slot][site.index] = rounded.residual;
        }
        Ok(())
    })?;
    let floats = shapes.into_iter().zip(bits.into_iter().zip(residuals)).filter_map(
        |((name, shape), (bits, residuals))| {
            let (dtype, _) = question.rounding(name);
            let expected = Tensor::new(dtype, shape.clone(), bits).ok()?;
            let residual = Tensor::new(Dtype::F16, shape, residuals).ok();
            Some(Named { name, expected, residual })
        },
    );
    let integers = question.integers().into_iter().map(|(name, expected)| Named {
        name,
        expected,
        residual: None,
    });
    Ok(Answer { tensors: floats.chain(integers).collect(), precision })
}
