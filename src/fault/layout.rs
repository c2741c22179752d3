//! A: which coordinates form pairs.

use super::Fault;
use super::change::Change;
use super::edit;
use super::row::{self, Row};
use crate::encoding::{Body, Layout, Pair, Rope};
use crate::request::{Json, Object};

const LAYOUTS: [&str; 2] = ["interleaved", "half"];

/// The rope of the same config in the other layout.
fn other_layout(config: &Object, seq_len: Option<i64>) -> Option<Rope> {
    let mut config = config.clone();
    edit::exchange(&mut config, "layout", LAYOUTS)?;
    crate::encoding::RopeConfig::new(&config).ok()?.rope(seq_len).ok()
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "a1-pairing-swapped",
            class: "A1",
            summary: "adjacent coordinates are rotated together where the config says half, or the reverse",
            signature: "exact at position 0, wrong from 1 on; norms of rows are kept, so norm checks \
                        and composition tests pass; at head_dim 2 both layouts are one",
            fix: "pair coordinate i with i + rotary_dim/2 for half, 2i with 2i + 1 for interleaved",
            links: &[
                "huggingface/transformers#25199",
                "ggml-org/llama.cpp#13261",
                "jzhang38/TinyLlama#24",
            ],
            change: Change::Config(|config, _, _| edit::exchange(config, "layout", LAYOUTS)),
        },
        Fault {
            name: "a2-weights-copied",
            class: "A2",
            summary: "the rows of the query or key weight are not permuted at all",
            signature: "the output is the input; kernels pass, the model fails as if its layout were wrong",
            fix: "permute the rows of every head when a checkpoint changes its layout",
            links: &["huggingface/nanotron#241", "karpathy/llama2.c#286"],
            change: Change::Output(|view, output| {
                let Body::PermuteQk(p) = &view.question.body else { return None };
                row::put(
                    row::named(output, "weight")?,
                    row::copied(&p.weight, view.question.dtype)?,
                )
            }),
        },
        Fault {
            name: "a2-permuted-backwards",
            class: "A2",
            summary: "the weight is permuted in the other direction",
            signature: "right where both directions are one: heads of 2 or 4 rows",
            fix: "to_half gathers the even rows first; to_interleaved undoes that",
            links: &["huggingface/nanotron#427", "meta-pytorch/gpt-fast#190"],
            change: Change::Question(|question, _| {
                let Body::PermuteQk(p) = &mut question.body else { return None };
                let right = p.permutation.sources(p.to);
                p.to = match p.to {
                    Layout::Half => Layout::Interleaved,
                    Layout::Interleaved => Layout::Half,
                };
                (p.permutation.sources(p.to) != right).then_some(())
            }),
        },
        Fault {
            name: "a2-permuted-twice",
            class: "A2",
            summary: "the weight is permuted twice, once by the loader and once by the converter",
            signature: "right where the permutation is its own inverse: heads of 2 or 4 rows come back as they were",
            fix: "let one place own the permutation",
            links: &["InternLM/lmdeploy#2639", "tatsu-lab/stanford_alpaca#227"],
            change: Change::Output(|view, output| {
                let Body::PermuteQk(p) = &view.question.body else { return None };
                let weight = row::named(output, "weight")?;
                let columns = weight.columns();
                let once = weight.data().to_vec();
                let rows = p.permutation.sources(p.to);
                let twice = rows.iter().flat_map(|row| &once[row * columns..(row + 1) * columns]);
                let twice = twice.copied().collect();
                row::replace(weight, twice)
            }),
        },
        Fault {
            name: "a3-permuted-with-other-heads",
            class: "A3",
            summary: "the key weight is permuted with the number of query heads, here twice its own",
            signature: "only keys are wrong, and only under grouped-query attention",
            fix: "reshape the key weight with the number of key heads",
            links: &["ggml-org/llama.cpp#3018", "EleutherAI/gpt-neox#1337"],
            change: Change::Config(|config, _, question| {
                let Body::PermuteQk(p) = &question.body else { return None };
                let (heads, dim) = (p.permutation.num_heads, p.permutation.head_dim);
                (p.permutation.rotary_dim == dim && dim % 4 == 0).then_some(())?;
                config.set("num_heads", Json::from(2 * heads));
                config.set("head_dim", Json::from(dim / 2));
                config.set("rotary_dim", Json::from(dim / 2));
                Some(())
            }),
        },
        Fault {
            name: "a4-table-of-the-other-layout",
            class: "A4",
            summary: "cos and sin are spread over the channels for one layout, and the rotation pairs them for the other",
            signature: "no rotation at all: norms change, and scores depend on more than the distance; exact at position 0",
            fix: "build the table with cat(f, f) for half and with repeat_interleave(f, 2) for interleaved",
            links: &["raiyanyahya/how-to-train-your-gpt#6", "rasbt/LLMs-from-scratch#747"],
            change: Change::Rotated(|view, output| {
                let r = row::rotate(view)?;
                let other = other_layout(&r.config, r.seq_len)?;
                // The plane whose cos and sin a channel finds in the other layout's table.
                let plane = |channel: usize| {
                    let has = |pair: &Pair| pair.re == channel || pair.im == channel;
                    other.planes.iter().find(|plane| has(&plane.pair))
                };
                let spread = |part: fn(&Pair) -> usize| {
                    row::with_rotate(view, |r| {
                        for own in &mut r.rope.planes {
                            if let Some(found) = plane(part(&own.pair)) {
                                own.frequency = found.frequency.clone();
                                own.axis = found.axis;
                            }
                        }
                    })
                };
                let [re, im] = [spread(|pair| pair.re)?, spread(|pair| pair.im)?];
                let pairs = r.rope.pairs();
                row::both(output, |name, tensor| {
                    let find = |list: &crate::request::Output| {
                        list.iter().find(|(n, _)| *n == name).map(|(_, t)| t.clone())
                    };
                    let (re, im) = (find(&re)?, find(&im)?);
                    let dim = tensor.columns();
                    let mut bits = tensor.data().to_vec();
                    for start in (0..bits.len()).step_by(dim.max(1)) {
                        for pair in &pairs {
                            bits[start + pair.re] = re.data()[start + pair.re];
                            bits[start + pair.im] = im.data()[start + pair.im];
                        }
                    }
                    row::replace(tensor, bits)
                })
            }),
        },
        Fault {
            name: "a5-layout-flag-ignored-with-scaling",
            class: "A5",
            summary: "the path with a scaling rule always rotates half layout and ignores the flag",
            signature: "right for rope_type default, and for half; interleaved with scaling is wrong from position 1 on",
            fix: "pass the layout to every branch",
            links: &["PaddlePaddle/PaddleFleet#678", "vllm-project/vllm#49290"],
            change: Change::Config(|config, _, _| {
                (edit::word(config, "rope_type")? != "default").then_some(())?;
                config.set("layout", Json::from("half"));
                Some(())
            }),
        },
        Fault {
            name: "a5-layout-flag-ignored-for-one-token",
            class: "A5",
            summary: "the path for a single token always rotates half layout and ignores the flag",
            signature: "prompts are right, decoding is not, and only in interleaved layout",
            fix: "pass the layout to every branch",
            links: &["vllm-project/vllm-ascend#12765", "sgl-project/sglang#19747"],
            change: Change::Config(|config, _, question| {
                (row::shape(row::turned(question)?.q)?[2] == 1).then_some(())?;
                config.set("layout", Json::from("half"));
                Some(())
            }),
        },
        Fault {
            name: "a6-keys-in-the-other-layout",
            class: "A6",
            summary: "keys are rotated in the other layout than queries",
            signature: "queries are right, keys are not",
            fix: "name the layout of each tensor",
            links: &["ml-explore/mlx-lm#512", "xLLM-AI/xllm#853"],
            change: Change::Rotated(|view, output| {
                let keys = match &view.question.body {
                    Body::Rotate(r) => {
                        let other = other_layout(&r.config, r.seq_len)?;
                        let answer = row::with_rotate(view, |r| r.rope = other)?;
                        answer.into_iter().find(|(name, _)| *name == "k")?.1
                    }
                    _ => return None,
                };
                row::put(row::named(output, "k")?, keys)
            }),
        },
        Fault {
            name: "a7-output-in-halves",
            class: "A7",
            summary: "adjacent pairs are gathered into halves, rotated, and left there",
            signature: "a fixed permutation of the channels at every position, 0 included; scores are right",
            fix: "put the channels back where they came from",
            links: &["HabanaAI/vllm-fork#2042", "NVIDIA/TensorRT-LLM#3638"],
            change: Change::Rotated(|view, output| {
                let pairs = row::turned(view.question)?.pairs;
                let mut channels: Vec<usize> =
                    pairs.iter().flat_map(|pair| [pair.re, pair.im]).collect();
                channels.sort_unstable();
                // Real parts first in interleaved layout; side by side in half layout.
                let interleaved = pairs.iter().all(|pair| pair.im == pair.re + 1);
                let order: Vec<usize> = match interleaved {
                    true => pairs.iter().map(|p| p.re).chain(pairs.iter().map(|p| p.im)).collect(),
                    false => pairs.iter().flat_map(|p| [p.re, p.im]).collect(),
                };
                row::both(output, |_, tensor| {
                    row::edit(tensor, |_: Row, x| {
                        let mut y = x.to_vec();
                        for (to, from) in channels.iter().zip(&order) {
                            y[*to] = x[*from];
                        }
                        Some(y)
                    })
                })
            }),
        },
        Fault {
            name: "a8-head-axis-for-sequence",
            class: "A8",
            summary: "positions are indexed by the head instead of the token",
            signature: "head 0 is rotated as token 0 for every token; token 0 of head 1 turns; hidden by one head or one token",
            fix: "broadcast cos and sin over heads, not over tokens",
            links: &["mlfoundations/open_lm#4", "deepspeedai/DeepSpeed#8052"],
            change: Change::Rotated(|view, output| {
                let seq = row::shape(&row::rotate(view)?.q)?[2];
                row::both(output, |name, tensor| {
                    row::at(view, name, tensor, |row, positions| {
                        row::token(positions, row.batch, row.head % seq.max(1))
                    })
                })
            }),
        },
    ]
}
