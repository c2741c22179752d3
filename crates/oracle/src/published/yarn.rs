//! YaRN as Transformers writes it (`_compute_yarn_parameters`).

use super::super::real::{Real, raise};
use super::super::{Ball, Elementary, SecondError, pi};
use super::{Parameters, Spectrum, over};
use crate::radical::Radical;
use rug::{Integer, Rational};
use std::cmp::Ordering;
use std::rc::Rc;

/// An end of the correction range.
#[derive(Clone)]
enum End {
    /// Floored, ceiled or clamped.
    Whole(Rational),
    /// The dimension with this many rotations.
    Dimension(Rational),
}

/// The parameters of find_correction_dim.
struct Correction {
    dim: Rational,
    base: Rational,
    original: Rational,
}

impl Correction {
    /// find_correction_dim: (dim * ln(max_position_embeddings / (num_rotations * 2π))) / (2 ln base).
    fn dimension(&self, rotations: &Rational, f: &Elementary, bits: u32) -> Option<Ball> {
        let circle = pi(bits).scaled(1) * Ball::rational(rotations, bits);
        let length = Ball::rational(&self.original, bits).checked_div(&circle)?;
        let base = f.ln(&Ball::rational(&self.base, bits))?.scaled(1);
        (Ball::rational(&self.dim, bits) * f.ln(&length)?).checked_div(&base)
    }

    fn ball(&self, end: &End, f: &Elementary, bits: u32) -> Option<Ball> {
        match end {
            End::Whole(n) => Some(Ball::rational(n, bits)),
            End::Dimension(rotations) => self.dimension(rotations, f, bits),
        }
    }

    /// The order of two ends. Dimensions are functions of the rotations, and never rational: that
    /// would make π algebraic.
    fn order(&self, a: &End, b: &End) -> Result<Ordering, SecondError> {
        match (a, b) {
            (End::Whole(a), End::Whole(b)) => Ok(a.cmp(b)),
            (End::Dimension(a), End::Dimension(b)) if a == b => Ok(Ordering::Equal),
            _ => raise(128, "inv_freq", |bits| {
                let ball = |end| self.ball(end, &Elementary::TRUE, bits);
                ball(a)?.compare(&ball(b)?)
            }),
        }
    }

    fn floor(&self, rotations: &Rational, negated: bool) -> Result<Integer, SecondError> {
        raise(128, "inv_freq", |bits| {
            let x = self.dimension(rotations, &Elementary::TRUE, bits)?;
            if negated { (-x).floor() } else { x.floor() }
        })
    }

    /// find_correction_range, with max(low, 0), min(high, dim − 1), and the singularity of equal
    /// ends prevented by 0.001.
    fn range(
        &self,
        beta_fast: Rational,
        beta_slow: Rational,
        truncate: bool,
    ) -> Result<(End, End), SecondError> {
        let (low, high) = match truncate {
            true => {
                let low = self.floor(&beta_fast, false)?;
                let high = -self.floor(&beta_slow, true)?;
                (End::Whole(low.into()), End::Whole(high.into()))
            }
            false => (End::Dimension(beta_fast), End::Dimension(beta_slow)),
        };
        let first = End::Whole(Rational::new());
        let last = End::Whole(Rational::from(&self.dim - 1u32));
        let low = if self.order(&low, &first)?.is_lt() { first } else { low };
        let high = if self.order(&high, &last)?.is_gt() { last } else { high };
        Ok((low, high))
    }
}

/// inv_freq = interpolation * (1 − factor) + extrapolation * factor with
/// interpolation = 1 / (scaling_factor * pos_freqs), extrapolation = 1 / pos_freqs and
/// factor = 1 − linear_ramp_factor(low, high, dim // 2).
pub(super) fn yarn(p: Parameters) -> Result<Spectrum, SecondError> {
    let scaling = p.number("factor")?;
    let correction = Rc::new(Correction {
        dim: Rational::from(p.dim as u64),
        base: p.number("rope_theta")?,
        original: p.number("original_max_position_embeddings")?,
    });
    let truncate = p.config.flag("truncate");
    let (low, high) = correction.range(p.number("beta_fast")?, p.number("beta_slow")?, truncate)?;
    // What is added to high where both are equal.
    let apart = match correction.order(&low, &high)? {
        Ordering::Equal => Rational::from((1, 1000)),
        _ => Rational::new(),
    };
    let frequency = |(i, pos_freq): (usize, Radical)| {
        let extrapolation = over(&pos_freq)?;
        let interpolation = over(&pos_freq.times(&Radical::from(scaling.clone())))?;
        let blend = |ramp: Rational| {
            let factor = Rational::from(1) - ramp;
            let kept = extrapolation.times(&Radical::from(factor.clone()));
            let divided = interpolation.times(&Radical::from(Rational::from(1) - factor));
            divided.plus(&kept).map(Real::Radical)
        };
        if scaling == 1 {
            // Interpolation is extrapolation, which enclosures would never show.
            return Ok(Real::Radical(extrapolation));
        }
        match ramp(&correction, &low, &high, &apart, i)? {
            Ramp::Rational(ramp) => blend(ramp)
                .ok_or_else(|| SecondError::Unsupported("a blend of unlike powers".into())),
            Ramp::Open => {
                let (correction, low, high) = (correction.clone(), low.clone(), high.clone());
                let apart = apart.clone();
                let i = Rational::from(i as u64);
                let formula = move |f: &Elementary, bits: u32| {
                    let low = correction.ball(&low, f, bits)?;
                    let high = correction.ball(&high, f, bits)? + Ball::rational(&apart, bits);
                    let ramp = (Ball::rational(&i, bits) - &low).checked_div(&(high - low))?;
                    let factor = Ball::integer(1, bits) - ramp;
                    let interpolated = interpolation.ball(f, bits)?;
                    let rest = Ball::integer(1, bits) - &factor;
                    Some(interpolated * rest + extrapolation.ball(f, bits)? * factor)
                };
                Ok(Real::open(None, formula))
            }
        }
    };
    let base = p.number("rope_theta")?;
    let frequencies = p.position_frequencies(&base, p.dim).enumerate().map(frequency);
    let frequencies = frequencies.collect::<Result<Vec<_>, SecondError>>()?;
    let (attention_factor, softmax_factor) = factors(p)?;
    Ok(Spectrum { attention_factor, softmax_factor, ..Spectrum::plain(frequencies) })
}

