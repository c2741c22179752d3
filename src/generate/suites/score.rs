//! `score`: dot products of rotated queries and keys.

use super::schemes::{Case, general_cases};
use super::special::Patterns;
use super::{general, layouts_and_floats, plain, row, sliced};
use crate::encoding::{Layout, RopeConfig};
use crate::generate::lists::bands;
use crate::generate::near_tie::Phase;
use crate::generate::plan::{FilePlan, Input, parsed};
use crate::generate::values::{bits, flat, mixed, numbered, same_rows, values};
use crate::number::{Dtype, Format};
use crate::request::{Json, Object, Operation};

/// Queries and keys with one row of positions each.
fn ask(q: Json, k: Json, query_positions: &[i64], key_positions: &[i64]) -> Input {
    Input::new()
        .with("q", q)
        .with("k", k)
        .with("query_positions", Json::Array(vec![flat(query_positions)]))
        .with("key_positions", Json::Array(vec![flat(key_positions)]))
}

pub(super) fn files() -> Vec<FilePlan> {
    layouts_and_floats()
        .flat_map(|(layout, dtype)| [file(layout, dtype), rules(layout, dtype)])
        .collect()
}

/// Scores under every scaling rule.
fn rules(layout: Layout, dtype: Dtype) -> FilePlan {
    let path = format!("score/schemes-{}-{dtype}.json", layout.name());
    let mut file = FilePlan::new(path, Operation::Score);
    let row = |first| numbered(dtype, &[1, 1, 1, 4], first);
    file.group("basic", plain(4, layout, 10000.0), dtype).test(
        "one-apart",
        "rope_type default: the query one position after the key",
        &["basic"],
        ask(row(1), row(2), &[1], &[0]),
    );
    for case in general_cases() {
        rule(&mut file, case, layout, dtype);
    }
    for case in general_cases() {
        let far = if case.name == "xpos" { 2500 } else { 30011 };
        general::again(&mut file, case, layout, dtype, &|dim| {
            by_rule(case, dtype, [1, 1], dim, [&[&[40, far]], &[&[3, 700]]], "again")
        });
    }
    file
}

/// Queries and keys of some heads at rows of positions.
fn by_rule(
    case: &Case,
    dtype: Dtype,
    [heads, key_heads]: [usize; 2],
    dim: usize,
    [queries, keys]: [&[&[i64]]; 2],
    words: &str,
) -> Input {
    let data = |name: &str, heads: usize, rows: &[&[i64]]| {
        let shape = [rows.len(), heads, rows[0].len(), dim];
        mixed(dtype, &shape, &format!("score {} {words} {name}", case.name))
    };
    let input = Input::new()
        .with("q", data("q", heads, queries))
        .with("k", data("k", key_heads, keys))
        .with("query_positions", general::rows(case, queries))
        .with("key_positions", general::rows(case, keys));
    general::sized(input, case)
}

