//! Fresh questions about ropes: `rotate`, `apply`, `score`, `table`, `inv_freq`.

use super::kind::{Draft, Factor, Kind, Level, Words, formats};
use super::positions::{Places, flat};
use super::rope::{Rope, rope, slice};
use crate::generate::plan::{Input, config};
use crate::generate::values::{Random, mixed};
use crate::number::Dtype;
use crate::request::{Json, Operation};

const FORMATS: &[Level] = &[
    ("f64", &["f64"]),
    ("f32", &["f32"]),
    ("bf16", &["bf16"]),
    ("f16", &["f16"]),
    (
        "mixed",
        &[
            "f32_bf16", "f32_f16", "bf16_f32", "f16_f32", "f64_f32", "f32_f64", "bf16_f16",
            "f16_bf16", "f64_bf16", "f64_f16", "bf16_f64", "f16_f64",
        ],
    ),
];
/// Without mixtures.
const EQUAL: &[Level] =
    &[("f64", &["f64"]), ("f32", &["f32"]), ("bf16", &["bf16"]), ("f16", &["f16"])];
const LAYOUTS: &[Level] = &[("half", &["half"]), ("interleaved", &["interleaved"])];
const RULES: &[Level] = &[
    ("default", &["default"]),
    ("linear", &["linear"]),
    ("ntk", &["ntk"]),
    ("dynamic", &["dynamic"]),
    ("ntk_fixed", &["ntk_fixed"]),
    ("ntk_by_parts", &["ntk_by_parts"]),
    ("yarn", &["yarn"]),
    ("longrope", &["longrope"]),
    ("llama3", &["llama3"]),
    ("proportional", &["proportional"]),
    ("xpos", &["xpos"]),
    ("sections", &["sections"]),
    ("interleaved sections", &["sections_interleaved"]),
    ("axial", &["axial"]),
    ("pixtral", &["pixtral"]),
    ("dinov3", &["dinov3"]),
    ("pixel", &["pixel"]),
    ("none", &["none"]),
];
const DIRECTIONS: &[Level] =
    &[("forward", &["forward"]), ("inverse", &["inverse"]), ("backward", &["backward"])];
const WAYS: &[Level] = &[("forward", &["forward"]), ("backward", &["backward"])];
const WIDTHS: &[Level] = &[
    ("up to 48", &["16", "8", "20", "24", "12", "32", "40", "48"]),
    ("64", &["64"]),
    ("80 or 96", &["80", "96"]),
    ("72 to 100", &["72", "92", "100"]),
    ("112", &["112"]),
    ("128", &["128"]),
    ("192", &["192"]),
    ("256", &["256"]),
    ("512", &["512"]),
];
const SLICES: &[Level] = &[
    ("whole", &["whole"]),
    ("at the front", &["p1of2", "p1of4", "p64", "p2of5", "p32", "p3of4"]),
    ("from an offset", &["e1of2", "e64", "i1of2", "e1of4", "e32"]),
];
const HEADS: &[Level] = &[
    ("1", &["1on1"]),
    ("several", &["3on3", "4on4", "9on9"]),
    ("grouped", &["4on2", "6on3", "5on1", "8on1"]),
    ("many grouped", &["32on8", "40on8"]),
    ("as many as tokens", &["same"]),
];
/// The same about one model.
const OWN_HEADS: &[Level] = &[HEADS[0], HEADS[1], HEADS[2], ("of the model", &["model"]), HEADS[4]];
const TOKENS: &[Level] = &[
    ("1", &["1"]),
    ("few", &["5", "2", "9"]),
    // One more than whole tiles, each of some sizes and not of others, which tells the size.
    ("33 to 193", &["33", "65", "49", "97", "129", "193"]),
    ("257", &["257"]),
];
const ROWS: &[Level] = &[
    ("1", &["1"]),
    ("alike", &["2alike", "4alike"]),
    ("different", &["3", "4", "8"]),
    ("33", &["33"]),
];
const REACH: &[Level] = &[
    ("near", &["near"]),
    ("far", &["131071", "8191"]),
    ("beyond 2^17", &["1048575", "16777215"]),
    ("negative", &["negative"]),
    ("beyond 2^24", &["huge", "33554431"]),
];
const KEYS: &[Level] = &[("present", &["keys"]), ("absent", &["nokeys"])];

