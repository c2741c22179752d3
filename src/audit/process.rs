//! The first door: a long-lived process that speaks the protocol on its standard streams.
//!
//! Whatever it does, the audit goes on: it is started again after a breakage, with nothing of the
//! broken run left, and given up after several in a row.

use super::capability::Description;
use super::kernel::{Ask, Breakage, Kernel, Outcome};
use super::reply::{read_reply, shortened};
use crate::request::Json;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How patient the auditor is.
#[derive(Clone, Copy, Debug)]
pub struct ProcessOptions {
    /// For one answer, and for the reply to `start`.
    pub timeout: Duration,
    /// Bytes of a line; the longest answers of the vectors have some 10⁵.
    pub longest_line: usize,
    /// Breakages in a row after which nothing more is asked.
    pub give_up: usize,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        ProcessOptions { timeout: Duration::from_secs(30), longest_line: 1 << 30, give_up: 5 }
    }
}

/// Bytes of a log that are kept: its end.
const LOG: usize = 1 << 14;

/// A kernel behind a command.
pub struct Process {
    command: String,
    options: ProcessOptions,
    running: Option<Running>,
    broken_in_a_row: usize,
    log: Arc<Mutex<Vec<u8>>>,
}

struct Running {
    child: Child,
    to_child: Sender<String>,
    from_child: Receiver<Heard>,
    description: Description,
}

/// What the reader of a child's output heard.
enum Heard {
    Line(Vec<u8>),
    Partial(Vec<u8>),
    Flood,
    End,
}

impl Process {
    /// A command line for the shell (`sh -c`; `cmd /C` on Windows). Nothing runs yet.
    pub fn new(command: &str, options: ProcessOptions) -> Process {
        let log = Arc::default();
        Process { command: command.into(), options, running: None, broken_in_a_row: 0, log }
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
            None => Err(Breakage::NoStart(self.command.clone())),
        }
    }

    fn start(&self) -> Result<Running, Breakage> {
        let mut command = shell(&self.command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| Breakage::NoStart(e.to_string()))?;
        let (to_child, lines) = channel::<String>();
        let (heard, from_child) = channel();
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
        let mut running =
            Running { child, to_child, from_child, description: Description::default() };
        match running.greet(self.options.timeout) {
            Ok(description) => {
                running.description = description;
                Ok(running)
            }
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
        let timeout = self.options.timeout;
        let outcome = match self.running() {
            Ok(running) => running.exchange(ask, timeout),
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
        let patience = Instant::now() + Duration::from_secs(2);
        while Instant::now() < patience {
            if matches!(running.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        running.kill();
    }
}

impl Running {
    fn greet(&mut self, timeout: Duration) -> Result<Description, Breakage> {
        let line = self.say("{\"cmd\":\"start\",\"protocols\":[1]}\n".into(), timeout)?;
        let json: Json = serde_json::from_str(&line).map_err(|e| {
            Breakage::Garbage(format!("the reply to start is no JSON ({e}): {}", shortened(&line)))
        })?;
        Description::parse(&json).map_err(Breakage::Garbage)
    }

    fn exchange(&mut self, ask: &Ask, timeout: Duration) -> Outcome {
        let line = format!("{}\n", serde_json::to_string(&ask.to_json()).unwrap_or_default());
        match self.say(line, timeout) {
            Ok(reply) => read_reply(&reply, &ask.id),
            Err(breakage) => Outcome::Broken(breakage),
        }
    }

    fn say(&mut self, line: String, timeout: Duration) -> Result<String, Breakage> {
        // Whatever stands in the channel answers nothing.
        match self.from_child.try_recv() {
            Ok(Heard::Line(extra)) => {
                let extra = String::from_utf8_lossy(&extra).into_owned();
                return Err(Breakage::ExtraLine(shortened(&extra)));
            }
            Ok(other) => return Err(self.ended(other)),
            Err(_) => {}
        }
        // If the writer has gone, so has the child; the reader says how.
        let _ = self.to_child.send(line);
        match self.from_child.recv_timeout(timeout) {
            Ok(Heard::Line(bytes)) => String::from_utf8(bytes)
                .map_err(|_| Breakage::Garbage("a line that is no UTF-8".into())),
            Ok(other) => Err(self.ended(other)),
            Err(RecvTimeoutError::Timeout) => Err(Breakage::Hang(timeout.as_secs())),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended(Heard::End)),
        }
    }

    /// Why there is no line.
    fn ended(&mut self, heard: Heard) -> Breakage {
        match heard {
            Heard::Flood => return Breakage::Flood(ProcessOptions::default().longest_line),
            Heard::Partial(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                // A crash explains it better.
                return match self.status() {
                    Some(status) if !status.success() => Breakage::Crash(describe(status)),
                    _ => Breakage::PartialLine(shortened(&text)),
                };
            }
            Heard::Line(_) | Heard::End => {}
        }
        match self.status() {
            Some(status) if status.success() => Breakage::EarlyExit,
            Some(status) => Breakage::Crash(describe(status)),
            None => Breakage::Crash("closed its output and runs on".into()),
        }
    }

    fn status(&mut self) -> Option<ExitStatus> {
        let patience = Instant::now() + Duration::from_secs(2);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => return None,
            }
        }
    }

    /// Ends the child and, where there are process groups, all that it started.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).process_group(0);
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
fn listen(mut stdout: impl BufRead, longest: usize, heard: &Sender<Heard>) {
    loop {
        let mut line = Vec::new();
        let read = (&mut stdout).take(longest as u64 + 1).read_until(b'\n', &mut line);
        let message = match read {
            Err(_) | Ok(0) => Heard::End,
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                Heard::Line(line)
            }
            Ok(n) if n > longest => Heard::Flood,
            Ok(_) => Heard::Partial(line),
        };
        let go_on = matches!(message, Heard::Line(_));
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
