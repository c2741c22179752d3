//! `attention`: masks, caps, sinks, biases and rotations, as they come out of a softmax.

use super::common::plain;
use super::special::Patterns;
use crate::encoding::Layout;
use crate::generate::plan::{FilePlan, GroupPlan, Input, parsed};
use crate::generate::values::{bits, flat, mixed, nearest, repeated, values};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};

pub(super) fn files() -> Vec<FilePlan> {
    Dtype::FLOATS.into_iter().map(file).map(half_without_logarithms).collect()
}

/// Most kernels give no logarithm: every second test asks for none, but those that are about it.
fn half_without_logarithms(mut file: FilePlan) -> FilePlan {
    let tests = file.groups.iter_mut().flat_map(|group| &mut group.tests).enumerate();
    for (_, test) in tests.filter(|(index, _)| index % 2 == 1) {
        if !test.flags.contains(&"attention-lse") {
            test.input.remove("lse");
        }
    }
    file
}

/// What a test asks, before its config.
struct Ask<'a> {
    dtype: Dtype,
    /// Heads of queries and of keys.
    heads: [usize; 2],
    /// Width of q and k, and of v.
    widths: [usize; 2],
    queries: &'a [&'a [i64]],
    keys: &'a [&'a [i64]],
}

impl Ask<'_> {
    fn one(dtype: Dtype) -> Ask<'static> {
        Ask { dtype, heads: [1, 1], widths: [4, 2], queries: &[&[2]], keys: &[&[0, 1, 2]] }
    }

    fn shapes(&self) -> [[usize; 4]; 3] {
        let (batch, [heads, key_heads], [dim, width]) =
            (self.queries.len(), self.heads, self.widths);
        let (queries, keys) = (self.queries[0].len(), self.keys[0].len());
        [
            [batch, heads, queries, dim],
            [batch, key_heads, keys, dim],
            [batch, key_heads, keys, width],
        ]
    }

    fn around(&self, [q, k, v]: [Json; 3]) -> Input {
        let rows = |rows: &[&[i64]]| Json::Array(rows.iter().map(|row| flat(row)).collect());
        Input::new()
            .with("q", q)
            .with("k", k)
            .with("v", v)
            .with("query_positions", rows(self.queries))
            .with("key_positions", rows(self.keys))
            .with("lse", true)
    }

    /// Random numbers of both signs.
    fn mixed(&self, words: &str) -> Input {
        let [q, k, v] = self.shapes();
        let one =
            |shape: [usize; 4], name: &str| mixed(self.dtype, &shape, &format!("{words} {name}"));
        self.around([one(q, "q"), one(k, "k"), one(v, "v")])
    }

    /// Random queries and keys, and values that show the weights: 1 for each key by itself.
    fn weights(&self, words: &str) -> Input {
        let [q, k, [batch, heads, keys, _]] = self.shapes();
        let eye: Vec<f64> = (0..batch * heads * keys * keys)
            .map(|i| f64::from(u8::from(i / keys % keys == i % keys)))
            .collect();
        let one =
            |shape: [usize; 4], name: &str| mixed(self.dtype, &shape, &format!("{words} {name}"));
        let v = values(self.dtype, &[batch, heads, keys, keys], &eye);
        self.around([one(q, "q"), one(k, "k"), v])
    }

    /// The same number in every coordinate of q, the scores' share of each key, its values.
    fn scored(&self, q: f64, k: &[f64], v: &[f64]) -> Input {
        let [shape_q, shape_k, shape_v] = self.shapes();
        let rows = |shape: [usize; 4], of: &[f64]| {
            let list: Vec<f64> =
                of.iter().flat_map(|&x| std::iter::repeat_n(x, shape[3])).collect();
            values(self.dtype, &shape, &list)
        };
        let q = repeated(self.dtype, &shape_q, &vec![q; shape_q[3]]);
        self.around([q, rows(shape_k, k), rows(shape_v, v)])
    }
}

