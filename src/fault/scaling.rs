//! D: scaling rules, their parameters and their keys.

mod asked;
mod rule;

use asked::{is, original};

use super::Fault;
use super::change::Change;
use super::edit::{self, number, word};
use super::history::{self, seq_len};
use super::row;
use crate::encoding::{Body, Expression, Question};
use crate::request::{Json, Object, Slug};

/// The same config without its scaling rule.
pub(super) fn unscale(config: &mut Object, length: &mut Option<i64>) -> Option<()> {
    const KEEP: [&str; 9] = [
        "head_dim",
        "layout",
        "rope_theta",
        "rotary_dim",
        "rotary_offset",
        "mrope_section",
        "mrope_interleaved",
        "pair_axes",
        "clockwise",
    ];
    let rule = word(config, "rope_type")?;
    let plain = ["default", "none", "axial", "pixtral", "moonvit", "dinov3", "pixel", "ltx"]
        .contains(&rule);
    (!plain).then_some(())?;
    let kept = config.iter().filter(|(key, _)| KEEP.contains(key));
    let mut unscaled: Object = kept.map(|(key, value)| (key.to_string(), value.clone())).collect();
    unscaled.set("rope_type", Json::from("default"));
    *config = unscaled;
    *length = None;
    Some(())
}

/// Takes a key out. None if it is not there.
fn without(config: &mut Object, key: &str) -> Option<()> {
    config.remove(key).map(drop)
}

/// Multiplies or divides every frequency by the factor of linear scaling or of a proportional rope.
fn factor(question: &mut Question, edit: fn(&Expression, &Expression) -> Expression) -> Option<()> {
    let config = question.config();
    ["linear", "proportional"].contains(&word(config, "rope_type")?).then_some(())?;
    let factor = number(config, "factor").filter(|&factor| factor != 1.0)?;
    edit::frequencies(question, |_, _, frequency| edit(frequency, &Expression::dyadic(factor)))
}

/// The share of a partial rope is applied again.
fn narrowed(config: &Object) -> Option<i64> {
    let (head, rotary) = (number(config, "head_dim")?, number(config, "rotary_dim")?);
    let width = (rotary * (rotary / head)) as i64 / 2 * 2;
    (width >= 2 && width < rotary as i64).then_some(width)
}

pub(super) fn faults() -> Vec<Fault> {
    let mut list = general();
    list.extend(rule::faults());
    list
}

