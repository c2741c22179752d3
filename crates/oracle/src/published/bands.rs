//! Blends by the number of turns in the original window.

use super::super::real::{Real, raise};
use super::super::{Ball, Elementary, SecondError, pi};
use super::{Parameters, Spectrum, over};
use crate::radical::Radical;
use rug::Rational;
use std::cmp::Ordering;

/// Llama 3.1 as flashinfer computes it: smooth = clamp(freq · a + c, 0, 1) with
/// a = L₀ / (2π · high − 2π · low), c = −low / (high − low), and
/// freq = (1 − smooth) · freq / scale + smooth · freq.
///
/// freq · a + c reaches 0 where freq · L₀ is 2π · low, and 1 where it is 2π · high; said like that
/// it is right for low = high too.
pub(super) fn llama3(p: Parameters) -> Result<Spectrum, SecondError> {
    by_turns(p, "low_freq_factor", "high_freq_factor")
}

/// YaRN (Peng et al. 2023), Definition 1: γ(r) for r = L₀ / λ, h(θ) = (1 − γ) θ/s + γ θ.
pub(super) fn ntk_by_parts(p: Parameters) -> Result<Spectrum, SecondError> {
    let spectrum = by_turns(p, "beta_slow", "beta_fast")?;
    Ok(Spectrum { attention_factor: Real::from(p.number("attention_factor")?), ..spectrum })
}

fn by_turns<'a>(p: Parameters<'a>, low: &str, high: &str) -> Result<Spectrum<'a>, SecondError> {
    let [base, scale, original, low, high] =
        ["rope_theta", "factor", "original_max_position_embeddings", low, high]
            .map(|key| p.number(key));
    let (base, scale, original, low, high) = (base?, scale?, original?, low?, high?);
    let blended = |x: Radical| {
        let freq = over(&x)?;
        let length = freq.times(&Radical::from(original.clone()));
        // The sign of freq · L₀ − 2π · turns, which is never 0.
        let against = |turns: &Rational| {
            let functions = Elementary::TRUE;
            raise(128, "inv_freq", |bits| {
                let bound = pi(bits) * Ball::rational(&Rational::from(turns * 2), bits);
                length.ball(&functions, bits)?.compare(&bound)
            })
        };
        // With scale 1 both terms are parts of freq, which enclosures would never show.
        if scale == 1 || against(&high)? != Ordering::Less {
            return Ok(Real::Radical(freq));
        }
        let divided = freq.times(&Radical::from(scale.clone().recip()));
        if against(&low)? != Ordering::Greater {
            return Ok(Real::Radical(divided));
        }
        let (low, spread) = (low.clone(), Rational::from(&high - &low));
        let of = Some(freq.clone());
        let formula = move |functions: &Elementary, bits: u32| {
            let two_pi = pi(bits).scaled(1);
            let turns = length.ball(functions, bits)?.checked_div(&two_pi)?;
            let smooth =
                (turns - Ball::rational(&low, bits)).checked_div(&Ball::rational(&spread, bits))?;
            let rest = Ball::integer(1, bits) - &smooth;
            Some(rest * divided.ball(functions, bits)? + smooth * freq.ball(functions, bits)?)
        };
        Ok(Real::open(of, formula))
    };
    let frequencies = p.position_frequencies(&base, p.dim).map(blended);
    Ok(Spectrum::plain(frequencies.collect::<Result<_, SecondError>>()?))
}
