//! The first door: a long-lived process that speaks the protocol on its standard streams.
//!
//! Whatever it does, the audit goes on: after a breakage it is ended with everything that it
//! started, started afresh for the next question, and given up after several breakages in a row.

use super::capability::Description;
use super::kernel::{Ask, Breakage, Kernel, Outcome};
use super::reply::{read_reply, shortened};
use crate::request::{Json, Object};
use std::io::{BufRead, BufReader, Read, Write};
use std::ffi::OsString;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How patient the auditor is.
#[derive(Clone, Copy, Debug)]
pub struct ProcessOptions {
    /// For one answer, and for the reply to `start`.
    pub timeout: Duration,
    /// Bytes of a line; the longest answers of the vectors have some 10⁵, so that the default of
    /// 2²⁸ cuts off nothing but a flood.
    pub longest_line: usize,
    /// Breakages in a row after which nothing more is asked.
    pub give_up: usize,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        ProcessOptions { timeout: Duration::from_secs(30), longest_line: 1 << 28, give_up: 5 }
    }
}

/// Bytes of a log that are kept: its end.
const LOG: usize = 1 << 14;

/// Lines that may wait to be looked at. A child that writes more than it was asked for is stopped
/// by its own pipe, not by our memory.
const WAITING: usize = 16;

/// How long a child that has closed its output may take to end.
const ENDING: Duration = Duration::from_secs(2);

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
    log: Arc<Mutex<Vec<u8>>>,
}

enum CommandLine {
    Shell(String),
    Program(Vec<OsString>),
}

struct Running {
    child: Child,
    /// How it ended, once that is known. From then on its number may be another process's.
    status: Option<ExitStatus>,
    to_child: Sender<String>,
    from_child: Receiver<Heard>,
    options: ProcessOptions,
    description: Description,
    extensions: Object,
}

/// What the reader of a child's output heard.
enum Heard {
    /// A line, and what else had arrived with it.
    Line(Vec<u8>, Vec<u8>),
    Partial(Vec<u8>),
    Flood,
    End,
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
        Process { command, options, running: None, broken_in_a_row: 0, log: Arc::default() }
    }

    /// What the reply to `start` says beyond the protocol: its keys that begin with `x_`.
    pub(super) fn extensions(&mut self) -> Result<Object, Breakage> {
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
        let mut child = command.spawn().map_err(|e| Breakage::NoStart(e.to_string()))?;
        let (to_child, lines) = channel::<String>();
        let (heard, from_child) = sync_channel(WAITING);
        // Writing has a thread of its own: a child that does not read must not stop the clock.
        if let Some(mut stdin) = child.stdin.take() {
            std::thread::spawn(move || {
                for line in lines {
                    if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
                        break;
                    }
                }
            });
        }
        if let Some(stdout) = child.stdout.take() {
            let longest = self.options.longest_line;
            std::thread::spawn(move || listen(BufReader::new(stdout), longest, &heard));
        }
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&self.log);
            std::thread::spawn(move || keep_end(stderr, &log));
        }
        let mut running = Running {
            child,
            status: None,
            to_child,
            from_child,
            options: self.options,
            description: Description::default(),
            extensions: Object::default(),
        };
        match running.greet() {
            Ok(()) => Ok(running),
            Err(breakage) => {
                running.kill();
                Err(breakage)
            }
        }
    }
}

impl Kernel for Process {
    fn describe(&mut self) -> Result<Description, Breakage> {
        Ok(self.running()?.description.clone())
    }

    fn ask(&mut self, ask: &Ask) -> Outcome {
        let outcome = match self.running() {
            Ok(running) => running.exchange(ask),
            Err(breakage) => return Outcome::Broken(breakage),
        };
        if let Outcome::Broken(_) = outcome {
            self.broken_in_a_row += 1;
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
        let Some(mut running) = self.running.take() else { return };
        // A fair chance to end by itself.
        let _ = running.to_child.send("{\"cmd\":\"stop\"}\n".into());
        running.wait(ENDING);
        running.kill();
    }
}

impl Running {
    fn greet(&mut self) -> Result<(), Breakage> {
        let line = self.say("{\"cmd\":\"start\",\"protocols\":[1]}\n".into());
        // What a shell says of a command that it cannot run.
        let line = line.map_err(|breakage| match self.status.and_then(|status| status.code()) {
            Some(126) => Breakage::NoStart("the command is not executable".into()),
            Some(127) => Breakage::NoStart("the command is not found".into()),
            _ => breakage,
        })?;
        let json: Json = serde_json::from_str(&line).map_err(|e| {
            Breakage::Garbage(format!("the reply to start is no JSON ({e}): {}", shortened(&line)))
        })?;
        self.description = Description::parse(&json).map_err(Breakage::Garbage)?;
        if let Json::Object(object) = &json {
            let extra = object.iter().filter(|(key, _)| key.starts_with("x_"));
            self.extensions = extra.map(|(key, json)| (key.to_string(), json.clone())).collect();
        }
        Ok(())
    }

    fn exchange(&mut self, ask: &Ask) -> Outcome {
        let line = format!("{}\n", serde_json::to_string(&ask.to_json()).unwrap_or_default());
        match self.say(line) {
            Ok(reply) => read_reply(&reply, &ask.id),
            Err(breakage) => Outcome::Broken(breakage),
        }
    }

