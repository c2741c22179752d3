//! D5 to D9: what is inside the rules.

use super::{is, original};
use crate::encoding::spectrum::powers;
use crate::encoding::{Double, Expression, Question};
use crate::fault::Fault;
use crate::fault::change::Change;
use crate::fault::edit::{self, number, word};
use crate::fault::history::{self, seq_len};
use crate::request::Json;

/// base^(−2i/r) of a config.
fn unscaled(question: &Question) -> Option<Vec<Expression>> {
    let base = Expression::dyadic(number(question.config(), "rope_theta")?);
    let count = history::rope(question)?.planes.len();
    Some(powers(&base, count, 2 * count))
}

/// Puts other frequencies in the place of those of a rule.
fn respectrum(question: &mut Question, frequencies: &[Expression]) -> Option<()> {
    edit::frequencies(question, |index, _, theta| frequencies.get(index).unwrap_or(theta).clone())
}

/// θᵢ of a base that is stretched by a number.
fn stretched(question: &mut Question, stretch: &Expression, exponent: (i64, i64)) -> Option<()> {
    let base = Expression::dyadic(number(question.config(), "rope_theta")?);
    let count = history::rope(question)?.planes.len();
    let base = base * stretch.power(exponent.0, exponent.1);
    respectrum(question, &powers(&base, count, 2 * count))
}

/// s·L/L₀ − (s − 1) at a length.
fn bracket(question: &Question, length: f64) -> Option<Expression> {
    let config = question.config();
    let (s, original) = (number(config, "factor")?, original(config)?);
    let (s, l) = (Expression::dyadic(s), Expression::dyadic(length));
    Some(&s * &l / Expression::dyadic(original) - (&s - Expression::integer(1)))
}

/// Another rule of three bands, given θ and λ.
fn bands(
    question: &mut Question,
    rule: impl Fn(&Expression, &Expression, &[Expression; 4]) -> Expression,
) -> Option<()> {
    let config = question.config();
    is(config, "llama3")?;
    let mut list = Vec::new();
    for key in ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]
    {
        list.push(Expression::dyadic(number(config, key)?));
    }
    let parameters: [Expression; 4] = list.try_into().ok()?;
    let plain = unscaled(question)?;
    let wave = |theta: &Expression| Expression::integer(2) * Expression::pi() / theta;
    let frequencies: Vec<Expression> =
        plain.iter().map(|theta| rule(theta, &wave(theta), &parameters)).collect();
    respectrum(question, &frequencies)
}

/// Share of the short waves in the blend, in the number of waves.
fn share(wave: &Expression, [_, low, high, original]: &[Expression; 4]) -> Expression {
    (original / wave - low) / (high - low)
}

/// The three bands around a blend.
fn around(
    theta: &Expression,
    wave: &Expression,
    [factor, low, high, original]: &[Expression; 4],
    blend: &Expression,
) -> Expression {
    let long = theta / factor;
    let rest = (original / low).select_below(wave, &long, blend);
    wave.select_below(&(original / high), theta, &rest)
}

