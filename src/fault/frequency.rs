//! C: the base, the exponent, and where the table comes from.

use super::Fault;
use super::change::Change;
use super::edit;
use super::history::{self, Earlier, History};
use crate::encoding::{Body, Expression, Question};
use crate::request::{Json, Object};

/// Every power x^(a/b) of the frequencies becomes x^(f(a, b)).
fn exponents(
    question: &mut Question,
    edit: impl Fn(usize, i64, i64) -> (i64, i64) + Copy,
) -> Option<()> {
    edit::frequencies(question, |_, count, frequency| {
        edit::powers(frequency, &|x, a, b| {
            let (a, b) = edit(count, a, b);
            x.power(a, b)
        })
    })
}

/// The width of the head and that of the rotated slice.
fn widths(question: &Question) -> Option<(i64, i64)> {
    let rope = history::rope(question)?;
    Some((rope.head_dim as i64, 2 * rope.planes.len() as i64))
}

/// The rope of an earlier question that a cache takes for this one's: as many planes on as many
/// axes, and a config that agrees in these keys.
fn cached(question: &mut Question, history: &History, same: &[&str]) -> Option<()> {
    let own = history::rope(question)?;
    let config = question.config();
    let fits = |earlier: &&Earlier| {
        earlier.rope.as_ref().is_some_and(|rope| {
            (rope.planes.len(), rope.axes, rope.head_dim)
                == (own.planes.len(), own.axes, own.head_dim)
        }) && same.iter().all(|key| earlier.config.get(key) == config.get(key))
    };
    let first = history.earlier().find(fits)?.rope.clone()?;
    edit::rope(question, |rope| {
        // The layout is the rotation's, the table is the cache's.
        for (plane, old) in rope.planes.iter_mut().zip(&first.planes) {
            plane.frequency = old.frequency.clone();
            plane.growth = old.growth.clone();
        }
        rope.magnitude = first.magnitude.clone();
    })
}

