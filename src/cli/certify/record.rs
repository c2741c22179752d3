//! What was checked: counts per golden file, and which files those were.

use super::claims::Owned;
use crate::theorem::Lemmas;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};

/// Counts of one golden file.
#[derive(Default)]
struct File {
    sha256: String,
    elements: usize,
    certified: usize,
    refused: Vec<String>,
    left_out: BTreeMap<&'static str, usize>,
}

/// The outcome of a run.
pub struct Record {
    files: BTreeMap<String, File>,
    coq: String,
    pick: Option<(usize, u64)>,
}

impl Record {
    /// Sorts the lemmas by their golden files.
    pub fn new(
        certificates: &[(&Owned, Lemmas)],
        refused: &[String],
        coq: &str,
        values: Option<usize>,
        seed: u64,
    ) -> Record {
        let refused: HashSet<&str> = refused.iter().map(String::as_str).collect();
        let mut files: BTreeMap<String, File> = BTreeMap::new();
        for (claim, lemmas) in certificates {
            let file = files.entry(claim.path.clone()).or_default();
            file.sha256.clone_from(&claim.sha256);
            file.elements +=
                claim.claim().expected.iter().map(|(_, t, _)| t.data().len()).sum::<usize>();
            for name in &lemmas.names {
                match refused.contains(name.as_str()) {
                    true => file.refused.push(name.clone()),
                    false => file.certified += 1,
                }
            }
            for (reason, count) in &lemmas.left_out {
                *file.left_out.entry(reason).or_default() += count;
            }
        }
        Record { files, coq: coq.to_string(), pick: values.map(|values| (values, seed)) }
    }

    fn total(&self, of: impl Fn(&File) -> usize) -> usize {
        self.files.values().map(of).sum()
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let certified = self.total(|file| file.certified);
        let elements = self.total(|file| file.elements);
        let refused = self.total(|file| file.refused.len());
        let left_out = self.total(|file| file.left_out.values().sum());
        format!(
            "{certified} of {elements} values certified by {}, {refused} refused, {left_out} left out",
            self.coq
        )
    }

    /// The whole as JSON, the same on every machine.
    pub fn json(&self) -> String {
        let files: Map<String, Value> = self
            .files
            .iter()
            .map(|(path, file)| {
                let value = json!({
                    "sha256": file.sha256,
                    "elements": file.elements,
                    "certified": file.certified,
                    "refused": file.refused,
                    "left_out": file.left_out,
                });
                (path.clone(), value)
            })
            .collect();
        let pick = self.pick.map(|(values, seed)| json!({"values": values, "seed": seed}));
        let record = json!({
            "checked_by": self.coq,
            "pick": pick,
            "elements": self.total(|file| file.elements),
            "certified": self.total(|file| file.certified),
            "refused": self.total(|file| file.refused.len()),
            "files": files,
        });
        format!("{record:#}\n")
    }
}
