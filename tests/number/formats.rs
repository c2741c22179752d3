//! What patterns mean: classes, values, order, neighbours.

use super::{EVERY, SMALL, exact, patterns, random};
use ropewalk::number::{Decoded, Dtype, Format};

#[test]
fn the_formats_have_their_published_constants() {
    // width, e_max, e_min, exponent of the smallest subnormal; −0, ∞, largest, quiet NaN.
    let row = |f: Format| {
        let encodings = [f.sign_bit(), f.infinity(), f.largest(), f.quiet_nan()];
        ((f.width(), f.e_max(), f.e_min(), f.least_exponent()), encodings)
    };
    assert_eq!(
        row(Format::F64),
        (
            (64, 1023, -1022, -1074),
            [1 << 63, 0x7ff0000000000000, 0x7fefffffffffffff, 0x7ff8000000000000]
        )
    );
    assert_eq!(
        row(Format::F32),
        ((32, 127, -126, -149), [0x80000000, 0x7f800000, 0x7f7fffff, 0x7fc00000])
    );
    assert_eq!(row(Format::BF16), ((16, 127, -126, -133), [0x8000, 0x7f80, 0x7f7f, 0x7fc0]));
    assert_eq!(row(Format::F16), ((16, 15, -14, -24), [0x8000, 0x7c00, 0x7bff, 0x7e00]));
    assert_eq!(row(Format::TOY), ((8, 7, -6, -9), [0x80, 0x78, 0x77, 0x7c]));
}

#[test]
fn every_pattern_of_a_small_format_comes_back_from_its_value() {
    for format in SMALL {
        for bits in patterns(format) {
            if format.is_finite(bits) {
                assert_eq!(format.round(&exact(format, bits)), bits, "{format:?} {bits:x}");
                assert_eq!(format.round_nonzero(&exact(format, bits)), bits);
            }
        }
    }
}

#[test]
fn the_classes_are_those_of_the_bit_fields() {
    for format in SMALL {
        let (e, p) = (format.exponent_bits, format.precision);
        for bits in patterns(format) {
            // Taken apart as text, so that no mask of the code under test is repeated here.
            let text = format!("{bits:0width$b}", width = (e + p) as usize);
            let (sign, rest) = text.split_at(1);
            let (biased, fraction) = rest.split_at(e as usize);
            let negative = sign == "1";
            let zero_fraction = !fraction.contains('1');
            let special = !biased.contains('0');
            assert_eq!(format.is_finite(bits), !special);
            assert_eq!(format.is_nan(bits), special && !zero_fraction);
            assert_eq!(format.is_zero(bits), !rest.contains('1'));
            match format.decode(bits) {
                Decoded::Nan => assert!(special && !zero_fraction),
                Decoded::Infinite { negative: n } => {
                    assert!(special && zero_fraction);
                    assert_eq!(n, negative);
                }
                Decoded::Finite { negative: n, significand, exponent } => {
                    assert!(!special);
                    assert_eq!(n, negative);
                    let normal = biased.contains('1');
                    let digits = format!("{}{fraction}", normal as u8);
                    assert_eq!(significand, u64::from_str_radix(&digits, 2).unwrap());
                    let biased = i32::from_str_radix(biased, 2).unwrap();
                    let bias = (1 << (e - 1)) - 1;
                    assert_eq!(exponent, biased.max(1) - bias - (p as i32 - 1));
                }
            }
        }
    }
}

#[test]
fn bits_above_the_width_are_ignored() {
    for format in SMALL {
        for bits in patterns(format) {
            let more = bits | 0xabcd << format.width();
            assert_eq!(format.decode(more), format.decode(bits));
            assert_eq!(format.ordinal(more), format.ordinal(bits));
            assert_eq!(format.is_finite(more), format.is_finite(bits));
            assert_eq!(format.is_nan(more), format.is_nan(bits));
            assert_eq!(format.is_zero(more), format.is_zero(bits));
        }
    }
}

#[test]
fn ulp_is_the_one_of_the_definition() {
    for format in SMALL {
        for bits in patterns(format) {
            let x = format.to_f64(bits).abs();
            let expected = if x.is_nan() {
                None
            } else {
                let e = match x {
                    0.0 => format.e_min(),
                    f64::INFINITY => format.e_max() + 1,
                    // ⌊log₂⌋ from the exponent field; all are normal as f64.
                    _ => (x.to_bits() >> 52) as i32 - 1023,
                };
                Some(e.max(format.e_min()) - format.precision as i32 + 1)
            };
            assert_eq!(format.ulp_exponent(bits), expected, "{format:?} {bits:x}");
        }
    }
    for format in EVERY {
        assert_eq!(format.ulp_exponent(format.sign_bit()), Some(format.least_exponent()));
        assert_eq!(format.ulp_exponent(format.quiet_nan()), None);
        let below = format.ulp_exponent(format.largest()).unwrap();
        assert_eq!(format.ulp_exponent(format.infinity()), Some(below + 1));
    }
}

#[test]
fn ordinals_count_the_numbers_in_order() {
    for format in SMALL {
        let top = format.infinity() as i64;
        let mut before = f64::NAN;
        for ordinal in -top..=top {
            let bits = format.from_ordinal(ordinal).unwrap();
            assert_eq!(format.ordinal(bits), Some(ordinal));
            let x = format.to_f64(bits);
            assert!(ordinal == -top || before < x, "{format:?} {ordinal}");
            before = x;
        }
        for bits in patterns(format) {
            match format.ordinal(bits) {
                None => assert!(format.is_nan(bits)),
                Some(0) => assert!(format.is_zero(bits)),
                Some(ordinal) => assert_eq!(format.from_ordinal(ordinal), Some(bits)),
            }
        }
    }
}

