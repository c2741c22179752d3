//! The exact values of a plane that is turned.

use super::angle::{Kind, Turned, Turning};
use super::interval::Interval;
use super::ratio::Ratio;
use super::round::{Proof, UndecidedRounding, Value};
use crate::encoding::turn;
use crate::number::Format;
use num_complex::Complex;
use num_traits::Zero;
use rug::Float;

/// A working precision that decides nearly every element at once: the format, the residual's bits,
/// and what the integer part of the angle takes.
pub(in crate::exact) fn starting_precision(format: Format, largest: u64) -> u32 {
    let needed = format.precision + 44 + (64 - largest.leading_zeros());
    needed.next_multiple_of(64)
}

/// A bit pattern as a point; zero for what is not finite, which callers treat apart.
pub(super) fn point(format: Format, bits: u64) -> Interval {
    let value = if format.is_finite(bits) { format.to_f64(bits) } else { 0.0 };
    Interval::exactly(Float::with_val(53, value))
}

pub(super) fn ratio(format: Format, bits: u64) -> Ratio {
    Ratio::from_bits(format, bits).unwrap_or_else(Ratio::zero)
}

/// The exact values of the two elements of a plane (part 0 real, part 1 imaginary).
pub(super) fn turn_plane(
    turned: &Turned,
    format: Format,
    z: [u64; 2],
    first: [Interval; 2],
    emit: &mut dyn FnMut(usize, &Value) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    if turned.turning == Turning::Never && turned.scale.is_one() {
        return (0..2).try_for_each(|part| emit(part, &Value::Copied { bits: z[part], format }));
    }
    if !z.iter().all(|&bits| format.is_finite(bits)) {
        return (0..2).try_for_each(|part| emit(part, &Value::Nonfinite));
    }
    if z.iter().all(|&bits| format.is_zero(bits)) {
        return (0..2).try_for_each(|part| emit(part, &Value::Rational(Ratio::zero())));
    }
    let exact = Complex::new(point(format, z[0]), point(format, z[1]));
    let product = |precision: u32| Some(turn(&exact, &turned.phasor(precision)?));
    let real = |precision: u32| product(precision).map(|z| z.re);
    let imaginary = |precision: u32| product(precision).map(|z| z.im);
    let [first_re, first_im] = first;
    let (kind_re, kind_im) = kinds(turned, format, z);
    emit(0, &kind_re.value(first_re, &real))?;
    emit(1, &kind_im.value(first_im, &imaginary))
}

/// How both parts can be rounded.
pub(super) fn kinds(turned: &Turned, format: Format, z: [u64; 2]) -> (Kind, Kind) {
    // The common case needs no rationals.
    if turned.turning == Turning::Algebraic && turned.scale.class.is_algebraic() == Some(true) {
        return (Kind::Real(Proof::Lindemann), Kind::Real(Proof::Lindemann));
    }
    let (x, y) = (ratio(format, z[0]), ratio(format, z[1]));
    (turned.kind(&x, &y), turned.kind(&y, &-x))
}

/// The exact values of the two elements of a plane, given alone.
pub(in crate::exact) fn turn_one(
    turned: &Turned,
    format: Format,
    z: [u64; 2],
    emit: &mut dyn FnMut(usize, &Value) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    let exact = Complex::new(point(format, z[0]), point(format, z[1]));
    let first = turn(&exact, &turned.first);
    turn_plane(turned, format, z, [first.re, first.im], emit)
}

/// cos and sin of a plane are 1 + 0i turned.
pub(in crate::exact) fn cos_and_sin(
    turned: &Turned,
    emit: &mut dyn FnMut(usize, &Value) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    let one = [0x3ff0_0000_0000_0000, 0];
    let first = [turned.first.re.clone(), turned.first.im.clone()];
    turn_plane(turned, Format::F64, one, first, emit)
}