const fn factor(name: &'static str, levels: &'static [Level]) -> Factor {
    Factor { name, levels }
}

/// The operations; with a config of the caller's all that it says is settled.
pub(super) fn kinds(own: bool) -> Vec<Kind> {
    let settled = ["layout", "rule", "width", "slice"];
    let kind = |operation, factors: &[Factor], main, cost, build| {
        let free = |factor: &&Factor| !own || !settled.contains(&factor.name);
        let heads = |factor: Factor| match own && factor.name == "heads" {
            true => Factor { levels: OWN_HEADS, ..factor },
            false => factor,
        };
        let factors = factors.iter().filter(free).copied().map(heads).collect();
        Kind { operation, factors, main, cost, build }
    };
    let shapes = |ways| {
        [
            factor("direction", ways),
            factor("width", WIDTHS),
            factor("slice", SLICES),
            factor("heads", HEADS),
            factor("tokens", TOKENS),
            factor("rows", ROWS),
            factor("keys", KEYS),
        ]
    };
    let rotate = [
        &[factor("format", FORMATS), factor("layout", LAYOUTS), factor("rule", RULES)][..],
        &shapes(DIRECTIONS),
        &[factor("reach", REACH)],
    ];
    let apply = [&[factor("format", FORMATS), factor("layout", LAYOUTS)][..], &shapes(WAYS)];
    let score = [
        factor("format", EQUAL),
        factor("layout", LAYOUTS),
        factor("rule", RULES),
        factor("width", WIDTHS),
        factor("slice", SLICES),
        factor("heads", HEADS),
        factor("tokens", &[("1", &["1"]), ("few", &["3", "5"]), ("33", &["33"])]),
        factor("keys", &[("1", &["1"]), ("few", &["4", "7"]), ("33", &["33"])]),
        factor("rows", &[("1", &["1"]), ("alike", &["2alike"]), ("different", &["2", "3"])]),
        factor("reach", REACH),
    ];
    let table = [
        factor("format", EQUAL),
        factor("rule", RULES),
        factor("layout", LAYOUTS),
        factor("width", WIDTHS),
        factor("slice", SLICES),
        factor("tokens", TOKENS),
        factor("reach", REACH),
    ];
    // Of one model, whose heads are many and wide, three of these: any grouping in any direction.
    let main: &[&str] = match own {
        true => &["direction", "heads", "keys"],
        false => &["direction", "slice", "heads", "rows", "keys"],
    };
    let list = vec![
        kind(Operation::Rotate, &rotate.concat(), main, moved, rotated),
        kind(Operation::Apply, &apply.concat(), main, moved, applied),
        kind(Operation::Score, &score, &["slice", "heads", "rows"], products, scored),
        kind(
            Operation::Table,
            &table,
            &[],
            |words| (words.size("tokens") * words.size("width")) as u64,
            tabled,
        ),
        kind(Operation::InvFreq, &table[..5], &[], |words| words.size("width") as u64, listed),
    ];
    // Of one config there is one list of frequencies, which its own suite has.
    list.into_iter().filter(|kind| !own || kind.operation != Operation::InvFreq).collect()
}

/// Heads of queries and of keys.
fn heads(words: &Words) -> (usize, usize) {
    match (words.get("heads"), words.tiny) {
        ("", _) => (1, 1),
        ("model", tiny) => match words.own.map(|own| own.heads) {
            Some([q, k]) if !tiny => (q, k),
            Some([q, k]) => (q.min(2), if q > k { 1 } else { k.min(2) }),
            None => (1, 1),
        },
        ("same", true) => (2, 2),
        ("same", false) => (words.size("tokens"), words.size("tokens")),
        (word, tiny) => {
            let (q, k) = word.split_once("on").unwrap_or(("1", "1"));
            let [q, k] = [q, k].map(|n| n.parse().unwrap_or(1));
            match tiny {
                true => (q.min(2), if q > k { 1 } else { k.min(2) }),
                false => (q, k),
            }
        }
    }
}

