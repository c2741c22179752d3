//! P5 and P6: the soft cap, and the scale.

use super::super::Fault;
use super::super::change::{Change, View};
use super::super::edit;
use super::ask::{attention, scale, summed, viewed};
use crate::encoding::{Attention, Body, Question};
use crate::request::Output;

/// Another scale. None where it is the same, or that of the scores is not 1/√D by default.
fn by_default(question: &mut Question, of: impl Fn(&Attention) -> f64) -> Option<()> {
    let a = attention(question)?;
    a.scale.is_none().then_some(())?;
    let new = of(a);
    (new != scale(a)).then_some(())?;
    a.scale = Some(new);
    Some(())
}

/// 1/√D of a width that is filled up.
pub(super) fn padded(question: &mut Question, width: fn(usize) -> usize) -> Option<()> {
    by_default(question, |a| 1.0 / (width(a.q.dim()) as f64).sqrt())
}

/// The soft cap over the sum of score and bias.
fn after_bias(view: &View, output: &mut Output) -> Option<()> {
    let a = viewed(view)?;
    let cap = a.softcap?;
    (a.alibi.is_some() || a.t5.is_some()).then_some(())?;
    let plain = Question {
        body: Body::Attention(Box::new(Attention { softcap: None, ..a.clone() })),
        ..view.question.clone()
    };
    let plain = View { question: &plain, ..*view };
    summed(&plain, output, |row| {
        let scores: Vec<f64> = row.scores.iter().map(|s| cap * libm::tanh(s / cap)).collect();
        let most = scores.iter().copied().chain(row.sink).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|s| libm::exp(s - most)).collect();
        let sink = row.sink.map_or(0.0, |sink| libm::exp(sink - most));
        let total = weights.iter().sum::<f64>() + sink;
        let values = row.values(&weights).into_iter().map(|x| x / total).collect();
        Some((values, Some(most + libm::log(total))))
    })
}

pub(super) fn faults() -> Vec<Fault> {
    let mut list = caps();
    list.extend(scales());
    list
}

fn caps() -> Vec<Fault> {
    vec![
        Fault {
            name: "p5-cap-before-the-scale",
            class: "P5",
            summary: "the soft cap is applied to ⟨q, k⟩, and the scale afterwards",
            signature: "right for small scores; large ones end at scale · cap",
            fix: "scale the scores, then cap them",
            links: &["sgl-project/sgl-kernel-xpu#491"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                let scale = scale(a);
                let cap = a.softcap?;
                (scale != 1.0).then_some(())?;
                a.softcap = Some(cap * scale);
                Some(())
            }),
        },
        Fault {
            name: "p5-cap-after-the-bias",
            class: "P5",
            summary: "the soft cap is applied to the sum of score and bias",
            signature: "right without a bias; with one, far keys stay in sight",
            fix: "cap the scores, then add the bias",
            links: &[],
            change: Change::Output(after_bias),
        },
        Fault {
            name: "p5-cap-ignored",
            class: "P5",
            summary: "the soft cap is not applied",
            signature: "right for small scores",
            fix: "s becomes cap · tanh(s / cap)",
            links: &["sgl-project/sgl-kernel-xpu#491", "ml-explore/mlx-swift-examples#99"],
            change: Change::Question(|question, _| attention(question)?.softcap.take().map(drop)),
        },
        Fault {
            name: "p5-cap-not-multiplied-back",
            class: "P5",
            summary: "scores become tanh(s / cap), without the cap before it",
            signature: "weights are nearly equal; right for a cap of 1",
            fix: "multiply the tangent by the cap",
            links: &["ReaLLMASIC/ReaLLM-Forge#397"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                let cap = a.softcap.filter(|cap| *cap != 1.0)?;
                (a.scale, a.softcap) = (Some(scale(a) / cap), Some(1.0));
                Some(())
            }),
        },
        Fault {
            name: "p5-cap-instead-of-the-bias",
            class: "P5",
            summary: "where there is a soft cap, no bias is added: one way through the kernel has the cap, another the bias",
            signature: "right with either alone",
            fix: "cap the scores, then add the bias",
            links: &["ROCm/rocm-libraries#12229"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                a.softcap?;
                let (alibi, t5) = (a.alibi.take(), a.t5.take());
                (alibi.is_some() || t5.is_some()).then_some(())
            }),
        },
    ]
}