fn sinks(input: Input, dtype: Dtype, list: &[f64]) -> Input {
    input.with("sinks", values(dtype, &[list.len()], list))
}

fn lengths(input: Input, list: &[i64]) -> Input {
    input.with("key_lengths", Json::Array(list.iter().map(|&n| Json::from(n)).collect()))
}

fn table(input: Input, dtype: Dtype, buckets: usize, heads: usize) -> Input {
    input.with("table", mixed(dtype, &[buckets, heads], "attention t5 table"))
}

const CAUSAL: &str = r#"{"causal":true}"#;
const OPEN: &str = r#"{"causal":false}"#;
const UNSCALED: &str = r#"{"causal":false,"scale":1}"#;

fn file(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("attention/{dtype}.json"), Operation::Attention);
    file.group("basic", parsed(CAUSAL), dtype)
        .test(
            "one-key",
            "one key is left: its value is copied, and its score is the logarithm",
            &["basic", "rounding"],
            Ask { keys: &[&[2, 3, 4]], ..Ask::one(dtype) }.mixed("attention basic"),
        )
        .test(
            "three-keys",
            "a query at 2 and keys at 0, 1, 2, the scale 1/2",
            &["basic", "attention-lse"],
            Ask::one(dtype).mixed("attention basic three"),
        );
    masks(&mut file, dtype);
    heads(&mut file, dtype);
    softmax(&mut file, dtype);
    biases(&mut file, dtype);
    rotations(&mut file, dtype);
    extremes(&mut file, dtype);
    tiles(&mut file, dtype);
    pairs(&mut file, dtype);
    file
}

const PROMPT: &[i64] = &[0, 1, 2, 3];

