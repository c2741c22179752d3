//! Scores: planes whose angles agree are summed exactly before anything is enclosed.

use super::super::angle;
use super::super::angle::Turning;
use super::super::interval::Interval;
use super::super::ratio::Ratio;
use super::super::resolved::{Multiple, ResolvedPlane, ResolvedRope};
use super::super::round::{Proof, UndecidedRounding, Value, first_enclosure};
use super::super::turned::starting_precision;
use super::super::unity::rational_sum;
use super::difference::{Difference, relative_phasor};
use super::growth::{bounded_growth, dominant, reduced_phasor, vanishes};
use super::rotary::{at, largest};
use super::{Sink, Site};
use crate::encoding::{Class, Fraction, Score, plane_score};
use crate::number::Format;
use crate::request::Position;
use num_complex::Complex;
use num_traits::Zero;
use std::collections::HashMap;

pub(super) fn score(s: &Score, format: Format, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    const NAME: &str = "score";
    let rope = ResolvedRope::new(&s.rope)?;
    let squared = Multiple::new(&rope.magnitude.expression.power(2, 1), "attention_factor")?;
    let (batch, heads, queries, dim) = (s.q.batch(), s.q.heads(), s.q.seq(), s.q.dim());
    let (key_heads, keys) = (s.k.heads(), s.k.seq());
    let farthest =
        largest(s.query_positions.data()).saturating_add(largest(s.key_positions.data()));
    let precision = starting_precision(format, farthest);
    let (q_format, k_format) = (s.q.format(), s.k.format());
    let mut differences: HashMap<Vec<Fraction>, Difference> = HashMap::new();
    let mut index = 0;
    for b in 0..batch {
        for h in 0..heads {
            let key_head = h * key_heads / heads;
            for i in 0..queries {
                let q = &s.q.data()[((b * heads + h) * queries + i) * dim..][..dim];
                let m = at(&s.query_positions, b * queries + i);
                for j in 0..keys {
                    let k = &s.k.data()[((b * key_heads + key_head) * keys + j) * dim..][..dim];
                    let n = at(&s.key_positions, b * keys + j);
                    let deltas: Vec<Fraction> = m.iter().zip(&n).map(minus).collect();
                    if !differences.contains_key(&deltas) {
                        let difference = Difference::new(&rope, deltas.clone(), precision)?;
                        differences.insert(deltas.clone(), difference);
                    }
                    let site = Site { name: NAME, index };
                    let operands = decode(q, q_format).zip(decode(k, k_format));
                    match (operands, differences.get(&deltas)) {
                        (Some((q, k)), Some(difference)) => {
                            element(&rope, &squared, difference, &q, &k, precision, site, sink)?;
                        }
                        _ => sink(site, &Value::Nonfinite)?,
                    }
                    index += 1;
                }
            }
        }
    }
    Ok(())
}

/// m − n, which fits; see [`angle::fraction`].
pub(super) fn minus((m, n): (&Position, &Position)) -> Fraction {
    angle::fraction(*m).checked_add(-angle::fraction(*n)).unwrap_or(Fraction::ZERO)
}

fn decode(bits: &[u64], format: Format) -> Option<Vec<Ratio>> {
    bits.iter().map(|&bits| Ratio::from_bits(format, bits)).collect()
}

