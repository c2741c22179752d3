//! The named inputs, read on demand, and every way of not being one.

use super::object;
use ropewalk::number::Dtype;
use ropewalk::request::{Direction, Input, Json, Reject};

fn input(text: &str) -> Input {
    Input::new(object(text))
}

fn message<T: std::fmt::Debug>(result: Result<T, Reject>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn tensors_are_read_by_name() {
    let input = input(r#"{"q":{"bits":["3f80"],"shape":[1],"dtype":"bf16"},"k":3}"#);
    let q = input.tensor("q").unwrap();
    assert_eq!((q.dtype(), q.shape(), q.data()), (Dtype::Bf16, &[1][..], &[0x3f80][..]));
    assert_eq!(input.optional_tensor("q"), Ok(Some(q)));
    assert_eq!(input.optional_tensor("v"), Ok(None));
    assert!(input.has("q") && input.has("k") && !input.has("v"));
    assert_eq!(input.object().get("k"), Some(&Json::Integer(3)));
    assert_eq!(message(input.tensor("v")), r#"missing_input: input "v" is missing"#);
    assert_eq!(
        message(input.tensor("k")),
        "malformed_tensor: k: a tensor is an object, not an integer"
    );
    assert_eq!(
        message(input.optional_tensor("k")),
        "malformed_tensor: k: a tensor is an object, not an integer"
    );
}

#[test]
fn each_part_of_a_tensor_is_checked() {
    for (text, expected) in [
        (
            r#"{"dtype":"f32","shape":[],"bits":[],"x":1}"#,
            r#"key "x" is none of dtype, shape, bits"#,
        ),
        (r#"{"shape":[],"bits":[]}"#, "dtype must be a string"),
        (r#"{"dtype":32,"shape":[],"bits":[]}"#, "dtype must be a string"),
        (r#"{"dtype":"f32","bits":[]}"#, "shape must be a list"),
        (r#"{"dtype":"f32","shape":2,"bits":[]}"#, "shape must be a list"),
        (r#"{"dtype":"f32","shape":[]}"#, "bits must be a list"),
        (r#"{"dtype":"f32","shape":[],"bits":"00000000"}"#, "bits must be a list"),
        (r#"{"dtype":"f32","shape":[-1],"bits":[]}"#, "shape holds -1, no non-negative integer"),
        (r#"{"dtype":"f32","shape":[1.0],"bits":[]}"#, "shape holds 1.0, no non-negative integer"),
        (
            r#"{"dtype":"f32","shape":["1"],"bits":[]}"#,
            r#"shape holds "1", no non-negative integer"#,
        ),
        (r#"{"dtype":"f32","shape":[],"bits":[0]}"#, "bits holds 0, no string"),
        (r#"{"dtype":"f32","shape":[],"bits":[]}"#, "bits has 0 rows, but shape [] needs 1"),
        (
            r#"{"dtype":"f33","shape":[],"bits":[""]}"#,
            r#"dtype "f33" is none of f64, f32, bf16, f16, f8e4m3fn, f8e5m2, f8e4m3fnuz, f8e5m2fnuz, i64, i32"#,
        ),
    ] {
        let input = input(&format!(r#"{{"q":{text}}}"#));
        assert_eq!(message(input.tensor("q")), format!("malformed_tensor: q: {expected}"));
    }
}

#[test]
fn positions_are_read_by_name() {
    let input = input(r#"{"positions":[[0,1]],"query_positions":7}"#);
    assert_eq!(input.positions("positions").unwrap().shape(), [1, 2]);
    assert_eq!(
        message(input.positions("key_positions")),
        r#"missing_input: input "key_positions" is missing"#
    );
    assert_eq!(
        message(input.positions("query_positions")),
        "malformed_position: query_positions must be a list of positions, not an integer"
    );
}

#[test]
fn only_known_names_and_extensions_are_given() {
    let given = input(r#"{"q":1,"x_note":2,"seq_len":3}"#);
    assert_eq!(given.expect_names("rotate", &["q", "k", "seq_len"]), Ok(()));
    assert_eq!(
        message(given.expect_names("rotate", &["q", "k"])),
        r#"unused_input: input "seq_len" has no meaning here; rotate takes q, k"#
    );
    assert_eq!(
        message(given.expect_names("alibi_slopes", &[])),
        r#"unused_input: input "q" has no meaning here; alibi_slopes takes none"#
    );
    assert_eq!(Input::default().expect_names("alibi_slopes", &[]), Ok(()));
    assert!(input(r#"{"xnote":2}"#).expect_names("rotate", &["q"]).is_err());
}

#[test]
fn a_length_is_a_positive_integer() {
    assert_eq!(Input::default().seq_len(), Ok(None));
    for (text, n) in [("1", 1), ("4096", 4096), ("4611686018427387904", 1 << 62)] {
        assert_eq!(input(&format!(r#"{{"seq_len":{text}}}"#)).seq_len(), Ok(Some(n)));
    }
    for text in ["0", "-1", "4611686018427387905", "1.0", "1e3", "\"1\"", "null", "[1]"] {
        assert_eq!(
            message(input(&format!(r#"{{"seq_len":{text}}}"#)).seq_len()),
            format!(
                "invalid_value: seq_len is {}, allowed is an integer from 1 to 2^62",
                text.replace("1e3", "1000.0")
            )
        );
    }
}

#[test]
fn a_direction_is_one_of_those_allowed() {
    let all = [Direction::Forward, Direction::Inverse, Direction::Backward];
    assert_eq!(Input::default().direction(&all), Ok(Direction::Forward));
    for direction in all {
        let given = input(&format!(r#"{{"direction":"{}"}}"#, direction.name()));
        assert_eq!(given.direction(&all), Ok(direction));
    }
    assert_eq!(all.map(Direction::name), ["forward", "inverse", "backward"]);
    assert_eq!(Direction::default(), Direction::Forward);
    let inverse = input(r#"{"direction":"inverse"}"#);
    assert_eq!(
        message(inverse.direction(&[Direction::Forward, Direction::Backward])),
        r#"invalid_value: direction is "inverse", allowed are forward, backward"#
    );
}

#[test]
fn a_choice_is_one_of_the_words() {
    let words = ["to_half", "to_interleaved"];
    let choice = |text: &str| input(text).choice("direction", &words);
    assert_eq!(choice("{}"), Ok(None));
    assert_eq!(choice(r#"{"direction":"to_half"}"#), Ok(Some(0)));
    assert_eq!(choice(r#"{"direction":"to_interleaved"}"#), Ok(Some(1)));
    for (given, shown) in [("\"To_half\"", "\"To_half\""), ("1", "1"), ("null", "null")] {
        assert_eq!(
            message(choice(&format!(r#"{{"direction":{given}}}"#))),
            format!("invalid_value: direction is {shown}, allowed are to_half, to_interleaved")
        );
    }
}
