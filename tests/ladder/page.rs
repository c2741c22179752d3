//! The constants that `docs/ladder.md` derives are those of the code.

use ropewalk::exact::ladder::{
    CHAIN, DOUBLE_BOUND, ENTRY, FRACTION_BITS, PLAIN_BOUND, PLAIN_ENTRY, PLAIN_PRODUCT, PLAIN_TEST,
    PRODUCT, ROTATE, ROTATE_BOUND, ROTATE_TEST, TEST,
};

/// A number, 2^−n, or m·2^−n.
fn value(text: &str) -> f64 {
    let (factor, power) = match text.split_once('·') {
        Some((factor, power)) => (factor.parse().unwrap(), power),
        None => (1.0, text),
    };
    match power.split_once('^') {
        Some((two, exponent)) => {
            assert_eq!(two, "2");
            factor * 2f64.powi(exponent.replace('−', "-").parse().unwrap())
        }
        None => power.parse().unwrap(),
    }
}

#[test]
fn the_page_has_the_constants_of_the_code() {
    let page = std::fs::read_to_string("docs/ladder.md").unwrap();
    let constants = [
        ("FRACTION_BITS", FRACTION_BITS as f64),
        ("CHAIN", CHAIN),
        ("PRODUCT", PRODUCT),
        ("ENTRY", ENTRY),
        ("TEST", TEST),
        ("PLAIN_PRODUCT", PLAIN_PRODUCT),
        ("PLAIN_ENTRY", PLAIN_ENTRY),
        ("PLAIN_TEST", PLAIN_TEST),
        ("DOUBLE_BOUND", DOUBLE_BOUND),
        ("PLAIN_BOUND", PLAIN_BOUND),
        ("ROTATE", ROTATE),
        ("ROTATE_TEST", ROTATE_TEST),
        ("ROTATE_BOUND", ROTATE_BOUND),
    ];
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split(" | ").collect())
        .collect();
    assert_eq!(rows.len(), constants.len());
    for (row, (name, constant)) in rows.iter().zip(constants) {
        assert_eq!(row[0], format!("| `{name}`"));
        assert_eq!(value(row[1]), constant, "{name}");
    }
    // Each is derived below its table, and in the source.
    let source = include_str!("../../src/exact/ladder/bound.rs");
    for (name, _) in constants {
        assert!(page.matches(&format!("`{name}`")).count() > 0 && source.contains(name), "{name}");
    }
}
