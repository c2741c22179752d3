//! O: what is written, and where.

use super::entry::fault;
use super::staged::{Open, Stage, chain, edit, parts, replace};
use crate::encoding::{Body, Chain, Question};
use crate::fault::Fault;
use crate::fault::change::{Change, View};
use crate::fault::row;
use crate::number::Tensor;
use crate::request::Output;

/// Rows of the cache of a chain.
fn rows(chain: &Chain) -> Option<usize> {
    let keys = chain.parts.iter().find(|part| part.cache.is_some())?;
    Some(keys.shape().first()? * chain.store?.block_size)
}

/// Edits every slot, given its token, the size of a block and the rows of the cache. None if none
/// changes.
fn slots(
    question: &mut Question,
    change: impl Fn(usize, Option<usize>, usize, usize) -> Option<usize>,
) -> Option<()> {
    edit(question, |chain| {
        let (size, rows) = (chain.store?.block_size, rows(chain)?);
        let one = |(token, slot): (usize, &Option<usize>)| {
            change(token, *slot, size, rows).filter(|slot| *slot < rows)
        };
        let new: Vec<Option<usize>> = chain.slots.iter().enumerate().map(one).collect();
        let changed = new != chain.slots;
        chain.slots = new;
        changed.then_some(())
    })
}

/// Edits the caches of an answer: the edit gets what was there before and which cells are written.
fn caches(
    view: &View,
    output: &mut Output,
    change: impl Fn(&Chain, &Tensor, &[bool], &mut Vec<u64>),
) -> Option<()> {
    let chain = chain(view.question)?;
    chain.store?;
    let mut changed = None;
    for part in &chain.parts {
        let Some(before) = &part.cache else { continue };
        let mut written = vec![false; before.data().len()];
        let dim = part.heads.dim().max(1);
        for index in 0..part.heads.data().len() {
            if let Some(cell) = chain.cell(part, index / dim, index % dim) {
                written[cell] = true;
            }
        }
        let tensor = row::named(output, part.output())?;
        let mut bits = tensor.data().to_vec();
        change(chain, before, &written, &mut bits);
        changed = row::replace(tensor, bits).or(changed);
    }
    changed
}

