//! P3 and P4: ALiBi and T5's bias inside of attention.

use super::super::Fault;
use super::super::change::{Change, View};
use super::super::row;
use super::ask::{answer, attention, bottom_right, heads, moved, scale, sight, viewed, wide};
use crate::encoding::{Alibi, Attention, Expression, Form, Question};
use crate::number::Tensor;
use crate::request::{Output, Position, Positions};

/// Edits ALiBi's slopes and forms. None where no bias of a key that is seen changes.
fn alibi(question: &mut Question, edit: impl FnOnce(&mut Alibi) -> Option<()>) -> Option<()> {
    sight(question, |a| edit(a.alibi.as_mut()?))
}

/// The bias of the exchanged pair, for one bias alone.
fn mirrored(a: &mut Attention) {
    a.biases_by =
        Some(moved(a, |_, _, _, p| Position { numerator: p.numerator.saturating_neg(), ..p }));
}

/// The table of T5's bias, [num_buckets, heads], read otherwise: the entry of a bucket and a head,
/// given both counts.
fn table(question: &mut Question, entry: impl Fn([usize; 2], [usize; 2]) -> usize) -> Option<()> {
    let (_, table) = attention(question)?.t5.as_mut()?;
    let before = table.clone();
    let [buckets, heads] = before.shape().try_into().ok()?;
    let mut place = 0..;
    *table = before.map(|_| {
        let n = place.next().unwrap_or(0usize);
        before.data()[entry([n / heads, n % heads], [buckets, heads])]
    });
    (*table != before).then_some(())
}

/// Both halves of the heads as one rank of two computes them: with the slopes of its own heads.
fn halves(view: &View, output: &mut Output) -> Option<()> {
    let a = viewed(view)?;
    let (batch, count) = (a.q.batch(), a.q.heads());
    let local = count / 2;
    (count % 2 == 0 && local > 0 && a.sinks.is_none() && a.t5.is_none()).then_some(())?;
    let alibi = Alibi { num_heads: local, ..a.alibi.clone()? };
    let twice = |positions: &Positions| {
        let &[axes, _, width] = positions.shape() else { return None };
        let rows = positions.data().chunks(width.max(1));
        let data = rows.flat_map(|row| row.iter().chain(row)).copied().collect();
        Positions::new(vec![axes, 2 * batch, width], data)
    };
    // [batch, heads] and [2 · batch, heads / 2] are the same rows.
    let folded = |tensor: &crate::encoding::Heads| {
        let all = heads(tensor, count, |h| h * tensor.heads() / count)?;
        let shape = vec![2 * batch, local, tensor.seq(), tensor.dim()];
        let tensor = Tensor::new(tensor.dtype(), shape, all.data().to_vec()).ok()?;
        crate::encoding::Heads::new(tensor)
    };
    let both = |list: &Vec<Position>| -> Vec<Position> {
        let rows = list.chunks((list.len() / batch.max(1)).max(1));
        rows.flat_map(|row| row.iter().chain(row)).copied().collect()
    };
    let pair = |by: &Option<[Vec<Position>; 2]>| by.as_ref().map(|by| [both(&by[0]), both(&by[1])]);
    let question = Attention {
        q: folded(&a.q)?,
        k: folded(&a.k)?,
        v: folded(&a.v)?,
        query_positions: twice(&a.query_positions)?,
        key_positions: twice(&a.key_positions)?,
        masks_by: pair(&a.masks_by),
        windows_by: pair(&a.windows_by),
        biases_by: pair(&a.biases_by),
        key_lengths: a
            .key_lengths
            .as_ref()
            .map(|lengths| lengths.iter().flat_map(|&n| [n, n]).collect()),
        alibi: Some(alibi),
        ..a.clone()
    };
    let mut changed = None;
    for (name, tensor) in answer(view, question, view.question.dtype) {
        let slot = row::named(output, name)?;
        changed = row::replace(slot, tensor.data().to_vec()).or(changed);
    }
    changed
}

