//! F: formats that are too narrow, and functions that are not accurate enough.
//!
//! Where a right profile has the same step, the fault is none: a table in bf16 is right for bf16.

use super::Fault;
use super::change::Change;
use super::history::{self, History};
use super::row;
use crate::encoding::{Body, Question};
use crate::number::{Dtype, Tensor};
use crate::profile::{Accuracy, Precision, Profile};
use crate::request::Output;

/// The step is in this format, and that is not right for the dtype.
fn narrow(profile: &mut Profile, question: &Question, edit: impl Fn(&mut Profile)) -> Option<()> {
    let rotates = matches!(question.body, Body::Apply(_) | Body::Sinusoidal(_));
    (rotates || history::rope(question).is_some()).then_some(())?;
    edit(profile);
    (!profile.is_right(question.dtype)).then_some(())
}

/// One format narrower than a dtype.
fn below(dtype: Dtype) -> Precision {
    match dtype {
        Dtype::F64 => Precision::F32,
        _ => Precision::Bf16,
    }
}

/// Largest position that a table built at the start has.
const INITIAL: i64 = 2048;

/// Whether the table has grown, now or earlier in the process.
fn has_grown(question: &Question, history: &History) -> bool {
    let earlier = history.earlier().map(|earlier| earlier.furthest).max().unwrap_or(0);
    earlier.max(history::furthest(question)) >= INITIAL
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "f1-inv-freq-in-bf16",
            class: "F1",
            summary: "inv_freq is rounded to bf16: the module was cast with model.to(bfloat16)",
            signature: "angles off by 0.3 % of themselves: 0.05 rad at 40, 2.5 rad at 2049",
            fix: "keep inv_freq in f32 whatever the model's dtype",
            links: &["EleutherAI/gpt-neox#1003", "huggingface/transformers#25681"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| machine.frequency = Precision::Bf16)
            }),
        },
        Fault {
            name: "f1-inv-freq-in-f16",
            class: "F1",
            summary: "inv_freq is rounded to f16: the module was cast with model.half()",
            signature: "angles off by 0.04 % of themselves: 0.06 rad at 257, 2 rad at 8191",
            fix: "keep inv_freq in f32 whatever the model's dtype",
            links: &["EleutherAI/gpt-neox#1003", "NVIDIA/Megatron-LM#744"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| machine.frequency = Precision::F16)
            }),
        },
        Fault {
            name: "f1-product-in-tf32",
            class: "F1",
            summary: "positions and frequencies are multiplied by tensor cores in TF32: a matmul, with allow_tf32",
            signature: "angles off by 0.04 % of themselves; from 2049 on neighbours share an angle; only on GPUs that have it",
            fix: "multiply elementwise, or switch TF32 off around the angles",
            links: &["huggingface/transformers#29285"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| {
                    (machine.position, machine.frequency) = (Precision::Tf32, Precision::Tf32);
                    machine.angle = Precision::F32;
                })
            }),
        },
        Fault {
            name: "f2-angle-in-bf16",
            class: "F2",
            summary: "the product of position and frequency is computed in bf16: autocast runs the matmul",
            signature: "positions of a block share their angles: steps of 512 at 65536",
            fix: "switch autocast off around the angles",
            links: &["huggingface/transformers#29285", "huggingface/diffusers#13920"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| machine.angle = Precision::Bf16)
            }),
        },
        Fault {
            name: "f3-positions-in-bf16",
            class: "F3",
            summary: "positions are held in bf16, which has no odd number above 256",
            signature: "neighbouring tokens share an angle from 257 on",
            fix: "keep positions as integers, or in f32",
            links: &["nkalyanv99/UNI-D2#6", "vllm-project/vllm-ascend#5260"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| machine.position = Precision::Bf16)
            }),
        },
        Fault {
            name: "f3-positions-in-f16",
            class: "F3",
            summary: "positions are held in f16, which has no odd number above 2048 and none from 65520 on",
            signature: "neighbouring tokens share an angle from 2049 on, later all are NaN",
            fix: "keep positions as integers, or in f32",
            links: &["EleutherAI/gpt-neox#1003"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| machine.position = Precision::F16)
            }),
        },
        Fault {
            name: "f4-table-too-narrow",
            class: "F4",
            summary: "cos and sin are stored in a narrower format than the output has",
            signature: "a relative error up to half an ulp of that format at every position but 0",
            fix: "store the table at least in the output's format",
            links: &["vllm-project/vllm#863", "sgl-project/sglang#33117"],
            change: Change::Machine(|machine, question, _| {
                let dtype = question.dtype;
                narrow(machine, question, |machine| machine.table = below(dtype))
            }),
        },
        Fault {
            name: "f5-products-too-narrow",
            class: "F5",
            summary: "products and sums are rounded to a narrower format than the output has",
            signature: "an error of some ulp of that format of the larger product",
            fix: "compute in the output's format at least, in f32 if you can",
            links: &["vllm-project/vllm#57112", "sgl-project/sglang#35795"],
            change: Change::Machine(|machine, question, _| {
                let dtype = question.dtype;
                narrow(machine, question, |machine| machine.arithmetic = below(dtype))
            }),
        },
        Fault {
            name: "f6-fast-sine",
            class: "F6",
            summary: "sin and cos are the fast intrinsics, on angles that are not reduced",
            signature: "an absolute error that grows with the angle: 2e-4 at 2000, 1e-2 at 131071, in the first pairs",
            fix: "use the accurate functions, and no --use_fast_math",
            links: &["kekzl/imp#1316", "lablup/mlxcel#1055", "tenstorrent/tt-metal#33971"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| {
                    machine.angle = Precision::F32;
                    machine.frequency = Precision::F32;
                    machine.accuracy = Accuracy::FAST;
                })
            }),
        },
        Fault {
            name: "f7-running-product",
            class: "F7",
            summary: "angles are made by multiplying f32 numbers again and again",
            signature: "two to four times the error of f32 in the last pairs; visible where f64 is asked for",
            fix: "compute each frequency by a power",
            links: &["ggml-org/llama.cpp#3024", "ggml-org/llama.cpp#12865"],
            change: Change::Machine(|machine, question, _| {
                narrow(machine, question, |machine| {
                    machine.recipe = crate::profile::Recipe::RunningProduct;
                    machine.frequency = Precision::F32;
                    machine.angle = Precision::F32;
                })
            }),
        },
        Fault {
            name: "f8-f32-for-f64",
            class: "F8",
            summary: "angles and tables are f32 where f64 is asked for: the products are in f64, cos and sin are not",
            signature: "relative errors of 1e-7, angles off by 5e-4 rad at 8191; cos and sin are numbers of f32",
            fix: "compute frequencies, angles and table in f64",
            links: &["ROCm/aiter#620", "Lightning-AI/lit-llama#14"],
            change: Change::Machine(|machine, question, _| narrow(machine, question, singles)),
        },
        Fault {
            name: "f8-cast-to-f32",
            class: "F8",
            summary: "what comes in f64 is cast to f32, rotated there, and cast back",
            signature: "relative errors of 1e-7, and every output is a number of f32",
            fix: "rotate in the input's format, or refuse f64",
            links: &["ROCm/aiter#620"],
            change: Change::Machine(|machine, question, _| {
                (question.dtype == Dtype::F64).then_some(())?;
                narrow(machine, question, |machine| {
                    singles(machine);
                    machine.arithmetic = Precision::F32;
                    machine.output = Precision::F32;
                })
            }),
        },
        Fault {
            name: "f9-rebuilt-in-bf16",
            class: "F9",
            summary: "a table that grows beyond 2048 rows is rebuilt from frequencies in bf16",
            signature: "right until the first long call, then wrong everywhere, at positions that were right before too",
            fix: "rebuild at the precision of the first table",
            links: &["huggingface/transformers#29496", "huggingface/transformers#23837"],
            change: Change::Machine(|machine, question, history| {
                has_grown(question, history).then_some(())?;
                narrow(machine, question, |machine| machine.frequency = Precision::Bf16)
            }),
        },
        Fault {
            name: "f10-rounded-on-the-way",
            class: "F10",
            summary: "the result is rounded to a narrower format and then stored in the wider one",
            signature: "the low bits of every output are zero",
            fix: "round once, into the dtype that is asked for",
            links: &["huggingface/transformers#24262"],
            change: Change::Machine(|machine, question, _| {
                let dtype = question.dtype;
                narrow(machine, question, |machine| machine.output = below(dtype))
            }),
        },
        Fault {
            name: "f10-bytes-swapped",
            class: "F10",
            summary: "the numbers of the answer stand in the other byte order",
            signature: "garbage of every size, NaN among it; right when the bytes are swapped back",
            fix: "write bit patterns with the highest byte first",
            links: &[],
            change: Change::Written(|question, tensor| {
                let rotates = matches!(question.body, Body::Apply(_) | Body::Sinusoidal(_));
                (rotates || history::rope(question).is_some()).then_some(())?;
                swapped(tensor)
            }),
        },
        Fault {
            name: "f10-output-promoted",
            class: "F10",
            summary: "the output comes back in f32 instead of the dtype that is asked for",
            signature: "the wrong dtype; twice the memory if nobody looks",
            fix: "cast back to the dtype of the input",
            links: &["huggingface/transformers#24261", "lucidrains/rotary-embedding-torch#9"],
            change: Change::Output(|view, output| promoted(view.question.dtype, output)),
        },
    ]
}

