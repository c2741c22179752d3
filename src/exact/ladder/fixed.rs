//! Complex numbers in 126-bit fixed point: integers, so that their errors are counted, not
//! estimated.

use super::bound::{FRACTION_BITS, power_of_two};

/// (re + i·im) · 2^−126, with components within ±1 and a little.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixed {
    pub(super) re: i128,
    pub(super) im: i128,
}

impl Fixed {
    /// 1, exactly. A product with it is exact too.
    pub(super) const ONE: Fixed = Fixed { re: 1 << FRACTION_BITS, im: 0 };
    /// 0: what stands where no seed can be computed, so that every entry fails the rounding test.
    pub(super) const ZERO: Fixed = Fixed { re: 0, im: 0 };

    /// The product; each component errs by less than 3 units.
    pub(super) fn times(self, other: Fixed) -> Fixed {
        Fixed {
            re: multiply(self.re, other.re) - multiply(self.im, other.im),
            im: multiply(self.re, other.im) + multiply(self.im, other.re),
        }
    }

    /// The complex conjugate, exactly.
    pub(super) fn conjugate(self) -> Fixed {
        Fixed { re: self.re, im: -self.im }
    }
}

/// a·b·2^−126 towards zero, less than 1 + 2^−62 short, for |a|, |b| < 2^127.
fn multiply(a: i128, b: i128) -> i128 {
    let negative = (a < 0) != (b < 0);
    let halves = |x: i128| {
        let x = x.unsigned_abs();
        (x >> 64, x as u64 as u128)
    };
    let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
    // a1, b1 ≤ 2^62 for components up to 1, so the sum of the middle terms stays below 2^128.
    let middle = a1 * b0 + a0 * b1 + ((a0 * b0) >> 64);
    let product = (((a1 * b1) << 2) + (middle >> 62)) as i128;
    if negative { -product } else { product }
}

/// hi + lo ≈ x·2^−126 with hi = RN(hi + lo); errs by at most 2^−107.
///
/// Three pieces of 43 bits are exact in binary64, and so is every step but the sum of the two low
/// parts, which is rounded once. That sum is at most half an ulp of hi, 2^−54, but for a tie of the
/// middle piece with something behind it, which is a little more and lies in the next binade.
pub(super) fn to_double(x: i128) -> (f64, f64) {
    const PIECE: u32 = 43;
    let magnitude = x.unsigned_abs();
    let piece = |shift: u32| ((magnitude >> shift) as u64 & ((1 << PIECE) - 1)) as f64;
    let unit = power_of_two(-(FRACTION_BITS as i32));
    let high = (magnitude >> (2 * PIECE)) as u64 as f64 * (unit * power_of_two(86));
    let middle = piece(PIECE) * (unit * power_of_two(43));
    let low = piece(0) * unit;
    // Each is 0 or larger than all that follow, so FastTwoSum is exact both times.
    let sum = high + middle;
    let rest = middle - (sum - high) + low;
    let hi = sum + rest;
    let lo = rest - (hi - sum);
    if x < 0 { (-hi, -lo) } else { (hi, lo) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rug::{Float, Integer};

    fn samples() -> impl Iterator<Item = i128> {
        let mut state = 1u128;
        (0..4000).map(move |i| {
            state = state.wrapping_mul(0x2360ed051fc65da44385df649fccf645).wrapping_add(0x14057b7e);
            let x = (state >> 1) as i128 >> (1 + i % 126);
            if i % 3 == 0 { -x } else { x }
        })
    }

    #[test]
    fn products_err_below_their_bound() {
        let list: Vec<i128> = samples().chain([1 << 126, -(1 << 126), 0, 1]).collect();
        for (a, b) in list.iter().zip(list.iter().rev()) {
            let exact = Integer::from(*a) * Integer::from(*b);
            let error: Integer = exact - (Integer::from(multiply(*a, *b)) << 126);
            assert!(error.abs() < (Integer::from(1) << 126) + (Integer::from(1) << 65), "{a} {b}");
            assert_eq!(multiply(*a, 1 << 126), *a);
        }
    }

    #[test]
    fn pairs_are_close_and_normalised() {
        // The last one has a middle piece that ties, and errs by 2^−107.
        let tie = (1 << 125) + (1 << 72) + (1 << 19);
        for x in samples().chain([1 << 126, -(1 << 126), 0, 1, -1, (1 << 126) - 1, tie]) {
            let (hi, lo) = to_double(x);
            assert_eq!(hi + lo, hi);
            assert!(lo.abs() <= power_of_two(-54));
            let value = Float::with_val(300, x) >> 126;
            let pair = Float::with_val(300, hi) + Float::with_val(300, lo);
            let error: Float = value - pair;
            let error = error.abs();
            assert!(error <= power_of_two(-107), "{x}");
            assert_eq!(x == tie, error > power_of_two(-108), "{x}");
        }
    }
}
