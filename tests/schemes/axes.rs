//! Schemes with several axes: which axis turns a pair, and the angles of the vision towers.

use super::{flat, rounds_to};
use crate::ask::{ask, doubles, integers};
use serde_json::{Value, json};

fn map(config: Value) -> (Vec<i64>, Vec<i64>) {
    let reply = ask("inv_freq", "f32", config, json!({}));
    (integers(&reply, "axis"), integers(&reply, "planes"))
}

/// cos and sin of each pair at one position, as angles in (−π, π].
fn angles(config: Value, position: Value) -> Vec<f64> {
    let reply = ask("table", "f64", config, json!({"positions": position}));
    let (cos, sin) = (crate::ask::doubles(&reply, "cos"), crate::ask::doubles(&reply, "sin"));
    cos.iter().zip(&sin).map(|(c, s)| s.atan2(*c)).collect()
}

#[test]
fn sections_follow_each_other() {
    for sections in [[16, 24, 24], [16, 16, 16], [8, 12, 12], [2, 1, 1]] {
        let pairs: i64 = sections.iter().sum();
        let config = flat(2 * pairs as u32, 1e6, "default", json!({"mrope_section": sections}));
        let (axis, planes) = map(config);
        let expected = (0..3).flat_map(|a| vec![a as i64; sections[a] as usize]);
        assert_eq!(axis, expected.collect::<Vec<_>>());
        // The index of the frequencies does not restart: pairs are those of one axis.
        assert_eq!(planes[2 * 3..2 * 3 + 2], [3, 3 + pairs]);
    }
}

#[test]
fn interleaved_sections_of_qwen_3_vl() {
    let config = |sections: &[u32], head| {
        let more = json!({"mrope_section": sections, "mrope_interleaved": true});
        map(flat(head, 5e6, "default", more)).0
    };
    let axis = config(&[24, 20, 20], 128);
    assert!((0..60).all(|i| axis[i] == (i % 3) as i64) && axis[60..] == [0, 0, 0, 0]);
    // ggml bounds t as well and gives what is left over to its fourth axis.
    let ggml = config(&[24, 20, 20, 0], 128);
    assert_eq!(ggml[..60], axis[..60]);
    assert_eq!(ggml[60..], [0, 3, 3, 0]);
    let qwen = config(&[11, 11, 10], 64);
    let on = |a| (0..32).filter(|&i| qwen[i] == a).collect::<Vec<_>>();
    assert_eq!(on(0), (0..=30).step_by(3).collect::<Vec<_>>());
    assert_eq!(on(1), (1..=31).step_by(3).collect::<Vec<_>>());
    assert_eq!(on(2), (2..=29).step_by(3).collect::<Vec<_>>());
}

/// Ernie 4.5 VL: h and w in turn, then t; and Qwen3-VL's sections, pair by pair.
#[test]
fn pairs_are_dealt_out_one_by_one() {
    let ernie = json!({"pair_axes": [1, 2, 1, 2, 0, 0]});
    let (axis, planes) = map(flat(12, 5e5, "default", ernie));
    assert_eq!(axis, [1, 2, 1, 2, 0, 0]);
    assert_eq!(planes[..4], [0, 6, 1, 7]);
    let sections = json!({"mrope_section": [4, 2, 2], "mrope_interleaved": true});
    let listed = json!({"pair_axes": [0, 1, 2, 0, 1, 2, 0, 0]});
    let there = json!({"positions": [[7, 1000], [3, 2], [5, 4]]});
    let one = ask("table", "f32", flat(16, 5e6, "default", sections), there.clone());
    assert_eq!(
        one["output"],
        ask("table", "f32", flat(16, 5e6, "default", listed), there)["output"]
    );
}

/// nanochat turns by −p: the inverse rotation of the same config without the key.
#[test]
fn clockwise_is_the_inverse() {
    for layout in ["half", "interleaved"] {
        let plain = json!({"head_dim": 4, "layout": layout, "rope_theta": 10000});
        let mut clockwise = plain.clone();
        clockwise["clockwise"] = json!(true);
        let q = json!({"dtype": "f32", "shape": [1, 1, 1, 4], "bits": ["3f800000400000004040000040800000"]});
        let at = |direction: &str| json!({"q": q, "positions": [[5]], "direction": direction});
        let inverse = ask("rotate", "f32", plain.clone(), at("inverse"))["output"].clone();
        assert_eq!(inverse, ask("rotate", "f32", clockwise.clone(), at("forward"))["output"]);
        let forward = ask("rotate", "f32", plain, at("forward"))["output"].clone();
        assert_eq!(forward, ask("rotate", "f32", clockwise, at("inverse"))["output"]);
        assert_ne!(forward, inverse);
    }
}

