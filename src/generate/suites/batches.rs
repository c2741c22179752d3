//! `rotate` on batches: rows with their own positions, heads that differ in number, packed and
//! padded rows, ids out of order, slices of ranks, one token at a time.

use super::plain;
use crate::encoding::Layout;
use crate::generate::plan::{FilePlan, Input};
use crate::generate::values::{mixed, numbered, repeated, same_rows};
use crate::number::Dtype;

pub(super) fn groups(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    ragged(file, layout, dtype);
    axes(file, layout, dtype);
    heads(file, layout, dtype);
    lists(file, layout, dtype);
    decoding(file, layout, dtype);
}

/// Trap T7: equal content, different offsets.
fn ragged(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let same = |shape| same_rows(dtype, shape, "ragged");
    file.group("ragged", plain(4, layout, 10000.0), dtype)
        .test(
            "one-token",
            "three equal rows at offsets 0, 7 and 4095",
            &["ragged-offsets", "batch"],
            Input::new().with("q", same([3, 2, 1, 4])).positions(&[&[0], &[7], &[4095]]),
        )
        .test(
            "one-token-reversed",
            "the same rows, offsets in the other order: outputs change places with them",
            &["ragged-offsets", "batch"],
            Input::new().with("q", same([3, 2, 1, 4])).positions(&[&[4095], &[7], &[0]]),
        )
        .test(
            "five-tokens",
            "three equal rows of five tokens at offsets 0, 7 and 4095",
            &["ragged-offsets"],
            Input::new().with("q", same([3, 1, 5, 4])).positions(&[
                &[0, 1, 2, 3, 4],
                &[7, 8, 9, 10, 11],
                &[4095, 4096, 4097, 4098, 4099],
            ]),
        )
        .test(
            "same-offset",
            "two rows, two heads, one token at offset 5: four equal outputs",
            &["batch"],
            Input::new().with("q", same([2, 2, 1, 4])).positions(&[&[5], &[5]]),
        );
}

fn axes(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    file.group("batch", plain(4, layout, 10000.0), dtype)
        .test(
            "cube-2",
            "two rows, two heads, two tokens: nothing tells the axes apart but the numbers",
            &["batch"],
            Input::new()
                .with("q", numbered(dtype, &[2, 2, 2, 4], 1))
                .with("k", numbered(dtype, &[2, 2, 2, 4], -32))
                .positions(&[&[1, 2], &[3, 4]]),
        )
        .test(
            "cube-3",
            "three rows, three heads, three tokens",
            &["batch", "ragged-offsets"],
            Input::new().with("q", numbered(dtype, &[3, 3, 3, 4], -54)).positions(&[
                &[0, 1, 2],
                &[7, 8, 9],
                &[30, 31, 32],
            ]),
        )
        .test(
            "heads-are-not-tokens",
            "token 0 of every head stays, token 1 of every head turns",
            &["batch"],
            Input::new().with("q", numbered(dtype, &[1, 3, 2, 4], 1)).positions(&[&[0, 1]]),
        )
        .test(
            "one-row-many-heads",
            "one token, five heads",
            &["batch"],
            Input::new().with("q", numbered(dtype, &[1, 5, 1, 4], 1)).positions(&[&[3]]),
        )
        .test(
            "no-token",
            "a row without tokens is answered with an empty one",
            &["batch"],
            Input::new().with("q", mixed(dtype, &[1, 2, 0, 4], "")).positions(&[&[]]),
        );
}

/// Trap T8.
fn heads(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let group = file.group("heads", plain(4, layout, 10000.0), dtype);
    for (query_heads, key_heads) in [(5, 1), (4, 2), (1, 3), (6, 3)] {
        group.test(
            format!("{query_heads}-and-{key_heads}"),
            format!("{query_heads} query heads and {key_heads} key heads, two rows of two tokens"),
            &["heads", "wires", "batch"],
            Input::new()
                .with("q", numbered(dtype, &[2, query_heads, 2, 4], -48))
                .with("k", numbered(dtype, &[2, key_heads, 2, 4], 49))
                .positions(&[&[1, 2], &[11, 12]]),
        );
    }
}

