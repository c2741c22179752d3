//! E: positions and what they are read from.

use super::Fault;
use super::change::{Change, View};
use super::edit::{self, Of};
use super::history;
use super::row::{self, Row};
use crate::encoding::{Body, Question};
use crate::number::Tensor;
use crate::request::{Json, Output, POSITION_LIMIT, Position, Slug};

/// Rows where a condition holds are not written: they hold what the buffer held, here zeros.
fn unwritten(output: &mut Output, missing: impl Fn(Row, [usize; 4]) -> bool) -> Option<()> {
    row::both(output, |_, tensor| {
        let shape = row::shape(tensor)?;
        row::edit(tensor, |row, x| missing(row, shape).then(|| vec![0; x.len()]))
    })
}

/// Rows where a condition on the token's largest position holds are copied from the input.
fn passed_through(view: &View, output: &mut Output, past: fn(i64) -> bool) -> Option<()> {
    let r = row::rotate(view)?;
    let dtype = view.question.dtype;
    let inputs: [Option<Tensor>; 2] =
        [Some(&r.q), r.k.as_ref()].map(|input| row::copied(input?, dtype));
    row::both(output, |name, tensor| {
        let input = inputs[usize::from(name == "k")].as_ref()?;
        let [_, heads, seq, dim] = row::shape(input)?;
        row::edit(tensor, |row, _| {
            let token = row::token(&r.positions, row.batch, row.token);
            let start = ((row.batch * heads + row.head) * seq + row.token) * dim;
            let is_past = token.iter().any(|p| past(p.numerator));
            is_past.then(|| input.data()[start..start + dim].to_vec())
        })
    })
}

/// Rows of a table that a kernel of limited context has.
const ROWS: i64 = 4096;

/// Whether a question's positions are those of tokens in a batch.
fn is_batch(question: &Question) -> Option<()> {
    matches!(question.body, Body::Rotate(_) | Body::Chain(_)).then_some(())
}

pub(super) fn faults() -> Vec<Fault> {
    let mut list = offsets();
    list.extend(reading());
    list.extend(tables());
    list
}

