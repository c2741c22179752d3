//! Many keys: whether each has its weight, whatever tiles a kernel sums them in.

use super::asked::{Rows, Weights};
use super::reading::{Reading, said};

/// Where tiles end.
const ENDS: [usize; 6] = [8, 16, 32, 64, 128, 256];
/// How many keys are asked: one more than a tile, whole tiles, and several of most.
const COUNTS: [usize; 7] = [17, 33, 64, 65, 128, 129, 257];

/// Keys of one score: the first one, and the one after the last.
type Span = [usize; 2];

/// The spans of so many keys, at most as many as there are values to name them.
fn spans(keys: usize, most: usize) -> Vec<Span> {
    let inner: Vec<usize> = ENDS.into_iter().filter(|&end| end < keys).collect();
    let inner = &inner[inner.len().saturating_sub(most.saturating_sub(1))..];
    let starts = [0].into_iter().chain(inner.iter().copied());
    starts.zip(inner.iter().copied().chain([keys])).map(|(from, to)| [from, to]).collect()
}

/// Keys at the place of the query, whose scores rise from span to span, or fall: the sum of the weights
/// of every span, for each head, beside what it should be.
fn sums(
    weights: &mut Weights,
    spans: &[Span],
    sign: f64,
) -> Result<(Vec<Vec<f64>>, Vec<f64>), String> {
    let dim = weights.dim;
    let keys = spans.last().map_or(0, |span| span[1]);
    let along = |place: usize, x: f64| {
        let mut vector = vec![0.0; dim];
        vector[place] = x;
        vector
    };
    let own = |key: usize| spans.iter().position(|span| key < span[1]).unwrap_or(0);
    let size = libm::exp2(libm::round(-libm::log2(weights.factor().abs().max(1e-6))));
    let step = |span: usize| sign * span as f64 / 2.0;
    let q = |_: usize, _: usize| along(0, size);
    let k = |_: usize, key: usize| along(0, step(own(key)));
    let v = |_: usize, key: usize| along(own(key), 1.0);
    let places = vec![0; keys];
    let rows = Rows { v: Some(&v), ..Rows::new(&places[..1], &places, &q, &k) };
    let out = weights.ask(rows)?;
    let score = |span: usize| {
        let s = weights.factor() * size * step(span);
        weights.attention.softcap.map_or(s, |cap| cap * libm::tanh(s / cap))
    };
    let share = |(n, span): (usize, &Span)| (span[1] - span[0]) as f64 * libm::exp(score(n));
    let right: Vec<f64> = spans.iter().enumerate().map(share).collect();
    let total: f64 = right.iter().sum();
    let right = right.iter().map(|share| share / total).collect();
    Ok((out.into_iter().map(|head| head[0][..spans.len()].to_vec()).collect(), right))
}

/// What is wrong with the sums of spans, in words.
fn told(found: &[f64], right: &[f64], spans: &[Span], slack: f64) -> Option<String> {
    let near = |a: f64, b: f64| (a - b).abs() <= slack * b;
    let name = |n: usize| match spans[n] {
        [from, to] if from + 1 == to => format!("key {from}"),
        [from, to] => format!("keys {from} to {}", to - 1),
    };
    if found.iter().any(|x| !x.is_finite()) {
        return Some("NaN or infinity".into());
    }
    if let Some(lost) = found.iter().position(|&x| x == 0.0) {
        return Some(format!("{} {} no weight", name(lost), has(spans[lost])));
    }
    let total: f64 = found.iter().sum();
    if !near(total, 1.0) {
        return Some(format!("the weights add up to {}", said(total)));
    }
    // The one that is furthest off.
    let off = |n: usize| libm::log(found[n] / right[n]).abs();
    let wrong = (0..found.len()).max_by(|&a, &b| off(a).total_cmp(&off(b)))?;
    if near(found[wrong], right[wrong]) {
        return None;
    }
    let by = found[wrong] / right[wrong];
    let verb = if spans[wrong][1] - spans[wrong][0] == 1 { "weighs" } else { "weigh" };
    Some(format!("{} {verb} {} times as much as asked", name(wrong), said(by)))
}

fn has([from, to]: Span) -> &'static str {
    if to - from == 1 { "has" } else { "have" }
}

/// Rows of more and more keys, with the largest scores at their ends or at their beginnings.
pub(super) fn read(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let slack = weights.slack();
    let mut wrong = None;
    for keys in COUNTS {
        let spans = spans(keys, weights.dim);
        for (sign, order) in [(1.0, "rising"), (-1.0, "falling")] {
            let (found, right) = sums(weights, &spans, sign)?;
            let bad = found.iter().find_map(|head| told(head, &right, &spans, slack));
            let bad = bad.map(|words| format!("of {keys} keys with {order} scores, {words}"));
            wrong = wrong.or(bad);
        }
    }
    let declared = "every key has the weight of its score".to_string();
    Ok(vec![Reading {
        what: "many keys".into(),
        differs: wrong.is_some(),
        computed: wrong.unwrap_or_else(|| declared.clone()),
        declared,
    }])
}
