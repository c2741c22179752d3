//! Attention over more keys, and of more queries, than a tile of a kernel has: prompts, chunks behind
//! a cache, decoding, rows of unequal lengths, caches that begin at a later position.
//!
//! Scores are moderate, so that every key has a weight which is seen: a tile that is lost, or summed
//! beside another maximum, shows in every row that has it.

use super::attention::{BUCKETS, alibi, t5};
use super::claims::{Claims, Drawn};
use super::kind::{Draft, Fresh, prefix};
use crate::generate::plan::{Input, config, parsed};
use crate::generate::values::{Random, flat, mixed, values};
use crate::number::Dtype;
use crate::request::{Json, Operation};

/// The word of the operation in an id.
const NAME: &str = "attended";
const FORMATS: [&str; 4] = ["f32", "bf16", "f16", "f64"];
const LAYOUTS: [&str; 2] = ["half", "interleaved"];
const HEADS: [&str; 6] = ["6on2", "4on2", "2on1", "2on2", "1on1", "8on1"];
const WIDTHS: [&str; 6] = ["16", "64", "128", "8", "32", "80"];
/// Most weights of a question: heads times queries times keys.
const LARGEST: usize = 18 << 10;

/// A course of positions, how many queries and keys, and what is added; what a kernel does not claim
/// is left out, the last one first. Keys are one more than a tile, and lengths exactly one, or more
/// than several.
const ASKED: [[&str; 4]; 18] = [
    ["whole", "17", "17", "lse"],
    ["whole", "65", "65", "plain"],
    ["whole", "130", "130", "window"],
    ["whole", "33", "33", "window+rope"],
    ["whole", "72", "72", "alibi+cap"],
    ["whole", "20", "97", "open+sink+lse"],
    ["whole", "3", "129", "open+t5+cap"],
    ["whole", "1", "257", "rope+cap"],
    ["later", "33", "97", "alibi+lse"],
    ["later", "40", "168", "window+sink"],
    ["later", "1", "65", "alibi+sink"],
    ["later", "1", "129", "narrow+lse"],
    ["later", "1", "513", "lse"],
    ["later", "1", "1025", "window"],
    ["ragged", "1", "33", "alibi"],
    ["ragged", "1", "129", "sink+lse"],
    ["ragged", "20", "65", "t5+lse"],
    ["ragged", "2", "257", "window+cap+sink"],
];

/// Questions in every format that is claimed, each in the first shape that is.
pub(super) fn draw(seed: u64, claims: &Claims, drawn: &mut Drawn) {
    let operation = Operation::Attention;
    if !claims.operations.contains(&operation) || claims.own.is_some() {
        return;
    }
    let claimed = |word: &&str| claims.admits_word("format", word).is_ok();
    for format in FORMATS.into_iter().filter(claimed) {
        for [course, queries, keys, more] in ASKED {
            let mut why = String::new();
            let found = shapes(more).find_map(|[layout, heads, width, more]| {
                let words = [format, course, queries, keys, heads, width, layout, more];
                let id = format!("{}{seed}-{NAME}-{}", prefix(None), words.join("-"));
                let asked =
                    question(&id, &words).and_then(|fresh| (claims.admits)(&fresh).map(|()| fresh));
                asked.map_err(|reason| why = reason).ok()
            });
            match found {
                Some(fresh) => drawn.questions.push(fresh),
                None => {
                    let what = format!("format {format}, {queries} queries of {keys} keys");
                    drawn.unasked.push((operation, what, why));
                }
            }
        }
    }
}

/// Layout, heads, width, and how much of what is added, what is liked best first.
fn shapes(more: &'static str) -> impl Iterator<Item = [&'static str; 4]> {
    let ends = more.match_indices('+').map(|(at, _)| at).rev();
    let parts = [more].into_iter().chain(ends.map(|end| &more[..end])).chain(["plain"]);
    parts.flat_map(|more| {
        LAYOUTS.into_iter().flat_map(move |layout| {
            WIDTHS.into_iter().flat_map(move |width| {
                HEADS.into_iter().map(move |heads| [layout, heads, width, more])
            })
        })
    })
}

/// The question of an id, if it is one of these.
pub(super) fn by_id(id: &str, operation: &str, words: &[&str]) -> Option<Result<Fresh, String>> {
    if operation != NAME {
        return None;
    }
    Some(match <[&str; 8]>::try_from(words) {
        Ok(words) => question(id, &words),
        Err(_) => Err(format!("eight words follow {NAME}")),
    })
}

