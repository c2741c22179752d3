//! By which door a kernel comes in.

use crate::{CliError, tensors};
use ropewalk::audit::library::Library;
use ropewalk::audit::{Answers, Case, Kernel, Process, ProcessOptions, Prompted, probes};
use ropewalk::request::Json;
use std::path::PathBuf;
use std::time::Duration;

/// The options that say how a kernel is reached.
#[derive(Debug, clap::Args)]
pub struct Door {
    #[command(flatten)]
    which: Which,
    /// With --lib: what the names of its functions begin with, if not with ropewalk
    #[arg(long, value_name = "NAME")]
    symbol: Option<String>,
    /// With --outputs: the JSON that `ropewalk prompt` wrote; every question of it counts,
    /// answered or not
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Seconds for one answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// A command that speaks the protocol (docs/adapter-protocol.md), for the shell
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// A shared library with the interface of ropewalk.h (docs/library-door.md)
    #[arg(long, value_name = "FILE")]
    lib: Option<PathBuf>,
    /// Answers to the questions of `ropewalk prompt`, .safetensors or .npz (docs/file-door.md)
    #[arg(long, value_name = "FILE")]
    outputs: Option<PathBuf>,
}

/// A kernel at an open door.
pub struct Opened {
    /// The kernel.
    pub kernel: Box<dyn Kernel>,
    /// What it is to be asked.
    pub cases: Vec<Case>,
    /// How it was reached, for the report.
    pub name: String,
    /// Whether its answers cannot change, so that asking twice says nothing.
    pub lasting: bool,
}

impl Door {
    /// Whatever of the options can be refused without opening it; and the prompt that was given.
    ///
    /// # Errors
    /// Options that do not go together, files that are not there or no prompt.
    pub fn prompt(&self) -> Result<Option<Prompted>, CliError> {
        let Which { lib, outputs, .. } = &self.which;
        for (given, option, door) in [
            (self.symbol.is_some() && lib.is_none(), "--symbol", "--lib"),
            (self.prompt.is_some() && outputs.is_none(), "--prompt", "--outputs"),
        ] {
            if given {
                return Err(CliError::Usage(format!("{option} has no meaning without {door}")));
            }
        }
        let Some(path) = &self.prompt else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(CliError::file(path))?;
        let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
        let json: Json = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        Prompted::read(&json).map(Some).map_err(|why| wrong(why.to_string()))
    }

    /// Opens it: the kernel first, so that one that does not start says so at once, then the cases.
    ///
    /// # Errors
    /// Files that are not there or not what they should be, and if nothing is to be asked.
    pub fn open(
        &self,
        cases: impl FnOnce() -> Result<Vec<Case>, CliError>,
    ) -> Result<Opened, CliError> {
        let timeout = Duration::from_secs(self.timeout);
        let options = ProcessOptions { timeout, ..ProcessOptions::default() };
        let Which { exec, lib, outputs } = &self.which;
        if let Some(path) = outputs {
            let name = path.display().to_string();
            let tensors = tensors::read(path)?;
            let cases = cases()?;
            let kernel = Answers::new(&name, tensors, &cases, self.prompt.is_some());
            if let foreign @ [first, ..] = &kernel.foreign(&cases)[..] {
                crate::write::warn(&format!(
                    "{name}: {} answers are to questions that are not asked here, for example {first}",
                    foreign.len()
                ));
            }
            return Ok(Opened { kernel: Box::new(kernel), cases, name, lasting: true });
        }
        let (name, mut kernel): (String, Box<dyn Kernel>) = match lib {
            Some(path) => {
                std::fs::metadata(path).map_err(CliError::file(path))?;
                let symbol = self.symbol.as_deref().unwrap_or("ropewalk");
                let own = crate::own::own().map_err(CliError::stream("this program"))?;
                let arguments = ["host".into(), path.into(), "--symbol".into(), symbol.into()];
                let program = own.into_iter().chain(arguments);
                (path.display().to_string(), Box::new(Library::new(program, options)))
            }
            None => {
                let command = exec.clone().unwrap_or_default();
                (command.clone(), Box::new(Process::new(&command, options)))
            }
        };
        let mut cases = match kernel.describe() {
            Ok(_) => cases()?,
            Err(_) => vec![],
        };
        if lib.is_some() {
            cases.extend(probes(&cases));
        }
        Ok(Opened { kernel, cases, name, lasting: false })
    }
}