pub(super) fn faults() -> Vec<Fault> {
    let mut list = slopes();
    list.extend(tables());
    list
}

fn slopes() -> Vec<Fault> {
    vec![
        Fault {
            name: "p3-alibi-sign-flipped",
            class: "P3",
            summary: "ALiBi's bias has the wrong sign inside of attention: the farthest key gains most",
            signature: "every query looks at its farthest keys",
            fix: "add slope · (key − query), which is not above 0 for keys before the query",
            links: &["meta-pytorch/attention-gym#29"],
            change: Change::Question(|question, _| {
                let alibi = attention(question)?.alibi.as_mut()?;
                alibi.factor = Some(Expression::integer(-1));
                Some(())
            }),
        },
        Fault {
            name: "p3-alibi-one-sided",
            class: "P3",
            summary: "ALiBi's distance keeps its sign where it is meant to be symmetric",
            signature: "keys after the query gain with their distance",
            fix: "an encoder's bias is −slope · |key − query|",
            links: &["meta-pytorch/attention-gym#86"],
            change: Change::Question(|question, _| {
                alibi(question, |alibi| {
                    (alibi.form == Some(Form::Symmetric)).then_some(())?;
                    alibi.form = Some(Form::Distance);
                    Some(())
                })
            }),
        },
        Fault {
            name: "p3-alibi-symmetric",
            class: "P3",
            summary: "ALiBi's distance is taken without its sign",
            signature: "right under a causal mask; keys after the query lose what they should gain",
            fix: "say which form the bias has",
            links: &["Dao-AILab/flash-attention#907"],
            change: Change::Question(|question, _| {
                alibi(question, |alibi| {
                    alibi.form = Some(Form::Symmetric);
                    Some(())
                })
            }),
        },
        Fault {
            name: "p3-alibi-from-the-query",
            class: "P3",
            summary: "ALiBi's distance is counted from the query, where its form counts from 0 or from the last key",
            signature: "values are right, as a softmax does not see a constant of the row; logarithms are off by slope times a position",
            fix: "say which form the bias has: whoever merges parts by their logarithms needs one for all of them",
            links: &[],
            change: Change::Question(|question, _| {
                alibi(question, |alibi| {
                    matches!(alibi.form, Some(Form::Key | Form::Mpt)).then_some(())?;
                    alibi.form = Some(Form::Distance);
                    Some(())
                })
            }),
        },
        Fault {
            name: "p3-alibi-slopes-of-padded-heads",
            class: "P3",
            summary: "slopes are those of the next power of two of heads",
            signature: "right for powers of two",
            fix: "compute the slopes of the model's head count",
            links: &["ml-explore/mlx#343"],
            change: Change::Question(|question, _| {
                let alibi = attention(question)?.alibi.as_mut()?;
                (!alibi.num_heads.is_power_of_two()).then_some(())?;
                alibi.num_heads = alibi.num_heads.next_power_of_two();
                Some(())
            }),
        },
        Fault {
            name: "p3-alibi-slopes-of-local-heads",
            class: "P3",
            summary: "every rank of tensor parallelism computes the slopes of its own heads as if they were all",
            signature: "the second half of the heads repeats the first, with the slopes of half as many heads",
            fix: "compute the slopes of all heads, then take the rank's part",
            links: &["bigscience-workshop/Megatron-DeepSpeed#222", "flashinfer-ai/flashinfer#1606"],
            change: Change::Output(halves),
        },
        Fault {
            name: "p3-alibi-scaled",
            class: "P3",
            summary: "ALiBi's bias is multiplied by the scale of the scores",
            signature: "every slope too small by √D; right for a scale of 1",
            fix: "scale the scores, then add the bias",
            links: &["NVIDIA/TensorRT-Model-Connect#667"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                let (given, width) = (a.scale, a.q.dim());
                (scale(a) != 1.0).then_some(())?;
                let alibi = a.alibi.as_mut()?;
                match given {
                    Some(scale) => alibi.factor = Some(Expression::dyadic(scale)),
                    None => alibi.head_dim = Some(alibi.head_dim.unwrap_or(1) * width),
                }
                Some(())
            }),
        },
        Fault {
            name: "p3-alibi-forgotten",
            class: "P3",
            summary: "ALiBi's bias is not added",
            signature: "scores do not depend on positions",
            fix: "add the bias after the soft cap, before the softmax",
            links: &[],
            change: Change::Question(|question, _| attention(question)?.alibi.take().map(drop)),
        },
        Fault {
            name: "p3-alibi-forgotten-in-decoding",
            class: "P3",
            summary: "a single query gets no bias: it is built over the query's length, and broadcast",
            signature: "prompts are right, what is generated is not",
            fix: "build the bias over the keys of the cache",
            links: &["keras-team/keras-hub#2861", "keras-team/keras-hub#2977"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                (a.q.seq() == 1).then_some(())?;
                a.alibi.take().map(drop)
            }),
        },
        Fault {
            name: "p3-alibi-by-places",
            class: "P3",
            summary: "ALiBi's distances are counted in places of the buffers, the last query at the last key",
            signature: "right without gaps where the last query is the last key",
            fix: "count distances in positions",
            links: &["Dao-AILab/flash-attention#907"],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    a.alibi.as_ref()?;
                    a.t5.is_none().then_some(())?;
                    a.biases_by = Some(moved(a, |a, side, at, _| bottom_right(a, side, at)));
                    Some(())
                })
            }),
        },
    ]
}

