//! LongRoPE as Transformers writes it (`_compute_longrope_parameters`).

use super::super::real::Real;
use super::super::{Ball, Elementary, SecondError};
use super::{Parameters, Spectrum, over};
use crate::radical::Radical;
use rug::ops::Pow;
use rug::{Integer, Rational};

/// inv_freq = 1 / (ext_factors * base ** (arange(0, dim, 2) / dim)), the long factors if
/// seq_len > original_max_position_embeddings.
pub(super) fn longrope(p: Parameters) -> Result<Spectrum, SecondError> {
    let original = p.number("original_max_position_embeddings")?;
    let long = p.seq_len.is_some_and(|seq_len| original < seq_len);
    let ext_factors = p.config.numbers(if long { "long_factor" } else { "short_factor" })?;
    let base = p.number("rope_theta")?;
    let frequencies = p
        .position_frequencies(&base, p.dim)
        .zip(ext_factors)
        .map(|(power, ext)| over(&power.times(&Radical::from(ext))).map(Real::Radical));
    let frequencies = frequencies.collect::<Result<Vec<_>, _>>()?;
    if frequencies.len() != p.dim / 2 {
        return Err(SecondError::Unsupported("a list of another length".into()));
    }
    let attention_factor = match p.config.optional("attention_factor")? {
        Some(given) => Real::from(given),
        None => {
            let factor = match p.config.optional("factor")? {
                Some(factor) => factor,
                None => p.number("max_position_embeddings")? / &original,
            };
            attention_factor(factor, original)
        }
    };
    Ok(Spectrum { attention_factor, ..Spectrum::plain(frequencies) })
}

/// sqrt(1 + ln(factor) / ln(original)) for factor > 1.
fn attention_factor<'a>(factor: Rational, original: Rational) -> Real<'a> {
    let half = Rational::from((1, 2));
    if factor <= 1 {
        return Real::from(Rational::from(1));
    }
    if let Some(quotient) = quotient_of_logarithms(&factor, &original) {
        return Real::Radical(Radical::power(&(quotient + 1u32), half));
    }
    Real::open(None, move |f: &Elementary, bits: u32| {
        let ln = |x: &Rational| f.ln(&Ball::rational(x, bits));
        let quotient = ln(&factor)?.checked_div(&ln(&original)?)?;
        (quotient + Ball::integer(1, bits)).sqrt()
    })
}

/// Powers of f64 parameters: |u|, |v| in factor^v = original^u are at most the lengths of the two.
const LARGEST_DENOMINATOR: u32 = 1 << 13;

/// ln a / ln b if it is rational, for a, b > 1.
///
/// If a^v = b^u in lowest terms then a and b are powers c^u, c^v of one rational, so u and v are
/// bounded by the lengths of a and b. A ball of the quotient that is far narrower than
/// 1/v² leaves one candidate, the convergent of its continued fraction, which integers then try.
fn quotient_of_logarithms(a: &Rational, b: &Rational) -> Option<Rational> {
    let bits = 256;
    let f = Elementary::TRUE;
    let ln = |x: &Rational| f.ln(&Ball::rational(x, bits));
    let quotient = ln(a)?.checked_div(&ln(b)?)?;
    // The nearest multiple of 2^−128, far coarser than the ball; a quotient with a short binary
    // expansion is in the middle of what rounds to it.
    let half = Ball::dyadic(false, 1, -1, bits);
    let mut numerator = (quotient.clone().scaled(128) + half).floor()?;
    let mut denominator: Integer = Integer::from(1) << 128;
    // Convergents h/k.
    let (mut h, mut k) = (Integer::from(1), Integer::from(0));
    let (mut last_h, mut last_k) = (Integer::from(0), Integer::from(1));
    while !denominator.is_zero() && k < LARGEST_DENOMINATOR {
        let (digit, rest) = numerator.div_rem_floor(denominator.clone());
        (numerator, denominator) = (denominator, rest);
        let next_h = Integer::from(&digit * &h) + &last_h;
        let next_k = digit * &k + &last_k;
        (last_h, last_k) = (std::mem::replace(&mut h, next_h), std::mem::replace(&mut k, next_k));
        let (Some(u), Some(v)) = (h.to_u32(), k.to_u32()) else { break };
        let near = Rational::from((u, v.max(1)));
        let distance = quotient.clone() - Ball::rational(&near, bits);
        // Only a convergent that agrees to 100 bits is worth the powers.
        let close = distance.scaled(100).floor().is_none_or(|n| n == 0 || n == -1);
        if u > 0 && v > 0 && close && a.clone().pow(v) == b.clone().pow(u) {
            return Some(near);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rational_quotients() {
        let of = |a, b| quotient_of_logarithms(&Rational::from(a), &Rational::from(b));
        assert_eq!(of(32, 4096), Some(Rational::from((5, 12))));
        assert_eq!(of(4096, 32), Some(Rational::from((12, 5))));
        assert_eq!(of(6, 6), Some(Rational::from(1)));
        assert_eq!(of(216, 6), Some(Rational::from(3)));
        assert_eq!(of(6, 4096), None);
        assert_eq!(of(31, 32), None);
        let (a, b) = (Rational::from((27, 8)), Rational::from((9, 4)));
        assert_eq!(quotient_of_logarithms(&a, &b), Some(Rational::from((3, 2))));
        let far = (Rational::from(2).pow(1023), Rational::from(2).pow(1021));
        assert_eq!(quotient_of_logarithms(&far.0, &far.1), Some(Rational::from((1023, 1021))));
    }
}
