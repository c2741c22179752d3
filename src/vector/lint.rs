//! The rules that golden files obey beyond their form, checked without computing any answer.

mod suite;
mod test;

use super::manifest::Manifest;
use super::model::Golden;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// A golden file as it lies on disk.
#[derive(Clone, Debug)]
pub struct File {
    /// Path below the directory of the vectors, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A rule, as a program names it. [`Rule::sentence`] says it to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the sentences say it
pub enum Rule {
    Form,
    Canonical,
    Version,
    NoteMissing,
    NoteUnused,
    NoteEmpty,
    BasicFirst,
    GroupName,
    IdForm,
    IdUnique,
    Comment,
    Flags,
    Request,
    ExpectedDtype,
    ResidualShape,
    ResidualValue,
    Bounds,
    ManifestMissing,
    ManifestExtra,
    ManifestHash,
    ManifestCounts,
    ManifestOrder,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 22] = [
        Rule::Form,
        Rule::Canonical,
        Rule::Version,
        Rule::NoteMissing,
        Rule::NoteUnused,
        Rule::NoteEmpty,
        Rule::BasicFirst,
        Rule::GroupName,
        Rule::IdForm,
        Rule::IdUnique,
        Rule::Comment,
        Rule::Flags,
        Rule::Request,
        Rule::ExpectedDtype,
        Rule::ResidualShape,
        Rule::ResidualValue,
        Rule::Bounds,
        Rule::ManifestMissing,
        Rule::ManifestExtra,
        Rule::ManifestHash,
        Rule::ManifestCounts,
        Rule::ManifestOrder,
    ];

    /// The rule in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Rule::Form => "a file has the form of its schema",
            Rule::Canonical => "a file is written canonically",
            Rule::Version => "all files carry the manifest's suite version, major.minor.patch",
            Rule::NoteMissing => "every flag has a note",
            Rule::NoteUnused => "every note is used",
            Rule::NoteEmpty => "a note says what a failure means and what it does",
            Rule::BasicFirst => "the first group is basic, no other one is",
            Rule::GroupName => "groups have names, slugs unique in the file, and tests",
            Rule::IdForm => "an id is lower-case words and numbers joined by hyphens",
            Rule::IdUnique => "an id is unique in the suite",
            Rule::Comment => "a comment is one line that is not empty",
            Rule::Flags => "a test has flags, none of them twice",
            Rule::Request => "a request is refused exactly if its expectation says so",
            Rule::ExpectedDtype => "floating-point outputs have the group's dtype",
            Rule::ResidualShape => "every floating-point output has an f16 residual of its shape",
            Rule::ResidualValue => "a residual fits the number it belongs to",
            Rule::Bounds => {
                "a profile bounds every floating-point output, in its dtype and shape, not below 0"
            }
            Rule::ManifestMissing => "every listed file is there",
            Rule::ManifestExtra => "every file is listed",
            Rule::ManifestHash => "the hash is that of the file",
            Rule::ManifestCounts => "operation and counts are those of the file",
            Rule::ManifestOrder => "files are listed once, sorted by path",
        }
    }
}

/// A broken rule: where, what stands there, and which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Path of the file.
    pub file: String,
    /// The test's id, else the group's name, else empty.
    pub place: String,
    /// The field, with indices: `residual.q[3]`.
    pub field: String,
    /// What stands there.
    pub value: String,
    /// The rule.
    pub rule: Rule,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Complaint { file, place, field, value, rule } = self;
        let separator = if place.is_empty() { "" } else { ": " };
        write!(f, "{file}: {place}{separator}{field} is {value}; {}", rule.sentence())
    }
}

/// Complaints about one place, gathered.
struct Log<'a> {
    file: &'a str,
    complaints: &'a mut Vec<Complaint>,
}

