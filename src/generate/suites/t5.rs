//! `t5_bucket` and `t5_bias`.

use crate::generate::lists::bands;
use crate::generate::plan::{FilePlan, Input, config};
use crate::generate::suites::special::Patterns;
use crate::generate::values::{bits, flat, mixed, numbered};
use crate::number::Dtype;
use crate::request::{Object, Operation};

fn buckets(num_buckets: usize, max_distance: i64, bidirectional: bool) -> Object {
    config([
        ("num_buckets", num_buckets.into()),
        ("max_distance", max_distance.into()),
        ("bidirectional", bidirectional.into()),
    ])
}

fn name(num_buckets: usize, max_distance: i64, bidirectional: bool) -> String {
    let kind = if bidirectional { "bidirectional" } else { "causal" };
    format!("{kind}-{num_buckets}-{max_distance}")
}

fn at(queries: &[i64], keys: &[i64]) -> Input {
    Input::new().with("query_positions", flat(queries)).with("key_positions", flat(keys))
}

pub(super) fn files() -> Vec<FilePlan> {
    let mut files: Vec<FilePlan> = Dtype::FLOATS.into_iter().map(bias_file).collect();
    files.push(bucket_file());
    files
}

fn bucket_file() -> FilePlan {
    let mut file = FilePlan::new("t5_bucket/i32.json", Operation::T5Bucket);
    file.group("basic", buckets(32, 128, true), Dtype::I32).test(
        "near",
        "distances −3 to 3: 3, 2, 1, 0, 17, 18, 19",
        &["basic"],
        at(&[3], &[0, 1, 2, 3, 4, 5, 6]),
    );
    let configs = [(32, 128), (32, 256), (8, 16), (20, 100), (64, 1000)];
    for (num_buckets, max_distance) in configs {
        for bidirectional in [true, false] {
            let name = name(num_buckets, max_distance, bidirectional);
            let config = buckets(num_buckets, max_distance, bidirectional);
            let group = file.group(name, config, Dtype::I32);
            let limit = max_distance;
            group
                .test(
                    "all-to-200",
                    "key − query from −200 to 200",
                    &["t5-boundary", "t5-direction"],
                    at(&[200], &(0..=400).collect::<Vec<_>>()),
                )
                .test(
                    "around-the-limit",
                    format!("distances around {limit} and far beyond, on both sides"),
                    &["t5-boundary"],
                    at(
                        &[0],
                        &[limit - 1, limit, limit + 1, -limit + 1, -limit, -limit - 1, 1 << 31]
                            .into_iter()
                            .chain([-(1 << 31), 1 << 62, -(1 << 62)])
                            .collect::<Vec<_>>(),
                    ),
                );
        }
    }
    let group = file.group("decode", buckets(32, 128, false), Dtype::I32);
    group
        .test(
            "prompt",
            "six queries and six keys",
            &["t5-decode", "t5-direction"],
            at(&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 4, 5]),
        )
        .test(
            "last-row",
            "the last query alone: the last row of the whole",
            &["t5-decode"],
            at(&[5], &[0, 1, 2, 3, 4, 5]),
        );
    for bidirectional in [true, false] {
        let kind = if bidirectional { "positions-bidirectional" } else { "positions-causal" };
        let group = file.group(kind, buckets(32, 128, bidirectional), Dtype::I32);
        for (band, members) in bands() {
            group.test(
                band.name,
                format!("queries at {members:?}, keys at 0 and beside them"),
                &["t5-boundary", band.flag],
                at(&members, &[&[0], &members[..]].concat()),
            );
            if band.last > 0 {
                let negative: Vec<i64> = members.iter().map(|p| -p).collect();
                group.test(
                    format!("minus-{}", band.name),
                    format!("queries at {negative:?}, keys at 0 and 3"),
                    &["negative-position", band.flag],
                    at(&negative, &[0, 3]),
                );
            }
        }
    }
    file
}

fn bias_file(dtype: Dtype) -> FilePlan {
    let mut file = FilePlan::new(format!("t5_bias/{dtype}.json"), Operation::T5Bias);
    let with = |table, queries: &[i64], keys: &[i64]| at(queries, keys).with("table", table);
    file.group("basic", buckets(8, 16, true), dtype).test(
        "numbered",
        "row b of the table holds 2b + 1 and 2b + 2 for the two heads",
        &["basic"],
        with(numbered(dtype, &[8, 2], 1), &[2], &[0, 1, 2, 3, 4]),
    );
    for (num_buckets, max_distance, bidirectional) in
        [(32, 128, true), (32, 128, false), (32, 256, true), (32, 256, false), (8, 16, false)]
    {
        let config = buckets(num_buckets, max_distance, bidirectional);
        let name = name(num_buckets, max_distance, bidirectional);
        let table = || mixed(dtype, &[num_buckets, 2], &name);
        file.group(&name, config, dtype)
            .test(
                "distances",
                "queries and keys apart by up to 200 either way, two heads",
                &["t5-boundary", "t5-direction", "heads"],
                with(
                    table(),
                    &[0, 100, 200],
                    &[0, 8, 16, 92, 99, 100, 101, 108, 116, 191, 192, 199, 200],
                ),
            )
            .test(
                "last-row",
                "one query at the end: a cached step",
                &["t5-decode", "t5-boundary"],
                with(table(), &[200], &[0, 72, 73, 136, 184, 185, 192, 193, 199, 200]),
            );
    }
    let group = file.group("positions", buckets(8, 16, true), dtype);
    for (band, members) in bands() {
        group.test(
            band.name,
            format!("queries at {members:?}, keys at 0 and 3"),
            &["t5-boundary", band.flag],
            with(numbered(dtype, &[8, 1], 1), &members, &[0, 3]),
        );
    }
    let s = Patterns::new(dtype);
    let table = bits(
        dtype,
        &[8, 1],
        vec![s.sign, s.least, s.nan, s.infinity, s.sign | s.infinity, s.largest, s.signalling, 0],
    );
    file.group("specials", buckets(8, 16, true), dtype).test(
        "copied",
        "−0, NaN, infinities, least and largest are copied from the table",
        &["copied-bits", "signed-zero"],
        with(table, &[20], &[0, 17, 18, 19, 20, 21, 22, 23, 40]),
    );
    let other = if dtype == Dtype::F64 { Dtype::F32 } else { Dtype::F64 };
    file.group("formats", buckets(8, 16, false), dtype).test(
        "from-another",
        format!("a table in {other}, rounded once"),
        &["mixed-dtype"],
        with(mixed(other, &[8, 2], "formats"), &[9], &[0, 3, 6, 8, 9, 10]),
    );
    file
}
