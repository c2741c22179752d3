//! `vectors/models`: one file per released model.

use crate::ask::ask;
use ropewalk::encoding::{Layout, RopeConfig, model, models};
use ropewalk::request::Json;
use serde_json::json;

#[test]
fn the_list_is_the_directory() {
    let mut files: Vec<String> = std::fs::read_dir("vectors/models")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".json").unwrap().to_string())
        .collect();
    files.sort();
    let listed: Vec<&str> = models().iter().map(|model| model.name.as_str()).collect();
    assert_eq!(listed, files);
    assert!(listed.len() >= 40);
}

#[test]
fn every_model_passes_every_rule_and_normalises_once() {
    for model in models() {
        assert!(["V", "T", "U"].contains(&model.mark.as_str()), "{}", model.name);
        assert!(model.source.contains("; read in "), "{}", model.name);
        let operation = match model.encoding.as_str() {
            "rotary" => "inv_freq",
            "alibi" => "alibi_slopes",
            "t5" => "t5_bucket",
            other => panic!("{}: {other}", model.name),
        };
        assert!(!model.needs_layer_type() || !model.layer_types.is_empty(), "{}", model.name);
        let mut layers: Vec<Option<&str>> =
            model.layer_types.iter().map(|name| Some(name.as_str())).collect();
        if !model.needs_layer_type() {
            layers.push(None);
        }
        for layer in layers {
            let config = model.config_of(layer);
            let value = serde_json::to_value(&config).unwrap();
            if operation != "inv_freq" {
                let input = match operation {
                    "t5_bucket" => json!({"query_positions": [0], "key_positions": [9]}),
                    _ => json!({}),
                };
                let dtype = if operation == "t5_bucket" { "i32" } else { "f32" };
                assert!(ask(operation, dtype, value, input)["output"].is_object());
                continue;
            }
            let checked = RopeConfig::new(&config)
                .unwrap_or_else(|reject| panic!("{} {layer:?}: {reject}", model.name));
            let again = RopeConfig::new(checked.normalised()).unwrap();
            assert_eq!(again.normalised(), checked.normalised(), "{}", model.name);
            let length = checked.scheme().needs_seq_len().then_some(4096);
            let input = length.map_or(json!({}), |length| json!({"seq_len": length}));
            let reply = ask("inv_freq", "bf16", value, input);
            assert!(reply["output"].is_object(), "{}: {reply}", model.name);
        }
    }
}

#[test]
fn the_usual_layout_is_the_one_on_file() {
    for released in models() {
        let Some(Json::Object(file)) = released.config.get("model") else { continue };
        let Some(Json::String(layout)) = released.config.get("layout") else { panic!() };
        let usual = model::usual_layout(file);
        assert_eq!(Some(usual), Layout::from_name(layout), "{}", released.name);
    }
}