#[test]
fn ordinals_end_at_the_infinities() {
    for format in EVERY {
        let top = format.infinity() as i64;
        assert_eq!(format.from_ordinal(top), Some(format.infinity()));
        assert_eq!(format.from_ordinal(-top), Some(format.infinity() | format.sign_bit()));
        assert_eq!(format.from_ordinal(0), Some(0));
        for beyond in [top + 1, -top - 1, i64::MAX, i64::MIN] {
            assert_eq!(format.from_ordinal(beyond), None, "{format:?} {beyond}");
        }
        assert_eq!(format.ordinal(format.sign_bit()), Some(0));
        assert_eq!(format.ordinal(format.quiet_nan()), None);
    }
}

#[test]
fn neighbours_are_the_next_numbers() {
    for format in SMALL {
        let (infinity, sign) = (format.infinity(), format.sign_bit());
        for bits in patterns(format) {
            let (up, down) = (format.next_up(bits), format.next_down(bits));
            if format.is_nan(bits) {
                assert_eq!((up, down), (None, None));
                continue;
            }
            let (up, down) = (up.unwrap(), down.unwrap());
            // Mirror images, but for the zero reached from either side, which is +0.
            let mirrored = format.next_down(bits ^ sign).unwrap();
            assert!(up ^ sign == mirrored || up == 0 && mirrored == 0);
            let ordinal = format.ordinal(bits).unwrap();
            if bits == infinity {
                assert_eq!((up, down), (infinity, format.largest()));
            } else if bits == infinity | sign {
                assert_eq!((up, down), (format.largest() | sign, infinity | sign));
            } else {
                assert_eq!(format.ordinal(up), Some(ordinal + 1));
                assert_eq!(format.ordinal(down), Some(ordinal - 1));
                assert_eq!(format.ordinal(format.next_down(up).unwrap()), Some(ordinal));
                assert_eq!(format.ordinal(format.next_up(down).unwrap()), Some(ordinal));
            }
        }
    }
    for format in EVERY {
        for zero in [0, format.sign_bit()] {
            assert_eq!(format.next_up(zero), Some(1));
            assert_eq!(format.next_down(zero), Some(format.sign_bit() | 1));
        }
        assert_eq!(format.next_up(format.sign_bit() | 1), Some(0));
        assert_eq!(format.next_down(1), Some(0));
    }
}

#[test]
fn values_as_f64_are_exact() {
    for format in SMALL {
        for bits in patterns(format) {
            let x = format.to_f64(bits);
            assert_eq!(x.is_nan(), format.is_nan(bits));
            if format.is_finite(bits) {
                let (a, b) = (super::exact_f64(x), exact(format, bits));
                assert_eq!(a.negative, b.negative);
                if b.significand == 0 {
                    assert_eq!(a.significand, 0);
                } else {
                    assert_eq!(a.significand, b.significand << (b.exponent - a.exponent));
                }
            } else if !x.is_nan() {
                let sign = if bits == format.infinity() { 1.0 } else { -1.0 };
                assert_eq!(x, sign * f64::INFINITY);
            }
        }
    }
}

#[test]
fn the_toy_can_be_checked_by_hand() {
    let values = [(0x00, 0.0), (0x01, 1.0 / 512.0), (0x07, 7.0 / 512.0), (0x08, 1.0 / 64.0)];
    let more = [(0x38, 1.0), (0x39, 1.125), (0x3f, 1.875), (0x40, 2.0), (0x77, 240.0)];
    for (bits, x) in values.into_iter().chain(more) {
        assert_eq!(Format::TOY.to_f64(bits), x);
        assert_eq!(Format::TOY.to_f64(bits | 0x80), -x);
    }
}

#[test]
fn binary64_passes_through_untouched() {
    let mut next = random(1);
    for _ in 0..10_000 {
        let bits = next();
        let x = Format::F64.to_f64(bits);
        assert!(x.to_bits() == bits || x.is_nan() && Format::F64.is_nan(bits));
    }
}

#[test]
fn dtypes_know_their_names_and_formats() {
    let names: Vec<&str> = Dtype::ALL.iter().map(|dtype| dtype.name()).collect();
    assert_eq!(
        names,
        [
            "f64",
            "f32",
            "bf16",
            "f16",
            "f8e4m3fn",
            "f8e5m2",
            "f8e4m3fnuz",
            "f8e5m2fnuz",
            "i64",
            "i32"
        ]
    );
    for dtype in Dtype::ALL {
        assert_eq!(Dtype::from_name(dtype.name()), Some(dtype));
        assert_eq!(dtype.to_string(), dtype.name());
        let float = Dtype::FLOATS.contains(&dtype) || Dtype::EIGHT_BITS.contains(&dtype);
        assert_eq!(dtype.format().is_some(), float);
        if let Some(format) = dtype.format() {
            assert_eq!(format.width() as usize, 4 * dtype.digits());
        }
    }
    assert_eq!(Dtype::F64.format(), Some(Format::F64));
    assert_eq!(Dtype::F32.format(), Some(Format::F32));
    assert_eq!(Dtype::Bf16.format(), Some(Format::BF16));
    assert_eq!(Dtype::F16.format(), Some(Format::F16));
    assert_eq!((Dtype::I64.digits(), Dtype::I32.digits()), (16, 8));
    for wrong in ["", "F32", "float32", "f8", "f32 "] {
        assert_eq!(Dtype::from_name(wrong), None);
    }
}