/// Offsets of rows and chunks.
fn offsets() -> Vec<Fault> {
    vec![
        Fault {
            name: "e1-offset-lost",
            class: "E1",
            summary: "every call counts its tokens from 0: the offset of a chunk or of decoding is lost",
            signature: "prompts are right, every generated token is rotated as the first one",
            fix: "add the number of cached tokens to the positions",
            links: &["RobertCsordas/moeut#6", "skyzh/tiny-llm#46", "Blaizzy/mlx-vlm#1527"],
            change: Change::Question(|question, _| {
                matches!(
                    question.body,
                    Body::Rotate(_) | Body::Score(_) | Body::Chain(_) | Body::Sinusoidal(_)
                )
                .then_some(())?;
                edit::rows(question, |of, row| {
                    let first = row.first().copied().unwrap_or(0);
                    if of == Of::Queries {
                        row.iter_mut().for_each(|p| *p = p.saturating_sub(first));
                    }
                })
            }),
        },
        Fault {
            name: "e1-offset-twice",
            class: "E1",
            summary: "the offset is added twice: once by the caller, once by the kernel",
            signature: "prompts are right, generated tokens are rotated too far, twice as far when alone",
            fix: "add the number of cached tokens once",
            links: &["thunlp/Seq1F1B#6"],
            change: Change::Question(|question, _| {
                matches!(question.body, Body::Rotate(_) | Body::Score(_) | Body::Chain(_))
                    .then_some(())?;
                edit::rows(question, |of, row| {
                    let first = row.first().copied().unwrap_or(0);
                    if of == Of::Queries {
                        row.iter_mut().for_each(|p| *p = p.saturating_add(first));
                    }
                })
            }),
        },
        Fault {
            name: "e2-one-offset-for-the-batch",
            class: "E2",
            summary: "one offset is used for all rows of a batch",
            signature: "only the first row is right, and rows of the same length",
            fix: "keep an offset per row",
            links: &["ml-explore/mlx#2564", "EricLBuehler/mistral.rs#251"],
            change: Change::Question(|question, _| {
                is_batch(question)?;
                let mut first = None;
                edit::rows(question, |_, row| {
                    let Some(&own) = row.first() else { return };
                    let offset = *first.get_or_insert(own);
                    row.iter_mut().for_each(|p| *p = p.saturating_sub(own).saturating_add(offset));
                })
            }),
        },
        Fault {
            name: "e3-offsets-along-the-tokens",
            class: "E3",
            summary: "one offset per row is broadcast along the tokens instead of the rows",
            signature: "silent where batch and sequence are equally long, else the wrong shape",
            fix: "shape offsets as [batch, 1]",
            links: &["Blaizzy/mlx-vlm#1883", "Blaizzy/mlx-vlm#1083"],
            change: Change::Rotated(|view, output| {
                let [batch, _, seq, _] = row::shape(&row::rotate(view)?.q)?;
                (batch == seq && batch > 1).then_some(())?;
                row::both(output, |name, tensor| {
                    row::at(view, name, tensor, |row, positions| {
                        row::token(positions, row.token, row.batch)
                    })
                })
            }),
        },
        Fault {
            name: "e5-counted-through",
            class: "E5",
            summary: "positions are counted on from the first one: packed documents do not restart, and ids that jump are ignored",
            signature: "the first document is right, later ones are rotated as its continuation",
            fix: "use the position ids that are given",
            links: &["allenai/OLMo-core#591", "pytorch/torchtitan#2559", "huggingface/nanoVLM#201"],
            change: Change::Question(|question, _| {
                is_batch(question)?;
                edit::rows(question, |_, row| {
                    let first = row.first().copied().unwrap_or(0);
                    for (n, p) in row.iter_mut().enumerate() {
                        *p = first.saturating_add(n as i64);
                    }
                })
            }),
        },
        Fault {
            name: "e9-only-first-row-written",
            class: "E9",
            summary: "the path for one token forgets the batch: rows after the first are not written",
            signature: "row 0 is right, the others are zero, stale or unrotated; only for single tokens",
            fix: "launch over batch, heads and tokens",
            links: &["ml-explore/mlx#3494", "ml-explore/mlx#3949", "oxiglade/mlx-rs#359"],
            change: Change::Rotated(|view, output| {
                row::rotate(view)?;
                unwritten(output, |row, [_, _, seq, _]| seq == 1 && row.batch > 0)
            }),
        },
        Fault {
            name: "e9-only-first-head-written",
            class: "E9",
            summary: "heads after the first are not written: the grid counts them in one block",
            signature: "head 0 is right, the others are zero, stale or unrotated",
            fix: "launch over batch, heads and tokens",
            links: &["paiml/aprender#2079", "ml-explore/mlx#3496"],
            change: Change::Rotated(|view, output| {
                row::rotate(view)?;
                unwritten(output, |row, _| row.head > 0)
            }),
        },
        Fault {
            name: "e15-one-ahead",
            class: "E15",
            summary: "positions are one too large: they are incremented before the step instead of after it",
            signature: "every token is rotated as the next one; scores are right if keys are alike",
            fix: "increment after the forward pass",
            links: &["sgl-project/sglang#25015", "vllm-project/vllm#54498"],
            change: Change::Question(|question, _| {
                let body = &question.body;
                matches!(
                    body,
                    Body::Rotate(_) | Body::Chain(_) | Body::Table(_) | Body::Sinusoidal(_)
                )
                .then_some(())?;
                edit::each(question, |p| p.saturating_add(1))
            }),
        },
    ]
}

