//! Scores as exact numbers: rational coefficients of a few radicals, and of cosines.

use super::angles::Angles;
use crate::encoding::{Attention, Class, Expression, Fraction};
use crate::exact::answer::rotary::at;
use crate::exact::answer::score::minus;
use crate::exact::interval::Interval;
use crate::exact::ratio::Ratio;
use crate::exact::rationals::of_monomial;
use crate::exact::resolved::Multiple;
use crate::exact::round::UndecidedRounding;
use crate::exact::unity::rational_sum;
use crate::number::{Decoded, Format};
use num_complex::Complex;
use num_traits::{One, Zero};
use rug::{Integer, Rational};
use std::collections::BTreeMap;

/// An atom and what it is multiplied by.
type Place = (usize, Ratio);

/// The real numbers that scores of one head are rational combinations of. The first is 1; two
/// radicals are never commensurable, and so all of them are linearly independent over ℚ (Besicovitch
/// 1940, Mordell 1953).
pub(super) struct Basis {
    atoms: Vec<Multiple>,
    /// scale · softmax_factor: of what is not rotated.
    plain: Place,
    /// The same with attention_factor²: of what is.
    turned: Place,
    /// ALiBi's slope, over √head_dim where that is given.
    slope: Option<Place>,
    /// c of the soft cap.
    pub(super) cap: Option<Ratio>,
}

impl Basis {
    pub(super) fn new(a: &Attention, head: usize) -> Result<Basis, UndecidedRounding> {
        const NAME: &str = "scale";
        let one = Multiple::new(&Expression::integer(1), NAME)?;
        let mut basis = Basis {
            atoms: vec![one],
            plain: (0, Ratio::one()),
            turned: (0, Ratio::one()),
            slope: None,
            cap: a.softcap.and_then(Rational::from_f64).map(Ratio),
        };
        let scale = match a.scale {
            Some(scale) => Expression::dyadic(scale),
            None => Expression::integer(a.q.dim() as i128).power(-1, 2),
        };
        let factor = a.rope.as_ref().map(|rope| rope.softmax_factor.clone());
        let plain = scale * factor.unwrap_or(Expression::integer(1));
        let magnitude = a.rope.as_ref().map(|rope| rope.magnitude.power(2, 1));
        basis.turned = basis.place(&(&plain * &magnitude.unwrap_or(Expression::integer(1))))?;
        basis.plain = basis.place(&plain)?;
        if let Some(alibi) = &a.alibi {
            // slope · 1, with √head_dim where the config has it.
            basis.slope = Some(basis.place(&alibi.bias(head, 1))?);
        }
        Ok(basis)
    }

    /// The atom that an expression is a rational multiple of, a new one if there is none.
    fn place(&mut self, expression: &Expression) -> Result<Place, UndecidedRounding> {
        let multiple = Multiple::new(expression, "scale")?;
        if let Some(ratio) = multiple.ratio {
            return Ok((0, ratio));
        }
        for (index, atom) in self.atoms.iter().enumerate() {
            let ratio = match (&multiple.class, &atom.class) {
                (Class::Radical(x), Class::Radical(y)) => {
                    x.div(y).filter(|ratio| ratio.is_rational()).and_then(|r| of_monomial(&r))
                }
                _ => {
                    let same = multiple.expression.same_number(&atom.expression);
                    same.then(Ratio::one)
                }
            };
            if let Some(ratio) = ratio {
                return Ok((index, ratio));
            }
        }
        self.atoms.push(multiple);
        Ok((self.atoms.len() - 1, Ratio::one()))
    }

    /// Whether atoms with a rational coefficient each are algebraic and independent.
    fn is_independent(&self, atom: usize) -> bool {
        match &self.atoms[atom].class {
            _ if atom == 0 => true,
            Class::Radical(monomial) => !monomial.is_rational(),
            _ => false,
        }
    }
}

/// A linear combination of atoms and, times the atom of what is rotated, of cosines and sines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Linear {
    /// By atom.
    parts: Vec<Ratio>,
    /// Re Σ c e^{iφ} by the number of φ, no coefficient 0.
    turning: Vec<(usize, [Ratio; 2])>,
}

impl Linear {
    fn zero(basis: &Basis) -> Linear {
        Linear { parts: vec![Ratio::zero(); basis.atoms.len()], turning: Vec::new() }
    }

