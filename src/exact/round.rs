//! From an exact value to bits: exactly where it is rational, else by raising the precision until
//! both ends of an enclosure round alike.

use super::interval::Interval;
use super::ratio::Ratio;
use crate::number::{Format, Overflow, Wide};
use num_traits::Zero;
use rug::Float;
use rug::float::Round::{Down, Up};

/// Why the loop of growing precision ends, or why none is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Proof {
    /// The bits of an input.
    Copied,
    /// A NaN or an infinity took part; there is no value.
    Nonfinite,
    /// Exact integer arithmetic, ties to even.
    Rational,
    /// An irrational algebraic number is no tie.
    IrrationalAlgebraic,
    /// Transcendental by Lindemann–Weierstrass: an algebraic angle other than 0.
    Lindemann,
    /// Transcendental by Lindemann–Weierstrass: exponentials of distinct algebraic numbers are
    /// linearly independent.
    Exponentials,
    /// Transcendental by Gelfond–Schneider: π times an irrational algebraic number, or a ratio of
    /// logarithms.
    GelfondSchneider,
    /// Transcendental: algebraic in one number that is (a logarithm, π).
    Transcendental,
    /// Nothing is known beforehand; that the ends round alike is a proof for this number.
    Isolation,
}

impl Proof {
    /// A few words for a report.
    pub fn name(self) -> &'static str {
        match self {
            Proof::Copied => "copied",
            Proof::Nonfinite => "not finite",
            Proof::Rational => "rational",
            Proof::IrrationalAlgebraic => "irrational algebraic",
            Proof::Lindemann => "transcendental (Lindemann-Weierstrass)",
            Proof::Exponentials => "transcendental (independent exponentials)",
            Proof::GelfondSchneider => "transcendental (Gelfond-Schneider)",
            Proof::Transcendental => "transcendental",
            Proof::Isolation => "undecided class, isolated",
        }
    }

    /// Bits at which the loop gives up. Where it is proved to end, that is further than any angle of
    /// f64 parameters asks for, but not so far that a mistake would never come back.
    fn cap(self) -> u32 {
        if self == Proof::Isolation { 1 << 13 } else { 1 << 17 }
    }
}

/// The first enclosure that says anything, at so many bits or more: where large numbers cancel
/// (dynamic's factor·L/L₀ − (factor − 1)) few say nothing.
///
/// # Errors
/// The bits at which it gave up.
pub(super) fn first_enclosure<T>(bits: u32, enclose: impl Fn(u32) -> Option<T>) -> Result<T, u32> {
    let cap = bits.max(Proof::Isolation.cap());
    let more = std::iter::successors(Some(bits), |bits| Some(2 * bits));
    more.take_while(|bits| *bits <= cap).find_map(enclose).ok_or(cap)
}

/// The exact value of one element.
pub enum Value<'a> {
    /// The bits of an input in its format.
    Copied {
        /// The bit pattern.
        bits: u64,
        /// The input's format.
        format: Format,
    },
    /// No value: a NaN or an infinity took part.
    Nonfinite,
    /// A rational number.
    Rational(Ratio),
    /// Beside a rational: different from it by less than 2^`within`, to a known side. What is that
    /// near is too near for any enclosure, and is rounded by its side.
    Beside {
        /// Why it is not the rational itself, or a boundary nearby.
        proof: Proof,
        /// The rational.
        base: Ratio,
        /// Whether it lies above.
        above: bool,
        /// Bounds the distance.
        within: i32,
    },
    /// An irrational number, or one that is not known to be rational.
    Real {
        /// Why it can be rounded.
        proof: Proof,
        /// A first enclosure.
        first: Interval,
        /// Encloses it at a working precision; none if that is too low to say anything.
        enclose: &'a dyn Fn(u32) -> Option<Interval>,
    },
}

/// A correctly rounded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounded {
    /// The nearest number of the format.
    pub bits: u64,
    /// (exact − bits) in ulp of bits, as f16, never zero unless exact. NaN where there is no value.
    pub residual: u64,
    /// Why it is right.
    pub proof: Proof,
    /// Working precision at which both were decided; 0 where integers did it.
    pub precision: u32,
}

/// The precision cap was reached and both ends still round apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "UndecidedRounding: {name}[{index}] was not isolated from a rounding boundary at {precision} bits"
)]
pub struct UndecidedRounding {
    /// The tensor.
    pub name: &'static str,
    /// Flat index of the element.
    pub index: usize,
    /// The precision reached.
    pub precision: u32,
}

