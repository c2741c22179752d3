//! The second door: a shared library with the interface of `include/ropewalk.h`.
//!
//! The library is loaded by a process of its own, which is Ropewalk again and speaks the protocol
//! ([`serve`]): whatever the library does to that process, the machinery of the first door tells.
//! What a call does to memory is looked at there, after every call; see [`Probe`].

mod abi;
mod buffer;
mod call;
mod far;
mod how;
mod placed;
mod serve;

pub use serve::{Frequencies, ServeError, serve};

use super::ask::Ask;
use super::capability::Description;
use super::kernel::Kernel;
use super::outcome::{Breakage, Outcome};
use super::outside::Outside;
use super::probe::{Arrangement, Probe};
use super::process::{Process, ProcessOptions};
use crate::request::Json;
use call::Plan;
use std::ffi::OsString;

/// Words for the features that the library claims, in the order of their bits.
const FEATURES: [&str; 8] =
    ["int32", "int64", "strides", "in_place", "threads", "partial", "scaled", "keys"];

/// Begins the text with which the process tells of a finding.
const MISBEHAVED: &str = "misbehaved ";

/// A kernel in a shared library.
pub struct Library {
    process: Process,
    features: Vec<String>,
}

impl Library {
    /// A library that is loaded by the program with these arguments, which calls [`serve`].
    /// Nothing runs yet.
    pub fn new(
        program_and_arguments: impl IntoIterator<Item = OsString>,
        options: ProcessOptions,
    ) -> Library {
        let process = Process::program(program_and_arguments, options);
        Library { process, features: vec![] }
    }

    fn claims(&self, feature: &str) -> bool {
        self.features.iter().any(|claimed| claimed == feature)
    }
}

impl Kernel for Library {
    fn describe(&mut self) -> Result<Description, Breakage> {
        let description = self.process.describe().map_err(|breakage| {
            // Whoever loads the library says in the log why it cannot.
            let log = self.process.log();
            let reason = log.lines().find_map(|line| line.strip_prefix("ropewalk: "));
            reason.map_or(breakage, |reason| Breakage::NoStart(reason.to_string()))
        })?;
        if let Some(Json::Array(list)) = self.process.extensions()?.get("x_features") {
            let word = |json: &Json| match json {
                Json::String(word) => Some(word.clone()),
                _ => None,
            };
            self.features = list.iter().filter_map(word).collect();
        }
        Ok(description)
    }

    fn reaches(&self, ask: &Ask) -> Result<(), Outside> {
        let question = ask.question().map_err(|_| Outside::from("no C call can ask this"))?;
        let plan = Plan::new(question)?;
        let needs = |needed: bool, feature: &str| {
            if needed && !self.claims(feature) {
                return Err(Outside::from(format!("the library does not claim {feature}")));
            }
            Ok(())
        };
        let probe = Probe::of(ask);
        needs(probe == Some(Probe::Strided), "strides")?;
        if Arrangement::of(ask) == Arrangement::Far && !far::is_possible() {
            return Err("this system reserves no memory of that size".into());
        }
        needs(probe == Some(Probe::InPlace), "in_place")?;
        needs(plan.is_partial(), "partial")?;
        needs(plan.k.is_some(), "keys")?;
        needs(!plan.fits_32_bits(), "int64")?;
        let both = self.claims("int32") || self.claims("int64") || plan.positions.is_empty();
        needs(!both, "int32 or int64")
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        match self.process.ask(ask) {
            Outcome::Errored(text) => match found(&text) {
                Some((probe, text)) => Outcome::Misbehaved(probe, text.to_string()),
                None => Outcome::Errored(text),
            },
            other => other,
        }
    }

    fn log(&self) -> String {
        self.process.log()
    }
}

/// A finding, as [`serve`] words it.
fn found(text: &str) -> Option<(Probe, &str)> {
    let (name, text) = text.strip_prefix(MISBEHAVED)?.split_once(": ")?;
    Some((Probe::from_name(name)?, text))
}
