//! `rotate` under every scaling rule, and the configs that `spectra` asks for as well.
//!
//! A new scheme is a few entries in `schemes/cases.rs`; its break-points are in `schemes/edges.rs`.

mod case;
mod cases;
mod edges;

pub(super) use case::Case;

use super::{general, layouts_and_floats, word};
use crate::encoding::Layout;
use crate::generate::plan::{FilePlan, GroupPlan, Input, parsed};
use crate::generate::values::{mixed, same_rows};
use crate::number::Dtype;
use crate::request::{Json, Operation};

/// All cases.
pub(super) fn all() -> impl Iterator<Item = &'static Case> {
    cases::CASES.iter().chain(edges::EDGES)
}

/// Positions of the rotations: the origin; 8, where linear scaling by 8 must give what position 1
/// gives without; near, and beyond every break-point.
const TOKENS: [i64; 6] = [0, 1, 3, 8, 65, 4097];

/// Where a frequency on the wrong side of a break-point shows, within most contexts. The rules that
/// they belong to are asked for the rest.
const AT_EDGES: [i64; 2] = [1, 999];

pub(super) fn files() -> Vec<FilePlan> {
    layouts_and_floats().map(|(layout, dtype)| file(layout, dtype)).collect()
}

fn file(layout: Layout, dtype: Dtype) -> FilePlan {
    let path = format!("rotate/schemes-{}-{dtype}.json", layout.name());
    let mut file = FilePlan::new(path, Operation::Rotate);
    let default = cases::case("basic", "", &["basic"], DEFAULT);
    file.group("basic", default.object(layout), dtype).test(
        "first",
        "rope_type default, spelt out",
        &["basic"],
        Input::new().with("q", mixed(dtype, &[1, 1, 1, 8], "basic")).positions(&[&[1]]),
    );
    for case in cases::CASES.iter().filter(|case| case.rotate) {
        rotations(&mut file, case, layout, dtype);
    }
    for case in edges::EDGES.iter().filter(|case| case.rotate) {
        let group = file.group(case.name, case.object(layout), dtype);
        match case.axes {
            1 => forward(group, case, &AT_EDGES, dtype),
            _ => along_axes(group, case, dtype, width(case)),
        }
    }
    for case in general_cases() {
        general::groups(&mut file, case, layout, dtype);
    }
    for case in general_cases() {
        general::rotations_again(&mut file, case, layout, dtype);
    }
    file
}

/// The cases that stand for their rules, and the rule without scaling.
pub(super) fn general_cases() -> impl Iterator<Item = &'static Case> {
    [&general::DEFAULT].into_iter().chain(all().filter(|case| general::is_chosen(case)))
}

const DEFAULT: &str = r#"{"head_dim":8,"rope_type":"default","rope_theta":10000}"#;

fn width(case: &Case) -> usize {
    match parsed(case.config).get("head_dim") {
        Some(Json::Integer(n)) => *n as usize,
        _ => 0,
    }
}

fn sized(input: Input, length: Option<i64>) -> Input {
    match length {
        Some(n) => input.with("seq_len", n),
        None => input,
    }
}

/// The rotation at every length that is asked.
fn forward(group: &mut GroupPlan, case: &Case, positions: &[i64], dtype: Dtype) {
    for (name, length) in case.asked() {
        let shape = [1, 1, positions.len(), width(case)];
        let q = mixed(dtype, &shape, &format!("{} {name}", case.name));
        let origin: &[&str] = if positions.contains(&0) { &["identity"] } else { &[] };
        group.test(
            name,
            format!("{} at positions {positions:?}", case.what),
            &[case.flags, origin].concat(),
            sized(Input::new().with("q", q).positions(&[positions]), length),
        );
    }
}

fn rotations(file: &mut FilePlan, case: &Case, layout: Layout, dtype: Dtype) {
    let dim = width(case);
    let group = file.group(case.name, case.object(layout), dtype);
    if case.axes > 1 {
        along_axes(group, case, dtype, dim);
        if CENTRED.contains(&case.name) {
            centred(group, case, dtype, dim);
        }
        return;
    }
    forward(group, case, &TOKENS, dtype);
    within_context(group, case, dtype, dim);
    // A magnitude other than 1 tells inverse and backward apart.
    for direction in ["inverse", "backward"] {
        let (_, length) = case.asked().pop().unwrap_or_default();
        let q = mixed(dtype, &[1, 1, 3, dim], &format!("{} {direction}", case.name));
        group.test(
            direction,
            format!("{}: {direction} at positions 1, 4095, 131071", case.what),
            &[&[direction], case.flags].concat(),
            sized(Input::new().with("q", q).positions(&[&[1, 4095, 131071]]), length)
                .with("direction", direction),
        );
    }
}

