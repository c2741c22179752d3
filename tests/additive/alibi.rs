//! ALiBi: slopes, forms, and what libraries add to them.

use super::within_ulps;
use crate::ask::{ask, doubles, integers, rejects, tensor};
use proptest::prelude::*;
use ropewalk::encoding::Question;
use ropewalk::exact::{self, Proof};
use ropewalk::request::Request;
use serde_json::{Value, json};

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
    // .7071067812 .3535533906 .1767766953 .08838834765
    let root = std::f64::consts::FRAC_1_SQRT_2;
    assert_eq!(twelve[8..], [root, root / 2.0, root / 4.0, root / 8.0]);
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
fn a_bias_is_decided_to_be_rational_or_not() {
    // Slopes 2^−4, 2^−8, 2^−2 of 3 heads, and 2^(−1/2) for the 9th of 12.
    let proofs = |heads: usize, head_dim: usize| {
        let line = format!(
            r#"{{"cmd":"run","id":"t","operation":"alibi_bias","dtype":"f32",
                "config":{{"num_heads":{heads},"slopes":"code","form":"key","head_dim":{head_dim}}},
                "input":{{"query_positions":[0],"key_positions":[0,3]}}}}"#
        );
        let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
        let mut proofs = Vec::new();
        exact::visit(&question, &mut |_, value| {
            proofs.push(value.proof());
            Ok(())
        })
        .unwrap();
        proofs
    };
    use Proof::{IrrationalAlgebraic as Root, Rational};
    assert_eq!(proofs(3, 64), [Rational; 6]);
    assert_eq!(proofs(3, 128), [Rational, Root].repeat(3));
    assert_eq!(proofs(12, 8)[14..18], [Rational, Root, Rational, Rational]);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

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
