//! Intervals of f64 with outward rounding, and what rounding in a format does to them.
//!
//! With a format, a [`Span`] holds every number that any machine of that format may get; without
//! one it encloses the exact number. The distance of the two bounds the error.

use super::Accuracy;
use super::elementary::Elementary;
use super::machine::{Machine, contains, power_of_two};
use crate::encoding::Arithmetic;
use crate::number::Format;
use std::cmp::Ordering;

/// All numbers from `lo` to `hi`, or those of a format among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) lo: f64,
    pub(super) hi: f64,
    /// The format that they are of, if they are results of a machine: a conversion into one that
    /// holds it changes nothing.
    format: Option<Format>,
}

/// Computes with spans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    /// Whose rounding is added; none for exact numbers.
    pub(super) machine: Option<Machine>,
    /// Errors of the elementary functions.
    pub(super) accuracy: Accuracy,
}

impl Span {
    pub(super) fn point(x: f64) -> Span {
        Span::new(x, x)
    }

    fn new(lo: f64, hi: f64) -> Span {
        Span { lo, hi, format: None }
    }

    /// Whether both are the same single number.
    pub(super) fn same_point(&self, other: &Span) -> bool {
        self.is(self.lo) && other.is(self.lo)
    }

    pub(super) fn is(&self, x: f64) -> bool {
        self.lo == x && self.hi == x
    }

    /// The largest |number|.
    pub(super) fn reach(&self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// The largest distance of a number of one from a number of the other, rounded up.
    pub(super) fn distance(&self, other: &Span) -> f64 {
        if self.same_point(other) {
            return 0.0;
        }
        (self.hi - other.lo).max(other.hi - self.lo).next_up()
    }

    fn hull(list: &[(f64, f64)]) -> Option<Span> {
        let lo = list.iter().map(|x| x.0).fold(f64::INFINITY, f64::min);
        let hi = list.iter().map(|x| x.1).fold(f64::NEG_INFINITY, f64::max);
        (lo <= hi && lo.is_finite() && hi.is_finite()).then_some(Span::new(lo, hi))
    }
}

/// A result and whether it is exact, as an enclosure.
fn around(x: f64, exact: bool) -> (f64, f64) {
    if exact || x.is_nan() { (x, x) } else { (x.next_down(), x.next_up()) }
}

fn sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let part = s - a;
    around(s, (a - (s - part)) + (b - part) == 0.0)
}

fn product(a: f64, b: f64) -> (f64, f64) {
    let p = a * b;
    // Where the error itself could underflow, the test says nothing.
    around(p, a == 0.0 || b == 0.0 || (p.abs() > 1e-280 && a.mul_add(b, -p) == 0.0))
}

fn quotient(a: f64, b: f64) -> (f64, f64) {
    let q = a / b;
    around(q, a == 0.0 || (q.abs() > 1e-280 && a.abs() > 1e-280 && q.mul_add(b, -a) == 0.0))
}

/// f(x) for a function of the `libm` crate, whose errors stay below 1 ulp.
fn enclosed(x: f64) -> (f64, f64) {
    let ulp = x.abs().next_up() - x.abs();
    (x - ulp, x + ulp)
}

impl Spans {
    /// Exact numbers.
    pub(super) fn exact() -> Spans {
        Spans { machine: None, accuracy: Accuracy::CORRECT }
    }

    /// What one rounding of the format makes of it.
    fn rounded(&self, span: Span) -> Span {
        self.rounded_within(span, 0.5)
    }

    /// What a result within `ulps` of the true one makes of it.
    fn rounded_within(&self, span: Span, ulps: f64) -> Span {
        let Some(machine) = &self.machine else { return span };
        if span.lo == span.hi && machine.round(span.lo) == span.lo {
            return span;
        }
        let slack = |x: f64| slack(machine, x.abs(), ulps);
        let (lo, hi) = (span.lo - slack(span.lo), span.hi + slack(span.hi));
        Span { lo: lo.next_down(), hi: hi.next_up(), format: Some(machine.format) }
    }

    fn monotone(&self, x: &Span, ulps: f64, f: fn(f64) -> f64) -> Option<Span> {
        let span = Span::hull(&[enclosed(f(x.lo)), enclosed(f(x.hi))])?;
        Some(self.rounded_within(span, ulps))
    }
}

/// The most that a result of size `x` within `ulps` (0.5: correctly rounded) is off.
///
/// ulp(x) ≤ 2u|x| for normal x with u = 2^(−p), and half an ulp is at most u|x|; below the normal
/// numbers an ulp is 2^least_exponent, and all of them are lost to a machine that flushes.
pub(super) fn slack(machine: &Machine, x: f64, ulps: f64) -> f64 {
    let format = machine.format;
    let relative = 2.0 * ulps * unit(format) * x;
    let least = ulps * power_of_two(format.least_exponent());
    let least = if machine.flush { least.max(power_of_two(format.e_min())) } else { least };
    relative.max(least).next_up()
}

/// The unit roundoff 2^(−p).
pub(super) fn unit(format: Format) -> f64 {
    power_of_two(-(format.precision as i32))
}

impl Arithmetic for Spans {
    type Scalar = Span;

