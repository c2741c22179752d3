//! Runs Coq on lemmas, and finds out which ones it refuses.

use super::super::CliError;
use ropewalk_theorem::{Lemmas, PRELUDE, SATURATES, saturates};
use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

/// Lemmas per file: starting Coq takes as long as some hundred lemmas.
const BATCH: usize = 2000;

/// What a file of lemmas begins with when the prelude is a file of its own.
const HEADER: &str = "From Coq Require Import Reals ZArith.\nFrom Flocq Require Import Core.\n\
    Require Import Nearest Enclosure.\nOpen Scope R_scope.\n";

/// How a lemma begins.
const LEMMA: &str = "Lemma ";

/// A directory with the compiled prelude.
pub struct Checker {
    folder: tempfile::TempDir,
    version: String,
}

/// A file of lemmas, and the names of those that are in it.
struct Batch {
    text: String,
    count: usize,
}

impl Checker {
    /// Compiles the prelude.
    ///
    /// # Errors
    /// No coqc, or one that lacks the libraries.
    pub fn new() -> Result<Checker, CliError> {
        let version = Command::new("coqc").arg("--version").output().map_err(|_| {
            let needed = "coq, libcoq-flocq and libcoq-interval on Debian";
            CliError::Usage(format!("--check needs coqc with Flocq and CoqInterval ({needed})"))
        })?;
        let version = String::from_utf8_lossy(&version.stdout);
        let version = version.lines().next().unwrap_or_default().trim().to_string();
        let folder = tempfile::tempdir().map_err(CliError::stream("a temporary directory"))?;
        let checker = Checker { folder, version };
        for (name, text) in PRELUDE {
            if let Some(error) = checker.coqc(name, text)? {
                return Err(CliError::Usage(format!("coqc refuses {name}.v:\n{error}")));
            }
        }
        Ok(checker)
    }

    /// What coqc calls itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Compiles a text; what Coq says if it fails.
    fn coqc(&self, name: &str, text: &str) -> Result<Option<String>, CliError> {
        let path = self.folder.path().join(format!("{name}.v"));
        std::fs::write(&path, text).map_err(CliError::file(&path))?;
        let output = Command::new("coqc")
            .arg("-q")
            .arg(Path::new(name).with_extension("v"))
            .current_dir(self.folder.path())
            .output()
            .map_err(CliError::stream("coqc"))?;
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((!output.status.success()).then(said))
    }

    /// The lemmas that Coq refuses, in order.
    ///
    /// # Errors
    /// Coq that cannot be run, or fails outside of lemmas.
    pub fn check(&self, certificates: &[Lemmas], jobs: usize) -> Result<Vec<String>, CliError> {
        let batches: VecDeque<(usize, Batch)> =
            batches(certificates).into_iter().enumerate().collect();
        if certificates.iter().any(|lemmas| saturates(&lemmas.text)) {
            let (name, text) = SATURATES;
            if let Some(error) = self.coqc(name, text)? {
                return Err(CliError::Usage(format!("coqc refuses {name}.v:\n{error}")));
            }
        }
        let queue = Mutex::new(batches);
        let results = Mutex::new(Vec::new());
        let work = || -> Result<(), CliError> {
            loop {
                let next = queue.lock().ok().and_then(|mut queue| queue.pop_front());
                let Some((number, batch)) = next else { return Ok(()) };
                let refused = self.refused(number, &batch.text)?;
                if let Ok(mut results) = results.lock() {
                    results.push((number, refused));
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                match worker.join() {
                    Ok(result) => result?,
                    Err(_) => return Err(CliError::Usage("a worker gave up".into())),
                }
            }
            Ok(())
        })?;
        let mut results = results.into_inner().unwrap_or_default();
        results.sort();
        Ok(results.into_iter().flat_map(|(_, refused)| refused).collect())
    }

    /// Runs a file until Coq accepts what is left of it.
    fn refused(&self, number: usize, text: &str) -> Result<Vec<String>, CliError> {
        let besides = if saturates(text) { "Require Import Saturates.\n" } else { "" };
        let all = format!("{HEADER}{besides}{text}");
        let mut lines: Vec<String> = all.lines().map(String::from).collect();
        let mut refused = Vec::new();
        let name = format!("Lemmas{number}");
        while let Some(error) = self.coqc(&name, &(lines.join("\n") + "\n"))? {
            let Some(lemma) = take_lemma(&mut lines, &error) else {
                return Err(CliError::Usage(format!("coqc fails outside of lemmas:\n{error}")));
            };
            refused.push(lemma);
        }
        Ok(refused)
    }
}