enum Ramp {
    Rational(Rational),
    Open,
}

/// linear_ramp_factor: clamp((i − low) / (high − low), 0, 1).
fn ramp(
    correction: &Correction,
    low: &End,
    high: &End,
    apart: &Rational,
    i: usize,
) -> Result<Ramp, SecondError> {
    let i = Rational::from(i as u64);
    if let (End::Whole(low), End::Whole(high)) = (low, high) {
        let high = Rational::from(high + apart);
        let share = Rational::from(&i - low) / (high - low);
        return Ok(Ramp::Rational(share.clamp(&Rational::new(), &Rational::from(1))));
    }
    // The ends are unequal, or high is the greater one by 0.001.
    let rising = apart.is_positive() || correction.order(low, high)?.is_lt();
    let place = End::Whole(i.clone());
    let from_low = correction.order(&place, low)?;
    let past = |side: Ordering| if rising { side.is_ge() } else { side.is_le() };
    if !past(from_low) || from_low.is_eq() {
        return Ok(Ramp::Rational(Rational::new()));
    }
    // (i − low)/(high − low) ≥ 1 where i is at or beyond high.
    let from_high = correction.order(&End::Whole(i - apart), high)?;
    Ok(if past(from_high) { Ramp::Rational(Rational::from(1)) } else { Ramp::Open })
}

/// get_mscale: 0.1 * mscale * ln(scale) + 1, and 1 for scale ≤ 1.
fn get_mscale<'a>(scale: &Rational, mscale: Rational) -> Real<'a> {
    if *scale <= 1 {
        return Real::from(Rational::from(1));
    }
    let (scale, weight) = (scale.clone(), mscale / 10u32);
    Real::open(None, move |f: &Elementary, bits: u32| {
        let log = f.ln(&Ball::rational(&scale, bits))?;
        Some(Ball::rational(&weight, bits) * log + Ball::integer(1, bits))
    })
}

/// attention_factor and DeepSeek's factor of the softmax scale.
fn factors(p: Parameters) -> Result<(Real, Real), SecondError> {
    let scale = p.number("factor")?;
    let truthy = |key: &str| Ok(p.config.optional(key)?.filter(|x| !x.is_zero()));
    let (mscale, all_dim) = (truthy("mscale")?, truthy("mscale_all_dim")?);
    let attention = match (p.config.optional("attention_factor")?, mscale, &all_dim) {
        (Some(given), ..) => Real::from(given),
        (None, Some(mscale), Some(all_dim)) if mscale == *all_dim => Real::from(Rational::from(1)),
        (None, Some(mscale), Some(all_dim)) if scale > 1 => {
            let (upper, lower) =
                (get_mscale(&scale, mscale.clone()), get_mscale(&scale, all_dim.clone()));
            Real::open(None, move |f: &Elementary, bits: u32| {
                upper.ball(f, bits)?.checked_div(&lower.ball(f, bits)?)
            })
        }
        _ => get_mscale(&scale, Rational::from(1)),
    };
    // softmax_scale = softmax_scale * mscale * mscale.
    let softmax = match all_dim {
        Some(all_dim) if scale > 1 => {
            let mscale = get_mscale(&scale, all_dim.clone());
            Real::open(None, move |f: &Elementary, bits: u32| {
                let mscale = mscale.ball(f, bits)?;
                Some(&mscale * &mscale)
            })
        }
        _ => Real::from(Rational::from(1)),
    };
    Ok((attention, softmax))
}
