//! The score of a query and a key: a ball at any precision, and whether two are the same number.

use super::super::additive::{Bucket, slopes};
use super::super::cyclotomic::rational_sum;
use super::super::radical::Radical;
use super::super::read::{Config, Finite, format};
use super::super::real::Real;
use super::super::rotary::{Encoding, on_axis};
use super::super::score::{Side, same_angle};
use super::super::turn::Wheel;
use super::super::{Ball, SecondError, SecondOracle};
use ropewalk::encoding::Attention;
use ropewalk::request::Json;
use rug::{Integer, Rational};
use std::cell::RefCell;

/// A score before anything is computed.
#[derive(Clone, Debug)]
pub(super) enum Logit {
    /// The sink's.
    Sink(Rational),
    /// Of a query and a key, by their lines in q and k.
    Pair {
        /// Σ qᵢ kᵢ without a rope.
        dot: Rational,
        lines: [usize; 2],
        /// Head of the query; slope times this, and the entry of T5's table.
        head: usize,
        distance: Integer,
        learned: Rational,
    },
}

/// What is needed for every score of a question.
pub(super) struct Logits<'a> {
    oracle: &'a SecondOracle,
    a: &'a Attention,
    scale: Radical,
    pub(super) cap: Option<Rational>,
    slopes: Vec<Radical>,
    form: Option<String>,
    bucket: RefCell<Option<Bucket>>,
    rope: Option<Rope<'a>>,
}

struct Rope<'a> {
    encoding: &'a Encoding<'a>,
    queries: Side<'a>,
    keys: Side<'a>,
}

/// A sum over the planes: Re Σ c e^{iφ}, by angles that are nothing special and by multiples of π.
#[derive(Default)]
struct Sum<'a> {
    groups: Vec<(&'a Real<'a>, Rational, Rational, Rational)>,
    of_pi: Vec<(Rational, Rational, Rational)>,
    passed: Rational,
    /// Whether a plane grows, of which nothing is known.
    open: bool,
}

impl<'a> Logits<'a> {
    /// Everything that the scores of a question share.
    pub(super) fn with(
        oracle: &SecondOracle,
        a: &Attention,
        then: &mut dyn FnMut(&Logits) -> Result<(), SecondError>,
    ) -> Result<(), SecondError> {
        let config = |key: &str| match a.config.get(key) {
            Some(Json::Object(inner)) => Some(inner),
            _ => None,
        };
        let outer = Config(&a.config);
        let scale = match outer.optional("scale")? {
            Some(scale) => Radical::from(scale),
            None => Radical::power(&Rational::from(a.q.shape()[3] as u64), Rational::from((-1, 2))),
        };
        let mut logits = Logits {
            oracle,
            a,
            scale,
            cap: outer.optional("softcap")?,
            slopes: Vec::new(),
            form: None,
            bucket: RefCell::new(None),
            rope: None,
        };
        if let Some(alibi) = config("alibi").map(Config) {
            let norm = match alibi.has("head_dim") {
                true => Radical::power(&alibi.number("head_dim")?, Rational::from((-1, 2))),
                false => Radical::from(Rational::from(1)),
            };
            let two = Rational::from(2);
            let slope = |exponent| Radical::power(&two, exponent).times(&norm);
            logits.slopes = slopes(alibi)?.into_iter().map(slope).collect();
            logits.form = Some(alibi.word("form")?.to_string());
        }
        if let Some(t5) = config("t5").map(Config) {
            logits.bucket = RefCell::new(Some(Bucket::new(t5)?));
        }
        let Some(rope) = config("rope") else { return then(&logits) };
        let encoding = Encoding::new(oracle, rope, a.seq_len)?;
        let wheel = Wheel::new(&oracle.functions, &encoding.spectrum, false);
        let mut logits = Logits { rope: None, ..logits };
        logits.rope = Some(Rope {
            encoding: &encoding,
            queries: Side::new(&a.q, &a.query_positions, &wheel, false)?,
            keys: Side::new(&a.k, &a.key_positions, &wheel, true)?,
        });
        then(&logits)
    }

