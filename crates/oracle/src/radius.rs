//! Upper bounds of magnitudes, in two machine words.

use rug::Integer;

/// The length that significands are kept at. Rounding up costs a factor of at most 1 + 2⁻³¹.
const LENGTH: u32 = 32;

/// A bound `significand` · 2^`exponent` ≥ 0 on the size of an error; every operation rounds up.
///
/// Errors need few digits but the whole exponent range, so this is a small float of its own rather
/// than an integer in units of somebody's last place (as the `mag_t` of Johansson, *Arb: efficient
/// arbitrary-precision midpoint-radius interval arithmetic*, 2017).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radius {
    /// 0, or with the leading bit in place [`LENGTH`] − 1.
    significand: u64,
    exponent: i64,
}

/// The leading bits of |x|: (window, shift) with |x| = (window + δ) · 2^shift, 0 ≤ δ < 1, and bit
/// 63 of the window set unless x is 0. If shift ≤ 0 then δ = 0.
pub(super) fn leading(x: &Integer) -> (u64, i64) {
    let limbs = x.as_limbs();
    let limb_bits = limbs.first().map_or(64, |limb| 8 * size_of_val(limb));
    let taken = limbs.len().min(128 / limb_bits);
    let window =
        limbs.iter().rev().take(taken).fold(0u128, |high, limb| high << limb_bits | *limb as u128);
    if window == 0 {
        return (0, 0);
    }
    let zeros = window.leading_zeros();
    let below = (limbs.len() - taken) * limb_bits;
    (((window << zeros) >> 64) as u64, below as i64 + 64 - i64::from(zeros))
}

impl Radius {
    /// No error at all.
    pub const ZERO: Radius = Radius { significand: 0, exponent: 0 };

    /// At least `value` · 2^`exponent`.
    pub fn new(value: u64, exponent: i64) -> Radius {
        if value == 0 {
            return Radius::ZERO;
        }
        let length = 64 - value.leading_zeros();
        let Some(excess) = length.checked_sub(LENGTH) else {
            let lift = LENGTH - length;
            return Radius { significand: value << lift, exponent: exponent - i64::from(lift) };
        };
        let (significand, exponent) = (ceiling(value, excess), exponent + i64::from(excess));
        // Rounding 11…1 up gives one bit too many, and that bit alone.
        match significand >> LENGTH {
            0 => Radius { significand, exponent },
            _ => Radius { significand: significand >> 1, exponent: exponent + 1 },
        }
    }

    /// Exactly 2^`exponent`: one unit of that last place.
    pub fn unit(exponent: i64) -> Radius {
        Radius::new(1, exponent)
    }

    /// At least |`x`| · 2^`exponent`.
    pub(super) fn above(x: &Integer, exponent: i64) -> Radius {
        let (window, shift) = leading(x);
        if shift <= 0 {
            return Radius::new(window, exponent + shift);
        }
        let half = 64 - LENGTH;
        Radius::new((window >> half) + 1, exponent + shift + i64::from(half))
    }

    /// Whether the bound is 0, that is, the value it belongs to is exact.
    pub fn is_zero(self) -> bool {
        self.significand == 0
    }

    /// t with bound < 2^t and bound ≥ 2^(t − 1); very small for a zero bound.
    pub fn top(self) -> i64 {
        if self.is_zero() { i64::MIN / 4 } else { self.exponent + i64::from(LENGTH) }
    }

    /// The bound times 2^`k`, exactly.
    pub(super) fn scaled(self, k: i64) -> Radius {
        if self.is_zero() { self } else { Radius { exponent: self.exponent + k, ..self } }
    }

    /// At least the sum.
    pub(super) fn plus(self, other: Radius) -> Radius {
        let (large, small) = if self.top() >= other.top() { (self, other) } else { (other, self) };
        if small.is_zero() {
            return large;
        }
        let distance = (large.exponent - small.exponent).min(i64::from(LENGTH)) as u32;
        Radius::new(large.significand + ceiling(small.significand, distance), large.exponent)
    }

    /// At least the product.
    pub(super) fn times(self, other: Radius) -> Radius {
        // 2 · LENGTH bits: the product is exact.
        Radius::new(self.significand * other.significand, self.exponent + other.exponent)
    }

    /// At least the quotient by |`x`| · 2^`exponent`, x ≠ 0.
    pub(super) fn over(self, x: &Integer, exponent: i64) -> Radius {
        let (window, shift) = leading(x);
        let (denominator, half) = (window >> (64 - LENGTH), i64::from(64 - LENGTH));
        debug_assert!(denominator != 0);
        let quotient = (self.significand << LENGTH).div_ceil(denominator.max(1));
        Radius::new(quotient, self.exponent - i64::from(LENGTH) - (exponent + shift + half))
    }

    /// The least multiple of 2^`exponent` that is at least the bound, as that multiple.
    pub(super) fn in_units(self, exponent: i64) -> Integer {
        let shift = self.exponent - exponent;
        if self.is_zero() {
            Integer::new()
        } else if shift >= 0 {
            Integer::from(self.significand) << shift as usize
        } else {
            Integer::from(ceiling(self.significand, (-shift).min(64) as u32))
        }
    }
}

/// ⌈value / 2^shift⌉ for any shift.
fn ceiling(value: u64, shift: u32) -> u64 {
    let kept = value.checked_shr(shift).unwrap_or(0);
    let restored = kept.checked_shl(shift).unwrap_or(0);
    kept + u64::from(restored != value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rug::Rational;

    impl Radius {
        /// The bound as a rational.
        pub(in super::super) fn exact(self) -> Rational {
            Rational::from(self.significand) << i32::try_from(self.exponent).unwrap()
        }
    }

    fn exact(radius: Radius) -> Rational {
        radius.exact()
    }

    #[test]
    fn every_operation_rounds_up_and_by_little() {
        let values = [1u64, 3, 5, 0xffff_ffff, 0x1_0000_0001, u64::MAX, u64::MAX - 1, 1 << 63];
        let slack = Rational::from((1u64 << 28, (1u64 << 28) - 1));
        let tight = |bound: Radius, truth: Rational| {
            assert!(exact(bound) >= truth, "{bound:?} below {truth}");
            assert!(exact(bound) <= truth * &slack);
        };
        for a in values {
            for b in values {
                for (i, j) in [(0, 0), (5, -3), (-70, 2), (40, 0)] {
                    let (x, y) = (Radius::new(a, i), Radius::new(b, j));
                    tight(x, exact(Radius::unit(i)) * a);
                    tight(x.plus(y), exact(x) + exact(y));
                    tight(x.times(y), exact(x) * exact(y));
                    let long = Integer::from(b) << 90;
                    let y = exact(Radius::unit(j + 90)) * b;
                    tight(Radius::above(&long, j), y.clone());
                    tight(x.over(&long, j), exact(x) / y);
                }
            }
        }
    }

    #[test]
    fn leading_bits() {
        assert_eq!(leading(&Integer::new()), (0, 0));
        assert_eq!(leading(&Integer::from(-1)), (1 << 63, -63));
        assert_eq!(leading(&((Integer::from(1) << 200) - 1)), (u64::MAX, 136));
        assert_eq!(Radius::unit(3).in_units(3), 1);
        assert_eq!(Radius::unit(3).in_units(900), 1);
        assert_eq!(Radius::new(5, 3).in_units(1), 20);
    }
}
