//! N1 to N3: given scales, and the cast to eight bits.

use super::entry::fault;
use super::staged::{Open, chain, edit, floats, parts, replace};
use crate::encoding::{Floats, Part, Per, Question};
use crate::fault::Fault;
use crate::fault::change::{Change, View};
use crate::fault::row;
use crate::number::{Dtype, Format, Overflow, Tensor};
use crate::request::Output;

/// Edits every given scale, seen as numbers. None if none changes.
fn scales(question: &mut Question, change: impl Fn(&Part, &mut Vec<f64>)) -> Option<()> {
    parts(question, |part| {
        let given = part.scale.as_ref()?;
        let (old, shape): (Vec<f64>, _) = (given.numbers().collect(), given.shape().to_vec());
        let mut new = old.clone();
        change(part, &mut new);
        (new != old).then_some(())?;
        part.scale = Some(floats(&shape, &new)?);
        Some(())
    })
}

/// Gives one part the scale of another; where there are fewer, neighbours share them.
fn scale_of(question: &mut Question, from: &'static str, to: &'static str) -> Option<()> {
    let other = chain(question)?.parts.iter().find(|part| part.name == from)?.scale.clone()?;
    let other: Vec<f64> = other.numbers().collect();
    scales(question, |part, list| {
        if part.name == to && !other.is_empty() {
            let count = list.len();
            let fewer = other.len() < count;
            let at = |index: usize| if fewer { index * other.len() / count } else { index };
            *list = (0..count).map(|index| other[at(index)]).collect();
        }
    })
}

/// The answer in the bytes of another format.
fn bytes_of(view: &View, output: &mut Output, other: fn(Dtype) -> Option<Dtype>) -> Option<()> {
    let mut question = view.question.clone();
    let stored = chain(&question)?.quantize?.format;
    let written = other(stored)?;
    edit(&mut question, |chain| {
        chain.quantize.as_mut()?.format = written;
        for part in chain.parts.iter_mut().filter(|part| part.quantized) {
            if let Some(cache) = &part.cache {
                part.cache = Some(Floats::new(in_dtype(cache, written)?)?);
            }
        }
        Some(())
    })?;
    let back = |(name, tensor): (&'static str, Tensor)| match tensor.dtype() == written {
        true => Some((name, in_dtype(&tensor, stored)?)),
        false => Some((name, tensor)),
    };
    let answer = (view.answer)(&question).into_iter().map(back).collect::<Option<Output>>()?;
    replace(output, answer)
}

fn in_dtype(tensor: &Tensor, dtype: Dtype) -> Option<Tensor> {
    Tensor::new(dtype, tensor.shape().to_vec(), tensor.data().to_vec()).ok()
}

/// The same precision, as the other vendor has it.
pub(super) fn flavour(dtype: Dtype) -> Option<Dtype> {
    Some(match dtype {
        Dtype::F8E4M3Fn => Dtype::F8E4M3Fnuz,
        Dtype::F8E4M3Fnuz => Dtype::F8E4M3Fn,
        Dtype::F8E5M2 => Dtype::F8E5M2Fnuz,
        Dtype::F8E5M2Fnuz => Dtype::F8E5M2,
        _ => return None,
    })
}

/// The other precision of the same vendor.
fn precision(dtype: Dtype) -> Option<Dtype> {
    Some(match dtype {
        Dtype::F8E4M3Fn => Dtype::F8E5M2,
        Dtype::F8E5M2 => Dtype::F8E4M3Fn,
        Dtype::F8E4M3Fnuz => Dtype::F8E5M2Fnuz,
        Dtype::F8E5M2Fnuz => Dtype::F8E4M3Fnuz,
        _ => return None,
    })
}