/// The base of a rotary config, or of a sinusoid.
fn set_base(config: &mut Object, base: i64) -> Option<()> {
    let key = ["rope_theta", "base"].into_iter().find(|key| config.get(key).is_some())?;
    if edit::number(config, key)? == base as f64 {
        return None;
    }
    config.set(key, Json::from(base));
    Some(())
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "c1-base-ignored",
            class: "C1",
            summary: "the base is 10000 whatever the config says",
            signature: "the first pair is right for any base; the others drift with position: 5 % off at 1 \
                        for 10000 instead of 500000, all of it at 100",
            fix: "read rope_theta, and check under which name the config has it",
            links: &[
                "deepspeedai/DeepSpeed#4442",
                "lyogavin/airllm#368",
                "ggml-org/llama.cpp#18668",
            ],
            change: Change::Config(|config, _, _| set_base(config, 10000)),
        },
        Fault {
            name: "c1-base-of-another-model",
            class: "C1",
            summary: "the base defaults to 1000000, another model's",
            signature: "as a base of 10000, the other way round; 0.7 % off at position 1 for 500000",
            fix: "have no default for rope_theta",
            links: &["abetlen/llama-cpp-python#765", "google/gemma.cpp#986"],
            change: Change::Config(|config, _, _| set_base(config, 1000000)),
        },
        Fault {
            name: "c2-exponent-over-head-dim",
            class: "C2",
            summary: "the exponent is divided by head_dim where rotary_dim is right",
            signature: "only with partial rotary; the first pair is right, the others turn too fast",
            fix: "inv_freq = base ** (-arange(0, rotary_dim, 2) / rotary_dim)",
            links: &["pie-project/pie#602", "huggingface/transformers#48652"],
            change: Change::Question(|question, _| {
                let (head, rotary) = widths(question)?;
                exponents(question, |_, a, b| (a * rotary, b * head))
            }),
        },
        Fault {
            name: "c2-exponent-over-the-turning-part",
            class: "C2",
            summary: "the exponent of a proportional rope is divided by the width that turns; head_dim is right",
            signature: "the first pair is right, the others turn too slowly",
            fix: "inv_freq = base ** (-arange(0, head_dim, 2) / head_dim) for rope_type proportional",
            links: &["huggingface/transformers#48652", "zml/zml#660"],
            change: Change::Question(|question, _| {
                (edit::word(question.config(), "rope_type")? == "proportional").then_some(())?;
                let rope = history::rope(question)?;
                let zero = Expression::integer(0);
                let turning = rope.planes.iter().filter(|plane| plane.frequency != zero).count();
                let head = rope.head_dim as i64;
                exponents(question, |_, a, b| (a * head, b * 2 * turning.max(1) as i64))
            }),
        },
        Fault {
            name: "c3-exponent-one-up",
            class: "C3",
            summary: "pairs are counted from 1: the exponent of pair i is that of i + 1",
            signature: "all angles are too small by one constant factor, the first pair's too",
            fix: "count pairs from 0, so that the first frequency is 1",
            links: &["bkitano/llama-from-scratch#8"],
            change: Change::Question(|question, _| {
                exponents(question, |count, a, b| {
                    let n = count as i64;
                    (a * n - b, b * n)
                })
            }),
        },
        Fault {
            name: "c3-exponent-one-down",
            class: "C3",
            summary: "the exponent of pair i is that of i − 1, as the paper's 1-based formula gives with 0-based pairs",
            signature: "all angles are too large by one constant factor, the first pair's too",
            fix: "count pairs from 0, so that the first frequency is 1",
            links: &["bkitano/llama-from-scratch#8", "xlite-dev/LeetCUDA#289"],
            change: Change::Question(|question, _| {
                exponents(question, |count, a, b| {
                    let n = count as i64;
                    (a * n + b, b * n)
                })
            }),
        },
        Fault {
            name: "c3-last-is-one-over-base",
            class: "C3",
            summary: "the exponent is divided by r/2 − 1, so that the last frequency is 1/base",
            signature: "the first pair is right, the others turn too slowly, the last one most",
            fix: "inv_freq = base ** (-arange(r // 2) / (r // 2)): the last one is base ** (-(r - 2) / r)",
            links: &["hojonathanho/diffusion#15"],
            change: Change::Question(|question, _| {
                let (_, rotary) = widths(question)?;
                (rotary > 2).then_some(())?;
                exponents(question, |count, a, b| (a * count as i64, b * (count as i64 - 1)))
            }),
        },
        Fault {
            name: "c3-exponent-halved",
            class: "C3",
            summary: "the exponent is i/r instead of 2i/r",
            signature: "the first pair is right, the others turn too fast",
            fix: "inv_freq = base ** (-arange(0, r, 2) / r)",
            links: &["xlite-dev/LeetCUDA#289"],
            change: Change::Question(|question, _| exponents(question, |_, a, b| (a, 2 * b))),
        },
        Fault {
            name: "c4-one-table-for-all-layers",
            class: "C4",
            summary: "every layer uses the table of the first one, although local and global layers differ in base or scaling",
            signature: "the config that was asked first is right, later ones of equal shape get its frequencies",
            fix: "keep one table per layer type",
            links: &[
                "Blaizzy/mlx-vlm#1709",
                "huggingface/transformers#41922",
                "ollama/ollama#13453",
            ],
            change: Change::Question(|question, history| cached(question, history, &["head_dim"])),
        },
        Fault {
            name: "c5-frequencies-zero",
            class: "C5",
            summary: "nothing turns: inv_freq is memory that nobody filled, here zeros, or the layer is taken for one without rotation",
            signature: "cos 1 and sin 0 at every position",
            fix: "compute inv_freq after the weights are loaded; check that inv_freq[0] is 1",
            links: &[
                "huggingface/transformers#45902",
                "NovaSky-AI/SkyRL#1709",
                "huggingface/transformers#37344",
            ],
            change: Change::Question(|question, _| {
                edit::frequencies(question, |_, _, _| Expression::integer(0))
            }),
        },
        Fault {
            name: "c5-frequencies-garbage",
            class: "C5",
            summary: "inv_freq is memory that nobody filled, here small numbers that mean nothing",
            signature: "the first frequency is not 1, and they do not fall",
            fix: "compute inv_freq after the weights are loaded; check that inv_freq[0] is 1",
            links: &["huggingface/transformers#45902", "huggingface/transformers#48892"],
            change: Change::Question(|question, _| {
                edit::frequencies(question, |index, _, _| {
                    Expression::dyadic(2f64.powi(-57) + (index % 3) as f64 / 4.0)
                })
            }),
        },
        Fault {
            name: "c6-unrotated-layer-rotates",
            class: "C6",
            summary: "a layer that must not rotate does",
            signature: "its input is changed from position 1 on",
            fix: "read the list of layers without rotation, and which value means what",
            links: &[
                "huggingface/transformers#43756",
                "huggingface/smollm#130",
                "pytorch/executorch#22043",
            ],
            change: Change::Config(|config, _, _| {
                (edit::word(config, "rope_type")? == "none").then_some(())?;
                config.set("rope_type", Json::from("default"));
                if config.get("rope_theta").is_none() {
                    config.set("rope_theta", Json::from(10000i64));
                }
                Some(())
            }),
        },
        Fault {
            name: "c7-cached-without-base",
            class: "C7",
            summary: "a cached table is found by everything but the base",
            signature: "answers depend on what was asked before: the first base of a process is used for all",
            fix: "put every parameter of the table into the cache's key",
            links: &["ml-explore/mlx#3071"],
            change: Change::Question(|question, history| {
                cached(question, history, &["head_dim", "rotary_dim", "rope_type", "factor"])
            }),
        },
        Fault {
            name: "c7-cached-without-scaling",
            class: "C7",
            summary: "a cached table is found by shape and base, not by the scaling",
            signature: "answers depend on what was asked before: the first scaling of a process is used for all",
            fix: "put every parameter of the table into the cache's key",
            links: &["ml-explore/mlx#3071"],
            change: Change::Question(|question, history| {
                cached(question, history, &["head_dim", "rotary_dim", "rope_theta"])
            }),
        },
        Fault {
            name: "c7-slopes-cached-by-heads",
            class: "C7",
            summary: "cached slopes are found by the number of heads alone",
            signature: "answers depend on what was asked before: the first convention of a process is used for all",
            fix: "put every parameter of the slopes into the cache's key",
            links: &["ml-explore/mlx#3071"],
            change: Change::Question(|question, history| {
                let mut config = question.config().clone();
                let same = |earlier: &&Earlier| {
                    earlier.operation == question.operation
                        && earlier.config.get("num_heads") == config.get("num_heads")
                };
                (matches!(question.body, Body::AlibiSlopes(_) | Body::AlibiBias(_)))
                    .then_some(())?;
                let first = history.earlier().find(same)?.config.get("slopes")?.clone();
                (config.get("slopes") != Some(&first)).then_some(())?;
                config.set("slopes", first);
                edit::apply(question, &config, None)
            }),
        },
    ]
}
