//! Attention temperature, Transformer-XL's sinusoid, RoFormer's rotated values.

use super::within_ulps;
use crate::ask::{ask, doubles, rejects, tensor};
use ropewalk::encoding::Question;
use ropewalk::exact::{self, Proof};
use ropewalk::number::Format;
use ropewalk::request::Request;
use serde_json::{Value, json};

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
    assert_eq!(at(json!({"attn_scale": 1e-300}), json!(8191)), 1.0);
    assert_eq!(at(json!({"attn_scale": 1.7e308}), furthest), f64::INFINITY);
}

#[test]
fn scales_are_proved_not_isolated() {
    // ⌊·⌋ = 0 gives 1; a non-zero rational multiple of ln 2, plus 1, is transcendental, also where
    // the multiple is too small to be seen: then the residual is not zero.
    for (attn_scale, least) in [("0.1", 1e-3), ("1e-300", 0.0)] {
        let line = format!(
            r#"{{"cmd":"run","id":"t","operation":"attention_temperature","dtype":"f64",
                "config":{{"attn_scale":{attn_scale}}},"input":{{"positions":[0,8191]}}}}"#
        );
        let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
        let mut proofs = Vec::new();
        exact::visit(&question, &mut |_, value| {
            proofs.push(value.proof());
            Ok(())
        })
        .unwrap();
        assert_eq!(proofs, [Proof::Rational, Proof::Transcendental]);
        let residual = exact::answer(&question).unwrap().tensors[0].residual.clone().unwrap();
        let residuals: Vec<f64> = residual.data().iter().map(|&r| Format::F16.to_f64(r)).collect();
        assert_eq!(residuals[0], 0.0);
        assert!(residuals[1].abs() > least, "{residuals:?}");
    }
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
