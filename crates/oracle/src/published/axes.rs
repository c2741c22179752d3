//! Spectra dealt out to several axes: images and video.

use super::super::SecondError;
use super::super::real::Real;
use super::{Parameters, Spectrum, over};
use crate::radical::Radical;
use rug::Rational;

/// FLUX `EmbedND`: cat of rope(ids[..., i], axes_dim[i], theta) with
/// omega = 1 / theta ** (arange(0, dim, 2) / dim).
pub(super) fn axial(p: Parameters) -> Result<Spectrum, SecondError> {
    let theta = p.number("rope_theta")?;
    let axes_dims = p.config.sizes("axes_dims")?;
    let order = p.config.sizes("axes_order")?;
    // diffusers, `CosmosRotaryPosEmbed`: h_theta = 10000.0 * rope_scale[1] ** (dim / (dim - 2)).
    let scales = match p.config.has("axes_factor") {
        true => p.config.numbers("axes_factor")?,
        false => vec![Rational::from(1); axes_dims.len()],
    };
    let mut spectrum = Spectrum::plain(Vec::new());
    for ((&dim, axis), scale) in axes_dims.iter().zip(order).zip(&scales) {
        let narrower = dim.saturating_sub(2).max(1) as u64;
        for (k, omega) in p.position_frequencies(&theta, dim).enumerate() {
            let exponent = Rational::from(((p.step * k) as u64, narrower));
            let omega = omega.times(&Radical::power(scale, exponent));
            spectrum.frequencies.push(Real::Radical(over(&omega)?));
            spectrum.axes.push(axis);
        }
    }
    // Gemma 4 applies rotate_half to each part of the head.
    if p.config.flag("half_within_axis") {
        spectrum.blocks = axes_dims;
    }
    Ok(spectrum)
}

/// Transformers, `PixtralRotaryEmbedding`: freqs_h = outer(h, freqs[::2]),
/// freqs_w = outer(w, freqs[1::2]), cat([freqs_h, freqs_w]).
pub(super) fn pixtral(p: Parameters) -> Result<Spectrum, SecondError> {
    let base = p.number("rope_theta")?;
    let freqs = p.position_frequencies(&base, p.dim).map(|x| over(&x));
    let freqs = freqs.collect::<Result<Vec<_>, _>>()?;
    let mut spectrum = Spectrum::plain(Vec::new());
    for axis in 0..2 {
        let share = freqs.iter().skip(axis).step_by(2);
        spectrum.axes.extend(share.clone().map(|_| axis));
        spectrum.frequencies.extend(share.cloned().map(Real::Radical));
    }
    Ok(spectrum)
}

/// moonshotai, `Rope2DPosEmb`: freqs = 1 / theta ** (arange(0, dim, 4)[: dim // 4] / dim),
/// cat([x_cis.unsqueeze(-1), y_cis.unsqueeze(-1)], dim=-1).reshape(…).
pub(super) fn moonvit(p: Parameters) -> Result<Spectrum, SecondError> {
    let theta = p.number("rope_theta")?;
    let mut spectrum = Spectrum::plain(Vec::new());
    for omega in p.position_frequencies(&theta, p.dim).step_by(2) {
        let freq = over(&omega)?;
        for axis in [1, 0] {
            spectrum.frequencies.push(Real::Radical(freq.clone()));
            spectrum.axes.push(axis);
        }
    }
    Ok(spectrum)
}

/// The same frequencies for every axis, flattened.
fn flattened(frequencies: Vec<Real>, axes: usize) -> Spectrum {
    let of = (0..axes).flat_map(|axis| vec![axis; frequencies.len()]).collect();
    let all = (0..axes).flat_map(|_| frequencies.iter().cloned()).collect();
    Spectrum { axes: of, ..Spectrum::plain(all) }
}

/// Transformers, `DINOv3ViTRopePositionEmbedding`: inv_freq = 1 / base ** arange(0, 1, 4/head_dim),
/// angles = 2π * patch_coords * inv_freq; for volumes periods = base ** (2 * arange(D // 6) / (D // 3)).
pub(super) fn dinov3(p: Parameters) -> Result<Spectrum, SecondError> {
    let base = p.number("rope_theta")?;
    let two = Radical::from(Rational::from(2));
    let axes = if p.config.has("num_axes") { p.config.size("num_axes")? } else { 2 };
    let share = (p.dim / axes.max(1)).max(1);
    let inv_freq = |k: usize| {
        let exponent = Rational::from(((p.step * k) as u64, share as u64));
        Ok(Real::Pi(two.times(&over(&Radical::power(&base, exponent))?)))
    };
    let frequencies = (0..share / 2).map(inv_freq).collect::<Result<_, SecondError>>()?;
    Ok(flattened(frequencies, axes))
}

/// rotary-embedding-torch, `freqs_for = 'pixel'`: linspace(1, max_freq / 2, dim // 2) * pi for
/// half of the head, linspace as PyTorch computes it: from the start in its first half, from the
/// end in its second.
pub(super) fn pixel(p: Parameters) -> Result<Spectrum, SecondError> {
    let steps = (p.dim / 4) as u64;
    let (start, end) = (Rational::from(1), p.number("max_freq")? / 2u32);
    let step = match steps {
        0 | 1 => Rational::new(),
        _ => Rational::from(&end - &start) / (steps - 1),
    };
    // timm, `pixel_freq_bands`: bands = 2 ** linspace(0, log2(max_freq) - 1, num_bands), times pi.
    if p.config.flag("log_bands") {
        let band = |k: u64| {
            let exponent = Rational::from((k, steps.saturating_sub(1).max(1)));
            Real::Pi(Radical::power(&end, exponent))
        };
        return Ok(flattened((0..steps).map(band).collect(), 2));
    }
    let point = |k: u64| {
        let value = match steps {
            1 => start.clone(),
            _ if k < steps / 2 => Rational::from(&step * k) + &start,
            _ => &end - Rational::from(&step * (steps - 1 - k)),
        };
        Real::Pi(Radical::from(value))
    };
    Ok(flattened((0..steps).map(point).collect(), 2))
}

/// diffusers, `LTX2AudioVideoRotaryPosEmbed`: freqs = theta ** linspace(0, 1, dim // (2 * axes)) * pi / 2,
/// outer with the axes, transposed and flattened, ones and zeros in front up to dim // 2, then
/// reshape(heads, -1).
pub(super) fn ltx(p: Parameters) -> Result<Spectrum, SecondError> {
    let theta = p.number("rope_theta")?;
    let (axes, heads) = (p.config.size("num_axes")?, p.config.size("num_heads")?);
    let dim = p.dim * heads;
    let steps = dim / (p.step * axes);
    let half = Radical::from(Rational::from((1, 2)));
    let mut flat = Vec::new();
    for step in 0..steps {
        let linspace = Rational::from((step as u64, steps.saturating_sub(1).max(1) as u64));
        let freq = Real::Pi(half.times(&Radical::power(&theta, linspace)));
        flat.extend((0..axes).map(|axis| (freq.clone(), axis)));
    }
    let padding = dim / p.step - flat.len();
    let still = std::iter::repeat_n((Real::from(Rational::new()), 0), padding);
    let whole: Vec<_> = still.chain(flat).collect();
    let each = p.dim / 2;
    let (frequencies, axes) =
        whole.into_iter().skip(each * p.config.size("head")?).take(each).unzip();
    Ok(Spectrum { axes, ..Spectrum::plain(frequencies) })
}
