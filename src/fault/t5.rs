//! K: relative buckets.

use super::Fault;
use super::change::{Change, View};
use super::edit::{self, Of};
use super::row;
use crate::encoding::{Body, Buckets};
use crate::request::{Json, Output};

/// Distances of a bucket rule: what a far distance becomes, given the distance, the buckets below
/// which the rule is the identity, and those per direction.
type Far = fn(distance: i128, exact: usize, per_direction: usize, furthest: i64) -> i128;

/// Answers of `t5_bucket` and `t5_bias` with another rule for far distances. A bucket beyond the
/// table reads its last row.
fn far(view: &View, output: &mut Output, rule: Far) -> Option<()> {
    let (t, table) = match &view.question.body {
        Body::T5Bucket(t) => (t, None),
        Body::T5Bias(t, table) => (t, Some(table)),
        _ => return None,
    };
    let bucket = |query: i64, key: i64| wrong(&t.buckets, query, key, rule);
    let list: Vec<i128> = t
        .query_positions
        .iter()
        .flat_map(|q| t.key_positions.iter().map(|k| bucket(q.numerator, k.numerator)))
        .collect();
    match table {
        None => {
            let clamp =
                |&n: &i128| n.clamp(i32::MIN as i128, i32::MAX as i128) as i32 as u32 as u64;
            row::replace(row::named(output, "bucket")?, list.iter().map(clamp).collect())
        }
        Some(table) => {
            let [rows, heads] = table.shape().try_into().ok()?;
            let table = row::copied(table, view.question.dtype)?;
            let last = rows as i128 - 1;
            let element = |head: usize, n: i128| {
                table.data()[n.clamp(0, last.max(0)) as usize * heads + head]
            };
            let bits = (0..heads).flat_map(|head| list.iter().map(move |&n| element(head, n)));
            row::replace(row::named(output, "bias")?, bits.collect())
        }
    }
}

fn wrong(buckets: &Buckets, query: i64, key: i64, rule: Far) -> i128 {
    let relative = key as i128 - query as i128;
    let (per_direction, offset) = match buckets.bidirectional {
        true => (buckets.num_buckets / 2, if relative > 0 { buckets.num_buckets / 2 } else { 0 }),
        false => (buckets.num_buckets, 0),
    };
    let distance = match buckets.bidirectional {
        true => relative.abs(),
        false => (-relative).max(0),
    };
    let exact = per_direction / 2;
    let bucket = match distance < exact as i128 {
        true => distance,
        false => rule(distance, exact, per_direction, buckets.max_distance),
    };
    offset as i128 + bucket
}

/// exact + ⌊ln(d/exact)/ln(max/exact)·(per − exact)⌋ with what the logarithm is rounded to.
fn logarithmic(
    distance: i128,
    exact: usize,
    per_direction: usize,
    furthest: i64,
    round: fn(f64) -> f64,
) -> i128 {
    let ratio =
        round((distance as f64 / exact as f64).ln()) / round((furthest as f64 / exact as f64).ln());
    let spread = (per_direction - exact) as f64;
    exact as i128 + round(round(ratio) * spread).floor() as i128
}

