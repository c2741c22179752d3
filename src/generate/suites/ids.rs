//! `position_ids`: what batchers, loaders of images and ranks of a group compute.

use super::word;
use crate::generate::plan::{FilePlan, GroupPlan, Input, parsed};
use crate::generate::values::{flat, values};
use crate::number::Dtype;
use crate::request::{Object, Operation};

pub(super) fn files() -> Vec<FilePlan> {
    let mut file = FilePlan::new("position_ids/i64.json", Operation::PositionIds);
    file.group("basic", Object::default(), Dtype::I64)
        .test("one-document", "one document of four tokens", &["basic"], lengths(&[0, 4]))
        .test("full-mask", "no padding", &["basic"], mask([1, 4], &[1, 1, 1, 1]));
    packed(file.group("packed", Object::default(), Dtype::I64));
    ranks(file.group("ranks", Object::default(), Dtype::I64));
    masks(file.group("masks", Object::default(), Dtype::I64));
    segments(file.group("segments", Object::default(), Dtype::I64));
    videos(file.group("videos", Object::default(), Dtype::I64));
    grids(file.group("grids", Object::default(), Dtype::I64));
    vec![file]
}

fn lengths(list: &[i64]) -> Input {
    Input::new().with("cu_seqlens", flat(list))
}

fn mask(shape: [usize; 2], bits: &[u8]) -> Input {
    let list: Vec<f64> = bits.iter().map(|&bit| bit as f64).collect();
    Input::new().with("attention_mask", values(Dtype::I32, &shape, &list))
}

/// Traps T10 and E4.
fn packed(group: &mut GroupPlan) {
    group
        .test(
            "three-one-five",
            "documents of 3, 1 and 5 tokens: 0 1 2 0 0 1 2 3 4",
            &["packed"],
            lengths(&[0, 3, 4, 9]),
        )
        .test("equal", "two documents of 4", &["packed"], lengths(&[0, 4, 8]))
        .test("ones", "three documents of one token", &["packed"], lengths(&[0, 1, 2, 3]))
        .test("empty-document", "a document without tokens", &["packed"], lengths(&[0, 2, 2, 5]))
        .test("nothing", "no document at all", &["packed"], lengths(&[0]))
        .test("long", "two documents of 200 and 60", &["packed"], lengths(&[0, 200, 260]));
}

/// Trap E6: all ranks of groups of 1, 2 and 4; equal and unequal documents.
fn ranks(group: &mut GroupPlan) {
    let groups: [(i64, &[i64]); 4] =
        [(1, &[0, 2, 6]), (2, &[0, 4, 8]), (2, &[0, 8, 12]), (4, &[0, 16, 24])];
    for (size, cut) in groups {
        let total = cut[cut.len() - 1];
        for rank in 0..size {
            group.test(
                format!("{total}-tokens-rank-{rank}-of-{size}"),
                format!(
                    "chunks {rank} and {} of {}, of each document in {cut:?}",
                    2 * size - 1 - rank,
                    2 * size
                ),
                &["context-parallel", "packed"],
                lengths(cut).with("cp_size", size).with("cp_rank", rank),
            );
        }
    }
}