/// How numbers and tables of positions are read.
fn reading() -> Vec<Fault> {
    vec![
        Fault {
            name: "e7-table-ends-unrotated",
            class: "E7",
            summary: "the table has 4096 rows, and tokens beyond it come back unrotated",
            signature: "right up to 4095, the input itself from there on",
            fix: "check the length of the table; extend it or refuse",
            links: &["microsoft/onnxruntime#28205", "pegainfer-project/pegainfer#220"],
            change: Change::Rotated(|view, output| passed_through(view, output, |p| p >= ROWS)),
        },
        Fault {
            name: "e7-table-clamped",
            class: "E7",
            summary: "the table has 4096 rows, and tokens beyond it read the last one",
            signature: "right up to 4095, one angle from there on",
            fix: "check the length of the table; extend it or refuse",
            links: &["microsoft/onnxruntime#27597", "vllm-project/vllm#55910"],
            change: Change::Question(|question, _| {
                rotary(question)?;
                edit::each(question, |p| p.min(ROWS - 1))
            }),
        },
        Fault {
            name: "e7-negative-wraps",
            class: "E7",
            summary: "negative positions read the table from its end",
            signature: "position −1 is rotated as 4095",
            fix: "refuse negative positions, or compute their angles",
            links: &["turboderp-org/exllamav2#606"],
            change: Change::Question(|question, _| {
                rotary(question)?;
                edit::each(question, |p| if p < 0 { p.rem_euclid(ROWS) } else { p })
            }),
        },
        Fault {
            name: "e7-rows-clamped",
            class: "E7",
            summary: "positions outside a learned table read its first or last row instead of being refused",
            signature: "an answer where there is none",
            fix: "check positions against the rows of the table",
            links: &["pegainfer-project/pegainfer#253", "vllm-project/vllm-ascend#1266"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::PositionOutOfRange).then_some(())?;
                let rows = match reading.input.get("table") {
                    Some(Json::Object(table)) => match table.get("shape")? {
                        Json::Array(shape) => shape.first()?.number()? as i128,
                        _ => return None,
                    },
                    _ => return None,
                };
                let offset = edit::number(&reading.config, "offset").unwrap_or(0.0) as i128;
                let Json::Array(positions) = reading.input.get("positions")? else { return None };
                let within = |json: &Json| match json {
                    Json::Integer(p) => Json::Integer((*p).clamp(-offset, rows - 1 - offset)),
                    other => other.clone(),
                };
                let positions = positions.iter().map(within).collect();
                reading.input.set("positions", Json::Array(positions));
                Some(())
            }),
        },
        Fault {
            name: "e7-position-clamped",
            class: "E7",
            summary: "positions beyond the range are clamped instead of refused",
            signature: "an answer where there is none",
            fix: "refuse positions that cannot be represented",
            links: &["pegainfer-project/pegainfer#220", "microsoft/onnxruntime#27597"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::PositionOutOfRange).then_some(())?;
                let mut changed = None;
                for name in ["positions", "query_positions", "key_positions"] {
                    let Some(mut json) = reading.input.get(name).cloned() else { continue };
                    clamp(&mut json);
                    if Some(&json) != reading.input.get(name) {
                        reading.input.set(name, json);
                        changed = Some(());
                    }
                }
                changed
            }),
        },
        Fault {
            name: "e10-axes-interleaved",
            class: "E10",
            summary: "positions [axis, tokens] are read as [tokens, axis]",
            signature: "right where all axes agree on every token in order; else every token mixes the axes of others",
            fix: "address positions by axis first",
            links: &["sgl-project/sgl-kernel-xpu#202", "sgl-project/sglang#20559"],
            change: Change::Question(|question, _| {
                let positions = match &mut question.body {
                    Body::Rotate(r) => &mut r.positions,
                    Body::Table(t) => &mut t.positions,
                    _ => return None,
                };
                let axes = *positions.shape().first()?;
                (axes > 1).then_some(())?;
                let tokens = positions.data().len() / axes;
                let read = |i: usize| positions.data()[i % tokens * axes + i / tokens];
                let data: Vec<Position> = (0..axes * tokens).map(read).collect();
                let changed = data != positions.data();
                *positions = crate::request::Positions::new(positions.shape().to_vec(), data)?;
                changed.then_some(())
            }),
        },
        Fault {
            name: "e14-int64-read-as-int32",
            class: "E14",
            summary: "64-bit position ids are read as 32-bit ones, half of each at a time",
            signature: "token 0 is right, odd tokens see 0, token 2k sees the id of token k",
            fix: "dispatch on the width of the ids, or convert them",
            links: &["flashinfer-ai/flashinfer#1129", "sgl-project/sglang#4267"],
            change: Change::Question(|question, _| {
                rotary(question)?;
                edit::rows(question, |_, row| {
                    let half = |i: usize, row: &[i64]| match i % 2 {
                        0 => row[i / 2] as i32 as i64,
                        _ => row[i / 2] >> 32,
                    };
                    let read: Vec<i64> = (0..row.len()).map(|i| half(i, row)).collect();
                    row.copy_from_slice(&read);
                })
            }),
        },
        Fault {
            name: "e14-wraps-at-32-bits",
            class: "E14",
            summary: "positions wrap around at 2^31",
            signature: "right up to 2147483647, negative from there on",
            fix: "keep positions in 64 bits, or refuse what does not fit",
            links: &["LMCache/LMCache#2902", "ROCm/aiter#2754"],
            change: Change::Question(|question, _| edit::each(question, |p| p as i32 as i64)),
        },
        Fault {
            name: "e14-index-overflows",
            class: "E14",
            summary: "the index of a row of cos and sin, position times head_dim, overflows 32 bits",
            signature: "right below 2^31/head_dim, then positions too small by 2^32/head_dim",
            fix: "compute the address in 64 bits",
            links: &["ROCm/aiter#2754"],
            change: Change::Question(|question, _| {
                let width = history::rope(question)?.head_dim as i64;
                (width > 1).then_some(())?;
                rotary(question)?;
                edit::each(question, |p| match p.checked_mul(width) {
                    Some(index) => (index as i32 as i64).div_euclid(width),
                    None => p,
                })
            }),
        },
        Fault {
            name: "e14-unsigned",
            class: "E14",
            summary: "negative positions are read as unsigned 32-bit numbers",
            signature: "position −1 is rotated as 4294967295",
            fix: "use a signed type",
            links: &["LMCache/LMCache#2902"],
            change: Change::Question(|question, _| {
                edit::each(question, |p| if p < 0 { p.rem_euclid(1 << 32) } else { p })
            }),
        },
        Fault {
            name: "e14-fraction-truncated",
            class: "E14",
            summary: "a position that is no integer, 1.5 or 1e3, is converted instead of refused",
            signature: "an answer where there is none",
            fix: "refuse positions in a spelling that is none",
            links: &["LMCache/LMCache#2902"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::MalformedPosition).then_some(())?;
                let mut changed = None;
                for name in ["positions", "query_positions", "key_positions"] {
                    let Some(mut json) = reading.input.get(name).cloned() else { continue };
                    truncate(&mut json);
                    if Some(&json) != reading.input.get(name) {
                        reading.input.set(name, json);
                        changed = Some(());
                    }
                }
                changed
            }),
        },
    ]
}