fn masks(file: &mut FilePlan, dtype: Dtype) {
    let prompt = || Ask { queries: &[PROMPT], keys: &[PROMPT], ..Ask::one(dtype) };
    file.group("causal", parsed(CAUSAL), dtype)
        .test(
            "prompt",
            "four queries and four keys: the triangle, seen in one-hot values",
            &["attention-causal"],
            prompt().weights("attention prompt"),
        )
        .test(
            "decode",
            "one query at the end of eight keys sees all of them",
            &["attention-causal", "attention-decode"],
            Ask { queries: &[&[7]], keys: &[&[0, 1, 2, 3, 4, 5, 6, 7]], ..Ask::one(dtype) }
                .weights("attention decode"),
        )
        .test(
            "chunk",
            "queries at 4 and 5 of six keys: the mask is aligned to the end because positions say so",
            &["attention-causal", "attention-decode"],
            Ask { queries: &[&[4, 5]], keys: &[&[0, 1, 2, 3, 4, 5]], ..Ask::one(dtype) }
                .weights("attention chunk"),
        )
        .test(
            "top-left",
            "queries at 0 and 1 of six keys: the mask is aligned to the beginning",
            &["attention-causal"],
            Ask { queries: &[&[0, 1]], keys: &[&[0, 1, 2, 3, 4, 5]], ..Ask::one(dtype) }
                .weights("attention top left"),
        )
        .test(
            "out-of-order",
            "keys in any order: masks go by positions, not by places",
            &["attention-causal"],
            Ask { queries: &[&[3, 1]], keys: &[&[4, 0, 3, 1, 2]], ..Ask::one(dtype) }
                .weights("attention order"),
        )
        .test(
            "left-padding",
            "two rows whose padding has position −1 and −2 before the prompt, seen like other keys",
            &["attention-causal", "attention-lengths"],
            Ask { queries: &[&[2], &[0]], keys: &[&[0, 1, 2], &[-2, -1, 0]], ..Ask::one(dtype) }
                .mixed("attention left padding"),
        )
        .test(
            "nothing-left",
            "the first query is before every key: 0 and −∞, or NaN",
            &["attention-empty"],
            Ask { queries: &[&[-1, 1]], keys: &[&[0, 1, 2]], ..Ask::one(dtype) }
                .mixed("attention nothing"),
        );
    file.group("cross", parsed(OPEN), dtype)
        .test(
            "two-by-five",
            "two queries, five keys, no mask at all, and none beyond the last key",
            &["attention-causal", "attention-tiles"],
            Ask { queries: &[&[0, 1]], keys: &[&[0, 1, 2, 3, 4]], ..Ask::one(dtype) }
                .weights("attention cross"),
        )
        .test(
            "no-keys",
            "there is no key at all",
            &["attention-empty"],
            Ask { keys: &[&[]], ..Ask::one(dtype) }.mixed("attention no keys"),
        );
    let rows: &[&[i64]] = &[&[0, 1, 2, 3, 4, 5, 6]];
    for (name, config, comment) in [
        (
            "window-2-0",
            r#"{"causal":true,"window":[2,0]}"#,
            "two keys before the query, and its own",
        ),
        ("window-left", r#"{"causal":true,"window":[2,null]}"#, "two keys before, causal"),
        ("window-1-1", r#"{"causal":false,"window":[1,1]}"#, "one key on either side"),
        (
            "window-0-0",
            r#"{"causal":false,"window":[0,0]}"#,
            "the query's own key only: v is copied",
        ),
        ("window-right", r#"{"causal":false,"window":[null,2]}"#, "everything before, two after"),
        (
            "window-null",
            r#"{"causal":true,"window":[null,null]}"#,
            "a window without limits is none",
        ),
    ] {
        file.group(name, parsed(config), dtype)
            .test(
                "line",
                comment,
                &["attention-window"],
                Ask { queries: &[&[1, 4, 6]], keys: rows, ..Ask::one(dtype) }
                    .weights("attention window"),
            )
            .test(
                "gaps",
                "positions with gaps: the window is counted in positions, not in keys",
                &["attention-window"],
                Ask { queries: &[&[6]], keys: &[&[0, 1, 4, 5, 6, 9]], ..Ask::one(dtype) }
                    .weights("attention gaps"),
            );
    }
    file.group("lengths", parsed(OPEN), dtype)
        .test(
            "two-rows",
            "rows of two and of four keys: what lies behind is padding",
            &["attention-lengths"],
            lengths(
                Ask { queries: &[&[3], &[3]], keys: &[PROMPT, PROMPT], ..Ask::one(dtype) }
                    .weights("attention lengths"),
                &[2, 4],
            ),
        )
        .test(
            "none-and-all",
            "a row without any key beside a whole one",
            &["attention-lengths", "attention-empty"],
            lengths(
                Ask { queries: &[&[3], &[3]], keys: &[PROMPT, PROMPT], ..Ask::one(dtype) }
                    .mixed("attention no length"),
                &[0, 4],
            ),
        );
}

fn heads(file: &mut FilePlan, dtype: Dtype) {
    for (heads, key_heads) in [(4, 2), (6, 2), (3, 1), (2, 2)] {
        file.group(format!("heads-{heads}-{key_heads}"), parsed(CAUSAL), dtype).test(
            "grouped",
            format!(
                "{heads} query heads on {key_heads} key heads: each serves the next {}",
                heads / key_heads
            ),
            &["attention-heads"],
            Ask {
                heads: [heads, key_heads],
                queries: &[&[1, 2], &[0, 2]],
                keys: &[&[0, 1, 2], &[0, 1, 2]],
                ..Ask::one(dtype)
            }
            .mixed("attention heads"),
        );
    }
    file.group("dim-3-large", parsed(OPEN), dtype).test(
        "three-keys",
        "scores in which the width shows in every format",
        &["attention-scale"],
        Ask { widths: [3, 2], ..Ask::one(dtype) }.scored(
            2.0,
            &[1.0, -0.25, 0.5],
            &[4.0, -2.0, 1.0],
        ),
    );
    for (dim, scale) in
        [(4, None), (3, None), (8, None), (80, None), (4, Some("0.125")), (4, Some("1"))]
    {
        let (name, config) = match scale {
            None => (format!("dim-{dim}"), OPEN.to_string()),
            Some(scale) => (
                format!("scale-{}", scale.replace('.', "-")),
                format!(r#"{{"causal":false,"scale":{scale}}}"#),
            ),
        };
        file.group(name, parsed(&config), dtype).test(
            "three-keys",
            match scale {
                None => format!("the scale is 1/√{dim}, exactly"),
                Some(scale) => format!("the scale is {scale}, whatever the width"),
            },
            &["attention-scale"],
            Ask { widths: [dim, 2], ..Ask::one(dtype) }.mixed("attention scale"),
        );
    }
}

fn softmax(file: &mut FilePlan, dtype: Dtype) {
    let ask = || Ask { keys: &[PROMPT], ..Ask::one(dtype) };
    for (name, config) in [
        ("softcap-30", r#"{"causal":false,"scale":1,"softcap":30}"#),
        ("softcap-1", r#"{"causal":false,"scale":0.5,"softcap":1}"#),
    ] {
        file.group(name, parsed(config), dtype)
            .test(
                "near",
                "scores below the cap: tanh bends them",
                &["attention-softcap"],
                ask().mixed("attention cap"),
            )
            .test(
                "saturated",
                "scores of 80 and more: the cap is nearly all that is left, and differs in its last bits",
                &["attention-softcap"],
                ask().scored(20.0, &[1.0, 1.5, -1.0, 0.5], &[1.0, 2.0, 3.0, 0.5]),
            )
            .test(
                "far-beyond",
                "scores of 10⁴: no format tells them from the cap; the residual says on which side",
                &["attention-softcap", "attention-extreme"],
                ask().scored(100.0, &[30.0, 40.0, 50.0, 60.0], &[1.0, 2.0, 3.0, 2.0]),
            );
    }
    file.group(
        "softcap-alibi",
        parsed(r#"{"causal":true,"softcap":1,"alibi":{"num_heads":2,"slopes":"code","form":"distance"}}"#),
        dtype,
    )
    .test(
        "decode",
        "scores are scaled, then capped, then the bias is added",
        &["attention-softcap"],
        Ask { heads: [2, 1], queries: &[&[40]], keys: &[&[0, 20, 38, 40]], ..Ask::one(dtype) }
            .mixed("attention cap and bias"),
    );
    file.group("sinks-scaled", parsed(OPEN), dtype).test(
        "two-heads",
        "the scale 1/2 does not touch the sinks",
        &["attention-sink"],
        sinks(
            Ask { heads: [2, 1], ..Ask::one(dtype) }.mixed("attention sink scaled"),
            dtype,
            &[1.5, -1.0],
        ),
    );
    file.group("sinks", parsed(UNSCALED), dtype)
        .test(
            "two-heads",
            "a logit of its own for each head, in the denominator only",
            &["attention-sink", "attention-lse"],
            sinks(
                Ask { heads: [2, 1], ..Ask::one(dtype) }.mixed("attention sink"),
                dtype,
                &[0.5, -1.0],
            ),
        )
        .test(
            "takes-all",
            "the sink is 1000 above every key: what is left of the values is nearly 0",
            &["attention-sink", "attention-extreme", "attention-lse"],
            sinks(
                Ask::one(dtype).scored(1.0, &[0.25, 0.5, 0.0], &[1.0, -2.0, 3.0]),
                dtype,
                &[1000.0],
            ),
        )
        .test(
            "negligible",
            "the sink is 1000 below every key",
            &["attention-sink", "attention-extreme", "attention-lse"],
            sinks(
                Ask::one(dtype).scored(1.0, &[0.25, 0.5, 0.0], &[1.0, -2.0, 3.0]),
                dtype,
                &[-1000.0],
            ),
        )
        .test(
            "half",
            "one key whose score is the sink's: half of its value",
            &["attention-sink", "tie"],
            sinks(
                Ask { keys: &[&[0]], ..Ask::one(dtype) }.scored(1.0, &[0.5], &[3.0]),
                dtype,
                &[2.0],
            ),
        )
        .test(
            "nothing-left",
            "a sink and no key: 0, and −∞ all the same",
            &["attention-sink", "attention-empty"],
            sinks(
                Ask { keys: &[&[]], ..Ask::one(dtype) }.mixed("attention sink only"),
                dtype,
                &[0.5],
            ),
        );
}

fn biases(file: &mut FilePlan, dtype: Dtype) {
    let prompt: &[&[i64]] = &[&[0, 1, 2, 3, 4]];
    for form in ["distance", "key", "symmetric", "mpt"] {
        for heads in [3, 4] {
            let config = format!(
                r#"{{"causal":{},"alibi":{{"num_heads":{heads},"slopes":"code","form":"{form}"}}}}"#,
                form != "symmetric"
            );
            file.group(format!("alibi-{form}-{heads}"), parsed(&config), dtype)
                .test(
                    "prompt",
                    format!("form {form}, seen in one-hot values"),
                    &["attention-alibi"],
                    Ask {
                        heads: [heads, 1],
                        widths: [2, 2],
                        queries: &[&[0, 2, 4]],
                        keys: prompt,
                        dtype,
                    }
                    .weights("attention alibi"),
                )
                .test(
                    "decode",
                    "one query far from its keys",
                    &["attention-alibi", "attention-decode"],
                    Ask {
                        heads: [heads, 1],
                        queries: &[&[259]],
                        keys: &[&[0, 250, 257, 259]],
                        ..Ask::one(dtype)
                    }
                    .mixed("attention alibi decode"),
                );
        }
    }
    file.group(
        "alibi-head-64",
        parsed(r#"{"causal":true,"alibi":{"num_heads":4,"slopes":"code","form":"distance","head_dim":64,"alibi_bias_max":4}}"#),
        dtype,
    )
    .test(
        "decode",
        "the bias over √64, slopes up to 2⁻¹",
        &["attention-alibi"],
        Ask { heads: [4, 2], queries: &[&[9]], keys: &[&[0, 5, 8, 9]], ..Ask::one(dtype) }
            .mixed("attention alibi falcon"),
    );
    file.group(
        "alibi-distance-open",
        parsed(r#"{"causal":false,"alibi":{"num_heads":2,"slopes":"code","form":"distance"}}"#),
        dtype,
    )
    .test(
        "both-sides",
        "the formula's value for keys after the query, which no mask hides",
        &["attention-alibi"],
        Ask { heads: [2, 2], keys: &[&[0, 2, 3, 5]], ..Ask::one(dtype) }
            .mixed("attention alibi open"),
    );
    file.group(
        "t5-scaled",
        parsed(r#"{"causal":false,"t5":{"num_buckets":8,"max_distance":20,"bidirectional":true}}"#),
        dtype,
    )
    .test(
        "both-sides",
        "the scale 1/2 does not touch the bias",
        &["attention-t5"],
        table(
            Ask { heads: [2, 1], keys: &[&[0, 1, 2, 4, 30]], ..Ask::one(dtype) }
                .mixed("attention t5 scaled"),
            dtype,
            8,
            2,
        ),
    );
    for bidirectional in [true, false] {
        let config = format!(
            r#"{{"causal":{},"scale":1,"t5":{{"num_buckets":8,"max_distance":20,"bidirectional":{bidirectional}}}}}"#,
            !bidirectional
        );
        let name = if bidirectional { "t5-encoder" } else { "t5-decoder" };
        file.group(name, parsed(&config), dtype)
            .test(
                "prompt",
                "T5 scales nothing and adds a learned bias",
                &["attention-t5"],
                table(
                    Ask {
                        heads: [2, 2],
                        queries: &[&[0, 3, 9]],
                        keys: &[&[0, 1, 3, 9, 30]],
                        ..Ask::one(dtype)
                    }
                    .mixed("attention t5"),
                    dtype,
                    8,
                    2,
                ),
            )
            .test(
                "decode",
                "one query at the end of six keys",
                &["attention-t5", "attention-decode"],
                table(
                    Ask {
                        heads: [2, 1],
                        queries: &[&[40]],
                        keys: &[&[0, 20, 33, 37, 39, 40]],
                        ..Ask::one(dtype)
                    }
                    .mixed("attention t5 decode"),
                    dtype,
                    8,
                    2,
                ),
            );
    }
}

fn with_rope(rope: Object) -> Object {
    let mut config = parsed(CAUSAL);
    config.set("rope", Json::Object(rope));
    config
}

fn rotations(file: &mut FilePlan, dtype: Dtype) {
    for layout in Layout::ALL {
        let group = file.group(
            format!("rope-{}", layout.name()),
            with_rope(plain(4, layout, 10000.0)),
            dtype,
        );
        rotated(group, dtype);
        let mut open = parsed(OPEN);
        open.set("rope", Json::Object(plain(4, layout, 10000.0)));
        file.group(format!("rope-{}-open", layout.name()), open, dtype).test(
            "mirrored",
            "keys on either side of the query, alike but for the sign of their distance: equal scores",
            &["attention-rope", "tie"],
            mirrored(dtype),
        );
    }
    let sliced = |more: &str| {
        let rope = format!(r#"{{"head_dim":8,"layout":"half","rope_theta":10000,{more}}}"#);
        with_rope(parsed(&rope))
    };
    let cases = [
        ("partial", r#""rotary_dim":4"#, "half of the head passes"),
        (
            "yarn",
            r#""rope_type":"yarn","factor":4,"original_max_position_embeddings":64"#,
            "attention_factor is part of the rotation, so scores have its square",
        ),
        (
            "softmax-factor",
            r#""rope_type":"yarn","factor":4,"original_max_position_embeddings":64,"mscale":1,"mscale_all_dim":1"#,
            "with equal mscales the factor is on the logits instead",
        ),
    ];
    for (name, more, comment) in cases {
        file.group(format!("rope-{name}"), sliced(more), dtype).test(
            "prompt",
            comment,
            &["attention-rope"],
            Ask {
                widths: [8, 2],
                queries: &[&[1, 70]],
                keys: &[&[0, 1, 40, 70]],
                ..Ask::one(dtype)
            }
            .mixed("attention rope more"),
        );
        let group = file.group(format!("rope-{name}-large"), sliced(more), dtype);
        group.test(
            "decode",
            "scores in which a factor shows in every format",
            &["attention-rope"],
            Ask { widths: [8, 2], queries: &[&[41]], keys: &[&[0, 38, 40, 41]], ..Ask::one(dtype) }
                .scored(3.0, &[1.0, 0.875, 0.75, 0.625], &[4.0, -1.0, 2.0, -3.0]),
        );
    }
}

fn rotated(group: &mut GroupPlan, dtype: Dtype) {
    group
        .test(
            "prompt",
            "queries and keys are rotated first, values are not",
            &["attention-rope"],
            Ask { queries: &[&[0, 1, 3]], keys: &[PROMPT], ..Ask::one(dtype) }
                .weights("attention rope"),
        )
        .test(
            "decode",
            "one query at 131071: only the distances count",
            &["attention-rope", "attention-decode"],
            Ask {
                heads: [2, 1],
                queries: &[&[131071]],
                keys: &[&[0, 131000, 131070, 131071]],
                ..Ask::one(dtype)
            }
            .mixed("attention rope decode"),
        );
}

/// Keys at 2 ∓ 3, alike and in the real axis of one plane, whose values are neighbours.
fn mirrored(dtype: Dtype) -> Input {
    let one = nearest(dtype, 1.0);
    let row = [1.0, 0.0, 0.0, 0.0];
    Ask { widths: [4, 1], keys: &[&[-1, 5]], ..Ask::one(dtype) }.around([
        values(dtype, &[1, 1, 1, 4], &row),
        values(dtype, &[1, 1, 2, 4], &[row, row].concat()),
        bits(dtype, &[1, 1, 2, 1], vec![one, one + 1]),
    ])
}

/// More keys than fit a tile: 134 = 2 · 64 + 6, the largest score among the last six, and one that
/// grows from tile to tile before.
fn tiles(file: &mut FilePlan, dtype: Dtype) {
    let positions: Vec<i64> = (0..134).collect();
    let share = |j: i64| ((j * 37 % 64) as f64 - 32.0) / 32.0 + (j / 32) as f64;
    let k: Vec<f64> = (0..134).map(share).collect();
    let value = |j: i64| ((j * 29 % 32) as f64 - 15.0) / 8.0 + if j < 128 { 0.0 } else { 6.0 };
    let v: Vec<f64> = (0..134).map(value).collect();
    let ask = Ask { widths: [1, 1], queries: &[&[133]], keys: &[&positions], ..Ask::one(dtype) };
    file.group("tiles", parsed(UNSCALED), dtype).test(
        "134-keys",
        "two tiles of 64 keys and six more, in which the maximum is",
        &["attention-tiles"],
        ask.scored(1.0, &k, &v),
    );
}

fn extremes(file: &mut FilePlan, dtype: Dtype) {
    let ask = || Ask::one(dtype);
    let one = nearest(dtype, 1.0);
    let group = file.group("extremes", parsed(UNSCALED), dtype);
    group
        .test(
            "thousand-apart",
            "scores of 1000 and below: the other weights underflow every format",
            &["attention-extreme"],
            ask().scored(250.0, &[1.0, 0.0, -1.0], &[1.5, 2.0, -7.0]),
        )
        .test(
            "beyond-exponents",
            "scores of ±4·10⁴: what is left of the others is a direction",
            &["attention-extreme"],
            ask().scored(100.0, &[100.0, -100.0, 0.0], &[1.5, 9.0, 1.0]),
        )
        .test(
            "eighty-apart",
            "weights near the end of f32",
            &["attention-extreme"],
            ask().scored(22.0, &[1.0, 0.0, -0.125], &[1.0, -1.0, 3.0]),
        )
        .test(
            "equal-scores",
            "two keys with one score and a third: ties decided by algebra",
            &["tie", "attention-extreme"],
            ask().around([
                repeated(dtype, &[1, 1, 1, 4], &[1.0, 1.0, 1.0, 1.0]),
                values(
                    dtype,
                    &[1, 1, 3, 4],
                    &[1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0, -500.0, -500.0, -500.0, -500.0],
                ),
                bits(dtype, &[1, 1, 3, 2], vec![one, one, one + 1, one + 3, one, one]),
            ]),
        )
        .test(
            "equal-values",
            "all values equal: that value, whatever the weights are",
            &["tie"],
            ask().around([
                mixed(dtype, &[1, 1, 1, 4], "attention equal q"),
                mixed(dtype, &[1, 1, 3, 4], "attention equal k"),
                bits(dtype, &[1, 1, 3, 2], vec![one + 1; 6]),
            ]),
        )
        .test("large-values", "values near the largest number", &["attention-extreme"], {
            let v = dtype.format().map_or(1.0, |f| f.to_f64(f.largest()) / 4.0);
            ask().scored(0.5, &[1.0, 0.5, 0.25], &[v, v, -v])
        });
    let Patterns { nan, infinity, sign, .. } = Patterns::new(dtype);
    let special = |v: [u64; 6]| {
        ask().around([
            mixed(dtype, &[1, 1, 1, 4], "attention special q"),
            mixed(dtype, &[1, 1, 3, 4], "attention special k"),
            bits(dtype, &[1, 1, 3, 2], v.to_vec()),
        ])
    };
    let at =
        |query: i64, input: Input| input.with("query_positions", Json::Array(vec![flat(&[query])]));
    file.group("special", parsed(CAUSAL), dtype)
        .test(
            "in-a-masked-value",
            "a NaN and an infinity behind the mask are not read",
            &["nonfinite"],
            at(1, special([one, one + 1, one + 2, one, nan, infinity])),
        )
        .test(
            "in-a-value",
            "an infinity in one coordinate of a value that is read",
            &["nonfinite"],
            special([one, one + 1, infinity, one, one, one]),
        )
        .test(
            "one-key",
            "one key is left, and its value is an infinity and −0",
            &["nonfinite"],
            at(0, special([infinity, sign, one, one, one, one])),
        );
}

/// Every value of every setting with every value of every other: sixteen of 4 · 2⁶.
fn pairs(file: &mut FilePlan, dtype: Dtype) {
    for run in 0..16u32 {
        let bit = |n: u32| run >> n & 1;
        let on = |bits: u32| bits % 2 == 1;
        let (window, softcap) = (on(bit(2)), on(bit(3)));
        let (sink, cut) = (on(bit(0) + bit(2)), on(bit(1) + bit(3)));
        let (grouped, scale) = (on(bit(2) + bit(3)), on(bit(0) + bit(3)));
        let causal = on(bit(1) + bit(2));
        let mut config = parsed(&format!(r#"{{"causal":{causal}}}"#));
        let mut set = |key: &str, json: &str| {
            config.set(key, serde_json::from_str(json).unwrap_or(Json::Null));
        };
        let mut words = Vec::new();
        if scale {
            set("scale", "0.3");
            words.push("scale 0.3");
        }
        if window {
            set("window", "[3,1]");
            words.push("a window");
        }
        if softcap {
            set("softcap", "2");
            words.push("a soft cap");
        }
        let position = match run & 3 {
            0 => "",
            1 => {
                set("rope", r#"{"head_dim":4,"layout":"half","rope_theta":10000}"#);
                "a rope"
            }
            2 => {
                set("alibi", r#"{"num_heads":2,"slopes":"code","form":"distance"}"#);
                "ALiBi"
            }
            _ => {
                set("t5", r#"{"num_buckets":8,"max_distance":20,"bidirectional":true}"#);
                "T5's bias"
            }
        };
        words.extend((!position.is_empty()).then_some(position));
        words.extend(sink.then_some("sinks"));
        words.extend(cut.then_some("lengths"));
        words.extend(grouped.then_some("grouped heads"));
        let ask = Ask {
            heads: [2, if grouped { 1 } else { 2 }],
            queries: &[&[1, 5], &[4, 6]],
            keys: &[&[0, 1, 4, 5, 6], &[0, 2, 4, 5, 7]],
            ..Ask::one(dtype)
        };
        let mut input = ask.mixed(&format!("attention pair {run}"));
        if sink {
            input = sinks(input, dtype, &[0.5, -1.0]);
        }
        if cut {
            input = lengths(input, &[4, 5]);
        }
        if run & 3 == 3 {
            input = table(input, dtype, 8, 2);
        }
        let causal = if causal { "causal" } else { "not causal" };
        let comment = match words.is_empty() {
            true => format!("{causal}, and nothing else"),
            false => format!("{causal}, with {}", words.join(", ")),
        };
        file.group(format!("pair-{run}"), config, dtype).test(
            "two-rows",
            comment,
            &["attention-pairs"],
            input,
        );
    }
}
