//! `shaw_bucket`, `deberta_bucket` and `attention_temperature`: exact integers, and one logarithm.

use crate::generate::plan::{FilePlan, GroupPlan, Input, config, parsed};
use crate::generate::values::flat;
use crate::number::Dtype;
use crate::request::{Object, Operation};

pub(super) fn files() -> Vec<FilePlan> {
    let mut files = vec![shaw(), deberta()];
    files.extend(Dtype::FLOATS.map(temperature));
    files
}

fn at(queries: &[i64], keys: &[i64]) -> Input {
    Input::new().with("query_positions", flat(queries)).with("key_positions", flat(keys))
}

fn clipped(limit: i64) -> Object {
    config([("form", "key_minus_query".into()), ("max_relative_position", limit.into())])
}

fn table_of(length: i64) -> Object {
    config([("form", "query_minus_key".into()), ("max_position_embeddings", length.into())])
}

fn shaw() -> FilePlan {
    let mut file = FilePlan::new("shaw_bucket/i32.json", Operation::ShawBucket);
    file.group("basic", clipped(2), Dtype::I32).test(
        "five-keys",
        "K = 2: a query at 0 and keys 0 to 4 give 2, 3, 4, 4, 4",
        &["basic"],
        at(&[0], &[0, 1, 2, 3, 4]),
    );
    for limit in [0, 1, 2, 16, 128] {
        let edge = [-1000, -limit - 1, -limit, -limit + 1, -1, 0, 1, limit - 1, limit, limit + 1];
        file.group(format!("clipped-{limit}"), clipped(limit), Dtype::I32)
            .test(
                "square",
                "queries and keys 0 to 5: key minus query, row by row",
                &["relative-direction"],
                at(&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 4, 5]),
            )
            .test(
                "edges",
                format!("K = {limit}: distances on both sides of the clip at {limit}"),
                &["relative-clip"],
                at(&[0], &edge),
            )
            .test(
                "far",
                "what lies far away is clipped, beyond 32 bits too",
                &["relative-clip", "position-integer"],
                at(&[0, 1 << 40], &[-(1 << 40), 131071, 1 << 40]),
            )
            .test(
                "decode",
                "one query at 19 and keys 0, 17, 18, 19",
                &["relative-direction", "decode"],
                at(&[19], &[0, 17, 18, 19]),
            );
    }
    for length in [1, 5, 512] {
        let last = length - 1;
        file.group(format!("table-{length}"), table_of(length), Dtype::I32)
            .test(
                "corners",
                format!("M = {length}: the ends and the middle of the table of 2M − 1 rows"),
                &["relative-direction"],
                at(&[0, last], &[0, last]),
            )
            .test(
                "shifted",
                "only the difference counts",
                &["relative-direction", "long-position"],
                at(&[100_000, 100_000 + last], &[100_000, 100_000 + last]),
            );
    }
    file
}

fn buckets(size: i64, most: i64, clamp: &str, form: &str) -> Object {
    config([
        ("bucket_size", size.into()),
        ("max_position", most.into()),
        ("clamp", clamp.into()),
        ("form", form.into()),
    ])
}

/// Both signs of these distances and of what lies around them.
fn around(centres: &[i64]) -> Vec<i64> {
    let near = centres.iter().flat_map(|n| [n - 1, *n, n + 1]);
    let mut list: Vec<i64> = near.flat_map(|n| [-n, n]).collect();
    list.sort_unstable();
    list.dedup();
    list
}

fn deberta() -> FilePlan {
    let mut file = FilePlan::new("deberta_bucket/i32.json", Operation::DebertaBucket);
    file.group("basic", buckets(256, 512, "distance", "bucket"), Dtype::I32).test(
        "linear",
        "distances up to 128 are their own buckets",
        &["basic"],
        at(&[0, 1, 127, 128], &[0]),
    );
    let sizes = [(256, 512), (256, 2048), (32, 128), (7, 8), (4, 5), (64, 34)];
    for (size, most) in sizes {
        for clamp in ["distance", "index"] {
            for form in ["bucket", "index"] {
                let name = format!("{size}-{most}-{clamp}-{form}");
                let mid = size / 2;
                let group = file.group(name, buckets(size, most, clamp, form), Dtype::I32).test(
                    "ends",
                    format!("around 0, around the linear part's end {mid} and around {most}"),
                    &["log-bucket", "relative-direction"],
                    at(&around(&[0, mid, most - 1, most, 2 * most]), &[0]),
                );
                every(group, (mid, most));
            }
        }
    }
    file.group("far", buckets(256, 512, "distance", "index"), Dtype::I32).test(
        "beyond-32-bits",
        "distances of 2^40 and more share the last rows",
        &["log-bucket", "position-integer"],
        at(&[0, 1 << 40], &[-(1 << 40), 1 << 41]),
    );
    file
}

/// All distances of the logarithmic part, thinned out where there are many.
fn every(group: &mut GroupPlan, (mid, most): (i64, i64)) {
    let step = ((most - mid) / 96).max(1);
    let list: Vec<i64> = (mid..most).step_by(step as usize).collect();
    group.test(
        "logarithmic-part",
        "the steps of the logarithm, rounded up",
        &["log-bucket"],
        at(&list, &[0]),
    );
}

fn temperature(dtype: Dtype) -> FilePlan {
    let path = format!("attention_temperature/{dtype}.json");
    let mut file = FilePlan::new(path, Operation::AttentionTemperature);
    let at = |list: &[i64]| Input::new().with("positions", flat(list));
    file.group("basic", Object::default(), dtype).test(
        "first-steps",
        "Llama 4: 1 up to 8190, 1 + 0.1 ln 2 from 8191 on",
        &["basic"],
        at(&[0, 8190, 8191]),
    );
    let rules: [(&str, &str, &str, i64, i64); 6] = [
        ("llama-4", "Llama 4's defaults", "{}", 8192, 1),
        ("mistral", "Mistral: no offset", r#"{"floor_scale":16384,"offset":0}"#, 16384, 0),
        ("step-1", "a step at every position", r#"{"floor_scale":1}"#, 1, 1),
        ("half", "a weight of 1/2", r#"{"attn_scale":0.5,"floor_scale":64}"#, 64, 1),
        ("negative", "a weight below 0", r#"{"attn_scale":-0.25,"floor_scale":64}"#, 64, 1),
        ("zero", "a weight of 0: the scale is 1", r#"{"attn_scale":0,"floor_scale":64}"#, 64, 1),
    ];
    for (name, what, config, floor, offset) in rules {
        file.group(name, parsed(config), dtype)
            .test(
                "steps",
                format!("{what}: the last position before each step and the first after it"),
                &["temperature", "negative-position"],
                at(&[1, 2, 3, 4, 16]
                    .map(|k| [k * floor - offset - 1, k * floor - offset])
                    .concat()),
            )
            .test(
                "far",
                format!("{what}: at 131071, 10485759 and 2^40"),
                &["temperature", "long-position", "position-integer", "rounding"],
                at(&[0, 131071, 10485759, 1 << 40]),
            );
    }
    file
}
