//! What a fault may change, from the request to the answer.

use super::history::History;
use crate::encoding::Question;
use crate::number::Tensor;
use crate::profile::Profile;
use crate::request::{Object, Output, Reject};

/// A change at one stage. Each gives none where it changes nothing.
///
/// The order is that in which several faults of one kernel take effect.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// A request that must be refused is repaired and answered.
    Accept(fn(&mut Reading) -> Option<()>),
    /// The normalised config and the total length are read otherwise.
    Config(fn(&mut Object, &mut Option<i64>, &Question) -> Option<()>),
    /// Another question is answered.
    Question(fn(&mut Question, &History) -> Option<()>),
    /// A question that is in order is refused.
    Refuse(fn(&Question) -> Option<Reject>),
    /// Steps of the machine are in other formats.
    Machine(fn(&mut Profile, &Question, &History) -> Option<()>),
    /// A rotated answer is changed; a score is made of rotated queries and keys that are.
    Rotated(fn(&View, &mut Output) -> Option<()>),
    /// The answer is changed.
    Output(fn(&View, &mut Output) -> Option<()>),
    /// Its numbers are written in other bits; done twice, in their own.
    Written(fn(&Question, &Tensor) -> Option<Tensor>),
}

impl Change {
    /// When it takes effect.
    pub(super) fn stage(&self) -> u8 {
        match self {
            Change::Accept(_) => 0,
            Change::Config(_) => 1,
            Change::Question(_) => 2,
            Change::Refuse(_) => 3,
            Change::Machine(_) => 4,
            Change::Rotated(_) => 5,
            Change::Output(_) => 6,
            Change::Written(_) => 7,
        }
    }
}

/// The parts of a request that must be refused, and the reason.
pub(super) struct Reading<'a> {
    pub(super) config: Object,
    pub(super) input: Object,
    pub(super) reject: &'a Reject,
}

/// What a change of an answer may look at.
pub(super) struct View<'a> {
    /// What the kernel answers to.
    pub(super) question: &'a Question,
    /// The kernel's answers to other questions.
    pub(super) answer: &'a dyn Fn(&Question) -> Output,
    pub(super) history: &'a History,
}

impl View<'_> {
    /// One tensor of the answer to another question.
    pub(super) fn tensor(&self, question: &Question, name: &str) -> Option<Tensor> {
        let output = (self.answer)(question);
        output.into_iter().find(|(n, _)| *n == name).map(|(_, tensor)| tensor)
    }
}
