//! P7 and P9: sinks, and which key head a query head reads.

use super::super::Fault;
use super::super::change::Change;
use super::ask::{attention, heads, scale, summed, wide};
use crate::encoding::{Attention, Question};
use crate::number::Dtype;

/// Edits the sinks, as numbers. None where they stay, or there are none.
fn sinks(question: &mut Question, edit: impl FnOnce(&Attention, &mut Vec<f64>)) -> Option<()> {
    let a = attention(question)?;
    let sinks = a.sinks.as_ref()?;
    let before: Vec<f64> = sinks.numbers().collect();
    let mut list = before.clone();
    edit(a, &mut list);
    (list != before).then_some(())?;
    let shape = a.sinks.as_ref()?.shape().to_vec();
    a.sinks = Some(wide(list, shape)?);
    Some(())
}

/// Reads other key heads for keys and for values. None where each has its own.
fn grouped(
    question: &mut Question,
    key: impl Fn(&Attention, usize) -> usize,
    value: impl Fn(&Attention, usize) -> usize,
) -> Option<()> {
    let a = attention(question)?;
    let count = a.q.heads();
    (0..count).any(|h| key(a, h) != a.key_head(h) || value(a, h) != a.key_head(h)).then_some(())?;
    let (k, v) = (heads(&a.k, count, |h| key(a, h))?, heads(&a.v, count, |h| value(a, h))?);
    (a.k, a.v) = (k, v);
    Some(())
}

fn tiled(a: &Attention, head: usize) -> usize {
    head % a.k.heads().max(1)
}

/// Above this exponentials of f32 overflow, and of f64.
pub(super) fn limit(dtype: Dtype) -> f64 {
    if dtype == Dtype::F64 { 709.78 } else { 88.72 }
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "p7-sink-ignored",
            class: "P7",
            summary: "sinks are not added to the denominator",
            signature: "weights add up to 1; right where the sink is far below the scores",
            fix: "add exp(sink − maximum) to the sum of exponentials once",
            links: &["vllm-project/vllm-metal#550", "modular/modular#6591"],
            change: Change::Question(|question, _| attention(question)?.sinks.take().map(drop)),
        },
        Fault {
            name: "p7-sink-of-the-next-head",
            class: "P7",
            summary: "every head reads the sink of the next one",
            signature: "right where all sinks are equal, and for a single head",
            fix: "index sinks by the query head",
            links: &["modular/modular#6591", "sgl-project/sgl-kernel-xpu#254"],
            change: Change::Question(|question, _| {
                sinks(question, |_, list| {
                    let first = usize::from(!list.is_empty());
                    list.rotate_left(first);
                })
            }),
        },
        Fault {
            name: "p7-sink-scaled",
            class: "P7",
            summary: "sinks are multiplied by the scale, as scores are",
            signature: "right for a scale of 1",
            fix: "a sink is a logit already: neither scale nor soft cap touches it",
            links: &["ROCm/rocm-libraries#12229"],
            change: Change::Question(|question, _| {
                sinks(question, |a, list| {
                    let scale = scale(a);
                    list.iter_mut().for_each(|sink| *sink *= scale);
                })
            }),
        },
        Fault {
            name: "p7-sink-counted-twice",
            class: "P7",
            summary: "the sink is added once for each of two splits of the keys",
            signature: "as if the sink were larger by ln 2; right where it is far below the scores",
            fix: "add the sink where the splits are merged, once",
            links: &["ROCm/rocm-libraries#12229"],
            change: Change::Question(|question, _| {
                sinks(question, |_, list| {
                    list.iter_mut().for_each(|sink| *sink += std::f64::consts::LN_2);
                })
            }),
        },
        Fault {
            name: "p7-sink-above-the-maximum",
            class: "P7",
            summary: "the sink is no part of the maximum: its exponential overflows where it is far above the scores",
            signature: "0 and ∞ where a sink is 89 or more above every score",
            fix: "take the maximum over the scores and the sink",
            links: &["sgl-project/sgl-kernel-npu#502"],
            change: Change::Output(|view, output| {
                let limit = limit(view.question.dtype);
                summed(view, output, |row| {
                    let most = row.scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    (row.sink? - most > limit)
                        .then(|| (vec![0.0; row.values(&[]).len()], Some(f64::INFINITY)))
                })
            }),
        },
        Fault {
            name: "p9-heads-tiled",
            class: "P9",
            summary: "query head h reads key head h mod H_k: key heads are tiled where they are to be repeated",
            signature: "right for one key head, and for as many as query heads",
            fix: "query head h reads key head ⌊h · H_k / H_q⌋",
            links: &["onnx/onnx#7274", "ekzhang/jax-js#180", "ml-explore/mlx-examples#1037"],
            change: Change::Question(|question, _| grouped(question, tiled, tiled)),
        },
        Fault {
            name: "p9-values-tiled",
            class: "P9",
            summary: "keys are repeated for the heads of a group, and values are tiled",
            signature: "the logarithm of the sum is right, the values are another head's",
            fix: "read the value head of the key head",
            links: &[],
            change: Change::Question(|question, _| grouped(question, Attention::key_head, tiled)),
        },
        Fault {
            name: "p9-first-key-head-for-all",
            class: "P9",
            summary: "every query head reads the first key head",
            signature: "only the first group of heads is right",
            fix: "stride over the key heads",
            links: &["HazyResearch/HipKittens#22", "FlashML-org/FreeToken#177"],
            change: Change::Question(|question, _| grouped(question, |_, _| 0, |_, _| 0)),
        },
    ]
}
