//! What every scaling rule must get right besides its frequencies: kernels have a path per rule,
//! and each path can lose the layout, a batch, an offset, a slice.

use super::schemes::Case;
use crate::encoding::Layout;
use crate::generate::plan::{FilePlan, GroupPlan, Input};
use crate::generate::values::{flat, mixed};
use crate::number::Dtype;
use crate::request::{Json, Object};

/// The cases that stand for their rule.
const CHOSEN: [&str; 20] = [
    "linear-8",
    "dynamic-2",
    "yarn-small",
    "longrope-small",
    "llama3-small",
    "proportional-quarter",
    "sections",
    "sections-interleaved",
    "sections-yarn",
    "sections-trailing",
    "ntk-8",
    "ntk-fixed-4",
    "ntk-by-parts",
    "xpos",
    "no-rotation",
    "flux-small",
    "pixtral",
    "dinov3",
    "pixel",
    "default",
];

/// Whether a case stands for its rule.
pub(super) fn is_chosen(case: &Case) -> bool {
    CHOSEN.contains(&case.name)
}

/// The rule without scaling, for the same tests.
pub(super) const DEFAULT: Case = Case {
    name: "default",
    what: "rope_type default",
    flags: &["base", "exponent"],
    config: r#"{"head_dim":8,"rope_type":"default","rope_theta":500000}"#,
    lengths: &[],
    axes: 1,
    rotate: true,
};

/// A number as a position of the case: one axis has p, the others 3p, 5p; where positions are
/// centres of patches, a third more, since whole numbers are whole turns.
pub(super) fn position(case: &Case, axis: usize, p: i64) -> Json {
    let p = p * (2 * axis as i64 + 1);
    match ["dinov3", "pixel"].contains(&case.name) && p != 0 {
        true => Json::String(format!("{}/3", 3 * p + 1)),
        false => Json::Integer(p as i128),
    }
}

/// Positions [batch][seq], with the axis level of a case that has one.
fn positions(case: &Case, rows: &[&[i64]]) -> Json {
    let axis = |axis: usize| {
        let row =
            |row: &&[i64]| Json::Array(row.iter().map(|&p| position(case, axis, p)).collect());
        Json::Array(rows.iter().map(row).collect())
    };
    match case.axes {
        1 => axis(0),
        axes => Json::Array((0..axes).map(axis).collect()),
    }
}

/// Queries with `heads` heads and keys with `key_heads`, at rows of positions.
fn batch(
    case: &Case,
    dtype: Dtype,
    dim: usize,
    [heads, key_heads]: [usize; 2],
    rows: &[&[i64]],
    words: &str,
) -> Input {
    let seq = rows.first().map_or(0, |row| row.len());
    let data = |name: &str, heads: usize| {
        let words = format!("general {} {words} {name}", case.name);
        mixed(dtype, &[rows.len(), heads, seq, dim], &words)
    };
    let input = Input::new().with("q", data("q", heads));
    let input = if key_heads > 0 { input.with("k", data("k", key_heads)) } else { input };
    sized(input.with("positions", positions(case, rows)), case)
}

/// The total length beyond every break-point, for a rule that takes one.
pub(super) fn sized(input: Input, case: &Case) -> Input {
    match case.lengths.last() {
        Some(&length) => input.with("seq_len", length),
        None => input,
    }
}

pub(super) fn width(config: &Object) -> usize {
    match config.get("head_dim") {
        Some(Json::Integer(n)) => *n as usize,
        _ => 0,
    }
}

/// Positions at which steps of machines fail; a rule that grows is lost further out.
fn far(case: &Case) -> &'static [i64] {
    match case.name {
        "xpos" => &[7, 257, 513, 2049, 4097, -3],
        _ => &[7, 257, 2049, 4097, 65537, -3],
    }
}