/// Frequencies of YaRN with an edited ramp. A share of the ramp is recovered to nine digits.
fn ramp(question: &mut Question, edit: impl Fn(f64) -> f64) -> Option<()> {
    let config = question.config();
    is(config, "yarn")?;
    let factor = number(config, "factor").filter(|&factor| factor != 1.0)?;
    let plain = unscaled(question)?;
    let planes = &history::rope(question)?.planes;
    let mut frequencies = Vec::new();
    for (plane, theta) in planes.iter().zip(&plain) {
        // θ(γ/s + 1 − γ) = θ′, so γ = (1 − θ′/θ) / (1 − 1/s).
        let ratio = (&plane.frequency / theta).evaluate(&Double)?;
        let share = (1.0 - ratio) / (1.0 - 1.0 / factor);
        let share = edit((share * 1e9).round() / 1e9);
        frequencies.push(theta * Expression::dyadic(share / factor + (1.0 - share)));
    }
    respectrum(question, &frequencies)
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "d5-grows-below-the-limit",
            class: "D5",
            summary: "dynamic NTK changes the base at or below the original length too",
            signature: "short sequences are wrong; at the original length and beyond it is right",
            fix: "use max(seq_len, original) in the formula",
            links: &["NVIDIA/TensorRT-LLM#1299"],
            change: Change::Question(|question, _| {
                is(question.config(), "dynamic")?;
                let length = seq_len(question)? as f64;
                // Far below the formula has no value, and such a kernel answers NaN.
                (length < original(question.config())?).then_some(())?;
                let stretch = bracket(question, length)?;
                (stretch.evaluate(&Double)? > 0.0).then_some(())?;
                let r = 2 * history::rope(question)?.planes.len() as i64;
                stretched(question, &stretch, (r, r - 2))
            }),
        },
        Fault {
            name: "d5-constant-base",
            class: "D5",
            summary: "dynamic NTK takes the length to be factor times the original, so that its base is a constant",
            signature: "right at that one length only; short sequences are wrong",
            fix: "use the current length",
            links: &["vllm-project/vllm#41236"],
            change: Change::Config(|config, length, _| {
                is(config, "dynamic")?;
                let constant = number(config, "factor")? * original(config)?;
                *length = Some(constant as i64).filter(|&n| n > 0);
                length.map(drop)
            }),
        },
        Fault {
            name: "d5-never-reset",
            class: "D5",
            summary: "dynamic NTK keeps the base of the longest sequence it has seen",
            signature: "a short sequence is right until the first long one",
            fix: "return to the original base when a short sequence comes",
            links: &["huggingface/transformers#27226", "huggingface/transformers#27033"],
            change: Change::Question(|question, history| {
                is(question.config(), "dynamic")?;
                let (config, own) = (question.config().clone(), seq_len(question)?);
                let longest = history
                    .earlier()
                    .filter(|earlier| earlier.config == config)
                    .filter_map(|earlier| earlier.seq_len)
                    .max()?;
                (longest > own && longest as f64 > original(&config)?).then_some(())?;
                edit::apply(question, &config, Some(longest))
            }),
        },
        Fault {
            name: "d5-stretch-without-its-power",
            class: "D5",
            summary: "the base is multiplied by the stretch itself instead of its power r/(r − 2)",
            signature: "the first pair is right, the last one is not divided by exactly the factor",
            fix: "base = base * stretch ** (r / (r - 2))",
            links: &["turboderp/exllama#126"],
            change: Change::Question(|question, _| {
                let config = question.config();
                let s = number(config, "factor")?;
                let stretch = match word(config, "rope_type")? {
                    "ntk" => Expression::dyadic(s),
                    "ntk_fixed" => Expression::dyadic(s * s - (s - 1.0)),
                    "dynamic" => {
                        let length = seq_len(question)? as f64;
                        (length > original(config)?).then_some(())?;
                        bracket(question, length)?
                    }
                    _ => return None,
                };
                stretched(question, &stretch, (1, 1))
            }),
        },
        Fault {
            name: "d5-frequencies-divided-too",
            class: "D5",
            summary: "the frequencies are divided by the factor on top of the stretched base",
            signature: "the first pair is wrong already",
            fix: "stretch the base and nothing else",
            links: &["turboderp/exllama#126"],
            change: Change::Question(|question, _| {
                let config = question.config();
                ["ntk", "ntk_fixed", "dynamic"]
                    .contains(&word(config, "rope_type")?)
                    .then_some(())?;
                let s = number(config, "factor").filter(|&s| s != 1.0)?;
                edit::frequencies(question, |_, _, theta| theta / Expression::dyadic(s))
            }),
        },
        Fault {
            name: "d6-blend-on-wavelengths",
            class: "D6",
            summary: "the middle band is blended on wavelengths instead of frequencies",
            signature: "only the pairs between the bands are wrong",
            fix: "smooth = (original / wavelen - low_freq_factor) / (high_freq_factor - low_freq_factor)",
            links: &["ml-explore/mlx-examples#907", "keras-team/keras-hub#2132"],
            change: Change::Question(|question, _| {
                bands(question, |theta, wave, parameters| {
                    let share = share(wave, parameters);
                    // λ′ = (1 − share)·λ·factor + share·λ.
                    let long = (Expression::integer(1) - &share) * &parameters[0];
                    around(theta, wave, parameters, &(theta / (long + &share)))
                })
            }),
        },
        Fault {
            name: "d6-no-blend",
            class: "D6",
            summary: "the middle band is divided by the whole factor: there is no blend",
            signature: "only the pairs between the bands are wrong",
            fix: "smooth = (original / wavelen - low_freq_factor) / (high_freq_factor - low_freq_factor); inv_freq = (1 - smooth) * inv_freq / factor + smooth * inv_freq",
            links: &["Lightning-AI/litgpt#1745"],
            change: Change::Question(|question, _| {
                bands(question, |theta, wave, parameters| {
                    let long = theta / &parameters[0];
                    around(theta, wave, parameters, &long)
                })
            }),
        },
        Fault {
            name: "d6-blend-reversed",
            class: "D6",
            summary: "the two sides of the blend are exchanged",
            signature: "only the pairs between the bands are wrong; the spectrum is not monotone",
            fix: "inv_freq = (1 - smooth) * inv_freq / factor + smooth * inv_freq",
            links: &["jmaczan/tiny-vllm#1"],
            change: Change::Question(|question, _| {
                bands(question, |theta, wave, parameters| {
                    let share = share(wave, parameters);
                    let long = theta / &parameters[0];
                    let blend = &share * &long + (Expression::integer(1) - &share) * theta;
                    around(theta, wave, parameters, &blend)
                })
            }),
        },
        Fault {
            name: "d6-bands-exchanged",
            class: "D6",
            summary: "short waves are divided and long ones kept: a comparison has its sides exchanged",
            signature: "both outer bands are wrong from position 1 on",
            fix: "divide where the wavelength is above original/low_freq_factor",
            links: &["trholding/llama2.c#14"],
            change: Change::Question(|question, _| {
                bands(question, |theta, wave, parameters| {
                    let [factor, low, high, original] = parameters;
                    let short = theta / factor;
                    let share = share(wave, parameters);
                    let blend = (Expression::integer(1) - &share) * &short + &share * theta;
                    let rest = (original / low).select_below(wave, theta, &blend);
                    wave.select_below(&(original / high), &short, &rest)
                })
            }),
        },
        Fault {
            name: "d6-long-waves-multiplied",
            class: "D6",
            summary: "frequencies of long waves are multiplied by the factor: code that stores wavelengths was copied",
            signature: "the slow pairs turn too fast by the square of the factor",
            fix: "divide frequencies, or multiply wavelengths",
            links: &["ml-explore/mlx-examples#907"],
            change: Change::Question(|question, _| {
                bands(question, |theta, wave, parameters| {
                    let [factor, low, high, original] = parameters;
                    let long = theta * factor;
                    let share = share(wave, parameters);
                    let blend = (Expression::integer(1) - &share) * &long + &share * theta;
                    let rest = (original / low).select_below(wave, &long, &blend);
                    wave.select_below(&(original / high), theta, &rest)
                })
            }),
        },
        Fault {
            name: "d7-betas-exchanged",
            class: "D7",
            summary: "beta_fast and beta_slow are exchanged",
            signature: "single frequencies are off by up to nine times",
            fix: "beta_fast gives the lower end of the ramp",
            links: &["ggml-org/llama.cpp#17565", "antonellof/ferrox#226"],
            change: Change::Question(|question, _| {
                // The config refuses such betas; with its ends exchanged the ramp is cut at 1 − γ
                // on both sides, as min and max of the libraries leave it: a step down.
                let config = question.config();
                is(config, "yarn")?;
                let (fast, slow) = (number(config, "beta_fast")?, number(config, "beta_slow")?);
                (fast != slow).then_some(())?;
                let count = history::rope(question)?.planes.len();
                let r = (2 * count) as f64;
                let base = number(config, "rope_theta")?.ln();
                let original = number(config, "original_max_position_embeddings")?;
                let end = |turns: f64| {
                    r * (original / (std::f64::consts::TAU * turns)).ln() / (2.0 * base)
                };
                let truncate = config.get("truncate") == Some(&Json::Bool(true));
                let (low, high) = match truncate {
                    true => (end(slow).floor(), end(fast).ceil()),
                    false => (end(slow), end(fast)),
                };
                let (low, high) = (low.max(0.0), high.min(r - 1.0));
                let high = if low == high { high + 0.001 } else { high };
                let factor = number(config, "factor").filter(|&factor| factor != 1.0)?;
                let plain = unscaled(question)?;
                let blend = |(i, theta): (usize, &Expression)| {
                    let share = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
                    theta * Expression::dyadic(share / factor + (1.0 - share))
                };
                let list: Vec<Expression> = plain.iter().enumerate().map(blend).collect();
                respectrum(question, &list)
            }),
        },
        Fault {
            name: "d7-truncate-ignored",
            class: "D7",
            summary: "the ends of the ramp are rounded to whole pairs although truncate is false, or the reverse",
            signature: "single frequencies off by 5 to 76 %, the others right",
            fix: "read truncate; without it the ends are floored and ceiled",
            links: &["panbanda/higgs#142", "antonellof/ferrox#226"],
            change: Change::Config(|config, _, _| {
                is(config, "yarn")?;
                let whole = config.get("truncate") == Some(&Json::Bool(true));
                config.set("truncate", Json::Bool(!whole));
                Some(())
            }),
        },
        Fault {
            name: "d7-ramp-reversed",
            class: "D7",
            summary: "the ramp runs the other way: fast pairs are divided and slow ones kept",
            signature: "the first pair is wrong already",
            fix: "inv_freq = (1 - ramp) * inv_freq + ramp * inv_freq / factor, where ramp grows with the pair",
            links: &["ggml-org/llama.cpp#17565"],
            change: Change::Question(|question, _| ramp(question, |share| 1.0 - share)),
        },
        Fault {
            name: "d7-no-ramp",
            class: "D7",
            summary: "the ramp is a step: whatever is not fully kept is fully divided",
            signature: "only the pairs inside the ramp are wrong",
            fix: "ramp = clip((i - low) / (high - low), 0, 1); inv_freq = (1 - ramp) * inv_freq + ramp * inv_freq / factor",
            links: &["ggml-org/llama.cpp#17565"],
            change: Change::Question(|question, _| ramp(question, f64::ceil)),
        },
        Fault {
            name: "d7-length-in-16-bits",
            class: "D7",
            summary: "the original length is clamped to 16 bits",
            signature: "right up to 32767; a longer original length moves the ramp",
            fix: "read lengths as 64-bit integers",
            links: &["panbanda/higgs#31"],
            change: Change::Config(|config, _, _| {
                let key = "original_max_position_embeddings";
                ["yarn", "ntk_by_parts"].contains(&word(config, "rope_type")?).then_some(())?;
                (number(config, key)? > 32767.0).then_some(())?;
                config.set(key, Json::from(32767i64));
                Some(())
            }),
        },
        Fault {
            name: "d7-original-length-lost",
            class: "D7",
            summary: "the original length is not passed: the stretched length, factor times it, stands in its place",
            signature: "the ramp or the bands lie at other pairs",
            fix: "pass original_max_position_embeddings",
            links: &["ggml-org/llama.cpp#17565", "antonellof/ferrox#226"],
            change: Change::Config(|config, _, _| {
                let key = "original_max_position_embeddings";
                ["yarn", "ntk_by_parts"].contains(&word(config, "rope_type")?).then_some(())?;
                let stretched = number(config, key)? * number(config, "factor")?;
                config.set(key, Json::Real(stretched));
                Some(())
            }),
        },
        Fault {
            name: "d9-short-list-always",
            class: "D9",
            summary: "LongRoPE uses the short list at every length",
            signature: "right up to the original length, wrong beyond it by the ratio of the lists",
            fix: "choose the long list where seq_len is above the original length",
            links: &["ggml-org/llama.cpp#24875", "unslothai/unsloth#10681"],
            change: Change::Config(|config, length, _| {
                is(config, "longrope")?;
                *length = Some(1);
                Some(())
            }),
        },
        Fault {
            name: "d9-long-list-always",
            class: "D9",
            summary: "LongRoPE uses the long list at every length, or chooses by the configured capacity",
            signature: "wrong up to the original length by the ratio of the lists, right beyond it",
            fix: "choose by the current length, not by max_position_embeddings",
            links: &["lablup/mlxcel#1358", "trymirai/lalamo#326"],
            change: Change::Config(|config, length, _| {
                is(config, "longrope")?;
                *length = Some(original(config)? as i64 + 1);
                Some(())
            }),
        },
        Fault {
            name: "d9-switch-one-token-early",
            class: "D9",
            summary: "LongRoPE switches at the original length instead of beyond it: ≥ for >",
            signature: "one length of disagreement",
            fix: "use the long list where seq_len > original_max_position_embeddings",
            links: &["ggml-org/llama.cpp#24875", "lablup/mlxcel#1580"],
            change: Change::Config(|config, length, _| {
                is(config, "longrope")?;
                *length = length.map(|n| n + 1);
                Some(())
            }),
        },
    ]
}
