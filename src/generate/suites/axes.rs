//! What newer models do with several axes and between bounds: `rotate/axes.json` and
//! `sinusoidal/bounds.json`.

use super::word;
use crate::generate::plan::{FilePlan, Input, parsed};
use crate::generate::values::{flat, mixed};
use crate::number::Dtype;
use crate::request::{Json, Operation};

/// Name, what it is, number of axes, whether positions are fractions, config.
type Rope = (&'static str, &'static str, usize, bool, &'static str);

/// The first so many are rules that stand in no other file.
const NEW: usize = 2;

const ROPES: [Rope; 4] = [
    (
        "moonvit",
        "columns and rows in turn, each frequency for both (MoonViT, Kimi-VL)",
        2,
        false,
        r#"{"rope_type":"moonvit","rope_theta":10000}"#,
    ),
    (
        "ltx-video",
        "the second of two heads that share a spectrum of growing frequencies (LTX-2)",
        3,
        true,
        r#"{"rope_type":"ltx","rope_theta":10000,"num_heads":2,"head":1}"#,
    ),
    (
        "dinov3-volume",
        "2 pi times the centres of voxels in [-1, 1]",
        3,
        true,
        r#"{"rope_type":"dinov3","rope_theta":100,"num_axes":3}"#,
    ),
    (
        "cosmos",
        "an NTK factor of its own for each axis (Cosmos)",
        2,
        false,
        r#"{"rope_type":"axial","rope_theta":10000,"axes_dims":[4,8],"axes_factor":[2,3]}"#,
    ),
];

/// One batch, a level per axis.
fn level(axes: usize, of: impl Fn(usize) -> Json) -> Json {
    Json::Array((0..axes).map(|axis| Json::Array(vec![of(axis)])).collect())
}

fn ropes() -> FilePlan {
    let mut file = FilePlan::new("rotate/axes.json".to_string(), Operation::Rotate);
    for (index, dtype) in Dtype::FLOATS.into_iter().enumerate() {
        for (place, (name, what, axes, fractions, config)) in ROPES.into_iter().enumerate() {
            // Keys of rules that have their own files stand here in one format.
            if place >= NEW && dtype != Dtype::F32 {
                continue;
            }
            let layout = ["half", "interleaved"][(index + place) % 2];
            let mut config = parsed(config);
            config.set("head_dim", 12i64.into());
            config.set("layout", layout.into());
            let positions = level(axes, |axis| match fractions {
                true => Json::Array(
                    [["-1/2", "1/2", "0"], ["-2/3", "2/3", "1/7"], ["1", "-3/4", "4/5"]][axis]
                        .map(|fraction| match fraction {
                            "0" => Json::from(0i64),
                            "1" => Json::from(1i64),
                            _ => word(fraction),
                        })
                        .to_vec(),
                ),
                false => flat(&[[1, 7, 1009], [2, 31, 4], [3, 101, 0]][axis]),
            });
            let q = |words: &str| mixed(dtype, &[1, 2, 3, 12], &format!("axes {name} {words}"));
            let group = file.group(format!("{name}-{dtype}"), config, dtype);
            if place == 0 {
                let input = Input::new().with("q", q("basic")).with("positions", positions.clone());
                group.test("basic", what, &["basic", "grid-axes"], input);
            }
            let at =
                |words: &str| Input::new().with("q", q(words)).with("positions", positions.clone());
            group.test("forward", what, &["grid-axes", "layout"], at("forward"));
            group.test(
                "inverse",
                format!("{what}, turned back"),
                &["grid-axes", "inverse"],
                at("inverse").with("direction", "inverse"),
            );
        }
    }
    file
}

const WAVES: [(&str, &str, bool, &str); 4] = [
    (
        "timescales",
        "from a smallest timescale of 2 (tensor2tensor)",
        false,
        r#"{"dim":10,"min_timescale":2,"layout":"concatenated","divisor":"half_minus_one",
            "order":"sin_first"}"#,
    ),
    (
        "small-timescale",
        "from a timescale below 1, another base",
        false,
        r#"{"dim":8,"base":500,"min_timescale":0.5,"layout":"interleaved","divisor":"half",
            "order":"cos_first"}"#,
    ),
    (
        "periods",
        "wavelengths from 0.004 to 4, time from 0 to 1 (pi0)",
        true,
        r#"{"dim":10,"min_period":0.004,"max_period":4,"layout":"concatenated",
            "divisor":"half_minus_one","order":"sin_first"}"#,
    ),
    (
        "whole-periods",
        "wavelengths of 1, 4 and 16: turns that are rational",
        true,
        r#"{"dim":6,"min_period":1,"max_period":16,"layout":"interleaved",
            "divisor":"half_minus_one","order":"sin_first"}"#,
    ),
];

fn waves() -> FilePlan {
    let mut file = FilePlan::new("sinusoidal/bounds.json".to_string(), Operation::Sinusoidal);
    for dtype in Dtype::FLOATS {
        for (place, (name, what, fractions, config)) in WAVES.into_iter().enumerate() {
            let positions = match fractions {
                true => Json::Array(vec![0i64.into(), word("1/12"), word("3/10"), word("7/8")]),
                false => flat(&[0, 1, 77, 4096]),
            };
            let group = file.group(format!("{name}-{dtype}"), parsed(config), dtype);
            let flags: &[&str] = match place {
                0 => &["basic", "sinusoidal-divisor", "base"],
                _ => &["sinusoidal-divisor", "base"],
            };
            group.test("waves", what, flags, Input::new().with("positions", positions));
        }
    }
    file
}

pub(super) fn files() -> Vec<FilePlan> {
    vec![ropes(), waves()]
}