/// Up to the last token of a length, and around the original one: a kernel's own tables end with
/// the length that its config is stretched to, so it is asked what it has.
fn within_context(group: &mut GroupPlan, case: &Case, dtype: Dtype, dim: usize) {
    let config = parsed(case.config);
    let number = |key: &str| config.get(key).and_then(Json::number);
    let Some(original) = number("original_max_position_embeddings") else { return };
    let stretched = number("max_position_embeddings")
        .or_else(|| number("factor").map(|factor| factor * original))
        .unwrap_or(original);
    let (original, stretched) = (original as i64, stretched as i64);
    let mut ask = |name: String, last: i64, length: Option<i64>| {
        let mut positions: Vec<i64> = [1, original / 2, original - 1, original, last]
            .into_iter()
            .filter(|&p| p <= last)
            .collect();
        positions.dedup();
        let q = mixed(dtype, &[1, 1, positions.len(), dim], &format!("{} {name}", case.name));
        let input = Input::new().with("q", q).positions(&[&positions]);
        group.test(
            name,
            format!("{}: positions {positions:?}, within its context", case.what),
            &[case.flags, &["table-end"]].concat(),
            sized(input, length),
        );
    };
    // Of several lengths, the original one and the first that is longer.
    match case.lengths {
        [] => ask("within-context".to_string(), stretched - 1, None),
        _ => [original, original + 1]
            .into_iter()
            .for_each(|n| ask(format!("within-length-{n}"), n - 1, Some(n))),
    }
}

/// Schemes whose positions are the centres of patches, exact rationals.
const CENTRED: [&str; 2] = ["dinov3", "pixel"];

/// The centres of a 2 × 3 grid in [−1, 1]: ±1/2 and −2/3, 0, 2/3.
fn centred(group: &mut GroupPlan, case: &Case, dtype: Dtype, dim: usize) {
    let list = |items: [&str; 6]| Json::Array(vec![Json::Array(items.map(word).to_vec())]);
    let centres = Json::Array(vec![
        list(["-1/2", "-1/2", "-1/2", "1/2", "1/2", "1/2"]),
        list(["-2/3", "0", "2/3", "-2/3", "0", "2/3"]),
    ]);
    group.test(
        "centres",
        format!("{}: the centres of 2 rows and 3 columns, exact rationals", case.what),
        &[case.flags, &["rounding", "layout", "sign"]].concat(),
        Input::new()
            .with("q", same_rows(dtype, [1, 1, 6, dim], case.name))
            .with("positions", centres),
    );
}

/// Trap T14: coprime axes, one changed at a time, a 2 × 3 grid, a text row in the same batch. A
/// case of two axes has the last two, rows and columns.
fn along_axes(group: &mut GroupPlan, case: &Case, dtype: Dtype, dim: usize) {
    let same = |seq: usize| same_rows(dtype, [1, 1, seq, dim], case.name);
    group
        .test(
            "one-at-a-time",
            format!("{}: each axis alone at 7, 101, 1009, then all", case.what),
            case.flags,
            Input::new().with("q", same(4)).last_axes(
                case.axes,
                &[
                    &[&[0, 0, 0, 31]],
                    &[&[7, 0, 0, 7]],
                    &[&[0, 101, 0, 101]],
                    &[&[0, 0, 1009, 1009]],
                ],
            ),
        )
        .test(
            "grid",
            format!("{}: an image of 2 rows and 3 columns", case.what),
            &[case.flags, &["scattered-ids", "ragged-offsets"]].concat(),
            Input::new().with("q", same(6)).last_axes(
                case.axes,
                &[
                    &[&[2, 2, 2, 2, 2, 2]],
                    &[&[4, 4, 4, 4, 4, 4]],
                    &[&[4, 4, 4, 5, 5, 5]],
                    &[&[4, 5, 6, 4, 5, 6]],
                ],
            ),
        )
        .test(
            "text-beside-image",
            format!("{}: a row of text and a row with an image", case.what),
            &[case.flags, &["batch"]].concat(),
            Input::new().with("q", same_rows(dtype, [2, 1, 3, dim], case.name)).last_axes(
                case.axes,
                &[
                    &[&[0, 1, 2], &[0, 1, 3]],
                    &[&[0, 1, 2], &[0, 1, 1]],
                    &[&[0, 1, 2], &[0, 1, 2]],
                    &[&[0, 1, 2], &[0, 2, 1]],
                ],
            ),
        );
}
