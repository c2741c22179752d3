//! Expressions evaluated in intervals.

use super::interval::Interval;
use crate::encoding::Arithmetic;
use rug::float::Constant;
use rug::float::Round::{Down, Up};
use rug::ops::PowAssignRound;
use rug::{Float, Integer};
use std::cmp::Ordering;

/// Interval arithmetic at a working precision, for [`crate::encoding::Expression::evaluate`].
///
/// ```
/// use ropewalk::{encoding::Expression, exact::Intervals};
/// let theta = Expression::dyadic(500000.0).power(-2, 128);
/// let enclosure = theta.evaluate(&Intervals { precision: 100 }).unwrap();
/// assert!(enclosure.width() < 1e-29);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Bits of every endpoint.
    pub precision: u32,
}

impl Arithmetic for Intervals {
    type Scalar = Interval;

    fn integer(&self, n: i128) -> Option<Interval> {
        let n = Integer::from(n);
        Some(Interval::new(
            Float::with_val_round(self.precision, &n, Down).0,
            Float::with_val_round(self.precision, &n, Up).0,
        ))
    }

    fn dyadic(&self, x: f64) -> Option<Interval> {
        Some(Interval::exactly(Float::with_val(self.precision.max(53), x)))
    }

    fn pi(&self) -> Option<Interval> {
        Some(Interval::new(
            Float::with_val_round(self.precision, Constant::Pi, Down).0,
            Float::with_val_round(self.precision, Constant::Pi, Up).0,
        ))
    }

    fn add(&self, a: &Interval, b: &Interval) -> Option<Interval> {
        Some(a + b)
    }

    fn sub(&self, a: &Interval, b: &Interval) -> Option<Interval> {
        Some(a - b)
    }

    fn mul(&self, a: &Interval, b: &Interval) -> Option<Interval> {
        Some(a * b)
    }

    fn div(&self, a: &Interval, b: &Interval) -> Option<Interval> {
        (!b.contains_zero()).then(|| a / b)
    }

    fn power(&self, x: &Interval, a: i64, b: i64) -> Option<Interval> {
        if a == 0 {
            return self.integer(1);
        }
        if *x.lo() <= 0 {
            return None;
        }
        let root = u32::try_from(b).ok()?;
        let exponent = Integer::from(a);
        // xᵃ grows with x for a > 0 and falls for a < 0; the root grows.
        let (low, high) = if a > 0 { (x.lo(), x.hi()) } else { (x.hi(), x.lo()) };
        let precision = self.precision.max(x.precision());
        let end = |x: &Float, round| {
            let mut power = Float::with_val(precision, x);
            power.pow_assign_round(&exponent, round);
            if root > 1 {
                power.root_round(root, round);
            }
            power
        };
        Some(Interval::new(end(low, Down), end(high, Up)))
    }

    fn ln(&self, x: &Interval) -> Option<Interval> {
        if *x.lo() <= 0 {
            return None;
        }
        let mut lo = Float::with_val_round(self.precision, x.lo(), Down).0;
        let mut hi = Float::with_val_round(self.precision, x.hi(), Up).0;
        lo.ln_round(Down);
        hi.ln_round(Up);
        Some(Interval::new(lo, hi))
    }

    fn floor(&self, x: &Interval) -> Option<Interval> {
        let (lo, hi) = (x.lo().clone().floor(), x.hi().clone().floor());
        (lo == hi).then(|| Interval::new(lo, hi))
    }

    fn compare(&self, a: &Interval, b: &Interval) -> Option<Ordering> {
        a.order(b)
    }
}
