//! The rules, and what is said where one is broken.

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
pub(super) struct Log<'a> {
    pub(super) file: &'a str,
    pub(super) complaints: &'a mut Vec<Complaint>,
}

impl Log<'_> {
    pub(super) fn add(
        &mut self,
        rule: Rule,
        place: &str,
        field: impl Into<String>,
        value: impl ToString,
    ) {
        self.complaints.push(Complaint {
            file: self.file.to_string(),
            place: place.to_string(),
            field: field.into(),
            value: value.to_string(),
            rule,
        });
    }
}

/// The first line (from 1) in which two texts differ.
pub(super) fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let (mut a, mut b) = (a.split('\n'), b.split('\n'));
    (1..).find(|_| match (a.next(), b.next()) {
        (Some(x), Some(y)) => x != y,
        _ => true,
    })
}

/// Lower-case words and numbers joined by single hyphens.
pub(super) fn is_slug(text: &str) -> bool {
    let word =
        |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    text.split('-').all(word)
}