/// Files of about [`BATCH`] lemmas.
fn batches(certificates: &[Lemmas]) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for lemmas in certificates.iter().filter(|lemmas| !lemmas.names.is_empty()) {
        for (text, count) in pieces(lemmas) {
            match batches.last_mut() {
                Some(last) if last.count + count <= BATCH => {
                    last.text += &text;
                    last.count += count;
                }
                _ => batches.push(Batch { text, count }),
            }
        }
    }
    batches
}

/// A module cut into modules of at most [`BATCH`] lemmas, each with all definitions.
fn pieces(lemmas: &Lemmas) -> Vec<(String, usize)> {
    if lemmas.names.len() <= BATCH {
        return vec![(lemmas.text.clone(), lemmas.names.len())];
    }
    let own: Vec<String> = lemmas
        .names
        .iter()
        .filter_map(|name| name.rsplit_once('.').map(|(_, own)| format!("Lemma {own} :")))
        .collect();
    let starts: Vec<usize> = own.iter().filter_map(|start| lemmas.text.find(start)).collect();
    let (Some(&first), Some(end)) = (starts.first(), lemmas.text.rfind("End ")) else {
        return vec![(lemmas.text.clone(), lemmas.names.len())];
    };
    let (head, tail) = (&lemmas.text[..first], &lemmas.text[end..]);
    starts
        .chunks(BATCH)
        .enumerate()
        .map(|(index, chunk)| {
            let after = starts.get((index + 1) * BATCH).copied().unwrap_or(end);
            (format!("{head}{}{tail}", &lemmas.text[chunk[0]..after]), chunk.len())
        })
        .collect()
}

/// Removes the lemma that an error message is about and all those before it, which Coq has accepted,
/// and says which one it was.
fn take_lemma(lines: &mut Vec<String>, error: &str) -> Option<String> {
    let (_, rest) = error.split_once("line ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let at = digits.parse::<usize>().ok()?.checked_sub(1)?.min(lines.len().checked_sub(1)?);
    let start = (0..=at).rev().find(|&line| lines[line].starts_with(LEMMA))?;
    let end = (start..lines.len()).find(|&line| lines[line].trim_end().ends_with("Qed."))?;
    if at > end {
        return None;
    }
    let own = lines[start].trim_start_matches(LEMMA).split_whitespace().next()?.to_string();
    let module = (0..start).rev().find_map(|line| {
        lines[line].strip_prefix("Module ").map(|name| name.trim_end_matches('.').to_string())
    });
    let mut within = false;
    let mut number = 0;
    lines.retain(|line| {
        within |= line.starts_with(LEMMA);
        let kept = number > end || !within;
        within &= !line.trim_end().ends_with("Qed.");
        number += 1;
        kept
    });
    Some(module.map_or(own.clone(), |module| format!("{module}.{own}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_module_is_cut_and_a_lemma_taken_out() {
        let mut lemmas =
            Lemmas { text: "\nModule m.\nDefinition a := 1.\n".into(), ..Lemmas::default() };
        for i in 0..4100 {
            lemmas.names.push(format!("m.q_{i}"));
            lemmas.text += &format!("Lemma q_{i} :\n  x.\nProof. y. Qed.\n");
        }
        lemmas.text += "End m.\n";
        let cut = batches(&[lemmas]);
        assert_eq!(cut.iter().map(|batch| batch.count).collect::<Vec<_>>(), [2000, 2000, 100]);
        assert!(cut.iter().all(|batch| batch.text.starts_with("\nModule m.\nDefinition a")));
        let lemmas_in = |batch: &Batch| batch.text.matches("Lemma ").count();
        assert_eq!(cut.iter().map(lemmas_in).collect::<Vec<_>>(), [2000, 2000, 100]);
        let mut lines: Vec<String> = cut[2].text.lines().map(String::from).collect();
        let error = "File \"./x.v\", line 9, characters 7-20:\nError: no\n";
        assert_eq!(take_lemma(&mut lines, error).as_deref(), Some("m.q_4001"));
        // Both it and what Coq accepted before are gone.
        assert_eq!(lines.iter().filter(|line| line.starts_with("Lemma ")).count(), 98);
        assert_eq!(lines[..4], ["", "Module m.", "Definition a := 1.", "Lemma q_4002 :"]);
        assert_eq!(take_lemma(&mut lines, "Error: out of memory"), None);
    }
}
