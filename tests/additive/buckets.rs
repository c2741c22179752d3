//! Relative positions in buckets: T5, Shaw, DeBERTa.

use crate::ask::{ask, integers, rejects, tensor};
use proptest::prelude::*;
use rug::Integer;
use rug::ops::Pow;
use serde_json::{Value, json};

fn t5(buckets: i64, distance: i64, bidirectional: bool, keys: &[i64]) -> Vec<i64> {
    let config = json!({"num_buckets": buckets, "max_distance": distance,
                        "bidirectional": bidirectional});
    let input = json!({"query_positions": [0], "key_positions": keys});
    integers(&ask("t5_bucket", "i32", config, input), "bucket")
}

#[test]
fn t5_buckets_of_the_literature() {
    // First distance of every bucket beyond the linear ones.
    let firsts: [(i64, i64, bool, i64, &[i64]); 4] = [
        (32, 128, true, 8, &[8, 12, 16, 23, 32, 46, 64, 91]),
        (32, 128, false, 16, &[16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]),
        (32, 256, true, 8, &[8, 13, 20, 30, 46, 70, 108, 166]),
        (
            32,
            256,
            false,
            16,
            &[16, 20, 23, 27, 32, 39, 46, 54, 64, 77, 91, 108, 128, 153, 182, 216],
        ),
    ];
    for (buckets, distance, bidirectional, linear, firsts) in firsts {
        let keys: Vec<i64> = (0..=300).map(|n: i64| -n).collect();
        let want = |n: i64| match n < linear {
            true => n,
            false => linear - 1 + firsts.iter().filter(|first| **first <= n).count() as i64,
        };
        let got = t5(buckets, distance, bidirectional, &keys);
        assert_eq!(got, (0..=300).map(want).collect::<Vec<_>>(), "({buckets}, {distance})");
        // A key after the query: the upper half, or bucket 0.
        let after: Vec<i64> = (1..=300).collect();
        let shift = |n: i64| if bidirectional { want(n) + 16 } else { 0 };
        assert_eq!(
            t5(buckets, distance, bidirectional, &after),
            after.iter().map(|n| shift(*n)).collect::<Vec<_>>()
        );
    }
    let samples = [-200, -128, -20, -8, -7, -1, 0, 1, 7, 8, 20, 200];
    assert_eq!(t5(32, 128, true, &samples), [15, 15, 10, 8, 7, 1, 0, 17, 23, 24, 26, 31]);
    let samples = [-200, -128, -20, -16, -15, -1, 0, 1, 200];
    assert_eq!(t5(32, 128, false, &samples), [31, 31, 17, 16, 15, 1, 0, 0, 0]);
}

fn relative(operation: &str, config: Value, queries: &[i64], keys: &[i64]) -> Value {
    ask(operation, "i32", config, json!({"query_positions": queries, "key_positions": keys}))
}

#[test]
fn shaw_in_both_directions() {
    // clip(j − i, −2, 2) + 2. Query 0: 0, 1, 2, 3, 4 → 2, 3, 4, 4, 4. Query 4: −4 … 0.
    let clipped = json!({"form": "key_minus_query", "max_relative_position": 2});
    let reply = relative("shaw_bucket", clipped, &[0, 4], &[0, 1, 2, 3, 4]);
    assert_eq!(tensor(&reply, "bucket").1, [2, 5]);
    assert_eq!(integers(&reply, "bucket"), [2, 3, 4, 4, 4, 0, 0, 0, 1, 2]);
    // i − j + 5 − 1: the other way round, and nine rows.
    let other = json!({"form": "query_minus_key", "max_position_embeddings": 5});
    let reply = relative("shaw_bucket", other, &[0, 4], &[0, 1, 2, 3, 4]);
    assert_eq!(integers(&reply, "bucket"), [4, 3, 2, 1, 0, 8, 7, 6, 5, 4]);
    // K = 0 has one row; the widest distance there is does not overflow.
    let one = json!({"form": "key_minus_query", "max_relative_position": 0});
    let input = json!({"query_positions": ["-4611686018427387904"],
                       "key_positions": ["4611686018427387904", 0]});
    assert_eq!(integers(&ask("shaw_bucket", "i32", one, input), "bucket"), [0, 0]);
}

