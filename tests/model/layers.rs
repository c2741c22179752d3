//! Layers of one model that differ.

use super::{try_flat, with};
use serde_json::{Value, json};

fn theta(model: &Value, layer_type: &str) -> (Value, Value) {
    let flat = try_flat(model, Some(layer_type)).unwrap_or_else(|reject| panic!("{reject}"));
    (flat["rope_type"].clone(), flat["rope_theta"].clone())
}

#[track_caller]
fn refuses(model: &Value, layer_type: Option<&str>, slug: &str, words: &[&str]) {
    let reject = try_flat(model, layer_type).unwrap_err();
    assert_eq!(reject.slug.name(), slug, "{reject}");
    assert!(words.iter().all(|word| reject.text.contains(word)), "{reject}");
}

#[test]
fn gemma_3_scales_its_full_layers_only() {
    let linear = json!({"rope_type": "linear", "factor": 8});
    let old = with(json!({"rope_theta": 1000000, "rope_local_base_freq": 10000,
                          "rope_scaling": linear}));
    let new = with(json!({"rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1000000},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000}}}));
    let least = json!({"model_type": "gemma3_text", "rope_scaling": linear});
    for model in [&old, &new, &least] {
        assert_eq!(theta(model, "full_attention"), (json!("linear"), json!(1000000)));
        assert_eq!(theta(model, "sliding_attention"), (json!("default"), json!(10000)));
        refuses(model, None, "missing_key", &["full_attention", "sliding_attention"]);
        refuses(model, Some("global"), "invalid_value", &["global", "full_attention"]);
    }
    assert_eq!(try_flat(&least, Some("full_attention")).unwrap()["head_dim"], 256);
}

#[test]
fn modernbert_scales_both() {
    let model = with(json!({"global_rope_theta": 160000, "local_rope_theta": 10000,
                            "rope_scaling": {"type": "linear", "factor": 2}}));
    assert_eq!(theta(&model, "full_attention"), (json!("linear"), json!(160000)));
    assert_eq!(theta(&model, "sliding_attention"), (json!("linear"), json!(10000)));
}

#[test]
fn olmo_3_has_one_base_and_scales_its_full_layers() {
    let model = json!({"model_type": "olmo3", "rope_theta": 500000, "rope_scaling":
        {"rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 8192}});
    assert_eq!(theta(&model, "full_attention"), (json!("yarn"), json!(500000)));
    assert_eq!(theta(&model, "sliding_attention"), (json!("default"), json!(500000)));
}

#[test]
fn gemma_4_has_wider_heads_in_full_layers() {
    let model = json!({"model_type": "gemma4_text"});
    let full = try_flat(&model, Some("full_attention")).unwrap();
    assert_eq!((&full["rope_type"], &full["head_dim"]), (&json!("proportional"), &json!(512)));
    assert_eq!(full["partial_rotary_factor"], 0.25);
    let sliding = try_flat(&model, Some("sliding_attention")).unwrap();
    assert_eq!((&sliding["rope_type"], &sliding["head_dim"]), (&json!("default"), &json!(256)));
}

#[test]
fn layers_without_a_rope() {
    let still = |model: &Value, name: &str| theta(model, name).0 == "none";
    let smol = json!({"model_type": "smollm3"});
    assert!(still(&smol, "no_rope") && !still(&smol, "full_attention"));
    let listed = with(json!({"no_rope_layers": [1, 1, 0]}));
    assert!(still(&listed, "no_rope"));
    // 1 means that the layer rotates, whatever the name of the key says.
    let all = with(json!({"no_rope_layers": [1, 1, 1]}));
    refuses(&all, Some("no_rope"), "invalid_value", &["full_attention"]);
    // An empty list stands for the interval.
    let every = with(json!({"no_rope_layers": [], "no_rope_layer_interval": 4}));
    assert!(still(&every, "no_rope"));
    let scout = json!({"model_type": "llama4_text"});
    assert!(still(&scout, "full_attention") && !still(&scout, "chunked_attention"));
    let cohere = json!({"model_type": "cohere2"});
    assert!(still(&cohere, "full_attention") && !still(&cohere, "sliding_attention"));
    assert_eq!(try_flat(&cohere, None).unwrap()["rope_type"], "default");
    // Without a sliding window EXAONE 4 rotates everywhere.
    let exaone = json!({"model_type": "exaone4"});
    assert!(still(&exaone, "full_attention"));
    // Cohere 2's code rotates where there is a window, AFMoE's where the layer is a sliding one.
    for (name, layer, turns) in [
        ("cohere2", "sliding_attention", false),
        ("flint", "sliding_attention", false),
        ("afmoe", "full_attention", false),
        ("afmoe", "sliding_attention", true),
    ] {
        let model = json!({"model_type": name, "sliding_window": null});
        assert_eq!(!still(&model, layer), turns, "{name} {layer}");
    }
    let small = json!({"model_type": "exaone4", "sliding_window": null});
    assert!(!still(&small, "full_attention"));
    let nested = with(json!({"rope_parameters": {"full_attention": null,
        "sliding_attention": {"rope_type": "default", "rope_theta": 5}}}));
    assert!(still(&nested, "full_attention") && !still(&nested, "sliding_attention"));
}

#[test]
fn a_layer_type_is_harmless_where_all_layers_are_alike() {
    let model = with(json!({"layer_types": ["full_attention", "linear_attention"]}));
    assert_eq!(theta(&model, "full_attention").0, "default");
    refuses(&model, Some("linear_attention"), "invalid_value", &["full_attention"]);
    refuses(&model, Some("sliding_attention"), "invalid_value", &["full_attention"]);
    let one = with(json!({"rope_parameters": {"full_attention": {"rope_theta": 7}}}));
    assert_eq!(try_flat(&one, None).unwrap()["rope_theta"], 7);
}

#[test]
fn the_layers_that_differ_are_named() {
    let names = |model: Value| ropewalk::encoding::model::layer_types(&super::object(&model));
    assert_eq!(
        names(json!({"model_type": "gemma3_text"})),
        ["full_attention", "sliding_attention"]
    );
    assert_eq!(names(json!({"model_type": "qwen2"})), [""; 0]);
}

#[test]
fn a_base_for_each_layer_is_one_base_and_layers_without() {
    let model = with(json!({"layer_rope_theta": [500000, 500000, 0, 500000]}));
    assert_eq!(theta(&model, "full_attention"), (json!("default"), json!(500000)));
    assert_eq!(theta(&model, "no_rope").0, json!("none"));
    let all = with(json!({"rope_theta": 10000.0, "layer_rope_theta": [10000, 10000]}));
    assert_eq!(try_flat(&all, None).unwrap()["rope_theta"], json!(10000.0));
    refuses(&all, Some("no_rope"), "invalid_value", &["no_rope", "full_attention"]);
    refuses(
        &with(json!({"layer_rope_theta": [10000, 500000]})),
        None,
        "invalid_value",
        &["layer_rope_theta", "one base"],
    );
    refuses(
        &with(json!({"rope_theta": 2, "layer_rope_theta": [3]})),
        None,
        "invalid_value",
        &["layer_rope_theta", "rope_theta says too, 2"],
    );
}

/// The compressed layers have a base of their own and are scaled, without the magnitude; the slice
/// stands at the end of the head.
#[test]
fn deepseek_v4_has_two_ropes() {
    let yarn = json!({"type": "yarn", "factor": 16, "original_max_position_embeddings": 65536,
                      "beta_fast": 32, "beta_slow": 1});
    let model = json!({"model_type": "deepseek_v4", "head_dim": 512, "qk_rope_head_dim": 64,
                       "rope_theta": 10000, "compress_rope_theta": 160000, "rope_scaling": yarn});
    assert_eq!(theta(&model, "main"), (json!("default"), json!(10000)));
    assert_eq!(theta(&model, "compress"), (json!("yarn"), json!(160000)));
    let flat = try_flat(&model, Some("compress")).unwrap();
    assert_eq!(flat["attention_factor"], 1);
    assert_eq!(
        [&flat["head_dim"], &flat["rotary_dim"], &flat["rotary_offset"]],
        [512, 64, 448].map(|n| json!(n)).each_ref()
    );
    refuses(&model, None, "missing_key", &["main", "compress"]);
}

/// Base and layer types of a larger model are those of the text model inside, and may not differ.
#[test]
fn two_bases_at_two_levels() {
    let model = json!({"rope_theta": 2, "text_config": with(json!({"rope_theta": 1}))});
    refuses(&model, None, "invalid_value", &["rope_theta is 2", "inside says too, 1"]);
    let flat = try_flat(&json!({"rope_theta": 1, "text_config": with(json!({}))}), None).unwrap();
    assert_eq!(flat["rope_theta"], 1);
}
