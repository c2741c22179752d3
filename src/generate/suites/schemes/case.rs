//! A case of a scaling rule.

use crate::encoding::Layout;
use crate::generate::plan::parsed;
use crate::request::Object;

/// A scaled rope.
pub(in crate::generate::suites) struct Case {
    /// A slug.
    pub(in crate::generate::suites) name: &'static str,
    /// What it is, in a few words.
    pub(in crate::generate::suites) what: &'static str,
    /// Flags of its tests.
    pub(in crate::generate::suites) flags: &'static [&'static str],
    /// The config without its layout.
    pub(in crate::generate::suites) config: &'static str,
    /// Total lengths, around the break-points; empty for a rule that takes none.
    pub(in crate::generate::suites) lengths: &'static [i64],
    /// Number of axes of a position.
    pub(in crate::generate::suites) axes: usize,
    /// Whether to rotate with it, or only to list its frequencies (wide heads).
    pub(in crate::generate::suites) rotate: bool,
}

impl Case {
    /// The config in a layout.
    pub(in crate::generate::suites) fn object(&self, layout: Layout) -> Object {
        let mut object = parsed(self.config);
        object.set("layout", layout.name().into());
        object
    }

    /// The total length in a name: `at-4096`, or nothing.
    pub(in crate::generate::suites) fn asked(&self) -> Vec<(String, Option<i64>)> {
        match self.lengths {
            [] => vec![("any-length".to_string(), None)],
            lengths => lengths.iter().map(|&n| (format!("length-{n}"), Some(n))).collect(),
        }
    }
}