/// Rows that are turned, or not, by their head.
fn heads_turned(view: &View, output: &mut Output, turned: fn(usize) -> bool) -> Option<()> {
    let open = Open::new(view)?;
    let before = open.before(Stage::Rotate)?;
    let mut mixed = open.out_of(Stage::Rotate)?;
    for ((part, before), after) in open.chain.parts.iter().zip(&before).zip(&mut mixed) {
        let (dim, seq) = (part.heads.dim().max(1), part.heads.seq().max(1));
        let heads = part.heads.heads().max(1);
        for (row, (old, new)) in before.chunks(dim).zip(after.chunks_mut(dim)).enumerate() {
            if !turned(row / seq % heads) {
                new.copy_from_slice(old);
            }
        }
    }
    replace(output, open.onward(Stage::Rotate, &mixed)?)
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        fault(
            "o1-padding-in-the-last-row",
            "O1",
            [
                "a token whose slot is −1 is written into the last row of the cache",
                "the last row changes; without padding nothing is wrong",
                "write nothing where the slot is negative",
            ],
            &["vllm-project/vllm#13922"],
            Change::Question(|question, _| {
                slots(question, |_, slot, _, rows| slot.or(rows.checked_sub(1)))
            }),
        ),
        fault(
            "o1-padding-in-the-first-row",
            "O1",
            [
                "a token whose slot is −1 is written into the first row of the cache",
                "the first row changes; without padding nothing is wrong",
                "write nothing where the slot is negative",
            ],
            &[],
            Change::Question(|question, _| slots(question, |_, slot, _, _| slot.or(Some(0)))),
        ),
        fault(
            "o2-block-and-offset-exchanged",
            "O2",
            [
                "the block is the slot modulo block_size, and the row in it the quotient",
                "slot 0 is right",
                "block = slot / block_size, row = slot % block_size",
            ],
            &[],
            Change::Question(|question, _| {
                slots(question, |_, slot, size, _| slot.map(|s| s % size * size + s / size % size))
            }),
        ),
        fault(
            "o2-block-not-read",
            "O2",
            [
                "every row is written into block 0: only the row within the block is read from the slot",
                "slots of the first block are right, others write over it",
                "block = slot / block_size, row = slot % block_size",
            ],
            &[],
            Change::Output(|view, output| {
                // Later tokens write over earlier ones, which one question cannot say: token by token.
                let mut chain = chain(view.question)?.clone();
                let size = chain.store?.block_size.max(1);
                let slots = chain.slots.clone();
                let last = |token: usize, row: usize| {
                    let later = slots.iter().skip(token + 1);
                    !later.flatten().any(|other| other % size == row)
                };
                let one = |(token, slot): (usize, &Option<usize>)| {
                    slot.map(|slot| slot % size).filter(|row| last(token, *row))
                };
                chain.slots = slots.iter().enumerate().map(one).collect();
                (chain.slots != slots).then_some(())?;
                let question = Question { body: Body::Chain(chain), ..view.question.clone() };
                replace(output, (view.answer)(&question))
            }),
        ),
        fault(
            "o2-half-the-block-size",
            "O2",
            [
                "the slot is cut into block and row by half of block_size, and written with the whole",
                "slots of the first half block are right",
                "pass the block_size that slots are made with",
            ],
            &["vllm-project/vllm#47056"],
            Change::Question(|question, _| {
                slots(question, |_, slot, size, rows| {
                    let half = (size / 2).max(1);
                    slot.map(|s| (s / half * size + s % half) % rows.max(1))
                })
            }),
        ),
        fault(
            "o2-other-cache-layout",
            "O2",
            [
                "the cache is written as HND where it is NHD, or the reverse",
                "with one head, or blocks of one row, nothing is wrong",
                "take the strides of the cache",
            ],
            &["tenstorrent/tt-metal#54742"],
            Change::Question(|question, _| {
                edit(question, |chain| {
                    let store = chain.store.as_mut()?;
                    store.heads_first = !store.heads_first;
                    Some(())
                })
            }),
        ),
        fault(
            "o2-row-in-the-next-block",
            "O2",
            [
                "rows are written one block too far",
                "every written row is in the block behind its own",
                "look how the block's number is made",
            ],
            &[],
            Change::Question(|question, _| {
                slots(question, |_, slot, size, rows| slot.map(|s| (s + size) % rows.max(1)))
            }),
        ),
        fault(
            "o2-slot-one-ahead",
            "O2",
            [
                "rows are written one slot too far",
                "every written row is behind its own",
                "a slot is counted from 0",
            ],
            &[],
            Change::Question(|question, _| {
                slots(question, |_, slot, _, rows| slot.map(|s| (s + 1) % rows.max(1)))
            }),
        ),
        fault(
            "o2-slots-not-read",
            "O2",
            [
                "tokens are written one after the other from the first row on",
                "slots that count from 0 are right",
                "write to slot_mapping[token]",
            ],
            &[],
            Change::Question(|question, _| slots(question, |token, _, _, _| Some(token))),
        ),
        fault(
            "o3-other-rows-zeroed",
            "O3",
            [
                "rows that nobody asked for become zero",
                "written rows are right",
                "write the rows of the slots, and nothing else",
            ],
            &[],
            Change::Output(|view, output| {
                caches(view, output, |_, _, written, bits| {
                    bits.iter_mut().zip(written).filter(|(_, w)| !**w).for_each(|(b, _)| *b = 0);
                })
            }),
        ),
        fault(
            "o3-rest-of-the-block-zeroed",
            "O3",
            [
                "the other rows of a written block become zero",
                "blocks without a written row are right",
                "write one row, not the block",
            ],
            &[],
            Change::Output(|view, output| {
                caches(view, output, |_, before, written, bits| {
                    let blocks = before.shape().first().copied().unwrap_or(1).max(1);
                    let size = (bits.len() / blocks).max(1);
                    for (bits, written) in bits.chunks_mut(size).zip(written.chunks(size)) {
                        if written.iter().any(|w| *w) {
                            bits.iter_mut().zip(written).filter(|(_, w)| !**w).for_each(
                                |(b, _)| {
                                    *b = 0;
                                },
                            );
                        }
                    }
                })
            }),
        ),
        fault(
            "o3-only-the-first-head-written",
            "O3",
            [
                "only the first head of a token is written",
                "the first head is right; the others keep what was there",
                "loop over all heads",
            ],
            &[],
            Change::Output(|view, output| {
                caches(view, output, |chain, before, written, bits| {
                    let Some(store) = chain.store else { return };
                    let shape = before.shape();
                    let (&[_, a, b, dim], first) =
                        (&<[usize; 4]>::try_from(shape).unwrap_or([1; 4]), store.heads_first);
                    for (cell, slot) in bits.iter_mut().enumerate().filter(|(c, _)| written[*c]) {
                        let line = cell / dim.max(1);
                        let head = if first { line / b.max(1) % a.max(1) } else { line % b.max(1) };
                        if head > 0 {
                            *slot = before.data()[cell];
                        }
                    }
                })
            }),
        ),
        fault(
            "o4-keys-stored-before-the-rotation",
            "O4",
            [
                "keys are stored unrotated",
                "queries are right; rows of position 0 are right",
                "rotate keys before they are stored, unless whoever reads the cache does",
            ],
            &[],
            Change::Question(|question, _| unturned(question, "k")),
        ),
        fault(
            "o4-queries-not-rotated",
            "O4",
            ["queries are not rotated", "keys are right", "rotate both"],
            &[],
            Change::Question(|question, _| unturned(question, "q")),
        ),
        fault(
            "o4-values-rotated",
            "O4",
            [
                "values are rotated as keys are",
                "queries and keys are right; values of position 0 are right",
                "rotate the heads of queries and keys alone",
            ],
            &[],
            Change::Question(|question, _| {
                let dim = chain(question)?.turn.as_ref()?.rope.head_dim;
                parts(question, |part| {
                    (part.name == "v" && part.heads.dim() == dim).then(|| part.turns = true)
                })
            }),
        ),
        fault(
            "o4-values-normalised",
            "O4",
            [
                "values are normalised as keys are",
                "queries and keys are right",
                "normalise the heads of queries and keys alone",
            ],
            &[],
            Change::Question(|question, _| {
                let keys = chain(question)?.parts.iter().find(|part| part.name == "k")?;
                let (norm, dim) = (keys.norm.clone()?, keys.heads.dim());
                parts(question, |part| {
                    (part.name == "v" && part.heads.dim() == dim)
                        .then(|| part.norm = Some(norm.clone()))
                })
            }),
        ),
        fault(
            "o4-keys-in-the-value-cache",
            "O4",
            [
                "the value cache holds keys",
                "the key cache is right",
                "look at the pointers of the two caches",
            ],
            &[],
            Change::Question(|question, _| {
                let keys = chain(question)?.parts.iter().find(|part| part.name == "k")?.clone();
                parts(question, |part| {
                    let fits = part.name == "v" && part.shape() == keys.shape();
                    fits.then_some(())?;
                    let (cache, scale) = (part.cache.clone(), part.scale.clone());
                    *part = crate::encoding::Part { name: "v", cache, scale, ..keys.clone() };
                    Some(())
                })
            }),
        ),
        fault(
            "o4-caches-exchanged",
            "O4",
            [
                "keys are in the value cache and values in the key cache",
                "each cache holds the other one's rows",
                "look at the pointers of the two caches",
            ],
            &[],
            Change::Output(|view, output| {
                chain(view.question)?.store?;
                let find = |name: &str| output.iter().position(|(n, _)| *n == name);
                let (k, v) = (find("key_cache")?, find("value_cache")?);
                let (keys, values) = (output[k].1.clone(), output[v].1.clone());
                (keys.shape() == values.shape() && keys != values).then_some(())?;
                (keys.dtype() == values.dtype()).then_some(())?;
                (output[k].1, output[v].1) = (values, keys);
                Some(())
            }),
        ),
        fault(
            "o5-odd-heads-not-rotated",
            "O5",
            [
                "only the first head of each two is rotated",
                "heads 0, 2, 4 … are right",
                "let every lane of a warp find its own head",
            ],
            &[],
            Change::Output(|view, output| heads_turned(view, output, |head| head % 2 == 0)),
        ),
        fault(
            "o5-later-heads-not-rotated",
            "O5",
            [
                "only the first head of a token is rotated",
                "the first head is right",
                "loop over all heads",
            ],
            &["paiml/aprender#2079", "vllm-project/vllm#50903"],
            Change::Output(|view, output| heads_turned(view, output, |head| head == 0)),
        ),
    ]
}

fn unturned(question: &mut Question, name: &'static str) -> Option<()> {
    parts(question, |part| (part.name == name && part.turns).then(|| part.turns = false))
}