fn rows(words: &Words) -> (usize, bool) {
    let word = words.get("rows");
    let alike = word.ends_with("alike");
    let count = word.trim_end_matches("alike").parse().unwrap_or(1);
    (if words.tiny { 1 } else { count }, alike)
}

fn tokens(words: &Words) -> usize {
    let tokens = words.size("tokens");
    match (words.tiny, words.get("heads")) {
        (true, "same") => 2,
        (true, _) => 1,
        _ => tokens,
    }
}

/// The width of a config of the caller's, or the drawn one.
fn width(words: &Words) -> usize {
    words.own.map_or_else(|| words.size("width"), |own| own.head_dim)
}

/// Elements of queries and keys.
fn moved(words: &Words) -> u64 {
    let (q, k) = heads(words);
    let k = if words.get("keys") == "keys" { k } else { 0 };
    (rows(words).0 * (q + k) * words.size("tokens") * width(words)) as u64
}

/// Products of all queries with all keys, which take longer each.
fn products(words: &Words) -> u64 {
    let pairs = words.size("tokens") * words.size("keys");
    4 * (rows(words).0 * heads(words).0 * pairs * width(words)) as u64
}

fn formats_of(words: &Words) -> Result<(Dtype, Dtype), String> {
    formats(words.get("format")).ok_or_else(|| "no format".to_string())
}

/// What a failure is evidence for.
fn flags(words: &Words) -> Vec<&'static str> {
    let mut flags = vec![match words.get("direction") {
        "inverse" => "inverse",
        "backward" => "backward",
        _ => "rounding",
    }];
    if words.get("slice") != "whole" && !words.get("slice").is_empty() {
        flags.extend(["partial", "slice"]);
    }
    if words.get("heads") != "1on1" {
        flags.push("heads");
    }
    if words.get("rows") != "1" {
        flags.push("batch");
        if !rows(words).1 {
            flags.push("ragged-offsets");
        }
    }
    if words.get("tokens") == "1" {
        flags.push("decode");
    }
    flags.extend(match words.get("reach") {
        "negative" => Some("negative-position"),
        "huge" | "33554431" => Some("position-f32"),
        "131071" | "8191" | "1048575" | "16777215" => Some("long-position"),
        _ => None,
    });
    if words.get("format").contains('_') {
        flags.push("mixed-dtype");
    }
    flags.push("width");
    flags
}

/// The tensors that are moved.
fn pair(words: &Words, head_dim: usize, from: Dtype, random: &mut Random) -> Result<Input, String> {
    let (q, k) = heads(words);
    let (rows, tokens) = (rows(words).0, tokens(words));
    if words.get("heads") == "same" && words.get("tokens") == "1" {
        return Err("as many heads as one token is one head".into());
    }
    if q > k && words.own.is_none() && words.get("keys") == "nokeys" {
        return Err("without keys nobody sees that heads would share them".into());
    }
    let mut tensor = |heads: usize| {
        let words = format!("{}", random.bits());
        mixed(from, &[rows, heads, tokens, head_dim], &words)
    };
    let input = Input::new().with("q", tensor(q));
    Ok(match words.get("keys") {
        "keys" => input.with("k", tensor(k)),
        _ => input,
    })
}

fn directed(input: Input, words: &Words) -> Input {
    match words.get("direction") {
        "forward" => input,
        direction => input.with("direction", direction),
    }
}

fn sized(input: Input, rope: &Rope) -> Input {
    match rope.length {
        Some(length) => input.with("seq_len", length),
        None => input,
    }
}

fn rotated(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (from, dtype) = formats_of(words)?;
    let rope = rope(words, random)?;
    let (rows, alike) = rows(words);
    let places = Places { reach: words.get("reach"), rows, alike, tokens: tokens(words) };
    let positions = places.input(&rope, random)?;
    let input = pair(words, rope.head_dim, from, random)?.with("positions", positions);
    let input = directed(sized(input, &rope), words);
    Ok(Draft { dtype, config: rope.config, input: input.0, flags: flags(words) })
}

