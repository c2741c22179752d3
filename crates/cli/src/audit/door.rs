//! By which door a kernel comes in.

use crate::{CliError, tensors};
use ropewalk::audit::library::Library;
use ropewalk::audit::{Answers, Case, Kernel, Process, ProcessOptions, Prompt, probes};
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
    /// Opens it for these cases.
    ///
    /// # Errors
    /// Files that are not there or not what they should be.
    pub fn open(&self, mut cases: Vec<Case>) -> Result<Opened, CliError> {
        let timeout = Duration::from_secs(self.timeout);
        let options = ProcessOptions { timeout, ..ProcessOptions::default() };
        let Which { exec, lib, outputs } = &self.which;
        for (given, option, door) in [
            (self.symbol.is_some() && lib.is_none(), "--symbol", "--lib"),
            (self.prompt.is_some() && outputs.is_none(), "--prompt", "--outputs"),
        ] {
            if given {
                return Err(CliError::Usage(format!("{option} has no meaning without {door}")));
            }
        }
        if let Some(path) = lib {
            std::fs::metadata(path).map_err(CliError::file(path))?;
            let symbol = self.symbol.as_deref().unwrap_or("ropewalk");
            let own = std::env::current_exe().map_err(CliError::stream("this program"))?;
            let arguments = ["host".into(), path.into(), "--symbol".into(), symbol.into()];
            let kernel = Library::new([own.into_os_string()].into_iter().chain(arguments), options);
            cases.extend(probes(&cases));
            let name = path.display().to_string();
            return Ok(Opened { kernel: Box::new(kernel), cases, name, lasting: false });
        }
        if let Some(path) = outputs {
            if let Some(prompt) = &self.prompt {
                let text = std::fs::read_to_string(prompt).map_err(CliError::file(prompt))?;
                let wrong = |why: String| CliError::Usage(format!("{}: {why}", prompt.display()));
                let json: Json = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
                let ids = Prompt::ids(&json).map_err(wrong)?;
                cases.retain(|case| ids.contains(&case.ask.id));
            }
            let name = path.display().to_string();
            let tensors = tensors::read(path)?;
            let kernel = Answers::new(&name, tensors, &cases, self.prompt.is_some());
            if let foreign @ [first, ..] = &kernel.foreign(&cases)[..] {
                eprintln!(
                    "ropewalk: {name}: {} answers are to questions that are not asked here, for \
                     example {first}",
                    foreign.len()
                );
            }
            return Ok(Opened { kernel: Box::new(kernel), cases, name, lasting: true });
        }
        let command = exec.clone().unwrap_or_default();
        let kernel = Process::new(&command, options);
        Ok(Opened { kernel: Box::new(kernel), cases, name: command, lasting: false })
    }
}
