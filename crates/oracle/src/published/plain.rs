//! One power per pair.

use super::super::read::Config;
use super::super::real::Real;
use super::super::{SecondError, Target};
use super::{Parameters, Spectrum, over};
use crate::radical::Radical;
use rug::Rational;

/// 1 / x for each.
fn inverted<'a>(frequencies: impl Iterator<Item = Radical>) -> Result<Vec<Real<'a>>, SecondError> {
    frequencies.map(|x| over(&x).map(Real::Radical)).collect()
}

/// Transformers, `compute_default_rope_parameters`: 1 / (base ** (arange(0, dim, 2) / dim)).
pub(super) fn default(p: Parameters) -> Result<Spectrum, SecondError> {
    let base = p.number("rope_theta")?;
    Ok(Spectrum::plain(inverted(p.position_frequencies(&base, p.dim))?))
}

/// vLLM, `LinearScalingRotaryEmbedding`: t = t / scaling_factor, the frequencies as they are.
pub(super) fn linear(p: Parameters) -> Result<Spectrum, SecondError> {
    Ok(Spectrum { position_divisor: p.number("factor")?, ..default(p)? })
}

/// Layers without position encoding.
pub(super) fn none(p: Parameters) -> Result<Spectrum, SecondError> {
    Ok(Spectrum::plain(vec![Real::from(Rational::new()); p.dim / 2]))
}

/// base * alpha ** (dim / (dim − 2)) in place of the base.
fn rescaled<'a>(p: Parameters<'a>, alpha: &Rational) -> Result<Spectrum<'a>, SecondError> {
    let base = p.number("rope_theta")?;
    let exponent = Rational::from((p.dim as u64, (p.dim as u64).saturating_sub(2).max(1)));
    let base = Radical::from(base).times(&Radical::power(alpha, exponent));
    let power = |i: usize| {
        let exponent = Rational::from(((p.step * i) as u64, p.dim as u64));
        over(&base.raised(&exponent)).map(Real::Radical)
    };
    Ok(Spectrum::plain((0..p.dim / 2).map(power).collect::<Result<_, _>>()?))
}

/// yarn repository, `LlamaNTKScaledRotaryEmbedding`; vLLM's `dynamic` with `alpha`.
pub(super) fn ntk(p: Parameters) -> Result<Spectrum, SecondError> {
    let alpha = p.number("factor")?;
    rescaled(p, &alpha)
}

/// Transformers, `_compute_dynamic_ntk_parameters`:
/// (factor * seq_len / max_position_embeddings) − (factor − 1) with
/// seq_len = max(seq_len, max_position_embeddings).
pub(super) fn dynamic(p: Parameters) -> Result<Spectrum, SecondError> {
    let factor = p.number("factor")?;
    let original = match p.config.optional("original_max_position_embeddings")? {
        Some(original) => original,
        None => p.number("max_position_embeddings")?,
    };
    let seq_len = Rational::from(p.seq_len.unwrap_or_default());
    let seq_len = if seq_len > original { seq_len } else { original.clone() };
    let alpha = Rational::from(&factor * &seq_len) / original - (factor - 1u32);
    rescaled(p, &alpha)
}

/// vLLM, `DynamicNTKScalingRotaryEmbedding`, whose length is max_position_embeddings *
/// scaling_factor once and for all.
pub(super) fn ntk_fixed(p: Parameters) -> Result<Spectrum, SecondError> {
    let factor = p.number("factor")?;
    // (factor * L) / L₀ − (factor − 1) with L = factor * L₀.
    let alpha = factor.clone().square() - (factor - 1u32);
    rescaled(p, &alpha)
}

/// Transformers, `_compute_proportional_rope_parameters`: rope_angles = int(rope_proportion *
/// head_dim // 2), and zeros for the other pairs of the head.
pub(super) fn proportional(p: Parameters) -> Result<Spectrum, SecondError> {
    let turning = rounded_product(p.config, "partial_rotary_factor", p.dim)? / 2;
    let mut spectrum = default(p)?;
    for (i, frequency) in spectrum.frequencies.iter_mut().enumerate() {
        if i >= turning {
            *frequency = Real::from(Rational::new());
        }
    }
    spectrum.position_divisor = p.number("factor")?;
    Ok(spectrum)
}

/// ⌊RN64(share · count)⌋, the product that is meant to be an IEEE one.
fn rounded_product(config: Config, key: &str, count: usize) -> Result<usize, SecondError> {
    let product = config.number(key)? * Rational::from(count as u64);
    let rounded = Target::F64.finite(Target::F64.encode_rational(&product));
    rounded
        .and_then(|x| x.rational().floor().numer().to_usize())
        .ok_or_else(|| SecondError::Unsupported(format!("{key} of that size")))
}

/// torchscale and flash-attention: scale = (arange(0, dim, 2) + 0.4 dim) / (1.4 dim), q times
/// scale ** ((t − origin) / scale_base), k over it.
pub(super) fn xpos(p: Parameters) -> Result<Spectrum, SecondError> {
    let dim = Rational::from(p.dim as u64);
    let gamma = Rational::from((2, 5));
    let scale = |i: usize| {
        let numerator = Rational::from(2 * i as u64) + Rational::from(&gamma * &dim);
        numerator / (Rational::from(&gamma + 1u32) * &dim)
    };
    Ok(Spectrum {
        growth: (0..p.dim / 2).map(scale).collect(),
        scale_base: p.number("scale_base")?,
        origin: p.number("origin")?,
        ..default(p)?
    })
}
