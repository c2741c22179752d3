//! Fresh questions about everything that is no rope: biases, buckets, absolute encodings, weights.

use super::kind::{Draft, Factor, Kind, Level, Words, formats};
use super::positions::{Places, start};
use crate::generate::plan::{Input, config};
use crate::generate::values::{Random, flat, mixed};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};

const FORMATS: &[Level] =
    &[("f64", &["f64"]), ("f32", &["f32"]), ("bf16", &["bf16"]), ("f16", &["f16"])];
const HEADS: &[Level] = &[
    ("1", &["1"]),
    ("a power of two", &["8", "16", "32"]),
    ("none", &["12", "40", "71", "6"]),
    ("64 or more", &["64", "112", "128"]),
];
const QUERIES: &[Level] = &[("1", &["1"]), ("few", &["4", "7"]), ("33 to 129", &["33", "129"])];
const KEYS: &[Level] =
    &[("1", &["1"]), ("few", &["5", "9"]), ("33 to 129", &["33", "129"]), ("257", &["257"])];
pub(super) const REACH: &[Level] = &[
    ("near", &["near"]),
    ("far", &["131071", "8191"]),
    ("negative", &["negative"]),
    ("beyond 2^24", &["huge", "33554431"]),
];
const AHEAD: &[Level] = &[REACH[0], REACH[1], REACH[3]];
const SIDE: &[Level] = &[
    ("keys before the query", &["before"]),
    ("keys around the query", &["around"]),
    ("keys after the query", &["after"]),
];

pub(super) const fn factor(name: &'static str, levels: &'static [Level]) -> Factor {
    Factor { name, levels }
}

/// The operations.
pub(super) fn kinds() -> Vec<Kind> {
    let format = factor("format", FORMATS);
    let between = [
        factor("queries", QUERIES),
        factor("keys", KEYS),
        factor("side", SIDE),
        factor("reach", REACH),
    ];
    let slopes = [
        format,
        factor("heads", HEADS),
        factor("slopes", &[("code", &["code"]), ("paper", &["paper"])]),
        factor("steepest", &[("default", &["8"]), ("another", &["16", "5", "3"])]),
    ];
    let bias = [
        factor(
            "form",
            &[
                ("distance", &["distance"]),
                ("key", &["key"]),
                ("symmetric", &["symmetric"]),
                ("mpt", &["mpt"]),
            ],
        ),
        factor("scaled", &[("no", &["no"]), ("by a head", &["64", "80", "128"])]),
    ];
    let buckets = [
        factor("buckets", &[("32", &["32"]), ("others", &["8", "20", "64", "128"])]),
        factor("furthest", &[("128", &["128"]), ("others", &["256", "100", "1000"])]),
        factor("sides", &[("one", &["causal"]), ("both", &["both"])]),
    ];
    let clipped = [
        factor("form", &[("key minus query", &["kmq"]), ("query minus key", &["qmk"])]),
        factor("clip", &[("narrow", &["2", "16"]), ("wide", &["128", "512"])]),
    ];
    let logarithmic = [
        factor("buckets", &[("256", &["256"]), ("others", &["32", "64", "33"])]),
        factor("furthest", &[("512", &["512"]), ("others", &["1024", "256"])]),
        factor("clamp", &[("distance", &["distance"]), ("index", &["index"])]),
        factor("form", &[("bucket", &["bucket"]), ("index", &["index"])]),
    ];
    let temperature = [
        format,
        factor("weight", &[("0.1", &["0.1"]), ("others", &["0.5", "0.25"])]),
        factor("step", &[("8192", &["8192"]), ("others", &["64", "16384", "1"])]),
        factor("shift", &[("1", &["1"]), ("0", &["0"])]),
        factor("queries", KEYS),
        factor("reach", AHEAD),
    ];
    let waves = [
        format,
        factor(
            "width",
            &[
                ("small", &["8", "6", "20"]),
                ("odd", &["7", "33"]),
                ("64 to 128", &["64", "112", "128"]),
                ("512", &["512"]),
            ],
        ),
        factor(
            "columns",
            &[("interleaved", &["interleaved"]), ("concatenated", &["concatenated"])],
        ),
        factor("divisor", &[("half", &["half"]), ("half minus one", &["half_minus_one"])]),
        factor("order", &[("sin first", &["sin_first"]), ("cos first", &["cos_first"])]),
        factor("base", &[("10000", &["10000"]), ("others", &["500", "100000"])]),
        factor("queries", KEYS),
        factor("reach", REACH),
    ];
    let learned = [
        format,
        factor(
            "width",
            &[("small", &["3", "8"]), ("64 to 128", &["64", "112"]), ("512", &["512"])],
        ),
        factor("shift", &[("0", &["0"]), ("2", &["2"])]),
        factor("queries", KEYS),
        factor("rows", &[("few", &["12"]), ("many", &["300"])]),
    ];
    let weights = [
        format,
        factor("heads", &[("1", &["1"]), ("several", &["4", "3"]), ("32", &["32"])]),
        factor(
            "width",
            &[
                ("small", &["8", "6", "20"]),
                ("64 to 112", &["64", "80", "112"]),
                ("128", &["128"]),
                ("256", &["256"]),
            ],
        ),
        factor("columns", &[("1", &["1"]), ("few", &["3", "5"]), ("33", &["33"])]),
        factor("way", &[("to half", &["to_half"]), ("to interleaved", &["to_interleaved"])]),
    ];
    let with = |first: &[Factor], rest: &[Factor]| [first, rest].concat();
    let biases: fn(&Words) -> u64 =
        |w| (w.size("heads") * w.size("queries") * w.size("keys")) as u64;
    let pairs: fn(&Words) -> u64 = |w| (w.size("queries") * w.size("keys")) as u64;
    let rows: fn(&Words) -> u64 = |w| (w.size("queries") * w.size("width")) as u64;
    let kind =
        |operation, factors, main, cost, build| Kind { operation, factors, main, cost, build };
    vec![
        kind(Operation::AlibiSlopes, slopes.to_vec(), &[], |w| w.size("heads") as u64, sloped),
        kind(
            Operation::AlibiBias,
            with(&with(&slopes, &bias), &between),
            &["form", "heads", "queries", "side"],
            biases,
            biased,
        ),
        kind(
            Operation::T5Bucket,
            with(&buckets, &between),
            &["sides", "queries", "side"],
            pairs,
            bucketed,
        ),
        kind(
            Operation::T5Bias,
            with(&with(&[format, factor("heads", HEADS)], &buckets), &between),
            &["sides", "heads", "queries", "side"],
            biases,
            looked_up,
        ),
        kind(Operation::ShawBucket, with(&clipped, &between), &[], pairs, shaw),
        kind(Operation::DebertaBucket, with(&logarithmic, &between), &[], pairs, deberta),
        kind(
            Operation::AttentionTemperature,
            temperature.to_vec(),
            &[],
            |w| w.size("queries") as u64,
            scale,
        ),
        kind(Operation::Sinusoidal, waves.to_vec(), &["columns", "divisor", "order"], rows, wave),
        kind(Operation::Learned, learned.to_vec(), &[], rows, row),
        kind(
            Operation::PermuteQk,
            weights.to_vec(),
            &[],
            |w| (w.size("heads") * w.size("width") * w.size("columns")) as u64,
            permuted,
        ),
    ]
}

