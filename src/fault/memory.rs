//! G: widths, strides, aliasing and races.

use super::Fault;
use super::change::Change;
use super::direction::{backwards, mean};
use super::edit;
use super::history;
use super::row;
use crate::encoding::{Body, Expression, Heads, Layout, Pair, Plane};
use crate::request::{Json, Slug};

/// Pairs that a vector holds.
const LANES: usize = 4;

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "g1-rotates-past-the-slice",
            class: "G1",
            summary: "the whole head is rotated: rotary_dim was not forwarded, and head_dim taken for it",
            signature: "channels that must be copied turn; the first frequencies are right",
            fix: "pass rotary_dim, and refuse one above head_dim",
            links: &["vllm-project/vllm#43676", "vllm-project/vllm-ascend#6880"],
            change: Change::Question(|question, _| {
                let config = history::config(question);
                let base = Expression::dyadic(edit::number(config, "rope_theta")?);
                let layout = Layout::from_name(edit::word(config, "layout")?)?;
                edit::word(config, "rope_type").filter(|rule| *rule == "default")?;
                config.get("mrope_section").is_none().then_some(())?;
                let rope = history::rope(question)?;
                let (head, count) = (rope.head_dim, rope.planes.len());
                let whole = head / 2;
                (whole > count).then_some(())?;
                let plane = |i: usize| Plane {
                    pair: layout.pair(i, whole, 0),
                    axis: 0,
                    frequency: base.power(-2 * i as i64, 2 * count as i64),
                    growth: Expression::integer(1),
                };
                // Tables and lists of frequencies would have another shape.
                matches!(question.body, Body::Rotate(_) | Body::Score(_) | Body::Chain(_))
                    .then_some(())?;
                edit::rope(question, |rope| rope.planes = (0..whole).map(plane).collect())
            }),
        },
        Fault {
            name: "g1-wider-than-the-head",
            class: "G1",
            summary: "a rotary_dim above head_dim is accepted and cut to head_dim",
            signature: "an answer where there is none; real kernels read the next head",
            fix: "refuse rotary_dim above head_dim",
            links: &["flashinfer-ai/flashinfer#4349", "fla-org/flash-linear-attention#180"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::InvalidValue).then_some(())?;
                let head = edit::number(&reading.config, "head_dim")?;
                let rotary = edit::number(&reading.config, "rotary_dim")?;
                (rotary > head && head as i64 % 2 == 0).then_some(())?;
                reading.config.set("rotary_dim", Json::from(head as i64));
                Some(())
            }),
        },
        Fault {
            name: "g1-odd-width-cut",
            class: "G1",
            summary: "an odd rotary_dim is accepted, its last channel left over",
            signature: "an answer where there is none",
            fix: "refuse an odd rotary_dim",
            links: &["flashinfer-ai/flashinfer#4349"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::OddRotaryDim).then_some(())?;
                let key = ["rotary_dim", "head_dim"]
                    .into_iter()
                    .find(|key| reading.config.get(key).is_some())?;
                let width = edit::number(&reading.config, key)? as i64;
                (width > 2 && key == "rotary_dim").then_some(())?;
                reading.config.set(key, Json::from(width - 1));
                Some(())
            }),
        },
        Fault {
            name: "g2-sin-at-the-padded-width",
            class: "G2",
            summary: "sin is read at the width padded to a power of two: it is zero there",
            signature: "outputs are x·cos; norms fall to 0.7; powers of two are right",
            fix: "address the sin half with the true width",
            links: &["vllm-project/vllm-ascend#12723", "vllm-project/vllm-ascend#15688"],
            change: Change::Rotated(|view, output| {
                let count = row::rotate(view)?.rope.planes.len();
                (!count.is_power_of_two()).then_some(())?;
                // (R(φ) + R(−φ))/2 = cos φ.
                let back = backwards(view)?;
                let pairs = row::turned(view.question)?.pairs;
                row::both(output, |name, tensor| {
                    let other = &back.iter().find(|(n, _)| *n == name)?.1;
                    let cosines = mean(tensor, other)?;
                    let dim = tensor.columns();
                    let mut bits = tensor.data().to_vec();
                    for start in (0..bits.len()).step_by(dim.max(1)) {
                        for i in pairs.iter().flat_map(|pair| [pair.re, pair.im]) {
                            bits[start + i] = cosines.data()[start + i];
                        }
                    }
                    row::replace(tensor, bits)
                })
            }),
        },
        Fault {
            name: "g3-tail-not-rotated",
            class: "G3",
            summary: "pairs beyond the last whole vector (4 of them) are not rotated",
            signature: "right for widths that are multiples of 8; elsewhere the last pairs are the input",
            fix: "finish the tail after the vector loop",
            links: &[
                "microsoft/onnxruntime#24980",
                "deepspeedai/DeepSpeed#2448",
                "ROCm/aiter#3078",
            ],
            change: Change::Question(|question, _| {
                matches!(question.body, Body::Rotate(_) | Body::Score(_) | Body::Chain(_))
                    .then_some(())?;
                edit::frequencies(question, |index, count, theta| {
                    match index >= count / LANES * LANES {
                        true => Expression::integer(0),
                        false => theta.clone(),
                    }
                })
            }),
        },
        Fault {
            name: "g4-keys-with-the-strides-of-queries",
            class: "G4",
            summary: "keys are addressed with the head count of the queries",
            signature: "the first row of the batch is right; later rows read other rows' keys; equal head counts hide it",
            fix: "use the strides of k for k",
            links: &[
                "PaddlePaddle/Paddle#74347",
                "hpcaitech/ColossalAI#6429",
                "NVIDIA/TransformerEngine#455",
            ],
            change: Change::Output(|view, output| {
                let turned = row::turned(view.question)?;
                let [_, heads, _, _] = row::shape(turned.q)?;
                let [batch, key_heads, seq, dim] = row::shape(turned.k?)?;
                (heads != key_heads && batch * key_heads > 0).then_some(())?;
                let keys = row::named(output, "k")?;
                let right = keys.data().to_vec();
                row::edit(keys, |row, _| {
                    let wrong = (row.batch * heads + row.head) % (batch * key_heads);
                    let start = (wrong * seq + row.token) * dim;
                    Some(right[start..start + dim].to_vec())
                })
            }),
        },
        Fault {
            name: "g5-race",
            class: "G5",
            summary: "a race: now and then a channel is read after its partner was written",
            signature: "values change from run to run with equal input; few of them, above a size",
            fix: "read both members of a pair before writing either",
            links: &[
                "vllm-project/vllm#48872",
                "vllm-project/vllm#46685",
                "NVIDIA/Megatron-LM#4640",
            ],
            change: Change::Rotated(|view, output| {
                // Every second call of the process loses it, in one row.
                (view.history.len() % 2 == 1).then_some(())?;
                let overwritten = aliased(view)?;
                row::both(output, |name, tensor| {
                    let other = &overwritten.iter().find(|(n, _)| *n == name)?.1;
                    let dim = tensor.columns();
                    let rows = tensor.data().len() / dim.max(1);
                    let victim = view.history.len() % rows.max(1);
                    let mut bits = tensor.data().to_vec();
                    let range = victim * dim..((victim + 1) * dim).min(bits.len());
                    bits[range.clone()].copy_from_slice(&other.data()[range]);
                    row::replace(tensor, bits)
                })
            }),
        },
        Fault {
            name: "g6-in-place-aliasing",
            class: "G6",
            summary: "the second member of a pair is computed from the first one's new value",
            signature: "real parts are right, imaginary ones are not, from position 1 on",
            fix: "keep both old values before writing",
            links: &["ggml-org/llama.cpp#20274", "unslothai/unsloth#5001"],
            change: Change::Rotated(|view, output| {
                let other = aliased(view)?;
                row::both(output, |name, tensor| {
                    row::put(tensor, other.iter().find(|(n, _)| *n == name)?.1.clone())
                })
            }),
        },
        Fault {
            name: "g9-slice-at-the-other-end",
            class: "G9",
            summary: "the leading channels are rotated where the trailing ones should be, or the reverse",
            signature: "nothing at position 0, the wrong channels from 1 on",
            fix: "read where the rotated slice begins: rotary_offset",
            links: &["raullenchai/Rapid-MLX#1225", "vllm-project/vllm#46685"],
            change: Change::Config(|config, _, _| {
                let offset = edit::number(config, "rotary_offset").unwrap_or(0.0) as i64;
                let (head, rotary) =
                    (edit::number(config, "head_dim")?, edit::number(config, "rotary_dim")?);
                let rest = head as i64 - rotary as i64;
                // A slice inside goes to the front.
                let other = if offset == 0 { rest } else { 0 };
                (other != offset).then_some(())?;
                config.set("rotary_offset", Json::from(other));
                Some(())
            }),
        },
    ]
}

