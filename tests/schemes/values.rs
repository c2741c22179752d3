//! Values that can be checked by hand: plain rotations, embeddings, bit patterns, slopes in bf16.

use super::{flat, list_rounds_to, rounds_to, spectrum};
use crate::ask::{ask, doubles, tensor};
use ropewalk::encoding::Question;
use ropewalk::request::Request;
use serde_json::{Value, json};

/// 1, 2, 3, 4 turned by ω = 1 and 0.01, in both layouts, at four positions.
#[test]
fn one_two_three_four() {
    let x = json!({"dtype": "f64", "shape": [1, 1, 1, 4], "bits":
        ["3ff0000000000000400000000000000040080000000000004010000000000000"]});
    for (layout, p, printed) in [
        ("interleaved", 0, "1.0 2.0 3.0 4.0"),
        ("half", 0, "1.0 2.0 3.0 4.0"),
        ("interleaved", 1, "-1.142639664 1.922075597 2.959850668 4.029799502"),
        ("half", 1, "-1.984110649 1.959900667 2.462377902 4.019799668"),
        ("interleaved", 2, "-2.234741690 0.077003754 2.919405353 4.059196027"),
        ("half", 2, "-3.144039117 1.919605347 -0.339143083 4.039197360"),
        ("interleaved", 100, "1.875050155 1.218272103 -1.744977022 4.685622178"),
        ("half", 100, "2.381415796 -2.285279327 2.080590976 3.844151193"),
    ] {
        let config = json!({"head_dim": 4, "layout": layout, "rope_theta": 10000});
        let reply = ask("rotate", "f64", config, json!({"q": x, "positions": [[p]]}));
        list_rounds_to(&doubles(&reply, "q"), 0, printed);
    }
}

/// Sinusoids between bounds: tensor2tensor's smallest timescale multiplies, π0's periods are in
/// geometric progression from the shortest to the longest.
#[test]
fn sinusoids_between_bounds() {
    let row = |more: serde_json::Value, p: serde_json::Value| {
        let mut config = json!({"dim": 6, "layout": "concatenated", "divisor": "half_minus_one",
                                "order": "sin_first"});
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        ask("sinusoidal", "f64", config, json!({"positions": [p]}))
    };
    let close = |reply: &serde_json::Value, angles: [f64; 3]| {
        let list = doubles(reply, "embedding");
        for (k, angle) in angles.into_iter().enumerate() {
            assert!(
                (list[k] - angle.sin()).abs() < 1e-15 && (list[k + 3] - angle.cos()).abs() < 1e-15
            );
        }
    };
    close(&row(json!({"min_timescale": 2, "base": 8}), json!(1)), [2.0, 1.0, 0.5]);
    let pi0 = json!({"min_period": 0.5, "max_period": 8});
    let tau = std::f64::consts::TAU;
    close(&row(pi0.clone(), json!("1/8")), [tau / 4.0, tau / 16.0, tau / 64.0]);
    let plain = row(json!({}), json!("1/8"));
    assert!(plain["rejected"].as_str().unwrap().starts_with("malformed_position"), "{plain}");
    for (key, value) in [("base", 10000), ("min_timescale", 1)] {
        let mut both = pi0.clone();
        both[key] = json!(value);
        let reply = row(both, json!(1));
        assert!(reply["rejected"].as_str().unwrap().starts_with("unused_key: key"), "{reply}");
    }
    let one = row(json!({"max_period": 8}), json!(1));
    assert!(one["rejected"].as_str().unwrap().starts_with("missing_key: key min_period"), "{one}");
}

