//! The keys of everything that is no rotary scheme; the rotary ones stand beside their schemes.

use super::key::{Absent, Key, Kind, Range};
use crate::request::POSITION_LIMIT;

const WIDEST: i64 = 1 << 20;
const MOST_HEADS: i64 = 1 << 16;
const FARTHEST: i64 = 1 << 24;

/// The keys of the sinusoidal embedding. Only `base` has a default: libraries disagree on the
/// others.
pub const SINUSOIDAL_KEYS: &[Key] = &[
    Key {
        name: "dim",
        kind: Kind::Integer(1, WIDEST),
        absent: Absent::Required,
        meaning: "width of the embedding",
    },
    Key {
        name: "base",
        kind: Kind::Number(Range::Positive),
        absent: Absent::Number(10000.0),
        meaning: "the longest wavelength over 2π, roughly",
    },
    Key {
        name: "min_timescale",
        kind: Kind::Number(Range::Positive),
        absent: Absent::Optional,
        meaning: "m: frequency k is m · (base/m)^(−k/divisor), base the largest timescale (tensor2tensor)",
    },
    Key {
        name: "min_period",
        kind: Kind::Number(Range::Positive),
        absent: Absent::Optional,
        meaning: "the shortest wavelength, in place of base: 2π / (min · (max/min)^(k/divisor)) (π0)",
    },
    Key {
        name: "max_period",
        kind: Kind::Number(Range::Positive),
        absent: Absent::Optional,
        meaning: "the longest one, k = divisor",
    },
    Key {
        name: "layout",
        kind: Kind::Word(&["interleaved", "concatenated"]),
        absent: Absent::Required,
        meaning: "sin and cos side by side, or all of one before all of the other",
    },
    Key {
        name: "divisor",
        kind: Kind::Word(&["half", "half_minus_one"]),
        absent: Absent::Required,
        meaning: "what the exponent is divided by: Vaswani's d/2, or tensor2tensor's d/2 − 1",
    },
    Key {
        name: "order",
        kind: Kind::Word(&["sin_first", "cos_first"]),
        absent: Absent::Required,
        meaning: "which of the two comes first",
    },
];

/// The keys of a learned embedding.
pub const LEARNED_KEYS: &[Key] = &[
    Key {
        name: "dim",
        kind: Kind::Integer(1, WIDEST),
        absent: Absent::Required,
        meaning: "width of the embedding",
    },
    Key {
        name: "offset",
        kind: Kind::Integer(0, 1 << 31),
        absent: Absent::Integer(0),
        meaning: "added to every position (2 in OPT, padding_idx + 1 in RoBERTa)",
    },
];

/// More heads than any model has.
/// The keys of ALiBi. The first three concern the slopes, the last two the bias only.
pub const ALIBI_KEYS: &[Key] = &[
    Key {
        name: "num_heads",
        kind: Kind::Integer(1, MOST_HEADS),
        absent: Absent::Required,
        meaning: "number H of heads",
    },
    Key {
        name: "slopes",
        kind: Kind::Word(&["code", "paper"]),
        absent: Absent::Required,
        meaning: "the released code's list, or the paper's one geometric series",
    },
    Key {
        name: "alibi_bias_max",
        kind: Kind::Integer(0, 1024),
        absent: Absent::Optional,
        meaning: "the exponent of the last slope (MPT, ggml's max_bias); 8 if not given",
    },
    Key {
        name: "form",
        kind: Kind::Word(&["distance", "key", "symmetric", "mpt"]),
        absent: Absent::Required,
        meaning: "what the slope multiplies",
    },
    Key {
        name: "head_dim",
        kind: Kind::Integer(1, 1 << 16),
        absent: Absent::Optional,
        meaning: "if given, the bias is divided by its square root (Falcon)",
    },
];

/// The keys of `deberta_bucket`.
pub const DEBERTA_KEYS: &[Key] = &[
    Key {
        name: "bucket_size",
        kind: Kind::Integer(4, 1024),
        absent: Absent::Required,
        meaning: "B: buckets per direction; `position_buckets` in a config.json",
    },
    Key {
        name: "max_position",
        kind: Kind::Integer(1, 1 << 31),
        absent: Absent::Required,
        meaning: "M: the distance M − 1 ends the logarithmic part; `max_relative_positions`",
    },
    Key {
        name: "clamp",
        kind: Kind::Word(&["distance", "index"]),
        absent: Absent::Required,
        meaning: "what is kept in range: the distance (Microsoft) or the row (Transformers)",
    },
    Key {
        name: "form",
        kind: Kind::Word(&["bucket", "index"]),
        absent: Absent::Required,
        meaning: "the signed bucket, or the row of the table, which is the bucket plus B",
    },
];

