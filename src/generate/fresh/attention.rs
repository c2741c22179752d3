//! Fresh questions about attention: masks, windows, caps, biases, rotations, heads, lengths and
//! sinks, each with each.
//!
//! An exact softmax costs more than a rotation, so most shapes are small: up to six keys, four heads,
//! eight coordinates. A few have heads of 64 and more keys than any tile of a kernel.

use super::kind::{Draft, Factor, Kind, Level, Words, formats};
use super::positions::start;
use crate::generate::plan::{Input, config, parsed};
use crate::generate::values::{Random, flat, mixed, values};
use crate::number::Dtype;
use crate::request::{Json, Operation};

const FORMATS: &[Level] =
    &[("f64", &["f64"]), ("f32", &["f32"]), ("bf16", &["bf16"]), ("f16", &["f16"])];

/// Width of values: another than that of keys.
const VALUES: usize = 3;
pub(super) const BUCKETS: usize = 8;

const fn factor(name: &'static str, levels: &'static [Level]) -> Factor {
    Factor { name, levels }
}

pub(super) fn kinds() -> Vec<Kind> {
    let factors = vec![
        factor("format", FORMATS),
        factor("mask", &[("none", &["open"]), ("causal", &["causal"])]),
        factor(
            "window",
            &[("none", &["whole"]), ("before", &["before"]), ("both sides", &["around"])],
        ),
        factor("cap", &[("none", &["none"]), ("low", &["1", "2"]), ("high", &["30", "50"])]),
        factor("scale", &[("default", &["default"]), ("given", &["given"])]),
        factor(
            "bias",
            &[
                ("none", &["none"]),
                ("rope half", &["half"]),
                ("rope interleaved", &["interleaved"]),
                ("ALiBi", &["alibi"]),
                ("T5", &["t5"]),
            ],
        ),
        factor("heads", &[("1", &["1"]), ("grouped", &["4"]), ("each its own", &["3"])]),
        factor("width", &[("power of two", &["4", "8"]), ("other", &["6"]), ("64", &["64"])]),
        factor("queries", &[("1", &["1"]), ("few", &["2", "3"]), ("more than keys", &["7"])]),
        factor("keys", &[("few", &["3", "5"]), ("6", &["6"]), ("many", &["33", "65", "129"])]),
        factor("rows", &[("1", &["1"]), ("2", &["2"])]),
        factor("lengths", &[("none", &["none"]), ("given", &["given"])]),
        factor("sinks", &[("none", &["none"]), ("given", &["given"])]),
        factor("lse", &[("asked", &["asked"]), ("not asked", &["unasked"])]),
        factor(
            "reach",
            &[("near", &["near"]), ("far", &["131071", "8191"]), ("negative", &["negative"])],
        ),
    ];
    vec![Kind {
        operation: Operation::Attention,
        factors,
        main: &["mask", "bias", "queries"],
        // A weight takes as long as several elements of a rotation.
        cost: |w| {
            (4 * w.size("rows") * w.size("heads") * w.size("queries") * w.size("keys")) as u64
        },
        build,
    }]
}

