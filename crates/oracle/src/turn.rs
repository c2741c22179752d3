//! Angles, and the cos and sin that rows are made of.

use super::radical::Radical;
use super::real::Real;
use super::spectrum::Spectrum;
use super::{Ball, Elementary, SecondError};
use ropewalk::request::Direction;
use rug::{Complete, Rational};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A value at the precisions that were asked for.
struct Cache<T>(RefCell<Vec<(u32, Option<T>)>>);

impl<T: Clone> Cache<T> {
    fn new() -> Cache<T> {
        Cache(RefCell::new(Vec::new()))
    }

    fn get(&self, bits: u32, compute: impl FnOnce() -> Option<T>) -> Option<T> {
        if let Some((_, value)) = self.0.borrow().iter().find(|(known, _)| *known == bits) {
            return value.clone();
        }
        let value = compute();
        self.0.borrow_mut().push((bits, value.clone()));
        value
    }
}

/// The frequencies of an encoding, with the balls computed so far.
pub(super) struct Wheel<'a> {
    pub(super) functions: &'a Elementary,
    pub(super) spectrum: &'a Spectrum<'a>,
    frequencies: Vec<Cache<Ball>>,
    /// Whether vast growth may be cut: not where it meets its inverse in a product.
    cuts: bool,
}

/// An angle: a position times a frequency.
#[derive(Clone, Debug)]
pub(super) enum Angle {
    Zero,
    /// π times this rational.
    OfPi(Rational),
    /// Something else; not 0.
    Other,
}

/// The factor that cos and sin are multiplied by.
#[derive(Clone)]
pub(super) struct Scale<'a> {
    factor: Real<'a>,
    /// The factor, if it is rational.
    pub(super) rational: Option<Rational>,
}

impl<'a> Scale<'a> {
    pub(super) fn new(factor: Real<'a>) -> Scale<'a> {
        let rational = factor.value();
        Scale { factor, rational }
    }

    /// The square of the factor, if it is known to be rational.
    pub(super) fn square(&self) -> Option<Rational> {
        match (&self.rational, &self.factor) {
            (Some(rational), _) => Some(rational.clone().square()),
            (None, Real::Radical(radical)) => radical.times(radical).value(),
            _ => None,
        }
    }

    pub(super) fn is_one(&self) -> bool {
        self.rational.as_ref().is_some_and(|x| *x == 1)
    }

    pub(super) fn ball(&self, functions: &Elementary, bits: u32) -> Option<Ball> {
        match &self.rational {
            Some(rational) => Some(Ball::rational(rational, bits)),
            None => self.factor.ball(functions, bits),
        }
    }
}

/// Growth beyond 2^±this is cut there: in a rotation it decides the result alone either way, by
/// overflow or underflow of every format, and the exponents of balls stay within `i64`.
const LARGEST_GROWTH: i64 = 1 << 50;

impl<'a> Wheel<'a> {
    pub(super) fn new(
        functions: &'a Elementary,
        spectrum: &'a Spectrum<'a>,
        cuts: bool,
    ) -> Wheel<'a> {
        let frequencies = spectrum.frequencies.iter().map(|_| Cache::new()).collect();
        Wheel { functions, spectrum, frequencies, cuts }
    }

    fn frequency(&self, pair: usize, bits: u32) -> Option<Ball> {
        let compute = || self.spectrum.frequencies[pair].ball(self.functions, bits);
        self.frequencies[pair].get(bits, compute)
    }

    /// What is known of the angle at a position.
    pub(super) fn angle(&self, pair: usize, position: &Rational) -> Angle {
        let frequency = &self.spectrum.frequencies[pair];
        if position.is_zero() || frequency.is_zero() {
            return Angle::Zero;
        }
        match frequency {
            Real::Pi(radical) => match radical.value() {
                Some(turns) => Angle::OfPi(turns * position / &self.spectrum.position_divisor),
                None => Angle::Other,
            },
            _ => Angle::Other,
        }
    }

    /// (cos, sin) of (position / divisor) · frequency, with an absolute error of about 2^−bits
    /// (relative for small angles).
    pub(super) fn cos_sin(
        &self,
        pair: usize,
        position: &Rational,
        bits: u32,
    ) -> Option<(Ball, Ball)> {
        if matches!(self.angle(pair, position), Angle::Zero) {
            return Some((Ball::integer(1, bits), Ball::zero(bits)));
        }
        let t = (position / &self.spectrum.position_divisor).complete();
        // As many more bits as the position has before the point; in steps, for the cache.
        let whole = t.numer().significant_bits().saturating_sub(t.denom().significant_bits());
        let wide = bits + (whole + 2).next_multiple_of(32);
        let angle = self.frequency(pair, wide)?.times(t.numer());
        let angle = match *t.denom() == 1 {
            true => angle,
            false => {
                let bits = wide.max(t.denom().significant_bits());
                angle.checked_div(&Ball::integer(t.denom(), bits))?
            }
        };
        // The midpoint keeps the bits before the point; the functions need no more than `bits`.
        let (sin, cos) = self.functions.sin_cos(&angle);
        Some((cos.with_bits(bits), sin.with_bits(bits)))
    }

