//! Slopes, buckets and sinks: weights of zero queries.

use super::asked::{Rows, Weights, entry, zeros};
use super::reading::{Reading, list, said};
use crate::encoding::{Buckets, Double, Form};
use crate::request::Position;

/// The score of key j less that of the query's own, by head and distance j − i, one token at a time.
fn scores(weights: &mut Weights) -> Result<Vec<Vec<(i64, f64)>>, String> {
    let keys = weights.keys();
    let places: Vec<i64> = (0..keys as i64).collect();
    let none = zeros(weights.dim);
    let rows = Rows::new(&places, &places, &none, &none);
    let out = weights.ask(rows)?;
    let head = |rows: &Vec<Vec<f64>>| {
        let mut list = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            for j in (0..keys).filter(|&j| j != i && row[j] > 0.0 && row[i] > 0.0) {
                list.push((j as i64 - i as i64, libm::log(row[j] / row[i])));
            }
        }
        list
    };
    Ok(out.iter().map(head).collect())
}

pub(super) fn of_distances(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let scores = scores(weights)?;
    if let Some((buckets, _)) = weights.attention.t5.clone() {
        return Ok(vec![by_bucket(weights, &buckets, &scores)]);
    }
    let past = slopes(weights, &scores, true)?;
    // Keys after the query have the slope of those before it, or the other one where what counts is
    // the distance alone.
    let mut readings = vec![past];
    if scores.iter().all(|list| list.iter().any(|(d, _)| *d > 0)) {
        readings.push(slopes(weights, &scores, false)?);
    }
    Ok(readings)
}

/// The slopes of keys before the query, or of those after it.
fn slopes(weights: &Weights, scores: &[Vec<(i64, f64)>], past: bool) -> Result<Reading, String> {
    let slack = weights.slack();
    let slope = |list: &Vec<(i64, f64)>| {
        let side: Vec<&(i64, f64)> = list.iter().filter(|(d, _)| (*d < 0) == past).collect();
        let squares: f64 = side.iter().map(|(d, _)| (d * d) as f64).sum();
        let sum: f64 = side.iter().map(|(d, s)| *d as f64 * s).sum();
        let slope = sum / squares;
        let bent =
            side.iter().any(|(d, s)| (*d as f64 * slope - s).abs() > 2.0 * slack + slack * s.abs());
        (!side.is_empty()).then_some((slope, bent))
    };
    let Some(found) = scores.iter().map(slope).collect::<Option<Vec<_>>>() else {
        return Err("no query sees a key before its own".into());
    };
    let bent = found.iter().any(|(_, bent)| *bent);
    let found: Vec<f64> = found.iter().map(|(slope, _)| *slope).collect();
    let alibi = weights.attention.alibi.as_ref();
    let symmetric = alibi.is_some_and(|alibi| alibi.form == Some(Form::Symmetric));
    let sign = if symmetric && !past { -1.0 } else { 1.0 };
    let declared: Vec<f64> = (0..weights.heads)
        .map(|head| {
            let slope = alibi.and_then(|alibi| alibi.slope(head).evaluate(&Double)).unwrap_or(0.0);
            let divisor = alibi.and_then(|alibi| alibi.head_dim).unwrap_or(1);
            sign * slope / libm::sqrt(divisor as f64)
        })
        .collect();
    let near = |a: f64, b: f64| (a - b).abs() <= slack * (1.0 + b.abs());
    let differs = bent || found.iter().zip(&declared).any(|(a, b)| !near(*a, *b));
    let none = declared.iter().all(|slope| *slope == 0.0);
    let words = |numbers: &[f64]| match numbers.iter().all(|x| near(*x, 0.0)) && none {
        true => "none".to_string(),
        false => list(numbers),
    };
    let relation = match differs {
        false => "",
        true if bent => ", not a multiple of the distance",
        true => related(&found, &declared, &near),
    };
    let what = if none { "bias" } else { "alibi slopes" };
    Ok(Reading {
        what: if past { what.into() } else { format!("{what}, keys after the query") },
        declared: words(&declared),
        computed: match differs {
            true => format!("{}{relation}", list(&found)),
            false => words(&declared),
        },
        differs,
    })
}

