//! The logarithm of the sum of exponentials, of keys that all have one score.

use super::asked::{Rows, Weights};
use super::reading::{Reading, said};
use std::f64::consts::LOG2_E;

/// How many keys there are: neither they nor their logarithm is another number that may come.
const KEYS: usize = 5;

/// The logarithms of every head, of keys at the place of the query with this score or near it, and that score.
fn asked(
    weights: &mut Weights,
    score: f64,
    sink: Option<f64>,
) -> Result<(Vec<Vec<f64>>, f64), String> {
    let dim = weights.dim;
    let factor = weights.factor();
    let size = libm::exp2(libm::round(-libm::log2(factor.abs().max(1e-6))));
    let along = |x: f64| {
        let mut vector = vec![0.0; dim];
        vector[0] = x;
        vector
    };
    let (q, k) = (|_: usize, _: usize| along(size), |_: usize, _: usize| along(score));
    let sinks: Vec<f64> = sink.into_iter().cycle().take(weights.heads).collect();
    let places = [0; KEYS];
    let one = |_: usize, _: usize| along(1.0);
    let rows = Rows {
        v: Some(&one),
        sinks: sink.map(|_| &sinks[..]),
        ..Rows::new(&places[..1], &places, &q, &k)
    };
    let found = weights.logarithms(rows)?;
    let s = factor * size * score;
    Ok((found, weights.attention.softcap.map_or(s, |cap| cap * libm::tanh(s / cap))))
}

pub(super) fn logarithms(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let count = libm::log(KEYS as f64);
    let (found, score) = asked(weights, 3.0, None)?;
    let known = [
        ((score + count) * LOG2_E, ": to base 2"),
        (score * LOG2_E + count, ": the maximum times log₂ e"),
        (count, ": the maximum is not added"),
        (score, ": the maximum alone"),
        (libm::exp(score + count), ": the sum itself, not its logarithm"),
        (-score - count, ": with the wrong sign"),
    ];
    let slack = weights.slack();
    let reading = |what: &str, found: &[Vec<f64>], right: f64, known: &[(f64, &str)]| {
        let near =
            |x: f64| found.iter().flatten().all(|own| (own - x).abs() <= slack * (1.0 + x.abs()));
        let differs = !near(right);
        let name = known.iter().find(|(x, _)| differs && near(*x)).map_or("", |(_, name)| name);
        let other = found
            .iter()
            .flatten()
            .find(|own| (**own - right).abs() > slack * (1.0 + right.abs()) || own.is_nan());
        Reading {
            what: what.into(),
            declared: said(right),
            computed: match other {
                Some(own) => format!("{}{name}", said(*own)),
                None => said(right),
            },
            differs,
        }
    };
    let mut readings = vec![reading("lse", &found, score + count, &known)];
    // A sink with about as much weight as all keys together.
    let sink = score + 1.5;
    if let Ok((found, score)) = asked(weights, 3.0, Some(sink)) {
        let right = score + libm::log(KEYS as f64 + libm::exp(sink - score));
        let known = [(score + count, ": without the sink"), (right * LOG2_E, ": to base 2")];
        readings.push(reading("lse, with a sink", &found, right, &known));
    }
    Ok(readings)
}
