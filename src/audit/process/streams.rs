//! The threads between us and a child: none of its streams may stop the clock.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Bytes of a log that are kept: its end.
const LOG: usize = 1 << 14;

/// Lines that may wait to be looked at. A child that writes more than it was asked for is stopped
/// by its own pipe, not by our memory.
const WAITING: usize = 16;

/// What the reader of a child's output heard.
pub(super) enum Heard {
    /// A line, and what else had arrived with it.
    Line(Vec<u8>, Vec<u8>),
    Partial(Vec<u8>),
    Flood,
    End,
}

/// The streams of a child, each with a thread of its own: who writes a line to it, who hears, and
/// who keeps the log.
pub(super) fn connect(
    child: &mut Child,
    longest: usize,
    log: &Arc<Mutex<Vec<u8>>>,
) -> (Sender<String>, Receiver<Heard>, Option<JoinHandle<()>>) {
    let (to_child, lines) = channel::<String>();
    let (heard, from_child) = sync_channel(WAITING);
    // A child that does not read blocks whoever writes.
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
        std::thread::spawn(move || listen(BufReader::new(stdout), longest, &heard));
    }
    let logging = child.stderr.take().map(|stderr| {
        let log = Arc::clone(log);
        std::thread::spawn(move || keep_end(stderr, &log))
    });
    (to_child, from_child, logging)
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