fn scales() -> Vec<Fault> {
    vec![
        Fault {
            name: "p6-scale-one-over-d",
            class: "P6",
            summary: "scores are divided by D instead of its root",
            signature: "attention too flat, by √D in every score",
            fix: "the scale is 1/√D",
            links: &[],
            change: Change::Question(|question, _| {
                by_default(question, |a| 1.0 / a.q.dim() as f64)
            }),
        },
        Fault {
            name: "p6-scale-of-the-padded-width",
            class: "P6",
            summary: "the scale is that of the width filled up to a power of two",
            signature: "right for powers of two; others too flat",
            fix: "scale by the width before it was filled up",
            links: &["intel/ipex-llm#12619", "vllm-project/vllm-ascend#1958"],
            change: Change::Question(|question, _| padded(question, usize::next_power_of_two)),
        },
        Fault {
            name: "p6-scale-of-the-values-width",
            class: "P6",
            summary: "the scale is that of the width of values",
            signature: "right where keys and values are equally wide",
            fix: "the scale is that of the width of queries and keys, all of it",
            links: &["juho-lee/set_transformer#18"],
            change: Change::Question(|question, _| {
                by_default(question, |a| 1.0 / (a.v.dim().max(1) as f64).sqrt())
            }),
        },
        Fault {
            name: "p6-scale-twice",
            class: "P6",
            summary: "scores are scaled twice: queries before the kernel, and scores in it",
            signature: "attention too flat; right for a scale of 1",
            fix: "scale once",
            links: &["iree-org/iree#16679"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                let scale = scale(a);
                (scale != 1.0).then_some(())?;
                a.scale = Some(scale * scale);
                Some(())
            }),
        },
        Fault {
            name: "p6-scale-forgotten",
            class: "P6",
            summary: "scores are not scaled",
            signature: "attention too sharp, by √D in every score",
            fix: "multiply scores by 1/√D",
            links: &[],
            change: Change::Question(|question, _| by_default(question, |_| 1.0)),
        },
        Fault {
            name: "p6-given-scale-ignored",
            class: "P6",
            summary: "the scale is 1/√D whatever was asked for",
            signature: "right for models that say no scale",
            fix: "read the scale; T5's is 1",
            links: &["bo-ke/llm-internal-medicine#47", "ml-explore/mlx-swift-examples#99"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                let given = a.scale.take()?;
                (given != scale(a)).then_some(())
            }),
        },
        Fault {
            name: "p6-softmax-factor-forgotten",
            class: "P6",
            summary: "a rope's softmax factor does not reach the scores",
            signature: "short contexts too flat: scores lack mscale²",
            fix: "multiply the scale by the factor",
            links: &[],
            change: Change::Question(|question, _| {
                attention(question)?;
                edit::rope(question, |rope| {
                    rope.softmax_factor = crate::encoding::Expression::integer(1);
                })
            }),
        },
        Fault {
            name: "p6-attention-factor-once",
            class: "P6",
            summary: "attention_factor is in the scores once: queries have it, keys do not",
            signature: "scores are too small by one factor",
            fix: "the factor is part of the rotation, of queries and of keys",
            links: &[],
            change: Change::Question(|question, _| {
                attention(question)?;
                // Its root on both sides is the factor on one.
                edit::rope(question, |rope| {
                    if rope.magnitude != crate::encoding::Expression::integer(1) {
                        rope.magnitude = rope.magnitude.sqrt();
                    }
                })
            }),
        },
    ]
}
