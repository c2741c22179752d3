//! The first door: a long-lived process that speaks the protocol on its standard streams.
//!
//! Whatever it does, the audit goes on: after a breakage it is ended with everything that it
//! started, started afresh for the next question, and given up after several breakages in a row.

mod options;
mod running;
mod streams;

pub use options::ProcessOptions;

use super::ask::Ask;
use super::capability::Description;
use super::kernel::Kernel;
use super::outcome::{Breakage, Outcome};
use running::Running;
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A kernel behind a command.
///
/// ```no_run
/// use ropewalk::audit::{Options, Process, ProcessOptions, audit};
/// let mut kernel = Process::new("python3 adapter.py", ProcessOptions::default());
/// let audited = audit(&mut kernel, &[], &Options::default());
/// println!("{}", audited.report.verdict.name());
/// ```
pub struct Process {
    command: CommandLine,
    options: ProcessOptions,
    running: Option<Running>,
    broken_in_a_row: usize,
    /// Why it did not start when it was first asked who it is.
    stillborn: Option<Breakage>,
    log: Arc<Mutex<Vec<u8>>>,
}

enum CommandLine {
    Shell(String),
    Program(Vec<OsString>),
}

impl Process {
    /// A command line for the shell (`sh -c`; `cmd /C` on Windows). Nothing runs yet.
    pub fn new(command: &str, options: ProcessOptions) -> Process {
        Process::with(CommandLine::Shell(command.into()), options)
    }

    /// A program and its arguments, without a shell. Nothing runs yet.
    pub fn program(
        program_and_arguments: impl IntoIterator<Item = OsString>,
        options: ProcessOptions,
    ) -> Process {
        let parts = program_and_arguments.into_iter().collect();
        Process::with(CommandLine::Program(parts), options)
    }

    fn with(command: CommandLine, options: ProcessOptions) -> Process {
        Process {
            command,
            options,
            running: None,
            broken_in_a_row: 0,
            stillborn: None,
            log: Arc::default(),
        }
    }

    /// What the reply to `start` says beyond the protocol: its keys that begin with `x_`.
    #[cfg(feature = "library")]
    pub(super) fn extensions(&mut self) -> Result<crate::request::Object, Breakage> {
        Ok(self.running()?.extensions.clone())
    }

    fn running(&mut self) -> Result<&mut Running, Breakage> {
        if self.running.is_none() {
            if self.broken_in_a_row >= self.options.give_up {
                return Err(Breakage::GivenUp(self.broken_in_a_row));
            }
            let started = self.start();
            self.running = Some(started.inspect_err(|_| self.broken_in_a_row += 1)?);
        }
        match &mut self.running {
            Some(running) => Ok(running),
            None => Err(Breakage::NoStart("it ended at once".into())),
        }
    }

    fn start(&self) -> Result<Running, Breakage> {
        let mut command = match &self.command {
            CommandLine::Shell(line) => shell(line),
            CommandLine::Program(parts) => {
                let mut parts = parts.iter();
                let program = parts.next().ok_or(Breakage::NoStart("no program".into()))?;
                let mut command = Command::new(program);
                command.args(parts);
                command
            }
        };
        own_group(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|e| Breakage::NoStart(e.to_string()))?;
        Running::new(child, self.options, &self.log)
    }
}

impl Kernel for Process {
    fn describe(&mut self) -> Result<Description, Breakage> {
        // Whoever asks twice need not wait twice.
        if let Some(breakage) = &self.stillborn {
            return Err(breakage.clone());
        }
        match self.running() {
            Ok(running) => Ok(running.description.clone()),
            Err(breakage) => {
                self.stillborn = Some(breakage.clone());
                Err(breakage)
            }
        }
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let outcome = match self.running() {
            Ok(running) => running.exchange(ask),
            Err(breakage) => return Outcome::Broken(breakage),
        };
        if let Outcome::Broken(breakage) = &outcome {
            self.broken_in_a_row += if let Breakage::Hang(_) = breakage { 3 } else { 1 };
            if let Some(mut running) = self.running.take() {
                running.kill();
            }
        } else {
            self.broken_in_a_row = 0;
        }
        outcome
    }

    fn log(&self) -> String {
        let log = self.log.lock().map(|log| log.clone()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            running.stop();
        }
    }
}

/// A process group of its own, so that all of it can be ended.
fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    shell
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.arg("/C").arg(command);
    shell
}