/// One score: magnitude² · (Σ over groups Re c·w + what stands still) + what passes through.
#[allow(clippy::too_many_arguments)] // the operands of one dot product, all of them needed
fn element(
    rope: &ResolvedRope,
    squared: &Multiple,
    difference: &Difference,
    q: &[Ratio],
    k: &[Ratio],
    precision: u32,
    site: Site,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    let grows = rope.planes.iter().any(|plane| !plane.growth.is_one());
    let product = |plane: &ResolvedPlane| {
        let (a, b) = (plane.pair.re, plane.pair.im);
        let key = Complex::new(k[a].clone(), k[b].clone()).conj();
        Complex::new(q[a].clone(), q[b].clone()) * key
    };
    let mut in_plane = vec![false; q.len()];
    for plane in &rope.planes {
        in_plane[plane.pair.re] = true;
        in_plane[plane.pair.im] = true;
    }
    let outside = (0..q.len()).filter(|&i| !in_plane[i]);
    let passed = outside.fold(Ratio::zero(), |sum, i| sum + &q[i] * &k[i]);
    let mut still = Ratio::zero();
    // Coefficients of the groups that turn; with growth each plane stays by itself, and is left out
    // where those of one angle come to nothing together.
    let mut turning: Vec<(usize, Complex<Ratio>)> = Vec::new();
    let mut open = false;
    for group in &difference.groups {
        let products = group
            .members
            .iter()
            .map(|&(index, opposite)| (index, opposite, product(&rope.planes[index])));
        if group.still {
            still = products.fold(still, |sum, (_, _, c)| sum + c.re);
        } else if grows {
            let moving: Vec<_> = products.filter(|(_, _, c)| !c.is_zero()).collect();
            let vanishes = vanishes(rope, &difference.deltas, &moving);
            open |= vanishes.is_none();
            if vanishes != Some(true) {
                turning.extend(moving.into_iter().map(|(index, _, c)| (index, c)));
            }
        } else if let Some(&(first, _)) = group.members.first() {
            // Re(c e^{−iφ}) = Re(c̄ e^{iφ}).
            let sum = products.fold(Complex::<Ratio>::zero(), |sum, (_, opposite, c)| {
                sum + if opposite { c.conj() } else { c }
            });
            if !sum.is_zero() {
                turning.push((first, sum));
            }
        }
    }
    let of_pi = sum_at_multiples_of_pi(rope, difference, &turning);
    if let Some(Some(rational)) = &of_pi {
        return rational_part(squared, &still + rational, passed, site, sink);
    }
    let algebraic = squared.class.is_algebraic() == Some(true)
        && !open
        && turning.iter().all(|&(index, _)| {
            let plane = &rope.planes[index];
            plane.frequency.class.is_algebraic() == Some(true)
                && plane.growth.class.is_algebraic() == Some(true)
        });
    let dominant = if grows { dominant(rope, difference, &turning) } else { None };
    let dominant = dominant.map(|index| &rope.planes[index]);
    let deltas = &difference.deltas;
    let sum = |precision: u32, phasors: &dyn Fn(usize) -> Option<Complex<Interval>>| {
        let one = Complex::new(Interval::point(1), Interval::point(0));
        let mut total = Interval::point(0);
        for (index, c) in &turning {
            let c = Complex::new(
                Interval::of_ratio(&c.re, precision),
                Interval::of_ratio(&c.im, precision),
            );
            total = total + plane_score(&c, &one, &phasors(*index)?);
        }
        if let Some(dominant) = dominant {
            total = total * bounded_growth(dominant, deltas, precision)?;
        }
        let total = total + Interval::of_ratio(&still, precision);
        let scaled = match squared.is_one() {
            true => total,
            false => &squared.enclose(precision)? * &total,
        };
        Some(scaled + Interval::of_ratio(&passed, precision))
    };
    // A group's phasor is that of its first member, whose angle may be negative: it is kept.
    let enclose = |precision: u32| {
        sum(precision, &|index| {
            let plane = &rope.planes[index];
            match dominant {
                None => relative_phasor(plane, deltas[plane.axis], precision),
                Some(dominant) => reduced_phasor(plane, dominant, deltas, precision),
            }
        })
    };
    let first = match dominant {
        None => first_enclosure(precision, |bits| {
            sum(bits, &|index| Some(difference.phasors[index].clone()))
        }),
        Some(_) => first_enclosure(precision, enclose),
    };
    let undecided = |precision| UndecidedRounding { name: site.name, index: site.index, precision };
    let first = first.map_err(undecided)?;
    let proof = match of_pi {
        _ if algebraic => Proof::Lindemann,
        // Rational plus an irrational sum; a rational factor keeps it irrational.
        Some(_) if squared.ratio.is_some() => Proof::IrrationalAlgebraic,
        _ => Proof::Isolation,
    };
    sink(site, &Value::Real { proof, first, enclose: &enclose })
}

/// The sum of what turns, if every angle is a rational multiple of π (0 if nothing turns):
/// `Some(None)` if it is irrational, `None` if that is open.
fn sum_at_multiples_of_pi(
    rope: &ResolvedRope,
    difference: &Difference,
    turning: &[(usize, Complex<Ratio>)],
) -> Option<Option<Ratio>> {
    let mut terms = Vec::with_capacity(turning.len());
    for (index, c) in turning {
        let plane = &rope.planes[*index];
        match Turning::new(&plane.frequency, difference.deltas[plane.axis]) {
            Turning::RationalPi(multiple) => terms.push((c.clone(), multiple)),
            _ => return None,
        }
    }
    Some(rational_sum(&terms))
}

/// magnitude² · still + passed.
fn rational_part(
    squared: &Multiple,
    still: Ratio,
    passed: Ratio,
    site: Site,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    if let Some(factor) = &squared.ratio {
        return sink(site, &Value::Rational(factor * &still + passed));
    }
    if still.is_zero() {
        return sink(site, &Value::Rational(passed));
    }
    let enclose = |precision: u32| {
        let scaled = &squared.enclose(precision)? * &Interval::of_ratio(&still, precision);
        Some(scaled + Interval::of_ratio(&passed, precision))
    };
    let undecided = |precision| UndecidedRounding { name: site.name, index: site.index, precision };
    let first = first_enclosure(256, enclose).map_err(undecided)?;
    let proof = match squared.class {
        Class::Algebraic | Class::Undecided | Class::Rational => Proof::Isolation,
        _ => squared.proof(),
    };
    sink(site, &Value::Real { proof, first, enclose: &enclose })
}
