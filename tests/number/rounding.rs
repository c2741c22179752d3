//! The hard points of the one rounding: midpoints, thresholds, stickiness, extremes.

use super::{EVERY, SMALL, exact, random};
use proptest::prelude::*;
use ropewalk::number::{Format, Wide};

/// Rounds what lies at, just below and just above the midpoint of a finite magnitude and the next.
fn around_midpoint(format: Format, below: u64) {
    let above = below + 1; // the encoding of ∞ above the largest
    let even = if below & 1 == 0 { below } else { above };
    let Wide { significand, exponent, .. } = exact(format, below);
    let middle = 2 * significand + 1; // times 2^(exponent − 1)
    for negative in [false, true] {
        let sign = if negative { format.sign_bit() } else { 0 };
        let round = |significand: u128, exponent: i64, sticky: bool| {
            format.round(&Wide { negative, significand, exponent, sticky }) ^ sign
        };
        let context = || format!("{format:?} {below:x} negative {negative}");
        assert_eq!(round(middle, exponent - 1, false), even, "{}", context());
        for shift in [1, 2, 11, 64, 126 - format.precision as i64] {
            let (at, exponent) = (middle << shift, exponent - 1 - shift);
            assert_eq!(round(at, exponent, false), even, "{}", context());
            assert_eq!(round(at + 1, exponent, false), above, "{}", context());
            assert_eq!(round(at - 1, exponent, false), below, "{}", context());
            if at >> (format.precision + 1) != 0 {
                assert_eq!(round(at, exponent, true), above, "{}", context());
                assert_eq!(round(at - 1, exponent, true), below, "{}", context());
            }
        }
    }
}

#[test]
fn every_midpoint_of_the_small_formats() {
    for format in SMALL {
        (0..=format.largest()).for_each(|below| around_midpoint(format, below));
    }
}

#[test]
fn many_midpoints_of_the_large_formats() {
    let mut next = random(2);
    for format in [Format::F32, Format::F64] {
        let normal = 1 << (format.precision - 1);
        for edge in [0, 1, 2, 3, normal - 2, normal - 1, normal, normal + 1] {
            around_midpoint(format, edge);
            around_midpoint(format, format.largest() - edge);
        }
        for _ in 0..20_000 {
            around_midpoint(format, next() % format.infinity());
        }
    }
}

#[test]
fn overflow_begins_half_an_ulp_above_the_largest() {
    let dyadic = Wide::dyadic;
    // 65519.99…, 65520.
    assert_eq!(Format::F16.round(&dyadic(false, (65520 << 100) - 1, -100)), 0x7bff);
    assert_eq!(Format::F16.round(&dyadic(false, 65520, 0)), 0x7c00);
    assert_eq!(Format::F16.round(&dyadic(true, 65520, 0)), 0xfc00);
    assert_eq!(Format::TOY.round(&dyadic(true, (248 << 100) - 1, -100)), 0xf7);
    assert_eq!(Format::TOY.round(&dyadic(true, 248, 0)), 0xf8);
    for format in EVERY {
        // (2 − 2^−p) · 2^e_max
        let p = format.precision;
        let threshold = (1u128 << (p + 1)) - 1;
        let exponent = format.e_max() as i64 - p as i64;
        assert_eq!(format.round(&dyadic(false, threshold, exponent)), format.infinity());
        let almost = (threshold << 60) - 1;
        let almost = Wide { sticky: true, ..dyadic(false, almost, exponent - 60) };
        assert_eq!(format.round(&almost), format.largest());
        // Far beyond, and the first that is over by its exponent alone.
        for beyond in [format.e_max() as i64 + 1, 5_000, i64::MAX] {
            assert_eq!(format.round(&dyadic(false, 1, beyond)), format.infinity());
            assert_eq!(
                format.round(&dyadic(true, 1, beyond)),
                format.infinity() | format.sign_bit()
            );
        }
        // The largest itself, with its bits on the left of the exponent's unit.
        let Wide { significand, exponent, .. } = exact(format, format.largest());
        let left = significand << (127 - p);
        let exponent = exponent - (127 - p as i64);
        assert_eq!(format.round(&dyadic(false, left, exponent)), format.largest());
    }
}

#[test]
fn subnormals_are_rounded_once() {
    for format in EVERY {
        let least = format.least_exponent() as i64;
        // 2.5 of the smallest and a bit more is 3 of them; a first rounding to `precision` bits
        // would leave the tie 2.5, and the second make it 2.
        let round = |significand: u128, exponent: i64| {
            format.round(&Wide::dyadic(false, significand, exponent))
        };
        assert_eq!(round((5 << 59) + 1, least - 60), 3, "{format:?}");
        assert_eq!(round(5 << 59, least - 60), 2);
        assert_eq!(round((7 << 59) - 1, least - 60), 3);
        assert_eq!(round(7 << 59, least - 60), 4);
    }
    // 2.5 · 2⁻²⁴ + 2⁻⁶⁰ for f16, as the literature has it.
    assert_eq!(Format::F16.round(&Wide::dyadic(false, (5 << 35) + 1, -60)), 3);
}