/// Exchanges queries and keys.
fn exchanged(question: &mut crate::encoding::Question) -> Option<()> {
    let (queries, keys) = match &mut question.body {
        Body::T5Bucket(t) | Body::T5Bias(t, _) => (&mut t.query_positions, &mut t.key_positions),
        Body::DebertaBucket(d) => (&mut d.query_positions, &mut d.key_positions),
        Body::ShawBucket(s) => (&mut s.query_positions, &mut s.key_positions),
        _ => return None,
    };
    // Mirrored, so that the shape stays: key − query changes its sign.
    for list in [queries, keys] {
        for p in list.iter_mut() {
            p.numerator = -p.numerator;
        }
    }
    Some(())
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "k2-queries-from-0",
            class: "K2",
            summary: "a cached step uses query index 0",
            signature: "the first token is right, every later one gets the bias of another distance",
            fix: "offset the queries by the number of cached keys",
            links: &["huggingface/candle#899", "NVIDIA/TensorRT-LLM#13870"],
            change: Change::Question(|question, _| {
                matches!(question.body, Body::T5Bucket(_) | Body::T5Bias(..)).then_some(())?;
                edit::rows(question, |of, row| {
                    if of == Of::Queries {
                        row.iter_mut().enumerate().for_each(|(n, p)| *p = n as i64);
                    }
                })
            }),
        },
        Fault {
            name: "k3-distance-reversed",
            class: "K3",
            summary: "query − key is used for key − query",
            signature: "keys before and after the query exchange their buckets",
            fix: "the relative position is key − query",
            links: &["dmlc/gluon-nlp#1470"],
            change: Change::Question(|question, _| exchanged(question)),
        },
        Fault {
            name: "k3-direction-flag-ignored",
            class: "K3",
            summary: "bidirectional is ignored",
            signature: "an encoder loses half of its buckets, or a decoder uses half of them",
            fix: "read bidirectional: false for decoders",
            links: &["lucidrains/x-transformers#10"],
            change: Change::Config(|config, _, _| {
                let both = config.get("bidirectional")? == &Json::Bool(true);
                config.set("bidirectional", Json::Bool(!both));
                Some(())
            }),
        },
        Fault {
            name: "k3-linear-far-buckets",
            class: "K3",
            summary: "far distances are divided linearly instead of by logarithms",
            signature: "right where the rule is the identity, wrong beyond it",
            fix: "the far half of the buckets is logarithmic",
            links: &["huggingface/candle#727"],
            change: Change::Output(|view, output| {
                far(view, output, |distance, exact, per_direction, furthest| {
                    let spread = (per_direction - exact) as i128;
                    let step =
                        (distance - exact as i128) * spread / (furthest as i128 - exact as i128);
                    (exact as i128 + step).min(per_direction as i128 - 1)
                })
            }),
        },
        Fault {
            name: "k3-no-last-bucket",
            class: "K3",
            summary: "far distances are not limited to the last bucket",
            signature: "rows beyond the table, or the other direction's, from max_distance on",
            fix: "take the minimum with the last bucket",
            links: &["huggingface/candle#1312"],
            change: Change::Output(|view, output| {
                far(view, output, |distance, exact, per_direction, furthest| {
                    let bucket =
                        logarithmic(distance, exact, per_direction, furthest, |x| x + 1e-12);
                    match distance < furthest as i128 {
                        true => bucket.min(per_direction as i128 - 1),
                        false => bucket.max(per_direction as i128),
                    }
                })
            }),
        },
        Fault {
            name: "k3-boundaries-in-bf16",
            class: "K3",
            summary: "the logarithms of far distances are computed in bf16",
            signature: "single distances next to a boundary fall into the bucket beside their own",
            fix: "compute the logarithm in f32, or compare integers",
            links: &["huggingface/candle#727", "ml-explore/mlx-examples#113"],
            change: Change::Output(|view, output| {
                far(view, output, |distance, exact, per_direction, furthest| {
                    let narrow = |x: f64| {
                        let format = crate::number::Format::BF16;
                        format.to_f64(crate::profile::encode(format, x))
                    };
                    let bucket = logarithmic(distance, exact, per_direction, furthest, narrow);
                    bucket.min(per_direction as i128 - 1)
                })
            }),
        },
        Fault {
            name: "k3-identity-one-short",
            class: "K3",
            summary: "the comparison at the end of the exact half has its equality on the wrong side",
            signature: "one distance in each direction falls into the bucket beside its own",
            fix: "distances below max_exact have buckets of their own, max_exact itself is the first far one",
            links: &["ml-explore/mlx-examples#113"],
            change: Change::Output(shifted),
        },
    ]
}

/// The first far distance shares the bucket of the last near one.
fn shifted(view: &View, output: &mut Output) -> Option<()> {
    far(view, output, |distance, exact, per_direction, furthest| {
        if distance == exact as i128 {
            return exact as i128 - 1;
        }
        let bucket = logarithmic(distance, exact, per_direction, furthest, |x| x + 1e-12);
        bucket.min(per_direction as i128 - 1)
    })
}
