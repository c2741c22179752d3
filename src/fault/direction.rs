//! B: which way, and which tensor.

use super::Fault;
use super::change::{Change, View};
use super::edit;
use super::row::{self, Turned};
use crate::encoding::{Body, Heads, Question};
use crate::number::Tensor;
use crate::profile::encode;
use crate::request::{Direction, Json, Output};

/// The same rotation the other way round.
fn reversed(question: &mut Question) -> Option<()> {
    let exchange = |pair: &mut crate::encoding::Pair| std::mem::swap(&mut pair.re, &mut pair.im);
    match &mut question.body {
        Body::Rotate(r) => r.rope.planes.iter_mut().for_each(|plane| exchange(&mut plane.pair)),
        Body::Score(s) => s.rope.planes.iter_mut().for_each(|plane| exchange(&mut plane.pair)),
        Body::Apply(a) => a.pairs.iter_mut().for_each(exchange),
        _ => return None,
    }
    Some(())
}

fn negate(tensor: &mut Tensor) -> Option<()> {
    let dtype = tensor.dtype();
    let bits = tensor.data().iter().map(|&bits| row::negated(dtype, bits)).collect();
    row::replace(tensor, bits)
}

/// The output as if nothing had been rotated.
fn unturned(view: &View, output: &mut Output, only: &str) -> Option<()> {
    let Turned { q, k, .. } = row::turned(view.question)?;
    let input = if only == "k" { k? } else { q };
    row::put(row::named(output, only)?, row::copied(input, view.question.dtype)?)
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "b1-sign-flipped",
            class: "B1",
            summary: "the rotation goes clockwise: +sin stands where −sin belongs, or the transpose of the matrix",
            signature: "cosine parts right, sine parts negated; exact at position 0; if q and k are both \
                        flipped, scores only change the sign of the distance",
            fix: "x, y = x * cos - y * sin, x * sin + y * cos",
            links: &["karpathy/nanochat#489", "trymirai/lalamo#268", "zphang/transformers#3"],
            change: Change::Question(|question, _| reversed(question)),
        },
        Fault {
            name: "b1-table-sign-flipped",
            class: "B1",
            summary: "the table holds −sin",
            signature: "cos right, sin negated; exact at position 0",
            fix: "store sin(p·θ)",
            links: &["karpathy/nanochat#489"],
            change: Change::Output(|view, output| {
                matches!(view.question.body, Body::Table(_)).then_some(())?;
                negate(row::named(output, "sin")?)
            }),
        },
        Fault {
            name: "b1-keys-flipped",
            class: "B1",
            summary: "keys are rotated clockwise, queries are right",
            signature: "scores depend on the sum of the positions instead of their difference",
            fix: "rotate q and k by one function",
            links: &["karpathy/nanochat#489"],
            change: Change::Rotated(|view, output| {
                let mut question = view.question.clone();
                reversed(&mut question)?;
                let keys = view.tensor(&question, "k")?;
                row::put(row::named(output, "k")?, keys)
            }),
        },
        Fault {
            name: "b2-cos-sin-swapped",
            class: "B2",
            summary: "cos and sin are exchanged",
            signature: "position 0 is wrong already: the real part becomes −y",
            fix: "check the order in which the table's two halves are passed",
            links: &["huggingface/candle#1935"],
            change: Change::Output(|view, output| {
                if let Body::Table(_) = view.question.body {
                    let [cos, sin] = ["cos", "sin"].map(|name| {
                        let found = output.iter().find(|(n, _)| *n == name);
                        found.map(|(_, tensor)| tensor.clone())
                    });
                    let (cos, sin) = (cos?, sin?);
                    row::put(row::named(output, "cos")?, sin)?;
                    return row::put(row::named(output, "sin")?, cos);
                }
                // R(π/2 − φ) z = i · R(−φ) z.
                let mut question = view.question.clone();
                reversed(&mut question)?;
                let pairs = row::turned(&question)?.pairs;
                let other = (view.answer)(&question);
                row::both(output, |name, tensor| {
                    let mut turned = other.iter().find(|(n, _)| *n == name)?.1.clone();
                    let dtype = turned.dtype();
                    row::edit(&mut turned, |_, x| {
                        let mut y = x.to_vec();
                        // The pairs are those of the reversed question: re and im are exchanged.
                        for pair in &pairs {
                            let (re, im) = (pair.im, pair.re);
                            (y[re], y[im]) = (row::negated(dtype, x[im]), x[re]);
                        }
                        Some(y)
                    });
                    row::put(tensor, turned)
                })
            }),
        },
        Fault {
            name: "b2-halves-crossed",
            class: "B2",
            summary: "the two results of a pair are stored in each other's place",
            signature: "position 0 exchanges the members of every pair; norms are kept",
            fix: "write x cos − y sin to where x came from",
            links: &["hpcaitech/ColossalAI#6428"],
            change: Change::Rotated(|view, output| {
                let pairs = row::turned(view.question)?.pairs;
                row::both(output, |_, tensor| {
                    row::edit(tensor, |_, x| {
                        let mut y = x.to_vec();
                        for pair in &pairs {
                            (y[pair.re], y[pair.im]) = (x[pair.im], x[pair.re]);
                        }
                        Some(y)
                    })
                })
            }),
        },
        Fault {
            name: "b2-queries-in-keys",
            class: "B2",
            summary: "the second half of each key comes from a query: a pointer or a stride of q was used for k",
            signature: "q right, k half right; equal tensors hide it",
            fix: "address k with its own pointer and strides",
            links: &["hpcaitech/ColossalAI#6428", "hpcaitech/ColossalAI#6429"],
            change: Change::Output(|view, output| {
                let Turned { pairs, .. } = row::turned(view.question)?;
                let q = output.iter().find(|(name, _)| *name == "q")?.1.clone();
                let [_, heads, seq, dim] = row::shape(&q)?;
                (heads > 0).then_some(())?;
                row::edit(row::named(output, "k")?, |row, x| {
                    let start = ((row.batch * heads + row.head % heads) * seq + row.token) * dim;
                    let mut y = x.to_vec();
                    for pair in &pairs {
                        y[pair.im] = q.data()[start + pair.im];
                    }
                    Some(y)
                })
            }),
        },
        Fault {
            name: "b3-keys-not-rotated",
            class: "B3",
            summary: "keys come back as they were: they are not rotated, or not written",
            signature: "q right, k its input at every position",
            fix: "rotate k as well, and return or write the rotated one",
            links: &["kvcache-ai/sglang#66", "linkedin/Liger-Kernel#342"],
            change: Change::Rotated(|view, output| unturned(view, output, "k")),
        },
        Fault {
            name: "b3-queries-not-rotated",
            class: "B3",
            summary: "queries come back as they were: they are not rotated, or not written",
            signature: "k right, q its input at every position",
            fix: "rotate q as well, and return or write the rotated one",
            links: &["kvcache-ai/sglang#31"],
            change: Change::Rotated(|view, output| {
                // Without keys this would be no rotation at all.
                row::turned(view.question)?;
                unturned(view, output, "q")
            }),
        },
        Fault {
            name: "b3-rotated-twice",
            class: "B3",
            summary: "queries and keys are rotated twice, in place on what is already rotated",
            signature: "angles doubled; a magnitude squared",
            fix: "rotate once: look for a second call, or a cache that holds rotated keys",
            links: &[
                "labmlai/annotated_deep_learning_paper_implementations#251",
                "unslothai/unsloth#5001",
            ],
            change: Change::Rotated(|view, output| {
                let mut question = view.question.clone();
                let once = |name: &str| {
                    let tensor = output.iter().find(|(n, _)| *n == name).map(|(_, t)| t.clone());
                    tensor.and_then(Heads::new)
                };
                match &mut question.body {
                    Body::Rotate(r) => (r.q, r.k) = (once("q")?, once("k")),
                    Body::Apply(a) => (a.q, a.k) = (once("q")?, once("k")),
                    _ => return None,
                }
                let twice = (view.answer)(&question);
                row::both(output, |name, tensor| {
                    row::put(tensor, twice.iter().find(|(n, _)| *n == name)?.1.clone())
                })
            }),
        },
        Fault {
            name: "b4-inverse-turns-forward",
            class: "B4",
            summary: "the inverse rotation turns forward",
            signature: "R(−p)R(p) is R(2p); exact at position 0",
            fix: "negate sin for the inverse",
            links: &["ggml-org/llama.cpp#4097", "jagmarques/nexusquant#12"],
            change: Change::Question(|question, _| {
                let Body::Rotate(r) = &mut question.body else { return None };
                (r.direction == Direction::Inverse).then_some(())?;
                r.direction = Direction::Forward;
                Some(())
            }),
        },
        Fault {
            name: "b4-inverse-keeps-magnitude",
            class: "B4",
            summary: "the inverse multiplies by attention_factor (and growth) instead of dividing",
            signature: "a round trip scales by the square of the factor; without a factor it is right",
            fix: "divide by the magnitude once",
            links: &["ggml-org/llama.cpp#17945"],
            change: Change::Question(|question, _| {
                let Body::Rotate(r) = &mut question.body else { return None };
                (r.direction == Direction::Inverse).then_some(())?;
                let one = crate::encoding::Expression::integer(1);
                let plain = r.rope.planes.iter().all(|plane| plane.growth == one);
                (r.rope.magnitude != one || !plain).then_some(())?;
                r.direction = Direction::Backward;
                Some(())
            }),
        },
        Fault {
            name: "b4-inverse-without-scaling",
            class: "B4",
            summary: "the inverse uses the unscaled frequencies, the forward rotation the scaled ones",
            signature: "right for rope_type default; the round trip fails, more with distance",
            fix: "build both from one table",
            links: &["ggml-org/llama.cpp#17945", "Avarok-Cybersecurity/atlas#276"],
            change: Change::Config(|config, length, question| {
                let Body::Rotate(r) = &question.body else { return None };
                (r.direction == Direction::Inverse).then_some(())?;
                super::scaling::unscale(config, length)
            }),
        },
        Fault {
            name: "b4-inverse-base-10000",
            class: "B4",
            summary: "the inverse uses base 10000, the forward rotation the config's",
            signature: "right for base 10000; the round trip fails, more with distance",
            fix: "build both from one table",
            links: &["ggml-org/llama.cpp#4097"],
            change: Change::Config(|config, _, question| {
                let Body::Rotate(r) = &question.body else { return None };
                (r.direction == Direction::Inverse).then_some(())?;
                edit::number(config, "rope_theta")?;
                config.set("rope_theta", Json::from(10000i64));
                Some(())
            }),
        },
    ]
}

/// A tensor of the mean of two answers, in the dtype.
pub(super) fn mean(a: &Tensor, b: &Tensor) -> Option<Tensor> {
    let format = a.dtype().format()?;
    let pairs = row::doubles(a).into_iter().zip(row::doubles(b));
    let bits = pairs.map(|(a, b)| encode(format, a / 2.0 + b / 2.0)).collect();
    Tensor::new(a.dtype(), a.shape().to_vec(), bits).ok()
}

/// The rotation by the opposite angles.
pub(super) fn backwards(view: &View) -> Option<Output> {
    let mut question = view.question.clone();
    reversed(&mut question)?;
    Some((view.answer)(&question))
}