/// What an in-place kernel makes of a row: im′ = re′ sin φ + im cos φ.
fn aliased(view: &super::change::View) -> Option<crate::request::Output> {
    let pairs: Vec<Pair> = row::turned(view.question)?.pairs;
    let right = (view.answer)(view.question);
    let mut question = view.question.clone();
    let written = |input: &Heads, name: &str| {
        let (from, to) = (view.question.dtype.format()?, input.format());
        let new = &right.iter().find(|(n, _)| *n == name)?.1;
        let dim = input.columns();
        let mut bits = input.data().to_vec();
        for start in (0..bits.len()).step_by(dim.max(1)) {
            for pair in &pairs {
                let at = start + pair.re;
                bits[at] = crate::profile::encode(to, from.to_f64(new.data()[at]));
            }
        }
        let mut bits = bits.into_iter();
        Some(input.map(|old| bits.next().unwrap_or(old)))
    };
    match &mut question.body {
        Body::Rotate(r) => {
            r.q = written(&r.q, "q")?;
            r.k = r.k.as_ref().and_then(|k| written(k, "k"));
        }
        Body::Apply(a) => {
            a.q = written(&a.q, "q")?;
            a.k = a.k.as_ref().and_then(|k| written(k, "k"));
        }
        _ => return None,
    }
    let late = (view.answer)(&question);
    let mut output = right;
    row::both(&mut output, |name, tensor| {
        let other = &late.iter().find(|(n, _)| *n == name)?.1;
        let dim = tensor.columns();
        let mut bits = tensor.data().to_vec();
        for start in (0..bits.len()).step_by(dim.max(1)) {
            for pair in &pairs {
                bits[start + pair.im] = other.data()[start + pair.im];
            }
        }
        row::replace(tensor, bits)
    })?;
    Some(output)
}
