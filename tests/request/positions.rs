//! Lists of positions: rectangular, to any depth.

use super::{json, written};
use proptest::prelude::*;
use ropewalk::request::{Position, Positions};

fn list(text: &str) -> Positions {
    Positions::parse("positions", &json(text)).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn list_error(text: &str) -> String {
    Positions::parse("positions", &json(text)).unwrap_err().to_string()
}

#[test]
fn lists_nest_to_any_depth() {
    for (text, shape, count) in [
        ("[]", vec![0], 0),
        ("[[]]", vec![1, 0], 0),
        ("[[],[]]", vec![2, 0], 0),
        ("[[[]],[[]]]", vec![2, 1, 0], 0),
        ("[7]", vec![1], 1),
        ("[[0,1,2],[3,4,5]]", vec![2, 3], 6),
        (r#"[[[0],["1/2"]],[[-1],["9007199254740992"]]]"#, vec![2, 2, 1], 4),
    ] {
        let positions = list(text);
        assert_eq!(positions.shape(), shape, "{text}");
        assert_eq!(positions.data().len(), count);
        assert_eq!(written(&positions.to_json()), text);
    }
    let data = list("[[0,1],[2,3]]").data().to_vec();
    assert_eq!(data, [0, 1, 2, 3].map(Position::integer));
}

#[test]
fn ragged_lists_are_refused() {
    let ragged = "shape_mismatch: positions is ragged: its lists differ in length or depth";
    for text in [
        "[[1],[2,3]]",
        "[[1,2],[3]]",
        "[[],[1]]",
        "[[1],[]]",
        "[1,[2]]",
        "[[1],2]",
        "[[1],[[2]]]",
        "[[[1]],[2]]",
        "[[],1]",
        "[1,[]]",
    ] {
        assert_eq!(list_error(text), ragged, "{text}");
    }
    // What is no position in any place is named rather than the shape.
    assert!(list_error("[[1],null]").starts_with("malformed_position: position null is neither"));
    assert!(list_error("[1,1.5]").starts_with("malformed_position: position 1.5 is neither"));
    assert!(list_error("[[0],[{}]]").starts_with("malformed_position: position {} is neither"));
    for (text, kind) in [("7", "an integer"), ("null", "null"), ("{}", "an object")] {
        assert_eq!(
            list_error(text),
            format!("malformed_position: positions must be a list of positions, not {kind}")
        );
    }
}

#[test]
fn a_shape_is_compared_down_to_an_empty_level() {
    for (text, expected, fits) in [
        ("[[1,2]]", &[1, 2][..], true),
        ("[[1,2]]", &[2, 1], false),
        ("[[1,2]]", &[1], false),
        ("[[1,2]]", &[1, 2, 1], false),
        ("[1]", &[1, 1], false),
        ("[]", &[0], true),
        ("[]", &[0, 3], true),
        ("[]", &[1], false),
        ("[]", &[], false),
        ("[[],[]]", &[2, 0], true),
        ("[[],[]]", &[2, 0, 3], true),
        ("[[],[]]", &[0], false),
        ("[[],[]]", &[3, 0], false),
        ("[[],[]]", &[2, 1], false),
        ("[[],[]]", &[2], false),
    ] {
        let result = list(text).expect_shape("positions", expected);
        assert_eq!(result.is_ok(), fits, "{text} {expected:?}");
    }
    assert_eq!(
        list("[[1,2]]").expect_shape("positions", &[3, 2]).unwrap_err().to_string(),
        "shape_mismatch: positions has shape [1, 2], but [3, 2] is needed"
    );
}

#[test]
fn integers_may_be_insisted_on() {
    assert_eq!(list("[[1],[\"9007199254740992\"]]").expect_integers("positions"), Ok(()));
    assert_eq!(
        list("[1,\"-3/2\"]").expect_integers("positions").unwrap_err().to_string(),
        "malformed_position: positions holds -3/2, but this encoding has integer positions only"
    );
}

#[test]
fn positions_from_parts_must_fit() {
    let data: Vec<Position> = (0..6).map(Position::integer).collect();
    let positions = Positions::new(vec![2, 3], data.clone()).unwrap();
    assert_eq!(positions, list("[[0,1,2],[3,4,5]]"));
    assert_eq!(Positions::new(vec![2, 2], data.clone()), None);
    assert_eq!(Positions::new(vec![usize::MAX, 2], data), None);
    let empty = Positions::new(vec![0, usize::MAX, usize::MAX], vec![]).unwrap();
    assert_eq!(written(&empty.to_json()), "[]");
    let nested = Positions::new(vec![2, 0, 3], vec![]).unwrap();
    assert_eq!(written(&nested.to_json()), "[[],[]]");
    let single = Positions::new(vec![], vec![Position::integer(4)]).unwrap();
    assert_eq!(written(&single.to_json()), "4");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rectangles_come_back(shape in prop::collection::vec(1usize..4, 1..4)) {
        let count: usize = shape.iter().product();
        let data = (0..count as i64).map(Position::integer).collect();
        let positions = Positions::new(shape.clone(), data).unwrap();
        prop_assert_eq!(Positions::parse("p", &positions.to_json()), Ok(positions.clone()));
        prop_assert_eq!(positions.expect_shape("p", &shape), Ok(()));
    }
}