    /// The scores of a query, the sink's last; none if one of them is no number.
    pub(super) fn of(
        &self,
        b: usize,
        head: usize,
        query: usize,
        left: &[usize],
    ) -> Result<Option<Vec<Logit>>, SecondError> {
        let mut list = Vec::new();
        for &key in left {
            match self.pair(b, head, query, key)? {
                Some(logit) => list.push(logit),
                None => return Ok(None),
            }
        }
        if let Some(sinks) = &self.a.sinks {
            match format(sinks)?.finite(sinks.data()[head]) {
                Some(sink) => list.push(Logit::Sink(sink.rational())),
                None => return Ok(None),
            }
        }
        Ok(Some(list))
    }

    fn pair(
        &self,
        b: usize,
        head: usize,
        query: usize,
        key: usize,
    ) -> Result<Option<Logit>, SecondError> {
        let a = self.a;
        let [q, k] = [a.q.shape(), a.k.shape()];
        let repeats = (q[1] / k[1].max(1)).max(1);
        let lines = [(b * q[1] + head) * q[2] + query, (b * k[1] + head / repeats) * k[2] + key];
        let read = |tensor: &ropewalk::number::Tensor, line: usize| {
            let from = format(tensor)?;
            let row = &tensor.data()[line * q[3]..][..q[3]];
            let row: Option<Vec<Finite>> = row.iter().map(|&bits| from.finite(bits)).collect();
            Ok::<_, SecondError>(row)
        };
        let (Some(x), Some(y)) = (read(&a.q, lines[0])?, read(&a.k, lines[1])?) else {
            return Ok(None);
        };
        let mut dot = Rational::new();
        if self.rope.is_none() {
            for (x, y) in x.iter().zip(&y) {
                dot += x.rational() * y.rational();
            }
        }
        let at = a.query_positions.data()[b * q[2] + query];
        let positions = &a.key_positions.data()[b * k[2]..][..k[2]];
        let of = positions[key];
        let (i, j) = (Integer::from(at.numerator), Integer::from(of.numerator));
        let distance = match self.form.as_deref() {
            None => Integer::new(),
            Some("distance") => -(i - j),
            Some("key") => j,
            Some("symmetric") => -(i - j).abs(),
            Some("mpt") => {
                // Of the keys there are.
                let length = a.key_lengths.as_ref().map_or(k[2], |lengths| lengths[b]);
                j - positions[..length].iter().map(|p| p.numerator).max().unwrap_or_default()
            }
            Some(other) => return Err(SecondError::Unsupported(format!("form {other}"))),
        };
        let mut learned = Rational::new();
        if let (Some(bucket), Some((_, table))) = (self.bucket.borrow_mut().as_mut(), &a.t5) {
            let row = bucket.of(self.oracle, at, of)? as usize;
            match format(table)?.finite(table.data()[row * q[1] + head]) {
                Some(entry) => learned = entry.rational(),
                None => return Ok(None),
            }
        }
        Ok(Some(Logit::Pair { dot, lines, head, distance, learned }))
    }

    /// scale · softmax_factor · ⟨q, k⟩, what the soft cap is given.
    pub(super) fn inner(&self, logit: &Logit, bits: u32) -> Option<Ball> {
        let Logit::Pair { dot, lines, .. } = logit else { return Some(Ball::zero(bits)) };
        let functions = &self.oracle.functions;
        let scale = self.scale.ball(functions, bits)?;
        let Some(rope) = &self.rope else { return Some(scale * Ball::rational(dot, bits)) };
        let rotated = |side: &Side, line: usize| {
            side.rotated(self.oracle, rope.encoding, line, bits).ok().flatten()
        };
        let (u, v) = (rotated(&rope.queries, lines[0])?, rotated(&rope.keys, lines[1])?);
        let dot = u.iter().zip(v.iter()).fold(Ball::zero(bits), |sum, (u, v)| sum + u * v);
        let factor = rope.encoding.spectrum.softmax_factor.ball(functions, bits)?;
        Some(scale * factor * dot)
    }

    /// What is added after the soft cap.
    pub(super) fn bias(&self, logit: &Logit, bits: u32) -> Option<Ball> {
        match logit {
            Logit::Sink(sink) => Some(Ball::rational(sink, bits)),
            Logit::Pair { head, distance, learned, .. } => {
                let learned = Ball::rational(learned, bits);
                match self.slopes.get(*head) {
                    None => Some(learned),
                    Some(slope) => {
                        Some(slope.ball(&self.oracle.functions, bits)?.times(distance) + learned)
                    }
                }
            }
        }
    }

