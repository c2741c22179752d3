//! The model form: every spelling of a config.json, and the released models.

mod encoding;
mod layers;
mod malformed;
mod released;

use ropewalk::encoding::RopeConfig;
use ropewalk::request::{Object, Reject};
use serde_json::{Value, json};

fn object(value: &Value) -> Object {
    serde_json::from_str(&value.to_string()).unwrap()
}

/// The normalised flat form of a config.json, or of one of its layer types.
fn try_flat(model: &Value, layer_type: Option<&str>) -> Result<Value, Reject> {
    let mut config = json!({"model": model, "layout": "half"});
    if let Some(name) = layer_type {
        config["layer_type"] = json!(name);
    }
    let config = RopeConfig::new(&object(&config))?;
    Ok(serde_json::to_value(config.normalised()).unwrap())
}

#[track_caller]
fn flat(model: Value) -> Value {
    try_flat(&model, None).unwrap_or_else(|reject| panic!("{reject}"))
}

/// A config.json of a model 128 wide per head, with further keys; its type fills in no numbers.
fn with(more: Value) -> Value {
    let mut model =
        json!({"model_type": "kimi_k2", "hidden_size": 4096, "num_attention_heads": 32});
    for (key, value) in more.as_object().unwrap() {
        model[key] = value.clone();
    }
    model
}

/// Requires config.json variants to mean the same rope.
#[track_caller]
fn same(variants: &[Value]) {
    let first = flat(variants[0].clone());
    for variant in &variants[1..] {
        assert_eq!(flat(variant.clone()), first, "{variant}");
    }
}

#[test]
fn a_plain_model_is_a_default_rope() {
    let expected = json!({"head_dim": 128, "layout": "half", "rope_theta": 10000,
                          "rope_type": "default", "rotary_dim": 128, "rotary_offset": 0});
    assert_eq!(flat(with(json!({}))), expected);
    assert_eq!(flat(with(json!({"rope_scaling": null}))), expected);
    assert_eq!(flat(with(json!({"rope_parameters": {}, "rope_theta": null}))), expected);
    assert_eq!(flat(with(json!({"vocab_size": 32000, "torch_dtype": "bfloat16"}))), expected);
    assert_eq!(flat(json!({"model_type": "llama"})), expected);
}

