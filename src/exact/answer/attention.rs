//! Attention: exact scores, grouped where they are equal, and what the softmax makes of them.

mod angles;
mod logit;
mod softmax;
mod tail;

use super::{Sink, Site};
use crate::encoding::Attention;
use crate::exact::ratio::Ratio;
use crate::exact::round::{UndecidedRounding, Value};
use crate::number::Format;
use angles::Angles;
use logit::{Basis, Scores};
use num_traits::Zero;
use softmax::{OUT, Row};

const LSE: &str = "lse";

pub(super) fn attention(
    a: &Attention,
    format: Format,
    sink: &mut Sink,
) -> Result<(), UndecidedRounding> {
    let mut angles = Angles::new(a, format)?;
    let bases = (0..a.q.heads()).map(|head| Basis::new(a, head)).collect::<Result<Vec<_>, _>>()?;
    each_row(a, &bases, &mut angles, &mut |row| out(a, row, sink))?;
    if !a.lse {
        return Ok(());
    }
    each_row(a, &bases, &mut angles, &mut |row| {
        let site = Site { name: LSE, index: row.index };
        match &row.softmax {
            _ if row.left.is_empty() => {
                let bits = format.infinity() | format.sign_bit();
                sink(site, &Value::Copied { bits, format })
            }
            Some(softmax) => softmax.logarithm(site, sink),
            None => sink(site, &Value::Nonfinite),
        }
    })
}

/// A query: its number, where its values begin, the keys that are left for it, and their weights;
/// none if a score is no number.
struct Query<'a> {
    index: usize,
    values: usize,
    left: &'a [usize],
    softmax: Option<Row<'a>>,
}

fn each_row(
    a: &Attention,
    bases: &[Basis],
    angles: &mut Angles,
    with: &mut dyn FnMut(Query) -> Result<(), UndecidedRounding>,
) -> Result<(), UndecidedRounding> {
    for batch in 0..a.q.batch() {
        for (head, basis) in bases.iter().enumerate() {
            let scores = Scores::new(a, basis, batch, head);
            for query in 0..a.q.seq() {
                let left = a.left(batch, query);
                let logits = scores.of(query, &left, angles)?;
                let index = (batch * a.q.heads() + head) * a.q.seq() + query;
                let softmax = match logits.filter(|_| !left.is_empty()) {
                    Some(logits) => Some(Row::new(logits, left.len(), basis, angles, index)?),
                    None => None,
                };
                let values = (batch * a.k.heads() + a.key_head(head)) * a.k.seq();
                with(Query { index, values, left: &left, softmax })?;
            }
        }
    }
    Ok(())
}

/// The values of a query, weighed.
fn out(a: &Attention, row: Query, sink: &mut Sink) -> Result<(), UndecidedRounding> {
    let (width, format) = (a.v.dim(), a.v.format());
    for d in 0..width {
        let site = Site { name: OUT, index: row.index * width + d };
        let bits = |key: usize| a.v.data()[(row.values + key) * width + d];
        match &row.softmax {
            _ if row.left.is_empty() => sink(site, &Value::Rational(Ratio::zero()))?,
            None => sink(site, &Value::Nonfinite)?,
            // One key has all the weight, whatever its value is.
            Some(softmax) if softmax.is_one_key() => {
                sink(site, &Value::Copied { bits: bits(row.left[0]), format })?;
            }
            Some(softmax) => {
                let numbers = row.left.iter().map(|&key| Ratio::from_bits(format, bits(key)));
                match numbers.collect::<Option<Vec<_>>>() {
                    Some(numbers) => softmax.weighed(&numbers, site, sink)?,
                    None => sink(site, &Value::Nonfinite)?,
                }
            }
        }
    }
    Ok(())
}
