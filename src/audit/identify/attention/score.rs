//! The scale and the soft cap: keys along one coordinate.

use super::asked::{Rows, Weights};
use super::reading::{Reading, said};

/// One query along the first coordinate and keys from −1 to 1 times that, all at one place: the scores
/// of the first head, less their middle, beside what multiplies the factor.
fn line(weights: &mut Weights, size: f64) -> Result<Vec<(f64, f64)>, String> {
    let (dim, keys) = (weights.dim, weights.keys());
    let along = |x: f64| {
        let mut vector = vec![0.0; dim];
        vector[0] = x;
        vector
    };
    // Quarters and eighths, which every format holds.
    let size = libm::exp2(libm::round(libm::log2(size)));
    let step = |key: usize| (key as f64 - (keys / 2) as f64) / (keys / 2).max(1) as f64;
    let step = move |key: usize| libm::round(8.0 * step(key)) / 8.0;
    let places = vec![0; keys];
    let q = |_: usize, _: usize| along(size);
    let k = |_: usize, key: usize| along(step(key));
    let rows = Rows::new(&places[..1], &places, &q, &k);
    let out = weights.ask(rows)?;
    let middle = out[0][0][keys / 2];
    let one = |key: usize| {
        let weight = out[0][0][key];
        (weight > 0.0 && middle > 0.0).then(|| (size * step(key), libm::log(weight / middle)))
    };
    let list: Vec<(f64, f64)> = (0..keys).filter(|&key| key != keys / 2).filter_map(one).collect();
    match list.len() {
        0 | 1 => Err("one key has all the weight".into()),
        _ => Ok(list),
    }
}

fn slope(list: &[(f64, f64)]) -> f64 {
    let sum: f64 = list.iter().map(|(x, s)| x * s).sum();
    sum / list.iter().map(|(x, _)| x * x).sum::<f64>()
}

/// What a wrong factor is, if that is known.
fn known(found: f64, declared: f64, dim: usize, slack: f64) -> &'static str {
    let d = dim as f64;
    let near = |x: f64| (found - x).abs() <= slack * x;
    let even = libm::ceil(d / 64.0) * 64.0;
    let power = libm::exp2(libm::ceil(libm::log2(d)));
    let list = [
        (1.0, " = 1"),
        (1.0 / d, " = 1/D"),
        (1.0 / libm::sqrt(d), " = 1/√D"),
        (declared * declared, " = the scale twice"),
        (
            declared * core::f64::consts::LOG2_E,
            " = the declared times log₂ e: powers of e of a score meant for powers of 2",
        ),
        (
            declared * core::f64::consts::LN_2,
            " = the declared times ln 2: powers of 2 of a score meant for powers of e",
        ),
        (1.0 / libm::sqrt(even), " = 1/√ of D padded to 64"),
        (1.0 / libm::sqrt(power), " = 1/√ of D padded to a power of two"),
        (libm::sqrt(declared), " = √ of the declared"),
    ];
    list.into_iter().find(|(x, _)| near(*x)).map_or("", |(_, words)| words)
}

pub(super) fn scale(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let factor = weights.factor();
    let cap = weights.attention.softcap;
    let slack = weights.slack();
    // Small scores, where a cap does not bend; then as large as weights last.
    let small = line(weights, cap.unwrap_or(2.0).min(2.0) / 2.0 / factor)?;
    let bend = |s: f64| cap.map_or(s, |cap| cap * libm::tanh(s / cap));
    let expected: Vec<(f64, f64)> = small.iter().map(|(x, _)| (*x, bend(factor * x))).collect();
    let share = slope(&small) / slope(&expected);
    let found = factor * share;
    let rounding = 4.0 * slack;
    let mut readings = vec![Reading {
        what: "scale".into(),
        declared: said(factor),
        computed: match (share - 1.0).abs() > rounding {
            true => format!("{}{}", said(found), known(found, factor, weights.dim, rounding)),
            false => said(factor),
        },
        differs: (share - 1.0).abs() > rounding,
    }];
    let most = if weights.probe.format().exponent_bits < 8 { 6.0 } else { 20.0 };
    let large = line(weights, cap.map_or(most, |cap| (2.0 * cap).min(most)) / found.abs())?;
    let (x, s) = large
        .iter()
        .fold((0.0, 0.0), |best, one| if one.0.abs() > f64::abs(best.0) { *one } else { best });
    let straight = found * x;
    let bent = 1.0 - s / straight;
    // c tanh(s/c) is within s³/(3c²) of s: a cap that bends less than the format is none.
    let computed = match bent > rounding {
        false => None,
        true => {
            let (mut low, mut high) = (s.abs(), 1e6);
            for _ in 0..200 {
                let c = libm::sqrt(low * high);
                if c * libm::tanh(straight.abs() / c) < s.abs() { low = c } else { high = c }
            }
            Some(low)
        }
    };
    let declared_shows = bend(straight).abs() < straight.abs() * (1.0 - rounding);
    let words = |cap: Option<f64>| cap.map_or("none".to_string(), said);
    let differs = match (cap, computed) {
        (Some(cap), Some(found)) => (found / cap - 1.0).abs() > 8.0 * rounding / bent.max(rounding),
        (None, None) => false,
        (Some(_), None) => declared_shows,
        (None, Some(_)) => true,
    };
    readings.push(Reading {
        what: "softcap".into(),
        declared: words(cap),
        computed: if differs { words(computed) } else { words(cap) },
        differs,
    });
    Ok(readings)
}
