//! What a request may cost: every operation at the ends of every range, answered in bounded time and
//! memory, none left undecided.

use ropewalk::encoding::{self, Key, Kind, spectrum::SCHEMES};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Kilobytes that the program may have.
const MEMORY: u64 = 3 << 20;
/// Of a single answer, in a development build with all processors taken.
const TIME: Duration = Duration::from_secs(150);

/// Values at and around the ends of what a key takes.
fn ends(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::Integer(low, high) => {
            // A million columns take minutes of a development build; of a release build all are asked.
            let high = if cfg!(debug_assertions) { high.min(1 << 16) } else { high };
            [low, low.saturating_add(1), high].into_iter().map(|n| json!(n)).collect()
        }
        // 2^128 is more than an integer of the machine holds.
        Kind::Number(_) => {
            let sizes = [5e-324, 1.0, 2f64.powi(31), 2f64.powi(127), 2f64.powi(130), f64::MAX];
            sizes.into_iter().flat_map(|x| [json!(x), json!(-x)]).chain([json!(0)]).collect()
        }
        _ => vec![],
    }
}

fn keys() -> BTreeMap<&'static str, Vec<Value>> {
    let additive = [
        encoding::ALIBI_KEYS,
        encoding::T5_KEYS,
        encoding::SHAW_KEYS,
        encoding::DEBERTA_KEYS,
        encoding::TEMPERATURE_KEYS,
        encoding::SINUSOIDAL_KEYS,
        encoding::LEARNED_KEYS,
        encoding::PERMUTE_KEYS,
    ];
    let rotary = SCHEMES.iter().flat_map(|scheme| {
        encoding::rope_keys(*scheme).into_iter().chain(scheme.keys().iter().copied())
    });
    let mut all: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for Key { name, kind, .. } in rotary.chain(additive.into_iter().flatten().copied()) {
        let list = all.entry(name).or_default();
        list.extend(ends(kind));
        list.dedup();
    }
    all
}

/// Replaces every position of nested lists.
fn replace(json: &Value, with: &[Value], count: &mut usize) -> Value {
    match json {
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| replace(item, with, count)).collect())
        }
        _ => {
            *count += 1;
            with[(*count - 1) % with.len()].clone()
        }
    }
}

