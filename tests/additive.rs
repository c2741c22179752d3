//! Biases, relative buckets, temperatures and sinusoids: the values of the literature, the same
//! rules written another way, and every refusal once.

use crate::ask::{ask, doubles, integers, rejects, tensor};
use proptest::prelude::*;
use rug::Integer;
use rug::ops::Pow;
use serde_json::{Value, json};

/// At most so many ulp apart.
#[track_caller]
fn within_ulps(got: f64, want: f64, ulps: i64) {
    let apart = (got.to_bits() as i64).wrapping_sub(want.to_bits() as i64);
    assert!(got == want || (got * want > 0.0 && apart.abs() <= ulps), "{got} is not {want}");
}

fn slopes(config: Value) -> Vec<f64> {
    doubles(&ask("alibi_slopes", "f64", config, json!({})), "slopes")
}

/// The released code as it is written: a recursion over powers of two (Press et al.).
fn press(heads: usize) -> Vec<f64> {
    fn power_of_two(n: usize) -> Vec<f64> {
        let start = 2f64.powf(-8.0 / n as f64);
        (0..n as i32).map(|i| start * start.powi(i)).collect()
    }
    if heads.is_power_of_two() {
        return power_of_two(heads);
    }
    let lower = 1 << heads.ilog2();
    let mut all = power_of_two(lower);
    all.extend(press(2 * lower).into_iter().step_by(2).take(heads - lower));
    all
}

/// MPT's code: one list for the next power of two, its odd places before its even ones.
fn mpt(heads: usize, bias_max: f64) -> Vec<f64> {
    let next = heads.next_power_of_two();
    let list: Vec<f64> =
        (1..=next).map(|j| 2f64.powf(-(j as f64) * bias_max / next as f64)).collect();
    if next == heads {
        return list;
    }
    let odd = list.iter().skip(1).step_by(2);
    odd.chain(list.iter().step_by(2)).copied().take(heads).collect()
}

#[test]
fn slopes_of_the_literature() {
    let code = |heads: usize| slopes(json!({"num_heads": heads, "slopes": "code"}));
    let two = |exponents: &[i32]| exponents.iter().map(|e| 2f64.powi(*e)).collect::<Vec<_>>();
    assert_eq!(code(1), two(&[-8]));
    assert_eq!(code(2), two(&[-4, -8]));
    assert_eq!(code(3), two(&[-4, -8, -2]));
    assert_eq!(code(4), two(&[-2, -4, -6, -8]));
    assert_eq!(code(6), [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]);
    assert_eq!(code(8), two(&[-1, -2, -3, -4, -5, -6, -7, -8]));
    let twelve = code(12);
    assert_eq!(twelve[..8], code(8));
    for (got, halves) in twelve[8..].iter().zip([1, 3, 5, 7]) {
        let want = 0.5f64.powf(halves as f64 / 2.0);
        assert!((got - want).abs() < 5e-11, "{got}");
    }
    assert_eq!(code(16)[1], 0.5);
    for heads in (1..=16).chain([40, 71]) {
        let (ours, press) = (code(heads), press(heads));
        assert_eq!(ours.len(), heads);
        // Press multiplies up to 71 times in f64.
        ours.iter().zip(press).for_each(|(got, want)| within_ulps(*got, want, 80));
        ours.iter().zip(mpt(heads, 8.0)).for_each(|(got, want)| within_ulps(*got, want, 1));
        // Sharded heads take their part of the whole list, and eight is what no key means.
        let eight = json!({"num_heads": heads, "slopes": "code", "alibi_bias_max": 8});
        assert_eq!(slopes(eight), ours);
    }
}

#[test]
fn another_last_slope() {
    for (heads, bias_max) in [(8, 16), (12, 4), (40, 11), (71, 1)] {
        let config = json!({"num_heads": heads, "slopes": "code", "alibi_bias_max": bias_max});
        let want = mpt(heads, bias_max as f64);
        slopes(config).into_iter().zip(want).for_each(|(got, want)| within_ulps(got, want, 1));
    }
    // ggml's max_bias 0 leaves the mask as it is: every slope is 1.
    let zero = json!({"num_heads": 6, "slopes": "code", "alibi_bias_max": 0});
    assert_eq!(slopes(zero), [1.0; 6]);
    let paper = json!({"num_heads": 3, "slopes": "paper", "alibi_bias_max": 3});
    assert_eq!(slopes(paper), [0.5, 0.25, 0.125]);
}

