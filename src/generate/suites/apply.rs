//! `apply`: the caller's cos and sin, whatever they are. Every answer is rational, so ties are real.

use super::special::Patterns;
use super::{layouts_and_floats, row, word};
use crate::encoding::Layout;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::values::{bits, mixed, nearest, numbered, values};
use crate::number::{Dtype, Format};
use crate::request::{Json, Object, Operation};

fn head(head_dim: usize, layout: Layout) -> Object {
    config([("head_dim", head_dim.into()), ("layout", layout.name().into())])
}

fn part(head_dim: usize, layout: Layout, rotary_dim: usize, offset: usize) -> Object {
    let mut object = head(head_dim, layout);
    object.set("rotary_dim", rotary_dim.into());
    object.set("rotary_offset", offset.into());
    object
}

fn with_table(q: Json, cos: Json, sin: Json) -> Input {
    Input::new().with("q", q).with("cos", cos).with("sin", sin)
}

pub(super) fn files() -> Vec<FilePlan> {
    layouts_and_floats().map(|(layout, dtype)| file(layout, dtype)).collect()
}

fn file(layout: Layout, dtype: Dtype) -> FilePlan {
    let path = format!("apply/{}-{dtype}.json", layout.name());
    let mut file = FilePlan::new(path, Operation::Apply);
    let table = |list: &[f64]| values(dtype, &[1, 1, list.len()], list);
    let four = || numbered(dtype, &[1, 1, 1, 4], 1);
    file.group("basic", head(4, layout), dtype)
        .test(
            "identity",
            "cos 1 and sin 0 leave 1, 2, 3, 4 as they are",
            &["basic"],
            with_table(four(), table(&[1.0, 1.0]), table(&[0.0, 0.0])),
        )
        .test(
            "quarter-turn",
            "cos 0 and sin 1 send (x, y) to (−y, x)",
            &["basic"],
            with_table(four(), table(&[0.0, 0.0]), table(&[1.0, 1.0])),
        );
    tables(&mut file, layout, dtype);
    ties(&mut file, layout, dtype);
    shapes(&mut file, layout, dtype);
    formats(&mut file, layout, dtype);
    specials(&mut file, layout, dtype);
    file
}

fn tables(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("tables", head(8, layout), dtype);
    for direction in ["forward", "backward"] {
        let q = |words: &str| mixed(dtype, &[1, 2, 3, 8], &format!("{direction} {words}"));
        let flags: &[_] = if direction == "forward" {
            &["caller-table", "sign", "layout", "rounding"]
        } else {
            &["backward", "caller-table", "layout"]
        };
        group
            .test(
                format!("random-{direction}"),
                "a random table, not on the unit circle, different for every token and plane",
                flags,
                with_table(
                    q("q"),
                    mixed(dtype, &[1, 3, 4], "a table of cos"),
                    mixed(dtype, &[1, 3, 4], "a table of sin"),
                )
                .with("direction", direction),
            )
            .test(
                format!("numbered-{direction}"),
                "whole numbers: every product can be checked by hand",
                flags,
                with_table(
                    numbered(dtype, &[1, 1, 2, 8], -4),
                    numbered(dtype, &[1, 2, 4], 1),
                    numbered(dtype, &[1, 2, 4], -3),
                )
                .with("direction", direction),
            );
    }
    group.test(
        "scaled",
        "a magnitude of 1.25 is part of the table: nothing is divided out",
        &["caller-table", "magnitude", "layout"],
        with_table(
            numbered(dtype, &[1, 1, 1, 8], 1),
            values(dtype, &[1, 1, 4], &[1.25, 0.75, 1.0, 0.0]),
            values(dtype, &[1, 1, 4], &[0.0, 1.0, 0.75, 1.25]),
        ),
    );
}

/// x cos − y sin = 1 + k halves of an ulp, exactly.
fn ties(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let precision = dtype.format().unwrap_or(Format::F64).precision as i32;
    let half = 2f64.powi(-precision);
    let one = |x: f64| nearest(dtype, x);
    // 1·1 − (−1)·half: up from an even 1 stays, up from an odd 1 + ulp goes on.
    let planes = [
        (one(1.0), one(-1.0)),
        (one(1.0 + 2.0 * half), one(-1.0)),
        (one(-1.0), one(1.0)),
        (one(-1.0 - 2.0 * half), one(1.0)),
    ];
    let q = bits(dtype, &[1, 1, 1, 8], row(layout, 8, 0, &planes));
    let cos = values(dtype, &[1, 1, 4], &[1.0; 4]);
    let sin = values(dtype, &[1, 1, 4], &[half; 4]);
    let cancel = bits(
        dtype,
        &[1, 1, 1, 8],
        row(
            layout,
            8,
            0,
            &[(one(3.0), one(2.0)), (one(1.5), one(1.5)), (one(7.0), one(7.0)), (0, 0)],
        ),
    );
    file.group("ties", head(8, layout), dtype)
        .test(
            "half-an-ulp",
            "1 plus half an ulp goes to the even neighbour, either sign, even and odd",
            &["tie", "caller-table"],
            with_table(q, cos, sin),
        )
        .test(
            "cancelling",
            "x cos = y sin exactly: zero of either sign",
            &["cancellation", "signed-zero"],
            with_table(
                cancel,
                values(dtype, &[1, 1, 4], &[2.0, 1.0, 0.5, 1.0]),
                values(dtype, &[1, 1, 4], &[3.0, 1.0, 0.5, 1.0]),
            ),
        );
}

