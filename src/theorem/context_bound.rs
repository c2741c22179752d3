//! The base bounds the context (Men et al. 2024): where B(m) = Σ cos(mθᵢ) first turns negative.
//!
//! For a key that resembles the query and one that does not, the expected difference of their
//! scores at distance m is a positive multiple of B(m) (their Theorem 1, Eq. 9). While B(m) ≥ 0,
//! the similar token is preferred. The bases for which that lasts up to L are no interval, so of a
//! list of bases only the smallest *listed* one can be named.

use super::frequencies::{Enclosed, Frequencies};
use super::polynomial::Polynomial;
use super::report::{Kind, Report, Tally};
use super::rotation::{Head, Rotation, Shared};
use crate::exact::{Interval, UndecidedRounding};
use num_complex::Complex;
use num_traits::{Num, One, Zero};
use rayon::prelude::*;
use rug::Float;
use std::cmp::Ordering;
use std::ops::Neg;

const NAME: &str = "context bound";
const TRACE_STATEMENT: &str = "B(m) = Σ cos(mθᵢ) is half the trace of the rotation by m";
const SIGN_STATEMENT: &str = "the sign of B(m) = Σ cos(mθᵢ) for every 0 ≤ m ≤ L";

/// Bits at which the sign of one B(m) is given up. B(m) ≠ 0 for m ≥ 1, since distinct algebraic
/// multiples of i have linearly independent exponentials (Lindemann–Weierstrass), so this is a
/// limit of memory, not of truth.
const GIVE_UP: u32 = 1 << 16;

/// What is certified of B over 0 ≤ m ≤ L for one base.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The base.
    pub base: f64,
    /// Width of the head.
    pub head_dim: usize,
    /// L.
    pub length: u64,
    /// The first m ≤ L with B(m) < 0; none if B(m) ≥ 0 for all of them.
    pub first_negative: Option<u64>,
    /// That m, or else the one at which B is lowest (as far as f64 tells), and B there.
    pub lowest: (u64, Interval),
    /// B(m) is at least this for every m ≤ L, or for every m before the first negative one.
    pub at_least: f64,
    /// How many signs f64 could not decide, so that intervals did.
    pub by_intervals: u64,
}

/// B from phasors: Σ Re(1 · 1 · e^{imθᵢ}), the score of two vectors that are 1 on every plane.
fn sum<R: Rotation, S: Num + Neg<Output = S> + Clone>(phasors: &[Complex<S>]) -> S {
    let one = Complex::<S>::one();
    phasors.iter().fold(S::zero(), |sum, w| sum + R::plane_score(&one, &one, w))
}