    /// c · tanh(x / c) = c · (1 − 2 / (e^{2x/c} + 1)).
    pub(super) fn capped(&self, x: Ball, bits: u32) -> Option<Ball> {
        let Some(c) = &self.cap else { return Some(x) };
        if x.is_zero() {
            return Some(x);
        }
        let c = Ball::rational(c, bits);
        let share = x.checked_div(&c)?.scaled(1);
        let one = Ball::integer(1, bits);
        // Of |x|, so that nothing overflows; near 0 either sign will do.
        let negative = share.sign() == Some(std::cmp::Ordering::Less);
        let power = exp(self.oracle, &if negative { share } else { -share })?;
        let tanh = (one.clone() - &power).checked_div(&(one + power))?;
        let tanh = if negative { -tanh } else { tanh };
        Some(c * tanh)
    }

    /// The score, with an absolute error of about 2^−bits.
    pub(super) fn ball(&self, logit: &Logit, bits: u32) -> Option<Ball> {
        let sum = |bits: u32| {
            Some(self.capped(self.inner(logit, bits)?, bits)? + self.bias(logit, bits)?)
        };
        let size = |ball: Ball| ball.top().max(ball.radius().top());
        let whole = size(self.inner(logit, 64)?).max(size(self.bias(logit, 64)?)).clamp(0, 1 << 13);
        sum(bits + (whole as u32 + 8).next_multiple_of(32))
    }

    /// The value, if the score is known to be rational.
    pub(super) fn value(&self, logit: &Logit) -> Option<Rational> {
        let zero = Logit::Sink(Rational::new());
        let (inner, bias) = (self.inner_terms(logit, &zero)?, self.bias_terms(logit, &zero));
        if self.cap.is_some() && !is_zero(&inner) {
            return None;
        }
        let mut value = Rational::new();
        for term in merged(inner.into_iter().chain(bias)) {
            value += term.value()?;
        }
        Some(value)
    }

    /// What is added after the soft cap, if it is rational.
    pub(super) fn added(&self, logit: &Logit) -> Option<Rational> {
        let zero = Logit::Sink(Rational::new());
        let mut value = Rational::new();
        for term in merged(self.bias_terms(logit, &zero)) {
            value += term.value()?;
        }
        Some(value)
    }

    /// Whether two scores are known to be the same number.
    pub(super) fn same(&self, one: &Logit, other: &Logit) -> bool {
        let Some(inner) = self.inner_terms(one, other) else { return false };
        let bias = self.bias_terms(one, other);
        match self.cap {
            None => is_zero(&merged(inner.into_iter().chain(bias))),
            Some(_) => is_zero(&inner) && is_zero(&merged(bias)),
        }
    }

    /// The difference of what is added, as radicals.
    fn bias_terms(&self, one: &Logit, other: &Logit) -> Vec<Radical> {
        let terms = |logit: &Logit, sign: i32| match logit {
            Logit::Sink(sink) => vec![Radical::from(Rational::from(sink * sign))],
            Logit::Pair { head, distance, learned, .. } => {
                let times = Rational::from(distance * sign);
                let slope = self.slopes.get(*head).map(|s| s.times(&Radical::from(times)));
                let learned = Radical::from(Rational::from(learned * sign));
                slope.into_iter().chain([learned]).collect()
            }
        };
        terms(one, 1).into_iter().chain(terms(other, -1)).collect()
    }

