//! Requests, rejections and replies: one line each.

use super::{json, object, written};
use proptest::prelude::*;
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::{Operation, Reply, Request, Slug, tensor_json, tensors};

const GOOD: &str = r#"{"cmd":"run","id":"a","operation":"rotate","dtype":"f32","config":{"head_dim":4},"input":{"positions":[[0]]}}"#;

fn refused(text: &str) -> String {
    Request::parse(text).unwrap_err().to_string()
}

/// The good request with one key given another value, or none.
fn with(key: &str, value: Option<&str>) -> String {
    let mut request = object(GOOD);
    match value {
        Some(value) => request.set(key, json(value)),
        None => drop(request.remove(key)),
    }
    serde_json::to_string(&request).unwrap()
}

#[test]
fn a_request_is_taken_apart() {
    let request = Request::parse(GOOD).unwrap();
    assert_eq!((request.id.as_str(), request.operation), ("a", Operation::Rotate));
    assert_eq!(request.dtype, Dtype::F32);
    assert_eq!(request.config, object(r#"{"head_dim":4}"#));
    assert_eq!(request.input.positions("positions").unwrap().shape(), [1, 1]);
    for operation in Operation::ALL {
        let text = with("operation", Some(&format!("\"{}\"", operation.name())));
        assert_eq!(Request::parse(&text).unwrap().operation, operation);
        assert_eq!(Operation::from_name(operation.name()), Ok(operation));
    }
    for dtype in Dtype::ALL {
        let text = with("dtype", Some(&format!("\"{dtype}\"")));
        assert_eq!(Request::parse(&text).unwrap().dtype, dtype);
    }
    // Extensions are ignored, and space around the line too.
    assert!(Request::parse(&format!(" {} \n", with("x_mine", Some("[1,{}]")))).is_ok());
}

#[test]
fn operations_bear_the_names_of_the_contract() {
    assert_eq!(
        Operation::ALL.map(Operation::name).join(" "),
        "rotate apply score inv_freq table alibi_slopes alibi_bias t5_bucket t5_bias sinusoidal \
         learned permute_qk position_ids shaw_bucket deberta_bucket attention_temperature \
         attention chain"
    );
}

#[test]
fn what_is_no_json_is_malformed() {
    assert_eq!(
        refused(""),
        "malformed_request: the line is no JSON: EOF while parsing a value at line 1 column 0"
    );
    let deep = "[".repeat(100_000);
    for text in ["{", "nonsense", "{} {}", r#"{"a":1e400}"#, r#"{"a":1,}"#, "\u{feff}{}", &deep] {
        assert!(refused(text).starts_with("malformed_request: the line is no JSON: "), "{text}");
    }
}

#[test]
fn what_is_no_object_is_malformed() {
    for (text, kind) in [("[]", "a list"), ("1", "an integer"), ("null", "null")] {
        let expected = format!("malformed_request: a request is a JSON object, not {kind}");
        assert_eq!(refused(text), expected);
    }
}

#[test]
fn keys_are_all_there_and_no_others() {
    for key in ["cmd", "id", "operation", "dtype", "config", "input"] {
        let expected = format!("malformed_request: key {key} is missing");
        assert_eq!(refused(&with(key, None)), expected);
    }
    assert_eq!(
        refused(&with("seed", Some("1"))),
        "malformed_request: key \"seed\" is unknown; allowed are cmd, id, operation, dtype, \
         config, input and extensions that begin with x_"
    );
}

#[test]
fn values_have_the_right_types() {
    for key in ["cmd", "id", "operation", "dtype"] {
        for value in ["1", "null", "[\"a\"]"] {
            let expected = format!("malformed_request: {key} must be a string, not {value}");
            assert_eq!(refused(&with(key, Some(value))), expected);
        }
    }
    for key in ["config", "input"] {
        for (value, kind) in [("\"a\"", "a string"), ("[]", "a list"), ("null", "null")] {
            let expected = format!("malformed_request: {key} must be an object, not {kind}");
            assert_eq!(refused(&with(key, Some(value))), expected);
        }
    }
    assert_eq!(
        refused(&with("cmd", Some("\"stop\""))),
        r#"malformed_request: cmd is "stop", allowed is "run""#
    );
    assert_eq!(
        refused(&with("dtype", Some("\"float32\""))),
        "malformed_request: dtype is \"float32\", allowed are f64, f32, bf16, f16, f8e4m3fn, f8e5m2, f8e4m3fnuz, f8e5m2fnuz, i64, i32"
    );
    assert_eq!(
        refused(&with("operation", Some("\"Rotate\""))),
        "unknown_operation: operation is \"Rotate\", allowed are rotate, apply, score, inv_freq, \
         table, alibi_slopes, alibi_bias, t5_bucket, t5_bias, sinusoidal, learned, permute_qk, \
         position_ids, shaw_bucket, deberta_bucket, attention_temperature, attention, chain"
    );
}

#[test]
fn a_key_that_stands_twice_is_named() {
    for (key, value, path) in [
        ("config", r#"{"head_dim":4,"head_dim":4}"#, "config.head_dim"),
        (
            "config",
            r#"{"rope_parameters":{"factor":1,"factor":2}}"#,
            "config.rope_parameters.factor",
        ),
        ("input", r#"{"q":{"dtype":"f32","dtype":"f32"}}"#, "input.q.dtype"),
        ("x_mine", r#"[{"a":1,"a":1}]"#, "x_mine[0].a"),
    ] {
        let expected = format!("duplicate_key: {path} stands twice");
        assert_eq!(refused(&with(key, Some(value))), expected);
    }
    assert_eq!(refused(&GOOD.replacen('{', r#"{"id":"b","#, 1)), "duplicate_key: id stands twice");
}

#[test]
fn slugs_are_the_closed_list() {
    assert_eq!(
        Slug::ALL.map(Slug::name).join(" "),
        "malformed_request malformed_tensor malformed_position unknown_operation \
         unknown_rope_type unknown_key unused_key unused_input missing_key missing_input \
         duplicate_key invalid_value odd_rotary_dim shape_mismatch dtype_mismatch \
         seq_len_required position_out_of_range"
    );
    for slug in Slug::ALL {
        let reject = slug.because("why: because");
        assert_eq!(reject.to_string(), format!("{}: why: because", slug.name()));
        assert_eq!(Slug::from_reason(&reject.to_string()), Some(slug));
        assert_eq!(Slug::from_reason(slug.name()), Some(slug));
        assert_eq!(Slug::from_reason(&format!(" {} : x", slug.name())), Some(slug));
    }
    for reason in ["", ":", "unknown", "malformed_tensors: x", "x: unknown_key", "Unknown_key"] {
        assert_eq!(Slug::from_reason(reason), None);
    }
}

#[test]
fn replies_have_their_three_forms() {
    let slopes = Tensor::new(Dtype::F16, vec![2, 1], vec![0x3c00, 0x3800]).unwrap();
    let count = Tensor::new(Dtype::I32, vec![], vec![7]).unwrap();
    let output = vec![("slopes", slopes.clone()), ("count", count)];
    assert_eq!(
        written(&tensor_json(&slopes)),
        r#"{"dtype":"f16","shape":[2,1],"bits":["3c00","3800"]}"#
    );
    assert_eq!(written(&tensor_json(&slopes)), serde_json::to_string(&slopes).unwrap());
    let outputs = r#"{"slopes":{"dtype":"f16","shape":[2,1],"bits":["3c00","3800"]},"count":{"dtype":"i32","shape":[],"bits":["00000007"]}}"#;
    assert_eq!(written(&tensors(&output)), outputs);
    let more = object(r#"{"residual":{"z":1},"decimal":[]}"#);
    let line = |reply: Reply| written(&reply.to_json());
    assert_eq!(
        line(Reply::Output { id: "a\n".into(), output, more }),
        format!(r#"{{"id":"a\n","output":{outputs},"residual":{{"z":1}},"decimal":[]}}"#)
    );
    let reject = Slug::InvalidValue.because("factor is \"0\"");
    assert_eq!(
        line(Reply::Rejected { id: Some("b".into()), reject: reject.clone() }),
        r#"{"id":"b","rejected":"invalid_value: factor is \"0\""}"#
    );
    assert_eq!(
        line(Reply::Rejected { id: None, reject }),
        r#"{"id":null,"rejected":"invalid_value: factor is \"0\""}"#
    );
    assert_eq!(
        line(Reply::Errored { id: "c".into(), message: "UndecidedRounding".into() }),
        r#"{"id":"c","errored":"UndecidedRounding"}"#
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        prop_assert_eq!(Request::parse(&text).unwrap_err().slug, Slug::MalformedRequest);
    }

    #[test]
    fn no_json_makes_the_reader_panic(
        text in r#"[\[\]{}:,"0-9eE.+\-a-ctrufalsn\\ ]{0,40}"#, key in 0usize..6,
    ) {
        let _ = Request::parse(&text);
        // The same in the place of a value of an otherwise good request, and in its input.
        let keys = ["cmd", "id", "operation", "dtype", "config", "input"];
        let line = format!(r#"{{"{}":{text}}}"#, keys[key]);
        let _ = Request::parse(&line);
        let line = GOOD.replace("[[0]]", &text);
        if let Ok(request) = Request::parse(&line) {
            let _ = request.input.positions("positions");
            let _ = request.input.tensor("positions");
        }
    }

    #[test]
    fn a_broken_line_is_refused_not_misread(at in 0..GOOD.len(), with in " -~") {
        let mut line = GOOD.to_string();
        line.replace_range(at..=at, &with);
        if let Err(reject) = Request::parse(&line) {
            prop_assert!(Slug::from_reason(&reject.to_string()) == Some(reject.slug));
        }
        prop_assert_eq!(
            Request::parse(&GOOD[..at]).unwrap_err().slug,
            Slug::MalformedRequest
        );
    }
}