#[test]
fn every_refusal_of_shaw() {
    let ask = |config: Value, queries: &[i64]| relative("shaw_bucket", config, queries, &[0, 3]);
    let clipped = |key: &str| json!({"form": "key_minus_query", key: 2});
    let whole = |key: &str| json!({"form": "query_minus_key", key: 4});
    rejects(&ask(json!({}), &[0]), "missing_key", &["form"]);
    rejects(
        &ask(json!({"form": "key_minus_query"}), &[0]),
        "missing_key",
        &["max_relative_position"],
    );
    rejects(
        &ask(json!({"form": "query_minus_key"}), &[0]),
        "missing_key",
        &["max_position_embeddings"],
    );
    rejects(
        &ask(clipped("max_position_embeddings"), &[0]),
        "unused_key",
        &["max_position_embeddings", "key_minus_query"],
    );
    rejects(
        &ask(whole("max_relative_position"), &[0]),
        "unused_key",
        &["max_relative_position", "query_minus_key"],
    );
    rejects(&ask(clipped("window"), &[0]), "unknown_key", &["window"]);
    let negative = json!({"form": "key_minus_query", "max_relative_position": -1});
    rejects(&ask(negative, &[0]), "invalid_value", &["max_relative_position is -1", "from 0"]);
    // Rows 0 … 6: query 4 and key 0 would have row 7, query −1 and key 3 row −1.
    let whole = whole("max_position_embeddings");
    rejects(
        &ask(whole.clone(), &[4]),
        "position_out_of_range",
        &["query 4", "key 0", "row 7", "0 to 6"],
    );
    rejects(
        &ask(whole.clone(), &[0, -1]),
        "position_out_of_range",
        &["query -1", "key 3", "row -1"],
    );
    let dtype = crate::ask::ask(
        "shaw_bucket",
        "i64",
        whole,
        json!({"query_positions": [], "key_positions": []}),
    );
    rejects(&dtype, "dtype_mismatch", &["i64", "i32"]);
    let extra = crate::ask::ask(
        "shaw_bucket",
        "i32",
        clipped("max_relative_position"),
        json!({"positions": []}),
    );
    rejects(&extra, "unused_input", &["positions", "query_positions"]);
}

fn deberta(size: i64, most: i64, clamp: &str, form: &str, distances: &[i64]) -> Vec<i64> {
    let config = json!({"bucket_size": size, "max_position": most, "clamp": clamp, "form": form});
    integers(&relative("deberta_bucket", config, distances, &[0]), "bucket")
}

#[test]
fn deberta_buckets_of_the_literature() {
    let distances = [0, 1, -1, 127, 128, 129, 130, 200, 256, 400, 511];
    let buckets = [0, 1, -1, 127, 128, 129, 130, 169, 192, 233, 255];
    for clamp in ["distance", "index"] {
        assert_eq!(deberta(256, 512, clamp, "bucket", &distances), buckets);
        let mirrored = distances.map(|d| -d);
        assert_eq!(deberta(256, 512, clamp, "bucket", &mirrored), buckets.map(|b| -b));
        let rows = buckets.map(|b| b + 256);
        assert_eq!(deberta(256, 512, clamp, "index", &distances), rows);
    }
    // 512 would be bucket 256, one past the table of 512 rows. Microsoft clamps the distance to
    // 511; Transformers the row to 0 … 511, which reaches row 0 on the other side.
    let far = [512, 600, 1 << 50, -512, -600, -(1 << 50)];
    assert_eq!(deberta(256, 512, "distance", "index", &far), [511, 511, 511, 1, 1, 1]);
    assert_eq!(deberta(256, 512, "index", "index", &far), [511, 511, 511, 0, 0, 0]);
}

/// The definition with logarithms, if they are not too near to an integer for f64.
fn deberta_by_logarithms(size: i64, most: i64, n: i64) -> Option<i64> {
    let mid = size / 2;
    if n <= mid {
        return Some(n);
    }
    let x = (n as f64 / mid as f64).ln() / ((most - 1) as f64 / mid as f64).ln() * (mid - 1) as f64;
    ((x - x.round()).abs() > 1e-9).then_some(x.ceil() as i64 + mid)
}

/// Whether n is within bucket mid + k, by whole powers.
fn deberta_by_powers(size: i64, most: i64, n: i64, k: u32) -> bool {
    let mid = (size / 2) as u32;
    let power = |base: i64, exponent: u32| Integer::from(base).pow(exponent);
    power(n, mid - 1) * power(mid as i64, k) <= power(most - 1, k) * power(mid as i64, mid - 1)
}

