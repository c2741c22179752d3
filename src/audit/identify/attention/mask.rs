//! Which keys are left: weights of zero queries that are not 0.

use super::asked::{Rows, Weights, zeros};
use super::reading::Reading;

/// For every query the keys that are left.
type Left = Vec<Vec<bool>>;

/// Asks with zero queries and keys: what any head sees is left. Keys that a bias takes below the
/// smallest number of the format are not told from masked ones, and a bias differs from head to head.
fn left(weights: &mut Weights, queries: &[i64], keys: &[i64]) -> Result<Left, String> {
    let none = zeros(weights.dim);
    let out = weights.ask(Rows::new(queries, keys, &none, &none))?;
    let seen = |query: usize, key: usize| out.iter().any(|head| head[query][key] != 0.0);
    Ok((0..queries.len()).map(|i| (0..keys.len()).map(|j| seen(i, j)).collect()).collect())
}

/// How many places after its own a query sees, where something stops it before the last key; `own`
/// is the place of a query among the keys.
fn reach(left: &Left, own: impl Fn(usize) -> i64, keys: usize) -> Option<i64> {
    let mut found = None;
    for (query, row) in left.iter().enumerate() {
        let last = row.iter().rposition(|&seen| seen).map_or(-1, |last| last as i64);
        if last == keys as i64 - 1 {
            continue;
        }
        let after = last - own(query);
        match found {
            None => found = Some(after),
            Some(other) if other == after => {}
            Some(_) => return None,
        }
    }
    found
}

/// Queries in the second half of the keys: by positions, or by places from the first or the last.
pub(super) fn by_position(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let keys = weights.keys();
    let places: Vec<i64> = (0..keys as i64).collect();
    let square = left(weights, &places, &places)?;
    let declared: Left =
        (0..keys).map(|i| (0..keys).map(|j| sees(weights, i as i64, j as i64)).collect()).collect();
    let after = |n: i64| match n {
        0 => "keys after the query are masked".to_string(),
        1 => "the key after the query is seen, those beyond are masked".to_string(),
        n if n < 0 => format!("the last {} up to the query are masked with those after", -n),
        n => format!("{n} keys after the query are seen, those beyond are masked"),
    };
    let all = || "every key is seen".to_string();
    let says = match (weights.attention.causal, weights.attention.window[1]) {
        (true, _) => after(0),
        (false, Some(n)) => after(n),
        (false, None) => all(),
    };
    let computed = match reach(&square, |query| query as i64, keys) {
        _ if square == declared => says.clone(),
        _ if square.iter().flatten().all(|&seen| seen) => all(),
        Some(n) => after(n),
        None => first_different(&square, &declared),
    };
    // What is left of the query is the window's.
    let differs = square != declared && computed != says;
    let mut readings = vec![Reading { what: "causal".into(), declared: says, computed, differs }];
    // Fewer queries than keys: is the mask's corner where the positions say it is?
    if keys >= 4 && weights.attention.causal {
        let queries: Vec<i64> = (keys as i64 / 2..keys as i64 - 1).collect();
        if let Ok(short) = left(weights, &queries, &places) {
            let from = |offset: i64| reach(&short, move |query| query as i64 + offset, keys);
            let by_position = from(keys as i64 / 2) == Some(0);
            let words =
                match (by_position, from(0) == Some(0), from(keys as i64 / 2 + 1) == Some(0)) {
                    (true, ..) => "by positions",
                    (_, true, _) => "by the query's place from the first: top left",
                    (_, _, true) => "by the query's place from the last: bottom right",
                    _ => "otherwise",
                };
            readings.push(Reading {
                what: "causal, fewer queries than keys".into(),
                declared: "by positions".into(),
                computed: words.into(),
                differs: !by_position,
            });
        }
    }
    Ok(readings)
}

/// Whether a key is left by the declared mask.
fn sees(weights: &Weights, query: i64, key: i64) -> bool {
    let [left, right] = weights.attention.window;
    (!weights.attention.causal || key <= query)
        && left.is_none_or(|n| query - key <= n)
        && right.is_none_or(|n| key - query <= n)
}

