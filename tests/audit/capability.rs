//! What a kernel says of itself: read strictly, and held to it.

use ropewalk::audit::{Ask, Description, Malformed};
use ropewalk::number::Dtype;
use ropewalk::request::{Input, Json, Operation, Request};
use serde_json::{Value, json};

fn parse(value: Value) -> Result<Description, Malformed> {
    let json: Json = serde_json::from_value(value).unwrap();
    Description::parse(&json)
}

fn with(capability: Value) -> Value {
    json!({"protocol": 1, "kernel": {"name": "k"}, "capabilities": [capability]})
}

#[test]
fn slips_are_named() {
    let refused = |value: Value| parse(value).unwrap_err();
    let lines = [
        refused(json!([])),
        refused(json!({"protocol": 2})),
        refused(json!({"protocol": 1})),
        refused(json!({"protocol": 1, "kernel": {}, "capabilities": [{"operations": ["rotate"]}]})),
        refused(
            json!({"protocol": 1, "kernel": {"name": 3}, "capabilities": [{"operations": ["rotate"]}]}),
        ),
        refused(json!({"protocol": 1, "kernel": {"name": "k"}, "capabilities": []})),
        refused(json!({"protocol": 1, "kernel": {"name": "k", "licence": ""}})),
        refused(with(json!({"operations": []}))),
        refused(with(json!({"operation": ["rotate"]}))),
        refused(with(json!({"operations": ["rotat"]}))),
        refused(with(json!({"operations": ["rotate"], "dtypes": ["fp32"]}))),
        refused(with(json!({"operations": ["rotate"], "mixed": ["f32"]}))),
        refused(with(json!({"operations": ["rotate"], "layouts": ["neox"]}))),
        refused(with(json!({"operations": ["rotate"], "rope_types": ["llama4"]}))),
        refused(with(json!({"operations": ["rotate"], "directions": ["back"]}))),
        refused(with(json!({"operations": ["rotate"], "axes": [-1]}))),
        refused(with(json!({"operations": ["rotate"], "head_dims": [64, "wide"]}))),
        refused(with(json!({"operations": ["rotate"], "head_dims": [{"min": 8, "max": 4}]}))),
        refused(with(json!({"operations": ["rotate"], "seq_lens": [{"from": 8}]}))),
        refused(with(json!({"operations": ["rotate"], "partial": "no"}))),
        refused(with(json!({"operations": ["rotate"], "limits": {"max_seq": 3}}))),
        refused(with(json!({"operations": ["rotate"], "limits": {"equal_heads": 1}}))),
        refused(with(json!({"operations": ["rotate"], "limits": {"max_position": "1"}}))),
    ];
    insta::assert_snapshot!(lines.map(|why| why.to_string()).join("\n"));
}