/// The groups of a rule.
pub(super) fn groups(file: &mut FilePlan, case: &Case, layout: Layout, dtype: Dtype) {
    let mut config = case.object(layout);
    // Four pairs meet every branch of these rules as well as eight.
    if ["dynamic-2", "llama3-small", "ntk-by-parts"].contains(&case.name) {
        config.set("head_dim", Json::from(8i64));
    }
    let dim = width(&config);
    let with = |flags: &[&'static str]| [flags, case.flags].concat();
    let group = file.group(format!("general-{}", case.name), config, dtype);
    group
        .test(
            "rows-heads-tokens",
            format!("{}: two rows, two query heads on one key head, ids that jump", case.what),
            &with(&[
                "layout",
                "sign",
                "wires",
                "heads",
                "batch",
                "ragged-offsets",
                "scattered-ids",
                "rounding",
            ]),
            batch(case, dtype, dim, [2, 1], &[&[1, 6], &[30, 3]], "rows"),
        )
        .test(
            "one-token-each",
            format!("{}: two rows with one token each, at 5 and 611", case.what),
            &with(&["decode", "batch", "ragged-offsets", "layout"]),
            batch(case, dtype, dim, [2, 0], &[&[5], &[611]], "one"),
        )
        .test(
            "far",
            format!("{}: positions {:?}", case.what, far(case)),
            &with(&[
                "base",
                "exponent",
                "spectrum",
                "long-position",
                "position-bf16",
                "position-f16",
                "negative-position",
                "position-integer",
                "table-precision",
                "rounding",
            ]),
            batch(case, dtype, dim, [1, 0], &[far(case)], "far"),
        );
    if case.name != "xpos" {
        group.test(
            "beyond-32-bits",
            format!("{}: positions around 2^31", case.what),
            &with(&["position-integer", "long-position"]),
            batch(case, dtype, dim, [1, 0], &[&[1 << 31, (1 << 33) + 5]], "wide"),
        );
    }
    // A rule of one axis has its own tests of these.
    if case.axes > 1 || case.name == "default" {
        group.test(
            "origin",
            format!("{}: position 0", case.what),
            &[&["identity"], case.flags].concat(),
            batch(case, dtype, dim, [1, 0], &[&[0]], "origin"),
        );
        directions(group, case, dtype, dim);
    }
    narrow(file, case, layout, dtype);
}

fn directions(group: &mut GroupPlan, case: &Case, dtype: Dtype, dim: usize) {
    for direction in ["inverse", "backward"] {
        let input = batch(case, dtype, dim, [1, 1], &[&[3, 300]], direction);
        group.test(
            direction,
            format!("{}: {direction} of two tokens, numbers of their own", case.what),
            &[&[direction], case.flags].concat(),
            input.with("direction", direction),
        );
    }
}

/// A slice at the end of a head whose pairs are no power of two and no whole vector, or the whole
/// head for a rule that does not slice.
fn narrow(file: &mut FilePlan, case: &Case, layout: Layout, dtype: Dtype) {
    let Some((config, flags)) = slice(case, layout) else { return };
    let dim = width(&config);
    let group = file.group(format!("slice-{}", case.name), config, dtype);
    let flags = [&flags[..], case.flags].concat();
    group
        .test(
            "forward",
            format!("{}: six pairs", case.what),
            &[&flags[..], &FREQUENCIES, &["layout", "sign", "history"]].concat(),
            batch(case, dtype, dim, [1, 1], &[&[9, 1000]], "slice"),
        )
        .test(
            "backward",
            format!("{}: the gradient with six pairs", case.what),
            &[&flags[..], &["backward"]].concat(),
            batch(case, dtype, dim, [1, 0], &[&[2, 40]], "slice backward")
                .with("direction", "backward"),
        );
}

/// The config of [`narrow`] and its flags.
pub(super) fn slice(case: &Case, layout: Layout) -> Option<(Object, Vec<&'static str>)> {
    let mut config = case.object(layout);
    let mut set = |key: &str, value: Json| config.set(key, value);
    let numbers = |list: &[i64]| Json::Array(list.iter().map(|&n| Json::from(n)).collect());
    match case.name {
        "no-rotation" | "sections-yarn" | "sections-trailing" => return None,
        "proportional-quarter" => {
            set("head_dim", Json::from(12i64));
            set("partial_rotary_factor", Json::Real(0.5));
            return Some((config, vec!["width", "partial"]));
        }
        "flux-small" => {
            set("head_dim", Json::from(12i64));
            set("axes_dims", numbers(&[4, 4, 4]));
            return Some((config, vec!["width"]));
        }
        "pixtral" | "dinov3" | "pixel" => {
            set("head_dim", Json::from(12i64));
            return Some((config, vec!["width"]));
        }
        "longrope-small" => {
            let list = |list: [f64; 6]| Json::Array(list.map(Json::Real).to_vec());
            set("short_factor", list([1.0, 1.25, 1.5, 2.0, 2.5, 3.0]));
            set("long_factor", list([1.0, 4.0, 16.0, 32.0, 48.0, 64.0]));
        }
        "sections" => set("mrope_section", numbers(&[1, 2, 3])),
        "sections-interleaved" => set("mrope_section", numbers(&[4, 1, 1])),
        _ => {}
    }
    set("head_dim", Json::from(20i64));
    set("rotary_dim", Json::from(12i64));
    set("rotary_offset", Json::from(8i64));
    Some((config, vec!["partial", "copied-bits", "slice", "width"]))
}

/// What wrong frequencies of any origin break.
pub(super) const FREQUENCIES: [&str; 7] = [
    "base",
    "exponent",
    "spectrum",
    "rounding",
    "table-precision",
    "long-position",
    "position-bf16",
];

/// The same question again, and one that differs from others in its base alone: a head of 8
/// and base 20000 under every rule, or what the axes need.
pub(super) fn again(
    file: &mut FilePlan,
    case: &Case,
    layout: Layout,
    dtype: Dtype,
    input: &dyn Fn(usize) -> Input,
) {
    // A short sequence after long ones.
    let sized = |dim: usize| match case.lengths.first() {
        Some(&length) => input(dim).with("seq_len", length),
        None => input(dim),
    };
    let config = case.object(layout);
    let flags = [&["history", "rounding", "spectrum"], case.flags].concat();
    let group = file.group(format!("again-{}", case.name), config.clone(), dtype);
    let has_base = config.get("rope_theta").is_some();
    // Twice, where no other call follows that a race could choose.
    let calls = [("first", "asked again"), ("second", "and again")];
    let count = if has_base && case.name != "default" { 1 } else { 2 };
    for (name, what) in &calls[..count] {
        let what = format!("{}: {what}, after other configs and longer sequences", case.what);
        group.test(*name, what, &flags, sized(width(&config)));
    }
    let mut other = config;
    if !has_base {
        return;
    }
    other.set("rope_theta", Json::from(20000i64));
    if case.axes == 1 {
        other.set("head_dim", Json::from(8i64));
    }
    let dim = width(&other);
    file.group(format!("again-base-{}", case.name), other, dtype).test(
        "short",
        format!("{}: another base and the shape of other rules", case.what),
        &[&flags[..], &["base"]].concat(),
        // Beyond the limit: below it a rule that depends on the length is no other.
        self::sized(input(dim), case),
    );
}

/// Rotations asked again: near, and beyond the first rows of a table that grows.
pub(super) fn rotations_again(file: &mut FilePlan, case: &Case, layout: Layout, dtype: Dtype) {
    let far = if case.name == "xpos" { 2500 } else { 30011 };
    again(file, case, layout, dtype, &|dim| {
        let q = mixed(dtype, &[1, 1, 2, dim], &format!("again {}", case.name));
        Input::new().with("q", q).with("positions", positions(case, &[&[1500, far]]))
    });
}

/// Flat positions of a table, or rows of a score.
pub(super) fn along(case: &Case, tokens: &[i64]) -> Json {
    match case.axes {
        1 => match ["dinov3", "pixel"].contains(&case.name) {
            true => Json::Array(tokens.iter().map(|&p| position(case, 0, p)).collect()),
            false => flat(tokens),
        },
        axes => {
            let axis = |axis: usize| {
                Json::Array(tokens.iter().map(|&p| position(case, axis, p)).collect())
            };
            Json::Array((0..axes).map(axis).collect())
        }
    }
}

/// Rows of positions of a score.
pub(super) fn rows(case: &Case, rows: &[&[i64]]) -> Json {
    positions(case, rows)
}
