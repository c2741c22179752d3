//! `ropewalk judge`: dumps of rotated tensors, right ones and broken ones.

use assert_cmd::Command;
use proptest::prelude::*;
use ropewalk::audit::{Case, Glance, LargeJudge, Rows, Tolerances, judge, right_profiles};
use ropewalk::encoding::{Body, Heads, Question};
use ropewalk::exact::{answer, bulk::Rotator};
use ropewalk::number::{Dtype, Format, Tensor};
use ropewalk::request::{Position, Positions, Request};
use safetensors::tensor::{Dtype as Stored, TensorView};
use std::path::Path;

const DIM: usize = 16;
const TOKENS: usize = 300;
const HEADS: usize = 2;

/// [head, token, dim], numbers between −1 and 1.
fn numbers() -> Vec<f32> {
    let mut state = 5u64;
    (0..HEADS * TOKENS * DIM)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state as i64 as f64 * 2f64.powi(-63)) as f32
        })
        .collect()
}

/// What many kernels do: everything in f32, half layout.
fn rotated(x: &[f32], sign: f32, pair: impl Fn(usize) -> (usize, usize)) -> Vec<f32> {
    let mut y = x.to_vec();
    for (row, (x, y)) in x.chunks(DIM).zip(y.chunks_mut(DIM)).enumerate() {
        for i in 0..DIM / 2 {
            let theta = 1.0 / 10000f32.powf(2.0 * i as f32 / DIM as f32);
            let (sin, cos) = ((row % TOKENS) as f32 * theta).sin_cos();
            let (a, b) = pair(i);
            y[a] = x[a] * cos - sign * x[b] * sin;
            y[b] = x[b] * cos + sign * x[a] * sin;
        }
    }
    y
}

fn half(i: usize) -> (usize, usize) {
    (i, i + DIM / 2)
}