/// Cosmos: a base of its own for each axis; timm: bands by a factor.
#[test]
fn axes_are_stretched_one_by_one() {
    let omega = |config: Value| doubles(&ask("inv_freq", "f64", config, json!({})), "inv_freq");
    let more = json!({"axes_dims": [4, 4], "axes_factor": [1, 3]});
    let cosmos = omega(flat(8, 1e4, "axial", more));
    let expected = [1.0, 0.01, 1.0, 0.01 / 3.0];
    assert!(cosmos.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{cosmos:?}");
    let bands = json!({"head_dim": 12, "layout": "interleaved", "rope_type": "pixel",
                       "max_freq": 32, "log_bands": true});
    let timm = omega(bands);
    let expected = [1.0, 4.0, 16.0].map(|x| x * std::f64::consts::PI);
    assert!(timm[..3].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-13), "{timm:?}");
}

/// LTX: number k of n is π/2 · base^(k/(n − 1)), t, y and x in turn; what three does not divide stays in
/// front of the first head, and the second head goes on where the first one ends.
#[test]
fn ltx_counts_over_all_heads() {
    let head = |h: u32| {
        let more = json!({"rope_type": "ltx", "num_heads": 2, "head": h});
        flat(10, 1e4, "ltx", more)
    };
    let omega = |config: Value| doubles(&ask("inv_freq", "f64", config, json!({})), "inv_freq");
    // 10 pairs: one stays, three frequencies follow.
    let turns = |list: Vec<f64>| list.iter().map(|x| x / std::f64::consts::FRAC_PI_2).collect();
    let (first, second): (Vec<f64>, Vec<f64>) = (turns(omega(head(0))), turns(omega(head(1))));
    let expected = [0.0, 1.0, 1.0, 1.0, 100.0, 100.0, 100.0, 1e4, 1e4, 1e4];
    let all = first.iter().chain(&second);
    assert!(all.zip(expected).all(|(a, b)| (a - b).abs() <= 1e-12 * b), "{first:?} {second:?}");
    assert_eq!(map(head(0)).0, [0, 0, 1, 2, 0]);
    assert_eq!(map(head(1)).0, [1, 2, 0, 1, 2]);
    // The middle of the picture is coordinate 0, its edges are ±1: a quarter turn.
    let edge = angles(head(0), json!([[-1], [0], [1]]));
    let quarter = std::f64::consts::FRAC_PI_2;
    assert!(
        (edge[1] + quarter).abs() < 1e-15 && edge[2] == 0.0 && (edge[3] - quarter).abs() < 1e-15
    );
    for (key, value, allowed) in
        [("head", 2, "below num_heads, 2"), ("num_axes", 11, "a pair for each")]
    {
        let mut config = head(0);
        config[key] = json!(value);
        let reply = ask("inv_freq", "f64", config, json!({}));
        assert!(reply["rejected"].as_str().unwrap().contains(allowed), "{reply}");
    }
}

/// DINOv3's rule over t, y and x: a third of the head each.
#[test]
fn dinov3_of_volumes() {
    let more = json!({"num_axes": 3});
    let config = flat(12, 100.0, "dinov3", more);
    let list = doubles(&ask("inv_freq", "f64", config.clone(), json!({})), "inv_freq");
    let tau = std::f64::consts::TAU;
    let expected = [tau, tau / 10.0];
    assert!(list.iter().zip(expected.iter().cycle()).all(|(a, b)| (a - b).abs() < 1e-15 * b));
    assert_eq!(map(config).0, [0, 0, 1, 1, 2, 2]);
    let plain = flat(8, 100.0, "dinov3", json!({}));
    let said = flat(8, 100.0, "dinov3", json!({"num_axes": 2}));
    let here = json!({"positions": [["1/2"], ["-1/3"]]});
    assert_eq!(ask("table", "f32", plain, here.clone()), ask("table", "f32", said, here));
}

#[test]
fn equal_positions_make_sections_one_dimensional() {
    let plain = flat(16, 1e4, "default", json!({}));
    let sections = flat(16, 1e4, "default", json!({"mrope_section": [2, 3, 3]}));
    let one = ask("table", "f32", plain, json!({"positions": [7, 1000]}));
    let three = json!({"positions": [[7, 1000], [7, 1000], [7, 1000]]});
    assert_eq!(one["output"], ask("table", "f32", sections, three)["output"]);
}

