//! Fresh questions about position ids: of masks, packed documents, ranks, images and videos.

use super::additive::factor;
use super::kind::{Draft, Kind, Words};
use crate::generate::plan::Input;
use crate::generate::values::{Random, flat, values};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation};

pub(super) fn kind() -> Kind {
    let factors = vec![
        factor(
            "given",
            &[
                ("mask", &["mask"]),
                ("lengths", &["lengths"]),
                ("ranks", &["ranks2", "ranks4"]),
                ("segments", &["segments"]),
                ("videos", &["steps", "clock"]),
                ("patches", &["patches"]),
            ],
        ),
        factor("rows", &[("1", &["1"]), ("several", &["3", "4", "8"]), ("33", &["33"])]),
        factor("tokens", &[("few", &["5", "2"]), ("33", &["33"]), ("257", &["257"])]),
        // Padding of masks; what stands at the ends of a prompt; class tokens.
        factor(
            "padding",
            &[("none", &["none"]), ("left", &["left"]), ("right", &["right"]), ("both", &["both"])],
        ),
        factor("merge", &[("1", &["1"]), ("2", &["2"]), ("3", &["3"])]),
    ];
    Kind {
        operation: Operation::PositionIds,
        factors,
        main: &[],
        cost: |w| (w.size("rows") * w.size("tokens")) as u64,
        build,
    }
}

fn build(words: &Words, random: &mut Random) -> Result<Draft, String> {
    let (input, flag) = match words.get("given") {
        "mask" => (mask(words, random), "left-padding"),
        "lengths" => (lengths(words, random, 1), "packed"),
        "segments" | "steps" | "clock" => (segments(words, random), "segments"),
        "patches" => (patches(words, random), "grid-order"),
        ranks => {
            let size: usize = ranks.trim_start_matches("ranks").parse().unwrap_or(2);
            let input = lengths(words, random, 2 * size);
            let rank = below(random, size);
            (input.with("cp_size", size).with("cp_rank", rank), "context-parallel")
        }
    };
    Ok(Draft { dtype: Dtype::I64, config: Object::default(), input: input.0, flags: vec![flag] })
}

fn below(random: &mut Random, n: usize) -> usize {
    (random.bits() % n.max(1) as u64) as usize
}

fn rows(words: &Words) -> usize {
    if words.tiny { 1 } else { words.size("rows") }
}

fn mask(words: &Words, random: &mut Random) -> Input {
    let (rows, tokens) = (rows(words), words.size("tokens"));
    let mut list = Vec::new();
    for _ in 0..rows {
        let (left, right) = (below(random, tokens / 2 + 1), below(random, tokens / 2 + 1));
        let (left, right) = match words.get("padding") {
            "none" => (0, 0),
            "left" => (left, 0),
            "right" => (0, right),
            _ => (left, right),
        };
        list.extend((0..tokens).map(|t| f64::from(t >= left && t < tokens - right)));
    }
    Input::new().with("attention_mask", values(Dtype::I32, &[rows, tokens], &list))
}

/// Documents whose lengths are multiples of a unit.
fn lengths(words: &Words, random: &mut Random, unit: usize) -> Input {
    let mut ends = vec![0i64];
    for _ in 0..rows(words) {
        let last = ends[ends.len() - 1];
        let units = 1 + below(random, words.size("tokens").div_ceil(unit));
        ends.push(last + (unit * units) as i64);
    }
    Input::new().with("cu_seqlens", flat(&ends))
}

/// The sides of a grid of about so many patches, in blocks: h and w differ where they can.
fn sides(tokens: usize, random: &mut Random) -> [usize; 2] {
    let most = libm::sqrt(tokens as f64) as usize + 1;
    let h = 1 + below(random, most);
    let w = 1 + below(random, tokens / h + 1);
    [h, if w == h { w + 1 } else { w }]
}

/// Text and images, or videos, one after the other.
fn segments(words: &Words, random: &mut Random) -> Input {
    let (tokens, merge) = (words.size("tokens"), words.size("merge").max(1));
    let number = |n: usize| Json::from(n);
    let object = |entries: Vec<(&str, Json)>| {
        let mut object = Object::default();
        entries.into_iter().for_each(|(key, value)| object.set(key, value));
        Json::Object(object)
    };
    let text = |random: &mut Random| object(vec![("text", number(1 + below(random, 5)))]);
    let mut list = Vec::new();
    if matches!(words.get("padding"), "left" | "both") {
        list.push(text(random));
    }
    for index in 0..rows(words).min(8) {
        if index > 0 && below(random, 3) > 0 {
            list.push(text(random));
        }
        let [h, w] = sides(tokens.min(40), random);
        let grid = |t: usize| Json::Array([t, h * merge, w * merge].map(number).to_vec());
        let frames = 2 + below(random, 5);
        list.push(match words.get("given") {
            "steps" => object(vec![("video", grid(frames))]),
            "clock" => {
                // Steps that are whole numbers, and steps that are not.
                let seconds = [0.5, 1.0, 1.5, 2.0, 0.25][below(random, 5)];
                object(vec![
                    ("video", grid(frames)),
                    ("seconds_per_grid", Json::Real(seconds)),
                    ("tokens_per_second", number(1 + below(random, 4))),
                ])
            }
            _ => object(vec![("image", grid(1))]),
        });
    }
    if matches!(words.get("padding"), "right" | "both") {
        list.push(text(random));
    }
    Input::new().with("segments", Json::Array(list)).with("spatial_merge_size", merge)
}

/// Patches of images; a merge size of 1 is raster order.
fn patches(words: &Words, random: &mut Random) -> Input {
    let (tokens, merge) = (words.size("tokens"), words.size("merge").max(1));
    let mut grids = Vec::new();
    for _ in 0..rows(words).min(8) {
        let [h, w] = sides(tokens, random);
        let t = 1 + below(random, 2);
        grids.push(Json::Array([t, h * merge, w * merge].map(Json::from).to_vec()));
    }
    let input = Input::new().with("grid_thw", Json::Array(grids));
    let input = match merge {
        1 => input.with("order", "raster"),
        _ => input.with("order", "merge_block").with("spatial_merge_size", merge),
    };
    match words.get("padding") {
        "left" => input.with("cls", "first"),
        "right" => input.with("cls", "last"),
        "both" => input.with("first", 1usize).with("cls", "last"),
        _ => input,
    }
}
