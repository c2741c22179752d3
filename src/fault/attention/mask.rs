//! P1 and P8: which keys are there, and which of them a query sees.

use super::super::Fault;
use super::super::change::{Change, View};
use super::super::row;
use super::ask::{Side, answer, attention, bottom_right, moved, sight, viewed};
use crate::encoding::{Attention, Heads, Question};
use crate::number::{Dtype, Tensor};
use crate::profile::encode;
use crate::request::{Output, Position, Positions};

fn causal(a: &Attention) -> Option<()> {
    a.causal.then_some(())
}

/// The causal mask ends so many positions after the query.
fn shifted(question: &mut Question, by: i64) -> Option<()> {
    sight(question, |a| {
        causal(a)?;
        let later = |p: Position| Position { numerator: p.numerator + by * p.denominator, ..p };
        a.masks_by = Some(moved(a, |_, side, _, p| match side {
            Side::Query => later(p),
            Side::Key => p,
        }));
        Some(())
    })
}

/// Masks by places, from the upper left corner.
fn top_left(_: &Attention, _: Side, [_, n]: [usize; 2]) -> Position {
    Position::integer(n as i64)
}

/// Masks by places in the buffers, and the window too if it is one mask.
fn by_places(
    question: &mut Question,
    place: fn(&Attention, Side, [usize; 2]) -> Position,
    window: bool,
) -> Option<()> {
    sight(question, |a| {
        causal(a)?;
        let places = moved(a, |a, side, at, _| place(a, side, at));
        if window {
            a.windows_by = Some(places.clone());
        }
        a.masks_by = Some(places);
        Some(())
    })
}

/// The same where the window goes by positions, and only the causal mask by places.
pub(super) fn variants() -> Vec<(&'static str, String, Change)> {
    vec![
        (
            "p1-mask-top-left",
            "the causal mask goes by places from the upper left corner, the window by positions"
                .into(),
            Change::Question(|question, _| by_places(question, top_left, false)),
        ),
        (
            "p1-mask-bottom-right",
            "the causal mask goes by places from the lower right corner, the window by positions"
                .into(),
            Change::Question(|question, _| by_places(question, bottom_right, false)),
        ),
    ]
}

/// Keys of zeros up to a multiple of the tile: scores of 0, and values of 0.
pub(super) fn padded(question: &mut Question, tile: usize) -> Option<()> {
    let a = attention(question)?;
    let keys = a.k.seq();
    let plain = !a.causal && a.window == [None; 2] && a.key_lengths.is_none();
    let more = keys.next_multiple_of(tile);
    (plain && a.alibi.is_none() && a.t5.is_none() && more > keys && keys > 0).then_some(())?;
    let longer = |tensor: &Heads| {
        let (size, wide) = (keys * tensor.dim(), more * tensor.dim());
        let rows = tensor.data().chunks(size.max(1));
        let data =
            rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0, wide - size)));
        let shape = vec![tensor.batch(), tensor.heads(), more, tensor.dim()];
        Heads::new(Tensor::new(tensor.dtype(), shape, data.collect()).ok()?)
    };
    (a.k, a.v) = (longer(&a.k)?, longer(&a.v)?);
    let &[axes, batch, _] = a.key_positions.shape() else { return None };
    let rows = a.key_positions.data().chunks(keys);
    let none = std::iter::repeat_n(Position::integer(0), more - keys);
    let data = rows.flat_map(|row| row.iter().copied().chain(none.clone())).collect();
    a.key_positions = Positions::new(vec![axes, batch, more], data)?;
    Some(())
}

/// Values over the sum of all that exists: what is masked has no weight in them, and its own in the
/// sum.
fn summed_whole(view: &View, output: &mut Output) -> Option<()> {
    let a = viewed(view)?;
    let open = Attention { causal: false, window: [None; 2], lse: true, ..a.clone() };
    let asked = Attention { lse: true, ..a.clone() };
    let read = |a: Attention| {
        let output = answer(view, a, Dtype::F64);
        let lse = output.into_iter().find(|(name, _)| *name == "lse")?.1;
        Some(row::doubles(&lse))
    };
    let (open, asked) = (read(open)?, read(asked)?);
    let format = view.question.dtype.format()?;
    let width = a.v.dim().max(1);
    let out = row::named(output, "out")?;
    let share = |(n, &bits): (usize, &u64)| {
        let less = asked[n / width] - open[n / width];
        match less.is_finite() && less < 0.0 {
            true => encode(format, format.to_f64(bits) * libm::exp(less)),
            false => bits,
        }
    };
    let bits = out.data().iter().enumerate().map(share).collect();
    row::replace(out, bits)
}

pub(super) fn faults() -> Vec<Fault> {
    let mut list = corners();
    list.extend(lengths());
    list
}