/// Lists of positions that are not 0, 1, 2, …
fn lists(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let row = |k: usize| -> [f64; 4] { std::array::from_fn(|i| (4 * k + i + 1) as f64) };
    // Token n of a document has the content n + 1, …, whichever document it belongs to.
    let documents = |ids: &[usize]| -> Vec<f64> { ids.iter().flat_map(|&id| row(id)).collect() };
    let content = documents(&[0, 1, 2, 0, 0, 1, 2, 3, 4]);
    let padded = documents(&[9, 9, 0, 1, 2, 0, 1, 2, 3, 4]);
    let group = file.group("lists", plain(4, layout, 10000.0), dtype);
    group
        .test(
            "packed",
            "documents of 3, 1 and 5 tokens in a row (cu_seqlens 0, 3, 4, 9): equal tokens, equal outputs",
            &["packed"],
            Input::new()
                .with("q", repeated(dtype, &[1, 1, 9, 4], &content))
                .positions(&[&[0, 1, 2, 0, 0, 1, 2, 3, 4]]),
        )
        .test(
            "left-padded",
            "two pads and three tokens beside five tokens: the three agree with the other row's first",
            &["left-padding"],
            Input::new()
                .with("q", repeated(dtype, &[2, 1, 5, 4], &padded))
                .positions(&[&[0, 0, 0, 1, 2], &[0, 1, 2, 3, 4]]),
        );
    let lists: [(&str, &str, &'static str, &[i64]); 8] = [
        ("scattered", "ids 7, 3, 4095", "scattered-ids", &[7, 3, 4095]),
        ("falling", "falling ids", "scattered-ids", &[9, 8, 2, 1]),
        ("repeated", "one id for all tokens, as in a tree", "scattered-ids", &[5, 5, 6, 6]),
        ("zigzag-rank-0", "rank 0 of 2, chunks 0 and 3 of 8", "context-parallel", &[0, 1, 6, 7]),
        ("zigzag-rank-1", "rank 1 of 2, chunks 1 and 2 of 8", "context-parallel", &[2, 3, 4, 5]),
        ("packed-rank-0", "rank 0 of 2, two documents of 4", "context-parallel", &[0, 3, 0, 3]),
        ("packed-rank-1", "rank 1 of 2, two documents of 4", "context-parallel", &[1, 2, 1, 2]),
        ("zigzag-rank-3", "rank 3 of 4, chunks 3 and 4 of 8", "context-parallel", &[3, 4]),
    ];
    for (name, comment, flag, positions) in lists {
        let content = documents(&(0..positions.len()).collect::<Vec<_>>());
        group.test(
            name,
            comment,
            &[flag],
            Input::new()
                .with("q", repeated(dtype, &[1, 1, positions.len(), 4], &content))
                .positions(&[positions]),
        );
    }
}

/// Trap T13: a whole sequence, two chunks of it, and tokens one by one.
fn decoding(file: &mut FilePlan, layout: Layout, dtype: Dtype) {
    let rows: Vec<f64> = (0..24).map(|i| (i - 11) as f64 * 0.375).collect();
    let slice = |from: usize, to: usize| {
        Input::new().with("q", repeated(dtype, &[1, 1, to - from, 4], &rows[4 * from..4 * to]))
    };
    file.group("decoding", plain(4, layout, 10000.0), dtype)
        .test(
            "prompt",
            "six tokens at once",
            &["decode"],
            slice(0, 6).positions(&[&[0, 1, 2, 3, 4, 5]]),
        )
        .test("first-chunk", "tokens 0 to 2", &["decode"], slice(0, 3).positions(&[&[0, 1, 2]]))
        .test("second-chunk", "tokens 3 to 5", &["decode"], slice(3, 6).positions(&[&[3, 4, 5]]))
        .test("token-4", "token 4 alone", &["decode"], slice(4, 5).positions(&[&[4]]))
        .test("token-5", "token 5 alone", &["decode"], slice(5, 6).positions(&[&[5]]))
        .test(
            "token-4097",
            "the last token again, far away",
            &["decode", "long-position"],
            slice(5, 6).positions(&[&[4097]]),
        );
}
