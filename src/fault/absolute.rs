//! L: sinusoidal embeddings.

use super::Fault;
use super::change::Change;
use super::edit;
use super::row;
use crate::encoding::{Body, Wave};
use crate::request::Slug;

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "l1-other-layout",
            class: "L1",
            summary: "sines and cosines are concatenated where they should alternate, or the reverse",
            signature: "row 0 is 0 … 0, 1 … 1 instead of 0, 1, 0, 1 …",
            fix: "say which layout the checkpoint has",
            links: &[
                "allenai/allennlp#2993",
                "facebookresearch/fairseq#4648",
                "tensorflow/tensor2tensor#177",
            ],
            change: Change::Config(|config, _, _| {
                edit::exchange(config, "layout", ["interleaved", "concatenated"])
            }),
        },
        Fault {
            name: "l2-other-divisor",
            class: "L2",
            summary: "the exponent is divided by half where half − 1 is meant, or the reverse",
            signature: "the first frequency is right, the last one is off by up to base^(1/half)",
            fix: "half for Vaswani and fairseq's successors, half − 1 for tensor2tensor and diffusion models",
            links: &[
                "hojonathanho/diffusion#15",
                "kohya-ss/sd-scripts#1187",
                "huggingface/diffusers#12791",
            ],
            change: Change::Config(|config, _, _| {
                edit::exchange(config, "divisor", ["half", "half_minus_one"])
            }),
        },
        Fault {
            name: "l3-odd-column-filled",
            class: "L3",
            summary: "the last column of an odd width goes on with the waves instead of being zero",
            signature: "even widths are right",
            fix: "pad an odd width with a zero column",
            links: &["huggingface/transformers#8021", "gc-os-ai/pyaptamer#607"],
            change: Change::Output(|view, output| {
                let Body::Sinusoidal(s) = &view.question.body else { return None };
                let last = s.sinusoidal.dim.checked_sub(1)?;
                (s.sinusoidal.wave(last) == Wave::Zero && last > 0).then_some(())?;
                row_wise(row::named(output, "embedding")?, |x| x[last] = x[last - 1])
            }),
        },
        Fault {
            name: "l3-odd-width-refused",
            class: "L3",
            summary: "an odd width is refused, or crashes",
            signature: "even widths are right",
            fix: "pad an odd width with a zero column",
            links: &["huggingface/transformers#8021", "huggingface/transformers#8226"],
            change: Change::Refuse(|question| {
                let Body::Sinusoidal(s) = &question.body else { return None };
                let dim = s.sinusoidal.dim;
                (dim % 2 == 1).then(|| {
                    Slug::InvalidValue.because(format!("dim is {dim}, allowed is an even number"))
                })
            }),
        },
        Fault {
            name: "l3-odd-column-in-front",
            class: "L3",
            summary: "the zero column of an odd width stands in front and shifts the others",
            signature: "even widths are right",
            fix: "pad an odd width at its end",
            links: &["huggingface/transformers#8226"],
            change: Change::Output(|view, output| {
                let Body::Sinusoidal(s) = &view.question.body else { return None };
                let last = s.sinusoidal.dim.checked_sub(1)?;
                (s.sinusoidal.wave(last) == Wave::Zero && last > 0).then_some(())?;
                row_wise(row::named(output, "embedding")?, |x| x.rotate_right(1))
            }),
        },
        Fault {
            name: "l4-sin-and-cos-exchanged",
            class: "L4",
            summary: "sines and cosines are exchanged: the flip flag is ignored or applied twice",
            signature: "row 0 is 1, 0 instead of 0, 1",
            fix: "read which of the two comes first",
            links: &[
                "flashinfer-ai/flashinfer#3819",
                "huggingface/diffusers#1369",
                "facebookresearch/DiT#78",
            ],
            change: Change::Config(|config, _, _| {
                edit::exchange(config, "order", ["sin_first", "cos_first"])
            }),
        },
    ]
}

/// Edits every row of a matrix.
fn row_wise(tensor: &mut crate::number::Tensor, edit: impl Fn(&mut [u64])) -> Option<()> {
    let columns = tensor.columns().max(1);
    let mut bits = tensor.data().to_vec();
    bits.chunks_mut(columns).for_each(edit);
    row::replace(tensor, bits)
}