    fn rational(basis: &Basis, value: Ratio) -> Linear {
        let mut linear = Linear::zero(basis);
        linear.parts[0] = value;
        linear
    }

    fn add(&mut self, (atom, factor): &Place, times: &Ratio) {
        self.parts[*atom] = &self.parts[*atom] + &(factor * times);
    }

    pub(super) fn is_zero(&self) -> bool {
        self.turning.is_empty() && self.parts.iter().all(Ratio::is_zero)
    }

    /// The value, if it is known to be rational.
    pub(super) fn value(&self) -> Option<&Ratio> {
        let others = &self.parts[1..];
        (self.turning.is_empty() && others.iter().all(Ratio::is_zero)).then_some(&self.parts[0])
    }

    /// Whether it is algebraic, and equal to another such only if its coefficients are.
    fn is_independent(&self, basis: &Basis) -> bool {
        let known = |(atom, part): (usize, &Ratio)| part.is_zero() || basis.is_independent(atom);
        self.turning.is_empty() && self.parts.iter().enumerate().all(known)
    }

    fn minus(&self, other: &Linear) -> Linear {
        let parts = self.parts.iter().zip(&other.parts).map(|(a, b)| a - b).collect();
        let mut turning: BTreeMap<usize, [Ratio; 2]> = self.turning.iter().cloned().collect();
        for (angle, [re, im]) in &other.turning {
            let sum = turning.entry(*angle).or_insert_with(|| [Ratio::zero(), Ratio::zero()]);
            *sum = [&sum[0] - re, &sum[1] - im];
        }
        Linear { parts, turning: turning.into_iter().collect() }
    }

    fn enclose(&self, basis: &Basis, angles: &Angles, precision: u32) -> Option<Interval> {
        let mut sum = Interval::of_ratio(&self.parts[0], precision);
        for (part, atom) in self.parts.iter().zip(&basis.atoms).skip(1) {
            if !part.is_zero() {
                sum = sum + Interval::of_ratio(part, precision) * atom.enclose(precision)?;
            }
        }
        if self.turning.is_empty() {
            return Some(sum);
        }
        let mut turned = Interval::point(0).widen(precision);
        for (angle, [re, im]) in &self.turning {
            let phasor = angles.phasor(*angle, precision)?;
            turned = turned
                + (Interval::of_ratio(re, precision) * phasor.re
                    - Interval::of_ratio(im, precision) * phasor.im);
        }
        let (atom, factor) = &basis.turned;
        let factor = basis.atoms[*atom].enclose(precision)? * Interval::of_ratio(factor, precision);
        Some(sum + factor * turned)
    }
}

/// A score: c · tanh(capped / c) + free, where only one that is not 0 is capped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Logit {
    pub(super) capped: Linear,
    pub(super) free: Linear,
}

impl Logit {
    /// The difference of two, the exact parts subtracted first.
    pub(super) fn difference(
        &self,
        other: &Logit,
        basis: &Basis,
        angles: &Angles,
        precision: u32,
    ) -> Option<Interval> {
        let free = self.free.minus(&other.free).enclose(basis, angles, precision)?;
        if self.capped == other.capped {
            return Some(free);
        }
        let cap = |linear: &Linear| cap(linear, basis, angles, precision);
        Some(free + (cap(&self.capped)? - cap(&other.capped)?))
    }

    pub(super) fn enclose(
        &self,
        basis: &Basis,
        angles: &Angles,
        precision: u32,
    ) -> Option<Interval> {
        let free = self.free.enclose(basis, angles, precision)?;
        match self.is_capped() {
            false => Some(free),
            true => Some(free + cap(&self.capped, basis, angles, precision)?),
        }
    }

    /// The value, if it is known to be rational.
    pub(super) fn value(&self) -> Option<&Ratio> {
        if self.is_capped() { None } else { self.free.value() }
    }

    /// Whether it is algebraic, and equal to another such only if it is written alike.
    pub(super) fn is_independent(&self, basis: &Basis) -> bool {
        !self.is_capped() && self.free.is_independent(basis)
    }

    /// capped / c; none for what is not capped.
    pub(super) fn share(&self, basis: &Basis, angles: &Angles, precision: u32) -> Option<Interval> {
        let c = basis.cap.as_ref().filter(|_| self.is_capped())?;
        Some(self.capped.enclose(basis, angles, precision)? / Interval::of_ratio(c, precision))
    }

