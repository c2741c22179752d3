//! A rope inside: the scores of basis vectors are the entries of a rotation.

use super::asked::{Rows, Weights};
use super::reading::{Reading, said};
use crate::encoding::Double;

/// How far apart queries and keys stand, as far as the window lets them.
const DISTANCES: [i64; 3] = [1, 16, 1024];

/// ⟨R e_a, e_b⟩ times the factor for the coordinates of a plane, by the four scores.
struct Seen {
    cos: f64,
    sin: f64,
}

/// The score of every key of one question, less that of a key of zeros.
fn plane(
    weights: &mut Weights,
    [re, im]: [usize; 2],
    distance: i64,
    size: f64,
) -> Result<Seen, String> {
    let dim = weights.dim;
    let along = |place: usize| {
        let mut vector = vec![0.0; dim];
        vector[place] = size;
        vector
    };
    let q = |_: usize, _: usize| along(re);
    // The key of zeros, then both coordinates.
    let k = |_: usize, key: usize| match key {
        0 => vec![0.0; dim],
        1 => along(re),
        _ => along(im),
    };
    let places = [0i64; 3];
    let out = weights.ask(Rows::new(&[distance], &places, &q, &k))?;
    let row = &out[0][0];
    let score = |key: usize| libm::log(row[key] / row[0]);
    Ok(Seen { cos: score(1), sin: score(2) })
}

pub(super) fn planes(weights: &mut Weights) -> Result<Vec<Reading>, String> {
    let Some(rope) = weights.attention.rope.clone() else { return Ok(vec![]) };
    if weights.dim < 3 {
        return Err("three one-hot values need a head of three".into());
    }
    if rope.planes.iter().any(|plane| !plane.growth.class().is_one()) {
        return Err("what grows with the distance is audited, not identified".into());
    }
    let cap = weights.attention.softcap.unwrap_or(f64::INFINITY);
    let span = 4.0f64.min(cap);
    let size = libm::exp2(libm::floor(libm::log2(span / weights.factor()) / 2.0));
    let most = weights.attention.window[0].unwrap_or(i64::MAX);
    let slack = weights.slack();
    let (mut wrong, mut asked) = (vec![], 0);
    let first: Vec<_> =
        rope.planes.iter().enumerate().filter(|(_, plane)| plane.axis == 0).collect();
    // All planes of small heads, every so many of large ones.
    let every = first.len().div_ceil(16).max(1);
    for (index, plane_of) in first.iter().step_by(every) {
        let theta = plane_of.frequency.evaluate(&Double).ok_or("a frequency is not known")?;
        for distance in DISTANCES.into_iter().filter(|d| *d <= most) {
            let seen = plane(weights, [plane_of.pair.re, plane_of.pair.im], distance, size)?;
            asked += 1;
            let whole = weights.factor() * size * size;
            let bend = |s: f64| if cap.is_finite() { cap * libm::tanh(s / cap) } else { s };
            // ⟨R_p e_re, e_re⟩ = cos pθ, ⟨R_p e_re, e_im⟩ = sin pθ.
            let angle = distance as f64 * theta;
            let right = [bend(whole * libm::cos(angle)), bend(whole * libm::sin(angle))];
            let off = (seen.cos - right[0]).abs().max((seen.sin - right[1]).abs());
            if off > 4.0 * slack * (1.0 + whole) {
                let unbend = |s: f64| if cap.is_finite() { cap * libm::atanh(s / cap) } else { s };
                let (c, s) = (unbend(seen.cos) / whole, unbend(seen.sin) / whole);
                wrong.push((*index, distance, angle, libm::atan2(s, c), libm::hypot(c, s)));
                break;
            }
        }
    }
    let turned =
        |angle: f64| angle - core::f64::consts::TAU * libm::round(angle / core::f64::consts::TAU);
    let tell = |(index, distance, right, angle, size): &(usize, i64, f64, f64, f64)| {
        let right = turned(*right);
        let what = match () {
            () if (size - 1.0).abs() > 0.05 => {
                format!("no rotation of the pair (|z| times {})", said(*size))
            }
            () if angle.abs() < 0.01 * right.abs() => "not turned".to_string(),
            () if (angle + right).abs() < 0.02 * right.abs() => "turned the other way".to_string(),
            () => format!("turned by {} instead of {}", said(*angle), said(right)),
        };
        format!("plane {index} at distance {distance}: {what}")
    };
    let computed = match wrong[..] {
        [] => "as declared".to_string(),
        _ => wrong.iter().take(3).map(tell).collect::<Vec<_>>().join("; "),
    };
    let name = rope_name(weights);
    Ok(vec![Reading {
        what: "rope".into(),
        declared: format!("{name}, {asked} rotations of planes"),
        computed: match wrong.len() {
            0..=3 => computed,
            n => format!("{computed}; and {} more planes", n - 3),
        },
        differs: !wrong.is_empty(),
    }])
}

fn rope_name(weights: &Weights) -> String {
    match weights.attention.config.get("rope") {
        Some(crate::request::Json::Object(rope)) => match rope.get("rope_type") {
            Some(crate::request::Json::String(name)) => name.clone(),
            _ => "default".into(),
        },
        _ => "default".into(),
    }
}
