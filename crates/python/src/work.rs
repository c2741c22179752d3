//! Work beside the interpreter: the GIL is released, Ctrl-C works, a panic is an exception.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Between two looks whether somebody pressed Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// As deep as the main thread's.
const STACK: usize = 8 << 20;

/// Where work asks the interpreter: it sends a question and waits for the answer. None if nobody
/// listens any longer.
pub struct Line<Q, A> {
    questions: Sender<Message<Q>>,
    answers: Receiver<A>,
}

enum Message<Q> {
    Question(Q),
    Done,
}

impl<Q, A> Line<Q, A> {
    /// The answer to a question.
    pub fn ask(&self, question: Q) -> Option<A> {
        self.questions.send(Message::Question(question)).ok()?;
        self.answers.recv().ok()
    }
}

/// Does some work. After an interrupt nobody waits for it any longer.
pub fn work<T: Send + 'static>(
    py: Python<'_>,
    task: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    drive(py, |()| Ok(()), move |_: Line<(), ()>| task())
}

/// Does some work that has questions, which are answered here, in the thread that called: contexts
/// of a framework (devices, streams, gradients) are a thread's own.
pub fn drive<Q: Send + 'static, A: Send + 'static, T: Send + 'static>(
    py: Python<'_>,
    mut answer: impl FnMut(Q) -> PyResult<A>,
    task: impl FnOnce(Line<Q, A>) -> T + Send + 'static,
) -> PyResult<T> {
    let (questions, asked) = channel();
    let (answers, given) = channel();
    let done = questions.clone();
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let _done = Last(done);
        task(Line { questions, answers: given })
    })?;
    let asked = Mutex::new(asked);
    let next = || {
        let asked = asked.lock().map_err(|_| RecvTimeoutError::Disconnected)?;
        asked.recv_timeout(PATIENCE)
    };
    loop {
        match py.detach(next) {
            Ok(Message::Question(question)) => {
                // If the work has ended meanwhile, the next message says so.
                let _ = answers.send(answer(question)?);
            }
            Ok(Message::Done) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
        }
    }
    py.detach(|| worker.join()).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        let text = text.unwrap_or_default();
        PyRuntimeError::new_err(format!("Ropewalk itself failed, please report it: {text}"))
    })
}

/// Says that the work is over, however it ended.
struct Last<Q>(Sender<Message<Q>>);

impl<Q> Drop for Last<Q> {
    fn drop(&mut self) {
        // Nobody listens after an interrupt.
        let _ = self.0.send(Message::Done);
    }
}