    fn integer(&self, n: i128) -> Option<Span> {
        let x = n as f64;
        // The conversion back saturates, which only ever finds a difference.
        let span = around(x, x as i128 == n && n != i128::MAX);
        Some(self.rounded(Span::hull(&[span])?))
    }
    fn dyadic(&self, x: f64) -> Option<Span> {
        Some(self.rounded(Span::point(x)))
    }
    fn pi(&self) -> Option<Span> {
        let pi = std::f64::consts::PI;
        Some(self.rounded(Span::new(pi, pi.next_up())))
    }
    fn add(&self, a: &Span, b: &Span) -> Option<Span> {
        Some(self.rounded(Span::hull(&[sum(a.lo, b.lo), sum(a.hi, b.hi)])?))
    }
    fn sub(&self, a: &Span, b: &Span) -> Option<Span> {
        Some(self.rounded(Span::hull(&[sum(a.lo, -b.hi), sum(a.hi, -b.lo)])?))
    }
    fn mul(&self, a: &Span, b: &Span) -> Option<Span> {
        let corners = [(a.lo, b.lo), (a.lo, b.hi), (a.hi, b.lo), (a.hi, b.hi)];
        Some(self.rounded(Span::hull(&corners.map(|(a, b)| product(a, b)))?))
    }
    fn div(&self, a: &Span, b: &Span) -> Option<Span> {
        if b.lo <= 0.0 && b.hi >= 0.0 {
            return None;
        }
        let corners = [(a.lo, b.lo), (a.lo, b.hi), (a.hi, b.lo), (a.hi, b.hi)];
        Some(self.rounded(Span::hull(&corners.map(|(a, b)| quotient(a, b)))?))
    }
    fn power(&self, x: &Span, a: i64, b: i64) -> Option<Span> {
        match (a, b) {
            (1, 1) => Some(*x),
            (2, 1) => self.mul(x, x),
            (1, 2) => {
                let roots = [x.lo, x.hi].map(|x| {
                    let root = libm::sqrt(x);
                    around(root, root.mul_add(root, -x) == 0.0 && x > 1e-280)
                });
                Some(self.rounded(Span::hull(&roots)?))
            }
            _ => self.pow(x, &self.div(&self.integer(a as i128)?, &self.integer(b as i128)?)?),
        }
    }
    fn ln(&self, x: &Span) -> Option<Span> {
        if x.lo <= 0.0 {
            return None;
        }
        if x.is(1.0) {
            Some(Span::point(0.0))
        } else {
            self.monotone(x, self.accuracy.log, libm::log)
        }
    }
    fn floor(&self, x: &Span) -> Option<Span> {
        Some(Span::new(libm::floor(x.lo), libm::floor(x.hi)))
    }
    fn compare(&self, a: &Span, b: &Span) -> Option<Ordering> {
        if a.hi < b.lo {
            Some(Ordering::Less)
        } else if a.lo >= b.hi {
            Some(if a.lo == b.hi && a.hi == b.lo { Ordering::Equal } else { Ordering::Greater })
        } else {
            None
        }
    }
}

impl Elementary for Spans {
    fn convert(&self, x: &Span) -> Span {
        match (&self.machine, x.format) {
            (Some(machine), Some(held)) if !machine.flush && contains(machine.format, held) => *x,
            _ => self.rounded(*x),
        }
    }
    fn pow(&self, x: &Span, y: &Span) -> Option<Span> {
        if x.lo <= 0.0 {
            return None;
        }
        // Exact by IEEE's recommendation and in every library: 1^y, x^0 and x^1.
        if x.is(1.0) || y.is(0.0) {
            return Some(Span::point(1.0));
        }
        if y.is(1.0) {
            return Some(*x);
        }
        // Monotone in x and in y, so that the extremes are at corners.
        let corners = [(x.lo, y.lo), (x.lo, y.hi), (x.hi, y.lo), (x.hi, y.hi)];
        let span = Span::hull(&corners.map(|(x, y)| enclosed(libm::pow(x, y))))?;
        Some(self.rounded_within(span, self.accuracy.pow))
    }
    fn exp(&self, x: &Span) -> Option<Span> {
        if x.is(0.0) {
            Some(Span::point(1.0))
        } else {
            self.monotone(x, self.accuracy.exp, libm::exp)
        }
    }
    fn exp2(&self, x: &Span) -> Option<Span> {
        if x.is(0.0) {
            Some(Span::point(1.0))
        } else {
            self.monotone(x, self.accuracy.exp, libm::exp2)
        }
    }
    fn log2(&self, x: &Span) -> Option<Span> {
        if x.lo <= 0.0 {
            return None;
        }
        if x.is(1.0) {
            Some(Span::point(0.0))
        } else {
            self.monotone(x, self.accuracy.log, libm::log2)
        }
    }
    fn either(
        &self,
        order: Option<Ordering>,
        then: &dyn Fn() -> Option<Span>,
        otherwise: &dyn Fn() -> Option<Span>,
    ) -> Option<Span> {
        match order {
            Some(Ordering::Less) => then(),
            Some(_) => otherwise(),
            // Some machine of the profile takes the one, some other the other.
            None => {
                let (a, b) = (then()?, otherwise()?);
                Span::hull(&[(a.lo, a.hi), (b.lo, b.hi)])
            }
        }
    }
    fn smaller(&self, a: &Span, b: &Span) -> Option<Span> {
        Some(Span::new(a.lo.min(b.lo), a.hi.min(b.hi)))
    }
    fn key(&self, x: &Span) -> [u64; 2] {
        [x.lo.to_bits(), x.hi.to_bits()]
    }
    fn larger(&self, a: &Span, b: &Span) -> Option<Span> {
        Some(Span::new(a.lo.max(b.lo), a.hi.max(b.hi)))
    }
}
