//! The base bounds the context (Men et al. 2024): where B(m) = Σ cos(mθᵢ) first turns negative.
//!
//! For a key that resembles the query and one that does not, the expected difference of their
//! scores at distance m is a positive multiple of B(m) (their Theorem 1, Eq. 9). While B(m) ≥ 0,
//! the similar token is preferred. The bases for which that lasts up to L are no interval, so of a
//! list of bases only the smallest *listed* one can be named.

use super::frequencies::Frequencies;
use super::polynomial::Polynomial;
use super::report::{Kind, Report, Tally};
use super::rotation::{Head, Rotation, Shared};
use num_complex::Complex;
use num_traits::{Num, One, Zero};
use rayon::prelude::*;
use ropewalk::exact::ladder::{Ladder, LadderError, Span};
use ropewalk::exact::{Interval, UndecidedRounding};
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
    /// Sums of the ladder's cosines with a proven bound decide nearly every sign, intervals of
    /// growing precision the rest. `progress` hears how many m are done.
    ///
    /// ```
    /// use ropewalk_theorem::{Certificate, Frequencies};
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
        let scan = Scan::new(frequencies)?;
        let blocks = length / BLOCK + 1;
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
            progress((end * BLOCK).min(length + 1));
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

/// B in f64 with a proven error, from the ladder's cosines.
struct Scan<'a> {
    frequencies: &'a Frequencies,
    ladder: Ladder<f64>,
    /// |computed − exact| is at most this.
    bound: f64,
}

/// Positions of a block, which one task decides.
const BLOCK: u64 = 1024;

/// |computed B − exact B| ≤ n(n + 2)/2 · 2⁻⁵³ for n planes.
///
/// With u = 2⁻⁵³: a cosine is correctly rounded, so off by at most u/2 and never above 1. The sum
/// of j of them is therefore computed to at most j, which is a number of the format, and rounded
/// by at most u·j. In whatever order n terms are added, the k-th smallest of the n − 1 sums has at
/// most k + 1 of them: together u(2 + 3 + … + n) at most, and n·u/2 for the cosines.
fn error_bound(planes: usize) -> f64 {
    let n = planes as f64;
    n * (n + 2.0) / 2.0 * (f64::EPSILON / 2.0)
}

impl Scan<'_> {
    fn new(frequencies: &Frequencies) -> Result<Scan<'_>, UndecidedRounding> {
        let ladder = Ladder::new(frequencies.resolved()).map_err(open)?;
        Ok(Scan { frequencies, ladder, bound: error_bound(frequencies.planes()) })
    }

    /// B at the positions of a block, as far as `length`.
    fn values(&self, block: u64, length: u64) -> Result<Vec<f64>, UndecidedRounding> {
        let (start, end) = (block * BLOCK, (block * BLOCK + BLOCK).min(length + 1));
        let planes = self.ladder.planes();
        let entries = (end - start) as usize * planes;
        let (mut cos, mut sin) = (vec![0.0; entries], vec![0.0; entries]);
        let span = Span::from(start as i64..end as i64);
        self.ladder.fill(span, &mut cos, &mut sin).map_err(open)?;
        Ok(cos.chunks_exact(planes).map(total).collect())
    }

    /// The signs of a block, up to `length` or its first negative one.
    fn block(&self, block: u64, length: u64) -> Result<Found, UndecidedRounding> {
        let start = block * BLOCK;
        let mut found =
            Found { first_negative: None, lowest: (start, f64::INFINITY), by_intervals: 0 };
        for (m, value) in (start..).zip(self.values(block, length)?) {
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

/// The sum, in eight lanes.
fn total(row: &[f64]) -> f64 {
    let (chunks, rest) = row.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x);
    }
    lanes.iter().chain(rest).fold(0.0, |sum, x| sum + x)
}

/// The default scheme has no growth, positions are within 2³² and slices fit: what is left is a
/// value that cannot be rounded.
fn open(error: LadderError) -> UndecidedRounding {
    match error {
        LadderError::Undecided(undecided) => undecided,
        _ => UndecidedRounding { name: "B", index: 0, precision: 0 },
    }
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
        let scan = Scan::new(&frequencies).map_err(undecided)?;
        let enclosed = frequencies.enclose(128, LENGTH).ok_or("frequencies are not enclosed")?;
        let bound = Interval::exactly(Float::with_val(53, scan.bound));
        let last = certificate.first_negative.unwrap_or(LENGTH);
        tally.decided(last + 1);
        for m in (0..last).step_by(127).chain([last]) {
            let exact = sum::<R, _>(&enclosed.phasors(m as i64));
            let computed = scan.values(m / BLOCK, LENGTH).map_err(undecided)?;
            let computed = Float::with_val(53, computed[(m % BLOCK) as usize]);
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
