//! A norm before any rotation: every coordinate is r√R + b with the R of its row.

use super::coordinate::{Coordinate, RowRoot};
use crate::encoding::{Chain, Norm, NormKind, Part, WeightKind};
use crate::exact::ratio::Ratio;
use crate::exact::rooted::{Root, Rooted};
use crate::number::Format;
use num_traits::{One, Zero};
use rug::Rational;
use std::rc::Rc;

/// The weight of an element of a row; none if it is not finite.
pub(super) fn weight(norm: &Norm, part: &Part, row: usize, d: usize) -> Option<Ratio> {
    let given = part.norm.as_ref().and_then(|weights| weights.weight.as_ref());
    let Some(weight) = given else { return Some(Ratio::one()) };
    let w =
        Ratio::from_bits(weight.format(), weight.data()[part.weight_at(norm.over_heads, row, d)]);
    match norm.weight {
        WeightKind::OnePlus => Some(&w? + &Ratio::one()),
        WeightKind::Plain | WeightKind::None => w,
    }
}

/// The bias of an element of a row, 0 where there is none; none if it is not finite.
pub(super) fn bias(norm: &Norm, part: &Part, row: usize, d: usize) -> Option<Ratio> {
    let given = part.norm.as_ref().and_then(|weights| weights.bias.as_ref());
    let Some(bias) = given else { return Some(Ratio::zero()) };
    Ratio::from_bits(bias.format(), bias.data()[part.weight_at(norm.over_heads, row, d)])
}

/// eps, exactly.
pub(super) fn eps(norm: &Norm) -> Ratio {
    Ratio::from_bits(Format::F64, norm.eps.to_bits()).unwrap_or_else(Ratio::zero)
}

/// Σ / n.
pub(super) fn mean(sum: Ratio, count: usize) -> Ratio {
    Ratio(sum.0 / Rational::from(count.max(1)))
}

/// 1/√(mean square + eps).
pub(super) fn root(square: Ratio) -> RowRoot {
    Rc::new(Root::of(Ratio(square.0.recip())))
}

/// The mean (0 for rms) and the mean square of the deviations from it, of exact numbers.
pub(super) fn statistics(norm: &Norm, numbers: &[Ratio]) -> (Ratio, Ratio) {
    let sum = |of: &dyn Fn(&Ratio) -> Ratio| {
        mean(numbers.iter().fold(Ratio::zero(), |sum, x| &sum + &of(x)), numbers.len())
    };
    let middle = match norm.kind {
        NormKind::Rms => Ratio::zero(),
        NormKind::Layer => sum(&|x| x.clone()),
    };
    let square = sum(&|x| {
        let off = x + &-middle.clone();
        &off * &off
    });
    (middle, square)
}

/// A rational number normalised: (x − mean) · w/√(mean square + eps) + b.
pub(super) fn normed(
    norm: &Norm,
    part: &Part,
    (row, d): (usize, usize),
    off: Ratio,
    root: &RowRoot,
) -> Coordinate {
    match (weight(norm, part, row, d), bias(norm, part, row, d)) {
        (Some(w), Some(b)) => Coordinate::Normed(Rooted::new(&off * &w, root, b), root.clone()),
        _ => Coordinate::Nonfinite,
    }
}

/// The coordinates of a part, normalised.
pub(super) fn before(chain: &Chain, norm: &Norm, part: &Part) -> Vec<Coordinate> {
    let (data, format) = (part.heads.data(), part.heads.format());
    let dim = part.heads.dim();
    let mut coordinates = vec![Coordinate::Nonfinite; data.len()];
    for rows in chain.norm_rows(part) {
        let places = || rows.iter().flat_map(|&row| (0..dim).map(move |d| (row, d)));
        let numbers = places().map(|(row, d)| Ratio::from_bits(format, data[row * dim + d]));
        let Some(numbers) = numbers.collect::<Option<Vec<_>>>().filter(|list| !list.is_empty())
        else {
            continue;
        };
        let (middle, square) = statistics(norm, &numbers);
        let root = root(&square + &eps(norm));
        for ((row, d), x) in places().zip(&numbers) {
            let off = x + &-middle.clone();
            coordinates[row * dim + d] = normed(norm, part, (row, d), off, &root);
        }
    }
    coordinates
}
