//! The profiles in common use, and the common mistakes.

use super::{Accuracy, Contraction, Precision, Profile, Recipe, Scaling};
use crate::number::Dtype;
use Precision::{Bf16, Exact, F16, F32, F64, Tf32};

/// Everything in f32, the result rounded once into the dtype: what most kernels do.
const HF_F32: Profile = Profile {
    name: "hf-f32",
    source: "Transformers, modeling_rope_utils.py, in f32; Qwen-VL's vision towers, which upcast q \
             and k; torchtune",
    position: Exact,
    frequency: F32,
    angle: F32,
    table: F32,
    arithmetic: F32,
    output: Exact,
    host: F64,
    recipe: Recipe::ReciprocalOfPower,
    accuracy: Accuracy::CUDA,
    contraction: Contraction::Separate,
    scaling: Scaling::Frequency,
    flush: false,
};

/// Table and arithmetic in the model's dtype: three roundings per element.
const HF_BF16: Profile = Profile {
    name: "hf-bf16",
    source: "Transformers, apply_rotary_pos_emb in a bf16 model: cos and sin are cast, both \
             products and the sum are rounded",
    table: Bf16,
    arithmetic: Bf16,
    output: Bf16,
    ..HF_F32
};

const VLLM_BF16: Profile = Profile {
    name: "vllm-bf16-cache",
    source: "vLLM, csrc/pos_encoding_kernels.cu: a bf16 cache of cos and sin, f32 arithmetic, one \
             rounding on the store; Cohere in Transformers",
    table: Bf16,
    contraction: Contraction::RoundsSin,
    ..HF_F32
};

const GGML_F32: Profile = Profile {
    name: "ggml-f32",
    source: "ggml, ggml-cpu/ops.cpp: theta starts at the position and is multiplied by \
             theta_scale pair after pair",
    host: F32,
    recipe: Recipe::RunningProduct,
    accuracy: Accuracy::CORRECT,
    ..HF_F32
};

const MLX_F32: Profile = Profile {
    name: "mlx-exp2",
    source: "MLX, kernels/rope.metal: exp2(−(i/h)·log2 base), fast sin and cos",
    host: F64,
    recipe: Recipe::Exp2,
    accuracy: Accuracy { composed_pow: false, ..Accuracy::FAST },
    contraction: Contraction::RoundsSin,
    scaling: Scaling::Position,
    ..HF_F32
};

/// Everything in f64: of all machines the nearest to the answer.
pub(crate) const NUMPY_F64: Profile = Profile {
    name: "numpy-f64",
    source: "NumPy, or PyTorch in f64 (Wan 2.1): everything in f64",
    frequency: F64,
    angle: F64,
    table: F64,
    arithmetic: F64,
    accuracy: Accuracy { pow: 2.0, exp: 2.0, log: 1.0, trig: 2.0, ..Accuracy::CORRECT },
    ..HF_F32
};

/// All named profiles. Which are right depends on the dtype: [`Profile::is_right`].
pub const NAMED: &[Profile] = &[
    HF_F32,
    HF_BF16,
    Profile {
        name: "hf-f16",
        source: "as hf-bf16, in an f16 model",
        table: F16,
        arithmetic: F16,
        output: F16,
        ..HF_F32
    },
    Profile {
        name: "meta-f32-complex",
        source: "Meta's Llama (torch.polar, view_as_complex), DeepSeek: f32 complex numbers, the \
                 product fused as compilers do",
        contraction: Contraction::RoundsSin,
        ..HF_F32
    },
    VLLM_BF16,
    Profile { name: "vllm-f16-cache", table: F16, ..VLLM_BF16 },
    GGML_F32,
    Profile {
        name: "ggml-cuda",
        source: "ggml on CUDA: pos · powf(theta_scale, i)",
        recipe: Recipe::PowerOfStep,
        accuracy: Accuracy::CUDA,
        contraction: Contraction::RoundsCos,
        ..GGML_F32
    },
    MLX_F32,
    Profile {
        name: "mlx-fallback-bf16",
        source: "MLX, mlx/fast.cpp: exp(−k·ln(base)/h), cos and sin cast to the dtype",
        recipe: Recipe::Exponential,
        scaling: Scaling::Position,
        ..HF_BF16
    },
    Profile {
        name: "flashinfer-fast",
        source: "FlashInfer, pos_enc.cuh without a cache: __powf(1/base, 2i/r), __sincosf",
        recipe: Recipe::PowerOfReciprocal,
        accuracy: Accuracy::FAST,
        contraction: Contraction::RoundsSin,
        host: F32,
        ..HF_F32
    },
    NUMPY_F64,
    Profile {
        name: "flush-f32",
        source: "hf-f32 on hardware, or with compiler flags, that flushes subnormals",
        flush: true,
        ..HF_F32
    },
    Profile {
        name: "bf16-inv_freq",
        source: "wrong: model.to(bfloat16) rounds the buffer inv_freq (EleutherAI/gpt-neox#1003, \
                 huggingface/transformers#25681)",
        frequency: Bf16,
        ..HF_F32
    },
    Profile {
        name: "f16-inv_freq",
        source: "wrong: model.half() rounds the buffer inv_freq",
        frequency: F16,
        ..HF_F32
    },
    Profile {
        name: "bf16-positions",
        source: "wrong: positions counted in bf16, which has the integers up to 256 only",
        position: Bf16,
        ..HF_F32
    },
    Profile {
        name: "bf16-angle",
        source: "wrong: autocast runs the product of position and frequency in bf16 \
                 (huggingface/transformers#29285, huggingface/diffusers#13920)",
        angle: Bf16,
        ..HF_F32
    },
    Profile {
        name: "tf32-angle",
        source: "wrong: the product of position and frequency is a matmul, and TF32 is allowed \
                 (torch.backends.cuda.matmul.allow_tf32)",
        position: Tf32,
        frequency: Tf32,
        ..HF_F32
    },
    Profile {
        name: "f32-tables-f64",
        source: "wrong for f64: q.double() under gradcheck, while cos and sin stay f32 tensors \
                 (Transformers, and whoever casts angles with .float())",
        arithmetic: F64,
        ..HF_F32
    },
];

/// The profile of this name.
pub fn find(name: &str) -> Option<&'static Profile> {
    NAMED.iter().find(|profile| profile.name == name)
}

/// The profiles in common use for a dtype, all of them right for it: one rounding at the end, a
/// table in the dtype, all arithmetic in the dtype; in f32 three recipes.
pub fn common(dtype: Dtype) -> Vec<Profile> {
    match dtype {
        Dtype::F64 => vec![NUMPY_F64],
        Dtype::F32 => vec![HF_F32, GGML_F32, MLX_F32],
        Dtype::Bf16 => vec![HF_F32, VLLM_BF16, HF_BF16],
        Dtype::F16 => {
            ["hf-f32", "vllm-f16-cache", "hf-f16"].iter().filter_map(|n| find(n)).copied().collect()
        }
        // A cast after each of the widths that engines rotate in.
        Dtype::F8E4M3Fn | Dtype::F8E5M2 | Dtype::F8E4M3Fnuz | Dtype::F8E5M2Fnuz => {
            vec![HF_F32, VLLM_BF16, HF_BF16]
        }
        Dtype::I64 | Dtype::I32 => vec![],
    }
}

/// The profiles whose bounds golden files carry: of those in common use the one that rounds least
/// and the one that may be off most.
pub fn carried(dtype: Dtype) -> Vec<Profile> {
    let common = common(dtype);
    let last = common.last().filter(|_| common.len() > 1);
    common.first().into_iter().chain(last).copied().collect()
}
