//! H: position ids of images and videos, for M-RoPE and for vision towers.

use super::Fault;
use super::change::Change;
use super::ids::{ids, set};
use crate::encoding::{self, Body, Cls, Grids, IdSource, Order, Pace, Question, Segment};

/// Segments counted by another rule.
#[derive(Clone, Copy)]
struct Count {
    /// Above the start of a grid: T of a frame.
    step: fn(i64, Option<Pace>) -> i64,
    /// Above the start of a grid: where what follows starts, after [t, h, w] with this last step.
    after: fn([i64; 3], i64) -> i64,
    /// Whether rows and columns are counted from the start of the grid, or else from 0.
    from_start: bool,
    /// Whether the grid of this number, from 0, has rows and columns, or else counts on as text.
    is_grid: fn(usize) -> bool,
}

/// The right step of a frame; the frame itself where no number is so large.
fn step(frame: i64, pace: Option<Pace>) -> i64 {
    u64::try_from(frame).ok().and_then(|n| encoding::frame_step(n, pace)).unwrap_or(frame)
}

/// One more than the largest of all.
fn after([_, h, w]: [i64; 3], last: i64) -> i64 {
    (last + 1).max(h).max(w)
}

const RIGHT: Count = Count { step, after, from_start: true, is_grid: |_| true };

impl Count {
    /// Positions, and rope_delta.
    fn apply(&self, segments: &[Segment]) -> ([Vec<i64>; 3], i64) {
        let mut axes = [const { Vec::new() }; 3];
        let mut next = 0i64;
        let mut number = 0;
        for segment in segments {
            let start = next;
            let mut push =
                |place: [i64; 3]| axes.iter_mut().zip(place).for_each(|(a, p)| a.push(p));
            let grid = match *segment {
                Segment::Text(_) => None,
                Segment::Grid { thw, pace } => {
                    number += 1;
                    (self.is_grid)(number - 1).then_some((thw.map(|n| n as i64), pace))
                }
            };
            let Some(([t, h, w], pace)) = grid else {
                let count = segment.tokens().unwrap_or(0) as i64;
                (start..start + count).for_each(|p| push([p; 3]));
                next = start + count;
                continue;
            };
            let origin = if self.from_start { start } else { 0 };
            for frame in 0..t {
                let time = start.saturating_add((self.step)(frame, pace));
                for y in 0..h {
                    (0..w).for_each(|x| push([time, origin + y, origin + x]));
                }
            }
            next = start.saturating_add((self.after)([t, h, w], (self.step)(t - 1, pace)));
        }
        let tokens = axes[0].len() as i64;
        (axes, next - tokens)
    }
}

