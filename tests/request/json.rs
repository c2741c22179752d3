//! JSON that forgets nothing: order, duplicates, integers, the nearest f64.

use super::{json, object, written};
use crate::number::random;
use proptest::prelude::*;
use ropewalk::request::{Json, Object};
use serde::Deserialize;
use serde::de::value::BytesDeserializer;

fn error(text: &str) -> String {
    serde_json::from_str::<Json>(text).unwrap_err().to_string()
}

#[test]
fn order_and_duplicates_are_kept() {
    let text = r#"{"z":1,"a":{"y":[],"b":{}},"m":null,"a":true}"#;
    assert_eq!(written(&json(text)), text);
    let object = object(text);
    let keys: Vec<&str> = object.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["z", "a", "m", "a"]);
    assert_eq!(object.get("a").map(written).as_deref(), Some(r#"{"y":[],"b":{}}"#));
    assert_eq!(object.get("b"), None);
}

#[test]
fn keys_are_set_in_place_and_taken_out() {
    let mut object = object(r#"{"b":1,"a":2}"#);
    object.set("b", Json::from("x"));
    object.set("c", Json::from(false));
    assert_eq!(written(&Json::Object(object.clone())), r#"{"b":"x","a":2,"c":false}"#);
    assert_eq!(object.remove("a"), Some(Json::Integer(2)));
    assert_eq!(object.remove("a"), None);
    assert!(!object.is_empty());
    object.remove("b");
    object.remove("c");
    assert!(object.is_empty() && Object::default().is_empty());
}

#[test]
fn the_first_duplicate_is_named_by_its_path() {
    for (text, path) in [
        (r#"{"a":1,"b":2,"a":3}"#, Some("a")),
        (r#"{"a":{"b":{"c":1,"c":1}}}"#, Some("a.b.c")),
        (r#"{"a":[0,{"b":1,"b":1}]}"#, Some("a[1].b")),
        (r#"{"a":[[{}],[{},{"b":1,"b":1}]]}"#, Some("a[1][1].b")),
        (r#"[{"b":[{"c":1,"c":1}]}]"#, Some("[0].b[0].c")),
        (r#"{"a":{"b":1,"b":1},"a":1}"#, Some("a.b")),
        // Equal keys of different objects, and keys that differ, are no duplicates.
        (r#"{"a":{"a":{"a":[{"a":1},{"a":1}]}}}"#, None),
        (r#"{"a":1,"A":1,"a ":1,"":1}"#, None),
        // An escape spells the same key; a key may look like a path.
        (r#"{"a":1,"\u0061":2}"#, Some("a")),
        (r#"{"x.[0]":{"[":1,"[":1}}"#, Some("x.[0].[")),
        ("[]", None),
        ("1", None),
    ] {
        assert_eq!(json(text).duplicate_key().as_deref(), path, "{text}");
    }
}

#[test]
fn integers_and_reals_are_told_apart() {
    for (text, value) in [
        ("0", Json::Integer(0)),
        ("-1", Json::Integer(-1)),
        ("9007199254740993", Json::Integer(9007199254740993)),
        ("18446744073709551615", Json::Integer(u64::MAX.into())),
        ("-9223372036854775808", Json::Integer(i64::MIN.into())),
        ("1.0", Json::Real(1.0)),
        ("1e3", Json::Real(1000.0)),
        ("1E0", Json::Real(1.0)),
        ("18446744073709551616", Json::Real(18446744073709551616.0)),
        ("-9223372036854775809", Json::Real(-9223372036854775808.0)),
        ("1e-400", Json::Real(0.0)),
        ("5e-324", Json::Real(f64::from_bits(1))),
        ("2.4703282292062328e-324", Json::Real(f64::from_bits(1))),
        ("1.7976931348623158e308", Json::Real(f64::MAX)),
    ] {
        assert_eq!(json(text), value, "{text}");
    }
}

#[test]
fn minus_zero_keeps_its_sign() {
    for text in ["-0", "-0.0", "-0e5"] {
        let Json::Real(zero) = json(text) else { panic!("{text} is no real") };
        assert!(zero == 0.0 && zero.is_sign_negative());
        assert_eq!(written(&json(text)), "-0.0");
    }
}

#[test]
fn what_is_no_number_is_an_error() {
    for text in ["1e400", "-1e400", "[1e309]", &"9".repeat(400)] {
        assert!(error(text).starts_with("number out of range"), "{text}");
    }
    for text in ["01", "+1", ".5", "1.", "NaN", "Infinity", "0x10", "1e", "--1", "", "1 2", "{,}"] {
        assert!(serde_json::from_str::<Json>(text).is_err(), "{text}");
    }
}

#[test]
fn numbers_are_the_nearest_f64() {
    // The quick way, one product or quotient of two rounded numbers, stands beside the right one:
    // the sample is worth something only if that way misreads a good part of it.
    let mut next = random(20);
    let mut misread = 0;
    for i in 0..20_000 {
        let digits = next() >> (next() % 12);
        let exponent = (next() % 45) as i32 - 30;
        let text = match i % 2 {
            0 => format!("{digits}e{exponent}"),
            _ => format!("0.{digits:020}"),
        };
        let exponent = if i % 2 == 0 { exponent } else { -20 };
        let scale = 10f64.powi(exponent.abs());
        let quick = if exponent < 0 { digits as f64 / scale } else { digits as f64 * scale };
        let right: f64 = text.parse().unwrap();
        assert_eq!(json(&text).number().unwrap().to_bits(), right.to_bits(), "{text}");
        misread += (quick != right) as u32;
    }
    assert!(misread > 2_000, "{misread}");
    // A midpoint of two doubles, and the same with a last digit far behind.
    let tie = "9007199254740993.0";
    assert_eq!(json(tie), Json::Real(9007199254740992.0));
    assert_eq!(json(&format!("{tie}{}1", "0".repeat(800))), Json::Real(9007199254740994.0));
}

#[test]
fn a_number_is_read_whichever_way_it_was_written() {
    assert_eq!(json("3").number(), Some(3.0));
    assert_eq!(json("3.5").number(), Some(3.5));
    // 2^53 + 1 is a tie and 2^64 − 1 is not.
    assert_eq!(json("9007199254740993").number(), Some(9007199254740992.0));
    assert_eq!(json("18446744073709551615").number(), Some(18446744073709551616.0));
    for text in ["null", "true", r#""3""#, "[3]", "{}"] {
        assert_eq!(json(text).number(), None);
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = json(&nested(127));
    assert_eq!(written(&deepest), nested(127));
    assert_eq!(deepest.duplicate_key(), None);
    for depth in [128, 1_000_000] {
        assert!(error(&nested(depth)).starts_with("recursion limit exceeded"));
        assert!(error(&"[".repeat(depth)).starts_with("recursion limit exceeded"));
        assert!(error(&r#"{"a":"#.repeat(depth)).starts_with("recursion limit exceeded"));
    }
}

#[test]
fn every_kind_has_a_name_for_sentences() {
    let kinds = ["null", "true", "1", "1.0", r#""a""#, "[]", "{}"].map(|text| json(text).kind());
    assert_eq!(
        kinds,
        [
            "null",
            "a boolean",
            "an integer",
            "a number with a fraction or an exponent",
            "a string",
            "a list",
            "an object"
        ]
    );
}

#[test]
fn long_values_are_cut_in_sentences_only() {
    // Cut between characters, not bytes.
    let long = Json::String("é".repeat(300));
    assert_eq!(long.to_string(), format!("\"{}…", "é".repeat(199)));
    assert_eq!(written(&long), format!("\"{}\"", "é".repeat(300)));
    let fits = Json::String("é".repeat(198));
    assert_eq!(fits.to_string(), written(&fits));
}

#[test]
fn values_are_made_from_native_ones() {
    let made = [
        Json::from("a"),
        Json::from(true),
        Json::from(0.5),
        Json::from(7usize),
        Json::from(-7i64),
        // Not from the wire, but a pattern or a product may be as long.
        Json::Integer(i128::MIN),
        Json::Integer(i128::MAX),
        Json::Integer(u64::MAX.into()),
    ];
    assert_eq!(
        written(&Json::Array(made.into())),
        "[\"a\",true,0.5,7,-7,-170141183460469231731687303715884105728,\
         170141183460469231731687303715884105727,18446744073709551615]"
    );
}

#[test]
fn an_object_is_nothing_else() {
    assert_eq!(
        serde_json::from_str::<Object>("[1]").unwrap_err().to_string(),
        "expected an object, not [1]"
    );
}

#[test]
fn other_sources_of_the_same_values_will_do() {
    let source = serde_json::json!({"a": [1, -1, 0.5, "x", null]});
    let value: Json = serde_json::from_value(source.clone()).unwrap();
    assert_eq!(written(&value), r#"{"a":[1,-1,0.5,"x",null]}"#);
    assert_eq!(serde_json::to_value(&value).unwrap(), source);
    // And one that has more to offer than JSON has.
    let bytes = BytesDeserializer::<serde_json::Error>::new(b"x");
    assert_eq!(
        Json::deserialize(bytes).unwrap_err().to_string(),
        "invalid type: byte array, expected a JSON value"
    );
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(|n| Json::Integer(n.into())),
        prop::num::f64::NORMAL.prop_map(Json::from),
        prop::num::f64::SUBNORMAL.prop_map(Json::from),
        prop::num::f64::ZERO.prop_map(Json::from),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            // Short keys, so that some stand twice.
            prop::collection::vec(("[a-c.\\[]{0,2}", inner), 0..5)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Whether any object holds a key twice, the obvious way.
fn has_duplicate(json: &Json) -> bool {
    match json {
        Json::Array(items) => items.iter().any(has_duplicate),
        Json::Object(object) => {
            let keys: Vec<&str> = object.iter().map(|(key, _)| key).collect();
            let twice = |i: usize| keys[..i].contains(&keys[i]);
            (0..keys.len()).any(twice) || object.iter().any(|(_, value)| has_duplicate(value))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(value in any_json()) {
        let text = written(&value);
        let again = json(&text);
        // As text, since −0 equals 0 as a number.
        prop_assert_eq!(written(&again), text);
        prop_assert_eq!(again, value);
    }

    #[test]
    fn a_duplicate_is_found_if_there_is_one(value in any_json()) {
        prop_assert_eq!(value.duplicate_key().is_some(), has_duplicate(&value));
    }
}
