//! What was checked: counts per golden file, and which files those were.

use super::claims::{Owned, sha256};
use ropewalk_theorem::{Lemmas, prelude};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Counts of one golden file.
#[derive(Default, Serialize, Deserialize)]
struct File {
    sha256: String,
    elements: usize,
    certified: usize,
    refused: Vec<String>,
    left_out: BTreeMap<String, usize>,
}

/// Values of claims, of whatever kind.
fn elements(claims: &[Owned]) -> usize {
    let of = |claim: &Owned| {
        claim.claim().expected.iter().map(|(_, t, _)| t.data().len()).sum::<usize>()
    };
    claims.iter().map(of).sum()
}

/// The outcome of a run.
pub struct Record {
    files: BTreeMap<String, File>,
    coq: String,
    /// SHA-256 of what every lemma rests on.
    prelude: String,
    pick: Option<(usize, u64)>,
}

impl Record {
    /// Nothing yet.
    pub fn new(coq: &str, pick: Option<(usize, u64)>) -> Record {
        Record { files: BTreeMap::new(), coq: coq.to_string(), prelude: sha256(prelude()), pick }
    }

    /// Takes over what an earlier record has of these claims' golden files, if it was made the same
    /// way, of the same files, and of as many values: of a whole file, not of some of its tests.
    pub fn resume(&mut self, earlier: &str, claims: &[Owned]) {
        let Ok(earlier) = serde_json::from_str::<Value>(earlier) else { return };
        let same = earlier["checked_by"] == self.coq.as_str()
            && earlier["prelude_sha256"] == self.prelude.as_str()
            && earlier["pick"] == self.pick_json();
        if !same {
            return;
        }
        let Ok(mut files) = BTreeMap::<String, File>::deserialize(&earlier["files"]) else {
            return;
        };
        for claims in claims.chunk_by(|a, b| a.path == b.path) {
            let known = files.remove(&claims[0].path);
            let same =
                |file: &File| file.sha256 == claims[0].sha256 && file.elements == elements(claims);
            if let Some(file) = known.filter(same) {
                self.files.insert(claims[0].path.clone(), file);
            }
        }
    }

    /// Whether a golden file is in the record.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Adds a golden file: its claims, their lemmas, and those that were refused.
    pub fn add(&mut self, claims: &[Owned], lemmas: &[Lemmas], refused: Vec<String>) {
        let mut file = File { elements: elements(claims), ..File::default() };
        for (claim, lemmas) in claims.iter().zip(lemmas) {
            file.sha256.clone_from(&claim.sha256);
            file.certified += lemmas.names.len();
            for (reason, count) in &lemmas.left_out {
                *file.left_out.entry(reason.to_string()).or_default() += count;
            }
        }
        file.certified -= refused.len();
        file.refused = refused;
        if let Some(claim) = claims.first() {
            self.files.insert(claim.path.clone(), file);
        }
    }

    /// Whether there are lemmas, and none was refused.
    pub fn proves_all(&self) -> bool {
        self.total(|file| file.certified) > 0 && self.total(|file| file.refused.len()) == 0
    }

    fn pick_json(&self) -> Value {
        self.pick.map_or(Value::Null, |(values, seed)| json!({"values": values, "seed": seed}))
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
        let record = json!({
            "checked_by": self.coq,
            "prelude_sha256": self.prelude,
            "pick": self.pick_json(),
            "elements": self.total(|file| file.elements),
            "certified": self.total(|file| file.certified),
            "refused": self.total(|file| file.refused.len()),
            "files": self.files,
        });
        format!("{record:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::gather;
    use super::*;

    /// Only what was made the same way, of the same whole file, is taken over.
    #[test]
    fn a_record_is_gone_on_with() {
        let target = "alibi_slopes/f16.json";
        let claims = gather(None, &[target.to_string()], ropewalk::vector::shipped()).ok().unwrap();
        let lemmas: Vec<Lemmas> = claims.iter().map(|_| Lemmas::default()).collect();
        let has = |coq: &str, pick: Option<(usize, u64)>, earlier: &str, claims: &[Owned]| {
            let mut record = Record::new(coq, pick);
            record.resume(earlier, claims);
            record.has(target)
        };
        let mut whole = Record::new("Coq", None);
        whole.add(&claims, &lemmas, vec![]);
        assert!(has("Coq", None, &whole.json(), &claims));
        assert!(!has("Coq 2", None, &whole.json(), &claims));
        assert!(!has("Coq", Some((9, 0)), &whole.json(), &claims));
        assert!(!has("Coq", None, &whole.json().replace(&claims[0].sha256, "0"), &claims));
        assert!(!has("Coq", None, "no JSON", &claims));
        // Some tests of the file are not the file.
        let mut part = Record::new("Coq", None);
        part.add(&claims[..1], &lemmas[..1], vec![]);
        assert!(!has("Coq", None, &part.json(), &claims));
        assert!(has("Coq", None, &part.json(), &claims[..1]));
    }
}
