//! RoFormer's Figure 2, with proof.

use super::super::frequencies::Frequencies;
use super::{modulus, partial_sums};
use num_traits::Zero;
use rayon::prelude::*;
use ropewalk::exact::Interval;
use std::cmp::Ordering;
use std::sync::atomic::{AtomicU64, Ordering as Memory};

/// Bits of every point.
const PRECISION: u32 = 128;
/// Bits at which two points that still overlap are called level.
const GIVE_UP: u32 = 1024;

/// The mean of |S_1|, …, |S_{r/2}| at one relative distance.
#[derive(Clone, Debug)]
pub struct Point {
    /// m − n.
    pub distance: i64,
    /// Encloses the mean.
    pub mean: Interval,
}

/// The curve of RoFormer's Figure 2: the mean of |S_j| over j = 1, …, r/2 for a list of distances.
///
/// ```
/// use ropewalk_theorem::{Curve, Frequencies};
/// let curve = Curve::new(&Frequencies::new(128, 10000.0).unwrap(), &[0, 1, 2], &|_| ()).unwrap();
/// let at_zero = &curve.points[0].mean;
/// assert!(at_zero.is_point() && *at_zero.lo() == 32.5); // (1 + … + 64)/64, exactly
/// assert!(curve.rises.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Curve {
    /// In the order of the list.
    pub points: Vec<Point>,
    /// Distances at which the curve is higher than at the one listed before: certified.
    pub rises: Vec<i64>,
    /// Distances at which that could not be decided at 1024 bits, as where the curve is constant.
    pub level: Vec<i64>,
    /// Where it is lowest: one distance, or all that cannot be told apart from the lowest.
    pub lowest: Vec<i64>,
}

impl Curve {
    /// Evaluates the curve; `progress` hears how many points are done.
    ///
    /// None if the frequencies cannot be enclosed.
    pub fn new(
        frequencies: &Frequencies,
        distances: &[i64],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Option<Curve> {
        let means = Means::new(frequencies, distances, PRECISION)?;
        let done = AtomicU64::new(0);
        let point = |&distance: &i64| {
            let mean = means.at(distance);
            progress(done.fetch_add(1, Memory::Relaxed) + 1);
            Point { distance, mean }
        };
        let points: Vec<Point> = distances.par_iter().map(point).collect();
        let steps: Vec<(i64, Option<Ordering>)> = points
            .par_windows(2)
            .map(|step| (step[1].distance, order(frequencies, &step[0], &step[1])))
            .collect();
        let those = |wanted: Option<Ordering>| {
            steps.iter().filter(|(_, found)| *found == wanted).map(|(at, _)| *at).collect()
        };
        let (rises, level) = (those(Some(Ordering::Less)), those(None));
        let lowest = lowest(&points);
        Some(Curve { points, rises, level, lowest })
    }
}

/// Evaluates single points at one precision.
struct Means(super::super::frequencies::Enclosed);

impl Means {
    fn new(frequencies: &Frequencies, distances: &[i64], precision: u32) -> Option<Means> {
        let largest = distances.iter().map(|d| d.unsigned_abs()).max().unwrap_or(0);
        frequencies.enclose(precision, largest).map(Means)
    }

    fn at(&self, distance: i64) -> Interval {
        let sums = partial_sums(&self.0.phasors(distance));
        let total = sums.iter().map(modulus).fold(Interval::zero(), |sum, x| sum + x);
        &total / &Interval::point(sums.len() as i64)
    }
}

/// The order of two points, at growing precision; none if they stay together.
fn order(frequencies: &Frequencies, a: &Point, b: &Point) -> Option<Ordering> {
    let mut found = a.mean.order(&b.mean);
    let mut precision = PRECISION;
    while found.is_none() && precision < GIVE_UP {
        precision *= 2;
        let means = Means::new(frequencies, &[a.distance, b.distance], precision)?;
        found = means.at(a.distance).order(&means.at(b.distance));
    }
    found.filter(|order| *order != Ordering::Equal)
}

fn lowest(points: &[Point]) -> Vec<i64> {
    let ceiling = points.iter().map(|point| point.mean.hi()).min_by(|a, b| a.total_cmp(b));
    let reaches = |point: &&Point| ceiling.is_some_and(|ceiling| point.mean.lo() <= ceiling);
    points.iter().filter(reaches).map(|point| point.distance).collect()
}
