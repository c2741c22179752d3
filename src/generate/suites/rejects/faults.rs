//! What can be wrong with a request, as data.

use crate::generate::plan::parsed;
use crate::request::{Json, Object, Slug};

/// How a sound object becomes a faulty one. Values are JSON text.
pub(super) enum Change {
    /// Sets a key.
    Set(String, String),
    /// Takes a key out.
    Remove(String),
    /// Adds a key that is there already.
    Twice(String, String),
    /// Another object altogether.
    Whole(String),
}

/// One fault.
pub(super) struct Fault {
    /// The reason to refuse.
    pub(super) slug: Slug,
    /// A slug for the id.
    pub(super) name: String,
    /// A line for people.
    pub(super) comment: String,
    /// Whether a JSON reader may repair it.
    pub(super) in_the_text: bool,
    /// The fault itself.
    pub(super) change: Change,
}

impl Change {
    /// `-key`, `key=JSON`, `+key=JSON` (twice) or a whole object.
    fn parse(text: &str) -> Change {
        let pair = |text: &str| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            (key.to_string(), value.to_string())
        };
        match text.split_at_checked(1) {
            Some(("-", key)) => Change::Remove(key.to_string()),
            Some(("+", rest)) => {
                let (key, value) = pair(rest);
                Change::Twice(key, value)
            }
            Some(("{", _)) => Change::Whole(text.to_string()),
            _ => {
                let (key, value) = pair(text);
                Change::Set(key, value)
            }
        }
    }

    /// The object with this change.
    pub(super) fn apply(&self, object: &Object) -> Object {
        let mut changed = object.clone();
        match self {
            Change::Set(key, text) => changed.set(key, json(text)),
            Change::Remove(key) => drop(changed.remove(key)),
            Change::Twice(key, text) => {
                let pairs = object.iter().map(|(k, v)| (k.to_string(), v.clone()));
                changed = pairs.chain([(key.clone(), json(text))]).collect();
            }
            Change::Whole(text) => changed = parsed(text),
        }
        changed
    }
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or(Json::Null)
}

/// Faults from a text, one per line: slug, name, change (without blanks), `;`, comment. A line of
/// another form becomes a fault that changes nothing, which shows when the suite is generated.
pub(super) fn faults(lines: &str) -> Vec<Fault> {
    let fault = |line: &str| {
        let (left, comment) = line.split_once(';').unwrap_or((line, ""));
        let mut words = left.split_whitespace();
        let slug = words.next().and_then(Slug::from_reason).unwrap_or(Slug::MalformedRequest);
        let name = words.next().unwrap_or_default().to_string();
        let change = Change::parse(words.next().unwrap_or_default());
        let twice = matches!(change, Change::Twice(..)) || slug == Slug::DuplicateKey;
        Fault { slug, name, comment: comment.trim().to_string(), in_the_text: twice, change }
    };
    lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(fault).collect()
}

/// Faults of a tensor of f32: `row` is its one sound row.
pub(super) fn tensors(key: &str, shape: &str, row: &str) -> Vec<Fault> {
    let rest = &row[1..];
    let upper = row.replacen('f', "F", 1);
    let slug = key.replace('_', "-");
    let tensor = |dtype: &str, shape: &str, bits: &str| {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"bits":{bits}}}"#)
    };
    let sound = format!(r#"["{row}"]"#);
    let list = [
        ("short-row", "a row that lacks a digit", tensor("f32", shape, &format!(r#"["{rest}"]"#))),
        ("upper-case", "an upper-case digit", tensor("f32", shape, &format!(r#"["{upper}"]"#))),
        ("no-digit", "a letter that is no digit", tensor("f32", shape, &format!(r#"["g{rest}"]"#))),
        ("extra-row", "a row too many", tensor("f32", shape, &format!(r#"["{row}","{row}"]"#))),
        ("no-row", "no row at all", tensor("f32", shape, "[]")),
        ("numbers", "numbers instead of bit patterns", tensor("f32", shape, "[1.5,2.5]")),
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
    list.into_iter()
        .map(|(name, comment, text)| Fault {
            slug: Slug::MalformedTensor,
            name: format!("{slug}-{name}"),
            comment: comment.to_string(),
            in_the_text: false,
            change: Change::Set(key.to_string(), text),
        })
        .collect()
}

/// What can be wrong with one position: name, JSON text, comment.
const MALFORMED: [(&str, &str, &str); 12] = [
    ("fraction", "1.5", "one and a half"),
    ("plus", r#""+1""#, "a sign that is not needed"),
    ("leading-zero", r#""01""#, "a leading zero"),
    ("minus-zero", r#""-0""#, "minus zero as text"),
    ("empty", r#""""#, "no digits"),
    ("word", r#""one""#, "a word"),
    ("null", "null", "null"),
    ("flag", "true", "true"),
    ("ratio", r#""1/2""#, "a fraction, where this encoding has integers only"),
    ("unreduced", r#""2/4""#, "a fraction that is not in lowest terms"),
    ("real", "1.0", "1.0, which is no JSON integer"),
    ("wide-integer", "9007199254740993", "2^53 + 1 as a JSON integer, which many readers round"),
];

const OUT_OF_RANGE: [(&str, &str, &str); 3] = [
    ("beyond", r#""4611686018427387905""#, "2^62 + 1"),
    ("far-below", r#""-4611686018427387905""#, "−2^62 − 1"),
    ("endless", r#""100000000000000000000000000000""#, "a number of 30 digits"),
];

/// Faults of one position; `nested` says whether it stands in a list of lists.
pub(super) fn positions(key: &str, nested: bool) -> Vec<Fault> {
    let fault = |slug: Slug, (name, text, comment): (&str, &str, &str)| Fault {
        slug,
        name: format!("{}-{name}", key.replace('_', "-")),
        comment: comment.to_string(),
        in_the_text: matches!(name, "real" | "wide-integer"),
        change: Change::Set(key.to_string(), text.to_string()),
    };
    let listed = |slug: Slug, (name, text, comment): (&str, &str, &str)| {
        let text = if nested { format!("[[{text}]]") } else { format!("[{text}]") };
        fault(slug, (name, &text, comment))
    };
    let mut list: Vec<Fault> = Vec::new();
    list.extend(MALFORMED.map(|row| listed(Slug::MalformedPosition, row)));
    list.extend(OUT_OF_RANGE.map(|row| listed(Slug::PositionOutOfRange, row)));
    list.push(fault(Slug::MalformedPosition, ("no-list", "5", "a number instead of a list")));
    list
}

/// Several lists as one.
pub(super) fn joined<const N: usize>(parts: [Vec<Fault>; N]) -> Vec<Fault> {
    parts.into_iter().flatten().collect()
}
