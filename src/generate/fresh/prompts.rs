//! Rows as engines send them: a prompt from its first token on, a later chunk of one, several packed
//! into a row, rows padded on the left, with more tokens than any tile has and heads that share keys.
//!
//! Drawn positions jump, which tells a position from a place in the row; a kernel that is wrong where
//! they follow each other is asked here.

use super::claims::{Claims, Drawn};
use super::kind::{Draft, Fresh, prefix};
use super::own::Own;
use crate::generate::plan::{Input, parsed};
use crate::generate::values::{Random, mixed};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};

/// The word of the operation in an id.
const NAME: &str = "prompts";
const FORMATS: [&str; 4] = ["f32", "bf16", "f16", "f64"];
const WIDTHS: [&str; 8] = ["64", "128", "80", "96", "32", "256", "16", "8"];
const HEADS: [&str; 6] = ["6on2", "4on2", "8on1", "4on4", "2on2", "1on1"];
const ROWS: [&str; 2] = ["2", "1"];
/// The largest tensor in elements, and that of one model, whose heads may be many and wide.
const LARGEST: [usize; 2] = [1 << 19, 1 << 17];

/// A course of positions, how many tokens, and the direction.
const ASKED: [[&str; 3]; 6] = [
    ["whole", "513", "forward"],
    ["packed", "257", "forward"],
    ["padded", "97", "forward"],
    ["chunk", "129", "forward"],
    ["whole", "65", "inverse"],
    ["packed", "65", "backward"],
];

/// Rules of which one is claimed.
const RULES: [(&str, &str); 4] = [
    ("default", r#"{"rope_theta":10000}"#),
    (
        "llama3",
        r#"{"rope_type":"llama3","rope_theta":500000,"factor":8,"low_freq_factor":1,
        "high_freq_factor":4,"original_max_position_embeddings":8192}"#,
    ),
    (
        "yarn",
        r#"{"rope_type":"yarn","rope_theta":1000000,"factor":4,
        "original_max_position_embeddings":32768}"#,
    ),
    ("linear", r#"{"rope_type":"linear","rope_theta":10000,"factor":4}"#),
];

/// Positions of a row: which of a few rows it is decides where it begins.
fn course(name: &str, tokens: i64, row: i64) -> Option<Vec<i64>> {
    Some(match name {
        "whole" => (0..tokens).collect(),
        "chunk" => (0..tokens).map(|t| 512 + 256 * row + t).collect(),
        // Documents of unequal lengths, each from 0; other ones in every row.
        "packed" => {
            let ends = [tokens / 3 + row, tokens / 2 + 3 * row];
            let start = |t: i64| ends.iter().rev().find(|end| t >= **end).copied().unwrap_or(0);
            (0..tokens).map(|t| t - start(t)).collect()
        }
        // As Transformers counts: what is masked has position 1, and counting begins behind it.
        "padded" => {
            let pad = (tokens / 4) * (1 - row % 2) + row;
            (0..tokens).map(|t| if t < pad { 1 } else { t - pad }).collect()
        }
        _ => return None,
    })
}

/// Prompts in every format that is claimed, in the first shapes that are; of one model in one format,
/// with two of its key heads.
pub(super) fn draw(seed: u64, claims: &Claims, drawn: &mut Drawn) {
    let operation = Operation::Rotate;
    if !claims.operations.contains(&operation) || claims.own.is_some_and(|own| own.thirds) {
        return;
    }
    let claimed = |word: &&str| claims.admits_word("format", word).is_ok();
    let most = if claims.own.is_some() { 1 } else { FORMATS.len() };
    for format in FORMATS.into_iter().filter(claimed).take(most) {
        for [course, tokens, direction] in ASKED {
            let mut why = String::from("no layout and no rule of prompts is claimed");
            let direct = claims.admits_word("direction", direction);
            let shapes = direct.map(|()| shapes(claims)).map_err(|reason| why = reason);
            let found =
                shapes.into_iter().flatten().find_map(|[layout, width, heads, rows, rule]| {
                    let words =
                        [format, &layout, &width, &heads, &rows, &rule, course, tokens, direction];
                    let id = format!("{}{seed}-{NAME}-{}", prefix(claims.own), words.join("-"));
                    let asked = question(&id, &words, claims.own)
                        .and_then(|fresh| (claims.admits)(&fresh).map(|()| fresh));
                    asked.map_err(|reason| why = reason).ok()
                });
            match found {
                Some(fresh) => drawn.questions.push(fresh),
                None => {
                    let what = format!("format {format}, {} of {tokens} tokens", told(course));
                    drawn.unasked.push((operation, what, why));
                }
            }
        }
    }
}

fn told(course: &str) -> &'static str {
    match course {
        "whole" => "a prompt",
        "packed" => "a row of several prompts",
        "padded" => "a prompt padded on the left",
        _ => "a chunk of a prompt",
    }
}

