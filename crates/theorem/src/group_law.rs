//! Rotations compose by adding positions, and the inverse is the transpose.
//!
//! U is the rotation without its magnitude, on the rotated coordinates.

use super::polynomial::Polynomial;
use super::report::{Kind, Report, Tally};
use super::rotation::{Head, Rotation, dot};
use super::sample::{POSITIONS, Sample};
use super::spectra::on_each;
use num_complex::Complex;
use num_traits::One;
use ropewalk::encoding::Arithmetic;
use ropewalk::exact::{Interval, Intervals};

const GROUP: &str = "group law";
const GROUP_STATEMENT: &str =
    "U(m)U(n) = U(m+n), U(0) = I, and a quarter turn takes (x, y) to (−y, x)";
const ORTHOGONAL: &str = "orthogonality";
const ORTHOGONAL_STATEMENT: &str = "U(−m) = U(m)ᵀ = U(m)⁻¹, and |U(m)x| = |x|";

/// Composition and identity for every vector and all angles.
pub(super) fn group_proved<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    for head in Head::small::<R>() {
        let x = Polynomial::vector("x", head.dim);
        let planes = head.pairs.len();
        let (u, w) = (Polynomial::phases("u", planes), Polynomial::phases("w", planes));
        let product: Vec<_> = u.iter().zip(&w).map(|(u, w)| R::turn(u, w)).collect();
        let twice = R::rotate(&head.pairs, &R::rotate(&head.pairs, &x, &u), &w);
        let once = R::rotate(&head.pairs, &x, &product);
        tally.add_all(&twice, &once, || format!("{head}, U(m)U(n)"));
        let still = R::rotate(&head.pairs, &x, &vec![Complex::one(); planes]);
        tally.add_all(&still, &x, || format!("{head}, U(0)"));
    }
    let z = Complex::new(Polynomial::free("x", 0), Polynomial::free("y", 0));
    let quarter = R::turn(&z, &Complex::i());
    tally.add_all(&[quarter.re, quarter.im], &[-z.im, z.re], || "a quarter turn".to_string());
    tally.report(GROUP, GROUP_STATEMENT, Kind::Proved)
}

/// Composition and identity with the true θ, and e^{iπ/2} = i, which says that angles are
/// counted counter-clockwise.
pub(super) fn group_enclosed<R: Rotation>(precision: u32) -> Report {
    let mut tally = on_each::<R>(precision, |rope, tally| {
        let pairs = &rope.head.pairs;
        let x = Sample(2).vector(rope.head.dim);
        for (m, n) in POSITIONS {
            let turned = R::rotate(pairs, &x, &rope.phasors::<R>(n));
            let twice = R::rotate(pairs, &turned, &rope.phasors::<R>(m));
            let once = R::rotate(pairs, &x, &rope.phasors::<R>(m + n));
            tally.add_all(&twice, &once, || format!("{rope}, m {m}, n {n}"));
        }
        let still = R::rotate(pairs, &x, &rope.phasors::<R>(0));
        tally.add_all(&still, &x, || format!("{rope}, U(0)"));
    });
    if let Some(pi) = (Intervals { precision: precision + 64 }).pi() {
        let quarter = R::phasor(&(&pi / &Interval::point(2)));
        let i = [Interval::point(0), Interval::point(1)];
        tally.add_all(&[quarter.re, quarter.im], &i, || "e^{iπ/2}".to_string());
    }
    tally.report(GROUP, GROUP_STATEMENT, Kind::Enclosed)
}

/// Transpose, inverse and norm for every vector and all angles.
pub(super) fn orthogonality_proved<R: Rotation>(_: u32) -> Report {
    let mut tally = Tally::exact();
    for head in Head::small::<R>() {
        let x = Polynomial::vector("x", head.dim);
        let u = Polynomial::phases("u", head.pairs.len());
        let back: Vec<_> = u.iter().map(Complex::conj).collect();
        let (matrix, transpose) =
            (R::matrix(&head.pairs, head.dim, &u), R::matrix(&head.pairs, head.dim, &back));
        for (row, opposite) in transpose.iter().enumerate() {
            let column: Vec<_> = matrix.iter().map(|line| line[row].clone()).collect();
            tally.add_all(opposite, &column, || format!("{head}, row {row} of the transpose"));
        }
        let turned = R::rotate(&head.pairs, &x, &u);
        let returned = R::rotate(&head.pairs, &turned, &back);
        tally.add_all(&returned, &x, || format!("{head}, there and back"));
        tally.add(&(dot(&turned, &turned) - dot(&x, &x)), || format!("{head}, norm"));
    }
    tally.report(ORTHOGONAL, ORTHOGONAL_STATEMENT, Kind::Proved)
}

/// ⟨U(m)x, y⟩ = ⟨x, U(−m)y⟩, U(−m)U(m)x = x and |U(m)x|² = |x|² with the true θ.
pub(super) fn orthogonality_enclosed<R: Rotation>(precision: u32) -> Report {
    let tally = on_each::<R>(precision, |rope, tally| {
        let pairs = &rope.head.pairs;
        let mut sample = Sample(3);
        let (x, y) = (sample.vector(rope.head.dim), sample.vector(rope.head.dim));
        for (m, _) in POSITIONS {
            let (there, back) = (rope.phasors::<R>(m), rope.phasors::<R>(-m));
            let turned = R::rotate(pairs, &x, &there);
            let adjoint = dot(&turned, &y) - dot(&x, &R::rotate(pairs, &y, &back));
            tally.add(&adjoint, || format!("{rope}, m {m}, adjoint"));
            let returned = R::rotate(pairs, &turned, &back);
            tally.add_all(&returned, &x, || format!("{rope}, m {m}, there and back"));
            let norm = dot(&turned, &turned) - dot(&x, &x);
            tally.add(&norm, || format!("{rope}, m {m}, norm"));
        }
    });
    tally.report(ORTHOGONAL, ORTHOGONAL_STATEMENT, Kind::Enclosed)
}
