//! By which position a row was really turned, read off its planes.

use crate::encoding::{Double, Rope};
use crate::number::Format;

/// Most of the energy has to agree: 1 − cos of the angle that is left, weighted by |z|².
const LEFT: f64 = 1e-3;

/// The integer position that explains a row best, if one does: every plane says where it is within
/// its own turn, the slowest first, and each one that is faster says it more finely.
pub(super) fn unwound(
    rope: &Rope,
    formats: [Format; 2],
    input: &[u64],
    got: &[u64],
) -> Option<i64> {
    let number = |format: Format, bits: &[u64], i: usize| {
        let x = format.to_f64(bits[i]);
        x.is_finite().then_some(x)
    };
    let mut turns = Vec::new();
    for plane in &rope.planes {
        let theta = plane.frequency.evaluate(&Double)?;
        let [x, y] = [plane.pair.re, plane.pair.im].map(|i| number(formats[0], input, i));
        let [u, v] = [plane.pair.re, plane.pair.im].map(|i| number(formats[1], got, i));
        let (x, y, u, v) = (x?, y?, u?, v?);
        let (cos, sin) = (u * x + v * y, v * x - u * y);
        if theta != 0.0 && (cos != 0.0 || sin != 0.0) {
            turns.push((theta, libm::atan2(sin, cos), x * x + y * y));
        }
    }
    turns.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let mut position = 0.0;
    for &(theta, angle, _) in &turns {
        position += wrapped(angle - position * theta) / theta;
    }
    let position = libm::round(position);
    let energy: f64 = turns.iter().map(|turn| turn.2).sum();
    let left: f64 = turns
        .iter()
        .map(|&(theta, angle, size)| size * (1.0 - libm::cos(angle - position * theta)))
        .sum();
    let fits = energy > 0.0 && left <= LEFT * energy && position.abs() < (1u64 << 53) as f64;
    fits.then_some(position as i64)
}

/// An angle within ±π.
fn wrapped(angle: f64) -> f64 {
    let turn = 2.0 * std::f64::consts::PI;
    angle - turn * libm::round(angle / turn)
}
