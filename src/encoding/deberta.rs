//! DeBERTa-v2's logarithmic buckets, in exact integers (He et al. 2020).

use super::config::is_known_key;
use super::key::{Checked, invalid};
use super::powers::compare_powers;
use super::tables::DEBERTA_KEYS;
use crate::request::{Object, Position, Reject};
use std::cmp::Ordering;

/// What is kept in range, and where the two rules differ: at distances of M and more. A query that
/// far *behind* its key has row 1 (for even B) by the one and row 0 by the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clamp {
    /// i − j is clamped to ±(M − 1) before it has a bucket.
    Distance,
    /// The row is clamped to 0 … 2B − 1 after it has one.
    Index,
}

/// A checked DeBERTa config, with the last distance of every logarithmic bucket.
///
/// With mid = ⌊B/2⌋ and n = |i − j| for query i and key j: n itself up to mid, beyond it
/// mid + ⌈ln(n/mid) / ln((M−1)/mid) · (mid − 1)⌉; the sign is that of i − j. The logarithms
/// compare integers, ln(n/mid)·(mid−1) ≤ k·ln((M−1)/mid) ⇔ n^(mid−1)·mid^k ≤ (M−1)^k·mid^(mid−1),
/// so nothing is rounded.
///
/// Sources: microsoft/DeBERTa `da_utils.py` (which clamps the distance), Transformers
/// `modeling_deberta_v2.py` (which clamps the row).
///
/// Surprises: query minus key, where T5 has key minus query; the *ceiling*, where T5 truncates;
/// n = mid still is linear. At n = M − 1 the quotient of logarithms is exactly 1: computed from
/// two logarithms that differ by an ulp, it gives one bucket too many.
#[derive(Clone, Debug)]
pub struct DebertaBuckets {
    /// B, buckets per direction.
    pub bucket_size: usize,
    /// M.
    pub max_position: i64,
    /// What is kept in range.
    pub clamp: Clamp,
    /// What is added to the signed bucket: 0, or B for the row of the table of 2B rows.
    pub offset: i32,
    /// The normalised config.
    pub config: Object,
    /// The last distance of bucket mid + k, k = 1 … B − mid − 1.
    lasts: Vec<i64>,
}

impl DebertaBuckets {
    /// Checks a config and finds the boundaries.
    ///
    /// # Errors
    /// Every rejection about keys and values; `invalid_value` unless M − 1 > mid, which the
    /// divisor ln((M−1)/mid) needs.
    pub fn new(config: &Object) -> Result<DebertaBuckets, Reject> {
        let checked = Checked::new(config, DEBERTA_KEYS, is_known_key, "deberta_bucket")?;
        let bucket_size = checked.size("bucket_size").unwrap_or_default();
        let max_position = checked.integer("max_position").unwrap_or_default();
        let mid = (bucket_size / 2) as i64;
        if max_position - 1 <= mid {
            let rule = format!("more than bucket_size/2 + 1 = {}", mid + 1);
            return Err(invalid("max_position", max_position, rule));
        }
        Ok(DebertaBuckets {
            bucket_size,
            max_position,
            clamp: match checked.word("clamp") {
                Some("distance") => Clamp::Distance,
                _ => Clamp::Index,
            },
            offset: match checked.word("form") {
                Some("index") => bucket_size as i32,
                _ => 0,
            },
            config: checked.object().clone(),
            lasts: lasts(bucket_size, max_position),
        })
    }

    /// The bucket of a query and a key, or its row.
    ///
    /// ```
    /// # use ropewalk::{encoding::DebertaBuckets, request::{Object, Position}};
    /// # let config: Object = serde_json::from_str(
    /// #     r#"{"bucket_size":256,"max_position":512,"clamp":"index","form":"bucket"}"#).unwrap();
    /// let buckets = DebertaBuckets::new(&config).unwrap();
    /// let of = |i| buckets.bucket(Position::integer(i), Position::integer(0));
    /// assert_eq!([128, 129, 200, 511, 512, -511, -512].map(of), [128, 129, 169, 255, 255, -255, -256]);
    /// ```
    pub fn bucket(&self, query: Position, key: Position) -> i32 {
        let limit = self.max_position as i128 - 1;
        let behind = query.numerator as i128 - key.numerator as i128;
        let behind = match self.clamp {
            Clamp::Distance => behind.clamp(-limit, limit),
            Clamp::Index => behind,
        };
        let (size, mid) = (self.bucket_size as i128, (self.bucket_size / 2) as i128);
        let bucket = match behind.abs() {
            near if near <= mid => behind,
            // Past the last boundary this is ±B, which no further distance could change: the rows
            // end there.
            far => {
                let passed = self.lasts.partition_point(|&last| (last as i128) < far) as i128;
                behind.signum() * (mid + 1 + passed)
            }
        };
        bucket.clamp(-size, size - 1) as i32 + self.offset
    }
}

/// The last n with n^(mid−1)·mid^k ≤ (M−1)^k·mid^(mid−1), for k = 1 … B − mid − 1. Floating point
/// makes the guess, integers decide.
fn lasts(bucket_size: usize, max_position: i64) -> Vec<i64> {
    let (mid, limit) = ((bucket_size / 2) as u64, max_position as u64 - 1);
    let steps = mid - 1;
    let ratio = limit as f64 / mid as f64;
    let last = |k: u64| {
        let within = |n: u64| {
            compare_powers(&[(n, steps), (mid, k)], &[(limit, k), (mid, steps)])
                != Ordering::Greater
        };
        let mut n = (mid as f64 * ratio.powf(k as f64 / steps as f64)) as u64;
        while !within(n) {
            n -= 1;
        }
        while within(n + 1) {
            n += 1;
        }
        n as i64
    };
    (1..bucket_size as u64 - mid).map(last).collect()
}
