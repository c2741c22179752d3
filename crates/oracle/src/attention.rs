//! `attention`, key by key: softmax(c tanh(scale q kᵀ / c) + bias) v, as code prints it.
//!
//! Keys are told apart by algebra only where balls do not settle an element, and pair by pair.

mod logits;
mod softmax;

use super::read::{Finite, format, position};
use super::rotary::undecided;
use super::settle::Outcome;
use super::{SecondError, SecondOracle, Sink, Target};
use logits::Logits;
use ropewalk::encoding::Attention;
use ropewalk::exact::Site;
use ropewalk::request::{Json, Positions};
use rug::Rational;
use softmax::Softmax;

/// The mask of a question, from its config and its lengths.
struct Mask<'a> {
    a: &'a Attention,
    causal: bool,
    window: [Option<Rational>; 2],
}

impl<'a> Mask<'a> {
    fn new(a: &'a Attention) -> Mask<'a> {
        let side = |side: usize| match a.config.get("window") {
            Some(Json::Array(sides)) => match sides.get(side) {
                Some(Json::Integer(n)) => Some(Rational::from(*n)),
                _ => None,
            },
            _ => None,
        };
        let causal = a.config.get("causal") == Some(&Json::Bool(true));
        Mask { a, causal, window: [side(0), side(1)] }
    }

    /// The keys that are not masked: `mask & (k <= q) & (k >= q - left) & (k <= q + right)`.
    fn keys(&self, batch: usize, query: usize) -> Vec<usize> {
        // Masks go by the first axis.
        let at = |positions: &Positions, token: usize| position(positions.data()[token]);
        let [queries, keys] = [self.a.q.shape()[2], self.a.k.shape()[2]];
        let q = at(&self.a.query_positions, batch * queries + query);
        let length = self.a.key_lengths.as_ref().map_or(keys, |lengths| lengths[batch]);
        let [left, right] = &self.window;
        let seen = |j: &usize| {
            let k = at(&self.a.key_positions, batch * keys + j);
            (!self.causal || k <= q)
                && left.as_ref().is_none_or(|left| k >= Rational::from(&q - left))
                && right.as_ref().is_none_or(|right| k <= Rational::from(&q + right))
        };
        (0..length).filter(seen).collect()
    }
}

impl SecondOracle {
    pub(super) fn attention(
        &self,
        a: &Attention,
        target: Target,
        sink: &mut Sink,
    ) -> Result<(), SecondError> {
        let mask = Mask::new(a);
        Logits::with(self, a, &mut |logits| {
            self.rows(a, &mask, logits, target, sink, false)?;
            if a.lse { self.rows(a, &mask, logits, target, sink, true) } else { Ok(()) }
        })
    }

    fn rows(
        &self,
        a: &Attention,
        mask: &Mask,
        logits: &Logits,
        target: Target,
        sink: &mut Sink,
        lse: bool,
    ) -> Result<(), SecondError> {
        let [batch, heads, queries, _] = super::rotary::heads(&a.q)?;
        let [_, key_heads, keys, width] = super::rotary::heads(&a.v)?;
        let from = format(&a.v)?;
        let repeats = heads.checked_div(key_heads).unwrap_or_default().max(1);
        let mut line = 0;
        for b in 0..batch {
            for head in 0..heads {
                for query in 0..queries {
                    let left = mask.keys(b, query);
                    let list = logits.of(b, head, query, &left)?;
                    let softmax = list.map(|list| Softmax::new(self, logits, list, target));
                    let value = |j: usize, d: usize| {
                        a.v.data()[((b * key_heads + head / repeats) * keys + j) * width + d]
                    };
                    let finite = |d: usize| -> Option<Vec<Finite>> {
                        left.iter().map(|&j| from.finite(value(j, d))).collect()
                    };
                    let nothing = left.is_empty();
                    if lse {
                        let outcome = match &softmax {
                            _ if nothing => Ok(minus_infinity(target)),
                            None => Ok(Outcome::nonfinite(target)),
                            Some(softmax) => softmax.logarithm(),
                        };
                        let outcome =
                            outcome.map_err(|precision| undecided("lse", line, precision))?;
                        sink(Site { name: "lse", index: line }, outcome);
                    }
                    for d in 0..if lse { 0 } else { width } {
                        let outcome = match (&softmax, left.as_slice(), finite(d)) {
                            (_, [], _) => Ok(Outcome::rational(&Rational::new(), target)),
                            (Some(_), [only], _) if a.sinks.is_none() => {
                                Ok(Outcome::copied(value(*only, d), from, target))
                            }
                            (Some(softmax), _, Some(values)) => {
                                let values: Vec<Rational> =
                                    values.into_iter().map(Finite::rational).collect();
                                softmax.weighed(&values)
                            }
                            _ => Ok(Outcome::nonfinite(target)),
                        };
                        let index = line * width + d;
                        let outcome =
                            outcome.map_err(|precision| undecided("out", index, precision))?;
                        sink(Site { name: "out", index }, outcome);
                    }
                    line += 1;
                }
            }
        }
        Ok(())
    }
}

fn minus_infinity(target: Target) -> Outcome {
    Outcome::copied(target.infinity() | target.sign_bit(), target, target)
}
