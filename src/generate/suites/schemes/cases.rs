//! The scaled ropes: real configs, and small ones that meet every branch.

use super::Case;

pub(super) const fn case(
    name: &'static str,
    what: &'static str,
    flags: &'static [&'static str],
    config: &'static str,
) -> Case {
    Case { name, what, flags, config, lengths: &[], axes: 1, rotate: true }
}

pub(super) const fn only_listed(case: Case) -> Case {
    Case { rotate: false, ..case }
}

/// The ropes.
pub(super) const CASES: &[Case] = &[
    case(
        "linear-8",
        "linear, factor 8",
        &["linear", "spectrum", "base"],
        r#"{"head_dim":8,"rope_type":"linear","rope_theta":1000000,"factor":8}"#,
    ),
    case(
        "linear-2-5",
        "linear, a factor that is no power of two",
        &["linear", "spectrum", "base"],
        r#"{"head_dim":8,"rope_type":"linear","rope_theta":10000,"factor":2.5}"#,
    ),
    Case {
        lengths: &[1, 2047, 2048, 2049, 4096],
        ..case(
            "dynamic-2",
            "dynamic, factor 2, trained on 2048",
            &["dynamic", "spectrum"],
            r#"{"head_dim":16,"rope_type":"dynamic","rope_theta":10000,"factor":2,
                "max_position_embeddings":2048}"#,
        )
    },
    Case {
        lengths: &[4095, 4096, 4097, 8192, 131072],
        ..case(
            "dynamic-4",
            "dynamic, factor 4, the original length given beside a longer maximum",
            &["dynamic", "spectrum", "base"],
            r#"{"head_dim":8,"rope_type":"dynamic","rope_theta":500000,"factor":4,
                "original_max_position_embeddings":4096,"max_position_embeddings":16384}"#,
        )
    },
    case(
        "yarn-small",
        "YaRN, factor 4, trained on 64",
        &["yarn", "magnitude", "spectrum"],
        r#"{"head_dim":8,"rope_type":"yarn","rope_theta":10000,"factor":4,
            "original_max_position_embeddings":64}"#,
    ),
    case(
        "yarn-no-truncate",
        "the same, ends of the ramp not rounded",
        &["yarn", "magnitude", "spectrum"],
        r#"{"head_dim":8,"rope_type":"yarn","rope_theta":10000,"factor":4,
            "original_max_position_embeddings":64,"truncate":false}"#,
    ),
    case(
        "yarn-attention-factor-1",
        "an explicit attention_factor of 1 switches the magnitude off",
        &["yarn", "magnitude"],
        r#"{"head_dim":8,"rope_type":"yarn","rope_theta":10000,"factor":4,
            "original_max_position_embeddings":64,"attention_factor":1}"#,
    ),
    case(
        "yarn-betas",
        "other betas, which move both ends of the ramp",
        &["yarn", "spectrum"],
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2048,"beta_fast":64,"beta_slow":2}"#,
    ),
    case(
        "yarn-step",
        "equal betas and no truncation: the ramp is a step, pulled apart by 0.001",
        &["yarn", "spectrum"],
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2048,"beta_fast":4,"beta_slow":4,"truncate":false}"#,
    ),
    case(
        "yarn-partial",
        "YaRN on 4 of 8 channels: the magnitude stays off the rest",
        &["yarn", "magnitude", "partial", "copied-bits"],
        r#"{"head_dim":8,"rope_type":"yarn","rope_theta":10000,"factor":4,
            "original_max_position_embeddings":64,"rotary_dim":4}"#,
    ),
    case(
        "yarn-factor-1",
        "factor 1: nothing is stretched, the magnitude is 1",
        &["yarn", "magnitude"],
        r#"{"head_dim":8,"rope_type":"yarn","rope_theta":10000,"factor":1,
            "original_max_position_embeddings":64}"#,
    ),
    only_listed(case(
        "yarn-deepseek-v3",
        "DeepSeek-V3: equal mscales give attention_factor exactly 1 and a softmax_factor",
        &["yarn", "softmax-factor", "magnitude", "spectrum"],
        r#"{"head_dim":64,"rope_type":"yarn","rope_theta":10000,"factor":40,
            "original_max_position_embeddings":4096,"mscale":1,"mscale_all_dim":1}"#,
    )),
    only_listed(case(
        "yarn-deepseek-v2-lite",
        "DeepSeek-V2-Lite: mscales of 0.707",
        &["yarn", "softmax-factor", "magnitude"],
        r#"{"head_dim":8,"rope_type":"yarn","rope_theta":10000,"factor":40,
            "original_max_position_embeddings":4096,"mscale":0.707,"mscale_all_dim":0.707}"#,
    )),
    only_listed(case(
        "yarn-mscales-differ",
        "mscales that differ: their ratio is the magnitude",
        &["yarn", "softmax-factor", "magnitude"],
        r#"{"head_dim":8,"rope_type":"yarn","rope_theta":10000,"factor":40,
            "original_max_position_embeddings":4096,"mscale":1,"mscale_all_dim":0.8}"#,
    )),
    only_listed(case(
        "yarn-gpt-oss",
        "gpt-oss: truncate off",
        &["yarn", "spectrum", "base"],
        r#"{"head_dim":64,"rope_type":"yarn","rope_theta":150000,"factor":32,
            "original_max_position_embeddings":4096,"truncate":false}"#,
    )),
    only_listed(case(
        "yarn-qwen",
        "Qwen 2.5 and 3 at four times 32768",
        &["yarn", "spectrum", "base"],
        r#"{"head_dim":128,"rope_type":"yarn","rope_theta":1000000,"factor":4,
            "original_max_position_embeddings":32768}"#,
    )),
    only_listed(case(
        "yarn-long-original",
        "an original length beyond 16 bits",
        &["yarn", "position-integer"],
        r#"{"head_dim":32,"rope_type":"yarn","rope_theta":10000,"factor":4,
            "original_max_position_embeddings":163840}"#,
    )),
    Case {
        lengths: &[63, 64, 65, 128, 512],
        ..case(
            "longrope-small",
            "LongRoPE, trained on 64, maximum 512",
            &["longrope", "magnitude", "spectrum"],
            r#"{"head_dim":8,"rope_type":"longrope","rope_theta":10000,
                "short_factor":[1,1.25,1.5,2],"long_factor":[1,4,16,32],
                "original_max_position_embeddings":64,"max_position_embeddings":512}"#,
        )
    },
    Case {
        lengths: &[4095, 4096, 4097, 8192],
        ..case(
            "longrope-phi",
            "the shape of Phi-3: 4096 stretched to 131072; √(1 + ln 32/ln 4096) = √(17/12)",
            &["longrope", "magnitude", "spectrum"],
            r#"{"head_dim":8,"rope_type":"longrope","rope_theta":10000,
                "short_factor":[1.05,1.05,1.05,1.1],"long_factor":[1.03,1.05,23.5,64.8],
                "original_max_position_embeddings":4096,"max_position_embeddings":131072}"#,
        )
    },
    Case {
        lengths: &[64, 65],
        ..case(
            "longrope-powers",
            "divisors 1, 2, 8, 64 and their reverse: at position 3 the angles are 3θ over these",
            &["longrope", "spectrum"],
            r#"{"head_dim":8,"rope_type":"longrope","rope_theta":10000,
                "short_factor":[1,2,8,64],"long_factor":[64,8,2,1],"factor":1,
                "original_max_position_embeddings":64}"#,
        )
    },
    Case {
        lengths: &[4096, 4097],
        ..case(
            "longrope-attention-factor",
            "an explicit attention_factor and factor",
            &["longrope", "magnitude"],
            r#"{"head_dim":4,"rope_type":"longrope","rope_theta":10000,
                "short_factor":[1,1.5],"long_factor":[2,30],"factor":32,
                "original_max_position_embeddings":4096,"attention_factor":1.1902380714238083}"#,
        )
    },
    only_listed(case(
        "llama3-1",
        "Llama 3.1: pairs 0-28 stay, 35-63 are divided by 8, those between are blended",
        &["llama3", "spectrum"],
        r#"{"head_dim":128,"rope_type":"llama3","rope_theta":500000,"factor":8,
            "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
    )),
    only_listed(case(
        "llama3-2",
        "Llama 3.2 1B: a head of 64, factor 32",
        &["llama3", "spectrum"],
        r#"{"head_dim":64,"rope_type":"llama3","rope_theta":500000,"factor":32,
            "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
    )),
    case(
        "llama3-small",
        "Llama 3's rule on eight pairs, all three bands",
        &["llama3", "spectrum"],
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":8,
            "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":1024}"#,
    ),
    case(
        "llama3-two-bands",
        "low and high equal, as Llama 4 Scout ships it",
        &["llama3", "spectrum", "base"],
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":500000,"factor":16,
            "low_freq_factor":1,"high_freq_factor":1,"original_max_position_embeddings":8192}"#,
    ),
    case(
        "proportional-quarter",
        "Gemma 4's rule: a quarter of the pairs turn, the exponent is over the head",
        &["proportional", "exponent", "spectrum", "partial"],
        r#"{"head_dim":16,"rope_type":"proportional","rope_theta":1000000,
            "partial_rotary_factor":0.25}"#,
    ),
    case(
        "proportional-half-factor-8",
        "half of the pairs turn, divided by 8",
        &["proportional", "exponent", "linear", "partial"],
        r#"{"head_dim":8,"rope_type":"proportional","rope_theta":1000000,
            "partial_rotary_factor":0.5,"factor":8}"#,
    ),
    Case {
        axes: 3,
        ..case(
            "sections",
            "three axes in sections that follow each other (Qwen2-VL)",
            &["axes"],
            r#"{"head_dim":16,"rope_theta":1000000,"mrope_section":[2,3,3]}"#,
        )
    },
    Case {
        axes: 3,
        ..case(
            "sections-interleaved",
            "three axes that alternate (Qwen3-VL): pairs past three times a section are on t",
            &["axes"],
            r#"{"head_dim":16,"rope_theta":5000000,"mrope_section":[4,2,2],
                "mrope_interleaved":true}"#,
        )
    },
    Case {
        axes: 3,
        ..only_listed(case(
            "sections-qwen2-vl",
            "Qwen2-VL: sections of 16, 24, 24",
            &["axes"],
            r#"{"head_dim":128,"rope_theta":1000000,"mrope_section":[16,24,24]}"#,
        ))
    },
    Case {
        axes: 3,
        ..only_listed(case(
            "sections-qwen3-vl",
            "Qwen3-VL: 24, 20, 20, alternating; pairs 60-63 are on t",
            &["axes"],
            r#"{"head_dim":128,"rope_theta":5000000,"mrope_section":[24,20,20],
                "mrope_interleaved":true}"#,
        ))
    },
    Case {
        axes: 3,
        ..case(
            "sections-yarn",
            "three axes in sections, scaled by YaRN",
            &["axes", "yarn", "magnitude"],
            r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":4,
                "original_max_position_embeddings":64,"mrope_section":[2,3,3]}"#,
        )
    },
    Case {
        axes: 3,
        ..case(
            "sections-trailing",
            "three axes in sections over the last 12 of 20 channels",
            &["axes", "slice", "partial", "copied-bits", "width"],
            r#"{"head_dim":20,"rope_theta":10000,"rotary_dim":12,"rotary_offset":8,
                "mrope_section":[2,2,2]}"#,
        )
    },
    case(
        "ntk-8",
        "NTK-aware, factor 8: the first frequency stays, the last is divided by 8",
        &["ntk", "spectrum"],
        r#"{"head_dim":8,"rope_type":"ntk","rope_theta":10000,"factor":8}"#,
    ),
    case(
        "ntk-fixed-4",
        "dynamic NTK at the fixed length 4 times the original, as vLLM reads it",
        &["ntk", "spectrum"],
        r#"{"head_dim":8,"rope_type":"ntk_fixed","rope_theta":500000,"factor":4}"#,
    ),
    case(
        "ntk-by-parts",
        "a ramp over the turns in the original window, as the YaRN paper has it",
        &["yarn", "spectrum"],
        r#"{"head_dim":16,"rope_type":"ntk_by_parts","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2048}"#,
    ),
    case(
        "xpos",
        "xPos: queries grow with position",
        &["growth"],
        r#"{"head_dim":8,"rope_type":"xpos","rope_theta":10000}"#,
    ),
    case(
        "xpos-origin",
        "xPos from position 100 on, growing faster",
        &["growth"],
        r#"{"head_dim":8,"rope_type":"xpos","rope_theta":10000,"scale_base":64,"origin":100}"#,
    ),
    case(
        "no-rotation",
        "a layer without rotation copies its input at every position",
        &["no-rotation"],
        r#"{"head_dim":8,"rope_type":"none","rope_theta":500000}"#,
    ),
    Case {
        axes: 3,
        ..case(
            "flux-small",
            "three axes with a spectrum each (FLUX, HunyuanVideo, Wan)",
            &["grid-axes"],
            r#"{"head_dim":16,"rope_type":"axial","rope_theta":256,"axes_dims":[4,6,6]}"#,
        )
    },
    Case {
        axes: 2,
        ..case(
            "qwen-vision",
            "rows in the first half of the pairs, columns in the second (Qwen2-VL's vision tower)",
            &["grid-axes"],
            r#"{"head_dim":16,"rope_type":"axial","rope_theta":10000,"axes_dims":[8,8]}"#,
        )
    },
    Case {
        axes: 2,
        ..case(
            "gemma-vision",
            "columns first, halves inside each block (Gemma 4's vision tower)",
            &["grid-axes"],
            r#"{"head_dim":16,"rope_type":"axial","rope_theta":100,"axes_dims":[8,8],
                "axes_order":[1,0],"half_within_axis":true}"#,
        )
    },
    Case {
        axes: 2,
        ..case(
            "pixtral",
            "one spectrum dealt out to rows and columns in turn (Pixtral)",
            &["grid-axes"],
            r#"{"head_dim":16,"rope_type":"pixtral","rope_theta":10000}"#,
        )
    },
    Case {
        axes: 2,
        ..case(
            "dinov3",
            "2 pi times patch centres in [-1, 1] (DINOv3)",
            &["grid-axes"],
            r#"{"head_dim":8,"rope_type":"dinov3","rope_theta":100}"#,
        )
    },
    Case {
        axes: 2,
        ..case(
            "pixel",
            "bands of pi (rotary-embedding-torch, timm's EVA-02)",
            &["grid-axes"],
            r#"{"head_dim":8,"rope_type":"pixel","max_freq":10}"#,
        )
    },
];
