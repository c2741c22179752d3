//! Which position encoding a config.json has: read, or refused, never invented.

use super::{flat, object, try_flat};
use ropewalk::encoding::Layout;
use ropewalk::encoding::model::{self, PositionEncoding, position_encoding};
use ropewalk::encoding::{Question, RopeConfig};
use ropewalk::request::Request;
use serde_json::{Value, json};

fn has(model: Value) -> &'static str {
    position_encoding(&object(&model)).map_or("refused", PositionEncoding::name)
}

#[test]
fn a_model_type_says_what_it_is_built_with() {
    for (name, encoding) in [
        ("bert", "learned"),
        ("gpt2", "learned"),
        ("opt", "learned"),
        ("t5", "t5"),
        ("bloom", "alibi"),
        ("mpt", "alibi"),
        ("marian", "sinusoidal"),
        ("swin", "relative"),
        ("wav2vec2", "convolutional"),
        ("mamba", "none"),
        ("jamba", "none"),
        ("granitemoehybrid", "none"),
        ("zamba2", "none"),
        ("esm", "learned"),
        ("llama", "rope"),
        ("qwen3", "rope"),
        ("a-model-of-tomorrow", "refused"),
    ] {
        assert_eq!(has(json!({"model_type": name})), encoding, "{name}");
    }
    assert_eq!(has(json!({"hidden_size": 4096, "num_attention_heads": 32})), "refused");
    // The text model inside decides.
    assert_eq!(
        has(json!({"model_type": "blip-2", "text_config": {"model_type": "opt"}})),
        "learned"
    );
    assert_eq!(has(json!({"model_type": "llava", "text_config": {"model_type": "llama"}})), "rope");
}

#[test]
fn switches_are_read_for_every_type() {
    for (more, encoding) in [
        (json!({"alibi": true}), "alibi"),
        (json!({"alibi": false}), "rope"),
        (json!({"attn_config": {"alibi": true}}), "alibi"),
        (json!({"position_embedding_type": "alibi"}), "alibi"),
        (json!({"position_embedding_type": "nope"}), "none"),
        (json!({"position_embedding_type": "rope"}), "rope"),
        // A left-over of BERT's config class, which no rotating model reads.
        (json!({"position_embedding_type": "absolute"}), "rope"),
        (json!({"use_mem_rope": false}), "none"),
        (json!({"mla_use_nope": true}), "none"),
        (json!({"use_rope": false}), "none"),
    ] {
        for name in ["llama", "falcon", "deepseek_v3"] {
            let mut model = more.clone();
            model["model_type"] = json!(name);
            assert_eq!(has(model.clone()), encoding, "{model}");
            assert_eq!(try_flat(&model, None).is_ok(), encoding == "rope", "{model}");
        }
    }
    for (model, encoding) in [
        (json!({"model_type": "granitemoehybrid", "position_embedding_type": "rope"}), "rope"),
        (json!({"model_type": "zamba2", "use_mem_rope": true}), "rope"),
        (json!({"model_type": "esm", "position_embedding_type": "rotary"}), "rope"),
        (json!({"model_type": "esm", "position_embedding_type": "absolute"}), "learned"),
        (json!({"model_type": "bert", "position_embedding_type": "relative_key"}), "relative"),
        (json!({"model_type": "kimi_linear", "mla_use_nope": true, "rope_theta": 10000}), "none"),
        (json!({"model_type": "a-model-of-tomorrow", "rope_theta": 10000}), "rope"),
        (json!({"model_type": "a-model-of-tomorrow", "rotary_dim": 64}), "rope"),
    ] {
        assert_eq!(has(model.clone()), encoding, "{model}");
    }
}

