//! What a process was asked before: some faults depend on it.

use crate::encoding::{Body, Question, Rope};
use crate::request::{Object, Operation, Position};
use std::sync::Arc;

/// The questions that a process has answered so far, oldest first.
///
/// A copy is cheap: all copies share one list, of which each sees the beginning.
#[derive(Clone, Debug, Default)]
pub struct History {
    earlier: Arc<Vec<Earlier>>,
    len: usize,
}

/// What a fault may remember of a question.
#[derive(Clone, Debug)]
pub(super) struct Earlier {
    pub(super) operation: Operation,
    pub(super) config: Object,
    pub(super) seq_len: Option<i64>,
    pub(super) rope: Option<Rope>,
    /// The largest position.
    pub(super) furthest: i64,
    /// The integer tensor beside position ids.
    pub(super) beside: Option<Vec<i64>>,
}

impl History {
    /// Adds a question that was asked.
    pub fn push(&mut self, question: &Question) {
        let list = Arc::make_mut(&mut self.earlier);
        list.truncate(self.len);
        self.len += 1;
        list.push(Earlier {
            operation: question.operation,
            config: config(question).clone(),
            seq_len: seq_len(question),
            rope: rope(question).cloned(),
            furthest: furthest(question),
            beside: match &question.body {
                Body::PositionIds(p) => p.beside.as_ref().map(|beside| beside.data.clone()),
                _ => None,
            },
        });
    }

    /// How many questions there were.
    pub fn len(&self) -> usize {
        self.len
    }

    /// What it was when only so many questions had been asked.
    pub fn until(&self, len: usize) -> History {
        History { earlier: self.earlier.clone(), len: len.min(self.len) }
    }

    /// Whether nothing was asked before.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn earlier(&self) -> impl DoubleEndedIterator<Item = &Earlier> {
        self.earlier[..self.len].iter()
    }
}

/// The config that faults of a rope read: that of the rotation in a chain.
pub(super) fn config(question: &Question) -> &Object {
    match &question.body {
        Body::Chain(chain) => chain.turn.as_ref().map_or(&chain.config, |turn| &turn.config),
        _ => question.config(),
    }
}

/// The rope of a question that has one.
pub(super) fn rope(question: &Question) -> Option<&Rope> {
    match &question.body {
        Body::Rotate(r) => Some(&r.rope),
        Body::Score(s) => Some(&s.rope),
        Body::InvFreq(f) => Some(&f.rope),
        Body::Table(t) => Some(&t.rope),
        Body::Chain(c) => c.turn.as_ref().map(|turn| &turn.rope),
        Body::Attention(a) => a.rope.as_ref(),
        _ => None,
    }
}

/// The total length of a question that has one.
pub(super) fn seq_len(question: &Question) -> Option<i64> {
    match &question.body {
        Body::Rotate(r) => r.seq_len,
        Body::Score(s) => s.seq_len,
        Body::InvFreq(f) => f.seq_len,
        Body::Table(t) => t.seq_len,
        Body::Chain(c) => c.turn.as_ref()?.seq_len,
        Body::Attention(a) => a.seq_len,
        _ => None,
    }
}

/// The largest position of a question that has a rope.
pub(super) fn furthest(question: &Question) -> i64 {
    let largest = |data: &[Position]| data.iter().map(|p| p.numerator).max().unwrap_or(0);
    match &question.body {
        Body::Rotate(r) => largest(r.positions.data()),
        Body::Score(s) => largest(s.query_positions.data()).max(largest(s.key_positions.data())),
        Body::Table(t) => largest(t.positions.data()),
        Body::Chain(c) => c.turn.as_ref().map_or(0, |turn| largest(turn.positions.data())),
        Body::Attention(a) => {
            largest(a.query_positions.data()).max(largest(a.key_positions.data()))
        }
        _ => 0,
    }
}
