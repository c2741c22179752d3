//! Why tests exist: one note per flag. Fault classes are a letter (A layout, B sign and direction,
//! C frequencies, D scaling, E positions, F precision, G widths and strides, H several axes,
//! I backward, J ALiBi, K T5, L sinusoidal, P attention) and a number; links are reports from real projects, as
//! owner/repository#number.
//!
//! A failing test with a flag is evidence for what its note says, not proof: one fault can break
//! tests that were made for another.

use super::model::Note;

/// A note in the table; a golden file carries the notes of its flags.
#[derive(Clone, Copy, Debug)]
pub struct Remark {
    /// The flag.
    pub flag: &'static str,
    /// What a failure means.
    pub meaning: &'static str,
    /// What users of a kernel with that fault see.
    pub effect: &'static str,
    /// Fault classes that these tests separate.
    pub faults: &'static [&'static str],
    /// Real reports.
    pub links: &'static [&'static str],
}

impl Remark {
    /// The note of a golden file.
    pub fn to_note(&self) -> Note {
        let own = |list: &[&str]| list.iter().map(|item| item.to_string()).collect();
        Note {
            meaning: self.meaning.to_string(),
            effect: self.effect.to_string(),
            faults: own(self.faults),
            links: own(self.links),
        }
    }
}

/// The note of a flag.
pub fn note(flag: &str) -> Option<&'static Remark> {
    NOTES.iter().find(|remark| remark.flag == flag)
}

const fn remark(
    flag: &'static str,
    meaning: &'static str,
    effect: &'static str,
    faults: &'static [&'static str],
    links: &'static [&'static str],
) -> Remark {
    Remark { flag, meaning, effect, faults, links }
}

