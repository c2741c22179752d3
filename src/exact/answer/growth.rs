//! Scores under xPos where growth passes MPFR's exponents.

use super::super::interval::Interval;
use super::super::intervals::Intervals;
use super::super::ratio::Ratio;
use super::super::rationals::of_monomial;
use super::super::resolved::{ResolvedPlane, ResolvedRope};
use super::super::{angle, phasor};
use super::difference::Difference;
use crate::encoding::{Arithmetic, Class, Fraction, Monomial};
use num_complex::Complex;
use num_traits::Zero;
use rug::Float;
use rug::float::Round::{Down, Up};

/// Growths beyond e^±this are taken relatively to the largest, and that is cut here: every format
/// ends long before, and what is added to a cut growth does not see the difference.
const VAST: i32 = 1 << 14;

/// Encloses (m − n) ln growth, to `precision` bits after the point.
fn log_growth(plane: &ResolvedPlane, delta: Fraction, precision: u32) -> Option<Interval> {
    let precision = precision + 64;
    let log = Intervals { precision }.ln(&plane.growth.enclose(precision)?)?;
    Some(&Interval::exactly(Float::with_val(128, delta.numerator())) * &log)
}

/// The plane of the largest growth among those that turn, if one of them is vast.
pub(super) fn dominant(
    rope: &ResolvedRope,
    difference: &Difference,
    turning: &[(usize, Complex<Ratio>)],
) -> Option<usize> {
    let log = |index: usize| {
        let plane = &rope.planes[index];
        log_growth(plane, difference.deltas[plane.axis], 64).map(|log| log.lo().clone())
    };
    let logs: Vec<(usize, Float)> =
        turning.iter().filter_map(|(index, _)| Some((*index, log(*index)?))).collect();
    if logs.iter().all(|(_, log)| *log.as_abs() < VAST) {
        return None;
    }
    logs.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

/// growth^(m−n) · e^{i(m−n)θ}, divided by the growth of a dominant plane.
pub(super) fn reduced_phasor(
    plane: &ResolvedPlane,
    dominant: &ResolvedPlane,
    deltas: &[Fraction],
    precision: u32,
) -> Option<Complex<Interval>> {
    let log = |plane: &ResolvedPlane| log_growth(plane, deltas[plane.axis], precision);
    let scale = exp(&(log(plane)? - log(dominant)?), precision);
    let unit = phasor(&angle::angle(&plane.frequency, deltas[plane.axis], precision)?);
    Some(Complex::new(&unit.re * &scale, &unit.im * &scale))
}

/// The growth of the dominant plane, but no further than e^±[`VAST`].
pub(super) fn bounded_growth(
    dominant: &ResolvedPlane,
    deltas: &[Fraction],
    precision: u32,
) -> Option<Interval> {
    let log = log_growth(dominant, deltas[dominant.axis], precision)?;
    let end = |x: &Float| Float::with_val(log.precision(), x).clamp(&-VAST, &VAST);
    Some(exp(&Interval::new(end(log.lo()), end(log.hi())), precision))
}

/// Whether Σ c·growth^(m−n) is 0 over planes of one angle, conj c where the angle is the opposite;
/// none if that stays open.
///
/// If it is not, the planes add a non-zero algebraic multiple of e^{iφ} to the score. Powers of
/// growth are positive radicals, and those whose ratios are irrational are linearly independent over
/// ℚ (Besicovitch 1940, Mordell 1953): what is commensurable must cancel by itself.
pub(super) fn vanishes(
    rope: &ResolvedRope,
    deltas: &[Fraction],
    planes: &[(usize, bool, Complex<Ratio>)],
) -> Option<bool> {
    let exact = || -> Option<bool> {
        let mut sums: Vec<(Monomial, Complex<Ratio>)> = Vec::new();
        for (index, opposite, c) in planes {
            let plane = &rope.planes[*index];
            let Class::Radical(growth) = &plane.growth.class else { return None };
            let power = growth.power(deltas[plane.axis])?;
            let c = if *opposite { c.conj() } else { c.clone() };
            let mut found = None;
            for (slot, (first, _)) in sums.iter().enumerate() {
                let ratio = power.div(first)?;
                if ratio.is_rational() {
                    found = Some((slot, of_monomial(&ratio)?));
                    break;
                }
            }
            match found {
                Some((slot, ratio)) => {
                    let sum = &mut sums[slot].1;
                    *sum = Complex::new(&sum.re + &(&c.re * &ratio), &sum.im + &(&c.im * &ratio));
                }
                None => sums.push((power, c)),
            }
        }
        Some(sums.iter().all(|(_, sum)| sum.is_zero()))
    };
    if planes.len() < 2 {
        return Some(planes.is_empty());
    }
    exact().or_else(|| {
        // Far apart, where the powers are too long to add up, the largest outweighs the others.
        let precision = 256;
        let log = |index: usize| {
            let plane = &rope.planes[index];
            log_growth(plane, deltas[plane.axis], precision)
        };
        let logs = planes.iter().map(|(index, ..)| log(*index)).collect::<Option<Vec<_>>>()?;
        let most = logs.iter().max_by(|a, b| a.lo().total_cmp(b.lo()))?.clone();
        let part = |of: fn(&Complex<Ratio>) -> Ratio| {
            let zero = Interval::point(0);
            planes.iter().zip(&logs).fold(zero, |sum, ((_, opposite, c), log)| {
                let c = if *opposite { c.conj() } else { c.clone() };
                let scale = exp(&(log.clone() - most.clone()), precision);
                sum + Interval::of_ratio(&of(&c), precision) * scale
            })
        };
        let apart =
            !part(|c| c.re.clone()).contains_zero() || !part(|c| c.im.clone()).contains_zero();
        apart.then_some(false)
    })
}

fn exp(x: &Interval, precision: u32) -> Interval {
    let (mut lo, mut hi) = (x.lo().clone(), x.hi().clone());
    lo.exp_round(Down);
    hi.exp_round(Up);
    let round = |x: Float, round| Float::with_val_round(precision, x, round).0;
    Interval::new(round(lo, Down), round(hi, Up))
}