#[test]
fn every_refusal_of_deberta() {
    let with = |key: &str, value: Value| {
        let mut config = json!({"bucket_size": 256, "max_position": 512, "clamp": "index",
                                "form": "bucket"});
        match value {
            Value::Null => {
                config.as_object_mut().unwrap().remove(key);
            }
            value => config[key] = value,
        }
        relative("deberta_bucket", config, &[0], &[0])
    };
    rejects(&with("clamp", Value::Null), "missing_key", &["clamp", "distance, index"]);
    rejects(&with("form", json!("row")), "invalid_value", &["row", "bucket, index"]);
    rejects(&with("bucket_size", json!(3)), "invalid_value", &["bucket_size is 3", "from 4"]);
    // ln((129 − 1)/128) = 0 would be the divisor.
    rejects(
        &with("max_position", json!(129)),
        "invalid_value",
        &["max_position is 129", "more than", "129"],
    );
    rejects(&with("max_distance", json!(1)), "unused_key", &["max_distance", "max_position"]);
    rejects(&with("buckets", json!(1)), "unknown_key", &["buckets"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// DeBERTa's buckets against logarithms away from the boundaries and whole powers at them, and
    /// monotone, odd, and within the table everywhere.
    #[test]
    fn deberta_against_two_definitions(size in 4i64..80, over in 2i64..4000) {
        let most = size / 2 + over;
        let distances: Vec<i64> = (0..most).collect();
        let got = deberta(size, most, "distance", "bucket", &distances);
        let mid = size / 2;
        for (n, bucket) in distances.iter().zip(&got) {
            match deberta_by_logarithms(size, most, *n) {
                Some(want) => prop_assert_eq!(*bucket, want, "{}", n),
                None => {
                    let k = (*bucket - mid) as u32;
                    prop_assert!(deberta_by_powers(size, most, *n, k));
                    prop_assert!(k == 0 || !deberta_by_powers(size, most, *n, k - 1));
                }
            }
        }
        prop_assert!(got.is_sorted());
        prop_assert_eq!(got.last(), Some(&(2 * mid - 1)));
        let around: Vec<i64> = (-2 * most..2 * most).collect();
        let rows = deberta(size, most, "index", "index", &around);
        prop_assert!(rows.is_sorted());
        prop_assert!(rows.iter().all(|row| (0..2 * size).contains(row)));
    }

    /// T5's buckets against logarithms away from the boundaries and whole powers at them.
    #[test]
    fn t5_against_two_definitions(buckets in 2i64..60, over in 1i64..4000) {
        let exact = buckets / 2;
        let most = exact + over;
        let keys: Vec<i64> = (0..most + 3).map(|n| -n).collect();
        let got = t5(buckets, most, false, &keys);
        let spread = (buckets - exact) as u32;
        let power = |base: i64, exponent: u32| Integer::from(base).pow(exponent);
        let reaches = |n: i64, k: i64| {
            power(n, spread) * power(exact, k as u32) >= power(most, k as u32) * power(exact, spread)
        };
        for (n, bucket) in got.iter().enumerate() {
            let n = n as i64;
            if n < exact {
                prop_assert_eq!(*bucket, n);
                continue;
            }
            let x = (n as f64 / exact as f64).ln() / (most as f64 / exact as f64).ln() * spread as f64;
            let k = *bucket - exact;
            if (x - x.round()).abs() > 1e-9 {
                prop_assert_eq!(*bucket, (exact + x.floor() as i64).min(buckets - 1), "{}", n);
            } else {
                prop_assert!(k == 0 || reaches(n, k), "{}", n);
                prop_assert!(k == i64::from(spread) - 1 || !reaches(n, k + 1), "{}", n);
            }
        }
    }

    /// The clipped rows depend on the distance alone, and turning a pair round mirrors the row.
    #[test]
    fn shaw_is_a_function_of_the_distance(
        furthest in 0i64..50, i in -200i64..200, j in -200i64..200, shift in -(1i64 << 40)..(1 << 40),
    ) {
        let config = json!({"form": "key_minus_query", "max_relative_position": furthest});
        let row = |i: i64, j: i64| integers(&relative("shaw_bucket", config.clone(), &[i], &[j]), "bucket")[0];
        prop_assert_eq!(row(i, j), row(i + shift, j + shift));
        prop_assert_eq!(row(i, j) + row(j, i), 2 * furthest);
        prop_assert_eq!(row(i, j), furthest + (j - i).max(-furthest).min(furthest));
    }
}
