//! One query: its keys grouped by equal scores, and what the groups make of the values.
//!
//! x = Σ e^s S / Σ e^s n over the groups, with n keys (the sink counts as one, of value 0) whose
//! values add up to S. By Lindemann–Weierstrass the exponentials of distinct algebraic numbers are
//! linearly independent, so x is rational only if every group has the mean x. Where that is open, an
//! enclosure decides.

use super::angles::Angles;
use super::logit::{Basis, Logit};
use super::tail::{BELOW, FAR, SATURATED, Term, exp, is_positive};
use crate::encoding::Arithmetic;
use crate::exact::answer::{Sink, Site};
use crate::exact::interval::Interval;
use crate::exact::intervals::Intervals;
use crate::exact::ratio::Ratio;
use crate::exact::round::{Proof, UndecidedRounding, Value, first_enclosure};
use num_traits::Zero;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The output that is weighed.
pub(super) const OUT: &str = "out";

/// Keys of one score.
struct Group {
    logit: Logit,
    count: usize,
    /// Its base, if its weight is not [`FAR`] below the largest.
    base: Option<usize>,
    /// The side on which its soft cap is all that is left of it.
    saturated: Option<bool>,
}

/// Groups whose scores are the same but for what a saturated tanh lacks.
struct Base {
    logit: Logit,
    count: usize,
}

/// The weights of one query.
pub(super) struct Row<'a> {
    basis: &'a Basis,
    angles: &'a Angles,
    groups: Vec<Group>,
    bases: Vec<Base>,
    /// The group of every key, and of the sink after them.
    members: Vec<usize>,
    keys: usize,
    /// The group from which the others are measured: none is more than e times as heavy.
    top: usize,
    independent: bool,
    weights: RefCell<HashMap<u32, Option<Rc<Vec<Interval>>>>>,
}

