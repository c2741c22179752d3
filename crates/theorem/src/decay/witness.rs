//! A query and a key whose score is largest at a chosen distance.

use super::super::frequencies::Frequencies;
use super::super::rotation::{Head, Shared};
use super::score;
use rayon::prelude::*;
use ropewalk::encoding::{Layout, rotate_complex};
use ropewalk::exact::Interval;
use rug::Float;
use std::cmp::Ordering;

/// Bits of every score.
const PRECISION: u32 = 128;

/// The converse of decay as numbers: q, k in f64 and their certified scores.
///
/// q is 1 + 0i on every plane, k is U(R)q rounded to f64, so the scores are those of the numbers
/// shown and not of the real k, whose score at R would be head_dim/2 exactly.
///
/// ```
/// use ropewalk_theorem::{Frequencies, Witness};
/// let frequencies = Frequencies::new(64, 10000.0).unwrap();
/// let witness = Witness::new(&frequencies, 100, &[0, 50, 100, 150]).unwrap();
/// assert!(witness.rivals.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Witness {
    /// The distance m − n at which the score is largest.
    pub distance: i64,
    /// The query, half layout.
    pub q: Vec<f64>,
    /// The key, half layout.
    pub k: Vec<f64>,
    /// The score at that distance.
    pub peak: Interval,
    /// The score at each listed distance.
    pub scores: Vec<(i64, Interval)>,
    /// Listed distances, other than the chosen one, whose score is not certified to be smaller.
    pub rivals: Vec<i64>,
}

impl Witness {
    /// Builds q and k for a distance and scores them at the listed ones.
    ///
    /// None if the frequencies cannot be enclosed.
    pub fn new(frequencies: &Frequencies, distance: i64, listed: &[i64]) -> Option<Witness> {
        let (dim, planes) = (frequencies.head_dim(), frequencies.planes());
        let largest = listed.iter().chain([&distance]).map(|d| d.unsigned_abs()).max();
        let enclosed = frequencies.enclose(PRECISION, largest.unwrap_or(0))?;
        let q: Vec<f64> = (0..dim).map(|i| if i < planes { 1.0 } else { 0.0 }).collect();
        let exactly = |x: &[f64]| -> Vec<Interval> {
            x.iter().map(|&x| Interval::exactly(Float::with_val(53, x))).collect()
        };
        let turned = rotate_complex(frequencies.pairs(), &exactly(&q), &enclosed.phasors(distance));
        // Any f64 in or beside the enclosure is as good: what is certified are the scores of k.
        let k: Vec<f64> = turned.iter().map(|x| x.lo().to_f64()).collect();
        let head = Head::new::<Shared>(Layout::Half, dim, dim, 0);
        let (exact_q, exact_k) = (exactly(&q), exactly(&k));
        let at =
            |delta: i64| score::<Shared, _>(&head, &exact_q, &exact_k, &enclosed.phasors(delta));
        let peak = at(distance);
        let scores: Vec<_> = listed.par_iter().map(|&delta| (delta, at(delta))).collect();
        let smaller = |x: &Interval| x.order(&peak) == Some(Ordering::Less);
        let rivals = scores.iter().filter(|(delta, x)| *delta != distance && !smaller(x));
        let rivals = rivals.map(|(delta, _)| *delta).collect();
        Some(Witness { distance, q, k, peak, scores, rivals })
    }
}