fn bias(more: Value, queries: Value, keys: Value) -> Vec<f64> {
    let mut config = json!({"num_heads": 2, "slopes": "code"});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    let input = json!({"query_positions": queries, "key_positions": keys});
    doubles(&ask("alibi_bias", "f64", config, input), "bias")
}

#[test]
fn four_forms_of_the_bias() {
    // Slopes 1/16 and 1/256; queries 1 and 3, keys 0, 2, 3.
    let form = |name: &str| {
        let all = bias(json!({"form": name}), json!([1, 3]), json!([0, 2, 3]));
        // The second head has a sixteenth of the first.
        assert_eq!(all[..6].iter().map(|x| x / 16.0).collect::<Vec<_>>(), all[6..]);
        all[..6].iter().map(|x| x * 16.0).collect::<Vec<_>>()
    };
    assert_eq!(form("distance"), [-1.0, 1.0, 2.0, -3.0, -1.0, 0.0]); // j − i
    assert_eq!(form("key"), [0.0, 2.0, 3.0, 0.0, 2.0, 3.0]); // j
    assert_eq!(form("symmetric"), [-1.0, -1.0, -2.0, -3.0, -1.0, 0.0]); // −|i − j|
    assert_eq!(form("mpt"), [-3.0, -1.0, 0.0, -3.0, -1.0, 0.0]); // j − 3
    // The last key is the largest one given, wherever it stands; a decoding step sees all keys.
    assert_eq!(
        bias(json!({"form": "mpt"}), json!([19]), json!([7, 5, 6]))[..3],
        [0.0, -0.125, -0.0625]
    );
    assert_eq!(bias(json!({"form": "mpt"}), json!([0]), json!([])), [0.0; 0]);
}

#[test]
fn falcon_divides_by_the_root_of_head_dim() {
    // √64 = 8: slope 1/16 gives exactly 1/128 per position.
    let exact = bias(json!({"form": "key", "head_dim": 64}), json!([0]), json!([0, 1, 5]));
    assert_eq!(exact, [0.0, 1.0 / 128.0, 5.0 / 128.0, 0.0, 1.0 / 2048.0, 5.0 / 2048.0]);
    // √128 is irrational.
    let rounded = bias(json!({"form": "key", "head_dim": 128}), json!([0]), json!([3]));
    within_ulps(rounded[0], 3.0 / 16.0 / 128f64.sqrt(), 1);
    // Head 8 of 12 has slope 2^(−1/2); over √2 that is exactly ½ per position, and bf16, whose
    // numbers from 128 to 256 are whole, has ties: 128.5 and 129.5 go to the even 128 and 130.
    // 256.5 is nearer to 256 than to 258.
    let config = json!({"num_heads": 12, "slopes": "code", "form": "key", "head_dim": 2});
    let input = json!({"query_positions": [0], "key_positions": [257, 259, 513]});
    let (_, shape, bits) = tensor(&ask("alibi_bias", "bf16", config, input), "bias");
    assert_eq!(shape, [12, 1, 3]);
    // 128 = 4300; 129.5 → 130 = 4302; 256.5 → 256 = 4380.
    assert_eq!(bits[8 * 3..9 * 3], [0x4300, 0x4302, 0x4380]);
}

#[test]
fn bloom_counts_real_tokens() {
    // Two pads on the left: positions (cumsum − 1)·mask = 0, 0, 0, 1, 2, and the key form's row.
    let mask = json!({"dtype": "i32", "shape": [1, 5],
                      "bits": ["0000000000000000000000010000000100000001"]});
    let reply = ask("position_ids", "i64", json!({}), json!({"attention_mask": mask}));
    let positions = integers(&reply, "positions");
    assert_eq!(positions, [0, 0, 0, 1, 2]);
    let row = bias(json!({"form": "key"}), json!([0]), json!(positions));
    assert_eq!(row[..5], [0.0, 0.0, 0.0, 0.0625, 0.125]);
}

