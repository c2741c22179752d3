//! `score`: the dot product of the two rotated vectors.
//!
//! Nothing is said here of differences of positions until a sum refuses to settle. Then the
//! question is whether it is rational, and that is asked of the planes grouped by their angle
//! between query and key.

use super::cyclotomic::rational_sum;
use super::read::{Finite, format};
use super::real::Real;
use super::rotary::{Encoding, heads, on_axis, plain, undecided};
use super::settle::{Outcome, first_precision};
use super::turn::{Turns, Wheel};
use super::{Ball, SecondError, SecondOracle, Sink, Target};
use ropewalk::encoding::Score;
use ropewalk::exact::Site;
use ropewalk::number::Tensor;
use ropewalk::request::{Direction, Positions};
use rug::{Complete, Rational};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Rotated vectors by line and precision; none where a ball asked for more bits.
type Rotated = HashMap<(usize, u32), Option<Rc<Vec<Ball>>>>;

/// Queries or keys, rotated at the precisions that were asked for.
pub(super) struct Side<'w> {
    tensor: &'w Tensor,
    positions: &'w Positions,
    from: Target,
    heads: usize,
    seq: usize,
    dim: usize,
    turns: RefCell<Turns<'w>>,
    rotated: RefCell<Rotated>,
}

impl<'w> Side<'w> {
    pub(super) fn new(
        tensor: &'w Tensor,
        positions: &'w Positions,
        wheel: &'w Wheel<'w>,
        key: bool,
    ) -> Result<Side<'w>, SecondError> {
        let [_, heads, seq, dim] = heads(tensor)?;
        Ok(Side {
            tensor,
            positions,
            from: format(tensor)?,
            heads,
            seq,
            dim,
            turns: RefCell::new(Turns::new(wheel, Direction::Forward, key)),
            rotated: RefCell::default(),
        })
    }

    pub(super) fn token(&self, line: usize) -> usize {
        line / (self.heads * self.seq) * self.seq + line % self.seq
    }

    pub(super) fn positions(&self) -> &'w Positions {
        self.positions
    }

    fn line(&self, line: usize) -> &[u64] {
        &self.tensor.data()[line * self.dim..][..self.dim]
    }

    pub(super) fn finite(&self, line: usize) -> Option<Vec<Finite>> {
        self.line(line).iter().map(|&bits| self.from.finite(bits)).collect()
    }

    /// The rotated vector of a line, scaled.
    pub(super) fn rotated(
        &self,
        oracle: &SecondOracle,
        encoding: &Encoding,
        line: usize,
        bits: u32,
    ) -> Result<Option<Rc<Vec<Ball>>>, SecondError> {
        if let Some(known) = self.rotated.borrow().get(&(line, bits)) {
            return Ok(known.clone());
        }
        let x = self.line(line);
        let mut vector = Vec::with_capacity(self.dim);
        for (j, row) in encoding.rows.iter().enumerate() {
            vector.push(match row {
                None => plain(x[j], self.from, bits),
                Some(row) => {
                    let at = on_axis(self.positions, row.axis, self.token(line));
                    let turn = self.turns.borrow_mut().at(row.pair, &at)?;
                    let sign = oracle.sign(row.second, Direction::Forward);
                    turn.phasor(bits).and_then(|(cos, sin)| {
                        let kept = plain(x[j], self.from, bits)? * cos;
                        let moved = plain(x[row.partner], self.from, bits)? * sin;
                        Some(if sign < 0 { kept - moved } else { kept + moved })
                    })
                }
            });
        }
        let vector = vector.into_iter().collect::<Option<Vec<Ball>>>().map(Rc::new);
        self.rotated.borrow_mut().insert((line, bits), vector.clone());
        Ok(vector)
    }
}

