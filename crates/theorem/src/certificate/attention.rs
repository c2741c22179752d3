//! The statements about attention: Σ e^s v / Σ e^s over the keys that are left, and ln Σ e^s.
//!
//! No maximum is subtracted: the sums are those of the contract.

use super::additive::bias;
use super::formula::{Formula, Keys, formula};
use super::rotary::Dot;
use super::text::{input, parameter};
use super::{Real, Sheet, reason};
use ropewalk::encoding::Attention;
use ropewalk::request::Json;
use std::collections::HashMap;

/// Bits that sums of a few hundred terms may lose.
const SUM: u32 = 12;

/// A score, or what bounds those of a query.
#[derive(Clone, Copy)]
struct Size {
    /// It is below 2^this.
    bits: i32,
    turns: u32,
}

/// The keys of a query, with the names of their scores.
#[derive(Clone)]
struct Row {
    keys: Vec<usize>,
    scores: Vec<String>,
    /// The name of the sum of the exponentials, or the only score.
    total: String,
    alone: bool,
    size: Size,
}

struct Rows<'a> {
    a: &'a Attention,
    /// The rope's definitions, which scores are written with.
    rope: Formula,
    /// Those of scores and sums.
    added: Formula,
    known: HashMap<usize, Result<Row, &'static str>>,
}

pub(super) fn attention(a: &Attention, sheet: &mut Sheet) -> Result<Formula, &'static str> {
    let rope = match a.config.get("rope") {
        Some(Json::Object(config)) => formula(Keys { object: config, seq_len: a.seq_len })?,
        _ => Formula::default(),
    };
    let mut added = Formula::default();
    if let Some(factor) = &rope.softmax {
        added.constant("softmax_factor", factor.clone());
    }
    if let Some(cap) = a.softcap {
        added.constant("cap", parameter(cap));
        added.define("capped", "x", "cap * tanh (x / cap)");
    }
    let mut rows = Rows { a, rope, added, known: HashMap::new() };
    let width = a.v.dim();
    let same = sheet.expected("out").is_some_and(|out| out.dtype() == a.v.dtype());
    let count = a.q.batch() * a.q.heads() * a.q.seq();
    for index in 0..count * width {
        sheet.element("out", index, || rows.out(index / width, index % width, same));
    }
    for index in 0..if a.lse { count } else { 0 } {
        sheet.element("lse", index, || rows.lse(index));
    }
    let Rows { mut rope, added, .. } = rows;
    rope.definitions.extend(added.definitions);
    Ok(rope)
}