impl Log<'_> {
    fn add(&mut self, rule: Rule, place: &str, field: impl Into<String>, value: impl ToString) {
        self.complaints.push(Complaint {
            file: self.file.to_string(),
            place: place.to_string(),
            field: field.into(),
            value: value.to_string(),
            rule,
        });
    }
}

/// Checks files, and the manifest if it is given. Complaints come file by file, in order; a file
/// whose form is wrong gets that one only.
///
/// ```
/// use ropewalk::vector::{File, lint};
/// let file = File { path: "a.json".into(), text: "{}".into() };
/// assert_eq!(
///     lint(&[file], None)[0].to_string(),
///     "a.json: text is \"missing field `schema` at line 1 column 2\"; \
///      a file has the form of its schema",
/// );
/// ```
pub fn lint(files: &[File], manifest: Option<&str>) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut ids = HashMap::new();
    let mut read = BTreeMap::new();
    for file in files {
        let mut log = Log { file: &file.path, complaints: &mut complaints };
        match Golden::read(&file.text) {
            Err(error) => log.add(Rule::Form, "", "text", format!("{:?}", error.to_string())),
            Ok(golden) => {
                check_file(&golden, &file.text, &mut log);
                for (_, test) in golden.tests() {
                    if let Some(first) = ids.insert(test.id.clone(), file.path.clone()) {
                        log.add(Rule::IdUnique, &test.id, "id", format!("in {first} as well"));
                    }
                }
                read.insert(file.path.clone(), golden);
            }
        }
    }
    if let Some(text) = manifest {
        let mut log = Log { file: super::tree::MANIFEST, complaints: &mut complaints };
        match Manifest::read(text) {
            Err(error) => log.add(Rule::Form, "", "text", format!("{:?}", error.to_string())),
            Ok(manifest) => suite::check(&manifest, text, files, &read, &mut log),
        }
    }
    complaints
}

fn check_file(golden: &Golden, text: &str, log: &mut Log) {
    let canonical = golden.to_canonical();
    if let Some(line) = first_difference(text, &canonical) {
        log.add(Rule::Canonical, "", "text", format!("different from line {line} on"));
    }
    check_notes(golden, log);
    let mut names = BTreeSet::new();
    for (index, group) in golden.groups.iter().enumerate() {
        if group.basic != (index == 0) {
            log.add(Rule::BasicFirst, &group.name, "basic", group.basic);
        }
        if !is_slug(&group.name) || !names.insert(&group.name) || group.tests.is_empty() {
            let value = format!("{:?} with {} tests", group.name, group.tests.len());
            log.add(Rule::GroupName, &group.name, "name", value);
        }
        for test in &group.tests {
            test::check(golden, group, test, log);
        }
    }
    if golden.groups.is_empty() {
        log.add(Rule::BasicFirst, "", "groups", "empty");
    }
}

/// The first line (from 1) in which two texts differ.
fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let (mut a, mut b) = (a.split('\n'), b.split('\n'));
    (1..).find(|_| match (a.next(), b.next()) {
        (Some(x), Some(y)) => x != y,
        _ => true,
    })
}

fn check_notes(golden: &Golden, log: &mut Log) {
    let used: BTreeSet<&str> =
        golden.tests().flat_map(|(_, test)| test.flags.iter().map(String::as_str)).collect();
    for flag in used.iter().filter(|flag| !golden.notes.contains_key(**flag)) {
        log.add(Rule::NoteMissing, "", "notes", format!("without {flag:?}"));
    }
    for (flag, note) in &golden.notes {
        if !used.contains(flag.as_str()) {
            log.add(Rule::NoteUnused, "", format!("notes.{flag}"), "there");
        }
        if note.meaning.trim().is_empty() || note.effect.trim().is_empty() {
            log.add(Rule::NoteEmpty, "", format!("notes.{flag}"), "without meaning or effect");
        }
    }
}

/// Lower-case words and numbers joined by single hyphens.
fn is_slug(text: &str) -> bool {
    let word =
        |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    text.split('-').all(word)
}