fn rule(file: &mut FilePlan, case: &Case, layout: Layout, dtype: Dtype) {
    let config = case.object(layout);
    let dim = general::width(&config);
    let with = |flags: &[&'static str]| [flags, case.flags].concat();
    let ask = |heads, queries: &[&[i64]], keys: &[&[i64]], words: &str| {
        by_rule(case, dtype, heads, dim, [queries, keys], words)
    };
    file.group(case.name, config, dtype)
        .test(
            "rows-and-heads",
            format!("{}: two rows, two query heads on one key head, ids that jump", case.what),
            &with(&[
                "layout",
                "sign",
                "wires",
                "heads",
                "batch",
                "ragged-offsets",
                "scattered-ids",
                "relative",
                "base",
                "exponent",
                "spectrum",
                "identity",
                "rounding",
            ]),
            ask([2, 1], &[&[11, 16], &[130, 97]], &[&[2, 5], &[96, 64]], "rows"),
        )
        .test(
            "decode",
            format!("{}: one query against three keys", case.what),
            &with(&["decode", "relative", "layout", "sign", "base"]),
            ask([2, 1], &[&[611]], &[&[0, 300, 611]], "decode"),
        )
        .test(
            "far",
            format!("{}: queries far from their keys", case.what),
            &with(&[
                "long-position",
                "position-bf16",
                "position-f16",
                "position-integer",
                "negative-position",
                "rounding",
                "table-precision",
            ]),
            ask([1, 1], &[&[257, 4097, -3]], &[&[1, 255]], "far"),
        );
    planes(file, case, case.object(layout), &[], dtype, "planes");
    if let Some((config, flags)) = general::slice(case, layout) {
        planes(file, case, config, &flags, dtype, "slice");
    }
}

/// Queries that have one plane each, so that every frequency shows alone.
fn planes(
    file: &mut FilePlan,
    case: &Case,
    config: Object,
    flags: &[&'static str],
    dtype: Dtype,
    name: &str,
) {
    let length = case.lengths.last().copied();
    let rope = RopeConfig::new(&config).and_then(|config| config.rope(length));
    // A config that means nothing is refused when the suite is generated.
    let pairs = rope.map(|rope| rope.pairs()).unwrap_or_default();
    let dim = general::width(&config);
    let mut rows = vec![0.0; pairs.len() * dim];
    for (row, pair) in rows.chunks_mut(dim.max(1)).zip(&pairs) {
        row[pair.re] = 1.25;
        row[pair.im] = -0.75;
    }
    let keys: Vec<f64> = (0..2 * dim).map(|i| [1.0, -0.5, 0.75][i % 3]).collect();
    let queries = vec![if case.name == "xpos" { 1500 } else { 4099 }; pairs.len()];
    let flags = [flags, case.flags, &general::FREQUENCIES, &["layout", "sign", "history"]].concat();
    let input = Input::new()
        .with("q", values(dtype, &[1, 1, pairs.len(), dim], &rows))
        .with("k", values(dtype, &[1, 1, 2, dim], &keys))
        .with("query_positions", general::rows(case, &[&queries]))
        .with("key_positions", general::rows(case, &[&[3, 1000]]));
    file.group(format!("{name}-{}", case.name), config, dtype).test(
        "one-by-one",
        format!("{}: queries with one plane each", case.what),
        &flags,
        general::sized(input, case),
    );
}

fn file(layout: Layout, dtype: Dtype) -> FilePlan {
    let path = format!("score/{}-{dtype}.json", layout.name());
    let mut file = FilePlan::new(path, Operation::Score);
    let row = |first| numbered(dtype, &[1, 1, 1, 4], first);
    file.group("basic", plain(4, layout, 10000.0), dtype)
        .test(
            "same-position",
            "equal positions: the plain dot product 1·2 + 2·3 + 3·4 + 4·5 = 40",
            &["basic"],
            ask(row(1), row(2), &[5], &[5]),
        )
        .test(
            "one-apart",
            "the query one position after the key",
            &["basic"],
            ask(row(1), row(2), &[1], &[0]),
        );
    relative(&mut file, layout, dtype);
    positions(&mut file, layout, dtype);
    heads(&mut file, layout, dtype);
    exact(&mut file, layout, dtype);
    hard(&mut file, layout, dtype);
    file
}

fn relative(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let rows = |words: &str| same_rows(dtype, [1, 1, 3, 8], words);
    file.group("relative", plain(8, layout, 10000.0), dtype)
        .test(
            "distance-7",
            "equal rows 7 apart at three places: the diagonal is one number",
            &["relative", "layout"],
            ask(rows("q"), rows("k"), &[7, 1007, 1000003], &[0, 1000, 999996]),
        )
        .test(
            "both-sides",
            "the key before, at and after the query",
            &["relative", "sign"],
            ask(rows("q"), rows("k"), &[10, 11, 12], &[11, 11, 11]),
        )
        .test(
            "decode",
            "one query against six keys",
            &["decode"],
            ask(
                mixed(dtype, &[1, 1, 1, 8], "decode q"),
                mixed(dtype, &[1, 1, 6, 8], "decode k"),
                &[5],
                &[0, 1, 2, 3, 4, 5],
            ),
        );
}

fn positions(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("positions", plain(8, layout, 10000.0), dtype);
    for (band, members) in bands() {
        let data = |name: &str, tokens: usize| {
            mixed(dtype, &[1, 1, tokens, 8], &format!("{} {name}", band.name))
        };
        let (q, k) = (data("q", members.len()), data("k", 2));
        group.test(
            band.name,
            format!("queries at {members:?}, keys at 0 and 3"),
            &[band.flag],
            ask(q.clone(), k.clone(), &members, &[0, 3]),
        );
        let negative: Vec<i64> = members.iter().map(|p| -p).collect();
        if band.last > 0 {
            group.test(
                format!("minus-{}", band.name),
                format!("queries at {negative:?}, keys at 0 and 3"),
                &["negative-position", band.flag],
                ask(q, k, &negative, &[0, 3]),
            );
        }
    }
}

fn heads(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("heads", plain(4, layout, 10000.0), dtype);
    for (query_heads, key_heads) in [(4, 2), (3, 1), (6, 3), (2, 2)] {
        let words = format!("{query_heads} {key_heads}");
        group.test(
            format!("{query_heads}-on-{key_heads}"),
            format!("{query_heads} query heads share {key_heads} key heads: head h reads ⌊h·{key_heads}/{query_heads}⌋"),
            &["heads", "batch"],
            Input::new()
                .with("q", mixed(dtype, &[2, query_heads, 2, 4], &format!("q {words}")))
                .with("k", mixed(dtype, &[2, key_heads, 3, 4], &format!("k {words}")))
                .with("query_positions", Json::Array(vec![flat(&[3, 4]), flat(&[30, 31])]))
                .with("key_positions", Json::Array(vec![flat(&[0, 1, 2]), flat(&[7, 3, 29])])),
        );
    }
    for (head, rotary, offset) in [(8, 4, 0), (8, 4, 4), (20, 6, 5), (80, 32, 0)] {
        let name = format!("slice-{head}-{rotary}-from-{offset}");
        let data = |name: &str| mixed(dtype, &[1, 1, 2, head], &format!("{head} {offset} {name}"));
        file.group(&name, sliced(head, layout, rotary, offset), dtype).test(
            "random",
            format!("{rotary} of {head} channels from channel {offset} are rotated, the rest is a plain product"),
            &["partial", "copied-bits", "exponent", "width", "slice"],
            ask(data("q"), data("k"), &[9, 4097], &[2, 7]),
        );
    }
    // The same cube through a magnitude, which counts twice.
    let yarn = parsed(&format!(
        r#"{{"head_dim":8,"layout":"{}","rope_type":"yarn","rope_theta":10000,"factor":4,
            "original_max_position_embeddings":64,"rotary_dim":4}}"#,
        layout.name()
    ));
    let data = |name: &str| mixed(dtype, &[1, 1, 2, 8], &format!("yarn {name}"));
    file.group("yarn", yarn, dtype).test(
        "magnitude",
        "attention_factor squared on the rotated part only, softmax_factor nowhere",
        &["magnitude", "yarn", "copied-bits"],
        ask(data("q"), data("k"), &[5, 100], &[5, 3]),
    );
}

