//! Attention where weights vanish, scores are equal, or nothing is left: by both oracles.

use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::number::{Dtype, Format, Tensor, Wide};
use ropewalk::request::Request;
use ropewalk_oracle::second_answer;

fn tensor(dtype: Dtype, shape: &[usize], values: &[f64]) -> String {
    let format = dtype.format().unwrap();
    let bits = |x: &f64| match Format::F64.decode(x.to_bits()) {
        ropewalk::number::Decoded::Finite { negative, significand, exponent } => {
            format.round(&Wide::dyadic(negative, significand.into(), exponent.into()))
        }
        ropewalk::number::Decoded::Infinite { negative } => {
            format.infinity() | if negative { format.sign_bit() } else { 0 }
        }
        ropewalk::number::Decoded::Nan => format.quiet_nan(),
    };
    let data = values.iter().map(bits).collect();
    let tensor = Tensor::new(dtype, shape.to_vec(), data).unwrap();
    let rows: Vec<String> = tensor.rows().iter().map(|row| format!("{row:?}")).collect();
    format!(r#"{{"dtype":"{}","shape":{shape:?},"bits":[{}]}}"#, dtype.name(), rows.join(","))
}

/// One head, one query of width `dim`: q, the keys, the values (one each), more of config and input.
fn ask(dtype: Dtype, q: &[f64], k: &[f64], v: &[f64], config: &str, more: &str) -> String {
    let (dim, keys) = (q.len(), v.len());
    let positions: Vec<usize> = (0..keys).collect();
    format!(
        r#"{{"cmd":"run","id":"a","operation":"attention","dtype":"{}","config":{{{config}}},
           "input":{{"q":{},"k":{},"v":{},"query_positions":[[0]],{}"lse":true{more}}}}}"#,
        dtype.name(),
        tensor(dtype, &[1, 1, 1, dim], q),
        tensor(dtype, &[1, 1, keys, dim], k),
        tensor(dtype, &[1, 1, keys, 1], v),
        match more.contains("key_positions") {
            true => String::new(),
            false => format!(r#""key_positions":[{positions:?}],"#),
        },
    )
}

/// Value and residual of `out`, value and residual of `lse`, by both oracles.
fn both(line: &str) -> [f64; 4] {
    let question = Question::new(&Request::parse(line).unwrap()).unwrap();
    let first = exact::answer(&question).unwrap_or_else(|error| panic!("{error}: {line}"));
    let second = second_answer(&question).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(first.tensors, second.tensors, "{line}");
    let of = |index: usize| {
        let named = &first.tensors[index];
        let format = named.expected.dtype().format().unwrap();
        let residual = named.residual.as_ref().unwrap().data()[0];
        [format.to_f64(named.expected.data()[0]), Format::F16.to_f64(residual)]
    };
    [of(0)[0], of(0)[1], of(1)[0], of(1)[1]]
}

const PLAIN: &str = r#""causal":false,"scale":1"#;
const LEAST: f64 = 5.960464477539063e-8;

#[test]
fn weights_that_vanish_leave_their_direction() {
    for dtype in [Dtype::F32, Dtype::F64, Dtype::Bf16] {
        let huge = if dtype == Dtype::F64 { 2f64.powi(1023) } else { 2f64.powi(127) };
        let one = |k: [f64; 3], v: [f64; 3]| both(&ask(dtype, &[huge], &k, &v, PLAIN, ""));
        // Below the top by 2^127 or 2^254: only the nearer one says where the answer lies.
        let [out, residual, ..] = one([huge, 1.0, 0.0], [1.0, 2.0, 0.0]);
        assert_eq!((out, residual), (1.0, LEAST));
        let [out, residual, ..] = one([huge, 0.0, 1.0], [1.0, 2.0, 0.0]);
        assert_eq!((out, residual), (1.0, -LEAST));
        // Two that cancel, and a third one far below them.
        let [out, residual, ..] = one([huge, 1.0, 1.0], [1.0, 2.0, 0.0]);
        assert_eq!((out, residual), (1.0, 0.0));
        let four =
            both(&ask(dtype, &[huge], &[huge, 1.0, 1.0, -1.0], &[1.0, 2.0, 0.0, 5.0], PLAIN, ""));
        assert_eq!(four[..2], [1.0, LEAST]);
        assert_eq!(four[2], f64::INFINITY);
    }
    // −1000 and −5000 and −20000.
    for below in [1000.0, 2000.0, 3000.0, 5000.0, 20000.0] {
        let [out, residual, lse, error] =
            both(&ask(Dtype::F32, &[1.0], &[0.0, -below], &[1.0, 2.0], PLAIN, ""));
        assert_eq!([out, residual, lse, error], [1.0, LEAST, 0.0, LEAST]);
    }
}