/// Everything from the frequency to the table in f32, by functions as accurate as any library's.
fn singles(machine: &mut Profile) {
    machine.frequency = Precision::F32;
    machine.angle = Precision::F32;
    machine.table = Precision::F32;
    machine.accuracy = Accuracy::CUDA;
}

/// The bytes of every number in the other order.
fn swapped(tensor: &Tensor) -> Option<Tensor> {
    let bytes = tensor.dtype().digits() / 2;
    let swap = |&bits: &u64| bits.swap_bytes() >> (64 - 8 * bytes);
    let data: Vec<u64> = tensor.data().iter().map(swap).collect();
    (data != tensor.data()).then_some(())?;
    Tensor::new(tensor.dtype(), tensor.shape().to_vec(), data).ok()
}

fn promoted(dtype: Dtype, output: &mut Output) -> Option<()> {
    (dtype.digits() == 4).then_some(())?;
    let format = dtype.format()?;
    for (_, tensor) in output.iter_mut().filter(|(_, tensor)| tensor.dtype() == dtype) {
        let wide = |&bits: &u64| (format.to_f64(bits) as f32).to_bits() as u64;
        let data = tensor.data().iter().map(wide).collect();
        row::put(tensor, Tensor::new(Dtype::F32, tensor.shape().to_vec(), data).ok()?)?;
    }
    Some(())
}
