//! Schemes whose frequencies are one power each.

use super::{Formula, Growth, Keys, powers};
use crate::certificate::text::{integer, parameter};

/// RoFormer, Eq. 15.
pub(super) fn default(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "theta")?;
    (0..pairs).for_each(|i| formula.planes.push(format!("theta {i}")));
    Ok(formula)
}

/// Position Interpolation (Chen et al. 2023): m/s in place of m.
pub(super) fn linear(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "plain")?;
    formula.constant("factor", parameter(keys.number("factor")?));
    formula.define("theta", "i", "plain i / factor");
    (0..pairs).for_each(|i| formula.planes.push(format!("theta {i}")));
    Ok(formula)
}

/// No rotation.
pub(super) fn none(keys: Keys) -> Result<Formula, &'static str> {
    let mut formula = Formula::default();
    (0..keys.dim()? / 2).for_each(|_| formula.planes.push("0".to_string()));
    Ok(formula)
}

/// base · α^(d/(d − 2)) in place of the base, for an α of the definitions.
fn rescaled(keys: Keys, alpha: impl FnOnce(&mut Formula)) -> Result<Formula, &'static str> {
    let mut formula = Formula::default();
    let dim = keys.dim()?;
    formula.constant("base", parameter(keys.number("rope_theta")?));
    formula.constant("dim", dim.to_string());
    formula.constant("factor", parameter(keys.number("factor")?));
    alpha(&mut formula);
    formula.constant("scaled", "base * Rpower alpha (dim / (dim - 2))");
    formula.define("theta", "i", "Rpower scaled (- (2 * i / dim))");
    (0..dim / 2).for_each(|i| formula.planes.push(format!("theta {i}")));
    Ok(formula)
}

/// NTK-aware scaling.
pub(super) fn ntk(keys: Keys) -> Result<Formula, &'static str> {
    rescaled(keys, |formula| formula.constant("alpha", "factor"))
}

/// Transformers: α = s · L/L₀ − (s − 1) with L = max(seq_len, L₀).
pub(super) fn dynamic(keys: Keys) -> Result<Formula, &'static str> {
    let original = match keys.optional("original_max_position_embeddings") {
        Some(original) => original,
        None => keys.number("max_position_embeddings")?,
    };
    let given = keys.seq_len.unwrap_or_default();
    // The larger of two given numbers.
    let length = match given as f64 > original {
        true => integer(given.into()),
        false => parameter(original),
    };
    rescaled(keys, |formula| {
        formula.constant("original", parameter(original));
        formula.constant("length", length);
        formula.constant("alpha", "factor * length / original - (factor - 1)");
    })
}

/// vLLM: the same with L = s · L₀ once and for all.
pub(super) fn ntk_fixed(keys: Keys) -> Result<Formula, &'static str> {
    rescaled(keys, |formula| formula.constant("alpha", "factor * factor - (factor - 1)"))
}

/// Gemma 4: ⌊p·d/2⌋ pairs turn, exponents over the whole head.
pub(super) fn proportional(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "plain")?;
    formula.constant("factor", parameter(keys.number("factor")?));
    formula.define("theta", "i", "plain i / factor");
    // One IEEE product, by contract.
    let turning = (keys.number("partial_rotary_factor")? * (2 * pairs) as f64) as usize / 2;
    for i in 0..pairs {
        formula.planes.push(if i < turning { format!("theta {i}") } else { "0".to_string() });
    }
    Ok(formula)
}

/// LongRoPE (Ding et al. 2024) as Transformers writes it: a divisor per pair.
pub(super) fn longrope(keys: Keys) -> Result<Formula, &'static str> {
    let original = keys.number("original_max_position_embeddings")?;
    let long = keys.seq_len.is_some_and(|length| length as f64 > original);
    let divisors = keys.numbers(if long { "long_factor" } else { "short_factor" })?;
    let (mut formula, pairs) = powers(keys, "plain")?;
    for (i, divisor) in divisors.iter().enumerate().take(pairs) {
        formula.planes.push(format!("(/ ({}) * plain {i})", parameter(*divisor)));
    }
    formula.attention = match keys.optional("attention_factor") {
        Some(given) => attention(given),
        None => {
            let factor = match keys.optional("factor") {
                Some(factor) => parameter(factor),
                None => {
                    let longest = parameter(keys.number("max_position_embeddings")?);
                    format!("({longest}) / original")
                }
            };
            let grows = match keys.optional("factor") {
                Some(factor) => factor > 1.0,
                None => keys.number("max_position_embeddings")? > original,
            };
            grows.then(|| {
                formula.constant("original", parameter(original));
                formula.constant("factor", factor);
                "sqrt (1 + ln factor / ln original)".to_string()
            })
        }
    };
    if let Some(body) = formula.attention.take() {
        formula.constant("attention", body);
        formula.attention = Some("attention".to_string());
    }
    Ok(formula)
}

/// A factor that is given; 1 is left out.
pub(super) fn attention(given: f64) -> Option<String> {
    (given != 1.0).then(|| parameter(given))
}

/// xPos (Sun et al. 2022): ζ_i = (2i + 0.4·d) / (1.4·d).
pub(super) fn xpos(keys: Keys) -> Result<Formula, &'static str> {
    let mut formula = default(keys)?;
    formula.define("zeta", "i", "(2 * i + 4 / 10 * dim) / (14 / 10 * dim)");
    formula.constant("scale_base", parameter(keys.number("scale_base")?));
    let zeta = (0..formula.planes.len()).map(|i| format!("zeta {i}")).collect();
    let origin = parameter(keys.optional("origin").unwrap_or_default());
    formula.growth = Some(Growth { zeta, origin });
    Ok(formula)
}
