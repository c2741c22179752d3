//! The formats of eight bits, all 256 patterns and all points between them.

use ropewalk::number::{Decoded, Dtype, Format, Overflow, Wide};

fn formats() -> [Format; 4] {
    Dtype::EIGHT_BITS.map(|dtype| dtype.format().unwrap())
}

/// ±significand · 2^exponent of a finite pattern.
fn parts(format: Format, bits: u64) -> (bool, u64, i32) {
    match format.decode(bits) {
        Decoded::Finite { negative, significand, exponent } => (negative, significand, exponent),
        other => panic!("{bits:x} of {format:?} is {other:?}"),
    }
}

#[test]
fn ends_are_those_of_the_contract() {
    let ends = |format: Format| {
        let largest = format.to_f64(format.largest());
        (largest, format.largest(), format.has_infinity(), format.quiet_nan())
    };
    assert_eq!(
        formats().map(ends),
        [
            (448.0, 0x7e, false, 0x7f),
            (57344.0, 0x7b, true, 0x7e),
            (240.0, 0x7f, false, 0x80),
            (57344.0, 0x7f, false, 0x80),
        ]
    );
    // The smallest subnormals.
    let least = formats().map(|format| format.to_f64(1));
    assert_eq!(least, [-9, -16, -10, -17].map(|k| 2f64.powi(k)));
    let nans = |format: Format| (0..256u64).filter(|&bits| format.is_nan(bits)).count();
    assert_eq!(formats().map(nans), [2, 6, 1, 1]);
}

#[test]
fn every_pattern_comes_back() {
    for format in formats() {
        for bits in (0..256).filter(|&bits| format.is_finite(bits)) {
            let (negative, significand, exponent) = parts(format, bits);
            let exact = Wide::dyadic(negative, significand.into(), exponent.into());
            for overflow in [Overflow::Saturate, Overflow::Ieee] {
                assert_eq!(format.round_by(&exact, overflow), bits, "{format:?}");
                assert_eq!(format.convert(format, bits, overflow), bits, "{format:?}");
            }
            assert_eq!(
                format.from_ordinal(format.ordinal(bits).unwrap()),
                Some(bits).filter(|_| bits != 0x80).or(Some(0))
            );
            assert_eq!(format.to_f64(format.negated(bits)), -format.to_f64(bits));
        }
    }
}

#[test]
fn halfway_points_go_to_even() {
    for format in formats() {
        for bits in 0..format.largest() {
            let (_, a, exponent) = parts(format, bits);
            let halfway = Wide::dyadic(false, 2 * a as u128 + 1, i64::from(exponent) - 1);
            let even = bits + (bits & 1);
            assert_eq!(format.round(&halfway), even, "{format:?} {bits:x}");
            // A little to either side.
            let fine = |by: i128| {
                let significand = ((2 * a as i128 + 1) << 60) + by;
                format.round(&Wide::dyadic(false, significand as u128, i64::from(exponent) - 61))
            };
            assert_eq!((fine(-1), fine(1)), (bits, bits + 1), "{format:?} {bits:x}");
        }
    }
}

#[test]
fn beyond_the_largest_number() {
    // Half a step beyond: to even, which is the largest of fn and an overflow elsewhere.
    for (format, tie_overflows) in formats().into_iter().zip([false, true, true, true]) {
        let (_, a, exponent) = parts(format, format.largest());
        let at = |tenths: u128| {
            Wide::dyadic(false, 1024 * a as u128 + tenths * 512 / 5, i64::from(exponent) - 10)
        };
        let ieee = |exact: &Wide| format.round_by(exact, Overflow::Ieee);
        let overflow = format.beyond(false, Overflow::Ieee);
        assert!(!format.is_finite(overflow));
        assert_eq!(ieee(&at(4)), format.largest());
        assert_eq!(ieee(&at(5)), if tie_overflows { overflow } else { format.largest() });
        assert_eq!(ieee(&at(6)), overflow);
        assert_eq!(format.round(&at(100)), format.largest());
        assert_eq!(
            format.convert(Format::F32, 0xff80_0000, Overflow::Saturate),
            format.signed(format.largest(), true)
        );
    }
}

#[test]
fn zeros_that_round_there_have_no_sign_without_one() {
    let tiny = Wide::dyadic(true, 1, -40);
    assert_eq!(formats().map(|format| format.round(&tiny)), [0x80, 0x80, 0, 0]);
    assert_eq!(formats().map(|format| format.round_nonzero(&tiny)), [0x81; 4]);
}