#[test]
fn five_years_of_spellings() {
    let linear = json!({"type": "linear", "factor": 4});
    same(&[
        with(json!({"rope_theta": 1e6, "rope_scaling": linear})),
        with(json!({"rope_theta": 1e6, "rope_scaling": {"rope_type": "linear", "factor": 4.0}})),
        with(json!({"rope_parameters": {"rope_type": "linear", "factor": 4, "rope_theta": 1000000}})),
        with(json!({"rotary_emb_base": 1e6, "rope_scaling": linear})),
        with(json!({"rope_theta": 1e6, "rope_scaling": {"type": "linear", "rope_type": "linear",
                                                        "factor": 4, "attention_factor": null}})),
        json!({"text_config": with(json!({"rope_theta": 1e6, "rope_scaling": linear}))}),
        json!({"rope_theta": 1e6, "text_config": with(json!({"rope_scaling": linear}))}),
        json!({"thinker_config": {"text_config": with(json!({"rope_theta": 1e6,
                                                             "rope_scaling": linear}))}}),
        json!({"head_dim": 128, "hidden_size": 5, "num_attention_heads": 7, "rope_theta": 1e6,
               "rope_scaling": linear}),
        json!({"kv_channels": 128, "hidden_size": 5, "num_attention_heads": 7, "rope_theta": 1e6,
               "rope_scaling": linear}),
        json!({"attention_head_dim": 128, "kv_channels": 64, "hidden_size": 64, "rope_theta": 1e6,
               "num_attention_heads": 1, "rope_scaling": linear}),
        json!({"n_embd": 4096, "n_head": 32, "rope_theta": 1e6, "rope_scaling": linear}),
        json!({"d_model": 4096, "n_heads": 32, "attn_config": {"rope_theta": 1e6},
               "rope_scaling": linear}),
    ].map(normal));
    same(&[
        with(json!({"partial_rotary_factor": 0.25})),
        with(json!({"rotary_pct": 0.25})),
        with(json!({"rope_pct": 0.25, "partial_rotary_factor": 0.25})),
        with(json!({"rotary_emb_fraction": 0.25})),
        with(json!({"rotary_dim": 32})),
        with(json!({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.25}})),
        with(json!({"model_type": "gpt_neox"})),
    ]);
    same(&[
        with(json!({"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}})),
        with(json!({"rope_scaling": {"type": "default", "rope_type": "default",
                                     "mrope_section": [16, 24, 24]}})),
        with(json!({"rope_scaling": {"type": "mrope", "rope_type": "default",
                                     "mrope_section": [16, 24, 24], "interleaved": false}})),
        json!({"rope_scaling": {"type": "default", "mrope_section": [16, 24, 24]},
               "text_config": with(json!({"rope_scaling": {"type": "mrope",
                                                           "mrope_section": [16, 24, 24]}}))}),
    ]);
}

/// Writes 1e6 and 1000000 alike, so that only the meaning is compared.
fn normal(model: Value) -> Value {
    serde_json::from_str(&model.to_string().replace("1000000.0", "1000000").replace("4.0", "4"))
        .unwrap()
}

#[test]
fn yarn_takes_its_length_from_either_place() {
    let yarn = |more: Value| {
        let mut yarn = json!({"rope_type": "yarn", "factor": 4});
        yarn.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        yarn
    };
    let inside = yarn(json!({"original_max_position_embeddings": 4096}));
    same(&[
        with(json!({"rope_scaling": inside})),
        with(json!({"rope_scaling": yarn(json!({})), "original_max_position_embeddings": 4096})),
        with(json!({"rope_scaling": inside, "original_max_position_embeddings": 4096.0})),
        with(json!({"rope_scaling": yarn(json!({"original_max_position_embeddings": 4096,
            "finetuned": true, "attn_factor": 1, "llama_4_scaling_beta": 0.1}))})),
        with(json!({"rope_scaling": {"type": "deepseek_yarn", "factor": 4,
                                     "original_max_position_embeddings": 4096}})),
    ]);
    // A scheme that has no such length does not mind Phi-3's key outside.
    let phi = flat(with(json!({"original_max_position_embeddings": 4096})));
    assert_eq!(phi["rope_type"], "default");
}

#[test]
fn longrope_has_two_names_and_one_magnitude() {
    let lists = |name: &str, more: Value| {
        let mut scaling = json!({"type": name, "short_factor": vec![1.0; 64],
                                 "long_factor": vec![2.0; 64]});
        scaling.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with(json!({"rope_scaling": scaling, "original_max_position_embeddings": 4096,
                    "max_position_embeddings": 131072}))
    };
    same(&[lists("su", json!({})), lists("longrope", json!({}))]);
    same(&[
        lists("longrope", json!({"attention_factor": 1.25})),
        lists("longrope", json!({"short_mscale": 1.25, "long_mscale": 1.25})),
    ]);
}

#[test]
fn hunyuan_and_chatglm_mean_something_else() {
    let alpha = json!({"type": "dynamic", "alpha": 1000, "factor": 1, "beta_fast": 32,
                       "beta_slow": 1, "mscale": 1, "mscale_all_dim": 1});
    let dense = flat(with(json!({"rope_scaling": alpha})));
    assert_eq!((&dense["rope_type"], &dense["factor"]), (&json!("ntk"), &json!(1000)));
    let vision = flat(with(json!({"rope_scaling": {"type": "xdrope", "alpha": 1000, "factor": 1,
                                                   "xdrope_section": [16, 16, 16, 16]}})));
    assert_eq!(vision["mrope_section"], json!([16, 16, 16, 16]));
    assert_eq!(vision["rope_type"], "ntk");
    let glm = flat(json!({"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32,
                          "rope_ratio": 500}));
    assert_eq!((&glm["rope_theta"], &glm["rotary_dim"]), (&json!(5e6), &json!(64)));
}

#[test]
fn a_latent_head_is_a_trailing_slice() {
    let model = |more: Value| {
        let mut model = with(json!({"qk_nope_head_dim": 128, "qk_rope_head_dim": 64}));
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        model
    };
    let flat_one = flat(model(json!({})));
    assert_eq!(flat_one["head_dim"], 192);
    assert_eq!((&flat_one["rotary_dim"], &flat_one["rotary_offset"]), (&json!(64), &json!(128)));
    // Config classes store all sorts of widths and shares beside it.
    same(&[
        model(json!({})),
        model(json!({"head_dim": 64})),
        model(json!({"head_dim": 72})),
        model(json!({"partial_rotary_factor": 1.0})),
        model(json!({"partial_rotary_factor": 64.0 / 192.0})),
    ]);
    let off = flat(model(json!({"use_mla": false})));
    assert_eq!((&off["head_dim"], &off["rotary_dim"]), (&json!(128), &json!(128)));
}

#[test]
fn a_model_type_fills_in_what_its_class_does() {
    let oss = flat(json!({"model_type": "gpt_oss"}));
    assert_eq!((&oss["rope_type"], &oss["truncate"]), (&json!("yarn"), &json!(false)));
    assert_eq!(oss["rope_theta"], 150000);
    // An explicit null is no scaling, and an explicit base replaces the class's.
    let plain = flat(json!({"model_type": "gpt_oss", "rope_scaling": null, "rope_theta": 5}));
    assert_eq!((&plain["rope_type"], &plain["rope_theta"]), (&json!("default"), &json!(5)));
    let base = flat(json!({"model_type": "gpt_oss", "rope_theta": 5}));
    assert_eq!((&base["rope_type"], &base["rope_theta"]), (&json!("yarn"), &json!(5)));
    // A null width asks for the quotient.
    let qwen = json!({"model_type": "qwen3", "head_dim": null, "hidden_size": 2048,
                      "num_attention_heads": 32});
    assert_eq!(flat(qwen)["head_dim"], 64);
    let gptj = flat(json!({"model_type": "gptj", "n_embd": 4096, "n_head": 16}));
    assert_eq!((&gptj["head_dim"], &gptj["rotary_dim"]), (&json!(256), &json!(64)));
}

#[test]
fn every_rotary_operation_takes_it_and_echoes_the_flat_form() {
    use crate::ask::{ask, rejects};
    let model = json!({"layout": "half", "model": {"head_dim": 4, "rope_theta": 10000}});
    let flat = json!({"layout": "half", "head_dim": 4, "rope_theta": 10000});
    let q = json!({"dtype": "f32", "shape": [1, 1, 1, 4],
                   "bits": ["3f800000400000004040000040800000"]});
    for (operation, input) in [
        ("inv_freq", json!({})),
        ("table", json!({"positions": [1, 2]})),
        ("rotate", json!({"q": q, "positions": [[3]]})),
        ("score", json!({"q": q, "k": q, "query_positions": [[3]], "key_positions": [[1]]})),
    ] {
        let (a, b) = (
            ask(operation, "f32", model.clone(), input.clone()),
            ask(operation, "f32", flat.clone(), input),
        );
        assert!(a["output"].is_object());
        assert_eq!(a, b);
    }
    let apply = json!({"q": q, "cos": q, "sin": q});
    rejects(&ask("apply", "f32", model.clone(), apply), "unused_key", &["model"]);
    rejects(&ask("alibi_slopes", "f32", model, json!({})), "unused_key", &[]);
}