/// Whether scaling is read at all, and by which key.
fn general() -> Vec<Fault> {
    vec![
        Fault {
            name: "d1-scaling-ignored",
            class: "D1",
            summary: "the scaling rule is parsed and not applied: frequencies are those of rope_type default, the magnitude is 1",
            signature: "right at position 0 and nearly so at small ones; wrong far away, most in the last pairs",
            fix: "build the table from rope_type and all of its keys",
            links: &["unslothai/unsloth#2405", "ggml-org/llama.cpp#8650", "lablup/mlxcel#1355"],
            change: Change::Config(|config, length, _| unscale(config, length)),
        },
        Fault {
            name: "d2-attention-factor-ignored",
            class: "D2",
            summary: "an explicit attention_factor is not read (attn_factor, mscale: another spelling), and the formula's is used",
            signature: "one constant on all rotated channels, at position 0 too",
            fix: "read attention_factor first, the formula only without it",
            links: &["deepseek-ai/DeepSeek-R1#684", "NVIDIA/TensorRT-LLM#1595"],
            change: Change::Config(|config, _, _| {
                without(config, "attention_factor")?;
                // Without a factor LongRoPE's formula takes the ratio of the lengths.
                let stretch = ["factor", "max_position_embeddings"];
                stretch.iter().any(|key| config.get(key).is_some()).then_some(())
            }),
        },
        Fault {
            name: "d2-mscales-ignored",
            class: "D2",
            summary: "mscale and mscale_all_dim are not read",
            signature: "the magnitude is 0.1 ln s + 1 where it should be 1 or a ratio, and the softmax factor is 1",
            fix: "read both; equal ones give a magnitude of exactly 1",
            links: &["vllm-project/tpu-inference#521", "Avarok-Cybersecurity/atlas#342"],
            change: Change::Config(|config, _, _| {
                let all = without(config, "mscale_all_dim");
                without(config, "mscale").or(all)
            }),
        },
        Fault {
            name: "d2-betas-ignored",
            class: "D2",
            summary: "beta_fast and beta_slow are not read, 32 and 1 are used",
            signature: "right for the defaults; other betas move both ends of the ramp",
            fix: "read beta_fast and beta_slow",
            links: &["NVIDIA/TensorRT-LLM#1923"],
            change: Change::Config(|config, _, _| {
                is(config, "yarn")?;
                config.set("beta_fast", Json::Real(32.0));
                config.set("beta_slow", Json::Real(1.0));
                Some(())
            }),
        },
        Fault {
            name: "d2-original-length-at-the-wrong-level",
            class: "D2",
            summary: "the original length is taken from max_position_embeddings",
            signature: "right where both are one; else the switch or the growth is at the wrong length",
            fix: "original_max_position_embeddings wins where it is given",
            links: &["lablup/mlxcel#1580", "THUDM/slime#1720"],
            change: Change::Config(|config, _, _| {
                number(config, "original_max_position_embeddings")?;
                let longest = config.get("max_position_embeddings")?.clone();
                config.set("original_max_position_embeddings", longest);
                Some(())
            }),
        },
        Fault {
            name: "d2-unknown-key-ignored",
            class: "D2",
            summary: "a key that means nothing to the rule is ignored instead of refused",
            signature: "a misspelt key silently falls back to a default",
            fix: "refuse keys that are not read",
            links: &["deepseek-ai/DeepSeek-R1#684", "vllm-project/vllm#29966"],
            change: Change::Accept(|reading| {
                let slug = reading.reject.slug;
                [Slug::UnknownKey, Slug::UnusedKey].contains(&slug).then_some(())?;
                // The reason names the key after the word "key", and the allowed ones later.
                let mut words = reading.reject.text.split(' ').skip_while(|word| *word != "key");
                let key = words.nth(1)?.to_string();
                reading.config.remove(&key).map(drop)
            }),
        },
        Fault {
            name: "d2-last-duplicate-wins",
            class: "D2",
            summary: "of a key that stands twice the last value is used",
            signature: "a config that two readers read differently goes through",
            fix: "refuse duplicate keys",
            links: &["NVIDIA/TensorRT-LLM#1595"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::DuplicateKey).then_some(())?;
                let last = |object: &Object| -> Object {
                    let mut once = Object::default();
                    object.iter().for_each(|(key, value)| once.set(key, value.clone()));
                    once
                };
                (reading.config, reading.input) = (last(&reading.config), last(&reading.input));
                Some(())
            }),
        },
        Fault {
            name: "d2-missing-key-defaulted",
            class: "D2",
            summary: "a required number that is missing gets a default: 10000 for the base, 1 for a factor, 4096 for a length",
            signature: "an incomplete config goes through",
            fix: "refuse a config without its required keys",
            links: &["THUDM/slime#1720", "lablup/mlxcel#1580"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::MissingKey).then_some(())?;
                let defaults = [
                    ("rope_theta", 10000i64),
                    ("factor", 1),
                    ("original_max_position_embeddings", 4096),
                    ("num_heads", 1),
                    ("max_distance", 128),
                    ("num_buckets", 32),
                ];
                let text = &reading.reject.text;
                let (key, value) = defaults.iter().find(|(key, _)| text.contains(key))?;
                reading.config.set(key, Json::from(*value));
                Some(())
            }),
        },
        Fault {
            name: "d3-unknown-type-as-default",
            class: "D3",
            summary: "an unknown rope_type is taken for default",
            signature: "a config that names another rule goes through unscaled",
            fix: "refuse a rope_type that is not implemented",
            links: &["lablup/mlxcel#1324", "ml-explore/mlx-examples#871"],
            change: Change::Accept(|reading| {
                (reading.reject.slug == Slug::UnknownRopeType).then_some(())?;
                reading.config.set("rope_type", Json::from("default"));
                Some(())
            }),
        },
        Fault {
            name: "d3-dynamic-doubles-positions",
            class: "D3",
            summary: "a rule that falls through the list (here dynamic) multiplies positions by its factor",
            signature: "angles too large by the factor from position 1 on, below the original length too",
            fix: "have no branch for everything else",
            links: &["lablup/mlxcel#1324", "lablup/mlxcel#1389"],
            change: Change::Question(|question, _| {
                is(question.config(), "dynamic")?;
                let factor = number(question.config(), "factor")?;
                let (mut config, mut length) = (question.config().clone(), seq_len(question));
                unscale(&mut config, &mut length)?;
                edit::apply(question, &config, length)?;
                edit::frequencies(question, |_, _, theta| theta * Expression::dyadic(factor))
            }),
        },
        Fault {
            name: "d4-factor-inverted",
            class: "D4",
            summary: "frequencies are multiplied by the factor instead of divided",
            signature: "angles are too large by the square of the factor from position 1 on",
            fix: "divide: position factor must give what position 1 gives without scaling",
            links: &["lablup/mlxcel#1340", "InfiniTensor/InfiniCore#1200"],
            change: Change::Question(|question, _| {
                factor(question, |theta, factor| theta * factor * factor)
            }),
        },
        Fault {
            name: "d4-factor-twice",
            class: "D4",
            summary: "frequencies are divided by the factor twice",
            signature: "angles are too small by the factor from position 1 on",
            fix: "divide once: either the position or the frequency",
            links: &["huggingface/text-generation-inference#816"],
            change: Change::Question(|question, _| {
                factor(question, |theta, factor| theta / factor)
            }),
        },
        Fault {
            name: "d8-magnitude-dropped",
            class: "D8",
            summary: "attention_factor is not applied to cos and sin",
            signature: "one constant on all rotated channels, at position 0 too; a cosine similarity cannot see it",
            fix: "multiply cos and sin by attention_factor",
            links: &["onnxruntime/mobius#548", "huggingface/transformers#47435"],
            change: Change::Question(|question, _| {
                edit::rope(question, |rope| rope.magnitude = Expression::integer(1))
            }),
        },
        Fault {
            name: "d8-magnitude-twice",
            class: "D8",
            summary: "attention_factor is applied twice to one tensor",
            signature: "one constant on all rotated channels, at position 0 too",
            fix: "apply it in the table or in the rotation, not in both",
            links: &["ggml-org/llama.cpp#17945", "ml-explore/mlx-lm#1003"],
            change: Change::Question(|question, _| {
                edit::rope(question, |rope| {
                    if rope.magnitude != Expression::integer(1) {
                        rope.magnitude = rope.magnitude.power(2, 1);
                    }
                })
            }),
        },
        Fault {
            name: "d8-magnitude-on-every-channel",
            class: "D8",
            summary: "attention_factor multiplies the channels that are not rotated as well",
            signature: "channels that must be copied are scaled; with full rotary nothing is wrong",
            fix: "scale the rotated slice only",
            links: &["raullenchai/Rapid-MLX#1225", "ml-explore/mlx-lm#1507"],
            change: Change::Rotated(|view, output| {
                let rope = &row::rotate(view)?.rope;
                let factor = rope.magnitude.evaluate(&crate::encoding::Double)?;
                let pairs = rope.pairs();
                let inside = |i: usize| pairs.iter().any(|pair| pair.re == i || pair.im == i);
                (factor != 1.0).then_some(())?;
                row::both(output, |_, tensor| {
                    let format = tensor.dtype().format()?;
                    row::edit(tensor, |_, x| {
                        let scaled = |(i, &bits): (usize, &u64)| match inside(i) {
                            true => bits,
                            false => crate::profile::encode(format, format.to_f64(bits) * factor),
                        };
                        Some(x.iter().enumerate().map(scaled).collect())
                    })
                })
            }),
        },
        Fault {
            name: "d8-softmax-factor-dropped",
            class: "D8",
            summary: "the factor on the logits (DeepSeek's mscale²) is 1",
            signature: "cos and sin are right, logits are off by up to 1.9 times",
            fix: "softmax_scale *= (0.1 * mscale_all_dim * log(factor) + 1) ** 2",
            links: &["vllm-project/tpu-inference#521", "onnxruntime/mobius#548"],
            change: Change::Question(|question, _| {
                matches!(question.body, Body::InvFreq(_)).then_some(())?;
                edit::rope(question, |rope| rope.softmax_factor = Expression::integer(1))
            }),
        },
        Fault {
            name: "d8-softmax-factor-in-the-rotation",
            class: "D8",
            summary: "the factor on the logits is multiplied into cos and sin",
            signature: "one constant on all rotated channels; right logits only if the softmax scale leaves it out",
            fix: "keep attention_factor and the softmax factor apart",
            links: &["Avarok-Cybersecurity/atlas#342"],
            change: Change::Question(|question, _| {
                edit::rope(question, |rope| {
                    let one = Expression::integer(1);
                    if rope.softmax_factor != one {
                        rope.magnitude = &rope.magnitude * rope.softmax_factor.sqrt();
                        rope.softmax_factor = one;
                    }
                })
            }),
        },
        Fault {
            name: "d8-growth-dropped",
            class: "D8",
            summary: "xPos does not grow: only the rotation is done",
            signature: "right at the origin; off by a power of ζ that grows with distance",
            fix: "multiply queries by ζ^((p − origin)/scale_base) and divide keys by it",
            links: &[],
            change: Change::Question(|question, _| {
                edit::rope(question, |rope| {
                    rope.planes.iter_mut().for_each(|p| p.growth = Expression::integer(1));
                })
            }),
        },
        Fault {
            name: "d8-keys-grow",
            class: "D8",
            summary: "xPos grows keys as it grows queries, instead of shrinking them",
            signature: "queries are right; scores grow with the sum of the positions",
            fix: "use the reciprocal growth for keys",
            links: &[],
            change: Change::Rotated(|view, output| {
                let one = Expression::integer(1);
                let rope = &row::rotate(view)?.rope;
                rope.planes.iter().any(|plane| plane.growth != one).then_some(())?;
                let keys = row::with_rotate(view, |r| r.rope = r.rope.for_keys())?;
                let keys = keys.into_iter().find(|(name, _)| *name == "k")?.1;
                row::put(row::named(output, "k")?, keys)
            }),
        },
        Fault {
            name: "d8-growth-from-zero",
            class: "D8",
            summary: "xPos counts its growth from 0 instead of the origin",
            signature: "queries and keys are off by one constant per plane; scores are right",
            fix: "subtract the origin from the position of the growth",
            links: &[],
            change: Change::Question(|question, _| edit::rope(question, |rope| rope.origin = 0)),
        },
        Fault {
            name: "d10-one-token-unscaled",
            class: "D10",
            summary: "decoding (one token) uses unscaled frequencies, the prompt scaled ones",
            signature: "prompts are right, single tokens are not, in the bands where the scaling bites",
            fix: "build the table of prompt and decoding by one function",
            links: &["Xilinx/mlir-air#1948", "huggingface/candle#899"],
            change: Change::Config(|config, length, question| {
                let tokens = match &question.body {
                    Body::Rotate(r) => row::shape(&r.q)?[2],
                    Body::Score(s) => row::shape(&s.q)?[2],
                    _ => return None,
                };
                (tokens == 1).then_some(())?;
                unscale(config, length)
            }),
        },
        Fault {
            name: "d11-share-twice",
            class: "D11",
            summary: "partial_rotary_factor is applied twice: rotary_dim is head_dim times its square",
            signature: "channels that must turn are copied, and the exponents are those of a narrower slice",
            fix: "apply the factor in one place",
            links: &["vllm-project/vllm#29966", "AI-Hypercomputer/maxtext#4616"],
            change: Change::Config(|config, _, _| {
                let width = narrowed(config)?;
                config.set("rotary_dim", Json::from(width));
                Some(())
            }),
        },
        Fault {
            name: "d11-share-dropped",
            class: "D11",
            summary: "partial_rotary_factor is dropped on this path: the whole head turns",
            signature: "channels that must be copied turn, and the exponents are those of the whole head",
            fix: "pass rotary_dim to every path",
            links: &["vllm-project/vllm#30384", "huggingface/transformers#48652"],
            change: Change::Config(|config, _, _| {
                let head = config.get("head_dim")?.clone();
                if config.get("partial_rotary_factor").is_some() {
                    config.set("partial_rotary_factor", Json::from(1i64));
                    return Some(());
                }
                config.get("rotary_dim")?;
                config.set("rotary_dim", head);
                config.remove("rotary_offset");
                Some(())
            }),
        },
        Fault {
            name: "d12-divisors-multiply",
            class: "D12",
            summary: "the factors of the pairs multiply the frequencies instead of dividing them",
            signature: "right for factors of 1; factors near 1 look plausible at small positions",
            fix: "divide: factors are divisors of the frequencies",
            links: &["ggml-org/llama.cpp#7475", "InfiniTensor/InfiniCore#1200"],
            change: Change::Question(|question, _| {
                let list = divisors(question)?;
                edit::frequencies(question, |index, _, theta| {
                    let divisor = Expression::dyadic(list[index]);
                    theta * &divisor * &divisor
                })
            }),
        },
        Fault {
            name: "d12-divisors-as-frequencies",
            class: "D12",
            summary: "the factors of the pairs are taken for the frequencies themselves",
            signature: "with all factors 1 every pair turns by the position",
            fix: "inv_freq = base ** (-arange(0, r, 2) / r) / factor",
            links: &["mudler/vllm.cpp#3086"],
            change: Change::Question(|question, _| {
                let list = divisors(question)?;
                edit::frequencies(question, |index, _, _| Expression::dyadic(list[index]))
            }),
        },
    ]
}

/// The divisors that LongRoPE has chosen, one per plane.
fn divisors(question: &Question) -> Option<Vec<f64>> {
    let config = question.config();
    is(config, "longrope")?;
    let long = seq_len(question)? as f64 > number(config, "original_max_position_embeddings")?;
    let Json::Array(list) = config.get(if long { "long_factor" } else { "short_factor" })? else {
        return None;
    };
    let list: Vec<f64> = list.iter().filter_map(Json::number).collect();
    (list.len() == history::rope(question)?.planes.len()).then_some(list)
}