fn masks(group: &mut GroupPlan) {
    group
        .test(
            "left-padded",
            "two rows of 3 and 5 tokens, padded on the left",
            &["left-padding"],
            mask([2, 5], &[0, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
        )
        .test(
            "right-padded",
            "two rows of 3 and 5 tokens, padded on the right; pads get 0",
            &["left-padding"],
            mask([2, 5], &[1, 1, 1, 0, 0, 1, 1, 1, 1, 1]),
        )
        .test(
            "both-sides",
            "padding on both sides, and a hole in the middle",
            &["left-padding"],
            mask([2, 6], &[0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0]),
        )
        .test("all-padding", "a row without tokens", &["left-padding"], mask([2, 2], &[0, 0, 1, 1]))
        .test("square", "as many rows as tokens", &["batch"], mask([2, 2], &[0, 1, 1, 1]));
}

/// Traps H1, H5 and H6: images that are not square, before, between and after text.
fn segments(group: &mut GroupPlan) {
    let cases: [(&str, &str, &[&'static str], &str); 9] = [
        ("text", "text alone: equal on all axes, delta 0", &["segments"], r#"[{"text":4}]"#),
        (
            "image-in-text",
            "an image of 2 × 2 tokens between text",
            &["segments", "rope-delta"],
            r#"[{"text":3},{"image":[1,4,4]},{"text":1}]"#,
        ),
        (
            "wide-image",
            "2 rows of 3 tokens: rows and columns differ",
            &["segments", "grid-order", "rope-delta"],
            r#"[{"text":1},{"image":[1,4,6]},{"text":2}]"#,
        ),
        (
            "tall-image",
            "3 rows of 2 tokens",
            &["segments", "grid-order", "rope-delta"],
            r#"[{"text":1},{"image":[1,6,4]},{"text":2}]"#,
        ),
        (
            "image-first",
            "an image without text before it begins at 0",
            &["segments", "rope-delta"],
            r#"[{"image":[1,4,6]},{"text":2}]"#,
        ),
        (
            "image-last",
            "decoding goes on at the image's largest position plus 1",
            &["segments", "rope-delta"],
            r#"[{"text":2},{"image":[1,2,8]}]"#,
        ),
        (
            "two-images",
            "two images of different shape, one after the other",
            &["segments", "grid-order", "rope-delta"],
            r#"[{"text":1},{"image":[1,2,4]},{"image":[1,6,2]},{"text":1}]"#,
        ),
        (
            "one-token-image",
            "an image of one token moves as text would",
            &["segments"],
            r#"[{"text":2},{"image":[1,2,2]},{"text":2}]"#,
        ),
        ("nothing", "no tokens", &["segments"], "[]"),
    ];
    for (name, what, flags, list) in cases {
        group.test(name, what, flags, list_of(list, 2));
    }
    group.test(
        "unmerged",
        "a merge size of 1: every patch is a token",
        &["segments", "grid-order", "rope-delta"],
        list_of(r#"[{"text":1},{"image":[1,2,3]},{"text":1}]"#, 1),
    );
    group.test(
        "merged-by-3",
        "blocks of 3 × 3 patches",
        &["segments", "grid-order", "rope-delta"],
        list_of(r#"[{"text":1},{"image":[1,6,9]},{"text":1}]"#, 3),
    );
}

/// Segments as JSON text, and the merge size.
fn list_of(segments: &str, merge: i64) -> Input {
    Input(parsed(&format!(r#"{{"segments":{segments},"spatial_merge_size":{merge}}}"#)))
}

fn videos(group: &mut GroupPlan) {
    let clock = |grid: &str, seconds: &str, tokens: &str| {
        let video = format!(
            r#"{{"video":{grid},"seconds_per_grid":{seconds},"tokens_per_second":{tokens}}}"#
        );
        list_of(&format!(r#"[{{"text":1}},{video},{{"text":1}}]"#), 2)
    };
    group
        .test(
            "a-step-per-frame",
            "three frames of 1 × 2 tokens, one step each (Qwen2-VL)",
            &["segments", "rope-delta"],
            list_of(r#"[{"text":2},{"video":[3,2,4]},{"text":1}]"#, 2),
        )
        .test(
            "two-seconds",
            "frames 2 seconds apart, 2 positions a second: steps of 4 (Qwen2.5-VL)",
            &["segments", "video-clock", "rope-delta"],
            clock("[3,2,4]", "2", "2"),
        )
        .test(
            "half-seconds",
            "frames half a second apart: cast to an integer the half would be lost",
            &["segments", "video-clock", "rope-delta"],
            clock("[4,2,4]", "0.5", "2"),
        )
        .test(
            "thirds",
            "three times the f64 below 1/3 is less than 1, in f32 it is 1",
            &["segments", "video-clock"],
            clock("[4,2,2]", "0.3333333333333333", "1"),
        )
        .test(
            "truncated",
            "steps 0, 4.5 and 9 truncated to 0, 4 and 9",
            &["segments", "video-clock", "rope-delta"],
            clock("[3,2,4]", "1.5", "3"),
        )
        .test(
            "standing-still",
            "no time passes between frames",
            &["segments", "video-clock", "rope-delta"],
            clock("[3,2,4]", "0", "2"),
        );
}

/// Trap H1: both orders, one- and zero-based, class tokens, a grid that is not square.
fn grids(group: &mut GroupPlan) {
    let grid = |list: &str| Input(parsed(&format!(r#"{{"grid_thw":{list}}}"#)));
    let shapes = [
        ("wide", "[[1,2,4]]"),
        ("tall", "[[1,4,2]]"),
        ("two-images", "[[1,2,4],[1,4,2]]"),
        ("video", "[[2,2,4]]"),
        ("square", "[[1,4,4]]"),
    ];
    for (name, list) in shapes {
        group
            .test(
                format!("{name}-raster"),
                format!("grids {list} row by row"),
                &["grid-order"],
                grid(list).with("order", word("raster")),
            )
            .test(
                format!("{name}-merge-blocks"),
                format!("grids {list} in blocks of 2 × 2 (Qwen2-VL)"),
                &["grid-order"],
                grid(list).with("order", word("merge_block")).with("spatial_merge_size", 2i64),
            )
            .test(
                format!("{name}-from-1-class-last"),
                format!("grids {list} counted from 1, a class token at 0 after each (Llama 4)"),
                &["grid-order", "class-token"],
                grid(list)
                    .with("order", word("raster"))
                    .with("first", 1i64)
                    .with("cls", word("last")),
            );
    }
    group
        .test(
            "class-first",
            "a class token at 0 before the patches",
            &["class-token"],
            grid("[[1,2,3]]").with("order", word("raster")).with("cls", word("first")),
        )
        .test(
            "blocks-of-3",
            "blocks of 3 × 3",
            &["grid-order"],
            grid("[[1,3,6]]").with("order", word("merge_block")).with("spatial_merge_size", 3i64),
        )
        .test(
            "blocks-of-1",
            "blocks of one patch are the raster",
            &["grid-order"],
            grid("[[1,2,3]]").with("order", word("merge_block")).with("spatial_merge_size", 1i64),
        );
}