#[test]
fn every_refusal_of_alibi() {
    let ask = |config: Value| {
        ask("alibi_bias", "f32", config, json!({"query_positions": [0], "key_positions": [0]}))
    };
    let with = |key: &str, value: Value| {
        let mut config = json!({"num_heads": 2, "slopes": "code", "form": "key"});
        config[key] = value;
        ask(config)
    };
    rejects(&with("alibi_bias_max", json!(8.5)), "invalid_value", &["alibi_bias_max is 8.5"]);
    rejects(&with("alibi_bias_max", json!(-1)), "invalid_value", &["alibi_bias_max is -1"]);
    rejects(&with("head_dim", json!(0)), "invalid_value", &["head_dim is 0", "from 1"]);
    rejects(&with("form", json!("falcon")), "invalid_value", &["falcon", "symmetric, mpt"]);
    rejects(&with("rope_theta", json!(1)), "unused_key", &["rope_theta", "alibi_bias_max"]);
    rejects(&ask(json!({"num_heads": 2, "slopes": "code"})), "missing_key", &["form"]);
    let slopes = |config: Value| crate::ask::ask("alibi_slopes", "f32", config, json!({}));
    let unused = slopes(json!({"num_heads": 2, "slopes": "code", "head_dim": 64}));
    rejects(&unused, "unused_key", &["head_dim", "alibi_slopes"]);
}

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

fn scale(dtype: &str, config: Value, positions: Value) -> Value {
    ask("attention_temperature", dtype, config, json!({"positions": positions}))
}

#[test]
fn temperatures_of_the_literature() {
    // 1 + 0.1·ln(1 + ⌊(p + 1)/8192⌋): 1 up to 8190; ln 2 from 8191; ln 17 at 131071.
    let reply = scale("f64", json!({}), json!([-1, 0, 8190, 8191, 16382, 16383, 131071]));
    let got = doubles(&reply, "scale");
    assert_eq!(got[..3], [1.0; 3]);
    for (got, n) in got[3..].iter().zip([2f64, 2.0, 3.0, 17.0]) {
        within_ulps(*got, 1.0 + 0.1 * n.ln(), 1);
    }
    assert_eq!(format!("{:.8} {:.8}", got[3], got[6]), "1.06931472 1.28332133");
    // What the defaults say is what the keys say.
    let spelt = json!({"attn_scale": 0.1, "floor_scale": 8192, "offset": 1});
    assert_eq!(doubles(&scale("f64", spelt, json!([8191])), "scale")[0], got[3]);
    // Mistral steps one position later, and by its own window.
    let mistral = json!({"attn_scale": 0.1, "floor_scale": 16384, "offset": 0});
    let got = doubles(&scale("f64", mistral, json!([16383, 16384, 32768])), "scale");
    assert_eq!(got[0], 1.0);
    within_ulps(got[1], 1.0 + 0.1 * 2f64.ln(), 1);
    within_ulps(got[2], 1.0 + 0.1 * 3f64.ln(), 1);
}

#[test]
fn temperatures_at_the_ends() {
    let at = |config: Value, position: Value| {
        doubles(&scale("f64", config, json!([position])), "scale")[0]
    };
    let furthest = json!("4611686018427387904");
    // 62·ln 2 and a little.
    let steep = json!({"attn_scale": -1, "floor_scale": 1});
    within_ulps(at(steep, furthest.clone()), 1.0 - 62.0 * std::f64::consts::LN_2, 2);
    assert_eq!(at(json!({"attn_scale": 0}), furthest.clone()), 1.0);
    // Too small to see, and no tie: the residual says so.
    let tiny = json!({"attn_scale": 1e-300});
    assert_eq!(at(tiny, json!(8191)), 1.0);
    assert_eq!(at(json!({"attn_scale": 1.7e308}), furthest), f64::INFINITY);
}

