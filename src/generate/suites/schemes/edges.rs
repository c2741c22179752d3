//! The break-points of the scaling rules, one pair on either side of each.
//!
//! Over eight pairs of base 10000 the wavelengths are 2π · 10^(i/2): pair 3 has 198.692, pair 5
//! has 1986.918, pair 7 has 19869.18. Original lengths of 1986 and 1987 lie on either side of them.

use super::Case;
use super::cases::{case, only_listed};

/// Four axes: three are in `cases.rs`.
const fn four_axes(case: Case) -> Case {
    Case { axes: 4, ..case }
}

const SPECTRUM: &[&str] = &["spectrum"];
const LLAMA3: &[&str] = &["llama3", "spectrum"];
const YARN: &[&str] = &["yarn", "spectrum"];

/// The ropes.
pub(super) const EDGES: &[Case] = &[
    case(
        "llama3-edges-inside",
        "length 1987, bands 1 and 10: pair 3 is just short enough to stay, pair 5 just short enough to be blended",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":8,
            "low_freq_factor":1,"high_freq_factor":10,"original_max_position_embeddings":1987}"#,
    ),
    case(
        "llama3-edges-outside",
        "length 1986: pair 3 is just long enough to be blended, pair 5 to be divided",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":8,
            "low_freq_factor":1,"high_freq_factor":10,"original_max_position_embeddings":1986}"#,
    ),
    case(
        "llama3-step-inside",
        "two bands, length 1987: pair 5 stays",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":16,
            "low_freq_factor":1,"high_freq_factor":1,"original_max_position_embeddings":1987}"#,
    ),
    case(
        "llama3-step-outside",
        "two bands, length 1986: pair 5 is divided",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":16,
            "low_freq_factor":1,"high_freq_factor":1,"original_max_position_embeddings":1986}"#,
    ),
    case(
        "llama3-step-at-4",
        "two bands at 4 turns instead of one",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":16,
            "low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
    ),
    case(
        "llama3-narrow",
        "a middle band so narrow that no pair is in it",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":8,
            "low_freq_factor":1,"high_freq_factor":1.0001,"original_max_position_embeddings":4096}"#,
    ),
    case(
        "llama3-all-stay",
        "an original length beyond every wave",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":8,
            "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":1000000}"#,
    ),
    case(
        "llama3-all-divided",
        "an original length below every wave",
        LLAMA3,
        r#"{"head_dim":16,"rope_type":"llama3","rope_theta":10000,"factor":8,
            "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":4}"#,
    ),
    case(
        "yarn-slow-below",
        "the slow end at 4.9996: ceiled to 5",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1986}"#,
    ),
    case(
        "yarn-slow-below-exact",
        "the slow end at 4.9996, not rounded",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1986,"truncate":false}"#,
    ),
    case(
        "yarn-slow-above",
        "the slow end at 5.00004: ceiled to 6",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1987}"#,
    ),
    case(
        "yarn-slow-above-exact",
        "the slow end at 5.00004, not rounded",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1987,"truncate":false}"#,
    ),
    case(
        "yarn-fast-below",
        "the fast end at 1.9997: floored to 1",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2010}"#,
    ),
    case(
        "yarn-fast-below-exact",
        "the fast end at 1.9997, not rounded",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2010,"truncate":false}"#,
    ),
    case(
        "yarn-fast-above",
        "the fast end at 2.0002: floored to 2",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2011}"#,
    ),
    case(
        "yarn-fast-above-exact",
        "the fast end at 2.0002, not rounded",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2011,"truncate":false}"#,
    ),
    case(
        "yarn-low-at-0",
        "the fast end below 0 counts as 0",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":100}"#,
    ),
    case(
        "yarn-low-meets-high",
        "both ends at 0: pulled apart by 0.001, so pair 0 stays and the others are divided",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":6}"#,
    ),
    case(
        "yarn-high-below-low",
        "a slow end of −1 below a fast end of 0: every pair stays, as the formula says",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1}"#,
    ),
    case(
        "yarn-high-at-r-1",
        "a slow end of 17 counts as 15, r − 1, and not as 7, r/2 − 1",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1000000000,"beta_fast":1000000}"#,
    ),
    case(
        "yarn-low-above-high",
        "a fast end above r − 1: the ramp turns round and every pair is divided",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1000000000000}"#,
    ),
    case(
        "yarn-equal-betas",
        "equal betas, rounded away from each other: a ramp of one pair",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":4096,"beta_fast":1,"beta_slow":1}"#,
    ),
    case(
        "yarn-base-below-1",
        "a base below 1: ln base is negative and the ends lie the other way round",
        YARN,
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":0.5,"factor":8,
            "original_max_position_embeddings":2048}"#,
    ),
    case(
        "yarn-factor-below-1",
        "a factor below 1: frequencies grow, the magnitude stays 1",
        &["yarn", "magnitude", "spectrum"],
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":0.5,
            "original_max_position_embeddings":2048}"#,
    ),
    only_listed(case(
        "yarn-all-dim-alone",
        "mscale_all_dim without mscale: the plain magnitude, and a softmax_factor",
        &["yarn", "magnitude", "softmax-factor"],
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2048,"mscale_all_dim":0.707}"#,
    )),
    only_listed(case(
        "yarn-mscale-alone",
        "mscale without mscale_all_dim is not read",
        &["yarn", "magnitude"],
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2048,"mscale":0.707}"#,
    )),
    only_listed(case(
        "yarn-mscale-zero",
        "a zero mscale_all_dim is as good as none",
        &["yarn", "magnitude"],
        r#"{"head_dim":16,"rope_type":"yarn","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":2048,"mscale":0.707,"mscale_all_dim":0}"#,
    )),
    case(
        "ntk-by-parts-inside",
        "pair 3 turns a little more than 10 times in 1987 and stays, pair 5 a little more than once",
        YARN,
        r#"{"head_dim":16,"rope_type":"ntk_by_parts","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1987,"beta_fast":10,"beta_slow":1}"#,
    ),
    case(
        "ntk-by-parts-outside",
        "pair 3 turns a little less than 10 times in 1986, pair 5 less than once and is divided",
        YARN,
        r#"{"head_dim":16,"rope_type":"ntk_by_parts","rope_theta":10000,"factor":8,
            "original_max_position_embeddings":1986,"beta_fast":10,"beta_slow":1}"#,
    ),
    case(
        "proportional-0-3",
        "a share of 0.3: 2.4 pairs are 2",
        &["proportional", "exponent", "base", "history"],
        r#"{"head_dim":16,"rope_type":"proportional","rope_theta":10000,
            "partial_rotary_factor":0.3}"#,
    ),
    case(
        "proportional-0-1",
        "a share of 0.1: 0.8 pairs are none, nothing turns",
        &["proportional", "exponent", "base", "history"],
        r#"{"head_dim":16,"rope_type":"proportional","rope_theta":10000,
            "partial_rotary_factor":0.1}"#,
    ),
    case(
        "proportional-1",
        "a share of 1: every pair turns",
        &["proportional", "exponent"],
        r#"{"head_dim":16,"rope_type":"proportional","rope_theta":10000,
            "partial_rotary_factor":1}"#,
    ),
    only_listed(case(
        "share-100-29",
        "trunc(RN64(100 × 0.29)) is 28: the product is 28.999999999999996",
        &["partial", "exponent", "spectrum"],
        r#"{"head_dim":100,"rope_theta":10000,"partial_rotary_factor":0.29}"#,
    )),
    case(
        "linear-below-1",
        "a factor below 1 shortens the waves",
        &["linear", "spectrum"],
        r#"{"head_dim":8,"rope_type":"linear","rope_theta":10000,"factor":0.75}"#,
    ),
    case(
        "ntk-fixed-1",
        "factor 1 leaves the base alone",
        &["ntk", "spectrum"],
        r#"{"head_dim":8,"rope_type":"ntk_fixed","rope_theta":500000,"factor":1}"#,
    ),
    only_listed(case(
        "slow-base",
        "a base below 1: later pairs turn faster",
        SPECTRUM,
        r#"{"head_dim":8,"rope_theta":0.25}"#,
    )),
    four_axes(case(
        "sections-ggml",
        "four axes that follow each other, as ggml has them",
        &["axes"],
        r#"{"head_dim":16,"rope_theta":10000,"mrope_section":[2,2,3,1]}"#,
    )),
    four_axes(case(
        "sections-ggml-interleaved",
        "four axes that alternate: what t, h and w leave over is on the fourth",
        &["axes"],
        r#"{"head_dim":16,"rope_theta":10000,"mrope_section":[3,2,2,1],
            "mrope_interleaved":true}"#,
    )),
];