/// Vaswani's embedding and tensor2tensor's, which is no permutation of it.
#[test]
fn sinusoids_of_width_8() {
    let embed = |layout: &str, divisor: &str, p: i64| {
        let config = json!({"dim": 8, "layout": layout, "divisor": divisor, "order": "sin_first"});
        doubles(&ask("sinusoidal", "f64", config, json!({"positions": [p]})), "embedding")
    };
    for (p, vaswani, t2t) in [
        (
            1,
            ".8414709848 .5403023059 .0998334166 .9950041653 .0099998333 .9999500004 .0009999998 \
             .9999995000",
            ".8414709848 .0463992235 .0021544330 .0001000000 .5403023059 .9989229760 .9999976792 \
             .9999999950",
        ),
        (
            2,
            ".9092974268 -.4161468365 .1986693308 .9800665778 .0199986667 .9998000067 .0019999987 \
             .9999980000",
            ".9092974268 .0926985008 .0043088560 .0002000000 -.4161468365 .9956942241 .9999907168 \
             .9999999800",
        ),
    ] {
        list_rounds_to(&embed("interleaved", "half", p), 0, vaswani);
        list_rounds_to(&embed("concatenated", "half_minus_one", p), 0, t2t);
    }
    assert_eq!(embed("interleaved", "half", 0), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(embed("concatenated", "half_minus_one", 0), [0., 0., 0., 0., 1., 1., 1., 1.]);
}

/// inv_freq in f32, correctly rounded, where libraries are an ulp off at the marked places.
#[test]
fn bit_patterns_of_frequencies() {
    let places = [1, 2, 31, 32, 62, 63];
    for (theta, bits) in [
        (1e4, [0x3f5dafd7, 0x3f3ff911, 0x3c3d3311, 0x3c23d70a, 0x390bd472, 0x38f22ce3]),
        (5e5, [0x3f508ac1, 0x3f29e1c5, 0x3ae38c10, 0x3ab95d22, 0x364a41b0, 0x3624c2ff]),
        (1e6, [0x3f4e4bac, 0x3f263de0, 0x3aa2a6f6, 0x3a83126f, 0x35ceaf79, 0x35a68e4c]),
        (1.5e5, [0x3f548094, 0x3f306535, 0x3b4bd99a, 0x3b293696, 0x372252d3, 0x3706be1e]),
    ] {
        let reply = ask("inv_freq", "f32", flat(128, theta, "default", json!({})), json!({}));
        let (_, _, all) = tensor(&reply, "inv_freq");
        assert_eq!(places.map(|i| all[i]), bits, "{theta}");
    }
    let plain = json!({"head_dim": 2, "layout": "half", "rope_theta": 10000});
    let reply = ask("table", "bf16", plain, json!({"positions": [1000]}));
    // bf16(cos 1000) = 0.5625, bf16(sin 1000) = 0.828125.
    assert_eq!((tensor(&reply, "cos").2, tensor(&reply, "sin").2), (vec![0x3f10], vec![0x3f54]));
}

/// DeepSeek's softmax factors and the scales that follow from them.
#[test]
fn softmax_factors_of_deepseek() {
    let factor = |mscale: f64| {
        let more = json!({"factor": 40, "original_max_position_embeddings": 4096,
                          "mscale": mscale, "mscale_all_dim": mscale});
        spectrum(flat(64, 1e4, "yarn", more), None).2
    };
    rounds_to(factor(0.707), "1.589626165");
    rounds_to(factor(0.707).sqrt(), "1.2608037774");
    rounds_to(factor(1.0) / 192f64.sqrt(), "0.1352337789");
}

/// Falcon casts slopes to bf16 first: .70703125 .353515625 .1767578125 .08837890625.
#[test]
fn slopes_of_twelve_heads_in_bf16() {
    let config = json!({"num_heads": 12, "slopes": "code"});
    let (_, _, bits) = tensor(&ask("alibi_slopes", "bf16", config, json!({})), "slopes");
    let value = |bits: &u64| f32::from_bits((*bits as u32) << 16);
    let last: Vec<f32> = bits[8..].iter().map(value).collect();
    // 181/256 and its halves: exact in bf16.
    assert_eq!(last, [1.0, 2.0, 4.0, 8.0].map(|n| 181.0 / 256.0 / n));
}

/// B(m) = Σ cos(m·base^(−2i/128)) of Men et al., as a score of ones.
#[test]
fn sums_of_cosines() {
    let config: Value = flat(128, 1e4, "default", json!({}));
    let ones =
        json!({"dtype": "f64", "shape": [1, 1, 1, 128], "bits": ["3ff0000000000000".repeat(128)]});
    for (m, printed) in [
        (0, "64.0"),
        (1, "62.093684"),
        (10, "42.820023"),
        (100, "30.543455"),
        (1000, "10.177728"),
        (2048, "7.634171"),
        (4096, "-3.382614"),
    ] {
        let input = json!({"q": ones, "k": ones, "query_positions": [[m]], "key_positions": [[0]]});
        let score = doubles(&ask("score", "f64", config.clone(), input), "score")[0];
        rounds_to(score / 2.0, printed);
    }
}

/// What the reference says to a request of one line, tensor by tensor.
fn answered(operation: &str, dtype: &str, config: &str, input: &str) -> Vec<Vec<f64>> {
    let line = format!(
        r#"{{"cmd":"run","id":"a","operation":"{operation}","dtype":"{dtype}","config":{config},"input":{input}}}"#
    );
    let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
    let answer = ropewalk::exact::answer(&question).unwrap_or_else(|e| panic!("{e}: {line}"));
    let format = question.dtype.format().unwrap();
    let values =
        |t: &ropewalk::exact::Named| t.expected.data().iter().map(|&b| format.to_f64(b)).collect();
    answer.tensors.iter().map(values).collect()
}

fn bits(values: &[f64]) -> String {
    values.iter().map(|x| format!("{:016x}", x.to_bits())).collect()
}

/// Where π times a rational has parts beyond machine integers, cos and sin are as rational as ever.
#[test]
fn pixels_of_any_frequency_are_decided() {
    // Planes π and π·2^k on each axis: whole turns, and whole quarters at x = a/2^(k + 1).
    for k in [10, 126, 127, 128, 200, 1000] {
        let config = format!(
            r#"{{"head_dim":8,"layout":"half","rope_type":"pixel","max_freq":{:e}}}"#,
            2f64.powi(k + 1)
        );
        let table = |positions: &str| {
            answered("table", "f64", &config, &format!(r#"{{"positions":{positions}}}"#))
        };
        let got = table(r#"[["1","1/2"],["1","1/2"]]"#);
        assert_eq!(got[0], [-1.0, 1.0, -1.0, 1.0, 0.0, 1.0, 0.0, 1.0], "{k}");
        assert_eq!(got[1], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0], "{k}");
        // A third of a turn: cos is ±1/2, exactly.
        let got = table(r#"[["1/3"],["2/3"]]"#);
        assert!(got[0].iter().all(|x| x.abs() == 0.5), "{k} {got:?}");
    }
}

/// cos φ + cos(π − φ) = 0 for angles of any order: a sum of two axes that nothing encloses.
#[test]
fn scores_at_rational_turns_are_decided() {
    let config = r#"{"head_dim":4,"layout":"half","rope_type":"pixel","max_freq":2}"#;
    for (a, b) in [(1i64, 7i64), (1, 99_991), (3, (1 << 60) - 93), (1, 1 << 62)] {
        let input = |x: &str| {
            let one = format!(
                r#"{{"dtype":"f64","shape":[1,1,1,4],"bits":["{}"]}}"#,
                bits(&[1.0, 1.0, 0.0, 0.0])
            );
            format!(
                r#"{{"q":{one},"k":{one},"query_positions":[[["{a}/{b}"]],[["{x}"]]],"key_positions":[[[0]],[[0]]]}}"#
            )
        };
        let got = answered("score", "f64", config, &input(&format!("{}/{b}", b - a)));
        assert_eq!(got, [[0.0]], "{a}/{b}");
        let got = answered("score", "f64", config, &input(&format!("{a}/{b}")));
        assert!(got[0][0] != 0.0);
    }
}

/// With base 1 all planes of xPos turn alike, and their growths can cancel; what passes by remains.
#[test]
fn growths_of_one_angle_are_decided() {
    // r = 10: growths (2/7)^(1/512), (3/7)^(1/512), …, 6/7.
    let config = r#"{"head_dim":12,"rotary_dim":10,"layout":"interleaved","rope_theta":1,"rope_type":"xpos"}"#;
    let score = |q: [f64; 12], delta: i64| {
        let key = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        let tensor =
            |x: &[f64]| format!(r#"{{"dtype":"f64","shape":[1,1,1,12],"bits":["{}"]}}"#, bits(x));
        let input = format!(
            r#"{{"q":{},"k":{},"query_positions":[["{delta}"]],"key_positions":[[0]]}}"#,
            tensor(&q),
            tensor(&key)
        );
        answered("score", "f32", config, &input)[0][0]
    };
    let passed = 1.0 + 2f64.powi(-24);
    let with = |first: [f64; 2]| {
        let mut q = [0.0; 12];
        (q[0], q[2], q[10]) = (first[0], first[1], passed);
        q
    };
    // 3·(2/7) = 2·(3/7): exactly half an ulp above 1 is left, a tie.
    assert_eq!(score(with([3.0, -2.0]), 512), 1.0);
    assert_eq!(score(with([9.0, -4.0]), 1024), 1.0);
    // At other distances they do not cancel.
    assert!(score(with([3.0, -2.0]), 513) != 1.0);
    // Far apart nothing is left but on which side of the tie: cos(Δ) decides.
    for delta in [1i64 << 20, 1 << 40, (1 << 62) - 1] {
        let turned = score(with([3.0, -2.0]), delta);
        let larger = if turned > 1.0 { 1.0 } else { -1.0 };
        assert!(turned == 1.0 || turned == 1.0 + f64::from(f32::EPSILON), "{turned}");
        // The other sign falls on the other side.
        let other = score(with([-3.0, 2.0]), delta);
        assert!((other > 1.0) != (larger > 0.0), "{delta}");
        score(with([3.0, -2.0]), -delta);
    }
}