impl Value<'_> {
    /// Rounds once into a format, which says itself what an overflow is; the precision reached if
    /// the cap was.
    ///
    /// # Errors
    /// The precision at which it gave up.
    pub fn round(&self, format: Format) -> Result<Rounded, u32> {
        self.round_by(format, format.overflow())
    }

    /// Rounds once into a format; the precision reached if the cap was.
    ///
    /// # Errors
    /// The precision at which it gave up.
    pub fn round_by(&self, format: Format, overflow: Overflow) -> Result<Rounded, u32> {
        match self {
            Value::Copied { bits, format: from } => Ok(copy(*bits, *from, format, overflow)),
            Value::Nonfinite => Ok(Rounded {
                bits: format.quiet_nan(),
                residual: Format::F16.quiet_nan(),
                proof: Proof::Nonfinite,
                precision: 0,
            }),
            Value::Rational(x) => Ok(round_ratio(x, format, overflow)),
            Value::Beside { proof, base, above, within } => {
                let next = beside(base, *above, format, overflow, *proof);
                let step = Ratio::dyadic(!above, 1, *within);
                let far = round_ratio(&(base + &step), format, overflow);
                // Rounding is monotone: what holds next to the rational and at the bound holds
                // between them.
                match (next.bits, next.residual) == (far.bits, far.residual) {
                    true => Ok(next),
                    false => Err(within.unsigned_abs()),
                }
            }
            Value::Real { proof, first, enclose } => {
                let mut precision = first.precision();
                if let Some(rounded) = round_interval(first, format, overflow, *proof) {
                    return Ok(rounded);
                }
                loop {
                    precision *= 2;
                    if precision > proof.cap() {
                        return Err(precision / 2);
                    }
                    let enclosure = enclose(precision);
                    if let Some(rounded) =
                        enclosure.and_then(|x| round_interval(&x, format, overflow, *proof))
                    {
                        return Ok(rounded);
                    }
                }
            }
        }
    }

    /// Why this value can be rounded.
    pub fn proof(&self) -> Proof {
        match self {
            Value::Copied { .. } => Proof::Copied,
            Value::Nonfinite => Proof::Nonfinite,
            Value::Rational(_) => Proof::Rational,
            Value::Beside { proof, .. } | Value::Real { proof, .. } => *proof,
        }
    }
}

/// The same bits, or one rounding where the formats differ: signs of zero and infinity survive, a
/// NaN becomes a NaN.
pub(super) fn copy(bits: u64, from: Format, to: Format, overflow: Overflow) -> Rounded {
    let copied = |bits| Rounded { bits, residual: 0, proof: Proof::Copied, precision: 0 };
    if from == to {
        return copied(bits);
    }
    match Ratio::from_bits(from, bits).filter(|x| !x.is_zero()) {
        None => copied(to.convert(from, bits, overflow)),
        Some(x) => Rounded { proof: Proof::Copied, ..round_ratio(&x, to, overflow) },
    }
}

/// Rounds an exact rational.
fn round_ratio(x: &Ratio, format: Format, overflow: Overflow) -> Rounded {
    let bits = format.round_by(&x.to_wide(), overflow);
    let residual = match (expected(format, bits), format.ulp_exponent(bits)) {
        (Some(target), Some(ulp)) => {
            let residual = Ratio((x - &target).0 >> ulp);
            match residual.is_zero() {
                true => 0,
                false => Format::F16.round_nonzero(&residual.to_wide()),
            }
        }
        _ => Format::F16.quiet_nan(),
    };
    Rounded { bits, residual, proof: Proof::Rational, precision: 0 }
}

/// Rounds what is as near to a rational as anything can be, but not it.
fn beside(base: &Ratio, above: bool, format: Format, overflow: Overflow, proof: Proof) -> Rounded {
    let bits = format.round_by(&wide_beside(base, above), overflow);
    let residual = match (expected(format, bits), format.ulp_exponent(bits)) {
        (Some(target), Some(ulp)) => {
            let residual = Ratio((base - &target).0 >> ulp);
            Format::F16.round_nonzero(&wide_beside(&residual, above))
        }
        _ => Format::F16.quiet_nan(),
    };
    Rounded { bits, residual, proof, precision: 0 }
}

/// The leading bits of what is beside a rational.
fn wide_beside(x: &Ratio, above: bool) -> Wide {
    if x.is_zero() {
        return Wide { negative: !above, significand: 1, exponent: -(1 << 40), sticky: false };
    }
    let wide = x.to_wide();
    match (wide.sticky, above != wide.negative) {
        // No boundary has so many bits: whatever is beside it rounds like it.
        (true, _) => wide,
        (false, true) => Wide { sticky: true, ..wide },
        (false, false) => Wide { significand: wide.significand - 1, sticky: true, ..wide },
    }
}

/// The number that a bit pattern stands for in a residual: ±2^(e_max + 1) for an infinity; none for
/// a NaN, which an overflow comes to where there is no infinity.
fn expected(format: Format, bits: u64) -> Option<Ratio> {
    if format.is_nan(bits) {
        return None;
    }
    Some(Ratio::from_bits(format, bits).unwrap_or_else(|| {
        let negative = bits & format.sign_bit() != 0;
        Ratio::dyadic(negative, 1, format.e_max() + 1)
    }))
}

