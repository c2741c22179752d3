//! What the theorems are about: the functions that rotate.

use num_complex::Complex;
use num_traits::Num;
use ropewalk::encoding::{self, Layout, Pair, Permutation};
use ropewalk::exact::{self, Interval};
use std::ops::{Neg, Range};

/// The functions that the theorems run: by default those that make the vectors.
///
/// The theorems are generic over this, so that a test can plant an error in one function and see
/// which theorem notices. Every method's default is the shared function of its name.
pub trait Rotation {
    /// Coordinates of the planes of a head of `dim` coordinates, of which `rotary_dim` from
    /// `offset` on are rotated.
    fn pairs(layout: Layout, _dim: usize, rotary_dim: usize, offset: usize) -> Vec<Pair> {
        (0..rotary_dim / 2).map(|index| layout.pair(index, rotary_dim / 2, offset)).collect()
    }

    /// e^{iφ}, φ in radians.
    fn phasor(angle: &Interval) -> Complex<Interval> {
        exact::phasor(angle)
    }

    /// z · w.
    fn turn<S: Num + Clone>(z: &Complex<S>, w: &Complex<S>) -> Complex<S> {
        encoding::turn(z, w)
    }

    /// A query (or any vector) rotated, by complex multiplication.
    fn rotate<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        x: &[S],
        phasors: &[Complex<S>],
    ) -> Vec<S> {
        encoding::rotate_complex(pairs, x, phasors)
    }

    /// A key rotated: the same function as for a query.
    fn rotate_key<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        x: &[S],
        phasors: &[Complex<S>],
    ) -> Vec<S> {
        Self::rotate(pairs, x, phasors)
    }

    /// The block-diagonal matrix of `rotate`, `dim` rows and columns.
    fn matrix<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        dim: usize,
        phasors: &[Complex<S>],
    ) -> Vec<Vec<S>> {
        encoding::rotation_matrix(pairs, dim, phasors)
    }

    /// The elementwise form of `rotate`.
    fn elementwise<S: Num + Neg<Output = S> + Clone>(
        pairs: &[Pair],
        x: &[S],
        phasors: &[Complex<S>],
    ) -> Vec<S> {
        encoding::rotate_elementwise(pairs, x, phasors)
    }

    /// Re(q k̄ w): what a plane adds to the score.
    fn plane_score<S: Num + Neg<Output = S> + Clone>(
        q: &Complex<S>,
        k: &Complex<S>,
        w: &Complex<S>,
    ) -> S {
        encoding::plane_score(q, k, w)
    }

    /// For every row of a permuted weight, the row that it copies.
    fn sources(permutation: &Permutation, to: Layout) -> Vec<usize> {
        permutation.sources(to)
    }
}

/// The shared functions as they are.
#[derive(Clone, Copy, Debug)]
pub struct Shared;

impl Rotation for Shared {}

/// A head: which coordinates are rotated, and in which pairs.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) layout: Layout,
    pub(super) dim: usize,
    /// The rotated coordinates, said without the pairs, so that wrong pairs can be seen.
    pub(super) slice: Range<usize>,
    pub(super) pairs: Vec<Pair>,
}

impl Head {
    pub(super) fn new<R: Rotation>(
        layout: Layout,
        dim: usize,
        rotary_dim: usize,
        offset: usize,
    ) -> Head {
        let pairs = R::pairs(layout, dim, rotary_dim, offset);
        Head { layout, dim, slice: offset..offset + rotary_dim, pairs }
    }

    /// Small heads in both layouts: whole, partial, and partial with an offset.
    ///
    /// Six rotated coordinates are the fewest at which the permutation between the layouts is not
    /// its own inverse.
    pub(super) fn small<R: Rotation>() -> Vec<Head> {
        let shapes = [(2, 2, 0), (4, 4, 0), (6, 6, 0), (6, 4, 0), (8, 4, 2), (10, 6, 1)];
        let both = |(dim, rotary_dim, offset)| {
            Layout::ALL.map(|layout| Head::new::<R>(layout, dim, rotary_dim, offset))
        };
        shapes.into_iter().flat_map(both).collect()
    }

    /// The coordinates that no plane may touch.
    pub(super) fn passed(&self) -> impl Iterator<Item = usize> {
        (0..self.slice.start).chain(self.slice.end..self.dim)
    }

    /// The planes of a vector as complex numbers.
    pub(super) fn planes<S: Clone>(&self, x: &[S]) -> Vec<Complex<S>> {
        self.pairs.iter().map(|pair| Complex::new(x[pair.re].clone(), x[pair.im].clone())).collect()
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Range { start, end } = self.slice;
        write!(f, "{}, head_dim {}, rotated {start}..{end}", self.layout.name(), self.dim)
    }
}

/// Σ xᵢ yᵢ.
pub(super) fn dot<S: Num + Clone>(x: &[S], y: &[S]) -> S {
    x.iter().zip(y).fold(S::zero(), |sum, (x, y)| sum + x.clone() * y.clone())
}

/// Every phasor times its plane's scale.
pub(super) fn scaled<S: Num + Clone>(phasors: &[Complex<S>], scales: &[S]) -> Vec<Complex<S>> {
    phasors.iter().zip(scales).map(|(w, scale)| w.scale(scale.clone())).collect()
}
