//! `sinusoidal` and `learned`.

use super::special::Patterns;
use crate::generate::lists::bands;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::values::{bits, flat, mixed, number, numbered};
use crate::number::Dtype;
use crate::request::{Object, Operation};

pub(super) fn files() -> Vec<FilePlan> {
    Dtype::FLOATS.into_iter().flat_map(|dtype| [waves(dtype), rows(dtype)]).collect()
}

fn wave(dim: usize, layout: &str, divisor: &str, order: &str) -> Object {
    config([
        ("dim", dim.into()),
        ("layout", layout.into()),
        ("divisor", divisor.into()),
        ("order", order.into()),
    ])
}

fn at(positions: &[i64]) -> Input {
    Input::new().with("positions", flat(positions))
}

const FLAGS: [&str; 3] = ["sinusoidal-layout", "sinusoidal-divisor", "sinusoidal-order"];

fn waves(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("sinusoidal/{dtype}.json"), Operation::Sinusoidal);
    let vaswani = |dim| wave(dim, "interleaved", "half", "sin_first");
    file.group("basic", vaswani(8), dtype)
        .test("origin", "position 0: 0, 1, 0, 1, …", &["basic"], at(&[0]))
        .test("first", "position 1: sin 1, cos 1, sin 0.1, …", &["basic"], at(&[1]));
    for layout in ["interleaved", "concatenated"] {
        for divisor in ["half", "half_minus_one"] {
            for order in ["sin_first", "cos_first"] {
                for dim in [5, 7, 8, 127, 128] {
                    let name = format!("{layout}-{}-{}-{dim}", slug(divisor), slug(order));
                    let positions: &[i64] = if dim > 100 { &[1000] } else { &[0, 1, 1000] };
                    let mut flags = FLAGS.to_vec();
                    if dim % 2 == 1 {
                        flags.push("odd-dim");
                    }
                    file.group(name, wave(dim, layout, divisor, order), dtype).test(
                        "ladder",
                        format!("{layout}, {divisor}, {order}, width {dim}"),
                        &flags,
                        at(positions),
                    );
                }
            }
        }
    }
    let group = file.group("positions", vaswani(8), dtype);
    for (band, members) in bands() {
        let flags = ["table-precision", "base", "rounding", "scattered-ids", band.flag];
        group.test(band.name, format!("positions {members:?}"), &flags, at(&members));
        if band.last > 0 {
            let negative: Vec<i64> = members.iter().map(|p| -p).collect();
            group.test(
                format!("minus-{}", band.name),
                format!("positions {negative:?}"),
                &["negative-position", band.flag],
                at(&negative),
            );
        }
    }
    let concatenated = wave(8, "concatenated", "half", "sin_first");
    file.group("positions-concatenated", concatenated, dtype).test(
        "ladder",
        "concatenated: near, far, negative and beyond 32 bits",
        &[
            "base",
            "table-precision",
            "rounding",
            "long-position",
            "position-bf16",
            "position-f16",
            "position-integer",
            "negative-position",
            "scattered-ids",
            "decode",
        ],
        at(&[3, 257, 2049, 4097, 65519, (1 << 31) + 1, -3]),
    );
    for (base, name) in [(1000000.0, "base-1000000"), (100.0, "base-100"), (1.0, "base-1")] {
        let mut object = wave(8, "concatenated", "half", "cos_first");
        object.set("base", number(base));
        file.group(name, object, dtype).test(
            "ladder",
            format!("base {base} at 1, 2049 and 65537"),
            &["base", "sinusoidal-divisor"],
            at(&[1, 2049, 65537]),
        );
    }
    file.group("unsorted", vaswani(4), dtype).test(
        "scattered",
        "positions that fall, repeat and jump",
        &["scattered-ids", "decode"],
        at(&[7, 3, 3, 4095, 0]),
    );
    file
}

fn slug(word: &str) -> String {
    word.replace('_', "-")
}

fn table_config(dim: usize, offset: i64) -> Object {
    match offset {
        0 => config([("dim", dim.into())]),
        _ => config([("dim", dim.into()), ("offset", offset.into())]),
    }
}

fn rows(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("learned/{dtype}.json"), Operation::Learned);
    let with = |table, positions: &[i64]| at(positions).with("table", table);
    file.group("basic", table_config(3, 0), dtype).test(
        "numbered",
        "rows 0 and 2 of a table of 1, 2, 3, …",
        &["basic"],
        with(numbered(dtype, &[4, 3], 1), &[0, 2]),
    );
    file.group("positions", table_config(1, 0), dtype)
        .test(
            "to-258",
            "every listed position of a table of 259 rows",
            &["position-bf16", "table-end"],
            with(mixed(dtype, &[259, 1], "rows"), &[0, 1, 2, 3, 7, 255, 256, 257, 258]),
        )
        .test(
            "unsorted",
            "rows in any order, the last one first",
            &["scattered-ids", "table-end"],
            with(mixed(dtype, &[9, 1], "unsorted"), &[8, 0, 3, 3, 7, 1, 8]),
        );
    if dtype.digits() == 4 {
        file.group("long", table_config(1, 0), dtype).test(
            "to-2049",
            "rows 2047 to 2049 of a table of 2050 rows",
            &["position-f16", "table-end"],
            with(mixed(dtype, &[2050, 1], "long"), &[0, 255, 257, 2047, 2048, 2049]),
        );
    }
    for (name, what) in [("opt", "OPT adds 2"), ("roberta", "RoBERTa adds padding_idx + 1 = 2")] {
        // RoBERTa's callers pass positions of real tokens; a pad would be row padding_idx itself.
        let positions: &[i64] = if name == "opt" { &[0, 1, 2, 5] } else { &[-1, 0, 1, 7] };
        file.group(name, table_config(2, 2), dtype).test(
            "offset",
            format!("{what} to every position"),
            &["learned-offset", "table-end", "negative-position"],
            with(numbered(dtype, &[10, 2], 1), positions),
        );
    }
    let s = Patterns::new(dtype);
    let specials =
        vec![s.sign, s.nan, s.signalling, s.infinity, s.sign | s.infinity, s.least, s.largest, 0];
    file.group("specials", table_config(4, 0), dtype).test(
        "copied",
        "−0, NaN, infinities, least and largest are copied",
        &["copied-bits", "signed-zero"],
        with(bits(dtype, &[2, 4], specials), &[1, 0]),
    );
    let group = file.group("formats", table_config(4, 0), dtype);
    for other in Dtype::FLOATS.into_iter().filter(|&other| other != dtype) {
        group.test(
            format!("from-{other}"),
            format!("a table in {other}, rounded once"),
            &["mixed-dtype"],
            with(mixed(other, &[3, 4], &format!("from {other}")), &[0, 2]),
        );
    }
    file
}
