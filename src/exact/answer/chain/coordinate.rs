//! Coordinates before they are turned, and the planes of a row turned.

use super::element::Element;
use crate::exact::angle::{Turned, Turning};
use crate::exact::interval::Interval;
use crate::exact::ratio::Ratio;
use crate::exact::rooted::{Root, Rooted};
use crate::number::Format;
use num_complex::Complex;
use num_traits::Zero;
use std::rc::Rc;

/// The root of a row, shared by its coordinates.
pub(super) type RowRoot = Rc<Result<Ratio, Root>>;

/// A coordinate of a row.
#[derive(Clone)]
pub(super) enum Coordinate {
    /// The bits of an input.
    Bits(u64, Format),
    /// What a norm made of it.
    Normed(Rooted, RowRoot),
    /// No value.
    Nonfinite,
}

impl Coordinate {
    /// r√R + b and its root; none if it is not finite.
    fn rooted(&self) -> Option<(Rooted, Option<RowRoot>)> {
        match self {
            Coordinate::Bits(bits, format) => {
                Some((Rooted::rational(Ratio::from_bits(*format, *bits)?), None))
            }
            Coordinate::Normed(rooted, root) => Some((rooted.clone(), Some(root.clone()))),
            Coordinate::Nonfinite => None,
        }
    }

    /// The element where nothing turns.
    pub(super) fn still<'a>(&self) -> Element<'a> {
        match self {
            Coordinate::Bits(bits, format) => Element::Copied(*bits, *format),
            Coordinate::Nonfinite => Element::Nonfinite,
            Coordinate::Normed(rooted, root) => {
                let (rooted, root) = (rooted.clone(), root.clone());
                Element::of(rooted.kind(), move |precision| {
                    Some(rooted.enclose(root.as_ref().as_ref().err(), precision))
                })
            }
        }
    }
}

/// The phasor at a precision; the first one if it is as good.
pub(super) fn phasor(turned: &Turned, precision: u32) -> Option<Complex<Interval>> {
    match turned.first.re.precision().max(turned.first.im.precision()) >= precision {
        true => Some(turned.first.clone()),
        false => turned.phasor(precision),
    }
}

/// The real part of (x + iy) · phasor.
pub(super) fn part<'a>(
    turned: &'a Turned<'a>,
    x: Rooted,
    y: Rooted,
    root: Option<RowRoot>,
) -> Element<'a> {
    if x.is_zero() && y.is_zero() {
        return Element::Rational(Ratio::zero());
    }
    let irrational = |root: &RowRoot| root.as_ref().as_ref().err().cloned();
    let root = root.as_ref().and_then(irrational);
    let kind = Rooted::turned(&x, &y, root.as_ref(), turned);
    Element::of(kind, move |precision| {
        let w = phasor(turned, precision)?;
        let of = |rooted: &Rooted| rooted.enclose(root.as_ref(), precision);
        Some(match turned.turning {
            Turning::Never => of(&x) * w.re,
            _ => of(&x) * w.re - of(&y) * w.im,
        })
    })
}

/// Both elements of a plane.
pub(super) fn plane<'a>(turned: &'a Turned<'a>, z: [&Coordinate; 2]) -> [Element<'a>; 2] {
    if turned.turning == Turning::Never && turned.scale.is_one() {
        return z.map(Coordinate::still);
    }
    let (Some((x, root)), Some((y, _))) = (z[0].rooted(), z[1].rooted()) else {
        return [Element::Nonfinite, Element::Nonfinite];
    };
    let im = part(turned, y.clone(), x.negated(), root.clone());
    [part(turned, x, y, root), im]
}

/// A rational in place of an element, if it is one.
pub(super) fn rational(element: &Element) -> Option<Ratio> {
    match element.number()? {
        Element::Rational(x) => Some(x),
        _ => None,
    }
}
