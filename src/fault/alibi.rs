//! J: ALiBi.

use super::Fault;
use super::change::{Change, View};
use super::edit::{self, Of};
use super::row;
use crate::encoding::{Alibi, Body, Double, Expression};
use crate::number::Format;
use crate::profile::encode;
use crate::request::{Json, Output, Slug};

/// The slopes of a question, if it has some.
fn alibi<'v>(view: &View<'v>) -> Option<&'v Alibi> {
    match &view.question.body {
        Body::AlibiSlopes(a) => Some(a),
        Body::AlibiBias(a) => Some(&a.alibi),
        _ => None,
    }
}

/// Answers with slopes given as formulas: head, number of heads → slope.
fn slopes(
    view: &View,
    output: &mut Output,
    slope: impl Fn(&Alibi, usize) -> Expression,
) -> Option<()> {
    let alibi = alibi(view)?;
    let format = view.question.dtype.format()?;
    let value = |head: usize| slope(alibi, head).evaluate(&Double);
    if let Body::AlibiSlopes(_) = view.question.body {
        let list: Option<Vec<f64>> = (0..alibi.num_heads).map(value).collect();
        let bits = list?.into_iter().map(|x| encode(format, x)).collect();
        return row::replace(row::named(output, "slopes")?, bits);
    }
    biases(view, output, |head, distance| {
        let scale = alibi.head_dim.map_or(1.0, |dim| (dim as f64).sqrt());
        value(head).map(|slope| encode(format, slope * distance as f64 / scale))
    })
}