/// Rounds value and residual, if every number of the interval gives the same two.
fn round_interval(
    x: &Interval,
    format: Format,
    overflow: Overflow,
    proof: Proof,
) -> Option<Rounded> {
    if x.contains_zero() {
        return None;
    }
    let bits = format.round_by(&wide(x.lo())?, overflow);
    if bits != format.round_by(&wide(x.hi())?, overflow) {
        return None;
    }
    let precision = x.precision();
    let (Some(target), Some(ulp)) = (expected(format, bits), format.ulp_exponent(bits)) else {
        let residual = Format::F16.quiet_nan();
        return Some(Rounded { bits, residual, proof, precision });
    };
    let mut lo = Float::with_val_round(precision, x.lo() - &target.0, Down).0;
    let mut hi = Float::with_val_round(precision, x.hi() - &target.0, Up).0;
    lo >>= ulp;
    hi >>= ulp;
    if lo <= 0 && hi >= 0 {
        return None;
    }
    let residual = Format::F16.round_nonzero(&wide(&lo)?);
    (residual == Format::F16.round_nonzero(&wide(&hi)?)).then_some(Rounded {
        bits,
        residual,
        proof,
        precision,
    })
}

/// The leading 128 bits of a float; none for NaN. An infinity, which only an interval that is
/// still far too wide has, is a huge number.
pub(crate) fn wide(x: &Float) -> Option<Wide> {
    if x.is_zero() {
        return Some(Wide::ZERO);
    }
    let negative = x.is_sign_negative();
    if x.is_infinite() {
        return Some(Wide { negative, significand: 1, exponent: 1 << 40, sticky: true });
    }
    let (integer, exponent) = x.to_integer_exp()?;
    let integer = integer.abs();
    let excess = integer.significant_bits().saturating_sub(128);
    let sticky = excess > 0 && integer.find_one(0).is_some_and(|first| first < excess);
    Some(Wide {
        negative,
        significand: (integer >> excess).to_u128_wrapping(),
        exponent: exponent as i64 + excess as i64,
        sticky,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rounds_with_its_residual() {
        // π − RN32(π) = −8.74e-8, ulp = 2⁻²²: −0.3667 ulp.
        let enclose = |precision| {
            use crate::encoding::Arithmetic;
            super::super::Intervals { precision }.pi()
        };
        let value = Value::Real {
            proof: Proof::Transcendental,
            first: enclose(64).unwrap(),
            enclose: &enclose,
        };
        let rounded = value.round(Format::F32).unwrap();
        assert_eq!(rounded.bits, 0x40490fdb);
        assert_eq!((Format::F16.to_f64(rounded.residual) * 1e4).round() / 1e4, -0.3667);
    }

    #[test]
    fn what_is_beside_a_rational_rounds_by_its_side() {
        let near = |base: Ratio, above, format| {
            let value = Value::Beside { proof: Proof::Lindemann, base, above, within: -4000 };
            value.round(format).map(|rounded| (rounded.bits, rounded.residual))
        };
        assert_eq!(near(Ratio::new(1, 1), true, Format::F16), Ok((0x3c00, 0x0001)));
        assert_eq!(near(Ratio::new(1, 1), false, Format::F16), Ok((0x3c00, 0x8001)));
        // A tie goes to its side; −1 − 2⁻¹¹ is even below.
        assert_eq!(near(Ratio::new(2049, 2048), true, Format::F16), Ok((0x3c01, 0xb800)));
        assert_eq!(near(Ratio::new(2049, 2048), false, Format::F16), Ok((0x3c00, 0x37ff + 1)));
        assert_eq!(near(Ratio::new(-2049, 2048), false, Format::F16), Ok((0xbc01, 0x3800)));
        assert_eq!(near(Ratio::new(0, 1), false, Format::F32), Ok((0x8000_0000, 0x8001)));
        let third = round_ratio(&Ratio::new(1, 3), Format::F32, Overflow::Ieee);
        assert_eq!(near(Ratio::new(1, 3), true, Format::F32), Ok((third.bits, third.residual)));
        let loose = Value::Beside {
            proof: Proof::Isolation,
            base: Ratio::new(2049, 2048),
            above: true,
            within: -3,
        };
        assert_eq!(loose.round(Format::F16), Err(3));
    }

    #[test]
    fn infinity_counts_as_the_next_power_of_two() {
        // 65536 + 64·3 overflows f16; 3 ulp of 65536 (64 each) above it.
        let rounded = round_ratio(&Ratio::new(65536 + 192, 1), Format::F16, Overflow::Ieee);
        assert_eq!((rounded.bits, Format::F16.to_f64(rounded.residual)), (0x7c00, 3.0));
        // 65520 is half an ulp (16, of 65504's binade 32) short of 65536 and still overflows.
        let rounded = round_ratio(&Ratio::new(65520, 1), Format::F16, Overflow::Ieee);
        assert_eq!((rounded.bits, Format::F16.to_f64(rounded.residual)), (0x7c00, -0.25));
    }
}
