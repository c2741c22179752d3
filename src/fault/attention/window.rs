//! P2: how far a query sees.

use super::super::Fault;
use super::super::change::Change;
use super::ask::{Side, moved, sight};
use crate::encoding::{Attention, Question};
use crate::request::Position;

/// Edits the sides of a window. None where no query sees other keys.
fn sides(question: &mut Question, edit: fn([Option<i64>; 2]) -> [Option<i64>; 2]) -> Option<()> {
    sight(question, |a| {
        (a.window != [None; 2]).then_some(())?;
        a.window = edit(a.window);
        Some(())
    })
}

/// The place of the last key that is not after a query; none if keys are out of order.
fn places(a: &Attention) -> Option<[Vec<Position>; 2]> {
    let (batch, keys) = (a.q.batch(), a.k.seq());
    let ordered =
        |b: usize| (1..keys).all(|key| a.key_position(b, key - 1) <= a.key_position(b, key));
    (0..batch).all(ordered).then_some(())?;
    Some(moved(a, |a, side, [b, n], p| {
        let before = || (0..keys).filter(|&key| a.key_position(b, key) <= p).count() as i64;
        Position::integer(match side {
            Side::Query => before() - 1,
            Side::Key => n as i64,
        })
    }))
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "p2-left-one-less",
            class: "P2",
            summary: "the left end of the window is exclusive: one key too few",
            signature: "right until the context is longer than the window; then the oldest key is missing",
            fix: "a key is seen from query − left on, this end included",
            links: &["zml/zml#763", "huggingface/transformers#26792"],
            change: Change::Question(|question, _| {
                sides(question, |[left, right]| [left.map(|left| left - 1), right])
            }),
        },
        Fault {
            name: "p2-left-one-more",
            class: "P2",
            summary: "a window of so many keys is taken for so many before the query: one key too many",
            signature: "right until the context is longer than the window; then one older key is seen",
            fix: "a window of w keys, the query's own among them, has left = w − 1",
            links: &["ml-explore/mlx-lm#390", "huggingface/transformers#39408"],
            change: Change::Question(|question, _| {
                sides(question, |[left, right]| [left.map(|left| left + 1), right])
            }),
        },
        Fault {
            name: "p2-right-one-less",
            class: "P2",
            summary: "the right end of the window is exclusive: one key too few",
            signature: "the last key that should be seen ahead is missing",
            fix: "a key is seen up to query + right, this end included",
            links: &["huggingface/transformers#47010"],
            change: Change::Question(|question, _| {
                sides(question, |[left, right]| [left, right.map(|right| right - 1)])
            }),
        },
        Fault {
            name: "p2-left-ignored",
            class: "P2",
            summary: "only the right side of the window is read",
            signature: "right until the context is longer than the window",
            fix: "mask keys before query − left",
            links: &["huggingface/transformers#41228"],
            change: Change::Question(|question, _| sides(question, |[_, right]| [None, right])),
        },
        Fault {
            name: "p2-right-ignored",
            class: "P2",
            summary: "only the left side of the window is read",
            signature: "right under a causal mask; without it all keys ahead are seen",
            fix: "mask keys after query + right",
            links: &[],
            change: Change::Question(|question, _| sides(question, |[left, _]| [left, None])),
        },
        Fault {
            name: "p2-sides-swapped",
            class: "P2",
            summary: "the sides of the window are exchanged",
            signature: "right for symmetric windows",
            fix: "the first number is how far a query sees back",
            links: &["proger/hippogriff#7"],
            change: Change::Question(|question, _| sides(question, |[left, right]| [right, left])),
        },
        Fault {
            name: "p2-window-in-keys",
            class: "P2",
            summary: "the window is counted in keys of the cache instead of positions",
            signature: "right without gaps; behind evicted or skipped positions too much is seen",
            fix: "compare positions, or keep the window's keys only",
            links: &["huggingface/transformers#41228"],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    (a.window != [None; 2]).then_some(())?;
                    a.windows_by = Some(places(a)?);
                    Some(())
                })
            }),
        },
        Fault {
            name: "p2-window-ignored",
            class: "P2",
            summary: "the window is not applied",
            signature: "right until the context is longer than the window",
            fix: "mask keys outside of the window",
            links: &["EricLBuehler/candle-vllm#140", "proger/hippogriff#7"],
            change: Change::Question(|question, _| sides(question, |_| [None; 2])),
        },
    ]
}