fn first_different(computed: &Left, declared: &Left) -> String {
    let at = computed.iter().zip(declared).enumerate().find_map(|(query, (own, right))| {
        let key = own.iter().zip(right).position(|(own, right)| own != right)?;
        Some((query, key, own[key]))
    });
    match at {
        Some((query, key, true)) => format!("query {query} sees key {key}"),
        Some((query, key, false)) => format!("query {query} does not see key {key}"),
        None => "as declared".into(),
    }
}

/// Queries whose windows end among the keys.
pub(super) fn far(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let keys = weights.keys() as i64;
    let [width, _] = weights.attention.window;
    let Some(width) = width else { return beyond(weights) };
    let places: Vec<i64> = (0..keys).collect();
    let queries: Vec<i64> =
        (0..keys).map(|t| width + t - keys / 2).filter(|&p| p >= keys - 1).collect();
    let queries = if queries.is_empty() { vec![width + keys / 2] } else { queries };
    let seen = left(weights, &queries, &places)?;
    let mut widths: Vec<i64> = Vec::new();
    for (row, &at) in seen.iter().zip(&queries) {
        if let Some(first) = row.iter().position(|&seen| seen).filter(|&first| first > 0) {
            widths.push(at - first as i64);
        }
    }
    widths.sort_unstable();
    widths.dedup();
    let computed = match widths[..] {
        [] if seen.iter().zip(&queries).all(|(row, &at)| {
            row.iter().enumerate().all(|(key, &seen)| seen || key as i64 > at)
        }) =>
        {
            "no key before the query is masked".to_string()
        }
        [] => "no key is seen".to_string(),
        [one] => format!("{one} before the query"),
        _ => format!("{}–{} before the query", widths[0], widths[widths.len() - 1]),
    };
    let right = queries.iter().zip(&seen).all(|(&at, row)| {
        row.iter().enumerate().all(|(key, &seen)| seen == sees(weights, at, key as i64))
    });
    Ok(vec![Reading {
        what: "window".into(),
        declared: format!("{width} before the query"),
        computed,
        differs: !right,
    }])
}

/// Where no window is declared, a query far away sees every key.
fn beyond(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let keys = weights.keys();
    let places: Vec<i64> = (0..keys as i64).collect();
    let seen = left(weights, &[keys as i64 - 1 + 64], &places)?;
    let all = seen.iter().flatten().all(|&seen| seen);
    Ok(vec![Reading {
        what: "window".into(),
        declared: "none".into(),
        computed: match all {
            true => "none".into(),
            false => first_different(&seen, &vec![vec![true; keys]]),
        },
        differs: !all,
    }])
}

/// How many keys exist in each row of a batch, where that differs from row to row.
pub(super) fn lengths(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let keys = weights.keys();
    let most = keys as i64;
    if most < 3 {
        return Err("three one-hot values need a head of three".into());
    }
    // The first row has fewer than the second, and more than the third.
    let given = [most - 1, most, most - 2];
    let (none, places) = (zeros(weights.dim), vec![0; keys]);
    let rows = Rows::new(&places[..1], &places, &none, &none);
    let out = weights.ask(Rows { lengths: &given, ..rows })?;
    let heads = weights.heads;
    let count = |row: usize| {
        let seen = |key: &usize| out[row * heads..][..heads].iter().any(|h| h[0][*key] != 0.0);
        (0..keys).filter(seen).count() as i64
    };
    let found: Vec<i64> = (0..given.len()).map(count).collect();
    let words = |list: &[i64]| list.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let all = |of: &dyn Fn(i64) -> i64| found.iter().zip(&given).all(|(own, n)| *own == of(*n));
    let name = match () {
        _ if found == given => "",
        _ if all(&|_| given[0]) => ": the first row's for all",
        _ if all(&|_| most) => ": all that the buffer holds",
        _ if all(&|n| n - 1) => ": one too few",
        _ if all(&|n| (n + 1).min(most)) => ": one too many",
        _ => "",
    };
    Ok(vec![Reading {
        what: "key_lengths".into(),
        declared: words(&given),
        computed: format!("{}{name}", words(&found)),
        differs: found != given,
    }])
}
