//! Scales of what shares one, and the division by them.
//!
//! The largest of some reals need not be found to be rounded: rounding is monotone, so the largest
//! rounding is the rounding of the largest, and reals that are equal give equal ones.

use super::element::Element;
use crate::encoding::{Chain, Part, ScaleKind};
use crate::exact::interval::Interval;
use crate::exact::ratio::Ratio;
use crate::exact::round::Value;
use crate::number::{Format, Overflow};
use num_traits::{One, Zero};
use rug::{Float, Rational};

/// The f32 that a block is divided by.
#[derive(Clone)]
pub(super) enum Scale {
    /// Above 0.
    Number(Ratio),
    /// The quotient was lost in f32: 0, or else ∞.
    Lost { zero: bool },
    /// The block has a NaN or an infinity.
    None,
}

impl Scale {
    fn of(bits: u64) -> Scale {
        match Ratio::from_bits(Format::F32, bits) {
            Some(x) if x.is_zero() => Scale::Lost { zero: true },
            Some(x) => Scale::Number(x),
            None if Format::F32.is_nan(bits) => Scale::None,
            None => Scale::Lost { zero: false },
        }
    }

    pub(super) fn divide<'a>(&self, x: Element<'a>) -> Element<'a> {
        match self {
            Scale::Number(scale) => x.over(scale),
            Scale::Lost { zero } => x.over_nothing(*zero),
            Scale::None => Element::Nonfinite,
        }
    }
}

/// The scales that are given, or those made of a part's elements, with their exact values.
pub(super) fn scales<'a>(
    chain: &Chain,
    part: &Part,
    elements: &[Element<'a>],
    precision: u32,
) -> Result<Vec<(Scale, Element<'a>)>, (usize, u32)> {
    if let Some(given) = &part.scale {
        let of = |bits: &u64| (Scale::of(*bits), Element::Copied(*bits, Format::F32));
        return Ok(given.data().iter().map(of).collect());
    }
    let Some(quantize) = &chain.quantize else { return Ok(vec![]) };
    let count = chain.scale_shape(part).iter().product();
    let mut blocks: Vec<Vec<&Element<'a>>> = vec![Vec::new(); count];
    let dim = part.heads.dim().max(1);
    for (index, element) in elements.iter().enumerate() {
        blocks[chain.block(part, index / dim, index % dim)].push(element);
    }
    let format = quantize.format.format().unwrap_or(Format::F8E4M3FN);
    let largest = Ratio::from_bits(format, format.largest()).unwrap_or_else(Ratio::one);
    let share = Ratio(largest.0.recip());
    let blocks = blocks.iter().enumerate().map(|(index, block)| {
        let made = made(block, &share, quantize.scale, precision);
        made.map_err(|precision| (index, precision))
    });
    blocks.collect()
}

/// The scale of a block, from |x| / largest of its elements.
fn made<'a>(
    block: &[&Element<'a>],
    share: &Ratio,
    kind: ScaleKind,
    precision: u32,
) -> Result<(Scale, Element<'a>), u32> {
    let numbers = block.iter().map(|x| Some(x.number()?.size(share)));
    let Some(sizes) = numbers.collect::<Option<Vec<Element>>>() else {
        return Ok((Scale::None, Element::Nonfinite));
    };
    let bounds: Vec<_> = sizes.iter().map(|size| size.bounds(precision)).collect();
    let least = bounds.iter().flatten().map(|(lo, _)| lo).max_by(|a, b| a.total_cmp(b));
    // Those that may be the largest; what was not enclosed may be.
    let reaches = |hi: &Float| least.is_none_or(|least| hi >= least);
    let candidates = sizes.iter().zip(&bounds).filter(|(size, bounds)| {
        let zero = matches!(size, Element::Rational(x) if x.is_zero());
        !zero && bounds.as_ref().is_none_or(|(_, hi)| reaches(hi))
    });
    let mut best: Option<(u64, f64, Element)> = None;
    for (size, _) in candidates {
        let (rank, residual, size) = match kind {
            ScaleKind::AmaxPow2 => {
                let power = size.value(precision, ceil_log2)??;
                // Exponents as ranks, from far below what any format has.
                ((power + (1 << 40)) as u64, 0.0, Element::Rational(power_of_two(power)))
            }
            _ => {
                let round = |value: &Value| value.round_by(Format::F32, Overflow::Ieee);
                let rounded = size.value(precision, round)??;
                (rounded.bits, Format::F16.to_f64(rounded.residual), size.clone())
            }
        };
        if best.as_ref().is_none_or(|(most, off, _)| (rank, residual) > (*most, *off)) {
            best = Some((rank, residual, size));
        }
    }
    let Some((_, _, size)) = best else {
        return Ok((Scale::Number(Ratio::one()), Element::Rational(Ratio::one())));
    };
    let bits = size.value(precision, |value| value.round_by(Format::F32, Overflow::Ieee))??.bits;
    Ok((Scale::of(bits), size))
}

fn power_of_two(exponent: i64) -> Ratio {
    // f64 inputs and their norms stay far within this.
    let exponent = exponent.clamp(-(1 << 20), 1 << 20) as i32;
    Ratio(Rational::from(1) << exponent)
}

/// ⌈log₂ x⌉ of a number above 0; the error is the precision that did not decide it.
fn ceil_log2(value: &Value) -> Result<i64, u32> {
    let of = |x: &Float| {
        let exponent = i64::from(x.get_exp()?);
        let half = Float::with_val(x.prec(), 0.5) << (exponent as i32);
        Some(if *x == half { exponent - 1 } else { exponent })
    };
    let both = |x: &Interval| {
        if x.contains_zero() {
            return None;
        }
        let (lo, hi) = (of(x.lo())?, of(x.hi())?);
        (lo == hi).then_some(lo)
    };
    match value {
        Value::Rational(x) => {
            let (a, b) = (x.0.numer(), x.0.denom());
            let least = i64::from(a.significant_bits()) - i64::from(b.significant_bits()) - 1;
            let reached = |k: &i64| x.0 <= power_of_two(*k).0;
            Ok((least..least + 3).find(reached).unwrap_or(least + 3))
        }
        Value::Real { first, enclose, .. } => {
            let mut precision = first.precision();
            let mut found = both(first);
            while found.is_none() && precision < 1 << 16 {
                precision *= 2;
                found = enclose(precision).and_then(|x| both(&x));
            }
            found.ok_or(precision)
        }
        // Neither comes of a norm or a rotation.
        Value::Copied { .. } | Value::Nonfinite | Value::Beside { .. } => Err(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_themselves() {
        let of = |a, b| ceil_log2(&Value::Rational(Ratio::new(a, b)));
        assert_eq!((of(1, 1), of(2, 1), of(3, 1), of(5, 4)), (Ok(0), Ok(1), Ok(2), Ok(1)));
        assert_eq!(
            (of(1, 4), of(1, 3), of(448, 448), of(449, 448)),
            (Ok(-2), Ok(-1), Ok(0), Ok(1))
        );
    }
}