fn question(id: &str, words: &[&str; 8]) -> Result<Fresh, String> {
    let [format, course, queries, keys, heads, width, layout, more] = *words;
    let no = |what: &str| format!("no {what} is asked");
    let dtype = Dtype::from_name(format).ok_or_else(|| no(format))?;
    let size = |word: &str| match word.parse::<usize>() {
        Ok(n) if (1..=4096).contains(&n) => Ok(n),
        _ => Err(format!("{word:?} is no size, 1 to 4096")),
    };
    let (queries, keys, width) = (size(queries)?, size(keys)?, size(width)?);
    let (q, k) = heads.split_once("on").ok_or_else(|| no(heads))?;
    let (q, k) = (size(q)?, size(k)?);
    let weights = q * queries * keys;
    if weights > LARGEST {
        return Err(format!("{weights} weights in one row of a batch"));
    }
    let mut random = Random::new(id);
    // Where it begins, and how many keys each row has: of three, the first has the fewest.
    let (first, lengths) = match course {
        "whole" => (0, None),
        "later" => (1000 + (random.bits() % 997) as i64, None),
        "ragged" => (0, Some([keys / 2, keys, keys - 1])),
        _ => return Err(no(course)),
    };
    let rows = lengths.map_or(1, |lengths| lengths.len());
    let parts: Vec<&str> = more.split('+').collect();
    let causal = !parts.contains(&"open");
    let mut object = config([("causal", causal.into())]);
    let mut flags = vec!["attention-tiles"];
    let one = |heads: usize, seq: usize, width: usize, by: f64, random: &mut Random| {
        let list: Vec<f64> = (0..rows * heads * seq * width).map(|_| by * random.mixed()).collect();
        values(dtype, &[rows, heads, seq, width], &list)
    };
    let mut input = Input::new()
        .with("q", one(q, queries, width, 0.5, &mut random))
        .with("k", one(k, keys, width, 0.5, &mut random))
        .with("v", one(k, keys, 3, 1.0, &mut random));
    for part in parts {
        let mut set = |key: &str, text: &str| object.set(key, Json::Object(parsed(text)));
        match part {
            "plain" | "open" => {}
            "window" => object.set("window", left(keys * 2 / 5)),
            "narrow" => object.set("window", left(3)),
            "cap" => object.set("softcap", 2usize.into()),
            "alibi" => set("alibi", &alibi(q, causal)),
            "t5" => {
                set("t5", &t5(causal));
                input =
                    input.with("table", mixed(dtype, &[BUCKETS, q], &random.bits().to_string()));
            }
            "rope" => {
                let text = r#"{"rope_theta":10000,"head_dim":W,"layout":"L"}"#;
                set("rope", &text.replace('W', &width.to_string()).replace('L', layout));
            }
            "sink" => {
                let list: Vec<f64> = (0..q).map(|h| 2.0 + h as f64 / 4.0).collect();
                input = input.with("sinks", values(dtype, &[q], &list));
            }
            "lse" => input = input.with("lse", true),
            _ => return Err(no(part)),
        }
        flags.extend(FLAGS.iter().find(|(word, _)| *word == part).map(|(_, flag)| *flag));
    }
    let row = |from: i64, count: usize| flat(&(from..from + count as i64).collect::<Vec<_>>());
    let ends = lengths.unwrap_or([keys; 3]);
    let at = |&end: &usize| row(first + end as i64 - queries as i64, queries);
    input = input
        .with("query_positions", Json::Array(ends[..rows].iter().map(at).collect()))
        .with("key_positions", Json::Array((0..rows).map(|_| row(first, keys)).collect()));
    if let Some(lengths) = lengths {
        let list = lengths.iter().map(|&n| Json::from(n as i64)).collect();
        input = input.with("key_lengths", Json::Array(list));
        flags.push("attention-lengths");
    }
    if queries == 1 {
        flags.push("attention-decode");
    }
    let comment = format!("drawn: {queries} queries of {keys} keys, {rows} rows, {q} heads on {k}");
    Fresh::new(
        id,
        Operation::Attention,
        Draft { dtype, config: object, input: input.0, flags },
        comment,
    )
}

/// Keys so far before the query, and all after it.
fn left(reach: usize) -> Json {
    Json::Array(vec![reach.into(), Json::Null])
}

/// What tests with a part are for.
const FLAGS: [(&str, &str); 8] = [
    ("window", "attention-window"),
    ("narrow", "attention-window"),
    ("cap", "attention-softcap"),
    ("alibi", "attention-alibi"),
    ("t5", "attention-t5"),
    ("rope", "attention-rope"),
    ("sink", "attention-sink"),
    ("lse", "attention-lse"),
];
