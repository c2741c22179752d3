//! I: gradients.

use super::Fault;
use super::change::Change;
use super::row;
use crate::encoding::{Body, Expression, Heads, Question};
use crate::request::Direction;

/// The direction of a question that has one.
fn direction(question: &mut Question) -> Option<&mut Direction> {
    match &mut question.body {
        Body::Rotate(r) => Some(&mut r.direction),
        Body::Apply(a) => Some(&mut a.direction),
        _ => None,
    }
}

fn is_backward(question: &Question) -> Option<()> {
    let direction = match &question.body {
        Body::Rotate(r) => r.direction,
        Body::Apply(a) => a.direction,
        _ => return None,
    };
    (direction == Direction::Backward).then_some(())
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "i1-gradient-turns-forward",
            class: "I1",
            summary: "the backward pass turns by +θ: the conjugate is missing",
            signature: "the gradient is exact at position 0 and turned by 2pθ elsewhere",
            fix: "multiply the gradient by the transpose: negate sin",
            links: &["NVIDIA/apex#1750", "Dao-AILab/flash-attention#569"],
            change: Change::Question(|question, _| {
                is_backward(question)?;
                *direction(question)? = Direction::Forward;
                Some(())
            }),
        },
        Fault {
            name: "i3-gradient-of-the-first-token",
            class: "I3",
            summary: "the gradient of every token is read at the first one: its stride is taken for 0",
            signature: "a constant upstream gradient hides it",
            fix: "use the strides of the gradient",
            links: &["NVIDIA/TransformerEngine#455"],
            change: Change::Question(|question, _| {
                is_backward(question)?;
                let (q, k) = match &mut question.body {
                    Body::Rotate(r) => (&mut r.q, r.k.as_mut()),
                    Body::Apply(a) => (&mut a.q, a.k.as_mut()),
                    _ => return None,
                };
                let mut changed = None;
                for rows in [Some(q), k].into_iter().flatten() {
                    let (heads, seq, dim) = (rows.heads(), rows.seq(), rows.dim());
                    let data = rows.data().to_vec();
                    let first = |row: row::Row| (row.batch * heads + row.head) * seq * dim;
                    let mut tensor = rows.tensor().clone();
                    let edited = row::edit(&mut tensor, |row, _| {
                        Some(data[first(row)..first(row) + dim].to_vec())
                    });
                    *rows = Heads::new(tensor)?;
                    changed = edited.or(changed);
                }
                changed
            }),
        },
        Fault {
            name: "i4-gradient-divides-the-magnitude",
            class: "I4",
            summary: "the backward pass divides by attention_factor (and growth): the inverse was taken for the transpose",
            signature: "without a factor it is right; else gradients are too small by its square",
            fix: "multiply the gradient by the magnitude once",
            links: &["linkedin/Liger-Kernel#1451"],
            change: Change::Question(|question, _| {
                is_backward(question)?;
                let Body::Rotate(r) = &mut question.body else { return None };
                let one = Expression::integer(1);
                let plain = r.rope.planes.iter().all(|plane| plane.growth == one);
                (r.rope.magnitude != one || !plain).then_some(())?;
                r.direction = Direction::Inverse;
                Some(())
            }),
        },
        Fault {
            name: "i4-copied-channels-without-gradient",
            class: "I4",
            summary: "channels that are copied forward get no gradient",
            signature: "rotated channels are right, the others zero; with full rotary nothing is wrong",
            fix: "pass the gradient of copied channels through",
            links: &["linkedin/Liger-Kernel#1451", "NVIDIA/Megatron-LM#4640"],
            change: Change::Output(|view, output| {
                is_backward(view.question)?;
                let pairs = row::turned(view.question)?.pairs;
                let inside = |i: usize| pairs.iter().any(|pair| pair.re == i || pair.im == i);
                row::both(output, |_, tensor| {
                    row::edit(tensor, |_, x| {
                        let kept = |(i, &bits): (usize, &u64)| if inside(i) { bits } else { 0 };
                        Some(x.iter().enumerate().map(kept).collect())
                    })
                })
            }),
        },
    ]
}
