//! Inputs made so that the exact result lies next to the middle between two numbers, or next to
//! zero. They separate correct rounding from *nearly* correct rounding.
//!
//! cos φ and sin φ come from MPFR at 512 bits, correctly rounded, so the inputs are the same on
//! every machine.

use super::values::{Random, nearest};
use crate::encoding::Expression;
use crate::exact::{Intervals, Ratio};
use crate::number::{Dtype, Format};
use rug::{Float, Rational};

/// Enough for a position of 53 bits, a result of 53 bits and a distance of 2⁻¹⁵⁰.
const PRECISION: u32 = 512;

/// How many candidates a search looks at; the best is about that many times nearer to a tie.
const CANDIDATES: usize = 64;

/// cos φ and sin φ for φ = position · base^(−2·index/width), to about 500 bits.
#[derive(Clone, Debug)]
pub struct Phase {
    cos: Float,
    sin: Float,
}

impl Phase {
    /// None if the base is not positive.
    pub fn new(base: f64, index: usize, width: usize, position: i64) -> Option<Phase> {
        let theta = Expression::dyadic(base).power(-2 * index as i64, width as i64);
        let theta = theta.evaluate(&Intervals { precision: PRECISION })?;
        let angle = Float::with_val(PRECISION, theta.lo() * position);
        let (sin, cos) = angle.sin_cos(Float::new(PRECISION));
        Some(Phase { cos, sin })
    }

    /// cos φ and sin φ.
    pub fn parts(&self) -> [Float; 2] {
        [self.cos.clone(), self.sin.clone()]
    }

    /// x cos φ − y sin φ.
    fn turn(&self, x: &Float, y: &Float) -> Float {
        Float::with_val(PRECISION, x * &self.cos) - Float::with_val(PRECISION, y * &self.sin)
    }

    /// (x, y) of the input's format, such that x cos φ − y sin φ is nearer than about
    /// 2^(precision(to) − precision(from) − 6) ulp to a tie of the wider-to-narrower rounding:
    /// x = RN((midpoint + y sin φ)/cos φ), the best of some candidates.
    pub fn wide_input(&self, from: Dtype, to: Dtype, words: &str) -> Option<(u64, u64)> {
        self.search(from, to, words, |random, middle| {
            let y = float(from, nearest(from, random.mixed()))?;
            let sum = Float::with_val(PRECISION, &y * &self.sin) + middle;
            let x = round(from, &(sum / &self.cos))?;
            Some((x, round(from, &y)?))
        })
    }

    /// (x, y) of the output's own format: x = RN(midpoint/cos φ) is half an ulp off or less, and a
    /// small y = RN((x cos φ − midpoint)/sin φ) makes up for it to 2^(−precision − 6) ulp.
    pub fn two_terms(&self, dtype: Dtype, words: &str) -> Option<(u64, u64)> {
        self.search(dtype, dtype, words, |_, middle| {
            let x = round(dtype, &Float::with_val(PRECISION, middle / &self.cos))?;
            let rest = Float::with_val(PRECISION, &float(dtype, x)? * &self.cos) - middle;
            Some((x, round(dtype, &(rest / &self.sin))?))
        })
    }

    /// (x, y) with x cos φ − y sin φ ≈ 0: y = RN(x cos φ / sin φ).
    pub fn cancelling(&self, dtype: Dtype, words: &str) -> Option<(u64, u64)> {
        let x = nearest(dtype, Random::new(words).mixed());
        let product = Float::with_val(PRECISION, &float(dtype, x)? * &self.cos);
        Some((x, round(dtype, &(product / &self.sin))?))
    }

    fn search(
        &self,
        from: Dtype,
        to: Dtype,
        words: &str,
        candidate: impl Fn(&mut Random, &Float) -> Option<(u64, u64)>,
    ) -> Option<(u64, u64)> {
        let mut random = Random::new(words);
        let mut best: Option<(Float, (u64, u64))> = None;
        for _ in 0..CANDIDATES {
            let middle = midpoint_above(to.format()?, nearest(to, random.mixed()));
            let Some((x, y)) = candidate(&mut random, &middle) else { continue };
            let exact = self.turn(&float(from, x)?, &float(from, y)?);
            let Some(distance) = distance_to_tie(to.format()?, &exact) else { continue };
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                best = Some((distance, (x, y)));
            }
        }
        best.map(|(_, pair)| pair)
    }
}

/// The middle between a finite number and its neighbour further from zero.
fn midpoint_above(format: Format, bits: u64) -> Float {
    let (low, high) = (format.to_f64(bits), format.to_f64(bits + 1));
    (Float::with_val(PRECISION, low) + high) >> 1
}

/// How far a value is from the nearest tie of a format, in ulp; none for zero, for an exact tie,
/// and outside the normal range.
pub fn distance_to_tie(format: Format, exact: &Float) -> Option<Float> {
    if exact.is_zero() || !exact.is_finite() {
        return None;
    }
    let leading = exact.get_exp()? - 1;
    if !(format.e_min()..format.e_max()).contains(&leading) {
        return None;
    }
    // In units of an ulp a tie is an odd multiple of one half.
    let scaled = Float::with_val(PRECISION, exact) << (format.precision as i32 - 1 - leading);
    let fraction = Float::with_val(PRECISION, &scaled - scaled.clone().floor());
    let distance = (fraction - 0.5f64).abs();
    (!distance.is_zero()).then_some(distance)
}

fn float(dtype: Dtype, bits: u64) -> Option<Float> {
    let format = dtype.format()?;
    format.is_finite(bits).then(|| Float::with_val(PRECISION, format.to_f64(bits)))
}

/// To nearest in a format, through an exact rational.
fn round(dtype: Dtype, x: &Float) -> Option<u64> {
    let exact = Ratio(Rational::try_from(x).ok()?);
    Some(dtype.format()?.round(&exact.to_wide()))
}
