//! Positions: one spelling for each.

use super::{json, written};
use proptest::prelude::*;
use ropewalk::request::{Json, POSITION_LIMIT, Position};

fn parse(text: &str) -> Result<Position, String> {
    Position::parse(&json(text)).map_err(|reject| reject.to_string())
}

fn slug(text: &str) -> &'static str {
    Position::parse(&json(text)).unwrap_err().slug.name()
}

fn fraction(numerator: i64, denominator: i64) -> Position {
    Position { numerator, denominator }
}

#[test]
fn json_integers_up_to_where_readers_agree() {
    for n in [0, 1, -1, 131072, (1 << 53) - 1, 1 - (1 << 53)] {
        assert_eq!(parse(&n.to_string()), Ok(Position::integer(n)));
    }
    for text in [
        "9007199254740992",
        "-9007199254740992",
        "4611686018427387904",
        "18446744073709551615",
        "-9223372036854775808",
        "1e300",
    ] {
        assert_eq!(slug(text), "malformed_position", "{text}");
    }
    // No JSON holds it, but a caller may.
    let reject = Position::parse(&Json::Integer(i128::MIN)).unwrap_err();
    assert_eq!(reject.slug.name(), "malformed_position");
}

#[test]
fn decimal_strings_up_to_the_limit() {
    for n in [0, 7, -7, 1 << 53, (1 << 53) - 1, -(1 << 53), POSITION_LIMIT, -POSITION_LIMIT] {
        assert_eq!(parse(&format!("\"{n}\"")), Ok(Position::integer(n)));
    }
    let beyond = (POSITION_LIMIT as i128) + 1;
    for text in [beyond.to_string(), (-beyond).to_string(), i64::MIN.to_string(), "9".repeat(300)] {
        assert_eq!(slug(&format!("\"{text}\"")), "position_out_of_range", "{text}");
        let minus = format!("\"-{}\"", text.trim_start_matches('-'));
        assert_eq!(slug(&minus), "position_out_of_range", "{minus}");
    }
}

#[test]
fn fractions_in_lowest_terms_over_two_or_more() {
    for (text, expected) in [
        ("1/2", fraction(1, 2)),
        ("-1/2", fraction(-1, 2)),
        ("3/2", fraction(3, 2)),
        ("4611686018427387904/3", fraction(POSITION_LIMIT, 3)),
        ("-4611686018427387903/4611686018427387904", fraction(1 - POSITION_LIMIT, POSITION_LIMIT)),
    ] {
        assert_eq!(parse(&format!("\"{text}\"")), Ok(expected), "{text}");
    }
    for text in [
        "2/4", "3/1", "0/1", "0/2", "0/0", "1/0", "1/1", "-2/2", "1/-2", "1/+2", "01/2", "1/02",
        "1/", "/2", "/", "1/2/3", "1 /2", "-0/2", "1.0/2", "6/4", "-9/6",
    ] {
        assert_eq!(slug(&format!("\"{text}\"")), "malformed_position", "{text}");
    }
    // Too long for a machine word, and still in lowest terms: only the range is broken.
    let long = format!("1{}", "0".repeat(60));
    for text in [
        "4611686018427387905/2".to_string(),
        "1/4611686018427387905".to_string(),
        format!("{long}/3"),
        format!("-{long}/3"),
        format!("-{}1/2", &long[..60]),
        format!("1/{long}"),
    ] {
        assert_eq!(slug(&format!("\"{text}\"")), "position_out_of_range", "{text}");
    }
}

#[test]
fn every_other_spelling_is_malformed() {
    for text in [
        "1.0",
        "1e3",
        "-0",
        "-0.0",
        "0.5",
        "null",
        "true",
        "[]",
        "[1]",
        "{}",
        r#""""#,
        r#""-""#,
        r#""00""#,
        r#""01""#,
        r#""-01""#,
        r#""+1""#,
        r#""-0""#,
        r#""--1""#,
        r#""1.0""#,
        r#""1e3""#,
        r#"" 1""#,
        r#""1 ""#,
        r#""0x1""#,
        r#""1_000""#,
        r#""٣""#,
        r#""one""#,
        r#""−1""#,
    ] {
        assert_eq!(slug(text), "malformed_position", "{text}");
    }
}

#[test]
fn the_messages_say_what_is_allowed() {
    assert_eq!(
        parse("1.5").unwrap_err(),
        "malformed_position: position 1.5 is neither an integer within ±(2^53−1) nor a canonical \
         decimal string"
    );
    assert_eq!(
        parse("\"4611686018427387905\"").unwrap_err(),
        "position_out_of_range: position \"4611686018427387905\" is, or has a part, beyond \
         ±2^62 = ±4611686018427387904"
    );
}

#[test]
fn the_json_form_is_a_string_only_where_it_must_be() {
    for (position, text) in [
        (Position::integer(0), "0"),
        (Position::integer(-5), "-5"),
        (Position::integer((1 << 53) - 1), "9007199254740991"),
        (Position::integer(1 << 53), r#""9007199254740992""#),
        (Position::integer(1 - (1 << 53)), "-9007199254740991"),
        (Position::integer(-(1 << 53)), r#""-9007199254740992""#),
        (fraction(-1, 2), r#""-1/2""#),
    ] {
        assert_eq!(written(&position.to_json()), text);
        assert_eq!(position.to_string(), text.trim_matches('"'));
        assert_eq!(Position::parse(&position.to_json()), Ok(position));
    }
}

#[test]
fn positions_are_ordered_as_numbers() {
    let sorted = [
        Position::integer(-POSITION_LIMIT),
        Position::integer(-1),
        fraction(-1, 2),
        Position::integer(0),
        fraction(1, POSITION_LIMIT),
        fraction(1, 3),
        fraction(1, 2),
        fraction(2, 3),
        Position::integer(1),
        fraction(3, 2),
        fraction(POSITION_LIMIT - 1, 2),
        Position::integer(POSITION_LIMIT),
    ];
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(a.cmp(b), i.cmp(&j), "{a} {b}");
            assert_eq!(a.partial_cmp(b), Some(i.cmp(&j)));
        }
    }
    // Not in lowest terms: the same number, but not the same parts.
    assert!(fraction(1, 2) < fraction(2, 4));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_integer_position_comes_back(n in -POSITION_LIMIT..=POSITION_LIMIT) {
        let position = Position::integer(n);
        prop_assert_eq!(Position::parse(&position.to_json()), Ok(position));
        prop_assert_eq!(Position::parse(&Json::String(n.to_string())), Ok(position));
    }

    #[test]
    fn a_string_is_a_position_if_it_prints_so(text in "-?[0-9]{0,3}/?-?[0-9]{0,2}") {
        if let Ok(position) = Position::parse(&Json::String(text.clone())) {
            prop_assert_eq!(position.to_string(), text);
        }
    }
}
