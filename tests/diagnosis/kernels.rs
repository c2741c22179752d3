//! Kernels in this process: machines of a profile, with faults or without.

use ropewalk::audit::{Ask, Breakage, Capability, Case, Description, Kernel, Outcome, cases};
use ropewalk::fault::{Answer, Asked, Fault, History, Mutant};
use ropewalk::number::Dtype;
use ropewalk::profile::{self, Profile};
use ropewalk::request::{Direction, Operation};
use ropewalk::vector::Golden;
use std::sync::LazyLock;

/// What the tests ask: the golden files, those of released models left out.
pub static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut all = Vec::new();
    let mut directories: Vec<_> = std::fs::read_dir(&root).unwrap().flatten().collect();
    directories.sort_by_key(|entry| entry.file_name());
    for directory in directories {
        let name = directory.file_name().into_string().unwrap();
        if !directory.path().is_dir() || ["schema", "models"].contains(&name.as_str()) {
            continue;
        }
        let mut files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().flatten().collect();
        files.sort_by_key(|entry| entry.file_name());
        for file in files {
            let text = std::fs::read_to_string(file.path()).unwrap();
            let golden: Golden = serde_json::from_str(&text).unwrap();
            let path = format!("{name}/{}", file.file_name().into_string().unwrap());
            all.extend(cases(&path, &golden));
        }
    }
    all
});

/// A machine of a profile with faults.
pub struct Emulated {
    pub profile: &'static str,
    pub faults: Vec<&'static Fault>,
    pub dtypes: Vec<Dtype>,
    history: History,
}

impl Emulated {
    pub fn new(profile: &'static str, faults: &[&str], dtypes: &[Dtype]) -> Emulated {
        let faults = faults.iter().map(|name| ropewalk::fault::find(name).unwrap()).collect();
        Emulated { profile, faults, dtypes: dtypes.to_vec(), history: History::default() }
    }
}

impl Kernel for Emulated {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let capability = Capability {
            operations: Operation::ALL.to_vec(),
            dtypes: self.dtypes.clone(),
            directions: Some(vec![Direction::Forward, Direction::Inverse, Direction::Backward]),
            ..Capability::default()
        };
        Ok(Description {
            name: "emulated".into(),
            capabilities: vec![capability],
            ..Description::default()
        })
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let asked = Asked::new(&ask.to_json());
        let profile: &Profile = profile::find(self.profile).unwrap();
        let history = self.history.clone();
        let mut mutant: Option<Mutant> = None;
        for fault in &self.faults {
            let next = match &mutant {
                None => fault.mutate(&asked, &history),
                Some(mutant) => mutant.then(fault),
            };
            mutant = next.or(mutant);
        }
        let output = match (mutant, asked.question()) {
            (Some(mutant), _) => match mutant.emulate(profile) {
                Answer::Output(output) => output,
                Answer::Refused(reject) => return Outcome::Rejected(reject.to_string()),
            },
            (None, Ok(question)) => {
                let floats = profile::emulate(profile, question).into_iter();
                let floats = floats.map(|named| (named.name, named.tensor));
                floats.chain(question.integers()).collect()
            }
            (None, Err(reject)) => return Outcome::Rejected(reject.to_string()),
        };
        if let Ok(question) = asked.question() {
            self.history.push(question);
        }
        Outcome::Output(output.into_iter().map(|(name, t)| (name.to_string(), t)).collect())
    }
}