/// Every quantised number rounded anew, given the format, what is rounded, and the right bits.
fn rounded(view: &View, output: &mut Output, round: fn(Format, f64, u64) -> u64) -> Option<()> {
    let open = Open::new(view)?;
    let all = open.values()?;
    let mut changed = None;
    for (part, values) in open.chain.parts.iter().zip(&all).filter(|(part, _)| part.quantized) {
        let scale: Vec<f64> = match &part.scale {
            Some(given) => given.numbers().collect(),
            None => row::doubles(&output.iter().find(|(name, _)| *name == part.scale_name())?.1),
        };
        let tensor = row::named(output, part.output())?;
        let format = tensor.dtype().format()?;
        let dim = part.heads.dim().max(1);
        let mut bits = tensor.data().to_vec();
        for (index, x) in values.iter().enumerate() {
            let (row, d) = (index / dim, index % dim);
            let cell = match part.cache {
                Some(_) => open.chain.cell(part, row, d),
                None => Some(index),
            };
            let Some(slot) = cell.and_then(|cell| bits.get_mut(cell)) else { continue };
            *slot = round(format, x / scale[open.chain.block(part, row, d)], *slot);
        }
        changed = row::replace(tensor, bits).or(changed);
    }
    changed
}

fn overflow(question: &mut Question, to: Overflow) -> Option<()> {
    edit(question, |chain| {
        let quantize = chain.quantize.as_mut()?;
        (quantize.overflow != to).then_some(())?;
        quantize.overflow = to;
        Some(())
    })
}

