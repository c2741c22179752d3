//! Configs that are refused, each with the sentence that says what to fix.

use super::{try_flat, with};
use ropewalk::encoding::RopeConfig;
use serde_json::{Value, json};

fn line(label: &str, config: &Value) -> String {
    match RopeConfig::new(&super::object(config)) {
        Ok(_) => format!("{label}\n  ACCEPTED\n"),
        Err(reject) => format!("{label}\n  {reject}\n"),
    }
}

/// Changes of a flat config that is in order: a null takes a key out.
fn flat_table(base: Value, changes: &[Value]) -> String {
    changes
        .iter()
        .map(|change| {
            let mut config = base.clone();
            for (key, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => config.as_object_mut().unwrap().remove(key),
                    value => config.as_object_mut().unwrap().insert(key.clone(), value.clone()),
                };
            }
            line(&change.to_string(), &config)
        })
        .collect()
}

/// config.json files, 128 wide per head unless they say otherwise.
fn model_table(changes: &[Value]) -> String {
    changes
        .iter()
        .map(|change| match try_flat(&with(change.clone()), None) {
            Ok(flat) => format!("{change}\n  ACCEPTED as {flat}\n"),
            Err(reject) => format!("{change}\n  {reject}\n"),
        })
        .collect()
}

fn rope(rope_type: &str, more: Value) -> Value {
    let mut config = json!({"head_dim": 8, "layout": "half", "rope_theta": 10000.0,
                            "rope_type": rope_type});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[test]
fn shapes() {
    insta::assert_snapshot!(flat_table(
        rope("default", json!({})),
        &[
            json!({"head_dim": null}),
            json!({"layout": "neox"}),
            json!({"rope_theta": 0}),
            json!({"rope_theta": "10000"}),
            json!({"rope_type": "ntk-aware"}),
            json!({"rope_type": 3}),
            json!({"rotary_dim": 5}),
            json!({"rotary_dim": 10}),
            json!({"partial_rotary_factor": 0.1}),
            json!({"partial_rotary_factor": 1.5}),
            json!({"rotary_dim": 4, "partial_rotary_factor": 0.25}),
            json!({"rotary_offset": 2}),
        ]
    ));
}

#[test]
fn sections_and_strangers() {
    insta::assert_snapshot!(flat_table(
        rope("default", json!({})),
        &[
            json!({"mrope_section": [1, 1, 1]}),
            json!({"mrope_section": [2, 2]}),
            json!({"mrope_section": [2, -1, 3]}),
            json!({"mrope_interleaved": true}),
            json!({"pair_axes": [0, 1, 2]}),
            json!({"pair_axes": [0, 1, 2, 16]}),
            json!({"pair_axes": [0, 1, 2, 0], "mrope_section": [2, 1, 1]}),
            json!({"clockwise": 1}),
            json!({"factor": 2}),
            json!({"beta_fast": 32}),
            json!({"num_buckets": 32}),
            json!({"rope_thta": 1}),
            json!({"model_type": "llama"}),
            json!({"layer_type": "full_attention"}),
        ]
    ));
}

#[test]
fn factors() {
    let linear = rope("linear", json!({"factor": 2}));
    let dynamic = rope("dynamic", json!({"factor": 2, "original_max_position_embeddings": 64}));
    let by_parts =
        rope("ntk_by_parts", json!({"factor": 2, "original_max_position_embeddings": 64}));
    insta::assert_snapshot!(
        [
            flat_table(
                linear,
                &[json!({"factor": null}), json!({"factor": 0}), json!({"factor": -2})]
            ),
            flat_table(
                dynamic,
                &[
                    json!({"original_max_position_embeddings": null}),
                    json!({"original_max_position_embeddings": 0}),
                    json!({"rotary_dim": 2}),
                ]
            ),
            flat_table(by_parts, &[json!({"beta_slow": 32}), json!({"attention_factor": 0})]),
        ]
        .concat()
    );
}

#[test]
fn yarn() {
    let yarn = rope("yarn", json!({"factor": 2, "original_max_position_embeddings": 64}));
    insta::assert_snapshot!(flat_table(
        yarn,
        &[
            json!({"factor": null}),
            json!({"original_max_position_embeddings": null}),
            json!({"original_max_position_embeddings": -1}),
            json!({"rope_theta": 1}),
            json!({"beta_fast": 1, "beta_slow": 2}),
            json!({"beta_fast": 0}),
            json!({"truncate": "no"}),
            json!({"attention_factor": -1}),
            json!({"mscale": -0.5}),
            json!({"low_freq_factor": 1}),
        ]
    ));
}

#[test]
fn bands_and_lists() {
    let llama = rope(
        "llama3",
        json!({"factor": 2, "low_freq_factor": 1, "high_freq_factor": 4,
                                      "original_max_position_embeddings": 64}),
    );
    let longrope = rope(
        "longrope",
        json!({"short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1],
                                           "original_max_position_embeddings": 64, "factor": 2}),
    );
    insta::assert_snapshot!(
        [
            flat_table(
                llama,
                &[
                    json!({"low_freq_factor": 5}),
                    json!({"low_freq_factor": 0}),
                    json!({"high_freq_factor": null}),
                ]
            ),
            flat_table(
                longrope,
                &[
                    json!({"short_factor": [1, 1, 1]}),
                    json!({"long_factor": [1, 1, 1, 0]}),
                    json!({"long_factor": null}),
                    json!({"factor": null}),
                    json!({"original_max_position_embeddings": 1}),
                ]
            ),
        ]
        .concat()
    );
}

#[test]
fn axes() {
    let axial = rope("axial", json!({"axes_dims": [4, 4]}));
    let pixtral = rope("pixtral", json!({}));
    let pixel =
        json!({"head_dim": 8, "layout": "interleaved", "rope_type": "pixel", "max_freq": 10});
    let xpos = rope("xpos", json!({}));
    insta::assert_snapshot!(
        [
            flat_table(
                axial,
                &[
                    json!({"axes_dims": null}),
                    json!({"axes_dims": [4, 2]}),
                    json!({"axes_dims": [5, 3]}),
                    json!({"axes_order": [1, 1]}),
                    json!({"mrope_section": [1, 1, 2]}),
                ]
            ),
            flat_table(pixtral, &[json!({"rotary_dim": 6})]),
            flat_table(pixel, &[json!({"max_freq": 0}), json!({"rope_theta": 100})]),
            flat_table(xpos, &[json!({"scale_base": 0.5}), json!({"origin": 0.5})]),
        ]
        .concat()
    );
}

#[test]
fn models_without_a_shape() {
    insta::assert_snapshot!(model_table(&[
        json!({"num_attention_heads": null}),
        json!({"hidden_size": 4097}),
        json!({"num_attention_heads": 0}),
        json!({"head_dim": "wide"}),
        json!({"qk_rope_head_dim": 64}),
        json!({"qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "partial_rotary_factor": 0.5}),
        json!({"rotary_pct": 0.25, "partial_rotary_factor": 0.5}),
        json!({"rotary_pct": 0.25, "rotary_dim": 64}),
        json!({"rope_scaling": "linear"}),
        json!({"rope_parameters": [1]}),
    ]));
}

#[test]
fn models_with_two_minds() {
    let linear = json!({"type": "linear", "factor": 2});
    insta::assert_snapshot!(model_table(&[
        json!({"rope_theta": 1e4, "rotary_emb_base": 1e5}),
        json!({"rope_theta": 1e4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e5}}),
        json!({"rope_theta": 1e4, "rope_ratio": 2}),
        json!({"rope_scaling": linear, "rope_parameters": {"rope_type": "linear", "factor": 3}}),
        json!({"rope_scaling": {"type": "linear", "rope_type": "yarn", "factor": 2}}),
        json!({"rope_scaling": linear, "text_config": {"rope_scaling": {"type": "linear", "factor": 3}}}),
        json!({"original_max_position_embeddings": 1, "rope_scaling": {"type": "yarn", "factor": 2,
               "original_max_position_embeddings": 2}}),
        json!({"partial_rotary_factor": 0.5, "rope_parameters": {"rope_type": "default",
               "partial_rotary_factor": 0.25}}),
        json!({"max_position_embeddings": 1, "rope_scaling": {"type": "dynamic", "factor": 2,
               "max_position_embeddings": 2}}),
    ]));
}

#[test]
fn models_with_strange_scalings() {
    insta::assert_snapshot!(model_table(&[
        json!({"rope_scaling": {"type": "ntk", "factor": 2}}),
        json!({"rope_scaling": {"type": 3}}),
        json!({"rope_scaling": {"factor": 2}}),
        json!({"rope_scaling": {"type": "linear"}}),
        json!({"rope_scaling": {"type": "linear", "factor": 2, "beta_fast": 32}}),
        json!({"rope_scaling": {"type": "linear", "factor": 2, "factr": 3}}),
        json!({"rope_scaling": {"type": "linear", "factor": 0}}),
        json!({"rope_scaling": {"type": "linear", "factor": 2, "head_dim": 64}}),
        json!({"rope_scaling": {"type": "yarn", "factor": 2}, "max_position_embeddings": 8}),
        json!({"rope_scaling": {"type": "dynamic", "factor": 2}}),
        json!({"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 25]}}),
    ]));
}

#[test]
fn models_with_strange_keys() {
    insta::assert_snapshot!(model_table(&[
        json!({"layer_rope_theta": [1, 2]}),
        json!({"rope_theta": [1, 2]}),
        json!({"no_rope_layers": [1, 2]}),
        json!({"no_rope_layer_interval": 0}),
        json!({"rope_scaling": {"type": "yarn", "factor": 2, "attn_factor": 2,
               "original_max_position_embeddings": 8}}),
        json!({"rope_scaling": {"type": "longrope", "short_mscale": 1.1, "long_mscale": 1.2}}),
        json!({"rope_parameters": {"full_attention": {"rope_theta": 1}, "sliding_attention": 3}}),
        json!({"rope_local_base_freq": 10000}),
    ]));
    insta::assert_snapshot!(
        "form",
        [
            line("no layout", &json!({"model": {"head_dim": 8}})),
            line("model is a name", &json!({"model": "llama", "layout": "half"})),
            line("a flat key beside it", &json!({"model": {}, "layout": "half", "head_dim": 8})),
            line("a strange key beside it", &json!({"model": {}, "layout": "half", "layer": 8})),
            line("layer_type 3", &json!({"model": {}, "layout": "half", "layer_type": 3})),
            line("empty", &json!({"model": {}, "layout": "half"})),
        ]
        .concat()
    );
}

/// Values of the wrong kind, and numbers at the edge of what a key takes.
#[test]
fn kinds_of_values() {
    insta::assert_snapshot!(flat_table(
        rope("default", json!({})),
        &[
            json!({"head_dim": 7}),
            json!({"head_dim": 8.0}),
            json!({"head_dim": "8"}),
            json!({"head_dim": 1_000_000_000}),
            json!({"rope_theta": true}),
            json!({"rope_theta": [10000]}),
            json!({"layout": ["half"]}),
            json!({"rotary_dim": -2}),
            json!({"rotary_offset": -1, "rotary_dim": 4}),
            json!({"partial_rotary_factor": 0.4}),
            json!({"partial_rotary_factor": "0.5"}),
            json!({"rope_type": ""}),
        ]
    ));
}

#[test]
fn lists_and_flags() {
    let longrope = rope(
        "longrope",
        json!({"short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1],
               "original_max_position_embeddings": 64, "factor": 2}),
    );
    let yarn = rope("yarn", json!({"factor": 4, "original_max_position_embeddings": 64}));
    insta::assert_snapshot!(
        [
            flat_table(
                longrope,
                &[
                    json!({"long_factor": [1, 2, -3, 4]}),
                    json!({"short_factor": [1, "2", 3, 4]}),
                    json!({"long_factor": 2}),
                    json!({"rotary_dim": 4}),
                    json!({"short_mscale": 1.2}),
                ]
            ),
            flat_table(
                yarn,
                &[
                    json!({"beta_slow": 33}),
                    json!({"mscale": true}),
                    json!({"mscale_all_dim": -1}),
                    json!({"attn_factor": 1.2}),
                ]
            ),
            flat_table(
                rope("axial", json!({"axes_dims": [4, 4]})),
                &[json!({"axes_dims": [8, 0]}), json!({"axes_dims": []})]
            ),
        ]
        .concat()
    );
}

#[test]
fn models_of_the_wrong_kind() {
    insta::assert_snapshot!(model_table(&[
        json!({"model_type": ["llama"]}),
        json!({"text_config": [1]}),
        json!({"hidden_size": "4096"}),
        json!({"rope_theta": {"full_attention": 1}}),
        json!({"max_position_embeddings": "8k", "rope_scaling": {"type": "dynamic", "factor": 2}}),
        json!({"rope_scaling": {"type": "dynamic", "alpha": 0}}),
        json!({"rope_parameters": {"full_attention": {"rope_type": "default"}, "factor": 2}}),
        json!({"layer_rope_theta": [10000, 0, 500000]}),
        json!({"qk_rope_head_dim": 64, "head_dim": 64}),
        json!({"rope_scale": 2}),
        json!({"model_type": "ernie4_5_vl_moe_text", "rope_scaling": {"type": "default",
               "mrope_section": [22, 22, 20]}}),
        json!({"partial_rotary_factor": 0.3, "head_dim": 90}),
    ]));
}