fn shapes(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    file.group("heads", head(4, layout), dtype)
        .test(
            "grouped",
            "four query heads and two key heads share the table of their token",
            &["heads", "batch", "wires"],
            with_table(
                numbered(dtype, &[2, 4, 2, 4], -32),
                mixed(dtype, &[2, 2, 2], "heads cos"),
                mixed(dtype, &[2, 2, 2], "heads sin"),
            )
            .with("k", numbered(dtype, &[2, 2, 2, 4], 1)),
        )
        .test(
            "cube",
            "two rows, two heads, two tokens, two planes",
            &["batch"],
            with_table(
                numbered(dtype, &[2, 2, 2, 4], 1),
                numbered(dtype, &[2, 2, 2], 1),
                numbered(dtype, &[2, 2, 2], 9),
            ),
        );
    for (head_dim, rotary, offset) in [(6, 4, 0), (8, 4, 4), (8, 2, 3), (80, 32, 0), (66, 66, 0)] {
        let name = format!("slice-{head_dim}-{rotary}-from-{offset}");
        let table = |words: &str| mixed(dtype, &[1, 1, rotary / 2], &format!("{name} {words}"));
        file.group(&name, part(head_dim, layout, rotary, offset), dtype).test(
            "random",
            format!("{rotary} of {head_dim} channels from channel {offset}"),
            &["partial", "copied-bits", "slice", "width"],
            with_table(mixed(dtype, &[1, 2, 1, head_dim], &name), table("cos"), table("sin")),
        );
    }
}

/// Tables of another format than the data, as f32 tables beside bf16 activations.
fn formats(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("formats", head(4, layout), dtype);
    for table in Dtype::FLOATS.into_iter().filter(|&table| table != dtype) {
        let words = |what: &str| format!("{table} {what}");
        group.test(
            format!("{table}-table"),
            format!("a table in {table}, nothing is rounded before the sum"),
            &["mixed-dtype", "caller-table"],
            with_table(
                mixed(dtype, &[1, 1, 2, 4], &words("q")),
                mixed(table, &[1, 2, 2], &words("cos")),
                mixed(table, &[1, 2, 2], &words("sin")),
            ),
        );
    }
}

fn specials(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let s = Patterns::new(dtype);
    let q = |planes: &[(u64, u64)]| bits(dtype, &[1, 1, 1, 8], row(layout, 8, 0, planes));
    let ones = || values(dtype, &[1, 1, 4], &[1.0; 4]);
    let halves = || values(dtype, &[1, 1, 4], &[0.5; 4]);
    let huge = [
        (s.largest, s.largest),
        (s.largest, s.sign | s.largest),
        (s.sign | s.largest, s.least),
        (s.largest - 1, s.one),
    ];
    let tiny = [
        (s.least, s.least),
        (s.least * 3, 0),
        (s.largest_subnormal, s.sign | s.smallest_normal),
        (s.smallest_normal, s.sign | s.least),
    ];
    let nonfinite = [(s.infinity, s.one), (s.one, s.nan), (s.one, s.one), (s.sign, 0)];
    let table = vec![s.one, s.one, s.infinity, s.one];
    file.group("specials", head(8, layout), dtype)
        .test(
            "huge",
            "sums beyond the largest number",
            &["overflow"],
            with_table(q(&huge), ones(), halves()),
        )
        .test(
            "tiny",
            "halves of the least numbers tie",
            &["subnormal", "tie"],
            with_table(q(&tiny), halves(), values(dtype, &[1, 1, 4], &[0.0, 0.0, 0.5, 0.5])),
        )
        .test(
            "nonfinite",
            "infinity and NaN among data and table",
            &["nonfinite"],
            with_table(q(&nonfinite), bits(dtype, &[1, 1, 4], table), halves())
                .with("direction", word("backward")),
        );
}
