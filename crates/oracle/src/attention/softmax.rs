//! What a softmax makes of the values of one query, and the logarithm of its sum.

use super::super::real::LAST_PRECISION;
use super::super::settle::{Outcome, first_precision};
use super::super::{Ball, SecondOracle, Target};
use super::logits::{Logit, Logits, exp};
use rug::Rational;
use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

/// Scores below the largest by this are taken apart from the others where those are rational:
/// e^−6000 < 2^−8656.
const LIGHT: i64 = 6000;

/// tanh is this near to ±1 beyond so many soft caps: 2e^−6000.
const SATURATED: i64 = 3000;

/// Nearer to a mean of numbers of any format than any boundary is, and farther than what is light.
const NEAR: u32 = 7500;

/// Scores of one query.
pub(super) struct Softmax<'l, 'a> {
    oracle: &'l SecondOracle,
    logits: &'l Logits<'a>,
    list: Vec<Logit>,
    target: Target,
    powers: RefCell<HashMap<u32, Option<Rc<Powers>>>>,
    classes: OnceCell<Vec<usize>>,
}

/// e^(s − m) of every score.
struct Powers {
    reference: Ball,
    list: Vec<Ball>,
}

/// A score that matters next to nothing: the logarithm of its share, and its sign and size.
struct Light {
    exponent: Ball,
    weight: Rational,
}

impl<'l, 'a> Softmax<'l, 'a> {
    pub(super) fn new(
        oracle: &'l SecondOracle,
        logits: &'l Logits<'a>,
        list: Vec<Logit>,
        target: Target,
    ) -> Softmax<'l, 'a> {
        let (powers, classes) = (RefCell::default(), OnceCell::new());
        Softmax { oracle, logits, list, target, powers, classes }
    }

    fn scores(&self, bits: u32) -> Option<Vec<Ball>> {
        self.list.iter().map(|logit| self.logits.ball(logit, bits)).collect()
    }

    /// The largest midpoint, as an exact number.
    fn reference(scores: &[Ball], bits: u32) -> Ball {
        let larger =
            |a: &&Ball, b: &&Ball| (middle(a) - middle(b)).sign().unwrap_or(Ordering::Equal);
        let most = scores.iter().max_by(larger);
        most.map_or(Ball::zero(bits), middle)
    }

    fn powers(&self, bits: u32) -> Option<Rc<Powers>> {
        if let Some(known) = self.powers.borrow().get(&bits) {
            return known.clone();
        }
        let compute = || {
            let scores = self.scores(bits + 16)?;
            let reference = Softmax::reference(&scores, bits);
            let power =
                |score: &Ball| Some(exp(self.oracle, &(score - &reference))?.with_bits(bits));
            let list = scores.iter().map(power).collect::<Option<Vec<_>>>()?;
            Some(Rc::new(Powers { reference, list }))
        };
        let powers = compute();
        self.powers.borrow_mut().insert(bits, powers.clone());
        powers
    }

    /// Σ e^(sⱼ) vⱼ / Σ e^(sⱼ), the sink without a value.
    pub(super) fn weighed(&self, values: &[Rational]) -> Result<Outcome, u32> {
        let enclose = |bits: u32| {
            let powers = self.powers(bits)?;
            let total = powers.list.iter().fold(Ball::zero(bits), |sum, power| sum + power);
            let sum =
                powers.list.iter().zip(values).fold(Ball::zero(bits), |sum, (power, value)| {
                    sum + power * Ball::rational(value, bits)
                });
            sum.checked_div(&total)
        };
        let exact = || {
            let mut value = values.to_vec();
            value.resize(self.list.len(), Rational::new());
            let mean = self.mean(&value, &vec![true; value.len()], &|i| self.classes()[i])?;
            Some(Outcome::rational(&mean, self.target))
        };
        let beside = || self.beside(values);
        self.search(enclose, exact, beside)
    }

    /// ln Σ e^(sⱼ).
    pub(super) fn logarithm(&self) -> Result<Outcome, u32> {
        let enclose = |bits: u32| {
            let powers = self.powers(bits)?;
            let total = powers.list.iter().fold(Ball::zero(bits), |sum, power| sum + power);
            let whole = powers.reference.top().clamp(0, 1 << 13) as u32;
            let logarithm = self.oracle.functions.ln(&total)?;
            Some(powers.reference.clone().with_bits(bits + whole + 8) + logarithm)
        };
        let exact = || match self.list.as_slice() {
            [only] => Some(Outcome::rational(&self.logits.value(only)?, self.target)),
            _ => None,
        };
        self.search(enclose, exact, || self.beside_score())
    }