impl Certificate {
    /// Decides the sign of B(m) for every m from 0 to `length`, or to the first negative one.
    ///
    /// Plain f64 with a proven bound decides nearly every sign, intervals of growing precision
    /// the rest. `progress` hears how many m are done.
    ///
    /// ```
    /// use ropewalk::theorem::{Certificate, Frequencies};
    /// let frequencies = Frequencies::new(128, 500.0).unwrap();
    /// let certificate = Certificate::new(&frequencies, 1000, &|_| ()).unwrap();
    /// assert_eq!(certificate.first_negative, Some(171));
    /// ```
    ///
    /// # Errors
    /// `UndecidedRounding` if a sign stays open at 65536 bits.
    pub fn new(
        frequencies: &Frequencies,
        length: u64,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Certificate, UndecidedRounding> {
        // Blocks that are decided together before looking whether one turned negative.
        const WAVE: u64 = 64;
        let scan = Scan::new(frequencies, length)?;
        let blocks = length / scan.block + 1;
        let mut found = Found { first_negative: None, lowest: (0, f64::INFINITY), by_intervals: 0 };
        for wave in (0..blocks).step_by(WAVE as usize) {
            let end = (wave + WAVE).min(blocks);
            let parts: Vec<_> =
                (wave..end).into_par_iter().map(|block| scan.block(block, length)).collect();
            for part in parts {
                if found.first_negative.is_none() {
                    found = found.then(part?);
                }
            }
            if found.first_negative.is_some() {
                break;
            }
            progress((end * scan.block).min(length + 1));
        }
        let lowest = found.first_negative.unwrap_or(found.lowest.0);
        Ok(Certificate {
            base: frequencies.base(),
            head_dim: frequencies.head_dim(),
            length,
            first_negative: found.first_negative,
            lowest: (lowest, enclose(frequencies, lowest, 128)?),
            // The bound is so coarse that the rounding of this difference does not matter; zero
            // is proved where it is less than nothing.
            at_least: (found.lowest.1 - 2.0 * scan.bound).max(0.0),
            by_intervals: found.by_intervals,
        })
    }
}

/// B(m) enclosed.
fn enclose(
    frequencies: &Frequencies,
    m: u64,
    precision: u32,
) -> Result<Interval, UndecidedRounding> {
    let open = UndecidedRounding { name: "inv_freq", index: 0, precision };
    let enclosed = frequencies.enclose(precision, m).ok_or(open)?;
    Ok(sum::<Shared, _>(&enclosed.phasors(m as i64)))
}

/// Whether B(m) < 0, at growing precision.
fn is_negative(frequencies: &Frequencies, m: u64) -> Result<bool, UndecidedRounding> {
    let mut precision = 128;
    while precision <= GIVE_UP {
        let value = enclose(frequencies, m, precision)?;
        if !value.contains_zero() {
            return Ok(*value.hi() < 0);
        }
        precision *= 2;
    }
    Err(UndecidedRounding { name: "B", index: m as usize, precision: GIVE_UP })
}

/// What has been seen so far, or in one block.
struct Found {
    first_negative: Option<u64>,
    /// The smallest f64 value that is not certified negative, and where.
    lowest: (u64, f64),
    by_intervals: u64,
}

impl Found {
    fn then(self, later: Found) -> Found {
        Found {
            first_negative: self.first_negative.or(later.first_negative),
            lowest: if later.lowest.1 < self.lowest.1 { later.lowest } else { self.lowest },
            by_intervals: self.by_intervals + later.by_intervals,
        }
    }
}

/// B in f64 with a proven error: m = a · block + b, e^{imθ} = e^{ia·block·θ} · e^{ibθ}.
struct Scan<'a> {
    frequencies: &'a Frequencies,
    enclosed: Enclosed,
    block: u64,
    /// e^{ibθᵢ} for b = 0, …, block − 1, by plane.
    short: Vec<(Vec<f64>, Vec<f64>)>,
    /// |computed − exact| is at most this.
    bound: f64,
}

/// u = 2⁻⁵³.
const UNIT: f64 = f64::EPSILON / 2.0;

/// |computed B − exact B| ≤ n(n + 10)/2 · 2⁻⁵³ for n planes, n ≤ 2¹⁵.
///
/// With u = 2⁻⁵³: table entries, |x| ≤ 1, are nearest doubles of enclosures narrower than 2⁻⁶⁰, so
/// each component errs by at most 0.51u and each phasor by 0.73u in modulus. The real part of the
/// product of two such phasors is off by at most 1.47u from that, by u(|ac| + |bd|) ≤ 1.01u from
/// rounding the two products, and by 1.01u from their difference: below 3.5u, with room for
/// underflow 4u. Every term is at most 1 + 4u, so the j-th addition rounds by at most
/// u·j(1 + 4u + ju): together below n(n + 1)/2 · u, up to a factor 1 + 2⁻³⁷. The sum of both is
/// below n(n + 9)/2 · u · (1 + 2⁻³⁷) ≤ n(n + 10)/2 · u. The order of operations in [`Scan::values`]
/// is the one counted here; Rust never contracts a product and a sum.
fn error_bound(planes: usize) -> f64 {
    let n = planes as f64;
    n * (n + 10.0) / 2.0 * UNIT
}

impl Scan<'_> {
    fn new(frequencies: &Frequencies, length: u64) -> Result<Scan<'_>, UndecidedRounding> {
        // Both tables cost the same when the block is the root of the length.
        let block = (length as f64).sqrt() as u64;
        let block = block.next_power_of_two().clamp(32, 4096);
        let precision = 72;
        let enclosed = frequencies.enclose(precision, length).ok_or(UndecidedRounding {
            name: "inv_freq",
            index: 0,
            precision,
        })?;
        let entries = (0..block.min(length + 1)).into_par_iter().map(|b| entry(&enclosed, b));
        let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
        let plane = |i: usize| entries.iter().map(|entry| (entry[i].re, entry[i].im)).unzip();
        let short = (0..frequencies.planes()).map(plane).collect();
        let bound = error_bound(frequencies.planes());
        Ok(Scan { frequencies, enclosed, block, short, bound })
    }

    /// B at the first positions of a block.
    fn values(&self, block: u64) -> Result<Vec<f64>, UndecidedRounding> {
        let anchor = entry(&self.enclosed, block * self.block)?;
        let mut sums = vec![0.0; self.short.first().map_or(0, |(re, _)| re.len())];
        for (far, (re, im)) in anchor.iter().zip(&self.short) {
            for (sum, (re, im)) in sums.iter_mut().zip(re.iter().zip(im)) {
                *sum += far.re * re - far.im * im;
            }
        }
        Ok(sums)
    }

    /// The signs of a block, up to `length` or its first negative one.
    fn block(&self, block: u64, length: u64) -> Result<Found, UndecidedRounding> {
        let start = block * self.block;
        let mut found =
            Found { first_negative: None, lowest: (start, f64::INFINITY), by_intervals: 0 };
        for (m, value) in (start..=length).zip(self.values(block)?) {
            let negative = match value.abs() > self.bound {
                true => value < 0.0,
                false => {
                    found.by_intervals += 1;
                    is_negative(self.frequencies, m)?
                }
            };
            if negative {
                found.first_negative = Some(m);
                break;
            }
            if value < found.lowest.1 {
                found.lowest = (m, value);
            }
        }
        Ok(found)
    }
}