/// Segments counted otherwise, and rope_delta as it follows. None if nothing differs.
fn counted(question: &mut Question, count: Count) -> Option<()> {
    let ids = ids(question)?;
    let IdSource::Segments(segments) = &ids.source else { return None };
    let (axes, delta) = count.apply(segments);
    let mut changed = set(ids, axes.concat()).is_some();
    if let Some(beside) = ids.beside.as_mut().filter(|beside| beside.name == "rope_delta") {
        changed |= beside.data != [delta];
        beside.data = vec![delta];
    }
    changed.then_some(())
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "h1-grid-ids-exchanged",
            class: "H1",
            summary: "the ids of an image have rows and columns exchanged",
            signature: "square images differ in their diagonal only; others everywhere",
            fix: "the row is the first axis, the column the second",
            links: &["ggml-org/llama.cpp#13282", "osaurus-ai/vmlx-swift#225"],
            change: Change::Question(|question, _| {
                let Body::PositionIds(ids) = &mut question.body else { return None };
                let axes = match ids.source {
                    IdSource::Grids(_) => (0, 1),
                    IdSource::Segments(_) => (1, 2),
                    _ => return None,
                };
                let tokens = *ids.shape.last()?;
                let before = ids.positions.clone();
                for token in 0..tokens {
                    ids.positions.swap(axes.0 * tokens + token, axes.1 * tokens + token);
                }
                (ids.positions != before).then_some(())
            }),
        },
        Fault {
            name: "h5-delta-lost",
            class: "H5",
            summary: "rope_delta is 0: decoding after an image continues at the token count",
            signature: "the prompt is right, every decoded token is not",
            fix: "keep the distance between the largest position and the number of tokens",
            links: &["huggingface/transformers#43952", "Blaizzy/mlx-vlm#1526"],
            change: Change::Question(|question, _| {
                let Body::PositionIds(ids) = &mut question.body else { return None };
                let beside = ids.beside.as_mut().filter(|beside| beside.name == "rope_delta")?;
                let changed = beside.data.iter().any(|&n| n != 0);
                beside.data.fill(0);
                changed.then_some(())
            }),
        },
        Fault {
            name: "h5-delta-stale",
            class: "H5",
            summary: "rope_delta is that of the first prompt of the process",
            signature: "the first answer is right, the next ones are not",
            fix: "compute rope_delta for every prompt",
            links: &["huggingface/transformers#43952", "QwenLM/Qwen3-VL#765"],
            change: Change::Question(|question, history| {
                let Body::PositionIds(ids) = &mut question.body else { return None };
                let beside = ids.beside.as_mut().filter(|beside| beside.name == "rope_delta")?;
                let first = history.earlier().find_map(|earlier| {
                    earlier.beside.clone().filter(|data| data.len() == beside.data.len())
                })?;
                let changed = first != beside.data;
                beside.data = first;
                changed.then_some(())
            }),
        },
        Fault {
            name: "h6-image-ids-in-a-row",
            class: "H6",
            summary: "the tokens of an image count on like text: one number on every axis",
            signature: "text before the image is right",
            fix: "give image tokens their row and column",
            links: &["huggingface/transformers#40490", "modelscope/ms-swift#2051"],
            change: Change::Question(|question, _| {
                let Body::PositionIds(ids) = &mut question.body else { return None };
                matches!(ids.source, IdSource::Segments(_)).then_some(())?;
                let tokens = (*ids.shape.last()?) as i64;
                let flat: Vec<i64> = (0..3).flat_map(|_| 0..tokens).collect();
                let changed = flat != ids.positions;
                ids.positions = flat;
                changed.then_some(())
            }),
        },
        Fault {
            name: "h6-merge-blocks-in-raster-order",
            class: "H6",
            summary: "patches are listed row by row where the vision tower lists block by block",
            signature: "right for a merge size of 1 and for one row of blocks",
            fix: "list the patches of a merge block together",
            links: &["huggingface/transformers#33487"],
            change: Change::Question(|question, _| {
                let Body::PositionIds(ids) = &mut question.body else { return None };
                let IdSource::Grids(grids) = &mut ids.source else { return None };
                matches!(grids.order, Order::MergeBlock(_)).then_some(())?;
                grids.order = Order::Raster;
                let raster = grids.positions().concat();
                let changed = raster != ids.positions && raster.len() == ids.positions.len();
                ids.positions = raster;
                changed.then_some(())
            }),
        },
        Fault {
            name: "h5-text-resumes-by-the-tokens",
            class: "H5",
            summary: "after an image positions go on by the number of its tokens instead of its largest side",
            signature: "text before the first image and the image are right, what follows is too far",
            fix: "go on at the largest position so far plus 1",
            links: &["kekzl/imp#1173", "ggml-org/llama.cpp#22439"],
            change: Change::Question(|question, _| {
                let after = |[t, h, w]: [i64; 3], _| t * h * w;
                counted(question, Count { after, ..RIGHT })
            }),
        },
        Fault {
            name: "h5-text-resumes-by-rows-and-columns",
            class: "H5",
            summary: "after a video positions go on by its rows and columns: its frames are not counted",
            signature: "images are right; after a video with more steps than rows and columns text collides with it",
            fix: "go on at the largest position on any axis plus 1",
            links: &["ohdearquant/lattice#1187", "ohdearquant/lattice#1101"],
            change: Change::Question(|question, _| {
                let after = |[_, h, w]: [i64; 3], _| h.max(w);
                counted(question, Count { after, ..RIGHT })
            }),
        },
        Fault {
            name: "h6-clock-ignored",
            class: "H6",
            summary: "frames of a video take one step each: the seconds between them are not read",
            signature: "images are right, and videos whose frames are one step apart",
            fix: "T of frame f is floor(f * seconds_per_grid * tokens_per_second)",
            links: &["sgl-project/sglang#3682", "huggingface/transformers#41152"],
            change: Change::Question(|question, _| {
                counted(question, Count { step: |frame, _| frame, ..RIGHT })
            }),
        },
        Fault {
            name: "h6-seconds-truncated",
            class: "H6",
            summary: "the seconds between frames are cut to a whole number before they are multiplied",
            signature: "half a second becomes none: all frames have one T",
            fix: "multiply first, cut to an integer last",
            links: &["huggingface/transformers#48669"],
            change: Change::Question(|question, _| {
                let step = |frame, pace: Option<Pace>| {
                    let cut = |pace: Pace| Pace {
                        seconds_per_grid: libm::trunc(pace.seconds_per_grid),
                        ..pace
                    };
                    step(frame, pace.map(cut))
                };
                counted(question, Count { step, ..RIGHT })
            }),
        },
        Fault {
            name: "h6-step-truncated",
            class: "H6",
            summary: "the step from frame to frame is cut to a whole number, and multiplied by the frame then",
            signature: "steps of a whole number are right; of 1.5 every second frame is too early",
            fix: "multiply by the frame first, cut to an integer last",
            links: &["huggingface/transformers#48669"],
            change: Change::Question(|question, _| {
                let step = |frame, pace: Option<Pace>| frame * pace.map_or(1, |p| step(1, Some(p)));
                counted(question, Count { step, ..RIGHT })
            }),
        },
        Fault {
            name: "h6-frames-alike",
            class: "H6",
            summary: "all frames of a video have the T of the first",
            signature: "images are right; in a video time does not pass",
            fix: "add the step of the frame to T",
            links: &["huggingface/transformers#45381"],
            change: Change::Question(|question, _| {
                counted(question, Count { step: |_, _| 0, ..RIGHT })
            }),
        },
        Fault {
            name: "h6-later-images-as-text",
            class: "H6",
            summary: "images after the first count on like text",
            signature: "prompts with one image are right",
            fix: "look for every image of the prompt",
            links: &["Blaizzy/mlx-vlm#1282"],
            change: Change::Question(|question, _| {
                counted(question, Count { is_grid: |number| number == 0, ..RIGHT })
            }),
        },
        Fault {
            name: "h6-grid-from-0",
            class: "H6",
            summary: "rows and columns of an image are counted from 0, not from where the image starts",
            signature: "an image at the beginning is right; after text its rows and columns are too small",
            fix: "add the largest position before the image plus 1 to rows and columns",
            links: &[],
            change: Change::Question(|question, _| {
                counted(question, Count { from_start: false, ..RIGHT })
            }),
        },
        Fault {
            name: "h6-class-token-at-the-other-end",
            class: "H6",
            summary: "the class token of an image is taken to be at its other end",
            signature: "every patch has the position of its neighbour",
            fix: "put the class token where the model has it: before the patches, or after them",
            links: &["huggingface/pytorch-image-models#2478", "ggml-org/llama.cpp#25844"],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::Grids(grids) = &mut ids.source else { return None };
                grids.cls = match grids.cls? {
                    Cls::First => Some(Cls::Last),
                    Cls::Last => Some(Cls::First),
                };
                let other = grids.positions().concat();
                set(ids, other)
            }),
        },
        Fault {
            name: "h6-first-number-ignored",
            class: "H6",
            summary: "rows and columns of patches are counted from 0 where the tower counts from 1, or the reverse",
            signature: "every patch is off by one on both axes, the class token is right",
            fix: "count as the tower does: Llama 4 from 1, so that its class token alone is not turned",
            links: &[],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::Grids(grids) = &mut ids.source else { return None };
                grids.first = 1 - grids.first;
                let other = grids.positions().concat();
                set(ids, other)
            }),
        },
        Fault {
            name: "h6-patches-by-columns",
            class: "H6",
            summary: "patches are listed column by column instead of row by row",
            signature: "images of one row or one column are right",
            fix: "the column runs fastest",
            links: &[],
            change: Change::Question(|question, _| {
                let ids = ids(question)?;
                let IdSource::Grids(grids) = &mut ids.source else { return None };
                let other = by_columns(grids)?;
                set(ids, other)
            }),
        },
    ]
}

/// The patches of every frame column by column, where they are in no blocks.
fn by_columns(grids: &Grids) -> Option<Vec<i64>> {
    (grids.order == Order::Raster).then_some(())?;
    let turned =
        Grids { grids: grids.grids.iter().map(|&[t, h, w]| [t, w, h]).collect(), ..grids.clone() };
    let [x, y] = turned.positions();
    Some([y, x].concat())
}