impl Rows<'_> {
    /// Row of the batch, head and query of a row of q.
    fn place(&self, row: usize) -> (usize, usize, usize) {
        let (heads, queries) = (self.a.q.heads(), self.a.q.seq());
        (row / (heads * queries), row / queries % heads, row % queries)
    }

    /// The row of k and v that a query's key is.
    fn key_row(&self, row: usize, key: usize) -> usize {
        let (batch, head, _) = self.place(row);
        (batch * self.a.k.heads() + self.a.key_head(head)) * self.a.k.seq() + key
    }

    fn row(&mut self, row: usize) -> Result<Row, &'static str> {
        if let Some(known) = self.known.get(&row) {
            return known.clone();
        }
        let made = self.make(row);
        self.known.insert(row, made.clone());
        made
    }

    fn make(&mut self, row: usize) -> Result<Row, &'static str> {
        let (batch, head, query) = self.place(row);
        let keys = self.a.left(batch, query);
        if keys.is_empty() {
            return Err(reason::NO_KEYS);
        }
        let mut size = Size { bits: 4, turns: 0 };
        let mut scores = Vec::new();
        for &key in &keys {
            let (text, one) = self.score(row, key)?;
            size.bits = size.bits.max(one.bits);
            size.turns = size.turns.max(one.turns);
            scores.push((format!("s_{row}_{key}"), text));
        }
        let sink = match &self.a.sinks {
            Some(sinks) => {
                let (sink, bits) = input(sinks, head).ok_or(reason::NONFINITE)?;
                size.bits = size.bits.max(bits);
                Some(format!("exp ({sink})"))
            }
            None => None,
        };
        for (name, text) in &scores {
            self.added.constant(name.clone(), text.clone());
        }
        let scores: Vec<String> = scores.into_iter().map(|(name, _)| name).collect();
        let alone = sink.is_none() && scores.len() == 1;
        let total = match alone {
            true => scores[0].clone(),
            false => {
                let terms = scores.iter().map(|score| format!("exp {score}")).chain(sink);
                let name = format!("total_{row}");
                self.added.constant(name.clone(), terms.collect::<Vec<_>>().join(" + "));
                name
            }
        };
        Ok(Row { keys, scores, total, alone, size })
    }

    /// scale · ⟨q, k⟩, capped, and the biases.
    fn score(&self, row: usize, key: usize) -> Result<(String, Size), &'static str> {
        let a = self.a;
        let (batch, head, query) = self.place(row);
        let dim = a.q.dim();
        let dot = Dot {
            formula: &self.rope,
            rope: a.rope.as_ref(),
            q: &a.q,
            k: &a.k,
            query_positions: &a.query_positions,
            key_positions: &a.key_positions,
        };
        let tokens = [batch * a.q.seq() + query, batch * a.k.seq() + key];
        let product = dot.real(dim, [row, self.key_row(row, key)], tokens)?;
        let factor = self.rope.softmax.as_ref().map_or("", |_| "softmax_factor * ");
        let mut text = match a.scale {
            Some(scale) => format!("{} * {factor}({})", parameter(scale), product.text),
            None => format!("{factor}({}) / sqrt {dim}", product.text),
        };
        let scale = a.scale.unwrap_or(1.0).log2().ceil() as i32;
        let mut bits = product.size + scale + 4;
        if let Some(cap) = a.softcap {
            text = format!("capped ({text})");
            // What is capped may be much larger than what comes of it.
            bits = bits.max(cap.log2().ceil() as i32);
        }
        if let Some(alibi) = &a.alibi {
            let [at, of] = a.biased_at(batch, query, key);
            let distance = alibi.distance(at, of, a.last(batch));
            text += &format!(" + {}", bias(alibi, head, distance));
            bits = bits.max(128 - distance.unsigned_abs().leading_zeros() as i32);
        }
        if let Some((buckets, table)) = &a.t5 {
            let entry = a.bias_entry(buckets, batch, head, [query, key]);
            let (entry, size) = input(table, entry).ok_or(reason::NONFINITE)?;
            text += &format!(" + {entry}");
            bits = bits.max(size);
        }
        Ok((text, Size { bits, turns: product.turns }))
    }

    /// An element of the weighed values.
    fn out(&mut self, row: usize, d: usize, same: bool) -> Result<Real, &'static str> {
        let width = self.a.v.dim();
        let found = self.row(row)?;
        let mut terms = Vec::new();
        let mut size = i32::MIN / 2;
        for (&key, score) in found.keys.iter().zip(&found.scores) {
            let at = self.key_row(row, key) * width + d;
            let (value, bits) = input(&self.a.v, at).ok_or(reason::NONFINITE)?;
            size = size.max(bits);
            if found.alone {
                // e^s v / e^s.
                return match same {
                    true => Err(reason::COPIED),
                    false => Ok(Real { text: value, size, turns: 0 }),
                };
            }
            terms.push(format!("exp {score} * {value}"));
        }
        let lost = found.size.bits.max(0).unsigned_abs();
        Ok(Real {
            text: format!("({}) / {}", terms.join(" + "), found.total),
            size,
            turns: found.size.turns + lost + SUM,
        })
    }

    /// The logarithm of the sum; of one exponential its exponent.
    fn lse(&mut self, row: usize) -> Result<Real, &'static str> {
        let found = self.row(row)?;
        let text = match found.alone {
            true => found.total,
            false => format!("ln {}", found.total),
        };
        Ok(Real { text, size: found.size.bits, turns: found.size.turns + SUM })
    }
}
