//! The layers, and the arrows against them.

use crate::house::Arrow;
use std::collections::BTreeSet;

/// Each layer, and those that it may use besides itself. The picture is in `docs/architecture.md`.
pub const LAYERS: &[(&str, &[&str])] = &[
    ("src/number", &[]),
    ("src/request", &["src/number"]),
    ("src/encoding", &["src/number", "src/request"]),
    ("src/profile", &["src/number", "src/request", "src/encoding"]),
    ("src/vector", &["src/number", "src/request", "src/encoding"]),
    ("src/fault", &["src/number", "src/request", "src/encoding", "src/profile"]),
    (
        "src/audit",
        &["src/number", "src/request", "src/encoding", "src/profile", "src/vector", "src/fault"],
    ),
    (
        "src/dump",
        &[
            "src/number",
            "src/request",
            "src/encoding",
            "src/profile",
            "src/vector",
            "src/audit",
            "src/exact",
        ],
    ),
    ("src/exact", &["src/number", "src/request", "src/encoding"]),
    (
        "src/generate",
        &[
            "src/number",
            "src/request",
            "src/encoding",
            "src/profile",
            "src/fault",
            "src/exact",
            "src/vector",
        ],
    ),
    ("crates/theorem", &["src/number", "src/request", "src/encoding", "src/exact"]),
    // The second oracle takes the question and the types of an answer, never the walk.
    ("crates/oracle", &["src/number", "src/request", "src/encoding", "src/exact/answer"]),
    ("crates/cli", &["src", "crates/theorem"]),
    ("crates/python", &["src", "crates/cli"]),
    ("crates/graph", &[]),
];

/// The arrows that no layer allows; one whose ends are in no layer is among them.
///
/// ```
/// use ropewalk_graph::{Arrow, LAYERS, against};
/// let arrow = |from: &str, to: &str| Arrow { from: from.into(), to: to.into(), name: "x".into() };
/// let down = arrow("src/audit/run.rs", "src/number.rs");
/// let up = arrow("src/number/round.rs", "src/audit.rs");
/// assert_eq!(against(&[down, up.clone()].into(), LAYERS), [up]);
/// ```
pub fn against(arrows: &BTreeSet<Arrow>, layers: &[(&str, &[&str])]) -> Vec<Arrow> {
    let allowed = |arrow: &Arrow| {
        layers.iter().filter(|(layer, _)| is_in(&arrow.from, layer)).any(|(layer, below)| {
            is_in(&arrow.to, layer) || below.iter().any(|below| is_in(&arrow.to, below))
        })
    };
    arrows.iter().filter(|arrow| !allowed(arrow)).cloned().collect()
}

/// Whether a file is in a folder, or is the file that stands for it.
fn is_in(file: &str, layer: &str) -> bool {
    file.strip_prefix(layer).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}
