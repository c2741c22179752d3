//! The angles between queries and keys, each known once: equal ones are found by algebra.

use crate::encoding::{Attention, Double, Expression, Fraction};
use crate::exact::angle::Turning;
use crate::exact::answer::difference::relative_phasor;
use crate::exact::answer::rotary::largest;
use crate::exact::interval::Interval;
use crate::exact::ratio::Ratio;
use crate::exact::resolved::ResolvedRope;
use crate::exact::round::{UndecidedRounding, first_enclosure};
use crate::exact::turned::starting_precision;
use crate::number::Format;
use num_complex::Complex;
use std::collections::HashMap;

/// One angle: what a plane turns by over a distance, and grows by where it grows.
struct Angle {
    plane: usize,
    distance: Fraction,
    /// π times this, if that is known.
    of_pi: Option<Ratio>,
    first: Complex<Interval>,
}

/// Every angle that occurs, by number.
pub(super) struct Angles {
    rope: Option<ResolvedRope>,
    precision: u32,
    by_distance: HashMap<(usize, Fraction), usize>,
    /// By logarithm, roughly: the candidates for being equal.
    near: HashMap<i64, Vec<(usize, Expression)>>,
    list: Vec<Angle>,
}

/// Buckets of the logarithm of an angle: 2⁻³⁰ wide, so that numbers that agree in a double are in
/// the same or in neighbouring ones.
const STEPS: f64 = (1u64 << 30) as f64;

impl Angles {
    pub(super) fn new(a: &Attention, format: Format) -> Result<Angles, UndecidedRounding> {
        let rope = a.rope.as_ref().map(ResolvedRope::new).transpose()?;
        let [queries, keys] = [&a.query_positions, &a.key_positions];
        let farthest = largest(queries.data()).saturating_add(largest(keys.data()));
        let precision = match rope {
            Some(_) => starting_precision(format, farthest),
            None => starting_precision(format, 0),
        };
        Ok(Angles {
            rope,
            precision,
            by_distance: HashMap::new(),
            near: HashMap::new(),
            list: Vec::new(),
        })
    }

    pub(super) fn rope(&self) -> Option<&ResolvedRope> {
        self.rope.as_ref()
    }

    /// The precision at which enclosures begin.
    pub(super) fn precision(&self) -> u32 {
        self.precision
    }

    /// The number of the angle of a plane over a distance other than 0. Without growth the distance
    /// is positive, and equal angles of different planes have one number.
    pub(super) fn number(
        &mut self,
        plane: usize,
        distance: Fraction,
    ) -> Result<usize, UndecidedRounding> {
        if let Some(&known) = self.by_distance.get(&(plane, distance)) {
            return Ok(known);
        }
        let Some(rope) = &self.rope else { return Ok(0) };
        let resolved = &rope.planes[plane];
        let length =
            Expression::integer(distance.numerator()) / Expression::integer(distance.denominator());
        let expression = length * &resolved.frequency.expression;
        let near = expression.evaluate(&Double).unwrap_or(f64::NAN).abs().ln();
        let bucket = (near * STEPS).round() as i64;
        let grows = !resolved.growth.is_one();
        let equal = (-1..=1).filter(|_| !grows).find_map(|side| {
            let candidates = self.near.get(&bucket.saturating_add(side))?;
            candidates.iter().find(|(_, other)| other.same_number(&expression))
        });
        let number = match equal {
            Some(&(number, _)) => number,
            None => {
                let undecided =
                    |precision| UndecidedRounding { name: "inv_freq", index: 0, precision };
                let first = first_enclosure(self.precision, |bits| {
                    relative_phasor(resolved, distance, bits)
                });
                let of_pi = match Turning::new(&resolved.frequency, distance) {
                    Turning::RationalPi(multiple) if !grows => Some(multiple),
                    _ => None,
                };
                let first = first.map_err(undecided)?;
                let number = self.list.len();
                self.list.push(Angle { plane, distance, of_pi, first });
                if !grows {
                    self.near.entry(bucket).or_default().push((number, expression));
                }
                number
            }
        };
        self.by_distance.insert((plane, distance), number);
        Ok(number)
    }

    /// The angle over π, if that is known to be rational.
    pub(super) fn of_pi(&self, number: usize) -> Option<&Ratio> {
        self.list[number].of_pi.as_ref()
    }

    /// e^{iφ}, with growth.
    pub(super) fn phasor(&self, number: usize, precision: u32) -> Option<Complex<Interval>> {
        let angle = &self.list[number];
        if precision <= angle.first.re.precision() {
            return Some(angle.first.clone());
        }
        let rope = self.rope.as_ref()?;
        relative_phasor(&rope.planes[angle.plane], angle.distance, precision)
    }
}
