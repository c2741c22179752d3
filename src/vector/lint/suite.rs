//! Rules that bind the files and the manifest.

use super::{File, Log, Rule, first_difference};
use crate::vector::manifest::{Entry, Manifest};
use crate::vector::model::Golden;
use std::collections::BTreeMap;

pub(super) fn check(
    manifest: &Manifest,
    text: &str,
    files: &[File],
    read: &BTreeMap<String, Golden>,
    log: &mut Log,
) {
    if let Some(line) = first_difference(text, &manifest.to_canonical()) {
        log.add(Rule::Canonical, "", "text", format!("different from line {line} on"));
    }
    if !is_version(&manifest.suite) {
        log.add(Rule::Version, "", "suite", format!("{:?}", manifest.suite));
    }
    for (path, golden) in read.iter().filter(|(_, golden)| golden.suite != manifest.suite) {
        log.add(Rule::Version, path, "suite", format!("{:?}", golden.suite));
    }
    if let Some(pair) = manifest.files.windows(2).find(|pair| pair[0].path >= pair[1].path) {
        log.add(Rule::ManifestOrder, &pair[1].path, "path", format!("after {:?}", pair[0].path));
    }
    for entry in &manifest.files {
        match files.iter().find(|file| file.path == entry.path) {
            None => log.add(Rule::ManifestMissing, &entry.path, "path", "not there"),
            Some(file) => match read.get(&entry.path) {
                Some(golden) => {
                    check_entry(entry, &Entry::new(&entry.path, &file.text, golden), log)
                }
                // Its form has been complained of.
                None => {}
            },
        }
    }
    let listed = |file: &&File| !manifest.files.iter().any(|entry| entry.path == file.path);
    for file in files.iter().filter(listed) {
        log.add(Rule::ManifestExtra, &file.path, "path", "not listed");
    }
}

fn check_entry(entry: &Entry, actual: &Entry, log: &mut Log) {
    if entry.sha256 != actual.sha256 {
        log.add(Rule::ManifestHash, &entry.path, "sha256", &entry.sha256);
    }
    let counts = |e: &Entry| {
        let (groups, tests, elements) = (e.groups, e.tests, e.elements);
        format!("{}, {groups} groups, {tests} tests, {elements} elements", e.operation.name())
    };
    if counts(entry) != counts(actual) {
        let value = format!("{} instead of {}", counts(entry), counts(actual));
        log.add(Rule::ManifestCounts, &entry.path, "counts", value);
    }
}

/// major.minor.patch without leading zeros.
fn is_version(text: &str) -> bool {
    let number = |n: &str| {
        !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) && (n == "0" || !n.starts_with('0'))
    };
    text.split('.').count() == 3 && text.split('.').all(number)
}