    pub(super) fn is_capped(&self) -> bool {
        !self.capped.is_zero()
    }

    /// What a saturated score is but for next to nothing: ±c + free.
    pub(super) fn saturated(&self, basis: &Basis, positive: bool) -> Logit {
        let mut free = self.free.clone();
        if let Some(c) = &basis.cap {
            free.parts[0] = match positive {
                true => &free.parts[0] + c,
                false => &free.parts[0] - c,
            };
        }
        Logit { capped: Linear::zero(basis), free }
    }
}

/// c · tanh(x / c).
fn cap(linear: &Linear, basis: &Basis, angles: &Angles, precision: u32) -> Option<Interval> {
    use rug::float::Round::{Down, Up};
    let inside = linear.enclose(basis, angles, precision)?;
    let Some(c) = basis.cap.as_ref().filter(|_| !linear.is_zero()) else { return Some(inside) };
    let c = Interval::of_ratio(c, precision);
    let share = inside / c.clone();
    let (mut lo, mut hi) = (share.lo().clone(), share.hi().clone());
    lo.tanh_round(Down);
    hi.tanh_round(Up);
    Some(c * Interval::new(lo, hi))
}

/// The scores of one head in one row of the batch.
pub(super) struct Scores<'a> {
    a: &'a Attention,
    basis: &'a Basis,
    batch: usize,
    head: usize,
    last: crate::request::Position,
    sink: Option<Option<Logit>>,
}

