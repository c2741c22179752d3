//! Position ids against the sheet of every source, against loops written another way, and every
//! refusal once.

use crate::ask::{ask, integers, rejects, tensor};
use proptest::prelude::*;
use ropewalk::encoding::{
    Cls, Grids, Order, Pace, Segment, from_context_parallel, from_cumulative_lengths, from_segments,
};
use rug::{Integer, Rational};
use serde_json::{Value, json};

fn ids(input: Value) -> Value {
    ask("position_ids", "i64", json!({}), input)
}

#[test]
fn text_image_text() {
    // 3 tokens of text at 0, 1, 2. The image has 4 × 4 patches, merged to 2 × 2, and starts at 3:
    // T stays 3, H is 3, 3, 4, 4, W is 3, 4, 3, 4. The largest is 4, so text goes on at 5, and the
    // delta is 5 + 1 − 8 tokens.
    let reply = ids(json!({"segments": [{"text": 3}, {"image": [1, 4, 4]}, {"text": 1}],
                           "spatial_merge_size": 2}));
    assert_eq!(tensor(&reply, "positions").1, [3, 1, 8]);
    let t = [0, 1, 2, 3, 3, 3, 3, 5];
    let h = [0, 1, 2, 3, 3, 4, 4, 5];
    let w = [0, 1, 2, 3, 4, 3, 4, 5];
    assert_eq!(integers(&reply, "positions"), [t, h, w].concat());
    assert_eq!(tensor(&reply, "rope_delta").1, [0usize; 0]);
    assert_eq!(integers(&reply, "rope_delta"), [-2]);
}

#[test]
fn a_wide_image_and_a_tall_one() {
    // Height and width must not be exchanged: 2 × 3 merged patches from 0, then 3 × 2 from 3.
    let reply = ids(
        json!({"segments": [{"image": [1, 2, 3]}, {"image": [1, 3, 2]}], "spatial_merge_size": 1}),
    );
    let t = [0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3];
    let h = [0, 0, 0, 1, 1, 1, 3, 3, 4, 4, 5, 5];
    let w = [0, 1, 2, 0, 1, 2, 3, 4, 3, 4, 3, 4];
    assert_eq!(integers(&reply, "positions"), [t, h, w].concat());
    assert_eq!(integers(&reply, "rope_delta"), [6 - 12]);
}

#[test]
fn a_video_counts_frames_or_seconds() {
    // Without a clock T is the frame: from 1, frames 1, 2, 3.
    let frames = ids(json!({"segments": [{"text": 1}, {"video": [3, 2, 2]}, {"text": 1}],
                            "spatial_merge_size": 2}));
    assert_eq!(integers(&frames, "positions")[..5], [0, 1, 2, 3, 4]);
    // Half a second per grid at 25 positions per second: ⌊0⌋, ⌊12.5⌋, ⌊25⌋. Seconds cast to an
    // integer first would give 0, 0, 0.
    let clock = json!({"video": [3, 2, 2], "seconds_per_grid": 0.5, "tokens_per_second": 25});
    let seconds =
        ids(json!({"segments": [{"text": 1}, clock, {"text": 1}], "spatial_merge_size": 2}));
    assert_eq!(integers(&seconds, "positions")[..5], [0, 1, 13, 26, 27]);
    assert_eq!(integers(&seconds, "positions")[5..10], [0, 1, 1, 1, 27]);
    assert_eq!(integers(&seconds, "rope_delta"), [28 - 5]);
    // A third of a second is a little less in f64, so three grids are not yet a second.
    let third = json!({"tokens_per_second": 1, "video": [5, 1, 1], "seconds_per_grid": 1.0 / 3.0});
    let seconds = ids(json!({"segments": [third], "spatial_merge_size": 1}));
    assert_eq!(integers(&seconds, "positions")[..5], [0, 0, 0, 0, 1]);
}

#[test]
fn nothing_is_a_sequence_too() {
    let reply = ids(json!({"segments": [], "spatial_merge_size": 2}));
    assert_eq!(tensor(&reply, "positions").1, [3, 1, 0]);
    assert_eq!(integers(&reply, "rope_delta"), [0]);
    assert_eq!(tensor(&ids(json!({"grid_thw": [], "order": "raster"})), "positions").1, [2, 1, 0]);
    let rank = ids(json!({"cu_seqlens": [0], "cp_size": 2, "cp_rank": 1}));
    assert_eq!(tensor(&rank, "indices").1, [1, 0]);
}