/// Layout, width, heads, rows and rule, what is liked best first; of a model only the rows vary.
fn shapes<'a>(claims: &'a Claims) -> Box<dyn Iterator<Item = [String; 5]> + 'a> {
    let strings = |words: [&str; 5]| words.map(str::to_string);
    if let Some(own) = claims.own {
        let [q, k] = own.heads.map(|n| n.max(1));
        let width = own.head_dim.to_string();
        // As many queries to a key head as the model has; all of its heads where nothing less will do.
        let few = k.min(2);
        let heads = [format!("{}on{few}", q / k * few), format!("{q}on{k}"), "1on1".to_string()];
        return Box::new(heads.into_iter().flat_map(move |heads| {
            let width = width.clone();
            ROWS.map(move |rows| strings(["own", &width, &heads, rows, "0"])).into_iter()
        }));
    }
    let layouts = claims.layouts.iter().map(|layout| layout.name());
    Box::new(layouts.flat_map(move |layout| {
        let rules = RULES.iter().enumerate();
        let rules = rules.filter(|(_, (name, _))| claims.admits_word("rule", name).is_ok());
        rules.flat_map(move |(rule, _)| {
            WIDTHS.into_iter().flat_map(move |width| {
                HEADS.into_iter().flat_map(move |heads| {
                    ROWS.into_iter()
                        .map(move |rows| strings([layout, width, heads, rows, &rule.to_string()]))
                })
            })
        })
    }))
}

/// The question of an id, if it is one of these.
pub(super) fn by_id(
    id: &str,
    operation: &str,
    words: &[&str],
    own: Option<&Own>,
) -> Option<Result<Fresh, String>> {
    if operation != NAME {
        return None;
    }
    Some(match <[&str; 9]>::try_from(words) {
        Ok(words) => question(id, &words, own),
        Err(_) => Err(format!("nine words follow {NAME}")),
    })
}

fn question(id: &str, words: &[&str; 9], own: Option<&Own>) -> Result<Fresh, String> {
    let [format, layout, width, heads, rows, rule, course_name, tokens, direction] = *words;
    let no = |what: &str| format!("{id:?}: no {what} is asked");
    let dtype = Dtype::from_name(format).ok_or_else(|| no(format))?;
    let size = |word: &str| match word.parse::<usize>() {
        Ok(n) if (1..=4096).contains(&n) => Ok(n),
        _ => Err(format!("{word:?} is no size, 1 to 4096")),
    };
    let (width, rows, mut tokens) = (size(width)?, size(rows)?, size(tokens)?);
    let (q, k) = heads.split_once("on").ok_or_else(|| no(heads))?;
    let (q, k) = (size(q)?, size(k)?);
    // A model's own heads may be many: fewer tokens then, one more than some tile has.
    let largest = LARGEST[usize::from(own.is_some())];
    while tokens > 33 && rows * q * tokens * width > largest {
        tokens = tokens.div_ceil(2).max(33);
    }
    if rows * q * tokens * width > 2 * largest {
        return Err(format!("{} elements in one tensor", rows * q * tokens * width));
    }
    let config: Object = match own {
        Some(own) => own.config.clone(),
        None => {
            let rule = rule.parse().ok().and_then(|n: usize| RULES.get(n)).map(|(_, rule)| rule);
            let mut config = parsed(rule.ok_or_else(|| no("rule of that number"))?);
            config.set("head_dim", width.into());
            config.set("layout", layout.into());
            config
        }
    };
    let row = |row: usize| course(course_name, tokens as i64, row as i64);
    let list = (0..rows).map(row).collect::<Option<Vec<_>>>().ok_or_else(|| no(course_name))?;
    let grid = |list: &Vec<Vec<i64>>| {
        let row = |row: &Vec<i64>| Json::Array(row.iter().map(|&p| Json::from(p)).collect());
        Json::Array(list.iter().map(row).collect())
    };
    // A row of text stands at the same place on every axis.
    let positions = match own.map_or(1, |own| own.axes) {
        0 | 1 => grid(&list),
        axes => Json::Array((0..axes).map(|_| grid(&list)).collect()),
    };
    let mut random = Random::new(id);
    let mut tensor =
        |heads: usize| mixed(dtype, &[rows, heads, tokens, width], &random.bits().to_string());
    let mut input = Input::new().with("q", tensor(q)).with("k", tensor(k));
    input = input.with("positions", positions);
    if direction != "forward" {
        input = input.with("direction", direction);
    }
    if let Some([_, long]) = own.and_then(|own| own.lengths) {
        input = input.with("seq_len", long);
    }
    let flags = match course_name {
        "packed" => vec!["packed", "batch", "heads"],
        "padded" => vec!["left-padding", "batch", "heads"],
        _ => vec!["batch", "heads", "width"],
    };
    let comment =
        format!("drawn: {} of {tokens} tokens, {rows} rows, {q} heads on {k}", told(course_name));
    Fresh::new(id, Operation::Rotate, Draft { dtype, config, input: input.0, flags }, comment)
}