pub(super) fn dtype(words: &Words) -> Result<Dtype, String> {
    formats(words.get("format")).map(|(_, to)| to).ok_or_else(|| "no format".to_string())
}

fn count(words: &Words, name: &str) -> usize {
    if words.tiny { 1 } else { words.size(name) }
}

/// Positions of queries and of keys: these on one side of a query, or around it.
fn between(words: &Words, random: &mut Random) -> (Json, Json) {
    let (queries, keys) = (count(words, "queries") as i64, count(words, "keys") as i64);
    let first = start(words.get("reach"), random);
    let query = |i: i64| first + i + i / 3;
    let far = 1 + (random.bits() % 40) as i64;
    let from = match words.get("side") {
        "before" => first - far - keys - keys / 4,
        "after" => query(queries) + far,
        _ => first - keys / 2,
    };
    let key = |j: i64| from + j + j / 4;
    let list = |n: i64, of: &dyn Fn(i64) -> i64| flat(&(0..n).map(of).collect::<Vec<_>>());
    (list(queries, &query), list(keys, &key))
}

fn at(words: &Words, random: &mut Random) -> Input {
    let (queries, keys) = between(words, random);
    Input::new().with("query_positions", queries).with("key_positions", keys)
}

fn slopes(words: &Words) -> Object {
    let mut object =
        config([("num_heads", words.size("heads").into()), ("slopes", words.get("slopes").into())]);
    if words.get("steepest") != "8" {
        object.set("alibi_bias_max", words.size("steepest").into());
    }
    object
}

fn sloped(words: &Words, _: &mut Random) -> Result<Draft, String> {
    let flags = vec!["alibi-slopes", "rounding"];
    Ok(Draft { dtype: dtype(words)?, config: slopes(words), input: Object::default(), flags })
}