fn corners() -> Vec<Fault> {
    vec![
        Fault {
            name: "p1-mask-top-left",
            class: "P1",
            summary: "the mask goes by places from the upper left corner: the first query sees the first key only",
            signature: "prompts are right; a chunk or a single query behind cached keys sees the oldest of them only",
            fix: "compare positions; by places, query i stands at key i + keys − queries",
            links: &[
                "gittensor-ai-lab/sparkinfer#3",
                "NVIDIA/cutlass#2336",
                "Dao-AILab/flash-attention#402",
            ],
            change: Change::Question(|question, _| by_places(question, top_left, true)),
        },
        Fault {
            name: "p1-mask-bottom-right",
            class: "P1",
            summary: "the mask goes by places from the lower right corner: the last query sees every key",
            signature: "decoding is right; wrong where keys are out of order, have gaps, or lie after the last query",
            fix: "compare positions; the lower right corner is right only where the last query is the last key",
            links: &["Dao-AILab/flash-attention#1778", "onnx/onnx#8068"],
            change: Change::Question(|question, _| by_places(question, bottom_right, true)),
        },
        Fault {
            name: "p1-causal-strict",
            class: "P1",
            summary: "key < query is asked for key ≤ query: no token sees itself",
            signature: "the diagonal is lost; the first token sees nothing",
            fix: "a token sees itself: key ≤ query",
            links: &[],
            change: Change::Question(|question, _| shifted(question, -1)),
        },
        Fault {
            name: "p1-causal-one-ahead",
            class: "P1",
            summary: "the causal mask ends one key late: every token sees the next one",
            signature: "decoding is right, as there is no next key; prompts leak what is to be predicted",
            fix: "mask key > query, not key > query + 1",
            links: &[],
            change: Change::Question(|question, _| shifted(question, 1)),
        },
        Fault {
            name: "p1-causal-ignored",
            class: "P1",
            summary: "the causal mask is not applied",
            signature: "right where no key is after a query, as in decoding",
            fix: "mask keys after the query",
            links: &["pacman100/LLM-Workshop#1"],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    causal(a)?;
                    a.causal = false;
                    Some(())
                })
            }),
        },
        Fault {
            name: "p1-causal-unasked",
            class: "P1",
            summary: "the mask is causal whatever was asked for",
            signature: "decoders are right; encoders and cross-attention lose the keys after the query",
            fix: "read the flag",
            links: &[],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    (!a.causal).then_some(())?;
                    a.causal = true;
                    Some(())
                })
            }),
        },
        Fault {
            name: "p1-empty-row-averaged",
            class: "P1",
            summary: "masked scores are a large negative number: a query without any key gets the mean of all values",
            signature: "only queries that see nothing are wrong",
            fix: "mask with −∞, and write 0 where the sum of exponentials is 0",
            links: &["pytorch/pytorch#103749", "ml-explore/mlx#2608", "iree-org/iree#24178"],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    causal(a)?;
                    (a.window == [None; 2] && a.alibi.is_none() && a.t5.is_none()).then_some(())?;
                    let blind = |batch, query| a.left(batch, query).is_empty();
                    let blind: Vec<bool> = (0..a.q.batch())
                        .flat_map(|b| (0..a.q.seq()).map(move |query| (b, query)))
                        .map(|(b, query)| blind(b, query))
                        .collect();
                    let open = Position::integer(crate::request::POSITION_LIMIT);
                    let queries = a.q.seq();
                    a.masks_by = Some(moved(a, |_, side, [b, n], p| match side {
                        Side::Query if blind[b * queries + n] => open,
                        _ => p,
                    }));
                    // All scores alike.
                    let (heads, dim) = (a.q.heads(), a.q.dim());
                    let mut place = 0..;
                    a.q = a.q.map(|bits| {
                        let row = place.next().unwrap_or(0usize) / dim;
                        match blind[row / (heads * queries) * queries + row % queries] {
                            true => 0,
                            false => bits,
                        }
                    });
                    Some(())
                })
            }),
        },
        Fault {
            name: "p1-masked-keys-in-the-sum",
            class: "P1",
            summary: "masked keys have no weight in the values, and their own in the sum of exponentials",
            signature: "values too small wherever something is masked",
            fix: "mask scores before the exponentials, for both sums",
            links: &[],
            change: Change::Output(summed_whole),
        },
    ]
}

fn lengths() -> Vec<Fault> {
    vec![
        Fault {
            name: "p8-lengths-ignored",
            class: "P8",
            summary: "key_lengths is not read: the padding behind the keys is attended",
            signature: "right where all rows are full; the others depend on what stands in the padding",
            fix: "mask keys from the row's length on",
            links: &["pacman100/LLM-Workshop#1", "Dao-AILab/flash-attention#1063"],
            change: Change::Question(|question, _| {
                sight(question, |a| a.key_lengths.take().map(drop))
            }),
        },
        Fault {
            name: "p8-lengths-of-the-first-row",
            class: "P8",
            summary: "every row of the batch has as many keys as the first one",
            signature: "right for a batch of one, and for rows of one length",
            fix: "read a length for each row",
            links: &["ai-bond/flash-attention-v100#34"],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    let lengths = a.key_lengths.as_mut()?;
                    let first = *lengths.first()?;
                    lengths.fill(first);
                    Some(())
                })
            }),
        },
        Fault {
            name: "p8-last-key-missed",
            class: "P8",
            summary: "the number of keys is that before the new one was written: the last key is not attended",
            signature: "decoding does not see the token it is about; everything is one key short",
            fix: "count the keys that this step appends",
            links: &[],
            change: Change::Question(|question, _| {
                sight(question, |a| {
                    let short = |b| a.keys(b).saturating_sub(1);
                    a.key_lengths = Some((0..a.q.batch()).map(short).collect());
                    Some(())
                })
            }),
        },
        Fault {
            name: "p8-tail-of-the-tile-attended",
            class: "P8",
            summary: "the last tile is filled up with zeros to 64 keys, which are attended with a score of 0",
            signature: "without a causal mask, values are too small unless the number of keys is a multiple of the tile",
            fix: "mask the keys beyond the last one, whatever the mask",
            links: &["HKUSTDial/flash-sparse-attention#188"],
            change: Change::Question(|question, _| padded(question, 64)),
        },
    ]
}
