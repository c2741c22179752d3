//! P12: what is rotated on the way in, and at which positions.

use super::super::Fault;
use super::super::change::{Change, View};
use super::super::row;
use super::ask::{Side, answer, attention, keep_masks, turned_at, viewed};
use crate::encoding::{Attention, Body, Heads, Question, Rotate};
use crate::number::Dtype;
use crate::request::{Direction, Json, Object, Operation, Output};

/// Values as keys are rotated, in f64.
fn values(view: &View, a: &Attention) -> Option<Heads> {
    let rope = a.rope.as_ref().filter(|rope| rope.head_dim == a.v.dim())?;
    let config = match a.config.get("rope") {
        Some(Json::Object(config)) => config.clone(),
        _ => Object::default(),
    };
    let question = Question {
        operation: Operation::Rotate,
        dtype: Dtype::F64,
        body: Body::Rotate(Rotate {
            config,
            seq_len: a.seq_len,
            rope: rope.for_keys(),
            q: a.v.clone(),
            k: None,
            positions: a.key_positions.clone(),
            direction: Direction::Forward,
        }),
    };
    Heads::new(view.tensor(&question, "q")?)
}

fn with_values(view: &View, output: &mut Output) -> Option<()> {
    let a = viewed(view)?;
    let v = values(view, a)?;
    let other = answer(view, Attention { v, ..a.clone() }, view.question.dtype);
    let out = other.into_iter().find(|(name, _)| *name == "out")?.1;
    row::put(row::named(output, "out")?, out)
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "p12-rope-forgotten",
            class: "P12",
            summary: "neither queries nor keys are rotated",
            signature: "scores do not depend on positions",
            fix: "rotate queries and keys before ⟨q, k⟩",
            links: &[],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                a.rope.take()?;
                keep_masks(a);
                Some(())
            }),
        },
        Fault {
            name: "p12-query-not-rotated",
            class: "P12",
            summary: "queries are not rotated, keys are",
            signature: "right for a query at position 0",
            fix: "rotate queries as keys are",
            links: &[],
            change: Change::Question(|question, _| turned_at(question, Side::Query, |_, _| 0)),
        },
        Fault {
            name: "p12-keys-not-rotated",
            class: "P12",
            summary: "keys are not rotated: they are taken for rotated ones, and the cache holds them plain",
            signature: "right for keys at position 0",
            fix: "rotate keys before they are cached, or when they are read, once",
            links: &[],
            change: Change::Question(|question, _| turned_at(question, Side::Key, |_, _| 0)),
        },
        Fault {
            name: "p12-keys-rotated-twice",
            class: "P12",
            summary: "keys of the cache, which are rotated already, are rotated again",
            signature: "their angles are doubled; right for keys at position 0",
            fix: "rotate keys once",
            links: &[],
            change: Change::Question(|question, _| {
                turned_at(question, Side::Key, |_, p| p.saturating_mul(2))
            }),
        },
        Fault {
            name: "p12-query-counted-from-0",
            class: "P12",
            summary: "queries are rotated as if the first of the call stood at 0; masks are right",
            signature: "prompts are right; chunks and decoding are rotated by too little",
            fix: "rotate at the positions that the masks go by",
            links: &["RobertCsordas/moeut#6", "skyzh/tiny-llm#46"],
            change: Change::Question(|question, _| {
                turned_at(question, Side::Query, |[_, n], _| n as i64)
            }),
        },
        Fault {
            name: "p12-keys-counted-from-0",
            class: "P12",
            summary: "keys are rotated at their places in the cache instead of their positions; masks are right",
            signature: "right without gaps and without padding before the keys",
            fix: "rotate keys at their positions",
            links: &[],
            change: Change::Question(|question, _| {
                turned_at(question, Side::Key, |[_, n], _| n as i64)
            }),
        },
        Fault {
            name: "p12-query-one-ahead",
            class: "P12",
            summary: "queries are rotated one position too far: the length of the cache was raised before it was read",
            signature: "every distance is larger by one; masks are right",
            fix: "a query stands at the number of keys before it",
            links: &[],
            change: Change::Question(|question, _| {
                turned_at(question, Side::Query, |_, p| p.saturating_add(1))
            }),
        },
        Fault {
            name: "p12-values-rotated",
            class: "P12",
            summary: "values are rotated as keys are",
            signature: "the logarithm of the sum is right, values are not, but for keys at position 0",
            fix: "rotate queries and keys only",
            links: &[],
            change: Change::Output(with_values),
        },
    ]
}