fn save(path: &Path, dtype: Stored, tensors: &[(&str, Vec<usize>, Vec<u8>)]) {
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (*name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn singles(x: &[f32]) -> Vec<u8> {
    x.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A file with `before` and `after`, both [head, token, dim] in f32.
fn dump(folder: &Path, after: &[f32]) {
    let shape = vec![HEADS, TOKENS, DIM];
    let tensors =
        [("before", shape.clone(), singles(&numbers())), ("after", shape, singles(after))];
    save(&folder.join("d.safetensors"), Stored::F32, &tensors);
}

fn ropewalk(folder: &Path, tensors: [&str; 2], more: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ropewalk"));
    command.current_dir(folder).arg("judge").args(tensors);
    command.args(["--set", "head_dim=16", "--set", "layout=half", "--set", "rope_theta=10000"]);
    command.args(more);
    command
}

const BOTH: [&str; 2] = ["d.safetensors:before", "d.safetensors:after"];
const HERE: [&str; 2] = ["--positions", "0..300"];

fn said(command: &mut Command, code: i32) -> String {
    String::from_utf8(command.assert().code(code).get_output().stdout.clone()).unwrap()
}

#[test]
fn a_right_kernel_conforms() {
    let folder = tempfile::tempdir().unwrap();
    dump(folder.path(), &rotated(&numbers(), 1.0, half));
    let text = said(&mut ropewalk(folder.path(), BOTH, &HERE), 0);
    // What follows are measurements of the host's sine and cosine.
    let (head, rest) = text.split_once("  largest error").unwrap();
    insta::assert_snapshot!(head, @"
    CONFORMS  d.safetensors:after: hsd [2, 300, 16] f32, forward of d.safetensors:before
      all 9600 of 9600 elements judged are within the derived bound of hf-f32
    ");
    assert!(rest.contains("Errors in ulp") && rest.contains("error over |z|"), "{rest}");
    let json = said(&mut ropewalk(folder.path(), BOTH, &["--positions", "0..300", "--json"]), 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["verdict"], "conforms");
    assert_eq!(json["judged"], 9600);
    assert_eq!(
        json["histogram"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>(),
        9600
    );
    assert_eq!(json["planes"].as_array().unwrap().len(), 8);
}

#[test]
fn one_element_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut after = rotated(&numbers(), 1.0, half);
    let place = (TOKENS + 123) * DIM + 9;
    after[place] += 0.01;
    dump(folder.path(), &after);
    let json = said(&mut ropewalk(folder.path(), BOTH, &["--positions", "0..300", "--json"]), 1);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["verdict"], &json["wrong"]), (&"diverges".into(), &1.into()));
    assert_eq!(json["worst_wrong"]["index"], serde_json::json!([1, 123, 9]));
    assert_eq!(json["worst_wrong"]["position"], 123);
    let text = said(&mut ropewalk(folder.path(), BOTH, &HERE), 1);
    let place = "wrong rows: head 1, token 123 (1 of 600 rows; nothing else)";
    assert!(text.starts_with("DIVERGES") && text.contains(place), "{text}");
}

#[test]
fn faults_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let adjacent = |i: usize| (2 * i, 2 * i + 1);
    let broken = [
        (rotated(&numbers(), -1.0, half), "b1-sign-flipped"),
        (rotated(&numbers(), 1.0, adjacent), "a1-pairing-swapped"),
    ];
    for (after, name) in broken {
        dump(folder.path(), &after);
        let text = said(&mut ropewalk(folder.path(), BOTH, &HERE), 1);
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn what_shows_nothing_is_no_pass() {
    let folder = tempfile::tempdir().unwrap();
    let shape = vec![HEADS, TOKENS, DIM];
    let mut numbers = numbers();
    let all = singles(&vec![f32::NAN; numbers.len()]);
    let tensors = [("before", shape.clone(), all.clone()), ("after", shape.clone(), all)];
    save(&folder.path().join("d.safetensors"), Stored::F32, &tensors);
    let text = said(&mut ropewalk(folder.path(), BOTH, &HERE), 3);
    insta::assert_snapshot!(text, @"
    UNJUDGED  d.safetensors:after: hsd [2, 300, 16] f32, forward of d.safetensors:before
      none of 9600 elements can be judged by the derived bound of hf-f32
      9600 elements have no error: a NaN or an infinity went in, or a NaN came out
    ");
    // Beyond what f32 can do nothing is judged either.
    dump(folder.path(), &numbers);
    let far = ["--positions", "1152921504606846976..1152921504606847276"];
    let text = said(&mut ropewalk(folder.path(), BOTH, &far), 3);
    assert!(text.contains("none of 9600 elements can be judged"), "{text}");
    // One NaN spoils its plane and no more.
    numbers[5 * DIM + 7] = f32::NAN;
    let after = rotated(&numbers, 1.0, half);
    let tensors = [("before", shape.clone(), singles(&numbers)), ("after", shape, singles(&after))];
    save(&folder.path().join("d.safetensors"), Stored::F32, &tensors);
    let text = said(&mut ropewalk(folder.path(), BOTH, &HERE), 0);
    assert!(text.contains("\n  2 elements have no error: a NaN"), "{text}");
}

#[test]
fn axes_in_any_order_and_numpys_files() {
    let folder = tempfile::tempdir().unwrap();
    let after = rotated(&numbers(), 1.0, half);
    // From [head, token] to [token, head].
    let turned = |x: &[f32]| -> Vec<f32> {
        let row = |token: usize, head: usize| &x[(head * TOKENS + token) * DIM..][..DIM];
        (0..TOKENS).flat_map(|t| (0..HEADS).flat_map(move |h| row(t, h).to_vec())).collect()
    };
    for (name, x) in [("before.npy", turned(&numbers())), ("after.npy", turned(&after))] {
        let mut header =
            "{'descr': '<f4', 'fortran_order': False, 'shape': (300, 2, 16), }".to_string();
        header += &" ".repeat(117 - header.len());
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{header}\n").bytes());
        bytes.extend(singles(&x));
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let files = ["before.npy", "after.npy"];
    let text =
        said(&mut ropewalk(folder.path(), files, &["--positions", "0..300", "--axes", "shd"]), 0);
    assert!(text.contains("shd [300, 2, 16] f32"), "{text}");
    // Read as [head, token] the tokens are as many as heads.
    let output = ropewalk(folder.path(), files, &HERE).assert().code(2).get_output().clone();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("positions are 300, the tensors have 2 tokens"), "{error}");
}

#[test]
fn what_cannot_be_judged_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    dump(path, &numbers());
    save(&path.join("i.safetensors"), Stored::I32, &[("x", vec![1, 16], vec![0; 64])]);
    save(&path.join("s.safetensors"), Stored::F32, &[("x", vec![1, 16], vec![0; 64])]);
    save(&path.join("n.safetensors"), Stored::F32, &[("x", vec![0, 16], vec![])]);
    std::fs::write(path.join("short.npy"), b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9, 16), }         \n").unwrap();
    let one = ["--positions", "0"];
    let cases: [([&str; 2], &[&str], &str); 12] = [
        (
            ["d.safetensors", BOTH[1]],
            &HERE,
            "it has several tensors; write FILE:NAME with one of after, before",
        ),
        (["d.safetensors:x", BOTH[1]], &HERE, "it has no tensor \"x\", only after, before"),
        (
            ["i.safetensors", "i.safetensors"],
            &one,
            "i.safetensors is i32, allowed are f64, f32, bf16, f16",
        ),
        (
            [BOTH[0], "s.safetensors"],
            &HERE,
            "has shape [2, 300, 16], s.safetensors has [1, 16]: they must be the same",
        ),
        (["s.safetensors", "s.safetensors"], &HERE, "positions are 300, the tensors have 1 tokens"),
        (["n.safetensors", "n.safetensors"], &["--positions", "0..0"], "nothing is there to judge"),
        (BOTH, &["--positions", "300..0"], "it ends before it begins; a step of -1 counts down"),
        (
            BOTH,
            &["--positions", "0..300", "--axes", "hds"],
            "allowed are b, h and s or t (tokens) in any order and then d",
        ),
        (
            BOTH,
            &["--positions", "0..300", "--axes", "sd"],
            "axes is \"sd\", the tensors have shape [2, 300, 16]",
        ),
        (
            BOTH,
            &["--positions", "0..300", "--set", "head_dim=8"],
            "the last axis has length 16, head_dim of the config is 8 and its rotated slice 8",
        ),
        (
            BOTH,
            &["--positions", "0..300", "--set", "rope_type=xpos", "--set", "scale_base=512"],
            "is for `ropewalk audit`",
        ),
        (["short.npy", "short.npy"], &one, "its data are not as long as its shape says"),
    ];
    for (tensors, more, want) in cases {
        let output = ropewalk(path, tensors, more).assert().code(2).get_output().clone();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(want), "{tensors:?} {more:?}: {error}");
        assert!(output.stdout.is_empty());
    }
    let output =
        ropewalk(path, BOTH, &["--positions", "0..300", "--set", "layout=x"]).assert().code(1);
    assert!(
        String::from_utf8_lossy(&output.get_output().stderr).contains("rejected: invalid_value")
    );
}

const CONFIGS: [&str; 4] = [
    r#"{"head_dim":8,"layout":"half","rope_theta":10000}"#,
    r#"{"head_dim":8,"rotary_dim":4,"layout":"interleaved","rope_theta":500000}"#,
    r#"{"head_dim":8,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":4,"original_max_position_embeddings":4096}"#,
    r#"{"head_dim":8,"layout":"half","rope_theta":10000,"rope_type":"proportional","factor":1,"partial_rotary_factor":0.5}"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Judged at once or element by element, the same is wrong and the same is judged, with
    /// special values, ends of the formats and errors of all sizes among the elements.
    #[test]
    fn large_is_judged_as_small(
        config in 0..CONFIGS.len(),
        dtype in 0..4usize,
        profile in 0..16usize,
        positions in prop::collection::vec(prop_oneof![Just(0i64), -300..300i64, -5_000_000..5_000_000i64], 6),
        numbers in prop::collection::vec((any::<u64>(), 0..16u8), 48),
        changes in prop::collection::vec((0..48usize, 0..40u32, 0..6u8), 0..6),
    ) {
        let (dtype, dim) = (Dtype::FLOATS[dtype], 8);
        let format = dtype.format().unwrap();
        let profiles = right_profiles(dtype);
        let profile = profiles[profile % profiles.len()];
        let line = format!(
            r#"{{"cmd":"run","id":"a","operation":"rotate","dtype":"{dtype}","config":{},"input":{{
            "positions":[[]],"q":{{"dtype":"{dtype}","shape":[1,1,0,8],"bits":[]}}}}}}"#, CONFIGS[config]);
        let template = Question::new(&Request::parse(&line).unwrap()).unwrap();
        let one = format.infinity() >> 1 & !((1 << (format.precision - 1)) - 1);
        let input: Vec<u64> = numbers.iter().map(|(bits, kind)| match kind {
            0 => 0,
            1 => format.sign_bit(),
            2 => format.infinity(),
            3 => format.quiet_nan(),
            4 => bits & (format.sign_bit() | (format.sign_bit() - 1)),
            5 => 1 + bits % 9,
            6 => format.largest() - bits % 9,
            // Around 1.
            _ => one + (bits % (4 << (format.precision - 1))),
        }).collect();
        let mut question = template.clone();
        let Body::Rotate(rotate) = &mut question.body else { unreachable!() };
        rotate.q = Tensor::new(dtype, vec![1, 1, 6, dim], input.clone()).ok().and_then(Heads::new).unwrap();
        let list = positions.iter().map(|p| Position::integer(*p)).collect();
        rotate.positions = Positions::new(vec![1, 1, 6], list).unwrap();
        let (rope, direction) = (rotate.rope.clone(), rotate.direction);
        let exact = answer(&question).unwrap();
        let truth = &exact.tensors[0];
        let residual = truth.residual.clone().unwrap();
        // The rows that the ladder makes are the same.
        let rotator = Rotator::new(&rope, direction, dtype, 5_000_000).unwrap().unwrap();
        let position = |row: usize, _: usize| positions[row];
        let (values, residuals) = rotator.turn(&position, format, &input).unwrap();
        prop_assert_eq!(&values[..], truth.expected.data());
        prop_assert_eq!(&residuals[..], residual.data());
        let mut got = values.clone();
        for (place, size, kind) in changes {
            let at = &mut got[place];
            *at = match kind {
                0 => *at ^ format.sign_bit(),
                1 => format.quiet_nan(),
                2 => format.infinity(),
                3 => 0,
                _ => *at ^ (1u64 << size.min(format.precision - 2)),
            };
        }
        let large = LargeJudge::new(&template, profile).unwrap();
        let rows = Rows {
            first: 0, position: &position, input: &input, got: &got, expected: &values, residual: &residuals,
        };
        let found = large.judge(&rows).unwrap();
        // What is certainly right at a glance is not wrong by the bounds, and what is not rounded is
        // where it is said to be.
        let near = rotator.near(&position, format, &input).unwrap();
        let glance = Glance { position: &position, input: &input, got: &got, near: &near };
        let seen = large.glance(&glance);
        prop_assert!(found.rows.iter().all(|row| seen.open.contains(row)), "{seen:?} {:?}", found.rows);
        prop_assert!(seen.open.len() == 6 || found.unjudged < 48);
        for plane in &rope.planes {
            let [re, im] = [plane.pair.re, plane.pair.im];
            for row in (0..6).map(|row| row * dim) {
                let size = near[row + re].abs() + near[row + im].abs();
                for i in [row + re, row + im] {
                    let [right, ulp] = [values[i], residuals[i]].map(|bits| bits);
                    if near[i].is_nan() || size.is_nan() || size == 0.0 || right & format.infinity() == format.infinity() {
                        continue;
                    }
                    let unit = f64::from(format.ulp_exponent(right).unwrap()).exp2();
                    let exact = format.to_f64(right) + Format::F16.to_f64(ulp) * unit;
                    // A residual of 16 bits is right to 2^-11.
                    let off = (near[i] - exact).abs();
                    prop_assert!(off <= size * 2f64.powi(-51) + unit * 2f64.powi(-11), "{off:e} {size:e}");
                }
            }
        }
        let case: Case = large.case(&rows, [1, 1, 6]);
        let output = [("q".to_string(), Tensor::new(dtype, vec![1, 1, 6, dim], got.clone()).unwrap())];
        let asked = case.ask.question().unwrap();
        let expected = case.truth.expected.tensors().unwrap();
        let bounds = Tolerances::new(asked, &[profile]);
        let small = judge(&case, asked, expected, &output, &bounds).unwrap();
        let bound = &ropewalk::profile::bounds(asked, &[profile])[0].1[0].tensor;
        let open: Vec<(usize, u64, u64)> = (0..48)
            .filter(|&i| bound.data()[i] == format.infinity())
            .map(|i| (i, input[i], values[i]))
            .collect();
        let tally = &small.tallies[0];
        prop_assert_eq!(
            (found.judged, found.unjudged, found.wrong),
            (tally.judged, tally.unjudged, tally.wrong),
            "{} {:x?}", profile.name, open
        );
        let place = |wrong: &Option<ropewalk::audit::Wrong>| {
            wrong.as_ref().map(|w| (w.index[w.index.len() - 2..].to_vec(), w.got, w.ulps.to_bits()))
        };
        prop_assert_eq!(place(&found.worst_wrong), place(&tally.worst));
    }
}

