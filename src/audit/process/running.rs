//! A child that runs: one line to it, one line from it, and why there is none.

use super::ProcessOptions;
use super::streams::{Heard, connect};
use crate::audit::ask::Ask;
use crate::audit::capability::Description;
use crate::audit::outcome::{Breakage, Outcome, cut};
use crate::audit::reply::{read_reply, shortened};
use crate::request::{Json, Object};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a child that has closed its output may take to end.
const ENDING: Duration = Duration::from_secs(2);

/// How long the end of a log is waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) struct Running {
    child: Child,
    /// How it ended, once that is known. From then on its number may be another process's.
    status: Option<ExitStatus>,
    to_child: Sender<String>,
    from_child: Receiver<Heard>,
    logging: Option<JoinHandle<()>>,
    options: ProcessOptions,
    pub(super) description: Description,
    /// Keys of the reply to `start` that begin with `x_`; the library's door has some.
    #[cfg_attr(not(feature = "library"), allow(dead_code))]
    pub(super) extensions: Object,
}

impl Running {
    /// A child that has just been started, asked who it is.
    pub(super) fn new(
        mut child: Child,
        options: ProcessOptions,
        log: &Arc<Mutex<Vec<u8>>>,
    ) -> Result<Running, Breakage> {
        let (to_child, from_child, logging) = connect(&mut child, options.longest_line, log);
        let mut running = Running {
            child,
            status: None,
            to_child,
            from_child,
            logging,
            options,
            description: Description::default(),
            extensions: Object::default(),
        };
        let greeted = running.greet();
        greeted.inspect_err(|_| running.kill())?;
        Ok(running)
    }

    /// Asks it to end, waits a while, and sees to it.
    pub(super) fn stop(&mut self) {
        let _ = self.to_child.send("{\"cmd\":\"stop\"}\n".into());
        self.wait(ENDING);
        self.kill();
    }

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
        self.description =
            Description::parse(&json).map_err(|why| Breakage::Garbage(cut(why.to_string())))?;
        if let Json::Object(object) = &json {
            let extra = object.iter().filter(|(key, _)| key.starts_with("x_"));
            self.extensions = extra.map(|(key, json)| (key.to_string(), json.clone())).collect();
        }
        Ok(())
    }

    /// Asks it.
    pub(super) fn exchange(&mut self, ask: &Ask) -> Outcome {
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
    pub(super) fn kill(&mut self) {
        if self.status.is_some() {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        self.status = self.child.wait().ok();
        // What it last said explains its end; but whoever left the group may hold the log open.
        let deadline = Instant::now() + LAST_WORDS;
        while self.logging.as_ref().is_some_and(|thread| !thread.is_finished())
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn extra_line(bytes: &[u8]) -> Breakage {
    Breakage::ExtraLine(shortened(&String::from_utf8_lossy(bytes)))
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