impl SecondOracle {
    pub(super) fn score(
        &self,
        s: &Score,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        const NAME: &str = "score";
        let encoding = Encoding::new(self, &s.config, s.seq_len)?;
        let wheel = Wheel::new(&self.functions, &encoding.spectrum, false);
        let queries = Side::new(&s.q, &s.query_positions, &wheel, false)?;
        let keys = Side::new(&s.k, &s.key_positions, &wheel, true)?;
        let batch = s.q.shape()[0];
        // repeat_interleave: every key head serves as many query heads in a row.
        let repeats = queries.heads.checked_div(keys.heads).unwrap_or_default().max(1);
        let mut index = 0;
        for b in 0..batch {
            for head in 0..queries.heads {
                for i in 0..queries.seq {
                    for j in 0..keys.seq {
                        let q = (b * queries.heads + head) * queries.seq + i;
                        let k = (b * keys.heads + head / repeats) * keys.seq + j;
                        let outcome = self.product(&encoding, &queries, q, &keys, k, target)?;
                        let outcome =
                            outcome.map_err(|precision| undecided(NAME, index, precision))?;
                        sink(Site { name: NAME, index }, outcome);
                        index += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// One element.
    fn product(
        &self,
        encoding: &Encoding,
        queries: &Side,
        q: usize,
        keys: &Side,
        k: usize,
        target: Target,
    ) -> Result<Result<Outcome, u32>, SecondError> {
        let (Some(x), Some(y)) = (queries.finite(q), keys.finite(k)) else {
            return Ok(Ok(Outcome::nonfinite(target)));
        };
        // The closures of a search cannot fail otherwise than by asking for more bits.
        let failed = RefCell::new(None);
        let enclose = |bits: u32| {
            let rotated = |side: &Side, line| {
                side.rotated(self, encoding, line, bits).unwrap_or_else(|error| {
                    *failed.borrow_mut() = Some(error);
                    None
                })
            };
            let (u, v) = (rotated(queries, q)?, rotated(keys, k)?);
            let sum = u.iter().zip(v.iter()).fold(Ball::zero(bits), |sum, (u, v)| sum + u * v);
            Some(sum)
        };
        let rational = || {
            let at = |side: &Side, line: usize| {
                let token = side.token(line);
                move |axis: usize, positions: &Positions| on_axis(positions, axis, token)
            };
            let (m, n) = (at(queries, q), at(keys, k));
            let between = |axis| m(axis, queries.positions) - n(axis, keys.positions);
            rational_score(encoding, &x, &y, between)
        };
        let outcome = Outcome::search(target, first_precision(target), enclose, rational);
        match failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(outcome),
        }
    }
}

/// The score, if it is rational.
///
/// Per block, with c = q k̄ and φ the angle between query and key, it is
/// Re c cos φ − Im c sin φ: the first row of the block turned by −φ, applied to k, times q, plus
/// the second.
fn rational_score(
    encoding: &Encoding,
    q: &[Finite],
    k: &[Finite],
    between: impl Fn(usize) -> Rational,
) -> Option<Rational> {
    let spectrum = &encoding.spectrum;
    let squared = match &spectrum.attention_factor {
        Real::Radical(factor) => factor.times(factor).value(),
        _ => None,
    };
    let product = |i: usize, j: usize| q[i].rational() * k[j].rational();
    let mut passed = Rational::new();
    let mut of_pi: Vec<(Rational, Rational, Rational)> = Vec::new();
    // Angles that are nothing special: the frequency, the distance, and the sum of c.
    let mut groups: Vec<(&Real, Rational, Rational, Rational)> = Vec::new();
    for (i, row) in encoding.rows.iter().enumerate() {
        let Some(row) = row else {
            passed += product(i, i);
            continue;
        };
        if row.second == 1 {
            continue;
        }
        let j = row.partner;
        let re = product(i, i) + product(j, j);
        let im = product(j, i) - product(i, j);
        let distance = between(row.axis);
        let grows = spectrum.growth.get(row.pair).is_some() && !distance.is_zero();
        if re.is_zero() && im.is_zero() {
            continue;
        }
        let frequency = &spectrum.frequencies[row.pair];
        let turns = match frequency {
            _ if grows => None,
            _ if frequency.is_zero() || distance.is_zero() => Some(Rational::new()),
            Real::Pi(radical) => {
                radical.value().map(|turns| turns * &distance / &spectrum.position_divisor)
            }
            _ => None,
        };
        if let Some(turns) = turns {
            of_pi.push((re, im, turns));
            continue;
        }
        // cos is even and sin odd.
        let im = if distance.is_negative() { -im } else { im };
        let distance = distance.abs();
        let same = groups
            .iter_mut()
            .find(|(other, far, ..)| !grows && same_angle(frequency, &distance, other, far));
        match same {
            Some((_, _, sum_re, sum_im)) => {
                *sum_re += re;
                *sum_im += im;
            }
            None => groups.push((frequency, distance, re, im)),
        }
    }
    if groups.iter().any(|(_, _, re, im)| !re.is_zero() || !im.is_zero()) {
        return None;
    }
    let turned = rational_sum(&of_pi).ok()??;
    match squared {
        _ if turned.is_zero() => Some(passed),
        Some(squared) => Some(squared * turned + passed),
        None => None,
    }
}

/// Whether frequency · distance = other · far, both distances positive.
pub(super) fn same_angle(
    frequency: &Real,
    distance: &Rational,
    other: &Real,
    far: &Rational,
) -> bool {
    let ratio = (distance / far).complete();
    match (frequency, other) {
        (Real::Radical(a), Real::Radical(b)) | (Real::Pi(a), Real::Pi(b)) => {
            a.times(&ratio.into()).same(b)
        }
        (Real::Open { of: Some(a), .. }, Real::Open { of: Some(b), .. }) => ratio == 1 && a.same(b),
        _ => false,
    }
}