impl<'a> Row<'a> {
    /// From the scores of `keys` keys and of the sink, if there is one.
    pub(super) fn new(
        logits: Vec<Logit>,
        keys: usize,
        basis: &'a Basis,
        angles: &'a Angles,
        index: usize,
    ) -> Result<Row<'a>, UndecidedRounding> {
        let independent = logits.iter().all(|logit| logit.is_independent(basis));
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<Logit, usize> = HashMap::new();
        let mut members = Vec::with_capacity(logits.len());
        for logit in logits {
            let group = *known.entry(logit).or_insert_with_key(|logit| {
                let logit = logit.clone();
                groups.push(Group { logit, count: 0, base: None, saturated: None });
                groups.len() - 1
            });
            groups[group].count += 1;
            members.push(group);
        }
        let weights = RefCell::default();
        let (bases, top) = (Vec::new(), 0);
        let mut row =
            Row { basis, angles, groups, bases, members, keys, top, independent, weights };
        let undecided = |precision| UndecidedRounding { name: OUT, index, precision };
        row.sort().map_err(undecided)?;
        Ok(row)
    }

    /// Finds the top and what is far below it.
    fn sort(&mut self) -> Result<(), u32> {
        for group in 1..self.groups.len() {
            if *self.apart(group)?.lo() > 0 {
                self.top = group;
            }
        }
        let mut known: HashMap<Logit, usize> = HashMap::new();
        for index in 0..self.groups.len() {
            if *self.apart(index)?.hi() < -FAR {
                continue;
            }
            let saturated = self.saturated(index)?;
            let group = &mut self.groups[index];
            let logit = match saturated {
                Some(positive) => group.logit.saturated(self.basis, positive),
                None => group.logit.clone(),
            };
            let bases = &mut self.bases;
            let base = *known.entry(logit).or_insert_with_key(|logit| {
                bases.push(Base { logit: logit.clone(), count: 0 });
                bases.len() - 1
            });
            bases[base].count += group.count;
            group.base = Some(base);
            group.saturated = saturated;
        }
        Ok(())
    }

    /// The score of a group minus that of the top, to less than 1 unless it is far off.
    fn apart(&self, group: usize) -> Result<Interval, u32> {
        let (group, top) = (&self.groups[group].logit, &self.groups[self.top].logit);
        first_enclosure(self.angles.precision(), |precision| {
            let apart = group.difference(top, self.basis, self.angles, precision)?;
            let says = *apart.hi() < -FAR || *apart.lo() > FAR || apart.width() < 1;
            says.then_some(apart)
        })
    }

    fn saturated(&self, group: usize) -> Result<Option<bool>, u32> {
        let logit = &self.groups[group].logit;
        if !logit.is_capped() {
            return Ok(None);
        }
        first_enclosure(self.angles.precision(), |precision| {
            let share = logit.share(self.basis, self.angles, precision)?;
            match (*share.lo() > SATURATED, *share.hi() < -SATURATED) {
                (true, _) => Some(Some(true)),
                (_, true) => Some(Some(false)),
                _ => (share.width() < 1).then_some(None),
            }
        })
    }

    /// Whether there is nothing but one key, not even a sink.
    pub(super) fn is_one_key(&self) -> bool {
        self.members.len() == 1
    }

    /// e^(s − top) of every group.
    fn weights(&self, precision: u32) -> Option<Rc<Vec<Interval>>> {
        if let Some(known) = self.weights.borrow().get(&precision) {
            return known.clone();
        }
        let top = &self.groups[self.top].logit;
        let weight = |group: &Group| {
            let apart = group.logit.difference(top, self.basis, self.angles, precision)?;
            exp(&apart, precision)
        };
        let weights = self.groups.iter().map(weight).collect::<Option<Vec<_>>>().map(Rc::new);
        self.weights.borrow_mut().insert(precision, weights.clone());
        weights
    }

    /// Σ e^(s − top) · `factors`.
    fn sum(&self, factors: &[Ratio], precision: u32) -> Option<Interval> {
        let weights = self.weights(precision)?;
        let zero = Interval::point(0).widen(precision);
        Some(weights.iter().zip(factors).fold(zero, |sum, (weight, factor)| {
            sum + weight * &Interval::of_ratio(factor, precision)
        }))
    }

    fn counts(&self) -> Vec<Ratio> {
        self.groups.iter().map(|group| count(group.count)).collect()
    }

    /// Σ wⱼ vⱼ, from the values of the keys.
    pub(super) fn weighed(
        &self,
        values: &[Ratio],
        site: Site,
        sink: &mut Sink,
    ) -> Result<(), UndecidedRounding> {
        let mut sums = vec![Ratio::zero(); self.groups.len()];
        for (value, &group) in values.iter().zip(&self.members[..self.keys]) {
            sums[group] = &sums[group] + value;
        }
        let proof = if self.independent { Proof::Exponentials } else { Proof::Isolation };
        if let Some(mean) = self.common_mean(&sums) {
            let off = |(sum, group): (&Ratio, &Group)| sum - &(&count(group.count) * &mean);
            let off: Vec<Ratio> = sums.iter().zip(&self.groups).map(off).collect();
            return self.beside(mean, off, proof, site, sink);
        }
        let counts = self.counts();
        let enclose =
            |precision| Some(&self.sum(&sums, precision)? / &self.sum(&counts, precision)?);
        self.real(proof, &enclose, site, sink)
    }

    /// The mean of the values of every base, if they all have the same.
    fn common_mean(&self, sums: &[Ratio]) -> Option<Ratio> {
        let mut of_bases = vec![Ratio::zero(); self.bases.len()];
        for (sum, group) in sums.iter().zip(&self.groups) {
            if let Some(base) = group.base {
                of_bases[base] = &of_bases[base] + sum;
            }
        }
        let (first, n) = (&of_bases[0], count(self.bases[0].count));
        let like = |(sum, base): (&Ratio, &Base)| sum * &n == first * &count(base.count);
        of_bases.iter().zip(&self.bases).all(like).then(|| first.clone() / n.clone())
    }

    /// A rational, moved by what is far below the top and by what saturated scores lack.
    fn beside(
        &self,
        base: Ratio,
        weights: Vec<Ratio>,
        proof: Proof,
        site: Site,
        sink: &mut Sink,
    ) -> Result<(), UndecidedRounding> {
        let mut size = Ratio::zero();
        let mut terms = Vec::new();
        for (group, weight) in self.groups.iter().zip(weights) {
            let saturated = match (group.base, group.saturated) {
                (Some(base), Some(positive)) => Some((&self.bases[base].logit, positive)),
                (Some(_), None) => continue,
                (None, _) => None,
            };
            if !weight.is_zero() {
                size = size + Ratio(weight.0.clone().abs());
                terms.push(Term { logit: &group.logit, saturated, weight });
            }
        }
        if terms.is_empty() {
            return sink(site, &Value::Rational(base));
        }
        let bits = |n: &rug::Integer| n.significant_bits() as i32;
        let within = BELOW + bits(size.0.numer()) - bits(size.0.denom()) + 1;
        let above = is_positive(&terms, self.basis, self.angles).ok_or(UndecidedRounding {
            name: site.name,
            index: site.index,
            precision: 1 << 13,
        })?;
        sink(site, &Value::Beside { proof, base, above, within })
    }

    /// ln Σ e^s.
    ///
    /// One key: its score. More of one score s, or of several: if the logarithm were algebraic, and
    /// every score is, an exponential would be a combination of others.
    pub(super) fn logarithm(&self, site: Site, sink: &mut Sink) -> Result<(), UndecidedRounding> {
        let proof = match (self.independent, self.members.len()) {
            (true, 1) => Proof::IrrationalAlgebraic,
            (true, _) => Proof::Exponentials,
            (false, _) => Proof::Isolation,
        };
        let alone = self.bases.len() == 1 && self.bases[0].count == 1;
        if let Some(value) = self.bases[0].logit.value().filter(|_| alone) {
            return self.beside(value.clone(), self.counts(), proof, site, sink);
        }
        let counts = self.counts();
        let top = &self.groups[self.top].logit;
        let enclose = |precision| {
            let logarithm = Intervals { precision }.ln(&self.sum(&counts, precision)?)?;
            Some(top.enclose(self.basis, self.angles, precision)? + logarithm)
        };
        self.real(proof, &enclose, site, sink)
    }

    fn real(
        &self,
        proof: Proof,
        enclose: &dyn Fn(u32) -> Option<Interval>,
        site: Site,
        sink: &mut Sink,
    ) -> Result<(), UndecidedRounding> {
        let undecided =
            |precision| UndecidedRounding { name: site.name, index: site.index, precision };
        let first = first_enclosure(self.angles.precision(), enclose).map_err(undecided)?;
        sink(site, &Value::Real { proof, first, enclose })
    }
}

fn count(n: usize) -> Ratio {
    Ratio(rug::Rational::from(n))
}