    /// Sends a line and waits for the one that answers it.
    fn say(&mut self, line: String) -> Result<String, Breakage> {
        // Whatever has arrived by now answers nothing.
        match self.from_child.try_recv() {
            Ok(Heard::Line(extra, _)) => return Err(extra_line(&extra)),
            Ok(other) => return Err(self.ended(other)),
            Err(_) => {}
        }
        // If the writer has gone, so has the child; the reader says how.
        let _ = self.to_child.send(line);
        match self.hear() {
            Ok(Heard::Line(_, rest)) if !rest.is_empty() => Err(extra_line(&rest)),
            Ok(Heard::Line(bytes, _)) => String::from_utf8(bytes).map_err(|e| {
                let text = String::from_utf8_lossy(e.as_bytes()).into_owned();
                Breakage::Garbage(format!("a line that is no UTF-8: {}", shortened(&text)))
            }),
            Ok(other) => Err(self.ended(other)),
            Err(RecvTimeoutError::Timeout) => Err(Breakage::Hang(self.options.timeout)),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended(Heard::End)),
        }
    }

    /// The next thing heard. A child that has ended is not waited for, though somebody whom it
    /// started may hold its output open.
    fn hear(&mut self) -> Result<Heard, RecvTimeoutError> {
        let deadline = Instant::now() + self.options.timeout;
        let mut over = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.from_child.recv_timeout(left.min(Duration::from_millis(100))) {
                Err(RecvTimeoutError::Timeout) if over => {
                    return Err(RecvTimeoutError::Disconnected);
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {
                    over = self.has_ended();
                }
                heard => return heard,
            }
        }
    }

    /// Why there is no line.
    fn ended(&mut self, heard: Heard) -> Breakage {
        if let Heard::Flood = heard {
            return Breakage::Flood(self.options.longest_line);
        }
        self.wait(ENDING);
        match (self.reap(), heard) {
            // A crash explains the half of a line better.
            (Some(status), _) if !status.success() => Breakage::Crash(describe(status)),
            (_, Heard::Partial(bytes)) => {
                Breakage::PartialLine(shortened(&String::from_utf8_lossy(&bytes)))
            }
            (Some(_), _) => Breakage::EarlyExit,
            (None, _) => Breakage::Closed,
        }
    }

    /// Waits for the end, but not for ever.
    fn wait(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the child has ended. On Unix it is left unburied, so that its number, which is that
    /// of its group too, cannot become another's before [`Running::reap`].
    #[cfg(unix)]
    fn has_ended(&mut self) -> bool {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let pid = Pid::from_raw(self.child.id() as i32);
        let ended = pid.is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), look), Ok(None)));
        self.status.is_some() || ended
    }

    #[cfg(not(unix))]
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// How a child ended, if it has. What it started ends with it.
    fn reap(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() && self.has_ended() {
            self.kill();
        }
        self.status
    }

    /// Ends the child and, where there are process groups, all that it started.
    fn kill(&mut self) {
        if self.status.is_some() {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        self.status = self.child.wait().ok();
    }
}

fn extra_line(bytes: &[u8]) -> Breakage {
    Breakage::ExtraLine(shortened(&String::from_utf8_lossy(bytes)))
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

#[cfg(unix)]
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    // A shell reports the signal of its child as 128 + signal.
    let signal = status.signal().or(status.code().filter(|code| *code > 128).map(|c| c - 128));
    let name = match signal {
        Some(4) => "SIGILL",
        Some(6) => "SIGABRT",
        Some(7) => "SIGBUS",
        Some(8) => "SIGFPE",
        Some(9) => "SIGKILL",
        Some(11) => "SIGSEGV",
        Some(15) => "SIGTERM",
        Some(other) => return format!("signal {other}"),
        None => return format!("exit status {}", status.code().unwrap_or_default()),
    };
    name.to_string()
}

#[cfg(not(unix))]
fn describe(status: ExitStatus) -> String {
    format!("exit status {}", status.code().unwrap_or_default())
}

/// Passes on every line of a child, its end, or that it never ends a line.
fn listen(mut stdout: BufReader<impl Read>, longest: usize, heard: &SyncSender<Heard>) {
    loop {
        let mut line = Vec::new();
        let read = (&mut stdout).take(longest as u64 + 1).read_until(b'\n', &mut line);
        let message = match read {
            Err(_) | Ok(0) => Heard::End,
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                Heard::Line(line, stdout.buffer().to_vec())
            }
            Ok(n) if n > longest => Heard::Flood,
            Ok(_) => Heard::Partial(line),
        };
        let go_on = matches!(message, Heard::Line(..));
        if heard.send(message).is_err() || !go_on {
            return;
        }
    }
}

fn keep_end(mut stderr: impl Read, log: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(n) = stderr.read(&mut buffer) {
        let Ok(mut log) = log.lock() else { return };
        if n == 0 {
            return;
        }
        log.extend_from_slice(&buffer[..n]);
        let surplus = log.len().saturating_sub(LOG);
        log.drain(..surplus);
    }
}