#[test]
fn what_does_not_rotate_is_refused_with_what_it_has() {
    let refusal = |model: Value| try_flat(&model, None).unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            json!({"model_type": "bert", "hidden_size": 768, "num_attention_heads": 12}),
            json!({"model_type": "falcon", "alibi": true}),
            json!({"model_type": "a-model-of-tomorrow", "head_dim": 64}),
            json!({"head_dim": 64}),
            json!({"model_type": "qwen", "rotary_emb_base": 10000, "kv_channels": 128,
                   "use_dynamic_ntk": true}),
            json!({"model_type": "unheard_of", "head_dim": 64,
                   "rope_parameters": {"rope_type": "axial", "rope_theta": 10000}}),
        ]
        .map(|model| format!("{model}\n  {}\n", refusal(model.clone())))
        .join("")
    );
}

fn question(operation: &str, config: Value, input: Value) -> Result<Value, String> {
    let dtype = if operation == "t5_bucket" { "i32" } else { "f32" };
    let line = json!({"cmd": "run", "id": "a", "operation": operation, "dtype": dtype,
                      "config": config, "input": input});
    let request = Request::parse(&line.to_string()).map_err(|reject| reject.to_string())?;
    let question = Question::new(&request).map_err(|reject| reject.to_string())?;
    Ok(serde_json::to_value(question.config()).unwrap())
}

