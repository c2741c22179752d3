//! Against arithmetic that others wrote: the machine's f32 and f64, the `half` crate, and the
//! decimal reader of the standard library.

use super::{EVERY, exact, exact_f64, random};
use half::{bf16, f16};
use ropewalk::number::{Decoded, Format, Wide};

/// Patterns of a format: the edges of every kind of number, and random ones.
fn samples(format: Format, seed: u64, count: usize) -> impl Iterator<Item = u64> {
    let mut next = random(seed);
    let normal = 1 << (format.precision - 1);
    let one = (format.e_max() as u64) << (format.precision - 1);
    let edges = [0, 1, 2, normal - 1, normal, normal + 1, one - 1, one, one + 1];
    let ends = [format.largest() - 1, format.largest(), format.infinity()];
    let nans = [format.infinity() + 1, format.quiet_nan(), format.sign_bit() - 1];
    let all: Vec<u64> = edges.into_iter().chain(ends).chain(nans).collect();
    let negative: Vec<u64> = all.iter().map(|bits| bits | format.sign_bit()).collect();
    let mask = format.sign_bit() | (format.sign_bit() - 1);
    all.into_iter().chain(negative).chain((0..count).map(move |_| next() & mask))
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[test]
fn binary32_and_binary64_are_the_native_ones() {
    for bits in samples(Format::F32, 5, 50_000) {
        let x = f32::from_bits(bits as u32);
        assert!(same(Format::F32.to_f64(bits), x.into()), "{bits:x}");
        assert_eq!(Format::F32.is_nan(bits), x.is_nan());
        assert_eq!(Format::F32.is_finite(bits), x.is_finite());
        assert_eq!(Format::F32.is_zero(bits), x == 0.0);
        if x.is_finite() {
            assert_eq!(Format::F32.round(&exact(Format::F32, bits)), bits);
            assert_eq!(Format::F32.round(&exact_f64(x.into())), bits);
        }
        if !x.is_nan() {
            assert_eq!(f32::from_bits(Format::F32.next_up(bits).unwrap() as u32), x.next_up());
            assert_eq!(f32::from_bits(Format::F32.next_down(bits).unwrap() as u32), x.next_down());
        }
    }
    for bits in samples(Format::F64, 6, 50_000) {
        let x = f64::from_bits(bits);
        assert_eq!(Format::F64.is_nan(bits), x.is_nan());
        assert_eq!(Format::F64.is_finite(bits), x.is_finite());
        assert_eq!(Format::F64.is_zero(bits), x == 0.0);
        if x.is_finite() {
            assert_eq!(exact(Format::F64, bits), exact_f64(x));
            assert_eq!(Format::F64.round(&exact_f64(x)), bits);
        }
        if !x.is_nan() {
            assert_eq!(f64::from_bits(Format::F64.next_up(bits).unwrap()), x.next_up());
            assert_eq!(f64::from_bits(Format::F64.next_down(bits).unwrap()), x.next_down());
        } else {
            assert_eq!(Format::F64.decode(bits), Decoded::Nan);
        }
    }
}

#[test]
fn binary64_to_binary32_is_the_native_cast() {
    let mut next = random(7);
    for bits in samples(Format::F64, 8, 20_000) {
        // As it comes, and with an exponent that binary32 has or nearly has.
        let near = bits & 0x800fffffffffffff | (870 + next() % 290) << 52;
        for x in [f64::from_bits(bits), f64::from_bits(near)] {
            if x.is_finite() {
                let expected = (x as f32).to_bits() as u64;
                assert_eq!(Format::F32.round(&exact_f64(x)), expected, "{x:e}");
            }
        }
    }
}

#[test]
fn integers_of_128_bits_are_the_native_casts() {
    let mut next = random(9);
    for i in 0..40_000u32 {
        let n = ((next() as u128) << 64 | next() as u128) >> (i % 128);
        // Ones up to the end make carries; a lone last bit decides a tie.
        for n in [n, n | n >> 1 | n >> 2, (n >> 70 << 70) | (i as u128 & 1), u128::MAX - n] {
            let wide = Wide::dyadic(false, n, 0);
            assert_eq!(Format::F64.round(&wide), (n as f64).to_bits(), "{n}");
            assert_eq!(Format::F32.round(&wide), (n as f32).to_bits() as u64, "{n}");
        }
    }
}

#[test]
fn sixteen_bits_have_the_values_that_half_gives_them() {
    for bits in 0..=u16::MAX {
        let (b, f) = (bf16::from_bits(bits), f16::from_bits(bits));
        assert!(same(Format::BF16.to_f64(bits.into()), b.to_f64()), "{bits:x}");
        assert!(same(Format::F16.to_f64(bits.into()), f.to_f64()), "{bits:x}");
        assert!(same(Format::BF16.to_f64(bits.into()), b.to_f32().into()));
        assert!(same(Format::F16.to_f64(bits.into()), f.to_f32().into()));
    }
}

#[test]
fn binary32_to_sixteen_bits_is_what_half_makes_of_it() {
    // `half` is an oracle from f32 only. From f64 it drops the lower 32 bits (bf16 always, f16
    // where the machine has no instruction) or goes through f32, and so rounds near ties wrongly;
    // `nearest` checks those.
    let mut next = random(10);
    let ties = (0..20_000).map(|i| {
        // Near a midpoint of either format: the bits below are 0, 1, or all ones, after a half.
        let below = if i & 1 == 0 { 16 } else { 13 };
        let upper = next() as u32 >> below << below;
        (upper | [1 << (below - 1), (1 << (below - 1)) + 1, (1 << (below - 1)) - 1][i % 3]) as u64
    });
    let mut subnormal = random(11);
    let subnormal = (0..20_000).map(|_| {
        // Around the subnormals of binary16, where the position of the last bit varies.
        let bits = subnormal() as u32;
        (bits & 0x807fffff | (100 + (bits >> 23) % 16) << 23) as u64
    });
    for bits in samples(Format::F32, 12, 50_000).chain(ties).chain(subnormal) {
        let x = f32::from_bits(bits as u32);
        if x.is_finite() {
            let wide = exact_f64(x.into());
            let expected = [bf16::from_f32(x).to_bits(), f16::from_f32(x).to_bits()].map(u64::from);
            assert_eq!(Format::BF16.round(&wide), expected[0], "{x:e}");
            assert_eq!(Format::F16.round(&wide), expected[1], "{x:e}");
        }
    }
}

/// significand · 2^exponent (and a tenth of the last digit more, if sticky) in decimal, exactly.
fn decimal(wide: &Wide) -> String {
    const LIMB: u64 = 1_000_000_000;
    let mut limbs: Vec<u64> = Vec::new(); // least first
    let mut rest = wide.significand;
    while rest != 0 {
        limbs.push((rest % LIMB as u128) as u64);
        rest /= LIMB as u128;
    }
    // 2^e for e ≥ 0; for e < 0, 5^−e, and the point moves.
    let base: u64 = if wide.exponent < 0 { 5 } else { 2 };
    let mut power = wide.exponent.unsigned_abs() as u32;
    while power != 0 {
        let step = power.min(12);
        let mut carry = 0;
        for limb in &mut limbs {
            let product = *limb * base.pow(step) + carry;
            (*limb, carry) = (product % LIMB, product / LIMB);
        }
        if carry != 0 {
            limbs.push(carry);
        }
        power -= step;
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    let sign = if wide.negative { "-" } else { "" };
    format!("{sign}{digits}.{}e{}", wide.sticky as u8, wide.exponent.min(0))
}

#[test]
fn wide_values_are_what_the_decimal_reader_makes_of_them() {
    let mut next = random(13);
    for i in 0..2_500u32 {
        let full = (next() as u128 | 1 << 63) << 64 | next() as u128;
        // Short ones, long ones, ties of either format, ties with a last bit.
        let significand = match i % 5 {
            0 => full,
            1 => full >> (i % 61),
            2 => full >> 103 << 103 | 1 << 103,
            3 => full >> 75 << 75 | 1 << 74,
            _ => full >> 75 << 75 | 1 << 74 | 1,
        };
        let length = 128 - significand.leading_zeros() as i64;
        for (least, most) in [(-160, 132), (-1090, 1028)] {
            let leading = least + (next() % (most - least) as u64) as i64;
            let exponent = leading - length + 1;
            for sticky in [false, true] {
                let wide = Wide { negative: next() & 1 == 1, significand, exponent, sticky };
                let text = decimal(&wide);
                let (double, single): (f64, f32) = (text.parse().unwrap(), text.parse().unwrap());
                assert_eq!(Format::F64.round(&wide), double.to_bits(), "{wide:?}");
                assert_eq!(Format::F32.round(&wide), single.to_bits() as u64, "{wide:?}");
            }
        }
    }
}

#[test]
fn the_constants_of_the_standard_library_have_their_patterns() {
    // π = 0x3.243f6a8885a308d313198a2e037073…, one value into every format.
    let pi = Wide {
        negative: false,
        significand: 0x3243f6a8885a308d313198a2e037073,
        exponent: -120,
        sticky: true,
    };
    let expected = [
        std::f64::consts::PI.to_bits(),
        std::f32::consts::PI.to_bits().into(),
        bf16::PI.to_bits().into(),
        f16::PI.to_bits().into(),
        0x45, // 3.25
    ];
    assert_eq!(EVERY.map(|format| format.round(&pi)), expected);
}
