//! A norm after the rotation.
//!
//! A rotation keeps the sum of squares, and a magnitude multiplies that of the planes by its square.
//! Where that is rational, the norm comes to a factor √R of the row and a weight for each element, and
//! a turned coordinate is the turned pair times both. Where it is not, the row is enclosed.

use super::coordinate::{Coordinate, RowRoot, part as turned_part, rational};
use super::element::Element;
use super::norm::{bias, eps, mean, normed, root, statistics, weight};
use crate::encoding::{Chain, Class, Norm, NormKind, Pair, Part};
use crate::exact::angle::{Turned, Turning};
use crate::exact::interval::Interval;
use crate::exact::ratio::Ratio;
use crate::exact::rationals::of_monomial;
use crate::exact::resolved::Multiple;
use crate::exact::rooted::Rooted;
use crate::exact::round::{Proof, first_enclosure};
use num_traits::Zero;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A part that is turned before it is normalised.
pub(super) struct After<'a, 'c> {
    pub(super) chain: &'c Chain,
    pub(super) norm: &'c Norm,
    pub(super) part: &'c Part,
    pub(super) pairs: &'a [Pair],
    /// The planes of a row as they turn, and as they would without any scale.
    pub(super) turned: &'c dyn Fn(usize) -> (&'a [Turned<'a>], &'a [Turned<'a>]),
}

/// An element of a row, before the norm.
struct Place {
    row: usize,
    d: usize,
    /// The plane and whether it is the imaginary part.
    plane: Option<(usize, bool)>,
}

/// a², if it is rational.
fn square(scale: &Multiple) -> Option<Ratio> {
    match (&scale.ratio, &scale.class) {
        (Some(x), _) => Some(x * x),
        (None, Class::Radical(m)) => of_monomial(&m.mul(m)?),
        _ => None,
    }
}

impl<'a> After<'a, '_> {
    /// The elements of the part, normalised.
    pub(super) fn elements(&self) -> Vec<Element<'a>> {
        let dim = self.part.heads.dim();
        let mut elements = vec![Element::Nonfinite; self.part.heads.data().len()];
        let mut planes = vec![None; dim];
        for (index, pair) in self.pairs.iter().enumerate() {
            planes[pair.re] = Some((index, false));
            planes[pair.im] = Some((index, true));
        }
        for rows in self.chain.norm_rows(self.part) {
            let places = rows.iter().flat_map(|&row| {
                planes.iter().enumerate().map(move |(d, plane)| Place { row, d, plane: *plane })
            });
            let places: Vec<Place> = places.collect();
            let (data, format) = (self.part.heads.data(), self.part.heads.format());
            let number = |p: &Place| Ratio::from_bits(format, data[p.row * dim + p.d]);
            let numbers = places.iter().map(number).collect::<Option<Vec<_>>>();
            let Some(numbers) = numbers.filter(|list| !list.is_empty()) else { continue };
            let made = match self.norm.kind {
                NormKind::Rms => self.rms(&places, &numbers),
                NormKind::Layer => self.layer(&places, &numbers),
            };
            for (place, element) in places.iter().zip(made) {
                elements[place.row * dim + place.d] = element;
            }
        }
        elements
    }

    /// The partner of an element in the list of a row's places.
    fn partner(&self, index: usize, place: &Place) -> Option<(usize, usize, bool)> {
        let (plane, imaginary) = place.plane?;
        let pair = self.pairs[plane];
        let first = index - place.d;
        Some((plane, first + if imaginary { pair.re } else { pair.im }, imaginary))
    }

    /// The pair whose real part, turned, an element is: (x, y), or (y, −x) for an imaginary part.
    fn turned_pair(
        &self,
        index: usize,
        place: &Place,
        numbers: &[Ratio],
    ) -> Option<(usize, Ratio, Ratio)> {
        let (plane, partner, imaginary) = self.partner(index, place)?;
        let other = numbers[partner].clone();
        Some((plane, numbers[index].clone(), if imaginary { -other } else { other }))
    }