/// The next number towards zero.
fn below(bits: u64) -> u64 {
    if bits & 0x7f == 0 { bits } else { bits - 1 }
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        fault(
            "n1-scale-of-the-next",
            "N1",
            [
                "each head, token or group is divided by the given scale of the next one",
                "where scales are alike nothing is wrong",
                "index the scale by what is stored",
            ],
            &[],
            Change::Question(|question, _| {
                scales(question, |_, list| {
                    let one = usize::from(list.len() > 1);
                    list.rotate_left(one);
                })
            }),
        ),
        fault(
            "n1-multiplied-by-the-scale",
            "N1",
            [
                "values are multiplied by the given scale instead of divided",
                "what is stored is off by the square of the scale; a scale of 1 is right",
                "divide by the scale, or pass its reciprocal",
            ],
            &["vllm-project/vllm-xpu-kernels#475"],
            Change::Question(|question, _| {
                scales(question, |_, list| list.iter_mut().for_each(|s| *s = 1.0 / *s))
            }),
        ),
        fault(
            "n1-scale-forgotten",
            "N1",
            [
                "the given scale is not used: values are cast as they are",
                "what is stored is off by the scale; a scale of 1 is right",
                "divide by the scale before the cast",
            ],
            &[
                "sgl-project/sglang#20705",
                "flashinfer-ai/flashinfer#1023",
                "flashinfer-ai/flashinfer#4979",
            ],
            Change::Question(|question, _| scales(question, |_, list| list.fill(1.0))),
        ),
        fault(
            "n1-query-scale-for-keys",
            "N1",
            [
                "keys are divided by the scale of the queries",
                "queries and values are right",
                "pass k_scale where keys are cast",
            ],
            &[],
            Change::Question(|question, _| scale_of(question, "q", "k")),
        ),
        fault(
            "n1-key-scale-for-queries",
            "N1",
            [
                "queries are divided by the scale of the keys",
                "keys and values are right",
                "pass q_scale where queries are cast",
            ],
            &[],
            Change::Question(|question, _| scale_of(question, "k", "q")),
        ),
        fault(
            "n1-key-scale-for-values",
            "N1",
            [
                "values are divided by the scale of the keys",
                "queries and keys are right",
                "pass v_scale where values are cast",
            ],
            &["sgl-project/sglang#26852"],
            Change::Question(|question, _| scale_of(question, "k", "v")),
        ),
        fault(
            "n1-scales-exchanged",
            "N1",
            [
                "the scales of keys and values are exchanged",
                "queries are right; the product of both errors is 1",
                "look at the order of the arguments",
            ],
            &[],
            Change::Question(|question, _| {
                let of = |name: &str, question: &Question| {
                    chain(question)?.parts.iter().find(|part| part.name == name)?.scale.clone()
                };
                let (k, v) = (of("k", question)?, of("v", question)?);
                (k.shape() == v.shape()).then_some(())?;
                scales(question, |part, list| match part.name {
                    "k" => *list = v.numbers().collect(),
                    "v" => *list = k.numbers().collect(),
                    _ => {}
                })
            }),
        ),
        fault(
            "n1-first-scale-for-all",
            "N1",
            [
                "the first scale is used for every head, token or group",
                "the first of them is right",
                "index the scale by what shares it",
            ],
            &[],
            Change::Question(|question, _| {
                scales(question, |_, list| {
                    if let Some(&first) = list.first() {
                        list.fill(first);
                    }
                })
            }),
        ),
        fault(
            "n1-scale-of-the-transposed-token",
            "N1",
            [
                "scales of tokens are read as [seq, heads] where they are [heads, seq]",
                "with one head or one token nothing is wrong",
                "the scale of a token has the shape [batch, heads, seq]",
            ],
            &[],
            Change::Question(|question, _| {
                let per = chain(question)?.quantize?.per;
                (per == Per::Token).then_some(())?;
                scales(question, |part, list| {
                    let (heads, seq) = (part.heads.heads().max(1), part.heads.seq().max(1));
                    let old = list.clone();
                    for (row, slot) in list.iter_mut().enumerate() {
                        let (batch, head, token) =
                            (row / (heads * seq), row / seq % heads, row % seq);
                        *slot = old[batch * heads * seq + token * heads + head];
                    }
                })
            }),
        ),
        fault(
            "n2-overflow-not-saturated",
            "N2",
            [
                "what is beyond the largest number becomes infinity or NaN where it should be the largest",
                "only what is beyond the largest number is wrong",
                "clamp before the cast, or take a cast that saturates",
            ],
            &["jax-ml/ml_dtypes#260", "jax-ml/ml_dtypes#400"],
            Change::Question(|question, _| overflow(question, Overflow::Ieee)),
        ),
        fault(
            "n2-overflow-saturated",
            "N2",
            [
                "what is beyond the largest number becomes the largest where infinity or NaN is asked for",
                "only what is beyond the largest number is wrong",
                "do not clamp, and take a cast that does not saturate",
            ],
            &["onnx/onnx#6220", "stillwater-sc/universal#1302"],
            Change::Question(|question, _| overflow(question, Overflow::Saturate)),
        ),
        fault(
            "n3-bytes-of-the-other-vendor",
            "N3",
            [
                "bytes of fn are written where fnuz is meant, or the reverse",
                "everything reads as twice or half of what is right; −0 reads as NaN",
                "look which of the two the device has: MI300 has fnuz, others have fn",
            ],
            &["ROCm/vllm#242", "vllm-project/vllm#45562"],
            Change::Output(|view, output| bytes_of(view, output, flavour)),
        ),
        fault(
            "n3-bytes-of-the-other-precision",
            "N3",
            [
                "bytes of e5m2 are written where e4m3 is meant, or the reverse",
                "nothing but zero is right",
                "look which of the two the cache has",
            ],
            &[],
            Change::Output(|view, output| bytes_of(view, output, precision)),
        ),
        fault(
            "n7-cut-instead-of-rounded",
            "N7",
            [
                "the cast to eight bits cuts instead of rounding to nearest",
                "what is stored is never farther from zero than the value; half of it is a step too small",
                "round to nearest, ties to even",
            ],
            &[],
            Change::Output(|view, output| {
                rounded(view, output, |format, x, bits| {
                    let near = format.to_f64(bits);
                    if near.is_finite() && near.abs() > x.abs() { below(bits) } else { bits }
                })
            }),
        ),
    ]
}
