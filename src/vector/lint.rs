//! The rules that golden files obey beyond their form, checked without computing any answer.

mod rule;
mod suite;
mod test;

pub use rule::{Complaint, File, Rule};
use rule::{Log, first_difference, is_slug};

use super::manifest::Manifest;
use super::model::Golden;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