#[test]
fn alibi_and_t5_are_asked_of_a_config() {
    let pair = json!({"query_positions": [0, 1], "key_positions": [0, 1]});
    let bloom = json!({"model": {"model_type": "bloom", "n_head": 16, "hidden_size": 1024}});
    assert_eq!(
        question("alibi_slopes", bloom.clone(), json!({})).unwrap(),
        json!({"num_heads": 16, "slopes": "code"})
    );
    assert_eq!(question("alibi_bias", bloom, pair.clone()).unwrap()["form"], "key");
    let mpt = json!({"model": {"model_type": "mpt", "n_heads": 32,
                               "attn_config": {"alibi": true, "alibi_bias_max": 16}}});
    assert_eq!(question("alibi_bias", mpt.clone(), pair.clone()).unwrap()["form"], "mpt");
    assert_eq!(question("alibi_slopes", mpt, json!({})).unwrap()["alibi_bias_max"], 16);
    let falcon = json!({"model": {"model_type": "falcon", "alibi": true, "hidden_size": 2048,
                                  "num_attention_heads": 32}});
    assert_eq!(question("alibi_bias", falcon, pair.clone()).unwrap()["head_dim"], 64);
    // Whose form nobody wrote down is asked for it.
    let jina = |more: Value| {
        let mut config = json!({"model": {"model_type": "jina_bert", "num_attention_heads": 12,
                                          "position_embedding_type": "alibi"}});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    assert!(question("alibi_bias", jina(json!({})), pair.clone()).unwrap_err().contains("form"));
    let symmetric = question("alibi_bias", jina(json!({"form": "symmetric"})), pair.clone());
    assert_eq!(symmetric.unwrap()["form"], "symmetric");
    let t5 = |more: Value| {
        let mut config = json!({"model": {"model_type": "t5", "num_heads": 8,
                                          "relative_attention_num_buckets": 64}});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let decoder = question("t5_bucket", t5(json!({"layer_type": "decoder"})), pair.clone());
    let expected = json!({"num_buckets": 64, "max_distance": 128, "bidirectional": false});
    assert_eq!(decoder.unwrap(), expected);
    assert!(question("t5_bucket", t5(json!({})), pair.clone()).unwrap_err().contains("layer_type"));
    let llama = json!({"model": {"model_type": "llama"}});
    let refused = question("alibi_slopes", llama, json!({})).unwrap_err();
    assert!(refused.contains("a rope"), "{refused}");
}

#[test]
fn towers_are_parts() {
    let qwen = json!({"model_type": "qwen2_vl", "hidden_size": 3584, "num_attention_heads": 28,
        "rope_theta": 1000000.0, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "vision_config": {"model_type": "qwen2_vl", "embed_dim": 1280, "hidden_size": 3584,
                          "num_heads": 16}});
    let part = |model: &Value, part: &str| {
        let config = json!({"model": model, "layout": "half", "part": part});
        RopeConfig::new(&object(&config))
            .map(|config| serde_json::to_value(config.normalised()).unwrap())
            .map_err(|reject| reject.to_string())
    };
    assert_eq!(model::parts(&object(&qwen)), ["text", "vision"]);
    assert_eq!(part(&qwen, "text").unwrap()["rope_theta"], 1000000.0);
    let tower = part(&qwen, "vision").unwrap();
    assert_eq!(tower["axes_dims"], json!([40, 40]));
    assert_eq!(tower["rope_type"], "axial");
    assert!(part(&qwen, "audio").unwrap_err().contains("audio"));
    assert!(part(&qwen, "smell").unwrap_err().contains("text, vision"));
    // Any config inside is a part, by its key; within another one behind a dot.
    let omni = json!({"model_type": "qwen2_5_omni",
        "thinker_config": {"model_type": "qwen2_5_omni_thinker",
            "text_config": {"model_type": "qwen2_5_omni_text"},
            "audio_config": {"model_type": "qwen2_5_omni_audio_encoder"},
            "vision_config": {"model_type": "qwen2_5_omni_vision_encoder"}},
        "talker_config": {"model_type": "qwen2_5_omni_talker"},
        "token2wav_config": {"dit_config": {"model_type": "qwen3", "head_dim": 64}}});
    assert_eq!(model::parts(&object(&omni)), ["text", "talker", "token2wav.dit", "vision"]);
    assert_eq!(part(&omni, "token2wav.dit").unwrap()["head_dim"], 64);
    assert_eq!(part(&omni, "talker").unwrap()["mrope_section"], json!([16, 24, 24]));
    // As Transformers writes it now, on its own.
    let own = |model_type: &str, more: Value| {
        let mut model = json!({"model_type": model_type,
            "rope_parameters": {"rope_type": "axial", "rope_theta": 10000.0}});
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        flat(model)
    };
    assert_eq!(own("qwen3_vl_vision", json!({}))["axes_dims"], json!([36, 36]));
    assert_eq!(own("step3p5_vision", json!({}))["axes_order"], json!([1, 0]));
    assert_eq!(own("gemma4_vision", json!({}))["half_within_axis"], true);
    assert_eq!(own("pixtral", json!({}))["rope_type"], "pixtral");
    assert_eq!(own("kimi_k25_vision", json!({}))["rope_type"], "moonvit");
    // What three does not divide is copied.
    let minimax = own("minimax_m3_vl_vision", json!({}));
    assert_eq!((&minimax["axes_dims"], &minimax["rotary_dim"]), (&json!([26, 26, 26]), &json!(78)));
    let whole = json!({"model_type": "sam_next", "vision_config": {"model_type": "siglip_vision_model",
        "hidden_size": 1152, "num_attention_heads": 16}});
    assert!(part(&whole, "vision").unwrap_err().contains("learned"));
}

#[test]
fn codes_that_turn_or_deal_out_in_their_own_way() {
    let more = |model_type: &str, more: Value| {
        let mut model = json!({"model_type": model_type});
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        flat(model)
    };
    assert_eq!(more("nanochat", json!({}))["clockwise"], true);
    let ernie = more("ernie4_5_vl_moe_text", json!({}));
    let axes: Vec<i64> = serde_json::from_value(ernie["pair_axes"].clone()).unwrap();
    assert_eq!((axes.len(), &axes[..4], &axes[43..46]), (64, &[1, 2, 1, 2][..], &[2, 0, 0][..]));
    let rows = more("neomme", json!({"rope_parameters": {"rope_type": "default"}, "head_dim": 12}));
    assert_eq!(rows["pair_axes"], json!([0, 1, 0, 1, 0, 1]));
    // Sections of a code that interleaves whatever the file says, and that leave pairs over.
    let section =
        json!({"rope_parameters": {"rope_type": "default", "mrope_section": [24, 20, 20]}});
    assert_eq!(more("qwen3_vl_text", section)["mrope_interleaved"], true);
    let share =
        json!({"rope_parameters": {"rope_type": "proportional", "partial_rotary_factor": 0.3}});
    assert_eq!(more("qwen3_vl_text", share)["mrope_section"], json!([24, 20, 20]));
    let over = more("qwen4_exp_text", json!({"head_dim": 24}));
    assert_eq!(over["pair_axes"], json!([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]));
    // openPangu-VL, and the name that vLLM gives its rule: vLLM's own order of [2, 3, 3] and of [2, 2].
    let pangu = |name: &str, rule: &str, sections: Value| {
        let scaling = json!({"type": rule, "mrope_section": sections, "mrope_interleaved": true});
        let pairs: i64 = sections.as_array().unwrap().iter().filter_map(Value::as_i64).sum();
        let flat = more(name, json!({"head_dim": 2 * pairs, "rope_scaling": scaling}));
        assert!(flat.get("mrope_section").is_none() && flat.get("mrope_interleaved").is_none());
        flat["pair_axes"].clone()
    };
    let order = json!([0, 1, 2, 1, 2, 1, 2, 0]);
    assert_eq!(pangu("openpangu_vl_text", "default", json!([2, 3, 3])), order);
    assert_eq!(pangu("llama", "openpangu", json!([2, 3, 3])), order);
    assert_eq!(pangu("openpangu_vl", "default", json!([2, 2])), json!([0, 1, 0, 1]));
    assert_eq!(more("dinov3_vit", json!({}))["rope_type"], "dinov3");
    assert_eq!(more("sam2_video", json!({}))["axes_dims"], json!([128, 128]));
    let molmo = json!({"rope_scaling_layers": [0, 2], "rope_scaling": {"rope_type": "linear", "factor": 2}});
    let mut model = json!({"model_type": "molmo2_text"});
    model.as_object_mut().unwrap().extend(molmo.as_object().unwrap().clone());
    assert_eq!(model::layer_types(&object(&model)), ["scaled", "unscaled"]);
}

/// A width that the class derives follows the file; one that the code divides is not said twice.
#[test]
fn heads_that_a_class_divides() {
    let dim = |model: Value| try_flat(&model, None).map(|flat| flat["head_dim"].clone());
    for name in ["csm", "jais2", "mimi", "pixtral", "recurrent_gemma"] {
        let model = json!({"model_type": name, "hidden_size": 640, "num_attention_heads": 10});
        assert_eq!(dim(model), Ok(json!(64)), "{name}");
    }
    let wide = json!({"model_type": "dia_encoder", "hidden_size": 640, "num_attention_heads": 10});
    assert_eq!(dim(wide), Ok(json!(128)));
    let said = |head: u32| json!({"model_type": "stablelm", "head_dim": head});
    assert_eq!(dim(said(80)), Ok(json!(80)));
    assert!(dim(said(96)).unwrap_err().text.contains("divides its width by its heads"));
    // Latent slices of the file, whatever share the class has.
    assert_eq!(dim(json!({"model_type": "mistral4", "qk_rope_head_dim": 32})), Ok(json!(96)));
    let compressed = json!({"model_type": "deepseek_v4"});
    assert_eq!(model::layer_types(&object(&compressed)), ["main", "compress"]);
}

#[test]
fn the_usual_layout_follows_the_switch() {
    let usual = |model: Value| model::usual_layout(&object(&model));
    assert_eq!(usual(json!({"model_type": "deepseek_v3"})), Layout::Interleaved);
    let off = json!({"model_type": "deepseek_v3", "rope_interleave": false});
    assert_eq!(usual(off), Layout::Half);
    assert_eq!(usual(json!({"model_type": "blt"})), Layout::Interleaved);
    assert_eq!(usual(json!({"model_type": "llama"})), Layout::Half);
}