/// How wrong slopes come of the declared ones.
fn related(found: &[f64], declared: &[f64], near: &impl Fn(f64, f64) -> bool) -> &'static str {
    let all = |of: &dyn Fn(usize) -> f64| found.iter().enumerate().all(|(h, x)| near(*x, of(h)));
    let heads = declared.len() as f64;
    let series = |count: f64| move |h: usize| libm::exp2(-8.0 * (h as f64 + 1.0) / count);
    if all(&|_| 0.0) {
        ": no bias at all"
    } else if all(&|h| -declared[h]) {
        ": the sign is flipped"
    } else if all(&|h| declared[declared.len() - 1 - h]) {
        ": heads in reverse"
    } else if all(&|_| declared[0]) {
        ": the first head's for all"
    } else if all(&series(heads)) {
        ": one geometric series, as the paper's text has it"
    } else if all(&series(2.0 * heads)) {
        ": slopes of twice as many heads"
    } else if all(&series(heads / 2.0)) {
        ": slopes of half as many heads"
    } else {
        let ratio = found[0] / declared[0];
        if declared.iter().zip(found).all(|(d, f)| near(*f, d * ratio)) && ratio.is_finite() {
            ": all by one factor"
        } else {
            ""
        }
    }
}

/// The buckets of distances: those whose entries explain every difference within a row.
fn by_bucket(weights: &Weights, buckets: &Buckets, scores: &[Vec<(i64, f64)>]) -> Reading {
    let count = buckets.num_buckets;
    let table = |bucket: usize| entry(bucket, count);
    let nearest = |x: f64| {
        let mut best = (0, f64::INFINITY);
        for bucket in 0..count {
            let off = (table(bucket) - x).abs();
            if off < best.1 {
                best = (bucket, off);
            }
        }
        best
    };
    // The first head's; the own bucket is that with which the others fit best.
    let own = |list: &[(i64, f64)]| {
        let off = |own: usize| list.iter().map(|(_, s)| nearest(s + table(own)).1).sum::<f64>();
        (0..count).min_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap_or(0)
    };
    let right = |d: i64| buckets.bucket(Position::integer(0), Position::integer(d));
    let Some(list) = scores.first().filter(|list| !list.is_empty()) else {
        return Reading {
            what: "t5 buckets".into(),
            declared: "a table".into(),
            computed: "one key alone is seen".into(),
            differs: false,
        };
    };
    let zero = own(list);
    let mut wrong: Vec<(i64, usize)> = vec![];
    if zero != right(0) {
        wrong.push((0, zero));
    }
    for (d, s) in list {
        let (bucket, _) = nearest(s + table(zero));
        if bucket != right(*d)
            && (table(right(*d)) - table(right(0)) - s).abs()
                > 2.0 * weights.slack() * (1.0 + s.abs())
        {
            wrong.push((*d, bucket));
        }
    }
    wrong.sort_unstable();
    wrong.dedup();
    let flat = list.iter().all(|(_, s)| s.abs() <= 2.0 * weights.slack());
    let words = |(d, bucket): &(i64, usize)| format!("distance {d}: {bucket}");
    let shown =
        |list: &[(i64, usize)]| list.iter().take(6).map(words).collect::<Vec<_>>().join(", ");
    let declared: Vec<(i64, usize)> = wrong.iter().map(|(d, _)| (*d, right(*d))).collect();
    Reading {
        what: "t5 buckets".into(),
        declared: if wrong.is_empty() { "as the formula".into() } else { shown(&declared) },
        computed: match wrong.is_empty() {
            true => "as the formula".into(),
            false if flat => "no bias at all".into(),
            false => shown(&wrong),
        },
        differs: !wrong.is_empty(),
    }
}

/// A sink takes what the weights leave of 1.
pub(super) fn sinks(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let heads = weights.heads;
    let given: Vec<f64> = (0..heads).map(|head| 0.5 - 0.25 * (head % 4) as f64).collect();
    let none = zeros(weights.dim);
    // One key at the query's own place: the weight is 1/(1 + e^(sink − bias)).
    let at = [0, 0];
    let rows = Rows { sinks: Some(&given), ..Rows::new(&at[..1], &at, &none, &none) };
    let out = weights.ask(rows)?;
    let own = weights.attention.t5.as_ref().map_or(0.0, |(buckets, _)| {
        entry(buckets.bucket(Position::integer(0), Position::integer(0)), buckets.num_buckets)
    });
    let logit = |head: usize| {
        let sum: f64 = out[head][0].iter().sum();
        libm::log(2.0) + own + libm::log((1.0 - sum) / sum)
    };
    let found: Vec<f64> = (0..heads).map(logit).collect();
    let slack = 2.0 * weights.slack();
    let differs = !found.iter().zip(&given).all(|(a, b)| (a - b).abs() <= slack * 4.0);
    let gone = out.iter().all(|head| (head[0].iter().sum::<f64>() - 1.0).abs() <= slack);
    Ok(vec![Reading {
        what: "sinks".into(),
        declared: list(&given),
        computed: match (gone, differs) {
            (true, _) => "none: the weights sum to 1".into(),
            (_, true) if found.iter().all(|x| (x - found[0]).abs() <= slack) => {
                format!("{} for every head", said(found[0]))
            }
            _ => list(&found),
        },
        differs,
    }])
}
