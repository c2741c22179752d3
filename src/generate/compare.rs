//! What differs between a suite and the files on disk.

use super::run::Generated;
use crate::vector::{Golden, Test};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A difference between what a suite makes and what lies on disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A file is not there.
    Missing(String),
    /// A file is there that no suite makes.
    Extra(String),
    /// A file differs, but no test does: header, notes, a group's config, or form.
    File(String),
    /// A file is not a golden file at all.
    Unreadable(String, String),
    /// A test is not in the file on disk.
    TestMissing(String, String),
    /// A test is in the file on disk that no suite makes.
    TestExtra(String, String),
    /// A test differs, in these fields.
    Test(String, String, Vec<&'static str>),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing(file) => write!(f, "{file}: missing"),
            Difference::Extra(file) => write!(f, "{file}: made by no suite"),
            Difference::File(file) => write!(f, "{file}: differs outside its tests"),
            Difference::Unreadable(file, why) => write!(f, "{file}: {why}"),
            Difference::TestMissing(file, id) => write!(f, "{file}: {id}: missing"),
            Difference::TestExtra(file, id) => write!(f, "{file}: {id}: made by no suite"),
            Difference::Test(file, id, fields) => {
                write!(f, "{file}: {id}: {} differs", fields.join(", "))
            }
        }
    }
}

/// Compares a generated file with the text on disk, none if it is not there.
pub fn compare(made: &Generated, on_disk: Option<&str>) -> Vec<Difference> {
    let file = || made.path.clone();
    let Some(text) = on_disk else {
        return vec![Difference::Missing(file())];
    };
    if text == made.text {
        return Vec::new();
    }
    let old = match Golden::read(text) {
        Ok(old) => old,
        Err(error) => return vec![Difference::Unreadable(file(), error.to_string())],
    };
    let by_id = |golden: &Golden| -> BTreeMap<String, Test> {
        golden.tests().map(|(_, test)| (test.id.clone(), test.clone())).collect()
    };
    let (new, old) = (by_id(&made.golden), by_id(&old));
    let ids: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
    let mut differences = Vec::new();
    for id in ids {
        match (new.get(id), old.get(id)) {
            (Some(_), None) => differences.push(Difference::TestMissing(file(), id.clone())),
            (None, Some(_)) => differences.push(Difference::TestExtra(file(), id.clone())),
            (Some(a), Some(b)) if a != b => {
                differences.push(Difference::Test(file(), id.clone(), fields(a, b)));
            }
            _ => {}
        }
    }
    if differences.is_empty() {
        differences.push(Difference::File(file()));
    }
    differences
}

fn fields(a: &Test, b: &Test) -> Vec<&'static str> {
    let all = [
        ("comment", a.comment != b.comment),
        ("flags", a.flags != b.flags),
        ("input", a.input != b.input),
        ("expected", a.expected != b.expected),
        ("residual", a.residual != b.residual),
        ("bounds", a.bounds != b.bounds),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
