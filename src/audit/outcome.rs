//! What comes back when a kernel is asked.

use super::outside::Outside;
use super::probe::Probe;
use crate::number::Tensor;
use std::time::Duration;

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Named tensors.
    Output(Vec<(String, Tensor)>),
    /// The request breaks a rule: `slug: free text`.
    Rejected(String),
    /// The request is fine, this kernel does not do it.
    Unsupported(String),
    /// This kernel could, but chose not to.
    Skipped(String),
    /// Something went wrong inside, by the kernel's own word.
    Errored(String),
    /// It did to memory what no kernel may, whatever it answered.
    Misbehaved(Probe, String),
    /// No reply of the protocol. Never a pass and never a rejection.
    Broken(Breakage),
}

impl Outcome {
    /// What a kernel says in its own words is kept as far as people read it.
    pub(super) fn cut(self) -> Outcome {
        match self {
            Outcome::Rejected(text) => Outcome::Rejected(cut(text)),
            Outcome::Unsupported(text) => Outcome::Unsupported(cut(text)),
            Outcome::Skipped(text) => Outcome::Skipped(cut(text)),
            Outcome::Errored(text) => Outcome::Errored(cut(text)),
            Outcome::Misbehaved(probe, text) => Outcome::Misbehaved(probe, cut(text)),
            other => other,
        }
    }
}

/// What a kernel says of itself, as much of it as a report may hold: a thousand refusals of a
/// megabyte each would fill memory and every page.
pub(super) fn cut(mut text: String) -> String {
    const MOST: usize = 2000;
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

/// How a kernel failed to answer at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breakage {
    /// It could not be started.
    #[error("cannot be started: {0}")]
    NoStart(String),
    /// A signal ended it, or an exit status other than 0.
    #[error("crashed ({0})")]
    Crash(String),
    /// It ended in order while an answer was due.
    #[error("ended (exit status 0) while an answer was due")]
    EarlyExit,
    /// It closed its output and runs on.
    #[error("closed its output while an answer was due, and runs on")]
    Closed,
    /// No answer in time.
    #[error("gave no answer within {0:?}")]
    Hang(Duration),
    /// A line that is no reply of the protocol.
    #[error("answered garbage: {0}")]
    Garbage(String),
    /// A reply to something else.
    #[error("answered id {got:?} to a request with id {want:?}")]
    WrongId {
        /// What the reply said.
        got: String,
        /// What was asked.
        want: String,
    },
    /// Its output ended in the middle of a line.
    #[error("its output ended in the middle of a line: {0}")]
    PartialLine(String),
    /// More output than any answer has.
    #[error("flooded its output: more than {0} bytes in one line")]
    Flood(usize),
    /// Several lines where one was due.
    #[error("wrote more than one line for one request; the next is {0}")]
    ExtraLine(String),
    /// An answer that was given to another question, or to nobody knows which.
    #[error("answers a question that was not asked: its hash is {got}, the question's is {want}")]
    Stale {
        /// The hash that came with the answer.
        got: String,
        /// The hash of the question.
        want: String,
    },
    /// It broke so often that nothing more was asked.
    #[error("not asked: the kernel broke {0} times in a row")]
    GivenUp(usize),
}

impl Breakage {
    /// One word, for counting.
    pub const fn name(&self) -> &'static str {
        match self {
            Breakage::NoStart(_) => "no_start",
            Breakage::Crash(_) => "crash",
            Breakage::EarlyExit => "early_exit",
            Breakage::Closed => "closed",
            Breakage::Hang(_) => "hang",
            Breakage::Garbage(_) => "garbage",
            Breakage::WrongId { .. } => "wrong_id",
            Breakage::PartialLine(_) => "partial_line",
            Breakage::Flood(_) => "flood",
            Breakage::ExtraLine(_) => "extra_line",
            Breakage::Stale { .. } => "stale",
            Breakage::GivenUp(_) => "given_up",
        }
    }
}

/// What a kernel made of a case.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Index into the cases.
    pub case: usize,
    /// What came back; none if the kernel does not claim it, and the reason.
    pub outcome: Result<Outcome, Outside>,
    /// Whether it answered otherwise when asked again.
    pub fickle: bool,
    /// How it failed when it was asked again; what it first answered stands beside it.
    pub broke: Option<Outcome>,
}