    /// The difference of what is capped, as radicals; none if it is not known to be one.
    fn inner_terms(&self, one: &Logit, other: &Logit) -> Option<Vec<Radical>> {
        let Some(rope) = &self.rope else {
            let dot = |logit: &Logit| match logit {
                Logit::Pair { dot, .. } => dot.clone(),
                Logit::Sink(_) => Rational::new(),
            };
            return Some(vec![self.scale.times(&Radical::from(dot(one) - dot(other)))]);
        };
        let mut sum = Sum::default();
        for (logit, sign) in [(one, 1), (other, -1)] {
            if let Logit::Pair { lines, .. } = logit {
                sum.add(rope, *lines, sign)?;
            }
        }
        let turned = sum.turned()?;
        let spectrum = &rope.encoding.spectrum;
        if turned.is_zero() && sum.passed.is_zero() {
            return Some(Vec::new());
        }
        let Real::Radical(factor) = &spectrum.softmax_factor else { return None };
        let scale = self.scale.times(factor);
        let mut terms = vec![scale.times(&Radical::from(sum.passed))];
        if !turned.is_zero() {
            let Real::Radical(magnitude) = &spectrum.attention_factor else { return None };
            let squared = magnitude.times(magnitude);
            terms.push(scale.times(&squared).times(&Radical::from(turned)));
        }
        Some(merged(terms))
    }
}

impl<'a> Sum<'a> {
    fn add(&mut self, rope: &Rope<'a>, [query, key]: [usize; 2], sign: i32) -> Option<()> {
        let (x, y) = (rope.queries.finite(query)?, rope.keys.finite(key)?);
        let spectrum = &rope.encoding.spectrum;
        let product = |i: usize, j: usize| x[i].rational() * y[j].rational() * sign;
        for (i, row) in rope.encoding.rows.iter().enumerate() {
            let Some(row) = row else {
                self.passed += product(i, i);
                continue;
            };
            if row.second == 1 {
                continue;
            }
            let j = row.partner;
            let re = product(i, i) + product(j, j);
            let im = product(j, i) - product(i, j);
            if re.is_zero() && im.is_zero() {
                continue;
            }
            let distance = on_axis(rope.queries.positions(), row.axis, rope.queries.token(query))
                - on_axis(rope.keys.positions(), row.axis, rope.keys.token(key));
            let frequency = &spectrum.frequencies[row.pair];
            let turns = match frequency {
                _ if distance.is_zero() || frequency.is_zero() => Some(Rational::new()),
                Real::Pi(radical) => {
                    radical.value().map(|turns| turns * &distance / &spectrum.position_divisor)
                }
                _ => None,
            };
            if spectrum.growth.get(row.pair).is_some() && !distance.is_zero() {
                self.open = true;
                continue;
            }
            if let Some(turns) = turns {
                self.of_pi.push((re, im, turns));
                continue;
            }
            let im = if distance.is_negative() { -im } else { im };
            let distance = distance.abs();
            let mut groups = self.groups.iter_mut();
            match groups.find(|(other, far, ..)| same_angle(frequency, &distance, other, far)) {
                Some((_, _, sum_re, sum_im)) => {
                    *sum_re += re;
                    *sum_im += im;
                }
                None => self.groups.push((frequency, distance, re, im)),
            }
        }
        Some(())
    }

    /// The sum over the planes, if it is known to be rational.
    fn turned(&self) -> Option<Rational> {
        let still = self.groups.iter().all(|(_, _, re, im)| re.is_zero() && im.is_zero());
        (still && !self.open).then(|| rational_sum(&self.of_pi).ok().flatten()).flatten()
    }
}

/// Radicals of which no two are commensurable.
fn merged(terms: impl IntoIterator<Item = Radical>) -> Vec<Radical> {
    let mut list: Vec<Radical> = Vec::new();
    for term in terms {
        if term.is_zero() {
            continue;
        }
        let sum = list.iter().enumerate().find_map(|(i, other)| Some((i, other.plus(&term)?)));
        match sum {
            Some((i, sum)) => list[i] = sum,
            None => list.push(term),
        }
        list.retain(|term| !term.is_zero());
    }
    list
}

fn is_zero(terms: &[Radical]) -> bool {
    terms.iter().all(Radical::is_zero)
}

/// e^x; next to nothing for what is far below 0.
pub(super) fn exp(oracle: &SecondOracle, x: &Ball) -> Option<Ball> {
    const LEAST: i64 = 1 << 40;
    let far = Ball::integer(-LEAST, 64);
    if x.compare(&far) == Some(std::cmp::Ordering::Less) {
        // e^x < 2^x.
        return Some(Ball::new(Integer::new(), 0, super::super::Radius::unit(-LEAST), x.bits()));
    }
    oracle.functions.exp(x)
}
