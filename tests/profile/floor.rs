//! The floor is below the bound, and where there is a floor there is a bound.

use proptest::prelude::*;
use ropewalk::audit::right_profiles;
use ropewalk::encoding::{Body, Heads, Question};
use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::profile::{Floor, bounds, find};
use ropewalk::request::{Direction, Position, Positions, Request};

const CONFIGS: [&str; 7] = [
    r#"{"head_dim":16,"layout":"half","rope_theta":10000}"#,
    r#"{"head_dim":16,"rotary_dim":8,"layout":"interleaved","rope_theta":500000}"#,
    r#"{"head_dim":8,"layout":"half","rope_theta":10000,"rope_type":"linear","factor":3}"#,
    r#"{"head_dim":64,"layout":"half","rope_theta":500000,"rope_type":"llama3","factor":8,
        "low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}"#,
    r#"{"head_dim":64,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":4,
        "original_max_position_embeddings":4096}"#,
    r#"{"head_dim":8,"layout":"half","rope_theta":10000,"rope_type":"proportional","factor":1,
        "partial_rotary_factor":0.5}"#,
    r#"{"head_dim":12,"layout":"half","rope_theta":100,"mrope_section":[2,2,2]}"#,
];

fn question(config: &str, dtype: Dtype, direction: Direction) -> Question {
    let axes = if config.contains("mrope_section") { "[],[],[]" } else { "[]" };
    let dim: usize = config.split(['{', ',']).nth(1).unwrap()[11..].parse().unwrap();
    let line = format!(
        r#"{{"cmd":"run","id":"a","operation":"rotate","dtype":"{dtype}","config":{config},
        "input":{{"positions":[{axes}],"q":{{"dtype":"{dtype}","shape":[1,1,0,{dim}],"bits":[]}}}}}}"#
    );
    let line = line.replace("[[],[],[]]", "[[[]],[[]],[[]]]");
    let mut question = Question::new(&Request::parse(&line).unwrap()).unwrap();
    let Body::Rotate(rotate) = &mut question.body else { unreachable!() };
    rotate.direction = direction;
    question
}

proptest! {
    #[test]
    fn floors_are_below_bounds(
        config in 0..CONFIGS.len(),
        dtype in 0..4usize,
        profile in 0..16usize,
        inverse: bool,
        positions in prop::collection::vec((any::<i32>(), 0u32..31), 4),
        numbers in prop::collection::vec((any::<u64>(), -30..30i32), 64),
    ) {
        let dtype = Dtype::FLOATS[dtype];
        let format = dtype.format().unwrap();
        let direction = if inverse { Direction::Inverse } else { Direction::Forward };
        let mut question = question(CONFIGS[config], dtype, direction);
        let profiles = right_profiles(dtype);
        let profile = profiles[profile % profiles.len()];
        let Body::Rotate(rotate) = &mut question.body else { unreachable!() };
        let (dim, axes) = (rotate.rope.head_dim, rotate.rope.axes);
        let positions: Vec<i64> = positions.into_iter().map(|(p, shift)| (p >> shift).into()).collect();
        let rows = positions.len();
        let list = (0..axes).flat_map(|_| positions.iter().map(|p| Position::integer(*p)));
        rotate.positions = Positions::new(vec![axes, 1, rows], list.collect()).unwrap();
        let number = |i: usize| {
            let (bits, exponent) = numbers[i % numbers.len()];
            // Both of a pair together, and now and then a zero.
            let x = (bits as i64 as f64) * 2f64.powi(exponent - 63);
            match bits % 7 { 0 => 0, _ => round(format, x) }
        };
        let data = (0..rows * dim).map(number).collect();
        rotate.q = Tensor::new(dtype, vec![1, 1, rows, dim], data).ok().and_then(Heads::new).unwrap();
        let (rope, q) = (rotate.rope.clone(), rotate.q.clone());
        let floor = Floor::new(&profile, &rope, direction, format, dtype).unwrap();
        let bound = &bounds(&question, &[profile])[0].1[0].tensor;
        for (row, position) in positions.iter().enumerate() {
            for (plane, pair) in rope.pairs().iter().enumerate() {
                let Some(turned) = floor.at(plane, *position) else { continue };
                let places = [row * dim + pair.re, row * dim + pair.im];
                let [x, y] = places.map(|i| format.to_f64(q.data()[i]));
                let Some(floors) = turned.of(x, y) else { continue };
                for (floor, place) in floors.iter().zip(places) {
                    let bound = format.to_f64(bound.data()[place]);
                    prop_assert!(bound.is_finite(), "{} {position} {plane} ({x:e}, {y:e})", profile.name);
                    prop_assert!(*floor <= bound, "{} {position} {plane} ({x:e}, {y:e}): {floor:e} {bound:e}", profile.name);
                }
            }
        }
    }
}

/// It is worth having: ordinary numbers have a floor not far below the bound.
#[test]
fn floors_are_near_bounds() {
    for (dtype, name) in [
        (Dtype::F32, "hf-f32"),
        (Dtype::F32, "ggml-f32"),
        (Dtype::Bf16, "hf-bf16"),
        (Dtype::F64, "numpy-f64"),
    ] {
        let format = dtype.format().unwrap();
        let mut question = question(CONFIGS[0], dtype, Direction::Forward);
        let profile = *find(name).unwrap();
        let Body::Rotate(rotate) = &mut question.body else { unreachable!() };
        let positions = [1, 100, 4097, 30_000];
        let list = positions.iter().map(|p| Position::integer(*p)).collect();
        rotate.positions = Positions::new(vec![1, 1, 4], list).unwrap();
        let data = (0..64).map(|i| round(format, 1.0 + i as f64 / 64.0)).collect();
        rotate.q = Tensor::new(dtype, vec![1, 1, 4, 16], data).ok().and_then(Heads::new).unwrap();
        let (rope, q) = (rotate.rope.clone(), rotate.q.clone());
        let floor = Floor::new(&profile, &rope, Direction::Forward, format, dtype).unwrap();
        let bound = &bounds(&question, &[profile])[0].1[0].tensor;
        for (row, position) in positions.iter().enumerate() {
            for (plane, pair) in rope.pairs().iter().enumerate() {
                let turned = floor.at(plane, *position).unwrap();
                let places = [row * 16 + pair.re, row * 16 + pair.im];
                let [x, y] = places.map(|i| format.to_f64(q.data()[i]));
                for (floor, place) in turned.of(x, y).unwrap().iter().zip(places) {
                    let bound = format.to_f64(bound.data()[place]);
                    assert!(*floor > 0.2 * bound, "{name} {position} {plane}: {floor:e} {bound:e}");
                }
            }
        }
    }
}

fn round(format: Format, x: f64) -> u64 {
    let machine = ropewalk::profile::Machine { format, flush: false };
    let rounded = machine.round(x);
    // Every number of the format is one of f64.
    let negative = if rounded.is_sign_negative() { format.sign_bit() } else { 0 };
    let (mut low, mut high) = (0u64, format.largest());
    while low < high {
        let middle = (low + high).div_ceil(2);
        if format.to_f64(middle) <= rounded.abs() { low = middle } else { high = middle - 1 }
    }
    low | negative
}
