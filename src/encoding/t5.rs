//! T5's relative position buckets, in exact integers (Raffel et al. 2020; mesh-tensorflow).

use super::config::is_known_key;
use super::key::{Checked, invalid};
use super::powers::compare_powers;
use super::tables::T5_KEYS;
use crate::request::{Object, Position, Reject};
use std::cmp::Ordering;

/// A checked T5 config, with the first distance of every bucket.
///
/// With N buckets per direction, E = ⌊N/2⌋ and distance n: n itself below E, else
/// min(N − 1, E + ⌊ln(n/E) / ln(M/E) · (N − E)⌋). The logarithms compare integers,
/// ln(n/E)/ln(M/E) ≥ k/(N − E) ⇔ n^(N−E) · E^k ≥ M^k · E^(N−E), so nothing is rounded.
///
/// Surprises: rel = key − query, a key *after* the query is in the upper half; causal puts all of
/// those into bucket 0; (32, 128) hits n = 16, 32, 64 exactly, where a logarithm one ulp low is
/// off by a bucket.
#[derive(Clone, Debug)]
pub struct Buckets {
    /// Number of buckets, both directions together.
    pub num_buckets: usize,
    /// The distance from which all share the last bucket.
    pub max_distance: i64,
    /// Whether keys after the query have buckets of their own.
    pub bidirectional: bool,
    /// The normalised config.
    pub config: Object,
    /// First distance of bucket E + k, k = 1 … N − E − 1, per direction.
    boundaries: Vec<i64>,
}

impl Buckets {
    /// Checks a config and finds the boundaries.
    ///
    /// # Errors
    /// Every rejection about keys and values; `invalid_value` unless max_distance > E ≥ 1 and,
    /// bidirectional, num_buckets is even.
    pub fn new(config: &Object) -> Result<Buckets, Reject> {
        let checked = Checked::new(config, T5_KEYS, is_known_key, "T5 buckets")?;
        let num_buckets = checked.size("num_buckets").unwrap_or_default();
        let max_distance = checked.integer("max_distance").unwrap_or_default();
        let bidirectional = checked.flag("bidirectional");
        if bidirectional && num_buckets % 2 != 0 {
            return Err(invalid("num_buckets", num_buckets, "an even number if bidirectional"));
        }
        let per_direction = if bidirectional { num_buckets / 2 } else { num_buckets };
        let exact = per_direction / 2;
        if exact < 1 {
            let least = if bidirectional { 4 } else { 2 };
            return Err(invalid("num_buckets", num_buckets, format!("at least {least}")));
        }
        if max_distance <= exact as i64 {
            return Err(invalid("max_distance", max_distance, format!("more than {exact}")));
        }
        let boundaries = boundaries(per_direction, max_distance);
        let config = checked.object().clone();
        Ok(Buckets { num_buckets, max_distance, bidirectional, config, boundaries })
    }

    /// The bucket of a query and a key.
    ///
    /// ```
    /// # use ropewalk::{encoding::Buckets, request::{Object, Position}};
    /// # let config: Object = serde_json::from_str(
    /// #     r#"{"num_buckets":32,"max_distance":128,"bidirectional":true}"#).unwrap();
    /// let buckets = Buckets::new(&config).unwrap();
    /// let of = |rel: i64| buckets.bucket(Position::integer(0), Position::integer(rel));
    /// assert_eq!([-200, -8, -1, 0, 1, 20, 200].map(of), [15, 8, 1, 0, 17, 26, 31]);
    /// ```
    pub fn bucket(&self, query: Position, key: Position) -> usize {
        let relative = key.numerator as i128 - query.numerator as i128;
        let (per_direction, offset) = match self.bidirectional {
            true => (self.num_buckets / 2, if relative > 0 { self.num_buckets / 2 } else { 0 }),
            false => (self.num_buckets, 0),
        };
        let distance = match self.bidirectional {
            true => relative.abs(),
            false => (-relative).max(0),
        };
        let exact = per_direction / 2;
        if distance < exact as i128 {
            return offset + distance as usize;
        }
        let reached = self.boundaries.partition_point(|&first| first as i128 <= distance);
        offset + exact + reached
    }
}

/// First n with n^(N−E) · E^k ≥ M^k · E^(N−E), for k = 1 … N−E−1. Floating point makes the
/// guess, integers decide.
fn boundaries(per_direction: usize, max_distance: i64) -> Vec<i64> {
    let exact = (per_direction / 2) as u64;
    let spread = (per_direction as u64) - exact;
    let ratio = max_distance as f64 / exact as f64;
    let first = |k: u64| {
        let holds = |n: u64| reaches(n, exact, max_distance as u64, k, spread);
        let mut n = (exact as f64 * ratio.powf(k as f64 / spread as f64)) as u64;
        while n > exact && holds(n - 1) {
            n -= 1;
        }
        while !holds(n) {
            n += 1;
        }
        n as i64
    };
    (1..spread).map(first).collect()
}

/// n^s · E^k ≥ M^k · E^s.
fn reaches(n: u64, exact: u64, max_distance: u64, k: u64, spread: u64) -> bool {
    let order = compare_powers(&[(n, spread), (exact, k)], &[(max_distance, k), (exact, spread)]);
    order != Ordering::Less
}