#[test]
fn patches_by_row_and_by_block() {
    // 2 × 4 patches. By row: rows 0000 1111, columns 0123 0123. In blocks of 2 × 2: the left block
    // row by row, then the right one.
    let grid = json!([[1, 2, 4]]);
    let raster = ids(json!({"grid_thw": grid, "order": "raster"}));
    assert_eq!(tensor(&raster, "positions").1, [2, 1, 8]);
    assert_eq!(integers(&raster, "positions"), [0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 2, 3, 0, 1, 2, 3]);
    let block = ids(json!({"grid_thw": grid, "order": "merge_block", "spatial_merge_size": 2}));
    assert_eq!(integers(&block, "positions"), [0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1, 2, 3, 2, 3]);
    // Llama 4: counted from 1, and the class token last at 0.
    let llama = ids(json!({"grid_thw": [[1, 1, 2]], "order": "raster", "first": 1, "cls": "last"}));
    assert_eq!(integers(&llama, "positions"), [1, 1, 0, 1, 2, 0]);
    // Two images, the class token before each; the frames of a video repeat.
    let two = json!({"grid_thw": [[1, 1, 2], [2, 1, 1]], "order": "raster", "cls": "first"});
    assert_eq!(integers(&ids(two), "positions"), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn zigzag_ranks_of_packed_sequences() {
    // Two sequences of 4, four chunks of 1 each: rank 0 has chunks 0 and 3, rank 1 has 1 and 2.
    let rank = |size, rank| {
        let reply = ids(json!({"cu_seqlens": [0, 4, 8], "cp_size": size, "cp_rank": rank}));
        (integers(&reply, "positions"), integers(&reply, "indices"))
    };
    assert_eq!(rank(2, 0), (vec![0, 3, 0, 3], vec![0, 3, 4, 7]));
    assert_eq!(rank(2, 1), (vec![1, 2, 1, 2], vec![1, 2, 5, 6]));
    assert_eq!(rank(1, 0).1, (0..8).collect::<Vec<_>>());
    // Unequal lengths, chunks of 2 and 1: rank 1 of 2 holds 2..6 of the first, 9, 10 of the other.
    let reply = ids(json!({"cu_seqlens": [0, 8, 12], "cp_size": 2, "cp_rank": 1}));
    assert_eq!(integers(&reply, "indices"), [2, 3, 4, 5, 9, 10]);
    assert_eq!(integers(&reply, "positions"), [2, 3, 4, 5, 1, 2]);
    // Plain cumulative lengths have no indices.
    assert!(ids(json!({"cu_seqlens": [0, 4]}))["output"].get("indices").is_none());
}

#[test]
fn every_refusal_of_position_ids() {
    let wrong = |input: Value, slug: &str, words: &[&str]| rejects(&ids(input), slug, words);
    wrong(json!({}), "missing_input", &["cu_seqlens", "attention_mask", "segments", "grid_thw"]);
    wrong(
        json!({"cu_seqlens": [0], "grid_thw": []}),
        "unused_input",
        &["cu_seqlens", "grid_thw", "one of them"],
    );
    wrong(json!({"cu_seqlens": [0, 1], "order": "raster"}), "unused_input", &["order", "cp_size"]);
    wrong(json!({"cu_seqlens": 3}), "invalid_value", &["cu_seqlens is 3", "a list"]);
    wrong(json!({"cu_seqlens": [0, 1.0]}), "invalid_value", &["cu_seqlens is 1.0"]);
    wrong(json!({"cu_seqlens": [1, 2]}), "invalid_value", &["begins with 1"]);
    wrong(json!({"cu_seqlens": []}), "invalid_value", &["begins with nothing"]);
    wrong(json!({"cu_seqlens": [0, 3, 2]}), "invalid_value", &["falls from 3 to 2"]);
    wrong(json!({"cu_seqlens": [0, 1i64 << 27]}), "invalid_value", &["ends with 134217728"]);
    wrong(json!({"cu_seqlens": [0, 4], "cp_size": 2}), "missing_input", &["cp_rank"]);
    wrong(json!({"cu_seqlens": [0, 4], "cp_rank": 0}), "missing_input", &["cp_size"]);
    wrong(
        json!({"cu_seqlens": [0, 4], "cp_size": 0, "cp_rank": 0}),
        "invalid_value",
        &["cp_size is 0", "from 1"],
    );
    wrong(
        json!({"cu_seqlens": [0, 4], "cp_size": 2, "cp_rank": 2}),
        "invalid_value",
        &["cp_rank is 2", "from 0 to 1"],
    );
    wrong(
        json!({"cu_seqlens": [0, 4, 10], "cp_size": 2, "cp_rank": 0}),
        "invalid_value",
        &["sequence 1", "6 tokens", "2·cp_size = 4"],
    );

    let mask = |dtype: &str, shape: Value, bits: &str| json!({"attention_mask": {"dtype": dtype, "shape": shape, "bits": [bits]}});
    wrong(mask("i64", json!([1, 1]), "0000000000000001"), "dtype_mismatch", &["i64", "i32"]);
    wrong(mask("i32", json!([1]), "00000001"), "shape_mismatch", &["[1]", "[batch, seq]"]);
    wrong(mask("i32", json!([1, 1]), "ffffffff"), "invalid_value", &["attention_mask is -1"]);

    let segments = |list: Value| json!({"segments": list, "spatial_merge_size": 2});
    wrong(json!({"segments": []}), "missing_input", &["spatial_merge_size"]);
    wrong(segments(json!({"text": 1})), "invalid_value", &["segments is", "a list"]);
    wrong(segments(json!([3])), "invalid_value", &["segments[0] is 3", "image"]);
    wrong(segments(json!([{}])), "invalid_value", &["segments[0] is {}"]);
    wrong(segments(json!([{"text": -1}])), "invalid_value", &["segments[0].text is -1"]);
    wrong(
        segments(json!([{"text": 1}, {"image": [2, 4, 4]}])),
        "invalid_value",
        &["segments[1].image is [2,4,4]", "[1, h, w]"],
    );
    wrong(
        segments(json!([{"image": [1, 4, 3]}])),
        "invalid_value",
        &["segments[0].image is [1,4,3]", "multiples of 2"],
    );
    wrong(segments(json!([{"video": [0, 4, 4]}])), "invalid_value", &["[0,4,4]", "from 1"]);
    wrong(segments(json!([{"video": [4, 4]}])), "invalid_value", &["[4,4]", "[t, h, w]"]);
    wrong(
        segments(json!([{"video": [1, 2, 2], "seconds_per_grid": 1}])),
        "invalid_value",
        &["segments[0]", "tokens_per_second"],
    );
    wrong(
        segments(json!([{"video": [1, 2, 2], "seconds_per_grid": -1, "tokens_per_second": 2}])),
        "invalid_value",
        &["segments[0].seconds_per_grid is -1", "not below 0"],
    );
    wrong(
        segments(json!([{"video": [2, 2, 2], "seconds_per_grid": 1e30, "tokens_per_second": 2}])),
        "position_out_of_range",
        &["frame 1", "2^62"],
    );
    wrong(segments(json!([{"text": 1 << 25}])), "shape_mismatch", &["[3, 1, 33554432]", "2^26"]);
    let huge = json!([{"image": [1, 1 << 26, 1 << 26]}, {"video": [1 << 26, 1 << 26, 1 << 26]}]);
    wrong(segments(huge), "shape_mismatch", &["2^26 elements"]);
    let error = from_segments(&[Segment::Text(1 << 26), Segment::Text(1)]).unwrap_err();
    assert!(error.to_string().contains("2^26 tokens"));

    let grid = |more: Value| {
        let mut input = json!({"grid_thw": [[1, 4, 4]], "order": "merge_block",
                               "spatial_merge_size": 2});
        for (key, value) in more.as_object().unwrap() {
            match value {
                Value::Null => input.as_object_mut().unwrap().remove(key),
                value => input.as_object_mut().unwrap().insert(key.clone(), value.clone()),
            };
        }
        input
    };
    wrong(grid(json!({"order": null})), "missing_input", &["order", "raster, merge_block"]);
    wrong(grid(json!({"order": "spiral"})), "invalid_value", &["spiral", "merge_block"]);
    wrong(
        grid(json!({"spatial_merge_size": null})),
        "missing_input",
        &["spatial_merge_size", "merge_block"],
    );
    wrong(grid(json!({"order": "raster"})), "unused_input", &["spatial_merge_size", "raster"]);
    wrong(grid(json!({"first": 2})), "invalid_value", &["first is 2", "from 0 to 1"]);
    wrong(grid(json!({"cls": "middle"})), "invalid_value", &["middle", "first, last"]);
    wrong(grid(json!({"grid_thw": [1, 4, 4]})), "invalid_value", &["grid_thw is 1", "[t, h, w]"]);
    wrong(grid(json!({"grid_thw": [[1, 4, 3]]})), "invalid_value", &["[1,4,3]", "multiples of 2"]);
    wrong(
        grid(json!({"grid_thw": [[1 << 26, 1 << 26, 2]], "spatial_merge_size": 1})),
        "shape_mismatch",
        &["2^26 elements"],
    );

    let config = ask("position_ids", "i64", json!({"offset": 1}), json!({"cu_seqlens": [0]}));
    rejects(&config, "unused_key", &["offset", "position_ids"]);
    let dtype = ask("position_ids", "i32", json!({}), json!({"cu_seqlens": [0]}));
    rejects(&dtype, "dtype_mismatch", &["i32", "i64"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The ranks share the tokens out: each once, equally many, and the positions are those of the
    /// packed sequences at these places.
    #[test]
    fn ranks_partition_the_stream(size in 1i64..5, chunks in prop::collection::vec(0i64..4, 0..5)) {
        let mut cumulative = vec![0];
        for chunk in chunks {
            cumulative.push(cumulative.last().unwrap() + 2 * size * chunk);
        }
        let packed = from_cumulative_lengths(&cumulative).unwrap();
        let mut seen = Vec::new();
        for rank in 0..size {
            let shard = from_context_parallel(&cumulative, size, rank).unwrap();
            prop_assert_eq!(shard.indices.len() * size as usize, packed.len());
            // The work of causal attention, the sum of positions, is the same for every rank.
            let work: i64 = shard.positions.iter().sum();
            prop_assert_eq!(work * size, packed.iter().sum::<i64>());
            for (place, position) in shard.indices.iter().zip(&shard.positions) {
                prop_assert_eq!(packed[*place as usize], *position);
            }
            seen.extend(shard.indices);
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..packed.len() as i64).collect::<Vec<_>>());
    }

    /// Block order as a reshape and a transposition, the way the libraries compute it:
    /// (h/m, m, w/m, m) with the two middle axes exchanged.
    #[test]
    fn blocks_are_a_transposition(t in 1usize..3, a in 1usize..4, b in 1usize..4, m in 1usize..4) {
        let (h, w) = (a * m, b * m);
        let grids = Grids {
            grids: vec![[t, h, w]], order: Order::MergeBlock(m), first: 0, cls: None,
        };
        let [y, x] = grids.positions();
        for (place, (y, x)) in y.iter().zip(&x).enumerate() {
            let frame = place % (h * w);
            let (block, inner) = (frame / (m * m), frame % (m * m));
            let raster = (block / b * m + inner / m) * w + block % b * m + inner % m;
            prop_assert_eq!((*y as usize, *x as usize), (raster / w, raster % w));
        }
        prop_assert_eq!(y.len(), t * h * w);
        prop_assert_eq!(grids.tokens(), Some(y.len()));
        // Every patch once per frame, and raster order is blocks of one.
        let raster = Grids { order: Order::Raster, ..grids.clone() };
        let ones = Grids { order: Order::MergeBlock(1), ..grids.clone() };
        prop_assert_eq!(raster.positions(), ones.positions());
        let from_one = Grids { first: 1, cls: Some(Cls::Last), ..grids };
        let shifted = from_one.positions();
        prop_assert_eq!(&shifted[0][..y.len()], &y.iter().map(|y| y + 1).collect::<Vec<_>>()[..]);
        prop_assert_eq!(shifted.map(|axis| *axis.last().unwrap()), [0, 0]);
    }

    /// Each axis of each token from the tokens before it, with the clock in big rationals.
    #[test]
    fn segments_follow_each_other(
        parts in prop::collection::vec((0usize..4, 1usize..4, 1usize..4, 1usize..4), 0..6),
        seconds in 0.0f64..9.0,
        rate in prop_oneof![Just(2.0), Just(25.0), 0.0f64..100.0],
    ) {
        let segments: Vec<Segment> = parts
            .iter()
            .map(|&(kind, t, h, w)| match kind {
                0 => Segment::Text(t),
                1 => Segment::Grid { thw: [1, h, w], pace: None },
                2 => Segment::Grid { thw: [t, h, w], pace: None },
                _ => {
                    let pace = Pace { seconds_per_grid: seconds, tokens_per_second: rate };
                    Segment::Grid { thw: [t, h, w], pace: Some(pace) }
                }
            })
            .collect();
        let ids = from_segments(&segments).unwrap();
        let mut expected: Vec<[i64; 3]> = Vec::new();
        for segment in &segments {
            let start = expected.iter().flatten().max().map_or(0, |most| most + 1);
            let count = segment.tokens().unwrap();
            for place in 0..count {
                expected.push(match *segment {
                    Segment::Text(_) => [start + place as i64; 3],
                    Segment::Grid { thw: [_, h, w], pace } => {
                        let frame = place / (h * w);
                        let step = pace.map_or(Integer::from(frame), |pace| {
                            let exact = |x| Rational::from_f64(x).unwrap();
                            (exact(pace.seconds_per_grid) * exact(pace.tokens_per_second)
                                * Integer::from(frame)).floor().into_numer_denom().0
                        });
                        let (row, column) = (place / w % h, place % w);
                        [step.to_i64().unwrap() + start, start + row as i64, start + column as i64]
                    }
                });
            }
        }
        for axis in 0..3 {
            let axis_of: Vec<i64> = expected.iter().map(|ids| ids[axis]).collect();
            prop_assert_eq!(&ids.positions[axis], &axis_of);
        }
        let most = expected.iter().flatten().max().map_or(0, |most| most + 1);
        prop_assert_eq!(ids.rope_delta, most - expected.len() as i64);
    }
}