    /// Balls first; where two precisions do not settle, what algebra says; then more.
    fn search(
        &self,
        enclose: impl Fn(u32) -> Option<Ball>,
        exact: impl FnOnce() -> Option<Outcome>,
        beside: impl FnOnce() -> Option<Outcome>,
    ) -> Result<Outcome, u32> {
        let settled = |bits| enclose(bits).and_then(|x| Outcome::ball(&x, self.target));
        let first = first_precision(self.target);
        if let Some(outcome) = settled(first).or_else(|| settled(2 * first)) {
            return Ok(outcome);
        }
        if let Some(outcome) = exact().or_else(beside) {
            return Ok(outcome);
        }
        let more = std::iter::successors(Some(4 * first), |bits| Some(2 * bits));
        let more = more.take_while(|bits| *bits <= LAST_PRECISION);
        more.into_iter().find_map(settled).ok_or(LAST_PRECISION)
    }

    /// The first score that each is known to equal.
    fn classes(&self) -> &[usize] {
        self.classes.get_or_init(|| {
            let mut classes: Vec<usize> = Vec::new();
            for (i, logit) in self.list.iter().enumerate() {
                let like = |&j: &usize| classes[j] == j && self.logits.same(&self.list[j], logit);
                classes.push((0..i).find(like).unwrap_or(i));
            }
            classes
        })
    }

    /// The mean of the values of every class of those chosen, if they all have the same.
    fn mean(
        &self,
        values: &[Rational],
        chosen: &[bool],
        class: &dyn Fn(usize) -> usize,
    ) -> Option<Rational> {
        let mut sums: HashMap<usize, (Rational, u32)> = HashMap::new();
        for (i, value) in values.iter().enumerate().filter(|(i, _)| chosen[*i]) {
            let (sum, count) = sums.entry(class(i)).or_default();
            *sum += value;
            *count += 1;
        }
        let mut means = sums.into_values().map(|(sum, count)| sum / count);
        let first = means.next()?;
        means.all(|mean| mean == first).then_some(first)
    }

    /// Which scores are not light, and on which side they are saturated, if they are.
    fn heavy(&self) -> Option<Vec<(bool, Option<Ordering>)>> {
        let bits = 256;
        let scores = self.scores(bits)?;
        let reference = Softmax::reference(&scores, bits);
        let kind = |(logit, score): (&Logit, &Ball)| {
            let light = (score - &reference).compare(&Ball::integer(-LIGHT, bits))?;
            let saturated = match &self.logits.cap {
                None => None,
                Some(c) => {
                    let inner = self.logits.inner(logit, bits)?;
                    let far = Ball::rational(&Rational::from(c * SATURATED), bits);
                    match (inner.compare(&far)?, inner.compare(&-far.clone())?) {
                        (Ordering::Greater, _) => Some(Ordering::Greater),
                        (_, Ordering::Less) => Some(Ordering::Less),
                        _ => None,
                    }
                }
            };
            Some((light == Ordering::Greater, saturated))
        };
        self.list.iter().zip(&scores).map(kind).collect()
    }

    /// Whether two scores are the same but for what saturated ones lack.
    fn nearly_same(&self, kinds: &[(bool, Option<Ordering>)], i: usize, j: usize) -> bool {
        let (one, other) = (&self.list[i], &self.list[j]);
        match (kinds[i].1, kinds[j].1) {
            (None, None) => self.logits.same(one, other),
            (one_side, other_side) => {
                let base = |side: Option<Ordering>, logit: &Logit| self.base(side, logit);
                let (one, other) = (base(one_side, one), base(other_side, other));
                one.zip(other).is_some_and(|(one, other)| one == other)
            }
        }
    }

    /// ±c + bias, if that is rational; the score itself where it is not saturated and rational.
    fn base(&self, side: Option<Ordering>, logit: &Logit) -> Option<Rational> {
        let Some(side) = side else { return self.logits.value(logit) };
        let c = self.logits.cap.clone()?;
        let bias = self.logits.added(logit)?;
        Some(if side == Ordering::Less { bias - c } else { bias + c })
    }

