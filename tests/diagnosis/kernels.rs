//! Kernels in this process: machines of a profile, with faults or without.

use crate::corpus::corpus;
use ropewalk::audit::{Ask, Breakage, Capability, Case, Description, Kernel, Outcome, cases};
use ropewalk::fault::{Answer, Asked, Fault, History, Mutant};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::profile::{self, Profile};
use ropewalk::request::{Direction, Operation};
use std::sync::LazyLock;

/// What the tests ask: the golden files, those of released models left out.
pub static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let own = corpus().iter().filter(|read| !read.file.path.starts_with("models/"));
    own.flat_map(|read| cases(&read.file.path, &read.golden)).collect()
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

/// A kernel that does in some places what a fault does, and all else right.
pub struct Partly<'a> {
    pub right: Emulated,
    pub wrong: Emulated,
    /// Whether an element is the fault's: the output, its shape, the index.
    pub is_wrong: &'a dyn Fn(&str, &[usize], usize) -> bool,
}

impl Kernel for Partly<'_> {
    fn describe(&mut self) -> Result<Description, Breakage> {
        self.right.describe()
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let (right, wrong) = (self.right.ask(ask), self.wrong.ask(ask));
        let (Outcome::Output(right), Outcome::Output(wrong)) = (&right, wrong) else {
            return right;
        };
        let mixed = right.iter().zip(wrong).map(|((name, right), (_, wrong))| {
            let shape = right.shape();
            let bits = right.data().iter().zip(wrong.data()).enumerate();
            let bits = bits.map(
                |(index, (right, wrong))| {
                    if (self.is_wrong)(name, shape, index) { *wrong } else { *right }
                },
            );
            (
                name.clone(),
                Tensor::new(right.dtype(), right.shape().to_vec(), bits.collect()).unwrap(),
            )
        });
        Outcome::Output(mixed.collect())
    }
}