fn build(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (_, dtype) = formats(words.get("format")).ok_or_else(|| "no format".to_string())?;
    let count = |name: &str| if words.tiny { 1 } else { words.size(name) };
    let (rows, queries, keys) = (count("rows"), count("queries"), count("keys"));
    let (heads, width) = (words.size("heads"), words.size("width"));
    let key_heads = if words.get("heads") == "4" { 2 } else { heads };
    let mut flags = vec!["attention-pairs"];
    let mut object = config([("causal", (words.get("mask") == "causal").into())]);
    let mut set = |key: &str, json: &str| {
        object.set(key, serde_json::from_str(json).unwrap_or(Json::Null));
    };
    match words.get("window") {
        "before" => set("window", "[2,null]"),
        "around" => set("window", "[3,1]"),
        _ => {}
    }
    if words.get("cap") != "none" {
        set("softcap", words.get("cap"));
        flags.push("attention-softcap");
    }
    if words.get("scale") == "given" {
        set("scale", "0.3");
    }
    match words.get("bias") {
        "alibi" => {
            set("alibi", &alibi(heads, words.get("mask") == "causal"));
            flags.push("attention-alibi");
        }
        "t5" => {
            set("t5", &t5(words.get("mask") == "causal"));
            flags.push("attention-t5");
        }
        "none" => {}
        layout => {
            let mut rope = parsed(r#"{"rope_theta":10000}"#);
            rope.set("head_dim", width.into());
            rope.set("layout", layout.into());
            object.set("rope", Json::Object(rope));
            flags.push("attention-rope");
        }
    }
    let mut input = tensors(dtype, [rows, heads, key_heads], [queries, keys, width], random);
    let (at, of) = positions(words.get("reach"), [rows, queries, keys], random);
    input = input.with("query_positions", at).with("key_positions", of);
    if words.get("lengths") == "given" {
        let length = |_| (keys as u64 - random.bits() % keys.min(3) as u64) as i64;
        let list: Vec<Json> = (0..rows).map(length).map(Json::from).collect();
        input = input.with("key_lengths", Json::Array(list));
        flags.push("attention-lengths");
    }
    if words.get("sinks") == "given" {
        let one = |_| (random.bits() % 17) as f64 / 4.0 - 2.0;
        let list: Vec<f64> = (0..heads).map(one).collect();
        input = input.with("sinks", values(dtype, &[heads], &list));
        flags.push("attention-sink");
    }
    if words.get("bias") == "t5" {
        let seed = format!("{}", random.bits());
        input = input.with("table", mixed(dtype, &[BUCKETS, heads], &seed));
    }
    if words.get("lse") == "asked" {
        input = input.with("lse", true);
        flags.push("attention-lse");
    }
    for (name, word, flag) in [
        ("mask", "causal", "attention-causal"),
        ("queries", "1", "attention-decode"),
        ("heads", "4", "attention-heads"),
    ] {
        flags.extend((words.get(name) == word).then_some(flag));
    }
    flags.extend((words.get("window") != "whole").then_some("attention-window"));
    Ok(Draft { dtype, config: object, input: input.0, flags })
}

/// ALiBi whose form fits the mask.
pub(super) fn alibi(heads: usize, causal: bool) -> String {
    let form = if causal { "distance" } else { "symmetric" };
    format!(r#"{{"num_heads":{heads},"slopes":"code","form":"{form}"}}"#)
}

/// T5's bias whose sides fit the mask.
pub(super) fn t5(causal: bool) -> String {
    let both = !causal;
    format!(r#"{{"num_buckets":{BUCKETS},"max_distance":20,"bidirectional":{both}}}"#)
}

fn tensors(
    dtype: Dtype,
    [rows, heads, key_heads]: [usize; 3],
    [queries, keys, width]: [usize; 3],
    random: &mut Random,
) -> Input {
    let mut one = |shape: [usize; 4]| mixed(dtype, &shape, &format!("{}", random.bits()));
    Input::new()
        .with("q", one([rows, heads, queries, width]))
        .with("k", one([rows, key_heads, keys, width]))
        .with("v", one([rows, key_heads, keys, VALUES]))
}

/// Keys with gaps, and queries that end at the last key or a few before it: more queries than keys
/// begin before the first one.
fn positions(reach: &str, [rows, queries, keys]: [usize; 3], random: &mut Random) -> (Json, Json) {
    let (mut at, mut of) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let first = start(reach, random);
        let every = 2 + (random.bits() % 3) as i64;
        let list: Vec<i64> = (0..keys as i64).map(|j| first + j + j / every).collect();
        let last = list.last().copied().unwrap_or(first) - (random.bits() % 2) as i64;
        let query = |i: usize| last - (queries - 1 - i) as i64;
        at.push(flat(&(0..queries).map(query).collect::<Vec<_>>()));
        of.push(flat(&list));
    }
    (Json::Array(at), Json::Array(of))
}
