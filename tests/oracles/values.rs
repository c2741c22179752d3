//! Bit patterns of inputs.

use super::case::Random;
use ropewalk::number::{Dtype, Format, Wide};

/// What a tensor is filled with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// Around 1, of either sign.
    Ordinary,
    /// Any finite pattern.
    Anything,
    /// Any pattern, NaN and infinities included, zeros of either sign often.
    Wild,
    /// Results in the subnormal range of this format.
    Tiny(Format),
    /// Results around the overflow threshold of this format.
    Huge(Format),
    /// 0 but for one in eight.
    Sparse,
}

pub fn format(dtype: Dtype) -> Format {
    dtype.format().unwrap()
}

/// The pattern nearest to an f64.
pub fn nearest(format: Format, x: f64) -> u64 {
    match Format::F64.decode(x.to_bits()) {
        ropewalk::number::Decoded::Finite { negative, significand, exponent } => {
            format.round(&Wide::dyadic(negative, u128::from(significand), i64::from(exponent)))
        }
        _ => format.quiet_nan(),
    }
}

/// 2^k · x for any k, without a detour through an overflow.
pub fn scaled(x: f64, k: i32) -> f64 {
    let half = k / 2;
    x * 2f64.powi(half) * 2f64.powi(k - half)
}

/// A random significand in ±[1, 2).
fn mantissa(random: &mut Random) -> f64 {
    let x = f64::from_bits(random.next() >> 12 | 0x3ff0 << 48);
    if random.chance(2) { -x } else { x }
}

pub fn fill(random: &mut Random, fill: Fill, dtype: Dtype, count: usize) -> Vec<u64> {
    let format = format(dtype);
    let finite = |random: &mut Random| loop {
        let bits = random.next() & (format.sign_bit() | (format.sign_bit() - 1));
        if format.is_finite(bits) {
            break bits;
        }
    };
    let one = |random: &mut Random| match fill {
        Fill::Ordinary => {
            let shift = random.within(-3, 2) as i32;
            nearest(format, scaled(mantissa(random), shift))
        }
        Fill::Anything => finite(random),
        Fill::Wild => match random.below(12) {
            0 => 0,
            1 => format.sign_bit(),
            2 => format.infinity() | if random.chance(2) { format.sign_bit() } else { 0 },
            3 => format.infinity() + 1 + random.below(format.quiet_nan() - format.infinity()),
            4 => 1 + random.below(7),
            _ => finite(random),
        },
        Fill::Tiny(target) => {
            let low = target.least_exponent() - 1;
            let shift = random.within(low.into(), (target.e_min() - 1).into()) as i32;
            nearest(format, scaled(mantissa(random), shift))
        }
        Fill::Huge(target) => {
            let shift = random.within((target.e_max() - 1).into(), target.e_max().into()) as i32;
            let bits = nearest(format, scaled(mantissa(random), shift));
            if format.is_finite(bits) { bits } else { format.largest() }
        }
        Fill::Sparse => match random.below(8) {
            0 => finite(random),
            _ => format.sign_bit() * random.below(2),
        },
    };
    (0..count).map(|_| one(random)).collect()
}