/// Patch row 2, column 3 of a head of 8: eight towers, eight answers.
#[test]
fn vision_towers_differ() {
    let axial = |layout: &str, theta: f64, more: Value| {
        let mut config = flat(8, theta, "axial", more);
        config["layout"] = json!(layout);
        config["axes_dims"] = json!([4, 4]);
        config
    };
    let close = |config: Value, position: Value, expected: [f64; 4]| {
        for (got, want) in angles(config, position).iter().zip(expected) {
            let turns = ((got - want) / std::f64::consts::TAU).round();
            assert!((got - want - turns * std::f64::consts::TAU).abs() < 1e-14, "{got} {want}");
        }
    };
    let patch = json!([[2], [3]]);
    // Qwen: y then x. Planes (j, j + D/2).
    let qwen = axial("half", 1e4, json!({}));
    assert_eq!(map(qwen.clone()), (vec![0, 0, 1, 1], vec![0, 4, 1, 5, 2, 6, 3, 7]));
    close(qwen, patch.clone(), [2.0, 0.02, 3.0, 0.03]);
    // Pixtral: rows take the even frequencies, columns the odd ones.
    let pixtral = flat(8, 1e4, "pixtral", json!({}));
    assert_eq!(map(pixtral.clone()), (vec![0, 0, 1, 1], vec![0, 4, 1, 5, 2, 6, 3, 7]));
    close(pixtral, patch.clone(), [2.0, 0.02, 0.3, 0.003]);
    // MoonViT: column and row in turn, each frequency for both.
    let moon = flat(8, 1e4, "moonvit", json!({}));
    assert_eq!(map(moon.clone()), (vec![1, 0, 1, 0], vec![0, 4, 1, 5, 2, 6, 3, 7]));
    close(moon, patch.clone(), [3.0, 2.0, 0.03, 0.02]);
    // Llama 4: x first, from 1, adjacent coordinates.
    let llama = axial("interleaved", 1e4, json!({"axes_order": [1, 0]}));
    assert_eq!(map(llama.clone()), (vec![1, 1, 0, 0], vec![0, 1, 2, 3, 4, 5, 6, 7]));
    close(llama, json!([[3], [4]]), [4.0, 0.04, 3.0, 0.03]);
    // Gemma 4: x first, halves inside each axis, base 100.
    let gemma = axial("half", 100.0, json!({"axes_order": [1, 0], "half_within_axis": true}));
    assert_eq!(map(gemma.clone()), (vec![1, 1, 0, 0], vec![0, 2, 1, 3, 4, 6, 5, 7]));
    close(gemma, patch, [3.0, 0.3, 2.0, 0.2]);
    // DINOv3 on a 2 × 2 grid: centres ±½, 2π · ½ · [1, 0.1].
    let dino = flat(8, 100.0, "dinov3", json!({}));
    let half_turn = std::f64::consts::PI;
    let centre = json!([["-1/2"], ["1/2"]]);
    close(dino, centre, [-half_turn, -half_turn / 10.0, half_turn, half_turn / 10.0]);
}

#[test]
fn pixel_bands_are_evenly_spaced() {
    let config = json!({"head_dim": 16, "layout": "interleaved", "rope_type": "pixel",
                        "max_freq": 10});
    let reply = ask("inv_freq", "f64", config, json!({}));
    let list = crate::ask::doubles(&reply, "inv_freq");
    for (k, band) in [1.0, 7.0 / 3.0, 11.0 / 3.0, 5.0].iter().enumerate() {
        assert!((list[k] / std::f64::consts::PI - band).abs() < 1e-15);
        assert_eq!(list[k], list[k + 4]);
    }
}

#[test]
fn diffusion_models_restart_on_each_axis() {
    let model = |name: &str| {
        let model = ropewalk::encoding::models().iter().find(|model| model.name == name).unwrap();
        serde_json::to_value(&model.config).unwrap()
    };
    for (name, counts, theta) in [
        ("flux.1-dev", [8, 28, 28], 1e4f64),
        ("hunyuanvideo", [8, 28, 28], 256.0),
        ("wan2.1-t2v-14b", [22, 21, 21], 1e4),
    ] {
        let reply = ask("inv_freq", "f64", model(name), json!({}));
        let (list, axis) = (crate::ask::doubles(&reply, "inv_freq"), integers(&reply, "axis"));
        let mut start = 0;
        for (a, count) in counts.into_iter().enumerate() {
            assert!((start..start + count).all(|i| axis[i] == a as i64), "{name}");
            assert_eq!(list[start], 1.0);
            let last = theta.powf(-2.0 * (count - 1) as f64 / (2 * count) as f64);
            assert!((list[start + count - 1] / last - 1.0).abs() < 1e-14);
            start += count;
        }
        assert_eq!(start, list.len());
    }
    let qwen = ask("inv_freq", "f64", model("qwen2-vl-vision"), json!({}));
    let list = crate::ask::doubles(&qwen, "inv_freq");
    rounds_to(list[1], ".6309573");
    rounds_to(list[19], "1.584893e-4");
}