#[test]
fn other_formats() {
    let folder = tempfile::tempdir().unwrap();
    for (dtype, stored, size) in
        [(Dtype::F64, Stored::F64, 8), (Dtype::Bf16, Stored::BF16, 2), (Dtype::F16, Stored::F16, 2)]
    {
        let format = dtype.format().unwrap();
        let line = format!(
            r#"{{"cmd":"run","id":"a","operation":"rotate","dtype":"{dtype}","config":{{"head_dim":16,
            "layout":"half","rope_theta":10000}},"input":{{"positions":[[0,1,2,70000]],"q":{{"dtype":"{dtype}",
            "shape":[1,1,4,16],"bits":[{}]}}}}}}"#,
            vec![
                format!(
                    "\"{}\"",
                    format!("{:0w$x}", format.largest() >> 1, w = 2 * size).repeat(16)
                );
                4
            ]
            .join(",")
        );
        let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
        let Body::Rotate(rotate) = &question.body else { unreachable!() };
        let right = answer(&question).unwrap().tensors[0].expected.clone();
        let bytes = |data: &[u64]| -> Vec<u8> {
            data.iter().flat_map(|bits| bits.to_le_bytes()[..size].to_vec()).collect()
        };
        let shape = vec![4, 16];
        let mut wrong = right.data().to_vec();
        wrong[17] ^= 1 << (format.precision - 2);
        let tensors = [
            ("before", shape.clone(), bytes(rotate.q.data())),
            ("after", shape.clone(), bytes(right.data())),
            ("wrong", shape, bytes(&wrong)),
        ];
        save(&folder.path().join("d.safetensors"), stored, &tensors);
        let positions = ["--positions", "0,1,2,70000"];
        said(&mut ropewalk(folder.path(), BOTH, &positions), 0);
        let text =
            said(&mut ropewalk(folder.path(), [BOTH[0], "d.safetensors:wrong"], &positions), 1);
        assert!(text.contains("1 of 64 elements are beyond"), "{text}");
        assert!(text.contains("worst: [1, 1] (position 1)"), "{text}");
    }
}