#[test]
fn underflow_keeps_the_sign_and_ends_at_half_the_smallest() {
    for format in EVERY {
        let least = format.least_exponent() as i64;
        let sign = format.sign_bit();
        for (significand, exponent, magnitude) in [
            (1, least - 1, 0), // the tie goes to zero, which is even
            (3, least - 2, 1),
            (3, least - 1, 2),
            ((1 << 127) + 1, least - 128, 1),
            (1 << 127, least - 128, 0),
            (u128::MAX, least - 128, 1),
            (u128::MAX, least - 129, 0),
            (u128::MAX, least - 130, 0),
            (u128::MAX, i64::MIN, 0),
            (1, i64::MIN, 0),
        ] {
            for sticky in [false, true] {
                let wide = Wide { negative: false, significand, exponent, sticky };
                if sticky && significand < u128::MAX {
                    continue;
                }
                let context = format!("{format:?} {wide:?}");
                assert_eq!(format.round(&wide), magnitude, "{context}");
                let minus = Wide { negative: true, ..wide };
                assert_eq!(format.round(&minus), magnitude | sign, "{context}");
                assert_eq!(format.round_nonzero(&wide), magnitude.max(1), "{context}");
                assert_eq!(format.round_nonzero(&minus), magnitude.max(1) | sign, "{context}");
            }
        }
        // Exactly half the smallest and a bit below the last one that is held.
        let half = Wide { sticky: true, ..Wide::dyadic(false, 1 << 127, least - 128) };
        assert_eq!(format.round(&half), 1);
        let less = Wide { sticky: true, ..Wide::dyadic(false, (1 << 127) - 1, least - 128) };
        assert_eq!(format.round(&less), 0);
    }
}

#[test]
fn zero_is_zero_and_nonzero_is_not() {
    for format in EVERY {
        let sign = format.sign_bit();
        assert_eq!(format.round(&Wide::ZERO), 0);
        assert_eq!(format.round_nonzero(&Wide::ZERO), 0);
        for exponent in [i64::MIN, -1, 0, i64::MAX] {
            let minus_zero = Wide::dyadic(true, 0, exponent);
            assert_eq!(format.round(&minus_zero), sign);
            assert_eq!(format.round_nonzero(&minus_zero), sign);
        }
        // Nothing but a sticky flag: so small that it has no leading bits, but not zero.
        let trace = Wide { sticky: true, ..Wide::ZERO };
        assert_eq!(format.round(&trace), 0);
        assert_eq!(format.round_nonzero(&trace), 1);
        assert_eq!(format.round_nonzero(&Wide { negative: true, ..trace }), sign | 1);
        // Elsewhere both roundings are one.
        let one = Wide::dyadic(true, 1, 0);
        assert_eq!(format.round_nonzero(&one), format.round(&one));
    }
}

#[test]
fn two_bits_more_than_the_precision_are_enough_for_a_sticky_flag() {
    for format in EVERY {
        let p = format.precision;
        for exponent in [-3, format.least_exponent() as i64, format.least_exponent() as i64 - 1] {
            for ending in 0..8u128 {
                // precision + 2 bits that end in these three.
                let significand = 1 << (p + 1) | 1 << 4 | ending;
                let sticky = Wide { negative: false, significand, exponent, sticky: true };
                // The same with the rest written out.
                let longer = Wide::dyadic(false, significand << 40 | 1, exponent - 40);
                assert_eq!(format.round(&sticky), format.round(&longer), "{format:?} {sticky:?}");
            }
        }
    }
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "too few bits")]
fn a_sticky_flag_below_too_few_bits_is_a_fault_of_the_producer() {
    Format::F64.round(&Wide { sticky: true, ..Wide::dyadic(false, 3, 0) });
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(EVERY.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_value_counts_not_how_it_is_written(
        format in any_format(), negative: bool, significand in 1u128..1 << 90,
        exponent in -1300i64..1100, shift in 0u32..38,
    ) {
        let short = Wide::dyadic(negative, significand, exponent);
        let long = Wide::dyadic(negative, significand << shift, exponent - shift as i64);
        prop_assert_eq!(format.round(&short), format.round(&long));
    }

    #[test]
    fn rounding_is_monotone(
        format in any_format(), significand in 0u128..u128::MAX, exponent in -1300i64..1100,
    ) {
        let ordinal = |significand: u128, sticky: bool| {
            let wide = Wide { negative: false, significand, exponent, sticky };
            format.ordinal(format.round(&wide)).unwrap()
        };
        let at = ordinal(significand, false);
        let next = ordinal(significand + 1, false);
        prop_assert!(at <= next && next <= at + 1);
        if significand >> 65 != 0 {
            let between = ordinal(significand, true);
            prop_assert!(at <= between && between <= next);
        }
    }

    #[test]
    fn any_wide_rounds_to_a_number(
        format in any_format(), negative: bool, significand in 1u128 << 66..=u128::MAX,
        exponent: i64, sticky: bool,
    ) {
        let wide = Wide { negative, significand, exponent, sticky };
        let (bits, nonzero) = (format.round(&wide), format.round_nonzero(&wide));
        prop_assert!(!format.is_nan(bits) && !format.is_zero(nonzero));
        prop_assert_eq!(bits & format.sign_bit() != 0, negative);
        prop_assert!(bits == nonzero || format.is_zero(bits) && nonzero == bits | 1);
    }
}