/// All notes, sorted by flag.
pub const NOTES: &[Remark] = &[
    remark(
        "alibi-decode",
        "the bias is built over the query's length instead of its position",
        "decoding with a cache runs without any bias, or crashes for more than one token",
        &["J4"],
        &["keras-team/keras-hub#2861", "keras-team/keras-hub#2862"],
    ),
    remark(
        "alibi-form",
        "another form of the bias is computed: distance, key position, or both sides alike; or the \
         sign is wrong",
        "a constant per query vanishes in the softmax; a wrong sign makes the bias grow with distance",
        &["J3", "J5", "J7"],
        &["meta-pytorch/attention-gym#29", "mosaicml/llm-foundry#186", "vllm-project/vllm#945"],
    ),
    remark(
        "alibi-scale",
        "the bias is not divided by √head_dim with the scores, or divided twice",
        "slopes are off by a constant factor: attention is too local, or too flat",
        &["J7"],
        &["NVIDIA/TensorRT-Model-Connect#667"],
    ),
    remark(
        "alibi-slopes",
        "the slopes of this head count follow the other convention, or the exponent is off by one",
        "heads get slopes up to six times too large or small; powers of two hide it",
        &["J1", "J2", "J6"],
        &["ml-explore/mlx#343", "baichuan-inc/Baichuan2#225", "paiml/aprender#2143"],
    ),
    remark(
        "attention-alibi",
        "the bias does not reach the scores as it should: its sign, its slope, its form, its scale, \
         or the positions it is built from",
        "heads look too near or too far; a constant per query alone is no fault, a softmax does not \
         see it",
        &["P3", "P5"],
        &[
            "keras-team/keras-hub#2861",
            "Dao-AILab/flash-attention#907",
            "bigscience-workshop/Megatron-DeepSpeed#222",
        ],
    ),
    remark(
        "attention-causal",
        "the mask goes by places instead of positions, is aligned to the other corner, or is off by \
         one",
        "a prompt is right, chunks and decoding are not; or a token sees itself not, or the next one",
        &["P1"],
        &["NVIDIA/cutlass#2336", "gittensor-ai-lab/sparkinfer#3", "Dao-AILab/flash-attention#402"],
    ),
    remark(
        "attention-decode",
        "a step with a cache is computed as if its query stood at 0",
        "the prompt is right, what is generated is not",
        &["P1", "P3", "P12", "P8"],
        &["keras-team/keras-hub#2977"],
    ),
    remark(
        "attention-empty",
        "a query without any key gets an average of everything, or garbage",
        "padding leaks into sums over tokens",
        &["P1"],
        &["pytorch/pytorch#103749", "ml-explore/mlx#2608"],
    ),
    remark(
        "attention-extreme",
        "scores far apart overflow, or lose what is left of the smaller ones",
        "NaN where logits are large, or a weight of exactly 1 where another remains",
        &["P7", "P11"],
        &["sgl-project/sgl-kernel-npu#502"],
    ),
    remark(
        "attention-heads",
        "query heads read the wrong key heads: tiled instead of repeated",
        "right where both counts agree",
        &["P9"],
        &["onnx/onnx#7274", "ekzhang/jax-js#180"],
    ),
    remark(
        "attention-lengths",
        "padding keys are attended, or every row has the length of the first",
        "right for a batch of one",
        &["P8"],
        &["pacman100/LLM-Workshop#1"],
    ),
    remark(
        "attention-lse",
        "the logarithm of the sum is to another base, lacks the maximum or the sink",
        "values are right; parts that are merged by their logarithms get other weights",
        &["P10"],
        &[
            "sgl-project/sglang#35045",
            "flashinfer-ai/flashinfer#2114",
            "Dao-AILab/flash-attention#404",
        ],
    ),
    remark(
        "attention-pairs",
        "two settings that are right by themselves are not together",
        "only models that have both are wrong",
        &["P5", "P6", "P7"],
        &[],
    ),
    remark(
        "attention-rope",
        "the rotation inside of attention is wrong, or turns the values, or at other positions",
        "as the faults of `rotate`, seen through a softmax",
        &["P6", "P12"],
        &[],
    ),
    remark(
        "attention-scale",
        "another scale: 1/D, of the padded width, applied twice or not at all",
        "attention too flat or too sharp",
        &["P6"],
        &["intel/ipex-llm#12619", "vllm-project/vllm-ascend#1958"],
    ),
    remark(
        "attention-sink",
        "the sink has a value, is scaled, or is forgotten",
        "weights add up to 1 where they should not",
        &["P7", "P10"],
        &["vllm-project/vllm-metal#550", "modular/modular#6591", "ROCm/rocm-libraries#12229"],
    ),
    remark(
        "attention-softcap",
        "the soft cap comes before the scale or after the bias, or replaces one of them",
        "right for small scores",
        &["P5"],
        &["sgl-project/sgl-kernel-xpu#491"],
    ),
    remark(
        "attention-t5",
        "the learned bias is of the transposed pair, of another head, scaled, or lost",
        "as the faults of `t5_bias`, seen through a softmax",
        &["P4"],
        &["ml-explore/mlx-examples#1013"],
    ),
    remark(
        "attention-tiles",
        "sums over more keys than one tile: the last tile is lost, or what was summed is not scaled \
         again as the maximum grows",
        "right up to one tile of keys",
        &["P8", "P11"],
        &["zhuzilin/ring-flash-attention#20"],
    ),
    remark(
        "attention-window",
        "the window is off by one, one-sided, or counted in keys instead of positions",
        "right as long as the context is shorter than the window",
        &["P2"],
        &["huggingface/transformers#39408", "ml-explore/mlx-lm#390", "zml/zml#763"],
    ),
    remark(
        "axes",
        "a pair takes its position from the wrong axis: height for width, chunks for interleaving, \
         or a stride that runs past its section",
        "text is right, because all axes agree there; images are not",
        &["E10", "H1", "H2", "H3", "H4", "H6", "H7"],
        &["alibaba/MNN#4104", "ollama/ollama#12807", "XPU-Forces/mojo_opset#276"],
    ),
    remark(
        "backward",
        "the gradient is not the transpose: the angle keeps its sign, or the magnitude is divided",
        "training is slightly wrong; the gradient is exact at position 0",
        &["I1", "I3", "I4"],
        &["NVIDIA/apex#1750", "Dao-AILab/flash-attention#569"],
    ),
    remark(
        "base",
        "rope_theta is ignored or replaced by 10000",
        "the first pair is right for any base; the others drift with position",
        &["C1", "C4"],
        &["deepspeedai/DeepSpeed#4442", "lyogavin/airllm#368", "ggml-org/llama.cpp#18668"],
    ),
    remark(
        "basic",
        "the set-up is wrong: decoding of tensors, names, shapes, or the operation itself",
        "nothing else in the file means anything until these pass",
        &[],
        &[],
    ),
    remark(
        "batch",
        "rows, heads and tokens are mixed up: positions are read along the wrong axis, or a fast \
         path for one token forgets the batch",
        "row 0 or head 0 is right and the others are not; equal sizes hide it",
        &["A8", "E3", "E9"],
        &["mlfoundations/open_lm#4", "ml-explore/mlx#3494", "Blaizzy/mlx-vlm#1883"],
    ),
    remark(
        "caller-table",
        "the table is recomputed, normalised, or read with another meaning instead of being applied",
        "ordinary tables hide it; learned or scaled ones come out wrong",
        &["D12", "I2"],
        &["PaddlePaddle/Paddle#74716", "mudler/vllm.cpp#3086", "pytorch/pytorch#162865"],
    ),
    remark(
        "cancellation",
        "the two products nearly cancel, so rounding them (or fusing one) shows in full",
        "many ulp of a small result, few of the larger product: judge by the latter",
        &["F5"],
        &["vllm-project/vllm#57112", "sgl-project/sglang#35795", "ROCm/aiter#620"],
    ),
    remark(
        "class-token",
        "the class token is turned, or shifts the patches by one",
        "every patch is a place off, or the class token is not where the model learned it",
        &["H1"],
        &["ggml-org/llama.cpp#13282"],
    ),
    remark(
        "context-parallel",
        "a rank's slice of the positions is taken to start at 0 or to be contiguous",
        "rank 0 is right at the front, everything else is shifted",
        &["E6"],
        &["NVIDIA/Megatron-LM#560", "NVIDIA/TransformerEngine#3057"],
    ),
    remark(
        "copied-bits",
        "what lies outside the rotated planes is changed",
        "channels that must pass through are rotated, scaled, zeroed or taken from the next head",
        &["D11", "G1", "I4"],
        &["vllm-project/vllm#43676", "vllm-project/vllm#29966", "AI-Hypercomputer/maxtext#4616"],
    ),
    remark(
        "decode",
        "one token at an offset differs from the same token in a whole sequence",
        "the prompt is right and every generated token is rotated as if it were the first",
        &["D10", "E1"],
        &["RobertCsordas/moeut#6", "skyzh/tiny-llm#46", "Blaizzy/mlx-vlm#1527"],
    ),
    remark(
        "double-rounding",
        "the value is rounded to a format in between and then again",
        "one ulp off, always at what the first rounding made a tie",
        &["F10"],
        &["huggingface/transformers#24262"],
    ),
    remark(
        "dynamic",
        "the base is changed at or below the original length, not changed beyond it, or kept from an \
         earlier call",
        "short prompts are wrong, or right only until the first long one",
        &["D1", "D2", "D3", "D5"],
        &["vllm-project/vllm#41236", "huggingface/transformers#27226", "NVIDIA/TensorRT-LLM#1299"],
    ),
    remark(
        "eight-bits",
        "an eight-bit tensor is read or written by another rule: fn bytes taken as fnuz, e5m2 as e4m3, two roundings, an overflow to NaN",
        "a cache in fp8 is off by a factor of 2, or full of NaN",
        &[],
        &[],
    ),
    remark(
        "exponent",
        "the exponent is off by one, or divided by head_dim instead of rotary_dim",
        "quality drifts with distance; an exponent off by one shows in the first pair already",
        &["C2", "C3"],
        &["pie-project/pie#602", "huggingface/transformers#48652", "bkitano/llama-from-scratch#8"],
    ),
    remark(
        "fused-amax",
        "the scale is not the largest magnitude of what shares it over the largest number: of the unrotated row, of another block, of another width, rounded down, or 0 for a block of zeros",
        "values saturate, or a block of zeros becomes NaN",
        &[],
        &[],
    ),
    remark(
        "fused-eps",
        "eps stands outside of the root, is lost in a narrow format, or is added to the sum instead of the mean",
        "quiet rows are far too large or too small",
        &[],
        &[],
    ),
    remark(
        "fused-norm",
        "the norm is another one: over the rotary slice, over all heads, of the first head for all; its weight is missing, one less or that of the other tensor",
        "q and k have wrong lengths: attention is too sharp or too flat",
        &[],
        &[],
    ),
    remark(
        "fused-order",
        "the norm and the rotation are exchanged, where weights or means make that another function",
        "attention degrades with the distance, as the weights turn with the rows",
        &[],
        &[],
    ),
    remark(
        "fused-overflow",
        "what is beyond the largest number becomes NaN or infinity instead of the largest, or the reverse",
        "one outlier makes a row of the cache NaN",
        &[],
        &[],
    ),
    remark(
        "fused-padding",
        "a slot of −1 is written, to the last row or before the cache",
        "another sequence's keys change now and then",
        &[],
        &[],
    ),
    remark(
        "fused-scale",
        "values are multiplied by the scale instead of divided, or by the scale of another head, token, group or tensor",
        "the cache is off by the square of the scale",
        &[],
        &[],
    ),
    remark(
        "fused-store",
        "block and offset are exchanged, the layout is the other one, a row goes to the next block, or rows that are not asked for change",
        "keys belong to other tokens once a sequence is longer than a block",
        &[],
        &[],
    ),
    remark(
        "fused-ties",
        "ties do not go to even, or the value was rounded to a wider format first",
        "half a step of an eight-bit format: a bias that adds up",
        &[],
        &[],
    ),
    remark(
        "grid-axes",
        "pairs are dealt out to rows and columns by another model's rule: the spectrum restarts on every axis or runs on, and the blocks follow each other or interleave",
        "images are wrong, square and symmetric ones the least",
        &["E10", "H1", "H2", "H4", "H6", "H7"],
        &["huggingface/pytorch-image-models#2541", "ggml-org/llama.cpp#13282"],
    ),
    remark(
        "grid-order",
        "rows and columns are exchanged, or patches are counted in another order",
        "text and square symmetric images are right, other images are scrambled",
        &["H1", "H6"],
        &[
            "huggingface/pytorch-image-models#2541",
            "ggml-org/llama.cpp#13282",
            "osaurus-ai/vmlx-swift#225",
        ],
    ),
    remark(
        "growth",
        "the growth of xPos is missing, has the wrong sign for keys, or starts at another position",
        "scores of near keys are right, those of far ones off by a power",
        &["B3", "D1", "D8"],
        &[],
    ),
    remark(
        "heads",
        "query and key heads differ in number, and keys are addressed with the queries' strides",
        "keys are read or written at the wrong place; equal head counts hide it",
        &["A3", "B3", "G4"],
        &["linkedin/Liger-Kernel#342", "PaddlePaddle/Paddle#74347", "hpcaitech/ColossalAI#6429"],
    ),
    remark(
        "history",
        "the answer depends on what the process was asked before: a table found under an incomplete \
         key, a base kept from a longer sequence, a table rebuilt at another precision, a race",
        "right when asked alone or first, wrong later; equal calls may differ",
        &["C4", "C7", "D5", "F9", "G5", "H5"],
        &["ml-explore/mlx#3071", "huggingface/transformers#27226", "vllm-project/vllm#48872"],
    ),
    remark(
        "identity",
        "position 0 changes the input: cos and sin are exchanged, the output keeps another order, or \
         a magnitude is wrong",
        "the first token is wrong; logits alone may hide an order that q and k share",
        &["A7", "B2", "D8"],
        &["HabanaAI/vllm-fork#2042", "NVIDIA/TensorRT-LLM#3638"],
    ),
    remark(
        "inverse",
        "undoing a rotation turns the wrong way or does not divide by the magnitude",
        "shifting or de-rotating a cache degrades a little more each time",
        &["B4"],
        &["ggml-org/llama.cpp#4097", "ggml-org/llama.cpp#17945"],
    ),
    remark(
        "json-text",
        "the fault is in the JSON text itself: a repeated key, 1.0 for 1, or an integer that a \
         double cannot hold",
        "a JSON reader that repairs it cannot see it; such a consumer skips these tests",
        &[],
        &[],
    ),
    remark(
        "layout",
        "pairs are formed the other way: neighbours instead of halves, or halves instead of neighbours",
        "exact at position 0, wrong by a third at 1 and completely after 10: fluent for a few \
         words, then gibberish",
        &["A1", "A4", "A5", "A6"],
        &[
            "huggingface/transformers#25199",
            "ggml-org/llama.cpp#13261",
            "vllm-project/vllm#49290",
            "EleutherAI/gpt-neox#834",
        ],
    ),
    remark(
        "learned-offset",
        "the offset of the table (2 in OPT, padding_idx + 1 in RoBERTa) is forgotten or added twice",
        "every token gets its neighbour's embedding",
        &["E4"],
        &[],
    ),
    remark(
        "left-padding",
        "positions are counted from the padding instead of from the first real token",
        "shorter rows of a batch are shifted; a pure rotation hides it in the logits",
        &["E4"],
        &["huggingface/transformers#22161", "unslothai/unsloth#3699", "tloen/alpaca-lora#315"],
    ),
    remark(
        "linear",
        "the factor multiplies where it divides, or is ignored",
        "angles are wrong by the factor or its square from position 1 on",
        &["D1", "D4"],
        &["lablup/mlxcel#1340", "InfiniTensor/InfiniCore#1200"],
    ),
    remark(
        "llama3",
        "the three bands are mixed up, or the blend is on wavelengths instead of frequencies",
        "only the pairs between the bands are wrong, and only far away",
        &["D1", "D6"],
        &["ml-explore/mlx-examples#907", "Lightning-AI/litgpt#1745", "ggml-org/llama.cpp#8650"],
    ),
    remark(
        "log-bucket",
        "the logarithm of a distance is truncated where it must be rounded up, or clamped elsewhere",
        "far distances fall into the row beside their own, or outside the table",
        &["K3"],
        &[],
    ),
    remark(
        "long-position",
        "angles lose accuracy far away: rounded frequencies, sines of unreduced angles, running \
         products, or a table that ends early",
        "right for a short prompt, gibberish in a long one",
        &["E7", "F1", "F6", "F7", "F8"],
        &[
            "EleutherAI/gpt-neox#1003",
            "huggingface/transformers#25681",
            "kekzl/imp#1316",
            "pegainfer-project/pegainfer#220",
        ],
    ),
    remark(
        "longrope",
        "the wrong list of divisors: the switch is at the original length, strictly, for the whole \
         sequence, and the short list is not 1",
        "at exactly the original length one token disagrees; beyond it attention collapses",
        &["D1", "D2", "D9", "D12"],
        &["ggml-org/llama.cpp#24875", "trymirai/uzu#604", "unslothai/unsloth#10681"],
    ),
    remark(
        "magnitude",
        "attention_factor is dropped, applied twice, or applied to what is not rotated",
        "constant over position, so tests that compare directions cannot see it",
        &["D8"],
        &["huggingface/transformers#47435", "ml-explore/mlx-lm#1507", "raullenchai/Rapid-MLX#1225"],
    ),
    remark(
        "mixed-dtype",
        "input and output differ in format, and something is rounded that should not be, or not once",
        "an ulp here and there, or an output that stays in the wide format",
        &["F4", "F10"],
        &["huggingface/transformers#24262", "vllm-project/vllm#40180", "vllm-project/vllm#863"],
    ),
    remark(
        "model-config",
        "a config.json is read with another meaning: a key ignored, a default missing, another layer's",
        "the kernel is right and the model wrong",
        &["A5", "C1", "D1", "D2"],
        &["huggingface/transformers#45902"],
    ),
    remark(
        "near-tie",
        "the exact value lies extremely close to the middle between two numbers; only a kernel that \
         rounds correctly must agree, any other may be one ulp off",
        "shows whether a reference that claims correct rounding has it",
        &[],
        &[],
    ),
    remark(
        "negative-position",
        "negative positions are wrapped, clamped or read as unsigned",
        "padding offsets and shifted caches turn the wrong way",
        &["E2", "E7", "E14"],
        &["turboderp-org/exllamav2#606", "ggml-org/llama.cpp#4097"],
    ),
    remark(
        "no-rotation",
        "a layer that must not rotate does, or the list of layers is read inverted",
        "a quarter of the layers mix positions in; short prompts hide it",
        &["C6"],
        &["huggingface/transformers#43756", "pytorch/executorch#22043"],
    ),
    remark(
        "nonfinite",
        "a NaN or an infinity comes out finite where it must not",
        "an upstream fault is hidden, or a masked lane leaks",
        &[],
        &[],
    ),
    remark(
        "ntk",
        "the base is not stretched, by the wrong power, or the frequencies are divided as well",
        "long contexts lose the far tokens; the first pair is right for any base",
        &["D1", "D5"],
        &["turboderp/exllama#126", "vllm-project/vllm#41236"],
    ),
    remark(
        "odd-dim",
        "an odd width has no zero column at its end, or shifts the others",
        "a crash, or the last column of another row",
        &["L3"],
        &["huggingface/transformers#8021", "gc-os-ai/pyaptamer#607"],
    ),
    remark(
        "overflow",
        "a result beyond the largest number does not become infinite, or becomes so too early",
        "f16 activations turn into NaN",
        &[],
        &[],
    ),
    remark(
        "packed",
        "positions run on across documents that were packed into one row",
        "the second document is rotated as a continuation of the first",
        &["E5"],
        &["allenai/OLMo-core#591", "pytorch/torchtitan#2559", "huggingface/nanoVLM#201"],
    ),
    remark(
        "partial",
        "the width of the rotated slice is wrong: the factor is applied twice, dropped, or not \
         truncated as every library does",
        "channels that must pass through are rotated, or the reverse",
        &["D11", "G1"],
        &["vllm-project/vllm#29966", "vllm-project/vllm#43676", "flashinfer-ai/flashinfer#4349"],
    ),
    remark(
        "position-bf16",
        "positions or their products are held in bf16, which has no odd number above 256",
        "neighbouring tokens share an angle from 257 on",
        &["F2", "F3"],
        &["nkalyanv99/UNI-D2#6", "huggingface/diffusers#13920"],
    ),
    remark(
        "position-f16",
        "positions are held in f16, which has no odd number above 2048 and none from 65520 on",
        "neighbouring tokens share an angle, later all are infinite",
        &["F3"],
        &["vllm-project/vllm-ascend#5260", "EleutherAI/gpt-neox#1003"],
    ),
    remark(
        "position-f32",
        "positions are held in f32, which has no odd number above 2^24",
        "neighbouring tokens share an angle in very long contexts",
        &["F3", "F8"],
        &["ROCm/aiter#620"],
    ),
    remark(
        "position-f64",
        "positions are held in doubles, which have no odd number above 2^53",
        "seen only where positions are identifiers rather than counts",
        &["F3"],
        &[],
    ),
    remark(
        "position-integer",
        "positions are read with the wrong width or signedness, or addresses overflow 32 bits",
        "sharp from one token on: garbage, a crash, or the angles of another token",
        &["E8", "E14"],
        &["flashinfer-ai/flashinfer#1129", "sgl-project/sglang#29603", "LMCache/LMCache#2902"],
    ),
    remark(
        "proportional",
        "the frequencies are those of a narrower slice: here the exponent is over head_dim and the \
         pairs span the head",
        "drift with distance; the pairs that must not turn do",
        &["C2", "D1"],
        &["huggingface/transformers#48652", "zml/zml#660"],
    ),
    remark(
        "ragged-offsets",
        "one offset is used for all rows of a batch",
        "only the row whose length it is comes out right",
        &["E1", "E2"],
        &["ml-explore/mlx#2564", "EricLBuehler/mistral.rs#251", "Dao-AILab/flash-attention#177"],
    ),
    remark(
        "reject-config",
        "a config that means nothing, or something else than was meant, is accepted",
        "a misspelt or unsupported key falls back to a default, and nobody notices",
        &["D2", "D3", "G1"],
        &["deepseek-ai/DeepSeek-R1#684", "lablup/mlxcel#1324", "NVIDIA/TensorRT-LLM#1595"],
    ),
    remark(
        "reject-input",
        "an input that is missing, or that has no meaning, goes unnoticed",
        "a length that was given is ignored, or one that was not is inferred",
        &["D5", "D9"],
        &["vllm-project/vllm#41236"],
    ),
    remark(
        "reject-position",
        "a position that is none is repaired instead of refused",
        "rows beyond a table are garbage, zero, or the unrotated input",
        &["E7", "E14"],
        &["pegainfer-project/pegainfer#220", "microsoft/onnxruntime#27597"],
    ),
    remark(
        "reject-shape",
        "shapes that do not fit are broadcast or cut",
        "silent where the sizes happen to agree",
        &["E3", "E10", "G1"],
        &[
            "Blaizzy/mlx-vlm#1883",
            "sgl-project/sgl-kernel-xpu#202",
            "flashinfer-ai/flashinfer#4349",
        ],
    ),
    remark(
        "reject-tensor",
        "a malformed tensor is read as some tensor",
        "the comparison that follows is about other numbers",
        &[],
        &[],
    ),
    remark(
        "relative",
        "a score depends on more than the difference of the positions",
        "attention drifts as a sequence moves through a cache",
        &["A4", "E13"],
        &["raiyanyahya/how-to-train-your-gpt#6", "vllm-project/vllm#945"],
    ),
    remark(
        "relative-clip",
        "a distance is not clipped to the table, or clipped before it must be",
        "far keys read another row, or memory behind the table",
        &["K3"],
        &[],
    ),
    remark(
        "relative-direction",
        "query minus key is taken for key minus query",
        "keys before and after the query exchange their rows; a mirrored table hides it",
        &["K3"],
        &[],
    ),
    remark(
        "rope-delta",
        "the offset of decoding after an image is lost, stale, or counted in tokens",
        "the prompt is right, every token generated after it is at another position",
        &["H5"],
        &["huggingface/transformers#43952", "Blaizzy/mlx-vlm#1505", "QwenLM/Qwen3-VL#765"],
    ),
    remark(
        "rounding",
        "a step or the result is rounded to a narrower format than the output has",
        "the low bits of the output are noise, or zero",
        &["F4", "F5", "F7", "F8", "F10"],
        &["vllm-project/vllm#863", "vllm-project/vllm#57112", "ROCm/aiter#620"],
    ),
    remark(
        "scattered-ids",
        "positions are taken to be consecutive or increasing",
        "tree attention, reordered or repeated tokens get their neighbours' angles",
        &["E5", "E14", "E15"],
        &["flashinfer-ai/flashinfer#1129", "sgl-project/sglang#4267"],
    ),
    remark(
        "segments",
        "the three axes of text and images are mixed up, or the text after an image goes on at a wrong place",
        "text is right, images and what follows them are not",
        &["H6"],
        &[
            "linkedin/Liger-Kernel#276",
            "huggingface/transformers#40136",
            "modelscope/ms-swift#2051",
        ],
    ),
    remark(
        "sign",
        "the rotation goes the other way",
        "the cosine parts are right, the sine parts negated; two wrong signs hide in the logits",
        &["B1"],
        &["karpathy/nanochat#489", "trymirai/lalamo#268"],
    ),
    remark(
        "signed-zero",
        "a zero loses its sign where bits are copied, or is not zero",
        "harmless alone; it shows that copied channels are computed",
        &[],
        &[],
    ),
    remark(
        "sinusoidal-divisor",
        "the exponent is divided by half instead of half − 1, or the reverse",
        "the first frequency is right, the last one is off by up to base^(1/half)",
        &["L2"],
        &["hojonathanho/diffusion#15", "kohya-ss/sd-scripts#1187", "huggingface/diffusers#12791"],
    ),
    remark(
        "sinusoidal-layout",
        "sines and cosines are concatenated where they should alternate, or the reverse",
        "embeddings of another model",
        &["L1"],
        &["allenai/allennlp#2993", "facebookresearch/fairseq#4648", "tensorflow/tensor2tensor#177"],
    ),
    remark(
        "sinusoidal-order",
        "sines and cosines are exchanged",
        "position 0 is 1,0 instead of 0,1",
        &["L4"],
        &["flashinfer-ai/flashinfer#3819", "huggingface/diffusers#1369"],
    ),
    remark(
        "slice",
        "the leading channels are rotated where the trailing ones should be, or the reverse",
        "nothing at position 0, the wrong channels after it",
        &["G9"],
        &["raullenchai/Rapid-MLX#1225", "vllm-project/vllm#46685"],
    ),
    remark(
        "softmax-factor",
        "the factor on the logits is forgotten, or moved into the rotation",
        "with equal mscales cos and sin are unchanged and logits are off by up to 1.9 times",
        &["D8"],
        &["onnxruntime/mobius#548", "vllm-project/tpu-inference#521"],
    ),
    remark(
        "spectrum",
        "the frequencies themselves are wrong: uninitialised, rounded, or of another config",
        "angles drift with position; the first frequency must be exactly 1 for every plain base",
        &["C5", "F1"],
        &["huggingface/transformers#45902", "huggingface/transformers#25681"],
    ),
    remark(
        "subnormal",
        "numbers below the smallest normal one are flushed to zero or rounded twice",
        "tiny activations vanish",
        &[],
        &[],
    ),
    remark(
        "t5-boundary",
        "a distance falls into the bucket beside its own, or beyond the last one",
        "logarithms that are an ulp low, a missing minimum, or half precision shift whole buckets",
        &["K3"],
        &["huggingface/candle#727", "huggingface/candle#1312", "ml-explore/mlx-examples#113"],
    ),
    remark(
        "t5-decode",
        "a cached step uses query index 0",
        "the first token is right, every later one gets the bias of another distance",
        &["K2"],
        &["huggingface/candle#899", "NVIDIA/TensorRT-LLM#13870"],
    ),
    remark(
        "t5-direction",
        "the sign of key − query, or the bidirectional flag, is wrong",
        "keys before and after the query exchange their biases",
        &["K3"],
        &["dmlc/gluon-nlp#1470", "lucidrains/x-transformers#10"],
    ),
    remark(
        "table-end",
        "the last row, or what lies beyond it, is read wrongly",
        "garbage, or the table's first rows again",
        &["E7"],
        &["pegainfer-project/pegainfer#220", "microsoft/onnxruntime#28205"],
    ),
    remark(
        "table-precision",
        "cos and sin are not the nearest numbers of the format",
        "a table in the activations' dtype is off by up to half an ulp of that dtype everywhere",
        &["F1", "F4", "F8"],
        &["vllm-project/vllm#863", "sgl-project/sglang#33117", "huggingface/transformers#29496"],
    ),
    remark(
        "temperature",
        "the step of the attention scale comes a position early or late, or its weight is another",
        "nothing below the first step, all logits scaled wrongly beyond it",
        &[],
        &[],
    ),
    remark(
        "tie",
        "the exact value is the middle between two numbers and does not go to the even one",
        "one ulp off in half of the cases",
        &["J7"],
        &["NVIDIA/TensorRT-Model-Connect#667", "HabanaAI/vllm-fork#503"],
    ),
    remark(
        "video-clock",
        "seconds between frames are cast to integers, or multiplied in f32",
        "frames less than a second apart share a position, or one comes early",
        &["H6"],
        &[],
    ),
    remark(
        "weight-heads",
        "key weights are permuted with the number of query heads",
        "every key is wrong under grouped-query attention, none without it",
        &["A3"],
        &["ggml-org/llama.cpp#3018", "EleutherAI/gpt-neox#1337"],
    ),
    remark(
        "weight-permutation",
        "rows of query or key weights are permuted the wrong way, twice, or not at all",
        "kernels pass, the model is wrong as if its layout were",
        &["A2"],
        &["huggingface/nanotron#241", "karpathy/llama2.c#286", "tatsu-lab/stanford_alpaca#227"],
    ),
    remark(
        "width",
        "a head width is not what a vector path assumes: padding, a tail, or a power of two",
        "powers of two are right; elsewhere the tail is unrotated, garbage, or past the row's end",
        &["G2", "G3"],
        &[
            "microsoft/onnxruntime#24980",
            "vllm-project/vllm-ascend#12723",
            "Dao-AILab/flash-attention#1195",
        ],
    ),
    remark(
        "wires",
        "q and k, or their halves, are crossed, one of them is not rotated, or the second half of a pair \
         is made of the first one's new value",
        "equal tensors hide it",
        &["B2", "B3", "G6"],
        &["hpcaitech/ColossalAI#6428", "kvcache-ai/sglang#66", "huggingface/candle#1935"],
    ),
    remark(
        "yarn",
        "the ramp is wrong: betas exchanged, ends floored or not, the original length lost",
        "single frequencies off by up to 76 %, the others right",
        &["D1", "D2", "D7"],
        &["ggml-org/llama.cpp#17565", "panbanda/higgs#142", "antonellof/ferrox#226"],
    ),
];
