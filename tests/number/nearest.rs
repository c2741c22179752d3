//! A slow oracle: the nearest of all encodings, found by looking at each of them.

use super::{SMALL, exact_f64, random};
use ropewalk::number::{Format, Wide};

/// The value of a non-negative TOY encoding in units of 2⁻⁹, from the definition of the format;
/// ∞ stands where the next number would, which is how IEEE 754 defines overflow to nearest.
fn toy_in_units(bits: u64) -> i128 {
    let (biased, fraction) = ((bits >> 3) as u32, (bits & 7) as i128);
    if biased == 0 { fraction } else { (8 + fraction) << (biased - 1) }
}

/// Rounds k / 2^j by exhaustive search over all 256 encodings; the sign of a zero is k's, and a
/// negative k has none.
fn nearest(k: i128, j: u32) -> u64 {
    let mut best: Option<(i128, u64)> = None;
    for bits in (0..256u64).filter(|bits| bits & 0x7f <= 0x78) {
        let sign = if bits & 0x80 == 0 { 1 } else { -1 };
        // |value − k / 2^j| in units of 2^(−9−j)
        let distance = (sign * (toy_in_units(bits & 0x7f) << j) - (k << 9)).abs();
        let better = match best {
            None => true,
            Some((least, held)) if distance == least => {
                // A tie between neighbours goes to the even one; one between the zeros to k's sign.
                if bits & 0x7f == held & 0x7f { (sign < 0) == (k < 0) } else { bits & 1 == 0 }
            }
            Some((least, _)) => distance < least,
        };
        if better {
            best = Some((distance, bits));
        }
    }
    best.unwrap().1
}

#[test]
fn the_toy_agrees_with_a_search_over_all_encodings() {
    // With j = 0 the integers run past the overflow threshold 248; with j = 13 every step is 2⁻⁴
    // of the smallest subnormal.
    for j in 0..=13u32 {
        for k in -700..=700i128 {
            let wide = Wide::dyadic(k < 0, k.unsigned_abs(), -(j as i64));
            assert_eq!(Format::TOY.round(&wide), nearest(k, j), "{k} / 2^{j}");
        }
    }
}

#[test]
fn the_toy_agrees_with_the_search_when_sticky() {
    // Anywhere strictly between k and k + 1: the search is asked for the middle, and the answer is
    // the same for all of it, since k has precision + 2 bits.
    for j in 0..=14u32 {
        for k in 32..=300i128 {
            for negative in [false, true] {
                let wide = Wide { sticky: true, ..Wide::dyadic(negative, k as u128, -(j as i64)) };
                let middle = if negative { -(2 * k + 1) } else { 2 * k + 1 };
                assert_eq!(Format::TOY.round(&wide), nearest(middle, j + 1), "{k} / 2^{j}");
            }
        }
    }
}

/// Whether a finite pattern is the rounding of x: x lies between its midpoints with the neighbours,
/// and on one only if the pattern is even. Both are exact in f64 for the small formats.
fn is_rounding(format: Format, x: f64, bits: u64) -> bool {
    let value = |bits: u64| {
        if format.is_finite(bits) {
            format.to_f64(bits)
        } else {
            let next = 2f64.powi(format.e_max() + 1);
            if bits & format.sign_bit() == 0 { next } else { -next }
        }
    };
    let down = (value(format.next_down(bits).unwrap()) + value(bits)) / 2.0;
    let up = (value(bits) + value(format.next_up(bits).unwrap())) / 2.0;
    if bits & 1 == 0 { down <= x && x <= up } else { down < x && x < up }
}

/// f64 values within the range of a small format: anywhere, and close to where rounding turns.
fn probes(format: Format, seed: u64, count: usize) -> impl Iterator<Item = f64> {
    let mut next = random(seed);
    (0..count).map(move |i| {
        let value = format.to_f64(next() % format.largest());
        let ulp = 2f64.powi(format.ulp_exponent(format.round(&exact_f64(value))).unwrap());
        let middle = value + ulp / 2.0;
        let x = match i % 4 {
            0 => value + ulp * (next() >> 11) as f64 * 2f64.powi(-53),
            1 => middle,
            // The last place of binary64 decides, and no narrower format would hold it.
            2 => middle.next_up(),
            _ => middle.next_down(),
        };
        if next() & 1 == 0 { x } else { -x }
    })
}

#[test]
fn binary64_to_the_small_formats_keeps_between_the_midpoints() {
    for format in SMALL {
        for x in probes(format, 3, 40_000) {
            let bits = format.round(&exact_f64(x));
            assert!(is_rounding(format, x, bits), "{format:?} {x:e} {bits:x}");
            assert_eq!(bits & format.sign_bit() != 0, x < 0.0);
        }
    }
}

#[test]
fn the_midpoint_test_would_notice_a_neighbour() {
    for x in probes(Format::F16, 4, 4_000) {
        let bits = Format::F16.round(&exact_f64(x));
        for wrong in [Format::F16.next_up(bits).unwrap(), Format::F16.next_down(bits).unwrap()] {
            assert!(!Format::F16.is_finite(wrong) || !is_rounding(Format::F16, x, wrong));
        }
    }
}