#[test]
fn a_claim_covers_what_it_says() {
    let full = json!({"operations": ["rotate", "t5_bucket"], "dtypes": ["f32"],
        "mixed": [["bf16", "f32"]], "layouts": ["half"], "rope_types": ["default"],
        "directions": ["forward"], "axes": [1],
        "limits": {"min_position": 0, "max_position": 9, "max_head_dim": 4, "max_elements": 8,
                   "equal_heads": true}});
    let description = parse(with(full)).unwrap();
    let object = |value: Value| serde_json::from_value(value).unwrap();
    let tensor = |dtype: &str, heads: usize, dim: usize| {
        let digits = if dtype == "f32" { 8 } else { 4 };
        let rows = vec!["0".repeat(dim * digits); heads];
        json!({"dtype": dtype, "shape": [1, heads, 1, dim], "bits": rows})
    };
    let asked = |ask: &Ask, operation: Operation, dtype: Dtype| {
        Ask::new(Request { operation, dtype, ..ask.request().clone() })
    };
    let ask = |config: Value, input: Value| {
        Ask::new(Request {
            id: "a".into(),
            operation: Operation::Rotate,
            dtype: Dtype::F32,
            config: object(config),
            input: Input::new(object(input)),
        })
    };
    let config = |dim: usize, more: Value| {
        let mut config = json!({"head_dim": dim, "layout": "half", "rope_theta": 10000});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let plain = config(4, json!({}));
    let q = json!({"q": tensor("f32", 1, 4), "positions": [[9]]});
    assert_eq!(description.covers(&ask(plain.clone(), q.clone())), Ok(vec![0]));
    let mixed = json!({"q": tensor("bf16", 1, 4), "positions": [[0]]});
    assert_eq!(description.covers(&ask(plain.clone(), mixed)), Ok(vec![0]));
    let integer = ask(
        json!({"num_buckets": 32, "max_distance": 128, "bidirectional": true}),
        json!({"query_positions": [0], "key_positions": [0]}),
    );
    let integer = asked(&integer, Operation::T5Bucket, Dtype::I32);
    assert_eq!(description.covers(&integer), Ok(vec![0]));
    let refused =
        |config: Value, input: Value| description.covers(&ask(config, input)).unwrap_err();
    let double = ask(plain.clone(), json!({"q": tensor("f32", 1, 4), "positions": [[0]]}));
    let double = asked(&double, Operation::Rotate, Dtype::F64);
    let other = ask(plain.clone(), q.clone());
    let other = asked(&other, Operation::Score, Dtype::F32);
    let heads = json!({"q": tensor("f32", 2, 4), "k": tensor("f32", 1, 4), "positions": [[0]]});
    let interleaved = json!({"head_dim": 4, "layout": "interleaved", "rope_theta": 10000});
    let linear = config(4, json!({"rope_type": "linear", "factor": 2}));
    let axes = config(6, json!({"mrope_section": [1, 1, 1]}));
    let back = json!({"q": tensor("f32", 1, 4), "positions": [[0]], "direction": "backward"});
    let lines = [
        description.covers(&other).unwrap_err(),
        description.covers(&double).unwrap_err(),
        refused(plain.clone(), json!({"q": tensor("f16", 1, 4), "positions": [[0]]})),
        refused(interleaved, q.clone()),
        refused(linear, q.clone()),
        refused(axes, json!({"q": tensor("f32", 1, 6), "positions": [[[0]], [[0]], [[0]]]})),
        refused(plain.clone(), back),
        refused(plain.clone(), json!({"q": tensor("f32", 1, 4), "positions": [[10]]})),
        refused(plain.clone(), json!({"q": tensor("f32", 1, 4), "positions": [[-1]]})),
        refused(config(6, json!({})), json!({"q": tensor("f32", 1, 6), "positions": [[0]]})),
        refused(plain.clone(), json!({"q": tensor("f32", 3, 4), "positions": [[0]]})),
        refused(plain, heads),
    ];
    insta::assert_snapshot!(lines.map(|why| why.to_string()).join("\n"));
}

/// Every word that narrows a claim, with a question on each side of it.
#[test]
fn a_claim_is_as_narrow_as_its_words() {
    let rows = |batch: usize, seq: usize, width: usize| {
        json!({"dtype": "f32", "shape": [batch, 1, seq, width],
               "bits": vec!["0".repeat(8 * width); batch * seq]})
    };
    let ask = |config: Value, input: Value| {
        Ask::new(Request {
            id: "a".into(),
            operation: Operation::Rotate,
            dtype: Dtype::F32,
            config: serde_json::from_value(config).unwrap(),
            input: Input::new(serde_json::from_value(input).unwrap()),
        })
    };
    let rope = |more: Value| {
        let mut config = json!({"head_dim": 8, "layout": "half", "rope_theta": 10000});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let one = |config: Value| ask(config, json!({"q": rows(1, 1, 8), "positions": [[3]]}));
    let plain = || one(rope(json!({})));
    let wide = ask(
        json!({"head_dim": 12, "layout": "half", "rope_theta": 10000}),
        json!({"q": rows(1, 1, 12), "positions": [[3]]}),
    );
    let partial = one(rope(json!({"rotary_dim": 4})));
    let offset = one(rope(json!({"rotary_dim": 4, "rotary_offset": 4})));
    let mrope = ask(
        rope(json!({"mrope_section": [2, 1, 1]})),
        json!({"q": rows(1, 1, 8), "positions": [[[0]], [[0]], [[0]]]}),
    );
    let two = ask(rope(json!({})), json!({"q": rows(2, 1, 8), "positions": [[3], [3]]}));
    let ragged = ask(rope(json!({})), json!({"q": rows(2, 1, 8), "positions": [[3], [4]]}));
    let long = ask(rope(json!({})), json!({"q": rows(1, 3, 8), "positions": [[3, 4, 5]]}));
    let keys =
        ask(rope(json!({})), json!({"q": rows(1, 1, 8), "k": rows(1, 1, 8), "positions": [[3]]}));
    let linear = one(rope(json!({"rope_type": "linear", "factor": 2})));
    for (words, within, beyond) in [
        (json!({"head_dims": [8, 64]}), plain(), &wide),
        (json!({"head_dims": [{"min": 4, "max": 64, "multiple_of": 8}]}), plain(), &wide),
        (json!({"rotary_dims": [8, 12]}), plain(), &partial),
        (json!({"partial": false}), plain(), &partial),
        (json!({"rotary_offset": false}), partial.clone(), &offset),
        (json!({"mrope": false}), plain(), &mrope),
        (json!({"batch_sizes": [1]}), plain(), &two),
        (json!({"seq_lens": [1]}), plain(), &long),
        (json!({"seq_lens": [{"multiple_of": 3}]}), long.clone(), &plain()),
        (json!({"limits": {"equal_rows": true}}), two.clone(), &ragged),
        (json!({"inputs": ["q", "positions"]}), plain(), &keys),
        // What is sent is normalised, so the slice is always among the keys.
        (
            json!({"keys": ["head_dim", "layout", "rope_theta", "rope_type", "rotary_dim",
                            "rotary_offset"]}),
            plain(),
            &linear,
        ),
    ] {
        let mut claim = json!({"operations": ["rotate"], "dtypes": ["f32"]});
        claim.as_object_mut().unwrap().extend(words.as_object().unwrap().clone());
        let description = parse(with(claim)).unwrap();
        assert_eq!(description.covers(&within), Ok(vec![0]), "{words}");
        assert!(
            description.covers(beyond).unwrap_err().as_str().contains("not claimed"),
            "{words}"
        );
    }
}