impl<'a> Scores<'a> {
    pub(super) fn new(a: &'a Attention, basis: &'a Basis, batch: usize, head: usize) -> Scores<'a> {
        let sink = a.sinks.as_ref().map(|sinks| {
            let value = Ratio::from_bits(sinks.format(), sinks.data()[head])?;
            let free = Linear::rational(basis, value);
            Some(Logit { capped: Linear::zero(basis), free })
        });
        Scores { a, basis, batch, head, last: a.last(batch), sink }
    }

    /// The scores of a query and the keys that are left for it, and the sink's after them; none if
    /// one of them is no number.
    pub(super) fn of(
        &self,
        query: usize,
        left: &[usize],
        angles: &mut Angles,
    ) -> Result<Option<Vec<Logit>>, UndecidedRounding> {
        let mut logits = Vec::with_capacity(left.len() + 1);
        for &key in left {
            match self.one(query, key, angles)? {
                Some(logit) => logits.push(logit),
                None => return Ok(None),
            }
        }
        match &self.sink {
            Some(None) => return Ok(None),
            Some(Some(sink)) => logits.push(sink.clone()),
            None => {}
        }
        Ok(Some(logits))
    }

    fn one(
        &self,
        query: usize,
        key: usize,
        angles: &mut Angles,
    ) -> Result<Option<Logit>, UndecidedRounding> {
        let (a, basis, dim) = (self.a, self.basis, self.a.q.dim());
        let row = (self.batch * a.q.heads() + self.head) * a.q.seq() + query;
        let q = &a.q.data()[row * dim..][..dim];
        let row = (self.batch * a.k.heads() + a.key_head(self.head)) * a.k.seq() + key;
        let k = &a.k.data()[row * dim..][..dim];
        let mut score = Linear::zero(basis);
        match a.rope {
            None => match dot(q, a.q.format(), k, a.k.format()) {
                Some(product) => score.add(&basis.plain, &product),
                None => return Ok(None),
            },
            Some(_) => {
                let tokens = [self.batch * a.q.seq() + query, self.batch * a.k.seq() + key];
                if !self.rotated(q, k, tokens, angles, &mut score)? {
                    return Ok(None);
                }
            }
        }
        let mut free = Linear::zero(basis);
        if let (Some(alibi), Some(slope)) = (&a.alibi, &basis.slope) {
            let [at, of] = a.biased_at(self.batch, query, key);
            let distance = Integer::from(alibi.distance(at, of, self.last));
            free.add(slope, &Ratio::from(distance));
        }
        if let Some((buckets, table)) = &a.t5 {
            let entry = a.bias_entry(buckets, self.batch, self.head, [query, key]);
            match Ratio::from_bits(table.format(), table.data()[entry]) {
                Some(bias) => free.parts[0] = &free.parts[0] + &bias,
                None => return Ok(None),
            }
        }
        if basis.cap.is_some() {
            return Ok(Some(Logit { capped: score, free }));
        }
        let mut sum = score;
        for (part, more) in sum.parts.iter_mut().zip(&free.parts) {
            *part = &*part + more;
        }
        Ok(Some(Logit { capped: Linear::zero(basis), free: sum }))
    }

    /// The product of two rotated vectors; false if one of them holds no number.
    fn rotated(
        &self,
        q: &[u64],
        k: &[u64],
        [query, key]: [usize; 2],
        angles: &mut Angles,
        score: &mut Linear,
    ) -> Result<bool, UndecidedRounding> {
        let numbers = |bits: &[u64], format: Format| {
            bits.iter().map(|&bits| Ratio::from_bits(format, bits)).collect::<Option<Vec<_>>>()
        };
        let Some((q, k)) = numbers(q, self.a.q.format()).zip(numbers(k, self.a.k.format())) else {
            return Ok(false);
        };
        let (m, n) = (at(&self.a.query_positions, query), at(&self.a.key_positions, key));
        let deltas: Vec<Fraction> = m.iter().zip(&n).map(minus).collect();
        let planes: Vec<_> = match angles.rope() {
            Some(rope) => rope
                .planes
                .iter()
                .map(|p| (p.pair, p.axis, !p.growth.is_one(), p.frequency.is_zero()))
                .collect(),
            None => Vec::new(),
        };
        let mut in_plane = vec![false; q.len()];
        let mut still = Ratio::zero();
        let mut turning: BTreeMap<usize, Complex<Ratio>> = BTreeMap::new();
        for (plane, (pair, axis, grows, zero)) in planes.into_iter().enumerate() {
            in_plane[pair.re] = true;
            in_plane[pair.im] = true;
            let (x, y) = (&q[pair.re], &q[pair.im]);
            let (u, v) = (&k[pair.re], &k[pair.im]);
            // q k̄.
            let re = x * u + y * v;
            let im = y * u - x * v;
            let delta = deltas[axis];
            if re.is_zero() && im.is_zero() {
                continue;
            }
            if delta.is_zero() || (zero && !grows) {
                still = still + re;
                continue;
            }
            // Re(c e^{−iφ}) = Re(c̄ e^{iφ}).
            let (distance, im) = match delta.numerator() < 0 && !grows {
                true => (-delta, -im),
                false => (delta, im),
            };
            let number = angles.number(plane, distance)?;
            let sum = turning.entry(number).or_insert_with(Complex::zero);
            *sum = Complex::new(&sum.re + &re, &sum.im + &im);
        }
        turning.retain(|_, c| !c.is_zero());
        if !turning.is_empty() {
            let term = |(&number, c): (&usize, &Complex<Ratio>)| {
                Some((c.clone(), angles.of_pi(number)?.clone()))
            };
            let of_pi: Option<Vec<_>> = turning.iter().map(term).collect();
            if let Some(rational) = of_pi.and_then(|terms| rational_sum(&terms)) {
                still = still + rational;
                turning.clear();
            }
        }
        let outside = (0..q.len()).filter(|&i| !in_plane[i]);
        let passed = outside.fold(Ratio::zero(), |sum, i| sum + &q[i] * &k[i]);
        score.add(&self.basis.turned, &still);
        score.add(&self.basis.plain, &passed);
        score.turning = turning.into_iter().map(|(number, c)| (number, [c.re, c.im])).collect();
        Ok(true)
    }
}

/// Σ qᵢ kᵢ, exactly, in integers.
fn dot(q: &[u64], q_format: Format, k: &[u64], k_format: Format) -> Option<Ratio> {
    let mut terms: Vec<(i128, i32)> = Vec::with_capacity(q.len());
    for (&x, &y) in q.iter().zip(k) {
        match (q_format.decode(x), k_format.decode(y)) {
            (
                Decoded::Finite { negative: a, significand: m, exponent: e },
                Decoded::Finite { negative: b, significand: n, exponent: f },
            ) => {
                let product = i128::from(m) * i128::from(n);
                if product != 0 {
                    terms.push((if a == b { product } else { -product }, e + f));
                }
            }
            _ => return None,
        }
    }
    let unit = terms.iter().map(|&(_, exponent)| exponent).min().unwrap_or_default();
    let mut sum = Integer::new();
    for (product, exponent) in terms {
        sum += Integer::from(product) << (exponent - unit) as u32;
    }
    Some(Ratio(Rational::from(sum) << unit))
}
