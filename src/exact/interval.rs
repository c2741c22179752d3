//! Intervals with directed rounding, that `num_complex` can compute with.

use super::ratio::Ratio;
use num_traits::{Num, One, Zero};
use rug::Float;
use rug::float::Round::{Down, Up};
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// A closed interval [lo, hi] that contains the exact value: lo is rounded down, hi up, always.
///
/// A result has the larger precision of its operands, so exact inputs may be short.
///
/// ```
/// use num_complex::Complex;
/// use ropewalk::exact::Interval;
/// let third = Interval::point(1) / Interval::point(3).widen(64);
/// assert!(third.lo() < third.hi());
/// let z = Complex::new(third.clone(), third);
/// assert!((z.clone() * z).re.contains_zero());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    lo: Float,
    hi: Float,
}

impl Interval {
    /// From endpoints, the lower one first.
    pub fn new(lo: Float, hi: Float) -> Interval {
        debug_assert!(lo <= hi);
        Interval { lo, hi }
    }

    /// An integer, exactly.
    pub fn point(n: i64) -> Interval {
        let x = Float::with_val(64, n);
        Interval { lo: x.clone(), hi: x }
    }

    /// A float, exactly.
    pub fn exactly(x: Float) -> Interval {
        Interval { lo: x.clone(), hi: x }
    }

    /// The tightest enclosure of a rational at a precision.
    pub fn of_ratio(x: &Ratio, precision: u32) -> Interval {
        Interval {
            lo: Float::with_val_round(precision, &x.0, Down).0,
            hi: Float::with_val_round(precision, &x.0, Up).0,
        }
    }

    /// The same interval with room for `precision` bits in what is computed from it.
    pub fn widen(self, precision: u32) -> Interval {
        let precision = precision.max(self.precision());
        Interval {
            lo: Float::with_val_round(precision, &self.lo, Down).0,
            hi: Float::with_val_round(precision, &self.hi, Up).0,
        }
    }

    /// The lower endpoint.
    pub fn lo(&self) -> &Float {
        &self.lo
    }

    /// The upper endpoint.
    pub fn hi(&self) -> &Float {
        &self.hi
    }

    /// Bits of the endpoints.
    pub fn precision(&self) -> u32 {
        self.lo.prec().max(self.hi.prec())
    }

    /// Whether 0 lies inside.
    pub fn contains_zero(&self) -> bool {
        self.lo <= 0 && self.hi >= 0
    }

    /// Whether it holds one number only.
    pub fn is_point(&self) -> bool {
        self.lo == self.hi
    }

    /// The order of all its numbers against all of the other's; none if that depends.
    pub fn order(&self, other: &Interval) -> Option<Ordering> {
        if self.hi < other.lo {
            Some(Ordering::Less)
        } else if self.lo > other.hi {
            Some(Ordering::Greater)
        } else if self.is_point() && other.is_point() {
            Some(Ordering::Equal)
        } else {
            None
        }
    }

    /// |x| for every x inside.
    pub fn abs(&self) -> Interval {
        if self.lo >= 0 {
            self.clone()
        } else if self.hi <= 0 {
            -self.clone()
        } else {
            let low = Float::with_val_round(self.precision(), -&self.lo, Up).0;
            let hi = if low > self.hi { low } else { self.hi.clone() };
            Interval { lo: Float::new(self.precision()), hi }
        }
    }

    /// √x; the part below zero, which only rounding brings, is cut off.
    pub fn sqrt(&self) -> Interval {
        let precision = self.precision();
        let root = |x: &Float, round| match *x <= 0 {
            true => Float::new(precision),
            false => Float::with_val_round(precision, x.sqrt_ref(), round).0,
        };
        Interval { lo: root(&self.lo, Down), hi: root(&self.hi, Up) }
    }

    /// hi − lo, rounded up.
    pub fn width(&self) -> Float {
        Float::with_val_round(self.precision(), &self.hi - &self.lo, Up).0
    }
}

fn precision_of(a: &Interval, b: &Interval) -> u32 {
    a.precision().max(b.precision())
}

fn smaller(a: Float, b: Float) -> Float {
    if b < a { b } else { a }
}

fn larger(a: Float, b: Float) -> Float {
    if b > a { b } else { a }
}

impl Add<&Interval> for &Interval {
    type Output = Interval;
    fn add(self, other: &Interval) -> Interval {
        let p = precision_of(self, other);
        Interval {
            lo: Float::with_val_round(p, &self.lo + &other.lo, Down).0,
            hi: Float::with_val_round(p, &self.hi + &other.hi, Up).0,
        }
    }
}