    /// attention_factor^(±1) · ζ^(±(p − origin)/scale_base), the signs of a direction and of
    /// queries or keys.
    pub(super) fn scale(
        &self,
        pair: usize,
        position: &Rational,
        direction: Direction,
        key: bool,
    ) -> Result<Scale<'a>, SecondError> {
        let spectrum = self.spectrum;
        let inverse = direction == Direction::Inverse;
        let factor = match inverse {
            false => spectrum.attention_factor.clone(),
            true => spectrum
                .attention_factor
                .inverse()
                .ok_or_else(|| SecondError::Unsupported("an attention factor of 0".into()))?,
        };
        let Some(zeta) = spectrum.growth.get(pair) else {
            return Ok(Scale::new(factor));
        };
        let power = Rational::from(position - &spectrum.origin) / &spectrum.scale_base;
        let power = if inverse != key { -power } else { power };
        // |log₂ ζ| ≥ 1 − ζ and, as ζ ≥ 2/7, |ln ζ| < 4 (1 − ζ): what is cut is larger, and what is
        // not is within reach of the exponential.
        let least = power.clone().abs() * (Rational::from(1) - zeta);
        if self.cuts && least > LARGEST_GROWTH {
            let cut = if power.is_negative() { LARGEST_GROWTH } else { -LARGEST_GROWTH };
            let power_of_two = move |_: &Elementary, bits| Some(Ball::integer(1, bits).scaled(cut));
            return Ok(Scale { factor: Real::open(None, power_of_two), rational: None });
        }
        let growth = Radical::power(zeta, power);
        Ok(Scale::new(factor.times(&growth)))
    }
}

/// One plane at one position: the angle, the scale, and their phasor.
pub(super) struct Turn<'w> {
    wheel: &'w Wheel<'w>,
    pair: usize,
    position: Rational,
    pub(super) angle: Angle,
    pub(super) scale: Scale<'w>,
    phasor: Cache<(Ball, Ball)>,
}

impl<'w> Turn<'w> {
    /// Whether its scale is more than the factor of all.
    pub(super) fn grows(&self) -> bool {
        !self.wheel.spectrum.growth.is_empty()
    }

    /// Whether the angle is known to be that of another.
    pub(super) fn alike(&self, other: &Turn) -> bool {
        let radical = |turn: &Turn| match &turn.wheel.spectrum.frequencies[turn.pair] {
            Real::Radical(radical) => Some(radical.times(&Radical::from(turn.position.clone()))),
            _ => None,
        };
        match (&self.angle, &other.angle) {
            (Angle::Zero, Angle::Zero) => true,
            (Angle::OfPi(a), Angle::OfPi(b)) => a == b,
            (Angle::Other, Angle::Other) => {
                radical(self).zip(radical(other)).is_some_and(|(a, b)| a.same(&b))
            }
            _ => false,
        }
    }

    /// (cos, sin) without the scale, where the angle is a multiple of π/2.
    pub(super) fn quarters(&self) -> Option<(i32, i32)> {
        let Angle::OfPi(t) = &self.angle else { return None };
        let quarters: Rational = t.clone() * 2u32;
        let whole = (*quarters.denom() == 1).then(|| quarters.numer().mod_u(4))?;
        Some([(1, 0), (0, 1), (-1, 0), (0, -1)][whole as usize])
    }

    /// scale · (cos, sin).
    pub(super) fn phasor(&self, bits: u32) -> Option<(Ball, Ball)> {
        self.phasor.get(bits, || {
            let (cos, sin) = self.wheel.cos_sin(self.pair, &self.position, bits)?;
            if self.scale.is_one() {
                return Some((cos, sin));
            }
            let scale = self.scale.ball(self.wheel.functions, bits)?;
            Some((cos * &scale, sin * scale))
        })
    }
}

/// The turns that occur, each made once.
pub(super) struct Turns<'w> {
    wheel: &'w Wheel<'w>,
    direction: Direction,
    key: bool,
    known: HashMap<(usize, Rational), Rc<Turn<'w>>>,
}

impl<'w> Turns<'w> {
    pub(super) fn new(wheel: &'w Wheel<'w>, direction: Direction, key: bool) -> Turns<'w> {
        Turns { wheel, direction, key, known: HashMap::new() }
    }

    pub(super) fn at(
        &mut self,
        pair: usize,
        position: &Rational,
    ) -> Result<Rc<Turn<'w>>, SecondError> {
        let key = (pair, position.clone());
        if let Some(turn) = self.known.get(&key) {
            return Ok(turn.clone());
        }
        let turn = Rc::new(Turn {
            wheel: self.wheel,
            pair,
            position: position.clone(),
            angle: self.wheel.angle(pair, position),
            scale: self.wheel.scale(pair, position, self.direction, self.key)?,
            phasor: Cache::new(),
        });
        self.known.insert(key, turn.clone());
        Ok(turn)
    }
}

/// The growth of a pair over one position.
pub(super) fn growth_per_position(spectrum: &Spectrum, pair: usize) -> Option<Radical> {
    let zeta = spectrum.growth.get(pair)?;
    Some(Radical::power(zeta, spectrum.scale_base.clone().recip()))
}