/// Whether positions are turned into angles.
fn rotary(question: &Question) -> Option<()> {
    matches!(question.body, Body::Rotate(_) | Body::Score(_) | Body::Chain(_) | Body::Table(_))
        .then_some(())
}

fn clamp(json: &mut Json) {
    let limit = POSITION_LIMIT as i128;
    match json {
        Json::Array(items) => items.iter_mut().for_each(clamp),
        Json::Integer(n) => *n = (*n).clamp(-limit, limit),
        Json::String(text) => {
            if let Ok(n) = text.parse::<i128>() {
                *text = n.clamp(-limit, limit).to_string();
            }
        }
        _ => {}
    }
}

fn truncate(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(truncate),
        Json::Real(x) if x.abs() < 2f64.powi(53) => *json = Json::Integer(*x as i128),
        Json::Integer(n) if n.unsigned_abs() >= 1 << 53 => *json = Json::String(n.to_string()),
        _ => {}
    }
}

/// Offsets of learned tables.
fn tables() -> Vec<Fault> {
    vec![
        Fault {
            name: "e4-table-offset-forgotten",
            class: "E4",
            summary: "the offset of the learned table (2 in OPT, padding_idx + 1 in RoBERTa) is not added",
            signature: "every token gets the embedding of an earlier one",
            fix: "add the offset to every position",
            links: &["ndif-team/nnsight#673"],
            change: Change::Config(|config, _, _| {
                (edit::number(config, "offset")? != 0.0).then_some(())?;
                config.get("dim")?;
                config.set("offset", Json::from(0i64));
                Some(())
            }),
        },
        Fault {
            name: "e4-table-offset-twice",
            class: "E4",
            summary: "the offset of the learned table is added twice",
            signature: "every token gets the embedding of a later one",
            fix: "add the offset in one place",
            links: &["TransformerLensOrg/TransformerLens#1610"],
            change: Change::Config(|config, _, _| {
                let offset = edit::number(config, "offset").filter(|&offset| offset != 0.0)?;
                config.get("dim")?;
                config.set("offset", Json::from(2 * offset as i64));
                Some(())
            }),
        },
    ]
}