/// Answers with every bias replaced: head, distance → bits.
fn biases(
    view: &View,
    output: &mut Output,
    bias: impl Fn(usize, i128) -> Option<u64>,
) -> Option<()> {
    let Body::AlibiBias(a) = &view.question.body else { return None };
    let mut bits = Vec::new();
    for head in 0..a.alibi.num_heads {
        for query in &a.query_positions {
            for key in &a.key_positions {
                bits.push(bias(head, a.distance(*query, *key))?);
            }
        }
    }
    row::replace(row::named(output, "bias")?, bits)
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "j1-slopes-of-the-other-convention",
            class: "J1",
            summary: "one geometric series for a head count that is no power of two, where the released code's list is meant, or the reverse",
            signature: "slopes up to six times too large or small; powers of two hide it",
            fix: "say which convention: the paper's series or the released code's list",
            links: &["ml-explore/mlx#343", "baichuan-inc/Baichuan2#225", "antofuller/CROMA#12"],
            change: Change::Config(|config, _, question| {
                let slopes = |config: &crate::request::Object, bias: bool| {
                    let alibi = Alibi::new(config, bias).ok()?;
                    let slope = |head| alibi.slope(head).evaluate(&Double);
                    (0..alibi.num_heads).map(slope).collect::<Option<Vec<f64>>>()
                };
                let bias = matches!(question.body, Body::AlibiBias(_) | Body::Attention(_));
                let before = slopes(config, bias)?;
                edit::exchange(config, "slopes", ["code", "paper"])?;
                (slopes(config, bias)? != before).then_some(())
            }),
        },
        Fault {
            name: "j1-odd-head-counts-refused",
            class: "J1",
            summary: "a head count that is no power of two is refused, or crashes",
            signature: "powers of two are right",
            fix: "take every second slope of the next power of two for the rest",
            links: &["huggingface/transformers#28380"],
            change: Change::Refuse(|question| {
                let heads = match &question.body {
                    Body::AlibiSlopes(a) => a.num_heads,
                    Body::AlibiBias(a) => a.alibi.num_heads,
                    _ => return None,
                };
                (!heads.is_power_of_two()).then(|| {
                    Slug::InvalidValue
                        .because(format!("num_heads is {heads}, allowed is a power of two"))
                })
            }),
        },
        Fault {
            name: "j1-bias-max-ignored",
            class: "J1",
            summary: "alibi_bias_max is not read: the last slope is 2^-8",
            signature: "right for the default of 8",
            fix: "read alibi_bias_max, or ggml's max_bias",
            links: &["mosaicml/examples#307"],
            change: Change::Config(|config, _, _| config.remove("alibi_bias_max").map(drop)),
        },
        Fault {
            name: "j2-first-slope-1",
            class: "J2",
            summary: "the exponent is one step short: the first slope is 1",
            signature: "every slope too large by one constant",
            fix: "the first of eight slopes is 1/2, the last 1/256",
            links: &["paiml/aprender#2143"],
            change: Change::Output(|view, output| {
                slopes(view, output, |alibi, head| match head {
                    0 => Expression::integer(1),
                    _ => alibi.slope(head - 1),
                })
            }),
        },
        Fault {
            name: "j3-distance-reversed",
            class: "J3",
            summary: "the sign of the distance is wrong: the bias grows with it",
            signature: "every bias negated",
            fix: "the bias is slope times (key − query), not above 0 for keys before the query",
            links: &["meta-pytorch/attention-gym#29", "meta-pytorch/attention-gym#86"],
            change: Change::Output(|view, output| {
                let Body::AlibiBias(_) = view.question.body else { return None };
                let bias = row::named(output, "bias")?;
                let format = bias.dtype().format()?;
                let flip = |&bits: &u64| match format.is_zero(bits) {
                    true => bits,
                    false => row::negated(bias.dtype(), bits),
                };
                let bits = bias.data().iter().map(flip).collect();
                row::replace(bias, bits)
            }),
        },
        Fault {
            name: "j4-queries-from-0",
            class: "J4",
            summary: "the bias is built over the query's length: queries are counted from 0 although keys are cached",
            signature: "prompts are right; a single query gets the bias of the first row",
            fix: "offset the queries by the number of cached keys",
            links: &["keras-team/keras-hub#2861", "keras-team/keras-hub#2977"],
            change: Change::Question(|question, _| {
                matches!(question.body, Body::AlibiBias(_)).then_some(())?;
                edit::rows(question, |of, row| {
                    if of == Of::Queries {
                        row.iter_mut().enumerate().for_each(|(n, p)| *p = n as i64);
                    }
                })
            }),
        },
        Fault {
            name: "j5-another-form",
            class: "J5",
            summary: "the bias is slope times the key's position instead of its distance, or the reverse",
            signature: "a constant per query, which the softmax hides and half precision does not",
            fix: "say which form the bias has",
            links: &[
                "vllm-project/vllm#945",
                "NVIDIA-NeMo/Speech#7105",
                "mosaicml/llm-foundry#186",
            ],
            change: Change::Config(|config, _, _| {
                edit::exchange(config, "form", ["distance", "key"]).or_else(|| {
                    // Both symmetric forms are mistaken for the plain distance.
                    edit::word(config, "form")?;
                    config.set("form", Json::from("distance"));
                    Some(())
                })
            }),
        },
        Fault {
            name: "j6-slopes-of-local-heads",
            class: "J6",
            summary: "every rank of tensor parallelism computes the slopes of its own heads as if they were all",
            signature: "the second half of the heads repeats the first, with the slopes of half as many heads",
            fix: "compute the slopes of all heads, then take the rank's part",
            links: &["bigscience-workshop/Megatron-DeepSpeed#222", "flashinfer-ai/flashinfer#1606"],
            change: Change::Output(|view, output| {
                slopes(view, output, |alibi, head| {
                    let local = (alibi.num_heads / 2).max(1);
                    let half = Alibi { num_heads: local, ..alibi.clone() };
                    half.slope(head % local)
                })
            }),
        },
        Fault {
            name: "j7-product-in-bf16",
            class: "J7",
            summary: "slopes and their products with the distance are rounded to bf16",
            signature: "neighbouring keys get one bias from a distance of 257 on",
            fix: "compute the product in f32 and round once",
            links: &["NVIDIA/TensorRT-Model-Connect#667", "HabanaAI/vllm-fork#503"],
            change: Change::Output(|view, output| {
                let format = view.question.dtype.format()?;
                let narrow = |x: f64| Format::BF16.to_f64(encode(Format::BF16, x));
                let Body::AlibiBias(a) = &view.question.body else { return None };
                let scale = a.alibi.head_dim.map_or(1.0, |dim| (dim as f64).sqrt());
                biases(view, output, |head, distance| {
                    let slope = narrow(a.alibi.slope(head).evaluate(&Double)? / scale);
                    Some(encode(format, narrow(slope * narrow(distance as f64))))
                })
            }),
        },
    ]
}