impl Sub<&Interval> for &Interval {
    type Output = Interval;
    fn sub(self, other: &Interval) -> Interval {
        let p = precision_of(self, other);
        Interval {
            lo: Float::with_val_round(p, &self.lo - &other.hi, Down).0,
            hi: Float::with_val_round(p, &self.hi - &other.lo, Up).0,
        }
    }
}

impl Mul<&Interval> for &Interval {
    type Output = Interval;
    fn mul(self, other: &Interval) -> Interval {
        let p = precision_of(self, other);
        let down = |a: &Float, b: &Float| Float::with_val_round(p, a * b, Down).0;
        let up = |a: &Float, b: &Float| Float::with_val_round(p, a * b, Up).0;
        let (a, b, c, d) = (&self.lo, &self.hi, &other.lo, &other.hi);
        // The signs say which products are extreme; only two intervals around zero need all four.
        let (lo, hi) = match (*a >= 0, *b <= 0, *c >= 0, *d <= 0) {
            (true, _, true, _) => (down(a, c), up(b, d)),
            (true, _, _, true) => (down(b, c), up(a, d)),
            (true, ..) => (down(b, c), up(b, d)),
            (_, true, true, _) => (down(a, d), up(b, c)),
            (_, true, _, true) => (down(b, d), up(a, c)),
            (_, true, ..) => (down(a, d), up(a, c)),
            (_, _, true, _) => (down(a, d), up(b, d)),
            (_, _, _, true) => (down(b, c), up(a, c)),
            _ => (smaller(down(a, d), down(b, c)), larger(up(a, c), up(b, d))),
        };
        Interval { lo, hi }
    }
}

impl Div<&Interval> for &Interval {
    type Output = Interval;
    /// The whole line if the divisor contains zero.
    fn div(self, other: &Interval) -> Interval {
        let p = precision_of(self, other);
        if other.contains_zero() {
            use rug::float::Special::{Infinity, NegInfinity};
            return Interval {
                lo: Float::with_val(p, NegInfinity),
                hi: Float::with_val(p, Infinity),
            };
        }
        let down = |a: &Float, b: &Float| Float::with_val_round(p, a / b, Down).0;
        let up = |a: &Float, b: &Float| Float::with_val_round(p, a / b, Up).0;
        let (a, b, c, d) = (&self.lo, &self.hi, &other.lo, &other.hi);
        let (lo, hi) = match (*a >= 0, *b <= 0, *c > 0) {
            (true, _, true) => (down(a, d), up(b, c)),
            (true, _, false) => (down(b, d), up(a, c)),
            (_, true, true) => (down(a, c), up(b, d)),
            (_, true, false) => (down(b, c), up(a, d)),
            (_, _, true) => (down(a, c), up(b, c)),
            (_, _, false) => (down(b, d), up(a, d)),
        };
        Interval { lo, hi }
    }
}

macro_rules! by_value {
    ($trait:ident, $method:ident) => {
        impl $trait for Interval {
            type Output = Interval;
            fn $method(self, other: Interval) -> Interval {
                $trait::$method(&self, &other)
            }
        }
    };
}
by_value!(Add, add);
by_value!(Sub, sub);
by_value!(Mul, mul);
by_value!(Div, div);

impl Rem for Interval {
    type Output = Interval;
    /// Encloses a − b · trunc(a/b).
    fn rem(self, other: Interval) -> Interval {
        let quotient = &self / &other;
        let whole = Interval { lo: quotient.lo.trunc(), hi: quotient.hi.trunc() };
        &self - &(&other * &whole)
    }
}

impl Neg for Interval {
    type Output = Interval;
    fn neg(self) -> Interval {
        Interval { lo: -self.hi, hi: -self.lo }
    }
}

impl Zero for Interval {
    fn zero() -> Interval {
        Interval::point(0)
    }
    fn is_zero(&self) -> bool {
        self.lo.is_zero() && self.hi.is_zero()
    }
}

impl One for Interval {
    fn one() -> Interval {
        Interval::point(1)
    }
}

impl Num for Interval {
    type FromStrRadixErr = rug::float::ParseFloatError;
    /// Encloses a numeral at 128 bits.
    fn from_str_radix(text: &str, radix: u32) -> Result<Interval, Self::FromStrRadixErr> {
        let parse = |round| {
            let parsed = Float::parse_radix(text, radix.clamp(2, 36) as i32)?;
            Ok(Float::with_val_round(128, parsed, round).0)
        };
        Ok(Interval { lo: parse(Down)?, hi: parse(Up)? })
    }
}
