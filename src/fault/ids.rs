//! E4 to E6: position ids that masks, packed documents and ranks determine.

use super::Fault;
use super::change::Change;
use crate::encoding::{
    Body, IdSource, PositionIds, Question, from_context_parallel, from_cumulative_lengths,
};

/// The position ids of a question.
pub(super) fn ids(question: &mut Question) -> Option<&mut PositionIds> {
    match &mut question.body {
        Body::PositionIds(ids) => Some(ids),
        _ => None,
    }
}

/// Other ids. None if they are the same.
pub(super) fn set(ids: &mut PositionIds, positions: Vec<i64>) -> Option<()> {
    let changed = ids.positions != positions && ids.positions.len() == positions.len();
    ids.positions = positions;
    changed.then_some(())
}

/// Other places in the packed stream. None if they are the same.
fn set_indices(ids: &mut PositionIds, indices: Vec<i64>) -> Option<()> {
    let beside = ids.beside.as_mut().filter(|beside| beside.name == "indices")?;
    let changed = beside.data != indices && beside.data.len() == indices.len();
    beside.data = indices;
    changed.then_some(())
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "e4-counted-from-the-padding",
            class: "E4",
            summary: "positions are counted from the first slot instead of the first real token",
            signature: "left-padded rows are shifted by their padding; scores of a pure rotation hide it",
            fix: "positions = cumsum(attention_mask) - 1",
            links: &[
                "huggingface/transformers#22161",
                "unslothai/unsloth#3699",
                "tloen/alpaca-lora#315",
            ],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::AttentionMask(mask) = &ids.source else { return None };
                let width = mask.columns().max(1);
                let count = |(i, &bits): (usize, &u64)| (i % width) as i64 * bits as i64;
                let counted = mask.data().iter().enumerate().map(count).collect();
                set(ids, counted)
            }),
        },
        Fault {
            name: "e5-ids-not-reset",
            class: "E5",
            summary: "position ids of packed documents run on",
            signature: "the second document starts at the length of the first",
            fix: "restart at 0 at every boundary of cu_seqlens",
            links: &["allenai/OLMo-core#591", "huggingface/nanoVLM#204"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                matches!(ids.source, IdSource::CumulativeLengths(_)).then_some(())?;
                let count = ids.positions.len() as i64;
                set(ids, (0..count).collect())
            }),
        },
        Fault {
            name: "e5-reset-by-modulo",
            class: "E5",
            summary: "position ids of packed documents are taken modulo the longest document",
            signature: "equal lengths are right; else positions jump back inside a document",
            fix: "restart at 0 at every boundary of cu_seqlens",
            links: &["hiyouga/LlamaFactory#7318", "modelscope/ms-swift#9904"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::CumulativeLengths(ends) = &ids.source else { return None };
                let longest = ends.windows(2).map(|step| step[1] - step[0]).max()?.max(1);
                let count = ids.positions.len() as i64;
                set(ids, (0..count).map(|n| n % longest).collect())
            }),
        },
        Fault {
            name: "e6-rank-starts-at-0",
            class: "E6",
            summary: "a context-parallel rank counts its tokens from 0",
            signature: "rank 0 is right at the front, everything else is shifted",
            fix: "give each rank the positions of its two chunks",
            links: &["NVIDIA/Megatron-LM#560", "NVIDIA/TransformerEngine#3057"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                matches!(ids.source, IdSource::ContextParallel { .. }).then_some(())?;
                let count = ids.positions.len() as i64;
                set(ids, (0..count).collect())
            }),
        },
        Fault {
            name: "e6-rank-0-for-all",
            class: "E6",
            summary: "every context-parallel rank has the positions of rank 0",
            signature: "rank 0 is right, and tests that pin it",
            fix: "use the rank of the process",
            links: &["NVIDIA/TransformerEngine#3057", "NVIDIA-NeMo/Speech#6153"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::ContextParallel { cumulative, size, .. } = &ids.source else {
                    return None;
                };
                let first = from_context_parallel(cumulative, *size, 0).ok()?;
                set(ids, first.positions)
            }),
        },
        Fault {
            name: "e6-contiguous-chunks",
            class: "E6",
            summary: "a context-parallel rank takes one contiguous piece instead of a chunk from the front and one from the back",
            signature: "the front half of rank 0 is right, the rest shifted",
            fix: "rank r of n holds chunks r and 2n − 1 − r of every sequence",
            links: &["NVIDIA/Megatron-LM#5243", "PaddlePaddle/PaddleFleet#1437"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::ContextParallel { cumulative, rank, .. } = &ids.source else {
                    return None;
                };
                let whole = from_cumulative_lengths(cumulative).ok()?;
                let count = ids.positions.len();
                let start = *rank as usize * count;
                let piece = whole.get(start..start + count)?.to_vec();
                set(ids, piece)
            }),
        },
        Fault {
            name: "e4-counted-from-1",
            class: "E4",
            summary: "the first token has position 1: the sum over the mask is taken as it is",
            signature: "every position is too large by 1; scores of a pure rotation hide it",
            fix: "positions = cumsum(attention_mask) - 1",
            links: &["facebookresearch/fairseq#1177", "Physical-Intelligence/openpi#762"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::AttentionMask(mask) = &ids.source else { return None };
                let next = |(p, &bits): (&i64, &u64)| p + bits as i64;
                let counted = ids.positions.iter().zip(mask.data()).map(next).collect();
                set(ids, counted)
            }),
        },
        Fault {
            name: "e4-counted-from-the-last-slot",
            class: "E4",
            summary: "the last slot of a row has the number of its tokens: padding is taken to be on the left",
            signature: "rows that are padded on the right are shifted by their padding, and begin with negative positions or with 0",
            fix: "positions = cumsum(attention_mask) - 1",
            links: &[],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::AttentionMask(mask) = &ids.source else { return None };
                let width = mask.columns().max(1);
                let row = |row: &[u64]| {
                    let pads = row.iter().filter(|&&bits| bits == 0).count() as i64;
                    let of = |(i, bits): (usize, &u64)| (i as i64 - pads).max(0) * *bits as i64;
                    row.iter().enumerate().map(of).collect::<Vec<i64>>()
                };
                let counted = mask.data().chunks(width).flat_map(row).collect();
                set(ids, counted)
            }),
        },
        Fault {
            name: "e6-indices-within-the-sequence",
            class: "E6",
            summary: "the places of a context-parallel rank are counted within each sequence, not in the packed stream",
            signature: "the first sequence is right, later ones read the rows of the first",
            fix: "add cu_seqlens[i] to the places of sequence i",
            links: &["NVIDIA/Megatron-LM#5243", "NVIDIA/Megatron-LM#4075"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let positions = ids.positions.clone();
                set_indices(ids, positions)
            }),
        },
        Fault {
            name: "e6-places-for-positions",
            class: "E6",
            summary: "the positions of a context-parallel rank are its places in the packed stream",
            signature: "the first sequence is right, later ones run on",
            fix: "restart at 0 at every boundary of cu_seqlens",
            links: &["NVIDIA/Megatron-LM#5243"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let places = ids.beside.as_ref().filter(|beside| beside.name == "indices")?;
                let places = places.data.clone();
                set(ids, places)
            }),
        },
    ]
}