fn biased(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let mut object = slopes(words);
    object.set("form", words.get("form").into());
    let mut flags = vec!["alibi-form", "alibi-slopes", "rounding"];
    if words.get("scaled") != "no" {
        object.set("head_dim", words.size("scaled").into());
        flags.push("alibi-scale");
    }
    if words.get("queries") == "1" {
        flags.push("alibi-decode");
    }
    Ok(Draft { dtype: dtype(words)?, config: object, input: at(words, random).0, flags })
}

fn buckets(words: &Words) -> Object {
    config([
        ("num_buckets", words.size("buckets").into()),
        ("max_distance", words.size("furthest").into()),
        ("bidirectional", (words.get("sides") == "both").into()),
    ])
}

fn t5_flags(words: &Words) -> Vec<&'static str> {
    match words.get("queries") {
        "1" => vec!["t5-boundary", "t5-direction", "t5-decode"],
        _ => vec!["t5-boundary", "t5-direction"],
    }
}

fn bucketed(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (config, flags) = (buckets(words), t5_flags(words));
    Ok(Draft { dtype: Dtype::I32, config, input: at(words, random).0, flags })
}

fn looked_up(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let dtype = dtype(words)?;
    let shape = [words.size("buckets"), words.size("heads")];
    let table = mixed(dtype, &shape, &format!("{}", random.bits()));
    let input = at(words, random).with("table", table);
    Ok(Draft { dtype, config: buckets(words), input: input.0, flags: t5_flags(words) })
}

fn shaw(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let clip = words.size("clip");
    let object = match words.get("form") {
        "kmq" => {
            config([("form", "key_minus_query".into()), ("max_relative_position", clip.into())])
        }
        // A table of twice the length, which must hold every distance.
        _ => config([
            ("form", "query_minus_key".into()),
            ("max_position_embeddings", (clip + 1024).into()),
        ]),
    };
    let flags = vec!["relative-direction", "relative-clip"];
    Ok(Draft { dtype: Dtype::I32, config: object, input: at(words, random).0, flags })
}

fn deberta(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let object = config([
        ("bucket_size", words.size("buckets").into()),
        ("max_position", words.size("furthest").into()),
        ("clamp", words.get("clamp").into()),
        ("form", words.get("form").into()),
    ]);
    let flags = vec!["log-bucket"];
    Ok(Draft { dtype: Dtype::I32, config: object, input: at(words, random).0, flags })
}

/// A flat list of positions.
fn line(words: &Words, random: &mut Random) -> Json {
    let (reach, tokens) = (words.get("reach"), count(words, "queries"));
    flat(&Places { reach, rows: 1, alike: false, tokens }.rows(random)[0])
}

fn scale(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let weight: f64 = words.get("weight").parse().unwrap_or(0.1);
    let object = config([
        ("attn_scale", Json::Real(weight)),
        ("floor_scale", words.size("step").into()),
        ("offset", words.size("shift").into()),
    ]);
    let input = Input::new().with("positions", line(words, random));
    Ok(Draft { dtype: dtype(words)?, config: object, input: input.0, flags: vec!["temperature"] })
}

fn wave(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let mut object = config([
        ("dim", words.size("width").into()),
        ("layout", words.get("columns").into()),
        ("divisor", words.get("divisor").into()),
        ("order", words.get("order").into()),
    ]);
    if words.get("base") != "10000" {
        object.set("base", words.size("base").into());
    }
    let input = Input::new().with("positions", line(words, random));
    let flags = vec!["sinusoidal-layout", "sinusoidal-divisor", "sinusoidal-order"];
    Ok(Draft { dtype: dtype(words)?, config: object, input: input.0, flags })
}

fn row(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let dtype = dtype(words)?;
    let (rows, dim, offset) = (words.size("rows"), words.size("width"), words.size("shift"));
    let object = config([("dim", dim.into()), ("offset", offset.into())]);
    let room = (rows - offset) as u64;
    let list: Vec<i64> =
        (0..count(words, "queries")).map(|_| (random.bits() % room) as i64).collect();
    let table = mixed(dtype, &[rows, dim], &format!("{}", random.bits()));
    let input = Input::new().with("positions", flat(&list)).with("table", table);
    Ok(Draft { dtype, config: object, input: input.0, flags: vec!["learned-offset"] })
}

fn permuted(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let dtype = dtype(words)?;
    let (heads, dim) = (words.size("heads"), words.size("width"));
    let object = config([("num_heads", heads.into()), ("head_dim", dim.into())]);
    let shape = [heads * dim, count(words, "columns")];
    let input = Input::new()
        .with("weight", mixed(dtype, &shape, &format!("{}", random.bits())))
        .with("direction", words.get("way"));
    let flags = vec!["weight-permutation", "weight-heads"];
    Ok(Draft { dtype, config: object, input: input.0, flags })
}
