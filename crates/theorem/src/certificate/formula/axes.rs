//! Spectra dealt out to several axes.

use super::super::text::parameter;
use super::{Formula, Keys, powers};

/// FLUX: base^(−2k/d) for each axis of width d.
pub(super) fn axial(keys: Keys) -> Result<Formula, &'static str> {
    let mut formula = Formula::default();
    formula.constant("base", parameter(keys.number("rope_theta")?));
    formula.define("theta", "d k", "Rpower base (- (2 * k / d))");
    let scales = keys.numbers("axes_factor").ok();
    if scales.is_some() {
        let base = "(base * Rpower s (d / (d - 2)))";
        formula.define("stretched", "d s k", format!("Rpower {base} (- (2 * k / d))"));
    }
    for (block, dim) in keys.numbers("axes_dims")?.into_iter().enumerate() {
        let dim = dim as usize;
        let scale = scales.as_ref().and_then(|scales| scales.get(block));
        (0..dim / 2).for_each(|k| {
            formula.planes.push(match scale {
                Some(&s) => format!("stretched {dim} {} {k}", parameter(s)),
                None => format!("theta {dim} {k}"),
            })
        });
    }
    Ok(formula)
}

/// Pixtral: one spectrum, even indices for rows and odd ones for columns.
pub(super) fn pixtral(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "theta")?;
    let order = (0..pairs).step_by(2).chain((1..pairs).step_by(2));
    order.for_each(|i| formula.planes.push(format!("theta {i}")));
    Ok(formula)
}

/// MoonViT: base^(−4j/d) for a column and then for a row.
pub(super) fn moonvit(keys: Keys) -> Result<Formula, &'static str> {
    let (mut formula, pairs) = powers(keys, "theta")?;
    (0..pairs).for_each(|i| formula.planes.push(format!("theta {}", i / 2 * 2)));
    Ok(formula)
}

/// DINOv3: 2π · base^(−2nk/d) for each of n axes, which for images are rows and columns.
pub(super) fn dinov3(keys: Keys) -> Result<Formula, &'static str> {
    let mut formula = Formula::default();
    let dim = keys.dim()?;
    formula.constant("base", parameter(keys.number("rope_theta")?));
    formula.constant("dim", dim.to_string());
    let axes = keys.optional("num_axes").unwrap_or(2.0) as usize;
    let theta = format!("2 * PI * Rpower base (- ({} * k / dim))", 2 * axes);
    formula.define("theta", "k", theta);
    let each = (dim / 2 / axes).max(1);
    (0..dim / 2).for_each(|i| formula.planes.push(format!("theta {}", i % each)));
    Ok(formula)
}

/// rotary-embedding-torch, `freqs_for = 'pixel'`: π · linspace(1, max_freq/2, n) on both axes.
pub(super) fn pixel(keys: Keys) -> Result<Formula, &'static str> {
    let mut formula = Formula::default();
    let steps = keys.dim()? / 4;
    formula.constant("max_freq", parameter(keys.number("max_freq")?));
    match steps {
        1 => formula.define("theta", "k", "PI * 1"),
        n if keys.flag("log_bands") => {
            formula.define("theta", "k", format!("PI * Rpower (max_freq / 2) (k / ({n} - 1))"))
        }
        n => {
            formula.define("theta", "k", format!("PI * (1 + k * ((max_freq / 2 - 1) / ({n} - 1)))"))
        }
    }
    (0..2 * steps).for_each(|i| formula.planes.push(format!("theta {}", i % steps)));
    Ok(formula)
}

/// LTX: π/2 · base^(k/(n − 1)), k counted over all heads, each on every axis before the next.
pub(super) fn ltx(keys: Keys) -> Result<Formula, &'static str> {
    let mut formula = Formula::default();
    let pairs = keys.dim()? / 2;
    let integer = |key| keys.number(key).map(|n| n as usize);
    let (axes, heads, head) = (integer("num_axes")?, integer("num_heads")?, integer("head")?);
    let (steps, still) = (pairs * heads / axes, pairs * heads % axes);
    formula.constant("base", parameter(keys.number("rope_theta")?));
    match steps {
        1 => formula.define("theta", "k", "PI / 2"),
        n => formula.define("theta", "k", format!("PI / 2 * Rpower base (k / ({n} - 1))")),
    }
    for number in head * pairs..(head + 1) * pairs {
        formula.planes.push(match number < still {
            true => "0".to_string(),
            false => format!("theta {}", (number - still) / axes),
        });
    }
    Ok(formula)
}