/// The keys of `permute_qk`.
pub const PERMUTE_KEYS: &[Key] = &[
    Key {
        name: "num_heads",
        kind: Kind::Integer(1, 1 << 16),
        absent: Absent::Required,
        meaning: "heads of this weight: for K the key heads, not the query heads",
    },
    Key {
        name: "head_dim",
        kind: Kind::Integer(2, 1 << 16),
        absent: Absent::Required,
        meaning: "rows per head",
    },
    Key {
        name: "rotary_dim",
        kind: Kind::Integer(0, 1 << 16),
        absent: Absent::Optional,
        meaning: "leading rows of each head that are permuted, even; default head_dim",
    },
];

/// The largest table that is accepted.
/// The keys of `shaw_bucket`. Which of the two lengths is needed depends on `form`.
pub const SHAW_KEYS: &[Key] = &[
    Key {
        name: "form",
        kind: Kind::Word(&["key_minus_query", "query_minus_key"]),
        absent: Absent::Required,
        meaning: "Shaw's clipped distance, or Transformers' relative_key: the other sign, unclipped",
    },
    Key {
        name: "max_relative_position",
        kind: Kind::Integer(0, FARTHEST),
        absent: Absent::Optional,
        meaning: "K of key_minus_query: distances are clipped to ±K",
    },
    Key {
        name: "max_position_embeddings",
        kind: Kind::Integer(1, FARTHEST),
        absent: Absent::Optional,
        meaning: "M of query_minus_key: the table has 2M − 1 rows",
    },
];

/// The keys of T5's relative bias.
pub const T5_KEYS: &[Key] = &[
    Key {
        name: "num_buckets",
        kind: Kind::Integer(2, 1024),
        absent: Absent::Required,
        meaning: "number of buckets, both directions together",
    },
    Key {
        name: "max_distance",
        kind: Kind::Integer(1, 1 << 31),
        absent: Absent::Required,
        meaning: "the distance from which all share the last bucket",
    },
    Key {
        name: "bidirectional",
        kind: Kind::Flag,
        absent: Absent::Required,
        meaning: "whether keys after the query have buckets of their own",
    },
];

/// The keys of `attention_temperature`, named as in Llama 4's config.json.
pub const TEMPERATURE_KEYS: &[Key] = &[
    Key {
        name: "attn_scale",
        kind: Kind::Number(Range::Any),
        absent: Absent::Number(0.1),
        meaning: "multiplies the logarithm; `llama_4_scaling_beta` in Mistral's configs",
    },
    Key {
        name: "floor_scale",
        kind: Kind::Integer(1, 1 << 53),
        absent: Absent::Integer(8192),
        meaning: "positions per step; `original_max_position_embeddings` in Mistral's configs",
    },
    Key {
        name: "offset",
        kind: Kind::Integer(0, 1),
        absent: Absent::Integer(1),
        meaning: "added to every position: 1 as in Llama 4, 0 as in Mistral",
    },
];

/// The keys of the model form.
pub const MODEL_KEYS: [&str; 4] = ["model", "layout", "layer_type", "part"];

/// The keys of `attention`. `rope`, `alibi` and `t5` hold configs of their own.
pub const ATTENTION_KEYS: &[Key] = &[
    Key {
        name: "scale",
        kind: Kind::Number(Range::Positive),
        absent: Absent::Optional,
        meaning: "multiplies ⟨q, k⟩; 1/√D, exactly, if not given",
    },
    Key {
        name: "causal",
        kind: Kind::Flag,
        absent: Absent::Required,
        meaning: "whether keys after the query are masked, by position",
    },
    Key {
        name: "window",
        kind: Kind::Window(POSITION_LIMIT),
        absent: Absent::Optional,
        meaning: "keys at positions from q − left to q + right, null for no limit",
    },
    Key {
        name: "softcap",
        kind: Kind::Number(Range::Positive),
        absent: Absent::Optional,
        meaning: "c: the scaled score s becomes c·tanh(s/c)",
    },
    Key {
        name: "rope",
        kind: Kind::Config,
        absent: Absent::Optional,
        meaning: "queries and keys are rotated first",
    },
    Key {
        name: "alibi",
        kind: Kind::Config,
        absent: Absent::Optional,
        meaning: "its bias is added to the scores",
    },
    Key {
        name: "t5",
        kind: Kind::Config,
        absent: Absent::Optional,
        meaning: "its bias is added to the scores; input `table`",
    },
];