    /// The element before the norm.
    fn raw(&self, index: usize, place: &Place, numbers: &[Ratio]) -> Element<'a> {
        match self.turned_pair(index, place, numbers) {
            None => Element::Rational(numbers[index].clone()),
            Some((plane, x, y)) => {
                let (turned, _) = (self.turned)(place.row);
                turned_part(&turned[plane], Rooted::rational(x), Rooted::rational(y), None)
            }
        }
    }

    fn rms(&self, places: &[Place], numbers: &[Ratio]) -> Vec<Element<'a>> {
        let Some(first) = places.first() else { return vec![] };
        let (turned, unit) = (self.turned)(first.row);
        let (norm, count) = (self.norm, numbers.len());
        // The sum of the squares of every plane, and of what is in none.
        let mut planes = vec![Ratio::zero(); self.pairs.len()];
        let mut outside = Ratio::zero();
        for (place, x) in places.iter().zip(numbers) {
            let square = x * x;
            let sum = place.plane.map_or(&mut outside, |(plane, _)| &mut planes[plane]);
            *sum = &*sum + &square;
        }
        let rest = &mean(outside, count) + &eps(norm);
        let moved = || planes.iter().zip(turned).filter(|(sum, _)| !sum.is_zero());
        let squares = moved().map(|(sum, turned)| Some(sum * &square(&turned.scale)?));
        let whole = squares.collect::<Option<Vec<_>>>();
        if let Some(squares) = whole {
            let sum = squares.iter().fold(Ratio::zero(), |sum, x| &sum + x);
            let root = root(&mean(sum, count) + &rest);
            return self.times(places, numbers, turned, &root, false);
        }
        // One magnitude for all that is there: it cancels.
        let scale = moved().next().map(|(_, turned)| &turned.scale.expression);
        let common = moved().all(|(_, turned)| Some(&turned.scale.expression) == scale);
        if common && rest.is_zero() {
            let negative = moved().next().is_some_and(|(_, turned)| {
                let sign = |x: Interval| (!x.contains_zero()).then(|| *x.hi() < 0);
                first_enclosure(128, |bits| turned.scale.enclose(bits).and_then(sign)) == Ok(true)
            });
            let sum = planes.iter().fold(Ratio::zero(), |sum, x| &sum + x);
            return self.times(places, numbers, unit, &root(mean(sum, count)), negative);
        }
        let algebraic = moved().all(|(_, t)| t.scale.class.is_algebraic() == Some(true));
        let transcendental =
            common && moved().all(|(_, t)| t.scale.proof() == Proof::Transcendental);
        let sums: Vec<(Ratio, &'a Turned<'a>)> =
            moved().map(|(sum, turned)| (mean(sum.clone(), count), turned)).collect();
        let inverse = cached(move |precision| {
            let of = |x: &Ratio| Interval::of_ratio(x, precision);
            let mut total = of(&rest);
            for (sum, turned) in &sums {
                let scale = turned.scale.enclose(precision)?;
                total = total + of(sum) * (&scale * &scale);
            }
            (!total.contains_zero()).then(|| Interval::point(1).widen(precision) / total.sqrt())
        });
        let make = |(index, place): (usize, &Place)| {
            let Some(w) = weight(norm, self.part, place.row, place.d) else {
                return Element::Nonfinite;
            };
            let pair = self.turned_pair(index, place, numbers);
            let zero = match &pair {
                Some((plane, x, y)) if turned[*plane].turning != Turning::Never => {
                    x.is_zero() && y.is_zero()
                }
                _ => numbers[index].is_zero(),
            };
            if w.is_zero() || zero {
                return Element::Rational(Ratio::zero());
            }
            let turning = pair.map(|(plane, ..)| &turned[plane].turning);
            let proof = match turning {
                // a x / √(a² A + B) with B ≠ 0 is no constant function of a.
                None | Some(Turning::Never) if transcendental => Proof::Transcendental,
                Some(Turning::Algebraic) if algebraic => Proof::Lindemann,
                Some(Turning::IrrationalPi) if algebraic => Proof::GelfondSchneider,
                _ => Proof::Isolation,
            };
            let raw = enclosing(self.raw(index, place, numbers));
            let inverse = inverse.clone();
            let enclose = move |precision| {
                let product = raw(precision)? * inverse(precision)?;
                Some(product * Interval::of_ratio(&w, precision))
            };
            Element::Real(proof, Rc::new(enclose))
        };
        places.iter().enumerate().map(make).collect()
    }

    /// Every turned pair times √R and the element's weight.
    fn times(
        &self,
        places: &[Place],
        numbers: &[Ratio],
        turned: &'a [Turned<'a>],
        root: &RowRoot,
        negative: bool,
    ) -> Vec<Element<'a>> {
        let make = |(index, place): (usize, &Place)| {
            let Some(w) = weight(self.norm, self.part, place.row, place.d) else {
                return Element::Nonfinite;
            };
            let w = if negative { -w } else { w };
            let rooted = |x: &Ratio| Rooted::new(x * &w, root, Ratio::zero());
            match self.turned_pair(index, place, numbers) {
                None => Coordinate::Normed(rooted(&numbers[index]), root.clone()).still(),
                Some((plane, x, y)) => {
                    turned_part(&turned[plane], rooted(&x), rooted(&y), Some(root.clone()))
                }
            }
        };
        places.iter().enumerate().map(make).collect()
    }

    /// Every element of a row as rational multiples of 1 and of the cos and sin of its planes,
    /// where planes that turn alike share theirs.
    fn combinations(&self, places: &[Place], numbers: &[Ratio]) -> Vec<Vec<Ratio>> {
        let mut known: Vec<&Turned> = Vec::new();
        let mut one = |(index, place): (usize, &Place)| {
            let Some((plane, x, y)) = self.turned_pair(index, place, numbers) else {
                return vec![numbers[index].clone()];
            };
            let turned = &(self.turned)(place.row).0[plane];
            let still = turned.turning == Turning::Never;
            if let Some(ratio) = turned.scale.ratio.as_ref().filter(|_| still) {
                return vec![&x * ratio];
            }
            let place = known.iter().position(|other| other.is(turned)).unwrap_or(known.len());
            if place == known.len() {
                known.push(turned);
            }
            let mut list = vec![Ratio::zero(); 2 * place + 1];
            list.extend([x, if still { Ratio::zero() } else { y }]);
            list
        };
        places.iter().enumerate().map(&mut one).collect()
    }

    /// Whether each element is the mean of its row: where its combination is, it is, and 1 and what
    /// turns by different algebraic angles are linearly independent over ℚ.
    fn are_middle(&self, places: &[Place], numbers: &[Ratio]) -> Vec<bool> {
        let combinations = self.combinations(places, numbers);
        let longest = combinations.iter().map(Vec::len).max().unwrap_or(0);
        let at = |list: &[Ratio], term: usize| list.get(term).cloned().unwrap_or_else(Ratio::zero);
        let middle = |term: usize| {
            let add = |sum: Ratio, list: &Vec<Ratio>| &sum + &at(list, term);
            mean(combinations.iter().fold(Ratio::zero(), add), places.len())
        };
        let middle: Vec<Ratio> = (0..longest).map(middle).collect();
        let is = |list: &Vec<Ratio>| (0..longest).all(|term| at(list, term) == middle[term]);
        combinations.iter().map(is).collect()
    }

    fn layer(&self, places: &[Place], numbers: &[Ratio]) -> Vec<Element<'a>> {
        let (norm, count) = (self.norm, places.len());
        let raw: Vec<Element<'a>> =
            places.iter().enumerate().map(|(i, place)| self.raw(i, place, numbers)).collect();
        if let Some(exact) = raw.iter().map(rational).collect::<Option<Vec<_>>>() {
            let (middle, square) = statistics(norm, &exact);
            let square = &square + &eps(norm);
            if !square.is_zero() {
                let root = root(square);
                let make = |(place, x): (&Place, &Ratio)| {
                    let off = x + &-middle.clone();
                    normed(norm, self.part, (place.row, place.d), off, &root).still()
                };
                return places.iter().zip(&exact).map(make).collect();
            }
        }
        let are_middle = self.are_middle(places, numbers);
        let rows: Vec<_> = raw.into_iter().map(enclosing).collect();
        let eps = eps(norm);
        let exactly_two = count == 2 && eps.is_zero();
        // Deviations from the mean, and one over their root mean square.
        let row = cached(move |precision| {
            let of = |n: usize| Interval::of_ratio(&Ratio::new(n as i64, 1), precision);
            let values = rows.iter().map(|x| x(precision)).collect::<Option<Vec<_>>>()?;
            let sum = |list: &[Interval]| {
                let zero = Interval::point(0).widen(precision);
                list.iter().fold(zero, |sum, x| &sum + x) / of(count)
            };
            let middle = sum(&values);
            let off: Vec<Interval> = values.iter().map(|x| x - &middle).collect();
            let squares: Vec<Interval> = off.iter().map(|x| x.abs()).map(|x| &x * &x).collect();
            let total = sum(&squares) + Interval::of_ratio(&eps, precision);
            (!total.contains_zero())
                .then(|| (off, Interval::point(1).widen(precision) / total.sqrt()))
        });
        let make = |(index, place): (usize, &Place)| {
            let at = (place.row, place.d);
            let (Some(w), Some(b)) =
                (weight(norm, self.part, at.0, at.1), bias(norm, self.part, at.0, at.1))
            else {
                return Element::Nonfinite;
            };
            if w.is_zero() || are_middle[index] {
                return Element::Rational(b);
            }
            let row = row.clone();
            if exactly_two {
                // Two deviations are opposite, and each is ± the root mean square.
                let sign = |(off, _): (Vec<Interval>, Interval)| {
                    let x = &off[index];
                    (!x.contains_zero()).then(|| if *x.lo() > 0 { 1 } else { -1 })
                };
                if let Ok(sign) = first_enclosure(128, |bits| row(bits).and_then(sign)) {
                    return Element::Rational(&(&w * &Ratio::new(sign, 1)) + &b);
                }
            }
            let enclose = move |precision| {
                let (off, inverse) = row(precision)?;
                let product = (&off[index] * &inverse) * Interval::of_ratio(&w, precision);
                Some(product + Interval::of_ratio(&b, precision))
            };
            Element::Real(Proof::Isolation, Rc::new(enclose))
        };
        places.iter().enumerate().map(make).collect()
    }
}

/// The enclosure of an element that is a number.
fn enclosing<'a>(element: Element<'a>) -> Rc<dyn Fn(u32) -> Option<Interval> + 'a> {
    match element.number() {
        Some(Element::Real(_, enclose)) => enclose,
        Some(Element::Rational(x)) => {
            Rc::new(move |precision| Some(Interval::of_ratio(&x, precision)))
        }
        _ => Rc::new(|_| None),
    }
}

/// A function of the precision that is asked for by every element of a row, computed once.
fn cached<'a, T: Clone + 'a>(
    compute: impl Fn(u32) -> Option<T> + 'a,
) -> Rc<dyn Fn(u32) -> Option<T> + 'a> {
    let known: RefCell<HashMap<u32, Option<T>>> = RefCell::default();
    Rc::new(move |precision| {
        if let Some(value) = known.borrow().get(&precision) {
            return value.clone();
        }
        let value = compute(precision);
        known.borrow_mut().insert(precision, value.clone());
        value
    })
}