#[test]
fn a_sink_takes_all() {
    for sink in [1000.0, 3000.0, 1e30] {
        let sinks = format!(r#","sinks":{}"#, tensor(Dtype::F32, &[1], &[sink]));
        let line = ask(Dtype::F32, &[1.0], &[0.0, 1.0], &[1.0, -2.0], PLAIN, &sinks);
        let [out, residual, lse, error] = both(&line);
        assert_eq!((out, out.is_sign_negative(), residual), (0.0, true, -LEAST));
        assert_eq!((lse, error), (sink as f32 as f64, LEAST));
    }
    // Equal to the only score: half of it.
    let sinks = format!(r#","sinks":{}"#, tensor(Dtype::F32, &[1], &[2.0]));
    let [out, residual, ..] = both(&ask(Dtype::F32, &[1.0], &[2.0], &[3.0], PLAIN, &sinks));
    assert_eq!((out, residual), (1.5, 0.0));
}

#[test]
fn soft_caps_saturate() {
    let capped = r#""causal":false,"scale":1,"softcap":30"#;
    for huge in [1e4, 1e5, 1e6, 2f64.powi(127)] {
        let q = [if huge > 1e30 { huge } else { 1.0 }];
        let k = |x: f64| x * huge;
        // Both near 30: the mean of the values, moved by the one that is not quite there.
        let line = ask(Dtype::F32, &q, &[k(1.0), k(0.5)], &[1.0, 2.0], capped, "");
        let [out, residual, ..] = both(&line);
        assert_eq!(out, 1.5);
        assert!(residual < 0.0, "{residual} at {huge}");
        let line = ask(Dtype::F32, &q, &[k(1.0), k(1.0)], &[1.0, 2.0], capped, "");
        assert_eq!(both(&line)[..2], [1.5, 0.0]);
        let line = ask(Dtype::F32, &q, &[k(1.0)], &[1.0], capped, "");
        let [out, residual, lse, error] = both(&line);
        assert_eq!((out, residual), (1.0, 0.0));
        assert!(lse <= 30.0 && error <= 0.0, "{lse} {error}");
        let line = ask(Dtype::F32, &q, &[k(1.0), k(-1.0)], &[1.0, 2.0], capped, "");
        both(&line);
    }
}

#[test]
fn equal_scores_tie() {
    // The mean of two neighbours is a tie.
    let next = 1.0 + 2f64.powi(-23);
    let [out, residual, lse, _] =
        both(&ask(Dtype::F32, &[1.0, 1.0], &[1.0, 2.0, 2.0, 1.0], &[1.0, next], PLAIN, ""));
    assert_eq!((out, residual), (1.0, 0.5));
    assert_eq!(lse as f32, 3.0f32 + 2f32.ln());
    // √2/2 · 3 twice, and of other vectors.
    let [out, residual, ..] = both(&ask(
        Dtype::F32,
        &[1.0, 2.0],
        &[3.0, 0.0, 1.0, 1.0],
        &[1.0, next],
        r#""causal":false"#,
        "",
    ));
    assert_eq!((out, residual), (1.0, 0.5));
    // All values equal: that value.
    let [out, residual, ..] =
        both(&ask(Dtype::F32, &[1.0], &[1.0, 2.0, 3.0], &[0.1, 0.1, 0.1], PLAIN, ""));
    assert_eq!((out as f32, residual), (0.1, 0.0));
    // One key: its value and its score, exactly.
    let [out, residual, lse, error] = both(&ask(Dtype::F32, &[3.0], &[5.0], &[-0.0], PLAIN, ""));
    assert_eq!((out.is_sign_negative(), residual, lse, error), (true, 0.0, 15.0, 0.0));
}

#[test]
fn rotated_scores_tie() {
    let next = 1.0 + 2f64.powi(-23);
    let rope = |more: &str, dim: usize| {
        format!(
            r#""causal":false,"rope":{{"head_dim":{dim},"layout":"interleaved","rope_theta":10000{more}}}"#
        )
    };
    // Keys on either side of the query.
    let line = ask(
        Dtype::F32,
        &[1.0, 0.0],
        &[1.0, 0.0, 1.0, 0.0],
        &[1.0, next],
        &rope("", 2),
        r#","key_positions":[[-3,3]]"#,
    );
    assert_eq!(both(&line)[..2], [1.0, 0.5]);
    // Plane 0 at distance 1 and plane 1, a tenth as fast, at distance 10.
    let key = |plane: usize| (0..8).map(move |i| f64::from(u8::from(i == 2 * plane)));
    let keys: Vec<f64> = key(0).chain(key(1)).collect();
    let line = ask(
        Dtype::F32,
        &[1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        &keys,
        &[1.0, next],
        &rope("", 8),
        r#","key_positions":[[1,-10]]"#,
    );
    assert_eq!(both(&line)[..2], [1.0, 0.5]);
    let xpos = r#","rope_type":"xpos","scale_base":512"#;
    for far in [3, 1000] {
        both(&ask(
            Dtype::F32,
            &[1.0, 0.5],
            &[1.0, 0.25, 0.5, -1.0],
            &[1.0, 3.0],
            &rope(xpos, 2),
            &format!(r#","key_positions":[[-{far},{far}]]"#),
        ));
    }
    // YaRN's factor is transcendental; equal keys are equal all the same.
    let yarn = r#","rope_type":"yarn","factor":4,"original_max_position_embeddings":64"#;
    let line = ask(
        Dtype::F32,
        &[1.0, 0.5],
        &[1.0, 0.25, 1.0, 0.25],
        &[1.0, next],
        &rope(yarn, 2),
        r#","key_positions":[[5,5]]"#,
    );
    assert_eq!(both(&line)[..2], [1.0, 0.5]);
}

#[test]
fn nothing_is_left() {
    for (config, more) in [
        (r#""causal":true"#, r#","key_positions":[[1,2]]"#),
        (r#""causal":false,"window":[0,0]"#, r#","key_positions":[[1,2]]"#),
        (r#""causal":false"#, r#","key_lengths":[0]"#),
    ] {
        let [out, residual, lse, error] =
            both(&ask(Dtype::F32, &[f64::NAN], &[1.0, 2.0], &[1.0, 2.0], config, more));
        assert_eq!((out, residual, lse, error), (0.0, 0.0, f64::NEG_INFINITY, 0.0));
    }
    // Numbers that are none: of keys that are left only.
    let nan = ask(
        Dtype::F32,
        &[1.0],
        &[1.0, f64::NAN],
        &[1.0, f64::INFINITY],
        r#""causal":true,"scale":1"#,
        "",
    );
    let [out, residual, lse, error] = both(&nan);
    assert_eq!((out, residual, lse, error), (1.0, 0.0, 1.0, 0.0));
}
