//! What the theorems are tried on, the same on every run.

use num_complex::Complex;
use ropewalk::exact::{Interval, Ratio};

/// Positions of a query and a key: equal, adjacent, far, near 2³¹ and beyond 2⁵³, negative.
pub(super) const POSITIONS: [(i64, i64); 8] = [
    (0, 0),
    (1, 0),
    (2, 7),
    (4096, 100),
    (1 << 31, (1 << 31) - 19),
    ((1 << 53) + 1, (1 << 53) - 2),
    (-12, 131_071),
    ((1 << 53) + 1, -(1 << 31)),
];

/// Three points of the unit circle with rational coordinates, ((1 − t²) + 2ti)/(1 + t²) for
/// t = 1/2, 2/3 and −4: as many as a Laurent polynomial with exponents −1, 0, 1 has coefficients.
pub(super) fn rational_points() -> [Complex<Ratio>; 3] {
    let point = |x, y, radius| Complex::new(Ratio::new(x, radius), Ratio::new(y, radius));
    [point(3, 4, 5), point(5, 12, 13), point(-15, -8, 17)]
}

/// A reproducible sequence (splitmix64, Steele et al. 2014).
#[derive(Clone, Debug)]
pub(super) struct Sample(pub(super) u64);

impl Sample {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A multiple of 2⁻²³ in [−1, 1), exactly.
    pub(super) fn number(&mut self) -> Interval {
        let integer = (self.next() >> 40) as i64 - (1 << 23);
        &Interval::point(integer) / &Interval::point(1 << 23)
    }

    /// Many of them.
    pub(super) fn vector(&mut self, count: usize) -> Vec<Interval> {
        (0..count).map(|_| self.number()).collect()
    }

    /// Many complex ones.
    pub(super) fn planes(&mut self, count: usize) -> Vec<Complex<Interval>> {
        (0..count).map(|_| Complex::new(self.number(), self.number())).collect()
    }
}
