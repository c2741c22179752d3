//! The statements about ALiBi, sinusoids and attention temperatures.

use super::formula::Formula;
use super::text::{integer, parameter, position, position_bits};
use super::{Real, Sheet};
use ropewalk::encoding::{Alibi, AlibiBias, SinusoidalRows, Slopes, TemperatureRows, Wave};
use ropewalk::request::Json;

type Stated = Result<Formula, &'static str>;

/// A slope as a power of two.
///
/// Press et al. 2021: 2^(−8(h + 1)/n) for a power of two, else every second slope of the next one
/// behind those of the one before; `docs/proofs/Slopes.v` proves that these are the released lists.
fn slope(alibi: &Alibi, head: usize) -> String {
    let heads = alibi.num_heads;
    let lower = 1usize << heads.max(1).ilog2();
    let (step, of) = match alibi.slopes {
        Slopes::Paper => (head + 1, heads),
        Slopes::Code if head < lower => (head + 1, lower),
        Slopes::Code => (2 * (head - lower) + 1, 2 * lower),
    };
    format!("Rpower 2 ({} * {step} / {of})", integer((-alibi.bias_max).into()))
}

/// A slope times a distance, over √head_dim where that is given.
pub(super) fn bias(alibi: &Alibi, head: usize, distance: i128) -> String {
    let product = format!("{} * {}", slope(alibi, head), integer(distance));
    match alibi.head_dim {
        Some(dim) => format!("{product} / sqrt {dim}"),
        None => product,
    }
}

pub(super) fn alibi_slopes(alibi: &Alibi, sheet: &mut Sheet) -> Stated {
    for head in 0..alibi.num_heads {
        sheet.element("slopes", head, || {
            Ok(Real { text: slope(alibi, head), size: i32::MIN, turns: 10 })
        });
    }
    Ok(Formula::default())
}

pub(super) fn alibi_bias(a: &AlibiBias, sheet: &mut Sheet) -> Stated {
    let last = a.key_positions.iter().copied().max();
    let mut index = 0;
    for head in 0..a.alibi.num_heads {
        for &query in &a.query_positions {
            for &key in &a.key_positions {
                sheet.element("bias", index, || {
                    let distance = a.alibi.distance(query, key, last.unwrap_or(key));
                    Ok(Real { text: bias(&a.alibi, head, distance), size: i32::MIN, turns: 10 })
                });
                index += 1;
            }
        }
    }
    Ok(Formula::default())
}

/// Vaswani et al. 2017, §3.5: sin and cos of pos / base^(k/half).
pub(super) fn sinusoidal(s: &SinusoidalRows, sheet: &mut Sheet) -> Stated {
    let mut formula = Formula::default();
    let config = &s.sinusoidal.config;
    let base = config.get("base").and_then(Json::number).unwrap_or(10000.0);
    let half = s.sinusoidal.dim / 2;
    let minus_one = config.get("divisor") == Some(&Json::from("half_minus_one"));
    let key = |name: &str| config.get(name).and_then(Json::number);
    let divisor = if minus_one { half.saturating_sub(1) } else { half };
    let bounds = (key("min_period"), key("max_period"), key("min_timescale"));
    if bounds.0.is_none() {
        formula.constant("base", parameter(base));
    }
    formula.constant("divisor", divisor.to_string());
    match bounds {
        // openpi: 2π over a geometric progression of periods.
        (Some(shortest), Some(longest), _) => {
            formula.constant("shortest", parameter(shortest));
            formula.constant("longest", parameter(longest));
            let period = "shortest * Rpower (longest / shortest) (k / divisor)";
            formula.define("theta", "k", format!("2 * PI / ({period})"));
        }
        // tensor2tensor: the smallest timescale multiplies.
        (_, _, Some(first)) => {
            formula.constant("first", parameter(first));
            formula.define("theta", "k", "first * Rpower (base / first) (- (k / divisor))");
        }
        _ => formula.define("theta", "k", "/ Rpower base (k / divisor)"),
    }
    for (row, &at) in s.positions.iter().enumerate() {
        for column in 0..s.sinusoidal.dim {
            sheet.element("embedding", row * s.sinusoidal.dim + column, || {
                let (function, k) = match s.sinusoidal.wave(column) {
                    Wave::Sin(k) => ("sin", k),
                    Wave::Cos(k) => ("cos", k),
                    Wave::Zero => {
                        let text = "0".to_string();
                        return Ok(Real { text, ..Real::default() });
                    }
                };
                let angle = match at.numerator {
                    0 => "0".to_string(),
                    _ => format!("{} * theta {k}", position(at)),
                };
                Ok(Real {
                    text: format!("{function} ({angle})"),
                    size: 1,
                    turns: position_bits(at) + 4,
                })
            });
        }
    }
    Ok(formula)
}

/// Llama 4: 1 + attn_scale · ln(1 + ⌊(p + offset) / floor_scale⌋).
pub(super) fn temperature(t: &TemperatureRows, sheet: &mut Sheet) -> Stated {
    let config = &t.temperature;
    for (index, at) in t.positions.iter().enumerate() {
        sheet.element("scale", index, || {
            let shifted = i128::from(at.numerator) + i128::from(config.offset);
            let steps = shifted.div_euclid(config.floor_scale.into());
            let scale = parameter(config.attn_scale);
            // ln 1 is 0 exactly, which an enclosure need not show.
            let text = match steps {
                0 => format!("1 + {scale} * 0"),
                _ => format!("1 + {scale} * ln (1 + {})", integer(steps)),
            };
            Ok(Real { text, size: 8, turns: 10 })
        });
    }
    Ok(Formula::default())
}
