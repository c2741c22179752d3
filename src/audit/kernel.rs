//! What a kernel is to the auditor: something that is asked and answers.

use super::capability::Description;
use super::probe::Probe;
use crate::encoding::Question;
use crate::number::{Dtype, Tensor};
use crate::request::{Json, Object, Operation, Reject, Request};
use crate::vector::run_request;
use std::time::Duration;

/// One `run` request, its parts as they are written; perhaps malformed on purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Echoed in the reply.
    pub id: String,
    /// What is asked.
    pub operation: Operation,
    /// Format of the output.
    pub dtype: Dtype,
    /// The encoding.
    pub config: Object,
    /// Named tensors, positions and options.
    pub input: Object,
}

impl Ask {
    /// The request of the protocol.
    pub fn to_json(&self) -> Json {
        run_request(self.operation, self.dtype, &self.id, &self.config, &self.input)
    }

    /// What is asked, every rule checked.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn question(&self) -> Result<Question, Reject> {
        Question::new(&Request::from_json(&self.to_json())?)
    }
}

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
    #[error("garbage: {0}")]
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

/// Something that answers.
///
/// ```
/// use ropewalk::audit::{Ask, Breakage, Description, Kernel, Outcome};
/// struct Refuses;
/// impl Kernel for Refuses {
///     fn describe(&mut self) -> Result<Description, Breakage> {
///         Ok(Description::named("refuses"))
///     }
///     fn ask(&mut self, _: &Ask) -> Outcome {
///         Outcome::Unsupported("nothing is".into())
///     }
/// }
/// assert_eq!(Refuses.describe().unwrap().name, "refuses");
/// ```
pub trait Kernel {
    /// What it is and what it claims to do.
    ///
    /// # Errors
    /// If it does not say so in time and in form.
    fn describe(&mut self) -> Result<Description, Breakage>;

    /// Whether a question can be put to this kernel at all: a function of numbers cannot be asked
    /// what only a malformed request asks. What cannot be put is not asked and not counted.
    ///
    /// # Errors
    /// Why not.
    fn reaches(&self, _: &Ask) -> Result<(), String> {
        Ok(())
    }

    /// Answers one request. The order of calls is the order of asking; a kernel may keep state, as
    /// real ones do.
    fn ask(&mut self, ask: &Ask) -> Outcome;

    /// The end of its log, for whoever reads of a breakage.
    fn log(&self) -> String {
        String::new()
    }
}