/// Scores that are rational: equal positions, or planes that share an angle and cancel.
fn exact(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let half = 2f64.powi(-(dtype.format().unwrap_or(Format::F64).precision as i32));
    let two = |rows: &[f64]| values(dtype, &[1, 1, 2, 2], rows);
    file.group("ties", plain(2, layout, 10000.0), dtype).test(
        "equal-positions",
        "1 + half an ulp and 1 + three halves, exactly",
        &["tie"],
        ask(
            two(&[1.0, 1.0, 1.0 + 2.0 * half, 1.0]),
            two(&[1.0, half, -1.0, -half]),
            &[9, 9],
            &[9, 9],
        ),
    );
    let rows = [1.0, 2.0, 3.0, 4.0, -4.0, -3.0, -2.0, -1.0];
    let q = values(dtype, &[1, 1, 1, 8], &rows);
    // Against (y, −x) of every plane the products of a plane cancel at distance 0; with one common
    // angle and planes that sum to zero they cancel at every distance.
    let planes: Vec<(u64, u64)> = vec![
        (one(dtype, 1.0), one(dtype, 0.0)),
        (one(dtype, -1.0), one(dtype, 0.0)),
        (one(dtype, 0.0), one(dtype, 2.0)),
        (one(dtype, 0.0), one(dtype, -2.0)),
    ];
    let equal: Vec<(u64, u64)> = vec![(one(dtype, 3.0), one(dtype, 5.0)); 4];
    file.group("one-angle", plain(8, layout, 1.0), dtype)
        .test(
            "cancelling",
            "base 1: all planes turn alike, and their products sum to zero at any distance",
            &["cancellation", "signed-zero"],
            ask(
                bits(dtype, &[1, 1, 1, 8], row(layout, 8, 0, &equal)),
                bits(dtype, &[1, 1, 1, 8], row(layout, 8, 0, &planes)),
                &[1000003],
                &[4],
            ),
        )
        .test(
            "equal-distances",
            "base 1: queries at 3 and −3 about a key at 0",
            &["relative", "sign"],
            ask(values(dtype, &[1, 1, 2, 8], &[rows, rows].concat()), q, &[3, -3], &[0]),
        );
}

fn one(dtype: Dtype, x: f64) -> u64 {
    crate::generate::values::nearest(dtype, x)
}

fn hard(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let s = Patterns::new(dtype);
    let group = file.group("hard", plain(2, layout, 10000.0), dtype);
    for p in [1, 7, 4097] {
        let Some((x, y)) = Phase::new(10000.0, 0, 2, p)
            .and_then(|phase| phase.two_terms(dtype, &format!("score {p}")))
        else {
            continue;
        };
        group.test(
            format!("near-tie-{p}"),
            format!("a score at distance {p} next to the middle of two numbers"),
            &["near-tie"],
            ask(
                bits(dtype, &[1, 1, 1, 2], vec![x, y]),
                values(dtype, &[1, 1, 1, 2], &[1.0, 0.0]),
                &[p],
                &[0],
            ),
        );
    }
    let pair = |a, b| bits(dtype, &[1, 1, 1, 2], vec![a, b]);
    group
        .test(
            "overflow",
            "the largest number times 1 and once more: beyond it",
            &["overflow"],
            ask(pair(s.largest, s.largest), pair(s.one, s.one), &[3], &[3]),
        )
        .test(
            "subnormal",
            "the least number times 1, turned",
            &["subnormal"],
            ask(pair(s.least * 5, s.least * 3), pair(s.one, s.sign | s.one), &[4], &[3]),
        )
        .test(
            "nonfinite",
            "an infinity and a NaN in the query",
            &["nonfinite"],
            ask(pair(s.infinity, s.nan), pair(s.one, s.one), &[4], &[3]),
        );
}