fn tables() -> Vec<Fault> {
    vec![
        Fault {
            name: "p4-bias-transposed",
            class: "P4",
            summary: "T5's bias of the exchanged pair is added: query and key are swapped in the bucket",
            signature: "keys before and after the query exchange their biases",
            fix: "the relative position is key − query",
            links: &["dmlc/gluon-nlp#1470"],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    (a.t5.is_some() && a.alibi.is_none()).then_some(())?;
                    mirrored(a);
                    Some(())
                })
            }),
        },
        Fault {
            name: "p4-bias-scaled",
            class: "P4",
            summary: "T5's bias is multiplied by the scale of the scores",
            signature: "right for a scale of 1, which is T5's own",
            fix: "scale the scores, then add the bias",
            links: &["huggingface/transformers#47014"],
            change: Change::Question(|question, _| {
                let a = attention(question)?;
                let scale = scale(a);
                let (_, table) = a.t5.as_mut()?;
                let numbers: Vec<f64> = table.numbers().map(|x| x * scale).collect();
                (scale != 1.0 && numbers.iter().any(|x| *x != 0.0)).then_some(())?;
                *table = wide(numbers, table.shape().to_vec())?;
                Some(())
            }),
        },
        Fault {
            name: "p4-bias-of-the-next-head",
            class: "P4",
            summary: "every head adds the column of T5's table that is the next head's",
            signature: "right for one head",
            fix: "the column is the query head's",
            links: &[],
            change: Change::Question(|question, _| {
                table(question, |[bucket, head], [_, heads]| bucket * heads + (head + 1) % heads)
            }),
        },
        Fault {
            name: "p4-table-read-by-heads",
            class: "P4",
            summary: "T5's table [num_buckets, heads] is read as [heads, num_buckets]",
            signature: "right for one head; bucket 0 of the first head is right",
            fix: "a bucket's biases of all heads lie side by side",
            links: &["ml-explore/mlx-examples#1013"],
            change: Change::Question(|question, _| {
                table(question, |[bucket, head], [buckets, _]| head * buckets + bucket)
            }),
        },
        Fault {
            name: "p4-bias-forgotten",
            class: "P4",
            summary: "T5's bias is not added",
            signature: "scores do not depend on positions",
            fix: "add the bias after the soft cap, before the softmax",
            links: &["huggingface/optimum#856"],
            change: Change::Question(|question, _| attention(question)?.t5.take().map(drop)),
        },
    ]
}