/// The requests of the contract's examples, with one thing after the other driven to its ends.
fn requests() -> Vec<Value> {
    let text = std::fs::read_to_string("docs/contract-examples.ndjson").unwrap();
    let examples: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["request"].clone())
        .collect();
    let keys = keys();
    let whole = |n: i64| json!(n.to_string());
    let far = 1i64 << 62;
    let positions = [
        vec![whole(far)],
        vec![whole(-far)],
        vec![whole(-far), whole(far)],
        // (p − origin)/scale_base = −2^31 for the default of 512.
        vec![json!(-(1i64 << 40)), json!(1i64 << 40)],
        vec![json!(-(1i64 << 31)), json!(1), json!(0)],
        vec![json!(format!("1/{far}")), json!(format!("-{}/{far}", far - 1))],
    ];
    let mut list = Vec::new();
    for example in examples {
        if example["cmd"] != "run" {
            continue;
        }
        for (key, values) in &keys {
            for value in values {
                let mut request = example.clone();
                if request["config"].get(key).is_some() {
                    request["config"][key] = value.clone();
                    list.push(request);
                }
            }
        }
        for name in ["positions", "query_positions", "key_positions"] {
            for with in &positions {
                let mut request = example.clone();
                if let Some(given) = request["input"].get(name) {
                    request["input"][name] = replace(given, with, &mut 0);
                    list.push(request);
                }
            }
        }
        for length in [1, 1i64 << 31, far] {
            let mut request = example.clone();
            request["input"]["seq_len"] = json!(length);
            list.push(request);
        }
        for (name, value) in [
            ("cu_seqlens", json!([0, far])),
            ("segments", json!([{"text": far}])),
            ("segments", json!([{"video": [1i64 << 30, 1i64 << 30, 2]}])),
            ("grid_thw", json!([[far, far, far]])),
            ("cp_size", json!(far)),
        ] {
            let mut request = example.clone();
            if request["input"].get(name).is_some() {
                request["input"][name] = value;
                list.push(request);
            }
        }
    }
    // Large numbers that cancel: dynamic's factor·L/L₀ − (factor − 1), L being L₀.
    let config = json!({"head_dim": 4, "layout": "half", "rope_theta": 10000, "rope_type": "dynamic",
        "factor": 2f64.powi(130), "max_position_embeddings": 2048});
    let row = json!({"dtype": "f32", "shape": [1, 1, 1, 4], "bits": ["3f8000003f8000003f8000003f800000"]});
    for (operation, input) in [
        ("inv_freq", json!({})),
        ("table", json!({"positions": [5]})),
        ("rotate", json!({"q": row, "positions": [[5]]})),
        ("score", json!({"q": row, "k": row, "query_positions": [[5]], "key_positions": [[3]]})),
    ] {
        let mut request = json!({"cmd": "run", "operation": operation, "dtype": "f32",
            "config": config, "input": input});
        request["input"]["seq_len"] = json!(100);
        list.push(request);
    }
    // Scores that differ by all that numbers may, and positions at the ends.
    let one = |bits: &str| json!({"dtype": "f32", "shape": [1, 1, 1, 2], "bits": [bits]});
    let keys = |bits: [&str; 2]| json!({"dtype": "f32", "shape": [1, 1, 2, 2], "bits": bits});
    for config in [
        json!({"causal": false}),
        json!({"causal": true, "scale": 1e300, "window": [1i64 << 62, 0]}),
        json!({"causal": false, "softcap": 1e-300}),
        json!({"causal": false, "softcap": 1e300, "scale": 1e-300}),
        json!({"causal": false, "alibi": {"num_heads": 1, "slopes": "code", "form": "distance"}}),
        json!({"causal": false, "t5": {"num_buckets": 4, "max_distance": 16, "bidirectional": true}}),
        json!({"causal": false, "rope": {"head_dim": 2, "layout": "half", "rope_theta": 10000}}),
    ] {
        for bits in ["7f7fffff7f7fffff", "0000000100000001", "ff7fffff3f800000"] {
            for p in [0, 1, far] {
                let mut request = json!({"cmd": "run", "operation": "attention", "dtype": "f32",
                    "config": config, "input": {"q": one(bits),
                        "k": keys(["7f7fffffff7fffff", "3f80000000000001"]),
                        "v": keys(["3f8000007f7fffff", "40000000ff7fffff"]),
                        "query_positions": [[far]], "key_positions": [[0, p]], "lse": true}});
                if config.get("t5").is_some() {
                    request["input"]["table"] = json!({"dtype": "f32", "shape": [4, 1],
                        "bits": ["7f7fffff", "ff7fffff", "3f800000", "00000001"]});
                }
                list.push(request);
            }
        }
    }
    // Heads as wide as they may be, whose 14 and more rotated coordinates all grow.
    for origin in [-(1i64 << 53), 0, 1 << 53] {
        for p in [-(1i64 << 40), 1 << 40, far] {
            list.push(json!({"cmd": "run", "operation": "table", "dtype": "f32",
                "config": {"head_dim": 16, "layout": "half", "rope_theta": 10000,
                    "rope_type": "xpos", "origin": origin},
                "input": {"positions": [p.to_string()]}}));
        }
    }
    let seen: BTreeSet<String> = list.iter().map(Value::to_string).collect();
    seen.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// Several programs at once; the first answer that is late, undecided or the end of one fails.
fn ask(requests: &[Value]) {
    let limited = format!("ulimit -v {MEMORY}; exec \"$0\" adapter");
    let mut child = Command::new("sh")
        .args(["-c", &limited, assert_cmd::cargo::cargo_bin!("ropewalk").to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || output.lines().try_for_each(|line| sender.send(line)));
    for (number, request) in requests.iter().enumerate() {
        let mut request = request.clone();
        request["id"] = json!(format!("r{number}"));
        writeln!(input, "{request}").unwrap();
        let Ok(reply) = receiver.recv_timeout(TIME) else {
            let _ = child.kill();
            panic!("late, too large or a panic: {request}");
        };
        let reply: Value = serde_json::from_str(&reply.unwrap()).unwrap();
        assert!(
            reply.get("error").is_none() && reply.get("errored").is_none(),
            "{request}: {reply}"
        );
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
#[cfg(target_os = "linux")]
fn every_operation_at_the_ends_of_every_range() {
    let requests = requests();
    assert!(requests.len() > 1500, "{}", requests.len());
    let answered: BTreeSet<&str> =
        requests.iter().filter_map(|request| request["operation"].as_str()).collect();
    for operation in ropewalk::request::Operation::ALL {
        assert!(answered.contains(operation.name()), "{}", operation.name());
    }
    let requests = crate::tier::some(requests, 30);
    std::thread::scope(|scope| {
        for part in requests.chunks(requests.len().div_ceil(4)) {
            scope.spawn(|| ask(part));
        }
    });
}