fn applied(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (from, dtype) = formats_of(words)?;
    let (object, head_dim, planes) = match words.own {
        Some(own) => {
            let (config, planes) = own.table.clone().ok_or("its pairs are not those of a slice")?;
            (config, own.head_dim, planes)
        }
        None => {
            let head_dim = words.size("width");
            let (rotary, offset) = slice(head_dim, words.get("slice"))?;
            let mut object =
                config([("head_dim", head_dim.into()), ("layout", words.get("layout").into())]);
            if rotary < head_dim {
                object.set("rotary_dim", rotary.into());
            }
            if offset > 0 {
                object.set("rotary_offset", offset.into());
            }
            (object, head_dim, rotary / 2)
        }
    };
    let input = pair(words, head_dim, from, random)?;
    let (rows, alike) = rows(words);
    let shape = [rows, tokens(words), planes];
    let mut table = || {
        let first = [if alike { 1 } else { shape[0] }, shape[1], shape[2]];
        let one = format!("{}", random.bits());
        let rows = mixed(from, &first, &one);
        if alike { repeated(rows, shape) } else { rows }
    };
    let input = input.with("cos", table()).with("sin", table());
    let input = directed(input, words);
    let mut flags = flags(words);
    flags.push("caller-table");
    Ok(Draft { dtype, config: object, input: input.0, flags })
}

/// A tensor of one row as JSON, for every row.
fn repeated(json: Json, shape: [usize; 3]) -> Json {
    let Json::Object(mut tensor) = json else { return json };
    if let Some(Json::Array(lines)) = tensor.get("bits") {
        let lines = lines.iter().cloned().cycle().take(lines.len() * shape[0]).collect();
        tensor.set("bits", Json::Array(lines));
        tensor.set("shape", Json::Array(shape.map(Json::from).to_vec()));
    }
    Json::Object(tensor)
}

fn scored(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (from, dtype) = formats_of(words)?;
    let rope = rope(words, random)?;
    let (rows, alike) = rows(words);
    let (q, k) = heads(words);
    let queries = tokens(words);
    let keys = if words.tiny { 1 } else { words.size("keys") };
    if words.get("heads") == "same" && words.get("tokens") == "1" {
        return Err("as many heads as one token is one head".into());
    }
    let mut side = |name: &str, heads: usize, tokens: usize| {
        let places = Places { reach: words.get("reach"), rows, alike, tokens };
        let positions = places.input(&rope, random)?;
        let seed = format!("{name} {}", random.bits());
        Ok::<_, String>((mixed(from, &[rows, heads, tokens, rope.head_dim], &seed), positions))
    };
    let (q, query_positions) = side("q", q, queries)?;
    let (k, key_positions) = side("k", k, keys)?;
    let input = Input::new()
        .with("q", q)
        .with("k", k)
        .with("query_positions", query_positions)
        .with("key_positions", key_positions);
    let input = sized(input, &rope);
    Ok(Draft { dtype, config: rope.config, input: input.0, flags: flags(words) })
}

fn tabled(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (_, dtype) = formats_of(words)?;
    let rope = rope(words, random)?;
    let tokens = if words.tiny { 1 } else { words.size("tokens") };
    let places = Places { reach: words.get("reach"), rows: 1, alike: false, tokens };
    let positions = flat(places.input(&rope, random)?, rope.axes);
    let input = sized(Input::new().with("positions", positions), &rope);
    let flags = vec!["table-precision", "width", "spectrum"];
    Ok(Draft { dtype, config: rope.config, input: input.0, flags })
}

fn listed(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (_, dtype) = formats_of(words)?;
    let rope = rope(words, random)?;
    let input = sized(Input::new(), &rope);
    let flags = vec!["spectrum", "width", "exponent"];
    Ok(Draft { dtype, config: rope.config, input: input.0, flags })
}