    /// The scores that are light or lack something, with the weight of each.
    fn lights(
        &self,
        kinds: &[(bool, Option<Ordering>)],
        weights: &[Rational],
        bits: u32,
    ) -> Option<Vec<Light>> {
        let mut list = Vec::new();
        for ((logit, (heavy, side)), weight) in self.list.iter().zip(kinds).zip(weights) {
            if weight.is_zero() || *heavy && side.is_none() {
                continue;
            }
            let score = self.logits.ball(logit, bits)?;
            list.push(match (heavy, side) {
                (true, Some(side)) => {
                    // c tanh(x/c) − ±c is ∓2c e^{−2|x|/c}, nearly.
                    let c = Ball::rational(self.logits.cap.as_ref()?, bits);
                    let inner = self.logits.inner(logit, bits + (1 << 12))?;
                    let share = inner.checked_div(&c)?.scaled(1);
                    let share = if *side == Ordering::Less { share } else { -share };
                    let size = self.oracle.functions.ln(&c.scaled(1))?;
                    let weight = match side {
                        Ordering::Less => weight.clone(),
                        _ => Rational::from(-weight),
                    };
                    Light { exponent: score + size + share, weight }
                }
                _ => Light { exponent: score, weight: weight.clone() },
            });
        }
        Some(list)
    }

    /// Which way the lights move what the others make.
    fn direction(
        &self,
        kinds: &[(bool, Option<Ordering>)],
        weights: &[Rational],
    ) -> Option<Ordering> {
        let signs: Vec<Ordering> =
            self.lights(kinds, weights, 256)?.iter().map(|light| light.weight.cmp0()).collect();
        let first = *signs.first()?;
        if signs.iter().all(|sign| *sign == first) {
            return Some(first);
        }
        (8..=14).find_map(|power| {
            let bits = 1 << power;
            let lights = self.lights(kinds, weights, bits)?;
            let exponents: Vec<Ball> = lights.iter().map(|light| light.exponent.clone()).collect();
            let reference = Softmax::reference(&exponents, bits);
            let mut sum = Ball::zero(bits);
            for light in &lights {
                let power = exp(self.oracle, &(&light.exponent - &reference))?;
                sum = sum + power * Ball::rational(&light.weight, bits);
            }
            // What e^η − 1 differs from η by is far below what 2^14 bits show.
            sum.sign().filter(|sign| *sign != Ordering::Equal)
        })
    }

    fn moved(&self, base: Rational, direction: Ordering) -> Outcome {
        let step = Rational::from(1) >> NEAR;
        let moved = if direction == Ordering::Less { base - step } else { base + step };
        Outcome::rational(&moved, self.target)
    }

    fn beside(&self, values: &[Rational]) -> Option<Outcome> {
        let kinds = self.heavy()?;
        let heavy: Vec<bool> = kinds.iter().map(|(heavy, _)| *heavy).collect();
        let first =
            |i: usize| (0..i).find(|&j| heavy[j] && self.nearly_same(&kinds, j, i)).unwrap_or(i);
        let mut values = values.to_vec();
        values.resize(self.list.len(), Rational::new());
        let mean = self.mean(&values, &heavy, &first)?;
        let weights: Vec<Rational> =
            values.iter().map(|value| Rational::from(value - &mean)).collect();
        let weights = self.by_class(&weights);
        Some(self.moved(mean, self.direction(&kinds, &weights)?))
    }

    /// The weights of equal scores, added up: what cancels is gone.
    fn by_class(&self, weights: &[Rational]) -> Vec<Rational> {
        let mut sums = vec![Rational::new(); weights.len()];
        for (weight, &class) in weights.iter().zip(self.classes()) {
            sums[class] += weight;
        }
        sums
    }

    fn beside_score(&self) -> Option<Outcome> {
        let kinds = self.heavy()?;
        let mut heavy = kinds.iter().enumerate().filter(|(_, (heavy, _))| *heavy);
        let (only, None) = (heavy.next()?, heavy.next()) else { return None };
        let (index, (_, side)) = only;
        let base = self.base(*side, &self.list[index])?;
        let weights = vec![Rational::from(1); self.list.len()];
        Some(self.moved(base, self.direction(&kinds, &weights)?))
    }
}

/// The midpoint of a ball, exactly.
fn middle(ball: &Ball) -> Ball {
    Ball::new(ball.mid.clone(), ball.exponent, super::super::Radius::ZERO, ball.bits())
}
