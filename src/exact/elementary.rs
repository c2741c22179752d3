//! cos and sin of an interval.

use super::interval::Interval;
use num_complex::Complex;
use rug::Float;
use rug::float::Round::{Down, Up};

/// Encloses (sin φ, cos φ) for every φ in an interval, in radians.
///
/// One MPFR call at the middle m: both functions have slopes within ±1, so they move by at most
/// the radius of the interval. MPFR rounds to nearest, hence its neighbours enclose the value at
/// m, relatively to the value, and tiny sines keep their accuracy.
pub fn sin_cos(angle: &Interval) -> (Interval, Interval) {
    let precision = angle.precision();
    let mut middle = Float::with_val(precision + 1, angle.lo() + angle.hi());
    middle >>= 1;
    let below = Float::with_val_round(precision, &middle - angle.lo(), Up).0;
    let above = Float::with_val_round(precision, angle.hi() - &middle, Up).0;
    let radius = if below > above { below } else { above };
    let (sin, cos) = middle.sin_cos(Float::new(precision));
    let enclose = |value: Float| {
        let (mut lo, mut hi) = (value.clone(), value);
        lo.next_down();
        hi.next_up();
        let lo = Float::with_val_round(precision, &lo - &radius, Down).0;
        let hi = Float::with_val_round(precision, &hi + &radius, Up).0;
        let unit = |n: i32| Float::with_val(precision, n);
        Interval::new(if lo < -1 { unit(-1) } else { lo }, if hi > 1 { unit(1) } else { hi })
    };
    (enclose(sin), enclose(cos))
}

/// Encloses e^{iφ}.
pub fn phasor(angle: &Interval) -> Complex<Interval> {
    let (sin, cos) = sin_cos(angle);
    Complex::new(cos, sin)
}
