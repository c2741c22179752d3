//! What the libraries have called things.

/// Spellings of one thing outside `rope_scaling`.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The first is what the documentation calls it.
    pub names: &'static [&'static str],
    /// What it becomes, in a line.
    pub meaning: &'static str,
}

pub(super) const ATTENTION_HEAD: Alias = Alias {
    names: &["attention_head_dim"],
    meaning: "head_dim, where the layers are wider (Zamba 2)",
};
pub(super) const HEAD_DIM: Alias = Alias {
    names: &["head_dim", "kv_channels"],
    meaning: "head_dim; else the quotient of the next two",
};
pub(super) const WIDTH: Alias =
    Alias { names: &["hidden_size", "n_embd", "d_model"], meaning: "width of the model" };
pub(super) const HEADS: Alias = Alias {
    names: &["num_attention_heads", "n_head", "n_heads"],
    meaning: "number of query heads, divides the width",
};
/// Read where no key of [`HEADS`] is there: vision towers.
pub(super) const TOWER_HEADS: Alias = Alias {
    names: &["num_heads", "encoder_num_attention_heads", "decoder_num_attention_heads"],
    meaning: "number of query heads, in vision towers and in Moonshine",
};
pub(super) const THETA: Alias = Alias {
    names: &[
        "rope_theta",
        "rotary_emb_base",
        "global_rope_theta",
        "rotary_embedding_base",
        "memory_attention_rope_theta",
    ],
    meaning: "rope_theta, of full_attention layers where there is a local one; 10000 where \
              neither the file nor its model type says it",
};
pub(super) const RATIO: Alias = Alias {
    names: &["rope_ratio"],
    meaning: "rope_theta = 10000 × this, one IEEE product (ChatGLM, GLM-4)",
};
pub(super) const LOCAL: Alias = Alias {
    names: &["rope_local_base_freq", "local_rope_theta"],
    meaning: "rope_theta of sliding_attention layers; with the second spelling (ModernBERT) they \
              are scaled like the others, with the first (Gemma 3) never",
};
pub(super) const PER_LAYER: Alias = Alias {
    names: &["layer_rope_theta"],
    meaning: "a base for each layer, 0 for none (Granite SWA, Muse): one base, which is rope_theta, \
              and with a 0 among them layer_type no_rope is allowed",
};
pub(super) const COMPRESSED: Alias = Alias {
    names: &["compress_rope_theta"],
    meaning: "rope_theta of layer_type compress, which alone is scaled; main has rope_theta \
              (DeepSeek V4)",
};
pub(super) const PARTIAL: Alias = Alias {
    names: &["partial_rotary_factor", "rotary_pct", "rope_pct", "rotary_emb_fraction"],
    meaning: "partial_rotary_factor",
};
pub(super) const ROTARY_DIM: Alias =
    Alias { names: &["rotary_dim"], meaning: "rotary_dim (GPT-J, CodeGen, MiniMax)" };
pub(super) const LATENT: Alias = Alias {
    names: &["qk_rope_head_dim"],
    meaning: "the rotated slice at the end of a latent-attention head: rotary_dim, with \
              rotary_offset = qk_nope_head_dim and head_dim their sum; use_mla = false disables it",
};
pub(super) const PASSING: Alias = Alias {
    names: &["qk_nope_head_dim"],
    meaning: "what stands before that slice; without it head_dim is the whole (DeepSeek V4)",
};
pub(super) const GLOBAL_HEAD: Alias =
    Alias { names: &["global_head_dim"], meaning: "head_dim of full_attention layers (Gemma 4)" };
pub(super) const LENGTH: Alias = Alias {
    names: &["max_position_embeddings", "n_positions", "max_seq_len"],
    meaning: "max_position_embeddings; only dynamic and longrope read it",
};
pub(super) const ORIGINAL: Alias = Alias {
    names: &["original_max_position_embeddings"],
    meaning: "the same key of the rope_type, if it takes one (Phi-3 has it outside); Transformers \
              lets this one win, here the two must agree",
};
pub(super) const SKIPPED: Alias = Alias {
    names: &["no_rope_layers"],
    meaning: "a list with 0 for each layer without rotation (1 *has* it): allows layer_type no_rope",
};
pub(super) const INTERVAL: Alias = Alias {
    names: &["no_rope_layer_interval"],
    meaning: "every how many layers one does not rotate: allows layer_type no_rope",
};
pub(super) const SCALED: Alias = Alias {
    names: &["rope_scaling_layers"],
    meaning: "a list of the layers that are scaled (Molmo 2): layer_type scaled or unscaled, where \
              there is a scaling",
};
pub(super) const SCALING: Alias = Alias {
    names: &["rope_scaling", "rope_parameters"],
    meaning: "the scaling, flat or one object per layer type; null and {} mean none",
};

/// Every key of a config.json that is read, besides `model_type`, `layer_types`, `sliding_window`
/// and `use_mla`.
pub const ALIASES: [Alias; 21] = [
    ATTENTION_HEAD,
    HEAD_DIM,
    GLOBAL_HEAD,
    WIDTH,
    HEADS,
    TOWER_HEADS,
    THETA,
    RATIO,
    LOCAL,
    PER_LAYER,
    COMPRESSED,
    PARTIAL,
    ROTARY_DIM,
    LATENT,
    PASSING,
    LENGTH,
    ORIGINAL,
    SKIPPED,
    INTERVAL,
    SCALED,
    SCALING,
];

/// Objects that hold the text model of a larger one (or, in DBRX, the attention of a model). The
/// innermost value counts.
pub(super) const NESTS: [&str; 5] =
    ["thinker_config", "text_config", "language_config", "llm_config", "attn_config"];

/// Objects that hold a tower beside the text model, by the word that asks for it.
pub(super) const TOWERS: [(&str, &[&str]); 2] = [
    ("vision", &["vision_config", "vision_tower_config", "visual", "vit_config"]),
    ("audio", &["audio_config", "audio_encoder_config"]),
];

/// Keys with `rope` or `rotary` in their names that say nothing about frequencies.
pub(super) const IRRELEVANT: [&str; 7] = [
    "rope_interleave",
    "rope_interleaved",
    "rotary_emb_interleaved",
    "rope_impl",
    "memory_attention_rope_feat_sizes",
    "memory_attention_rope_k_sizes",
    "memory_attention_rope_dropout",
];

/// `rope_type` (or `type`) of a config.json, and the flat `rope_type`. A name that is missing here
/// means different things to different libraries (`ntk`) or nothing to any.
pub const TYPES: [(&str, &str); 12] = [
    ("default", "default"),
    ("mrope", "default"),
    ("linear", "linear"),
    ("dynamic", "dynamic"),
    ("yarn", "yarn"),
    ("deepseek_yarn", "yarn"),
    ("llama3", "llama3"),
    ("longrope", "longrope"),
    ("su", "longrope"),
    ("proportional", "proportional"),
    ("xdrope", "ntk"),
    ("openpangu", "default"),
];

/// Keys inside `rope_scaling` that say nothing about a rotation: a note that the checkpoint was
/// trained with it, and the strength of an attention temperature.
pub const IGNORED_INSIDE: [&str; 2] = ["finetuned", "llama_4_scaling_beta"];

/// Keys that Hunyuan's configs carry beside `alpha` and its code does not read.
pub(super) const UNREAD_BESIDE_ALPHA: [&str; 5] =
    ["factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"];