/// The nearest doubles to e^{imθ}, whose enclosures must be as narrow as [`error_bound`] counts.
fn entry(enclosed: &Enclosed, m: u64) -> Result<Vec<Complex<f64>>, UndecidedRounding> {
    let open = UndecidedRounding { name: "phasor", index: m as usize, precision: 72 };
    let narrow = |x: &Interval| (x.width() <= UNIT / 128.0).then(|| x.lo().to_f64());
    let phasor = |w: &Complex<Interval>| Some(Complex::new(narrow(&w.re)?, narrow(&w.im)?));
    enclosed.phasors(m as i64).iter().map(phasor).collect::<Option<_>>().ok_or(open)
}

/// Half the trace on the planes, for all angles.
pub(super) fn proved<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    for head in Head::small::<R>() {
        let u = Polynomial::phases("u", head.pairs.len());
        let matrix = R::matrix(&head.pairs, head.dim, &u);
        let trace = head.slice.clone().fold(Polynomial::zero(), |t, i| t + matrix[i][i].clone());
        let cosines = u.iter().fold(Polynomial::zero(), |sum, u| sum + u.re.clone());
        let twice = cosines.clone() + cosines.clone();
        tally.add(&(trace - twice), || format!("{head}, trace"));
        tally.add(&(sum::<R, _>(&u) - cosines), || format!("{head}, score of ones"));
    }
    tally.report(NAME, TRACE_STATEMENT, Kind::Proved)
}

/// Certificates for four bases, and every 127th sign and error bound of each against
/// intervals.
pub(super) fn enclosed<R: Rotation>(_: u32) -> Report {
    const LENGTH: u64 = 2047;
    let run = |base: f64| -> Result<Tally, String> {
        let mut tally = Tally::exact();
        let frequencies = Frequencies::new(128, base).map_err(|reject| reject.to_string())?;
        let undecided = |undecided: UndecidedRounding| undecided.to_string();
        let certificate = Certificate::new(&frequencies, LENGTH, &|_| ()).map_err(undecided)?;
        let scan = Scan::new(&frequencies, LENGTH).map_err(undecided)?;
        let bound = Interval::exactly(Float::with_val(53, scan.bound));
        let last = certificate.first_negative.unwrap_or(LENGTH);
        tally.decided(last + 1);
        for m in (0..last).step_by(127).chain([last]) {
            let phasors = scan.enclosed.phasors(m as i64);
            let exact = sum::<R, _>(&phasors);
            let computed = scan.values(m / scan.block).map_err(undecided)?;
            let computed = Float::with_val(53, computed[(m % scan.block) as usize]);
            let error = (&Interval::exactly(computed) - &exact).abs();
            let instance = || format!("base {base}, m {m}");
            tally.at_most(&error, &bound, instance);
            let negative = certificate.first_negative == Some(m);
            let sign = if negative { Ordering::Less } else { Ordering::Greater };
            tally.require(exact.order(&Interval::zero()) == Some(sign), instance);
        }
        Ok(tally)
    };
    let tallies: Vec<_> = [500.0, 1000.0, 5000.0, 10000.0].into_par_iter().map(run).collect();
    let mut total = Tally::exact();
    for tally in tallies {
        match tally {
            Ok(tally) => total = total.join(tally),
            Err(why) => total.fail(|| why),
        }
    }
    total.report(NAME, SIGN_STATEMENT, Kind::Enclosed)
}
