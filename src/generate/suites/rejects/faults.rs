//! What can be wrong with a request, as data.

use super::Refusals;
use crate::number::Dtype;
use crate::request::{Operation, Slug};

/// How a sound object becomes a faulty one. Values are JSON text.
pub(super) enum Change {
    Set(&'static str, String),
    Remove(&'static str),
    Twice(&'static str, &'static str),
    Whole(&'static str),
}

/// One fault.
pub(super) struct Fault {
    pub(super) slug: Slug,
    /// A slug for the id.
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) flags: Vec<&'static str>,
    pub(super) change: Change,
}

fn fault(slug: Slug, name: &str, comment: &str, flag: &'static str, change: Change) -> Fault {
    let (name, comment) = (name.to_string(), comment.to_string());
    Fault { slug, name, comment, flags: vec![flag], change }
}

/// Only the text shows it.
fn in_the_text(mut fault: Fault) -> Fault {
    fault.flags.push("json-text");
    fault
}

fn set(key: &'static str, text: impl Into<String>) -> Change {
    Change::Set(key, text.into())
}

/// Rules, one per line: slug, name, comment, key, JSON text of its value (none: removed).
type Rows<'a> = &'a [(Slug, &'a str, &'a str, &'static str, Option<&'a str>)];

fn rows(flag: &'static str, rows: Rows) -> Vec<Fault> {
    rows.iter()
        .map(|&(slug, name, comment, key, text)| {
            let change = text.map_or(Change::Remove(key), |text| set(key, text));
            fault(slug, name, comment, flag, change)
        })
        .collect()
}

/// Faults of a tensor: `elements` are the sound row's digits.
fn tensors(key: &'static str, shape: &str, elements: &str) -> Vec<Fault> {
    let tensor = |dtype: &str, shape: &str, bits: &str| {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"bits":{bits}}}"#)
    };
    let sound = format!(r#"["{elements}"]"#);
    let short = format!(r#"["{}"]"#, &elements[1..]);
    let upper = format!(r#"["{}"]"#, elements.replacen('f', "F", 1));
    let letter = format!(r#"["g{}"]"#, &elements[1..]);
    let twice = format!(r#"["{elements}","{elements}"]"#);
    let list = [
        ("short-row", "a row that lacks a digit", tensor("f32", shape, &short)),
        ("upper-case", "an upper-case digit", tensor("f32", shape, &upper)),
        ("no-digit", "a letter that is no digit", tensor("f32", shape, &letter)),
        ("extra-row", "a row too many", tensor("f32", shape, &twice)),
        ("no-row", "no row at all", tensor("f32", shape, "[]")),
        ("numbers", "numbers instead of bit patterns", tensor("f32", shape, "[1.0,2.0]")),
        ("unknown-dtype", "a dtype that nobody knows", tensor("f8", shape, &sound)),
        ("other-dtype", "rows of another width than the dtype's", tensor("f64", shape, &sound)),
        ("negative-shape", "a negative dimension", tensor("f32", "[-1]", &sound)),
        ("shape-text", "a dimension as text", tensor("f32", r#"["4"]"#, &sound)),
        ("no-shape", "no shape", format!(r#"{{"dtype":"f32","bits":{sound}}}"#)),
        (
            "extra-key",
            "a key that no tensor has",
            format!(r#"{{"dtype":"f32","shape":{shape},"bits":{sound},"order":"C"}}"#),
        ),
        ("list", "a list instead of a tensor", "[1,2,3,4]".to_string()),
    ];
    let to_fault = |(name, comment, text): (&str, &str, String)| {
        let name = format!("{key}-{name}").replace('_', "-");
        fault(Slug::MalformedTensor, &name, comment, "reject-tensor", set(key, text))
    };
    list.into_iter().map(to_fault).collect()
}

/// Faults of one position; `wrap` puts it into the lists of the operation.
fn positions(key: &'static str, wrap: &dyn Fn(&str) -> String) -> Vec<Fault> {
    let malformed = [
        ("fraction", "one and a half", "1.5"),
        ("plus", "a sign that is not needed", r#""+1""#),
        ("leading-zero", "a leading zero", r#""01""#),
        ("minus-zero", "minus zero as text", r#""-0""#),
        ("empty", "no digits", r#""""#),
        ("word", "a word", r#""one""#),
        ("null", "null", "null"),
        ("flag", "true", "true"),
        ("ratio", "a fraction, where this encoding has integers only", r#""1/2""#),
        ("unreduced", "a fraction that is not in lowest terms", r#""2/4""#),
    ];
    let beyond = [
        ("beyond", "2^62 + 1", r#""4611686018427387905""#),
        ("far-below", "−2^62 − 1", r#""-4611686018427387905""#),
        ("endless", "a number of 30 digits", r#""100000000000000000000000000000""#),
    ];
    let make = |slug: Slug, (name, comment, text): (&str, &str, &str)| {
        let name = format!("{key}-{name}").replace('_', "-");
        fault(slug, &name, comment, "reject-position", set(key, wrap(text)))
    };
    let mut list: Vec<Fault> =
        malformed.into_iter().map(|row| make(Slug::MalformedPosition, row)).collect();
    for row in [
        ("real", "1.0, which is no JSON integer", "1.0"),
        (
            "wide-integer",
            "2^53 + 1 as a JSON integer, which many readers round",
            "9007199254740993",
        ),
    ] {
        list.push(in_the_text(make(Slug::MalformedPosition, row)));
    }
    list.extend(beyond.into_iter().map(|row| make(Slug::PositionOutOfRange, row)));
    let name = format!("{key}-no-list").replace('_', "-");
    let comment = "a number instead of a list";
    list.push(fault(Slug::MalformedPosition, &name, comment, "reject-position", set(key, "5")));
    list
}

fn nested(position: &str) -> String {
    format!("[[{position}]]")
}

fn flat(position: &str) -> String {
    format!("[{position}]")
}

/// Faults of any rotary config; `whole` is the sound one with a key twice.
fn rope(whole: &'static str) -> Vec<Fault> {
    use Slug::*;
    let mut list = rows(
        "reject-config",
        &[
            (MissingKey, "no-head-dim", "no head_dim", "head_dim", None),
            (MissingKey, "no-layout", "no layout: libraries disagree on it", "layout", None),
            (
                MissingKey,
                "no-base",
                "no rope_theta: a default of 10000 hides it",
                "rope_theta",
                None,
            ),
            (UnknownKey, "unknown-key", "a key that nobody knows", "rope_scale", Some("2")),
            (UnknownKey, "misspelt-key", "a misspelt key", "partial_rotary_facter", Some("0.5")),
            (
                UnusedKey,
                "unused-key",
                "a key of llama3 in a default rope",
                "low_freq_factor",
                Some("1"),
            ),
            (
                UnusedKey,
                "factor-alone",
                "a factor without a rule that reads it",
                "factor",
                Some("8"),
            ),
            (UnusedKey, "other-operation", "a key of ALiBi", "num_heads", Some("8")),
            (
                UnknownRopeType,
                "unknown-type",
                "a rule that nobody knows",
                "rope_type",
                Some(r#""bogus""#),
            ),
            (
                UnknownRopeType,
                "type-case",
                "names are lower-case",
                "rope_type",
                Some(r#""Default""#),
            ),
            (InvalidValue, "type-null", "rope_type null", "rope_type", Some("null")),
            (InvalidValue, "base-zero", "base 0", "rope_theta", Some("0")),
            (InvalidValue, "base-negative", "a negative base", "rope_theta", Some("-10000")),
            (InvalidValue, "base-text", "a base as text", "rope_theta", Some(r#""10000""#)),
            (InvalidValue, "base-null", "a base of null", "rope_theta", Some("null")),
            (InvalidValue, "head-zero", "a head of 0", "head_dim", Some("0")),
            (InvalidValue, "head-fraction", "a head of 4.5", "head_dim", Some("4.5")),
            (InvalidValue, "layout-other", "a layout by another name", "layout", Some(r#""neox""#)),
            (InvalidValue, "rotary-too-wide", "rotary_dim above head_dim", "rotary_dim", Some("6")),
            (InvalidValue, "rotary-zero", "rotary_dim 0", "rotary_dim", Some("0")),
            (InvalidValue, "share-zero", "a share of 0", "partial_rotary_factor", Some("0")),
            (
                InvalidValue,
                "share-above-1",
                "a share above 1",
                "partial_rotary_factor",
                Some("1.5"),
            ),
            (
                InvalidValue,
                "offset-past-end",
                "a slice beyond the head",
                "rotary_offset",
                Some("2"),
            ),
            (OddRotaryDim, "odd-rotary", "rotary_dim 3", "rotary_dim", Some("3")),
            (
                OddRotaryDim,
                "odd-share",
                "trunc(4 × 0.75) = 3",
                "partial_rotary_factor",
                Some("0.75"),
            ),
            (
                InvalidValue,
                "sections",
                "sections whose sum is not 2",
                "mrope_section",
                Some("[1,1,1]"),
            ),
        ],
    );
    let text = "reject-config";
    let wholes: [(Slug, &str, &str, &'static str); 6] = [
        (
            MissingKey,
            "linear-without-factor",
            "linear without its factor",
            r#"{"head_dim":4,"layout":"half","rope_type":"linear","rope_theta":10000}"#,
        ),
        (
            InvalidValue,
            "llama3-low-above-high",
            "llama3 with its bands exchanged",
            r#"{"head_dim":4,"layout":"half","rope_type":"llama3","rope_theta":10000,"factor":8,
                "low_freq_factor":4,"high_freq_factor":1,"original_max_position_embeddings":8192}"#,
        ),
        (
            InvalidValue,
            "yarn-base-1",
            "YaRN divides by the logarithm of the base",
            r#"{"head_dim":4,"layout":"half","rope_type":"yarn","rope_theta":1,"factor":8,
                "original_max_position_embeddings":64}"#,
        ),
        (
            InvalidValue,
            "longrope-short-list",
            "a list of one divisor for two pairs",
            r#"{"head_dim":4,"layout":"half","rope_type":"longrope","rope_theta":10000,
                "short_factor":[1],"long_factor":[1,2],"factor":8,
                "original_max_position_embeddings":64}"#,
        ),
        (
            SeqLenRequired,
            "longrope-without-length",
            "longrope needs the total length",
            r#"{"head_dim":4,"layout":"half","rope_type":"longrope","rope_theta":10000,
                "short_factor":[1,2],"long_factor":[1,2],"factor":8,
                "original_max_position_embeddings":64}"#,
        ),
        (
            SeqLenRequired,
            "dynamic-without-length",
            "dynamic needs the total length",
            r#"{"head_dim":4,"layout":"half","rope_type":"dynamic","rope_theta":10000,"factor":2,
                "max_position_embeddings":64}"#,
        ),
    ];
    list.extend(wholes.map(|(slug, name, comment, config)| {
        fault(slug, name, comment, text, Change::Whole(config))
    }));
    let twice = fault(DuplicateKey, "twice", "rope_theta twice", text, Change::Whole(whole));
    list.push(in_the_text(twice));
    list
}

const ROPE: &str = r#"{"head_dim":4,"layout":"half","rope_theta":10000}"#;
const ROPE_TWICE: &str = r#"{"head_dim":4,"layout":"half","rope_theta":10000,"rope_theta":500000}"#;
const ROW: &str = "3f800000400000004040000040800000";

macro_rules! four {
    ($shape:literal) => {
        concat!(
            r#"{"dtype":"f32","shape":"#,
            $shape,
            r#","bits":["3f800000400000004040000040800000"]}"#
        )
    };
}

/// The faults of a config with these required keys, none of which has a default.
fn keys(
    required: &[&'static str],
    others: Rows,
    twice: (&'static str, &'static str),
) -> Vec<Fault> {
    let mut list: Vec<Fault> = required
        .iter()
        .map(|key| {
            let name = format!("no-{}", key.replace('_', "-"));
            let comment = format!("no {key}");
            fault(Slug::MissingKey, &name, &comment, "reject-config", Change::Remove(key))
        })
        .collect();
    list.extend(rows(
        "reject-config",
        &[
            (Slug::UnknownKey, "unknown-key", "a key that nobody knows", "colour", Some("1")),
            (
                Slug::UnusedKey,
                "unused-key",
                "a key of rotary encodings",
                "rope_theta",
                Some("10000"),
            ),
        ],
    ));
    list.extend(rows("reject-config", others));
    let change = Change::Twice(twice.0, twice.1);
    let comment = format!("{} twice", twice.0);
    list.push(in_the_text(fault(Slug::DuplicateKey, "twice", &comment, "reject-config", change)));
    list
}

fn joined(parts: impl IntoIterator<Item = Vec<Fault>>) -> Vec<Fault> {
    parts.into_iter().flatten().collect()
}

/// Every operation's sound request and faults.
pub(super) fn all() -> Vec<Refusals> {
    vec![
        rotate(),
        apply(),
        score(),
        inv_freq(),
        table(),
        alibi_slopes(),
        alibi_bias(),
        t5_bucket(),
        t5_bias(),
        sinusoidal(),
        learned(),
        permute_qk(),
        position_ids(),
    ]
}

use Slug::*;

fn rotate() -> Refusals {
    let shapes = rows(
        "reject-shape",
        &[
            (
                ShapeMismatch,
                "two-positions",
                "two positions for one token",
                "positions",
                Some("[[1,2]]"),
            ),
            (
                ShapeMismatch,
                "flat-positions",
                "positions without the batch level",
                "positions",
                Some("[1]"),
            ),
            (
                ShapeMismatch,
                "axis-level",
                "an axis level that this config does not have",
                "positions",
                Some("[[[1]]]"),
            ),
            (ShapeMismatch, "ragged", "rows of different length", "positions", Some("[[1],[1,2]]")),
            (
                ShapeMismatch,
                "narrow-head",
                "a head that is not head_dim wide",
                "q",
                Some(r#"{"dtype":"f32","shape":[1,1,1,2],"bits":["3f8000003f800000"]}"#),
            ),
            (
                ShapeMismatch,
                "rank-3",
                "a tensor without the batch axis",
                "q",
                Some(four!("[1,1,4]")),
            ),
            (
                ShapeMismatch,
                "key-tokens",
                "keys with another number of tokens",
                "k",
                Some(
                    r#"{"dtype":"f32","shape":[1,1,2,4],"bits":["3f800000400000004040000040800000","3f800000400000004040000040800000"]}"#,
                ),
            ),
        ],
    );
    let inputs = rows(
        "reject-input",
        &[
            (MissingInput, "no-q", "no queries", "q", None),
            (
                MissingInput,
                "no-positions",
                "no positions: they are never inferred",
                "positions",
                None,
            ),
            (
                UnusedInput,
                "length",
                "a total length, which this rule does not read",
                "seq_len",
                Some("9"),
            ),
            (
                InvalidValue,
                "direction",
                "a direction that does not exist",
                "direction",
                Some(r#""sideways""#),
            ),
            (
                DtypeMismatch,
                "integers",
                "integer queries",
                "q",
                Some(
                    r#"{"dtype":"i32","shape":[1,1,1,4],"bits":["00000001000000020000000300000004"]}"#,
                ),
            ),
        ],
    );
    let twice = fault(
        DuplicateKey,
        "positions-twice",
        "positions twice",
        "reject-input",
        Change::Twice("positions", "[[2]]"),
    );
    Refusals {
        operation: Operation::Rotate,
        dtype: Dtype::F32,
        config: ROPE,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},"positions":[[1]]}"#,
        configs: rope(ROPE_TWICE),
        inputs: joined([
            shapes,
            inputs,
            vec![in_the_text(twice)],
            tensors("q", "[1,1,1,4]", ROW),
            positions("positions", &nested),
        ]),
    }
}

fn apply() -> Refusals {
    let pair =
        |shape: &str| format!(r#"{{"dtype":"f32","shape":{shape},"bits":["3f80000000000000"]}}"#);
    let mut inputs = rows(
        "reject-input",
        &[
            (MissingInput, "no-q", "no queries", "q", None),
            (MissingInput, "no-cos", "no cos", "cos", None),
            (MissingInput, "no-sin", "no sin", "sin", None),
            (UnusedInput, "positions", "positions: the table is given", "positions", Some("[[1]]")),
            (
                InvalidValue,
                "inverse",
                "a table of any size has no inverse",
                "direction",
                Some(r#""inverse""#),
            ),
            (
                DtypeMismatch,
                "integers",
                "an integer table",
                "cos",
                Some(r#"{"dtype":"i32","shape":[1,1,2],"bits":["0000000100000001"]}"#),
            ),
        ],
    );
    for (name, comment, text) in [
        ("flat-table", "a table without the batch level", pair("[1,2]")),
        (
            "wide-table",
            "cos for every channel instead of every plane",
            four!("[1,1,4]").to_string(),
        ),
    ] {
        inputs.push(fault(ShapeMismatch, name, comment, "reject-shape", set("cos", text)));
    }
    Refusals {
        operation: Operation::Apply,
        dtype: Dtype::F32,
        config: r#"{"head_dim":4,"layout":"half"}"#,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},
            "cos":{"dtype":"f32","shape":[1,1,2],"bits":["3f80000000000000"]},
            "sin":{"dtype":"f32","shape":[1,1,2],"bits":["000000003f800000"]}}"#,
        configs: joined([
            rows(
                "reject-config",
                &[
                    (MissingKey, "no-head-dim", "no head_dim", "head_dim", None),
                    (MissingKey, "no-layout", "no layout", "layout", None),
                    (UnknownKey, "unknown-key", "a key that nobody knows", "colour", Some("1")),
                    (UnusedKey, "base", "a base: the table is given", "rope_theta", Some("10000")),
                    (
                        UnusedKey,
                        "type",
                        "a rule: the table is given",
                        "rope_type",
                        Some(r#""default""#),
                    ),
                    (
                        InvalidValue,
                        "rotary-too-wide",
                        "rotary_dim above head_dim",
                        "rotary_dim",
                        Some("6"),
                    ),
                    (OddRotaryDim, "odd-rotary", "rotary_dim 3", "rotary_dim", Some("3")),
                ],
            ),
            vec![in_the_text(fault(
                DuplicateKey,
                "twice",
                "layout twice",
                "reject-config",
                Change::Twice("layout", r#""interleaved""#),
            ))],
        ]),
        inputs: joined([inputs, tensors("sin", "[1,1,2]", "000000003f800000")]),
    }
}

fn score() -> Refusals {
    let inputs = rows(
        "reject-input",
        &[
            (MissingInput, "no-k", "no keys", "k", None),
            (MissingInput, "no-key-positions", "no key positions", "key_positions", None),
            (
                UnusedInput,
                "positions",
                "one list of positions for both",
                "positions",
                Some("[[1]]"),
            ),
            (
                UnusedInput,
                "length",
                "a total length, which this rule does not read",
                "seq_len",
                Some("9"),
            ),
            (
                DtypeMismatch,
                "integers",
                "integer keys",
                "k",
                Some(
                    r#"{"dtype":"i32","shape":[1,1,1,4],"bits":["00000001000000020000000300000004"]}"#,
                ),
            ),
        ],
    );
    let three = r#"{"dtype":"f32","shape":[1,3,1,4],"bits":["3f800000400000004040000040800000","3f800000400000004040000040800000","3f800000400000004040000040800000"]}"#;
    let shapes = rows(
        "reject-shape",
        &[
            (
                ShapeMismatch,
                "two-positions",
                "two positions for one key",
                "key_positions",
                Some("[[1,2]]"),
            ),
            (ShapeMismatch, "heads", "three key heads for one query head", "k", Some(three)),
            (
                ShapeMismatch,
                "rank-3",
                "a tensor without the batch axis",
                "q",
                Some(four!("[1,1,4]")),
            ),
        ],
    );
    Refusals {
        operation: Operation::Score,
        dtype: Dtype::F32,
        config: ROPE,
        input: r#"{"q":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},
            "k":{"dtype":"f32","shape":[1,1,1,4],"bits":["3f800000400000004040000040800000"]},
            "query_positions":[[1]],"key_positions":[[0]]}"#,
        configs: rope(ROPE_TWICE),
        inputs: joined([
            inputs,
            shapes,
            tensors("k", "[1,1,1,4]", ROW),
            positions("query_positions", &nested),
        ]),
    }
}

fn inv_freq() -> Refusals {
    Refusals {
        operation: Operation::InvFreq,
        dtype: Dtype::F32,
        config: ROPE,
        input: "{}",
        configs: rope(ROPE_TWICE),
        inputs: rows(
            "reject-input",
            &[
                (
                    UnusedInput,
                    "positions",
                    "positions: frequencies have none",
                    "positions",
                    Some("[1]"),
                ),
                (
                    UnusedInput,
                    "length",
                    "a total length, which this rule does not read",
                    "seq_len",
                    Some("9"),
                ),
                (InvalidValue, "length-zero", "a total length of 0", "seq_len", Some("0")),
                (InvalidValue, "length-text", "a total length as text", "seq_len", Some(r#""9""#)),
            ],
        ),
    }
}

fn table() -> Refusals {
    Refusals {
        operation: Operation::Table,
        dtype: Dtype::F32,
        config: ROPE,
        input: r#"{"positions":[1]}"#,
        configs: rope(ROPE_TWICE),
        inputs: joined([
            rows(
                "reject-input",
                &[
                    (MissingInput, "no-positions", "no positions", "positions", None),
                    (
                        UnusedInput,
                        "length",
                        "a total length, which this rule does not read",
                        "seq_len",
                        Some("9"),
                    ),
                ],
            ),
            rows(
                "reject-shape",
                &[(
                    ShapeMismatch,
                    "nested",
                    "a batch level, which a table does not have",
                    "positions",
                    Some("[[1]]"),
                )],
            ),
            positions("positions", &flat),
        ]),
    }
}

fn alibi_slopes() -> Refusals {
    Refusals {
        operation: Operation::AlibiSlopes,
        dtype: Dtype::F32,
        config: r#"{"num_heads":8,"slopes":"code"}"#,
        input: "{}",
        configs: keys(
            &["num_heads", "slopes"],
            &[
                (InvalidValue, "no-heads", "no heads", "num_heads", Some("0")),
                (
                    InvalidValue,
                    "convention",
                    "a convention that does not exist",
                    "slopes",
                    Some(r#""book""#),
                ),
                (UnusedKey, "form", "a form: slopes have none", "form", Some(r#""key""#)),
            ],
            ("num_heads", "4"),
        ),
        inputs: rows(
            "reject-input",
            &[(
                UnusedInput,
                "positions",
                "positions: slopes have none",
                "query_positions",
                Some("[1]"),
            )],
        ),
    }
}

/// Faults of two flat lists of positions.
fn two_lists() -> Vec<Fault> {
    joined([
        rows(
            "reject-input",
            &[
                (MissingInput, "no-queries", "no query positions", "query_positions", None),
                (MissingInput, "no-keys", "no key positions", "key_positions", None),
            ],
        ),
        rows(
            "reject-shape",
            &[(
                ShapeMismatch,
                "nested",
                "a batch level, which a bias does not have",
                "key_positions",
                Some("[[1]]"),
            )],
        ),
        positions("key_positions", &flat),
    ])
}

fn alibi_bias() -> Refusals {
    Refusals {
        operation: Operation::AlibiBias,
        dtype: Dtype::F32,
        config: r#"{"num_heads":2,"slopes":"code","form":"distance"}"#,
        input: r#"{"query_positions":[1],"key_positions":[0]}"#,
        configs: keys(
            &["num_heads", "slopes", "form"],
            &[
                (InvalidValue, "no-heads", "no heads", "num_heads", Some("0")),
                (InvalidValue, "form", "a form that does not exist", "form", Some(r#""circle""#)),
            ],
            ("form", r#""key""#),
        ),
        inputs: two_lists(),
    }
}

const BUCKET_KEYS: [&str; 3] = ["num_buckets", "max_distance", "bidirectional"];
const BUCKET_RULES: Rows<'static> = &[
    (
        InvalidValue,
        "odd-buckets",
        "an odd number of buckets for two directions",
        "num_buckets",
        Some("31"),
    ),
    (InvalidValue, "two-buckets", "no exact bucket is left", "num_buckets", Some("2")),
    (
        InvalidValue,
        "short-distance",
        "no distance above the exact buckets",
        "max_distance",
        Some("8"),
    ),
    (InvalidValue, "flag-number", "1 instead of true", "bidirectional", Some("1")),
];
const BUCKETS: &str = r#"{"num_buckets":32,"max_distance":128,"bidirectional":true}"#;

fn t5_bucket() -> Refusals {
    Refusals {
        operation: Operation::T5Bucket,
        dtype: Dtype::I32,
        config: BUCKETS,
        input: r#"{"query_positions":[1],"key_positions":[0]}"#,
        configs: keys(&BUCKET_KEYS, BUCKET_RULES, ("num_buckets", "64")),
        inputs: two_lists(),
    }
}

fn t5_bias() -> Refusals {
    Refusals {
        operation: Operation::T5Bias,
        dtype: Dtype::F32,
        config: r#"{"num_buckets":4,"max_distance":16,"bidirectional":false}"#,
        input: r#"{"query_positions":[1],"key_positions":[0],
            "table":{"dtype":"f32","shape":[4,1],"bits":["00000000","3f800000","40000000","40400000"]}}"#,
        configs: keys(
            &BUCKET_KEYS,
            &[(
                InvalidValue,
                "short-distance",
                "no distance above the exact buckets",
                "max_distance",
                Some("2"),
            )],
            ("num_buckets", "8"),
        ),
        inputs: joined([
            two_lists(),
            rows("reject-input", &[(MissingInput, "no-table", "no table", "table", None)]),
            rows(
                "reject-input",
                &[(
                    DtypeMismatch,
                    "integers",
                    "an integer table",
                    "table",
                    Some(
                        r#"{"dtype":"i32","shape":[4,1],"bits":["00000000","00000001","00000002","00000003"]}"#,
                    ),
                )],
            ),
            rows(
                "reject-shape",
                &[(
                    ShapeMismatch,
                    "short-table",
                    "fewer rows than buckets",
                    "table",
                    Some(
                        r#"{"dtype":"f32","shape":[3,1],"bits":["00000000","3f800000","40000000"]}"#,
                    ),
                )],
            ),
            tensors("table", "[1,4]", ROW),
        ]),
    }
}

fn sinusoidal() -> Refusals {
    Refusals {
        operation: Operation::Sinusoidal,
        dtype: Dtype::F32,
        config: r#"{"dim":4,"layout":"interleaved","divisor":"half","order":"sin_first"}"#,
        input: r#"{"positions":[1]}"#,
        configs: keys(
            &["dim", "layout", "divisor", "order"],
            &[
                (InvalidValue, "zero-width", "a width of 0", "dim", Some("0")),
                (InvalidValue, "rotary-layout", "a layout of rotary encodings", "layout", Some(r#""half""#)),
                (InvalidValue, "base-zero", "base 0", "base", Some("0")),
                (InvalidValue, "order", "an order that does not exist", "order", Some(r#""sin""#)),
            ],
            ("dim", "8"),
        )
        .into_iter()
        .chain([fault(
            InvalidValue,
            "zero-divisor",
            "half − 1 is 0",
            "reject-config",
            Change::Whole(r#"{"dim":3,"layout":"interleaved","divisor":"half_minus_one","order":"sin_first"}"#),
        )])
        .collect(),
        inputs: joined([
            rows("reject-input", &[(MissingInput, "no-positions", "no positions", "positions", None)]),
            rows(
                "reject-shape",
                &[(ShapeMismatch, "nested", "a batch level, which an embedding does not have", "positions", Some("[[1]]"))],
            ),
            positions("positions", &flat),
        ]),
    }
}

fn learned() -> Refusals {
    Refusals {
        operation: Operation::Learned,
        dtype: Dtype::F32,
        config: r#"{"dim":4,"offset":1}"#,
        input: r#"{"positions":[0],"table":{"dtype":"f32","shape":[2,4],
            "bits":["00000000000000000000000000000000","3f800000400000004040000040800000"]}}"#,
        configs: keys(
            &["dim"],
            &[
                (InvalidValue, "offset-negative", "a negative offset", "offset", Some("-1")),
                (InvalidValue, "zero-width", "a width of 0", "dim", Some("0")),
                (ShapeMismatch, "other-width", "a width that is not the table's", "dim", Some("3")),
            ],
            ("dim", "5"),
        ),
        inputs: joined([
            rows(
                "reject-position",
                &[
                    (
                        PositionOutOfRange,
                        "after-last",
                        "the row after the last one",
                        "positions",
                        Some("[1]"),
                    ),
                    (
                        PositionOutOfRange,
                        "before-first",
                        "the row before the first one does not wrap around",
                        "positions",
                        Some("[-2]"),
                    ),
                    (
                        PositionOutOfRange,
                        "second",
                        "one position of two is beyond the table",
                        "positions",
                        Some("[0,7]"),
                    ),
                ],
            ),
            rows(
                "reject-input",
                &[
                    (MissingInput, "no-table", "no table", "table", None),
                    (MissingInput, "no-positions", "no positions", "positions", None),
                    (
                        DtypeMismatch,
                        "integers",
                        "an integer table",
                        "table",
                        Some(
                            r#"{"dtype":"i32","shape":[1,4],"bits":["00000001000000020000000300000004"]}"#,
                        ),
                    ),
                ],
            ),
            tensors("table", "[1,4]", ROW),
            positions("positions", &flat),
        ]),
    }
}

fn permute_qk() -> Refusals {
    Refusals {
        operation: Operation::PermuteQk,
        dtype: Dtype::F32,
        config: r#"{"num_heads":1,"head_dim":4}"#,
        input: r#"{"weight":{"dtype":"f32","shape":[4,1],"bits":["00000000","3f800000","40000000","40400000"]},
            "direction":"to_half"}"#,
        configs: keys(
            &["num_heads", "head_dim"],
            &[
                (InvalidValue, "no-heads", "no heads", "num_heads", Some("0")),
                (
                    InvalidValue,
                    "rotary-too-wide",
                    "rotary_dim above head_dim",
                    "rotary_dim",
                    Some("6"),
                ),
                (OddRotaryDim, "odd-rotary", "rotary_dim 3", "rotary_dim", Some("3")),
                (OddRotaryDim, "odd-head", "a head of 3 rows", "head_dim", Some("3")),
                (
                    ShapeMismatch,
                    "other-heads",
                    "two heads of 4 rows for a weight of 4",
                    "num_heads",
                    Some("2"),
                ),
            ],
            ("num_heads", "2"),
        ),
        inputs: joined([
            rows(
                "reject-input",
                &[
                    (MissingInput, "no-weight", "no weight", "weight", None),
                    (
                        MissingInput,
                        "no-direction",
                        "no direction: neither is the natural one",
                        "direction",
                        None,
                    ),
                    (
                        InvalidValue,
                        "direction",
                        "a direction of rotations",
                        "direction",
                        Some(r#""forward""#),
                    ),
                    (
                        DtypeMismatch,
                        "integers",
                        "an integer weight",
                        "weight",
                        Some(
                            r#"{"dtype":"i32","shape":[4,1],"bits":["00000000","00000001","00000002","00000003"]}"#,
                        ),
                    ),
                ],
            ),
            rows(
                "reject-shape",
                &[(
                    ShapeMismatch,
                    "transposed",
                    "columns for rows",
                    "weight",
                    Some(four!("[1,4]")),
                )],
            ),
            tensors("weight", "[1,4]", ROW),
        ]),
    }
}

fn position_ids() -> Refusals {
    let given = |name: &str, comment: &str, slug, text: &'static str| {
        fault(slug, name, comment, "reject-input", Change::Whole(text))
    };
    Refusals {
        operation: Operation::PositionIds,
        dtype: Dtype::I64,
        config: "{}",
        input: r#"{"cu_seqlens":[0,2]}"#,
        configs: rows(
            "reject-config",
            &[
                (UnknownKey, "unknown-key", "a key that nobody knows", "colour", Some("1")),
                (UnusedKey, "unused-key", "a key of rotary encodings", "rope_theta", Some("10000")),
            ],
        )
        .into_iter()
        .chain([in_the_text(fault(
            DuplicateKey,
            "twice",
            "a key twice",
            "reject-config",
            Change::Whole(r#"{"head_dim":4,"head_dim":8}"#),
        ))])
        .collect(),
        inputs: joined([
            rows(
                "reject-input",
                &[
                    (MissingInput, "nothing", "neither lengths nor a mask", "cu_seqlens", None),
                    (
                        InvalidValue,
                        "first-not-0",
                        "lengths that do not begin with 0",
                        "cu_seqlens",
                        Some("[1,3]"),
                    ),
                    (InvalidValue, "falling", "lengths that fall", "cu_seqlens", Some("[0,3,2]")),
                    (InvalidValue, "negative", "a negative length", "cu_seqlens", Some("[0,-1]")),
                    (InvalidValue, "empty", "an empty list", "cu_seqlens", Some("[]")),
                    (InvalidValue, "fraction", "a length of 1.5", "cu_seqlens", Some("[0,1.5]")),
                    (
                        InvalidValue,
                        "no-list",
                        "a number instead of a list",
                        "cu_seqlens",
                        Some("2"),
                    ),
                ],
            ),
            vec![
                given(
                    "both",
                    "lengths and a mask",
                    UnusedInput,
                    r#"{"cu_seqlens":[0,2],"attention_mask":{"dtype":"i32","shape":[1,2],"bits":["0000000100000001"]}}"#,
                ),
                given(
                    "mask-floats",
                    "a mask of floats",
                    DtypeMismatch,
                    r#"{"attention_mask":{"dtype":"f32","shape":[1,2],"bits":["3f8000003f800000"]}}"#,
                ),
                given(
                    "mask-flat",
                    "a mask without the batch axis",
                    ShapeMismatch,
                    r#"{"attention_mask":{"dtype":"i32","shape":[2],"bits":["0000000100000001"]}}"#,
                ),
                given(
                    "mask-two",
                    "a mask that holds 2",
                    InvalidValue,
                    r#"{"attention_mask":{"dtype":"i32","shape":[1,2],"bits":["0000000200000001"]}}"#,
                ),
                given(
                    "mask-short-row",
                    "a mask with a short row",
                    MalformedTensor,
                    r#"{"attention_mask":{"dtype":"i32","shape":[1,2],"bits":["000000010000000"]}}"#,
                ),
            ],
        ]),
    }
}