#[test]
fn every_refusal_of_temperature() {
    let at = |config: Value, positions: Value| scale("f32", config, positions);
    rejects(
        &at(json!({}), json!([0, -2])),
        "position_out_of_range",
        &["-2", "below -1", "logarithm"],
    );
    rejects(&at(json!({"offset": 0}), json!([-1])), "position_out_of_range", &["-1", "below 0"]);
    rejects(
        &at(json!({"offset": 2}), json!([0])),
        "invalid_value",
        &["offset is 2", "from 0 to 1"],
    );
    rejects(&at(json!({"floor_scale": 0}), json!([0])), "invalid_value", &["floor_scale is 0"]);
    rejects(
        &at(json!({"floor_scale": 8192.0}), json!([0])),
        "invalid_value",
        &["floor_scale is 8192.0"],
    );
    rejects(
        &at(json!({"attn_scale": "0.1"}), json!([0])),
        "invalid_value",
        &["attn_scale", "any finite"],
    );
    rejects(&at(json!({"beta": 1}), json!([0])), "unknown_key", &["beta", "attn_scale"]);
    rejects(&at(json!({}), json!([[0]])), "shape_mismatch", &["positions"]);
    rejects(&scale("i32", json!({}), json!([0])), "dtype_mismatch", &["i32"]);
}

#[test]
fn transformer_xl_is_a_sinusoid() {
    // r = [sin(pω) | cos(pω)], ω = 10000^(−2k/d), positions from the furthest to the nearest.
    let config =
        json!({"dim": 6, "layout": "concatenated", "divisor": "half", "order": "sin_first"});
    let reply = ask("sinusoidal", "f64", config, json!({"positions": [3, 2, 1, 0]}));
    let got = doubles(&reply, "embedding");
    for (row, p) in [3.0, 2.0, 1.0, 0.0f64].into_iter().enumerate() {
        let angles = [0.0, 2.0, 4.0].map(|k: f64| p / 10000f64.powf(k / 6.0));
        let want = angles.map(f64::sin).into_iter().chain(angles.map(f64::cos));
        got[6 * row..].iter().zip(want).for_each(|(got, want)| within_ulps(*got, want, 4));
    }
    assert_eq!(got[18..], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
}

#[test]
fn values_turn_like_queries() {
    // RoFormer's rotary_value: what a rope does to v is what it does to a q, or to a k.
    let config = json!({"head_dim": 4, "layout": "interleaved", "rope_theta": 10000.0});
    let (v, k) = (
        "3ff000000000000040000000000000004008000000000000c010000000000000",
        "bff000000000000040000000000000003fe00000000000004014000000000000",
    );
    let tensor_of = |bits: &str| json!({"dtype": "f64", "shape": [1, 1, 1, 4], "bits": [bits]});
    let input =
        |q: &str, k: &str| json!({"q": tensor_of(q), "k": tensor_of(k), "positions": [[5]]});
    let one = ask("rotate", "f64", config.clone(), input(v, k));
    let other = ask("rotate", "f64", config, input(k, v));
    assert_eq!(tensor(&one, "q"), tensor(&other, "k"));
    assert_eq!(tensor(&one, "k"), tensor(&other, "q"));
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

    /// MPT's form is the key form less a constant per head, and ALiBi is linear in the distance.
    #[test]
    fn forms_differ_by_a_constant(keys in prop::collection::vec(-999i64..999, 1..6), query in -9i64..9) {
        let form = |name: &str| bias(json!({"form": name}), json!([query]), json!(keys));
        let (key, mpt, distance) = (form("key"), form("mpt"), form("distance"));
        let last = *keys.iter().max().unwrap() as f64;
        for (place, slope) in [(0, 1.0 / 16.0), (keys.len(), 1.0 / 256.0)] {
            for offset in 0..keys.len() {
                prop_assert_eq!(key[place + offset] - mpt[place + offset], slope * last);
                prop_assert_eq!(key[place + offset] - distance[place + offset], slope * query as f64);
            }
        }
    }
}
