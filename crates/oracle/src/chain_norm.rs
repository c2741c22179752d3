//! Norms of rows, with the variance from the sums of x and x².

use super::chain_item::{Item, square_root};
use super::{Ball, SecondError};
use ropewalk::encoding::{Floats, Norm, NormKind, Part, WeightKind};
use rug::Rational;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The number at a place of a weight; none if it is not finite.
fn at(tensor: &Floats, place: usize) -> Result<Option<Rational>, SecondError> {
    let format = super::read::format(tensor)?;
    Ok(format.finite(tensor.data()[place]).map(|x| x.rational()))
}

/// The weights and biases of a part, element by element of a head or of all heads.
pub(super) struct Affine<'a> {
    norm: &'a Norm,
    part: &'a Part,
}

impl<'a> Affine<'a> {
    pub(super) fn new(norm: &'a Norm, part: &'a Part) -> Affine<'a> {
        Affine { norm, part }
    }

    fn place(&self, row: usize, d: usize) -> usize {
        let (heads, seq, dim) =
            (self.part.heads.heads(), self.part.heads.seq(), self.part.heads.dim());
        if self.norm.over_heads { row / seq % heads * dim + d } else { d }
    }

    /// (w, b) of an element; none if one of them is not finite.
    pub(super) fn of(
        &self,
        row: usize,
        d: usize,
    ) -> Result<Option<(Rational, Rational)>, SecondError> {
        let place = self.place(row, d);
        let given = self.part.norm.as_ref();
        let weight = match given.and_then(|given| given.weight.as_ref()) {
            Some(weight) => at(weight, place)?,
            None => Some(Rational::from(1)),
        };
        let weight = match self.norm.weight {
            WeightKind::OnePlus => weight.map(|w| w + 1u32),
            WeightKind::Plain | WeightKind::None => weight,
        };
        let bias = match given.and_then(|given| given.bias.as_ref()) {
            Some(bias) => at(bias, place)?,
            None => Some(Rational::new()),
        };
        Ok(weight.zip(bias))
    }
}

/// eps as it is: the double.
pub(super) fn eps(norm: &Norm) -> Rational {
    Rational::from_f64(norm.eps).unwrap_or_default()
}

/// A rational row's mean, and n Σx² − (Σx)² over n² (for rms Σx²/n) plus eps.
pub(super) fn moments(norm: &Norm, row: &[Rational]) -> (Rational, Rational) {
    let n = Rational::from(row.len() as u64);
    let squares = row.iter().fold(Rational::new(), |sum, x| sum + x.clone().square());
    match norm.kind {
        NormKind::Rms => (Rational::new(), squares / n + eps(norm)),
        NormKind::Layer => {
            let sum = row.iter().fold(Rational::new(), |sum, x| sum + x);
            let spread = &n * squares - sum.clone().square();
            (sum / &n, spread / n.square() + eps(norm))
        }
    }
}

/// off · w / √S + b for rational parts.
pub(super) fn normed<'a>(off: Rational, w: Rational, b: Rational, spread: &Rational) -> Item<'a> {
    let top = off * w;
    if top.is_zero() {
        return Item::Rational(b);
    }
    if let Some(root) = square_root(spread) {
        return Item::Rational(top / root + b);
    }
    let square = b.is_zero().then(|| top.clone().square() / spread);
    let spread = spread.clone();
    Item::real(square, move |bits| {
        let root = Ball::rational(&spread, bits).sqrt()?;
        let quotient = Ball::rational(&top, bits).checked_div(&root)?;
        Some(if b.is_zero() { quotient } else { quotient + Ball::rational(&b, bits) })
    })
}

/// A row that was turned before: its deviations and the root, from the turned numbers themselves.
pub(super) type Row<'a> = Rc<dyn Fn(u32) -> Option<(Vec<Ball>, Ball)> + 'a>;

/// Encloses a turned row; each precision once.
pub(super) fn turned_row<'a>(norm: &Norm, row: Vec<Item<'a>>) -> Row<'a> {
    let (kind, eps, n) = (norm.kind, eps(norm), row.len());
    type Known = HashMap<u32, Option<(Vec<Ball>, Ball)>>;
    let known: RefCell<Known> = RefCell::default();
    let compute = move |bits: u32| {
        let values = row.iter().map(|x| x.ball(bits)).collect::<Option<Vec<_>>>()?;
        let share = Ball::rational(&Rational::from((1, n as u64)), bits);
        let sum =
            |list: &mut dyn Iterator<Item = Ball>| list.fold(Ball::zero(bits), |sum, x| sum + x);
        let off = match kind {
            NormKind::Rms => values,
            NormKind::Layer => {
                let mean = sum(&mut values.iter().cloned()) * share.clone();
                values.into_iter().map(|x| x - mean.clone()).collect()
            }
        };
        let squares = sum(&mut off.iter().map(|x| x.clone() * x.clone()));
        let root = (squares * share + Ball::rational(&eps, bits)).sqrt()?;
        Some((off, root))
    };
    Rc::new(move |bits| {
        if let Some(row) = known.borrow().get(&bits) {
            return row.clone();
        }
        let row = compute(bits);
        known.borrow_mut().insert(bits, row.clone());
        row
    })
}
