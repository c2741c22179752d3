//! Another norm in the place of a chain's own.

use super::entry::fault;
use super::staged::{Numbers, Open, Stage, replace};
use crate::encoding::{Chain, Floats, Norm, NormKind, Part, WeightKind};
use crate::fault::Fault;
use crate::fault::change::{Change, View};
use crate::request::Output;

/// A part of a chain before its norm.
pub(super) struct Seen<'a> {
    pub(super) chain: &'a Chain,
    pub(super) norm: &'a Norm,
    pub(super) part: &'a Part,
    numbers: &'a [f64],
    /// Rows that share a norm.
    shared: Vec<Vec<usize>>,
}

impl Seen<'_> {
    /// The rows that share a norm with one.
    pub(super) fn with(&self, row: usize) -> &[usize] {
        self.shared.iter().find(|rows| rows.contains(&row)).map_or(&[], |rows| rows)
    }

    pub(super) fn head(&self, row: usize) -> usize {
        row / self.part.heads.seq().max(1) % self.part.heads.heads().max(1)
    }

    /// The row of another head of the same token.
    pub(super) fn of_head(&self, row: usize, head: usize) -> usize {
        let seq = self.part.heads.seq().max(1);
        row - self.head(row) * seq + head * seq
    }

    /// What is subtracted, and the mean square of the rest, over coordinates of rows; the mean is
    /// over `count`, or over as many as there are.
    pub(super) fn moments(
        &self,
        rows: &[usize],
        keep: impl Fn(usize) -> bool,
        count: Option<f64>,
    ) -> [f64; 2] {
        let dim = self.part.heads.dim();
        let flat = |row: &usize| {
            let at = row * dim;
            (0..dim).filter(|&d| keep(d)).map(move |d| at + d).collect::<Vec<_>>()
        };
        let list: Vec<f64> = rows.iter().flat_map(flat).map(|i| self.numbers[i]).collect();
        let count = count.unwrap_or(list.len() as f64);
        let mean = match self.norm.kind {
            NormKind::Rms => 0.0,
            NormKind::Layer => list.iter().sum::<f64>() / count,
        };
        [mean, list.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count]
    }

    /// What is subtracted and what is divided by, over rows.
    pub(super) fn over(&self, rows: &[usize]) -> [f64; 2] {
        let [mean, square] = self.moments(rows, |_| true, None);
        [mean, (square + self.norm.eps).sqrt()]
    }
}

/// What is subtracted from a row and what it is divided by; none where it stays as it is.
pub(super) type Rule = fn(&Seen, usize) -> Option<[f64; 2]>;

/// The answer with another norm. None where it is the same.
pub(super) fn instead(view: &View, output: &mut Output, rule: Rule) -> Option<()> {
    let open = Open::new(view)?;
    let norm = open.chain.norm.as_ref()?;
    let mut numbers = open.before(Stage::Norm)?;
    normalise(open.chain, norm, &mut numbers, rule);
    replace(output, open.onward(Stage::Norm, &numbers)?)
}

fn normalise(chain: &Chain, norm: &Norm, numbers: &mut Numbers, rule: Rule) {
    for (part, numbers) in chain.parts.iter().zip(numbers) {
        let Some(weights) = &part.norm else { continue };
        let dim = part.heads.dim().max(1);
        let before = numbers.clone();
        let shared = chain.norm_rows(part);
        let seen = Seen { chain, norm, part, numbers: &before, shared };
        for (row, values) in numbers.chunks_mut(dim).enumerate() {
            let Some([mean, divisor]) = rule(&seen, row) else { continue };
            for (d, x) in values.iter_mut().enumerate() {
                let at = part.weight_at(norm.over_heads, row, d);
                let of = |floats: &Option<Floats>| {
                    floats.as_ref().map(|f| f.format().to_f64(f.data()[at]))
                };
                let w = match (norm.weight, of(&weights.weight)) {
                    (WeightKind::OnePlus, Some(w)) => 1.0 + w,
                    (_, w) => w.unwrap_or(1.0),
                };
                *x = (*x - mean) / divisor * w + of(&weights.bias).unwrap_or(0.0);
            }
        }
    }
}

/// A fault that changes answers.
pub(super) const fn other(
    name: &'static str,
    class: &'static str,
    words: [&'static str; 3],
    links: &'static [&'static str],
    change: fn(&View, &mut Output) -> Option<()>,
) -> Fault {
    fault(name, class, words, links, Change::Output(change))
}
