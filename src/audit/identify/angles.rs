//! Radians per position of every plane, unwrapped over positions that double.

use std::f64::consts::{PI, TAU};

/// What the angles of a plane say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::audit) struct Turning {
    /// Radians per position.
    pub(in crate::audit) theta: f64,
    /// How far off that may be, radians per position.
    pub(in crate::audit) error: f64,
    /// The first position at which the angle is not proportional to the position any more.
    pub(in crate::audit) bends_at: Option<i64>,
}

/// The angle between −π and π.
fn wrapped(angle: f64) -> f64 {
    angle - TAU * libm::rint(angle / TAU)
}

/// The positions to ask: small ones, powers of two, and their neighbours, which fewer formats have.
pub(super) fn ladder(furthest: i64) -> Vec<i64> {
    let mut list: Vec<i64> = (1..=4).collect();
    let mut p = 8;
    while p <= furthest {
        list.extend([p, p + 1]);
        p *= 2;
    }
    list.push(furthest);
    list.retain(|&p| p <= furthest);
    list.sort_unstable();
    list.dedup();
    list
}

/// Fits one plane. `angles` are (position, angle) with positions increasing from 1; `epsilon` is
/// the spacing of the format at 1, `angle_epsilon` that of the angles inside of the kernel.
pub(super) fn unwrap(angles: &[(i64, f64)], epsilon: f64, angle_epsilon: f64) -> Turning {
    let Some(&(first, start)) = angles.first() else {
        return Turning { theta: 0.0, error: f64::INFINITY, bends_at: None };
    };
    // Of an angle that is measured: its sine and cosine are rounded.
    let measured = |angle: f64| 2.0 * epsilon * wrapped(angle).abs().min(1.0) + f64::MIN_POSITIVE;
    let mut theta = start / first as f64;
    let mut error = measured(start) / first as f64;
    let mut bends_at = None;
    for &(p, angle) in &angles[1..] {
        let predicted = theta * p as f64;
        let off = wrapped(angle - predicted);
        // Inside of the kernel the angle is rounded, and so is the frequency.
        let inside = 8.0 * angle_epsilon * predicted.abs();
        let allowed = measured(angle) + error * p as f64 + inside;
        if allowed > PI / 4.0 {
            break;
        }
        if off.abs() > allowed {
            bends_at = Some(p);
            break;
        }
        let own = (measured(angle) + inside) / p as f64;
        if own < error {
            theta = (predicted + off) / p as f64;
            error = own;
        }
    }
    Turning { theta, error: error.max(2.0 * angle_epsilon * theta.abs()), bends_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_angle_is_followed_round_and_round() {
        let theta = 2.7;
        let list: Vec<(i64, f64)> =
            ladder(1 << 16).into_iter().map(|p| (p, wrapped(theta * p as f64))).collect();
        let found = unwrap(&list, 1e-7, 1e-12);
        assert!((found.theta - theta).abs() < 1e-10, "{found:?}");
        assert_eq!(found.bends_at, None);
    }

    #[test]
    fn positions_of_eight_bits_bend_at_257() {
        let round = |p: i64| if p > 256 { (p as f64 / 2.0 + 0.1).round() * 2.0 } else { p as f64 };
        let list: Vec<(i64, f64)> =
            ladder(4096).into_iter().map(|p| (p, wrapped(round(p)))).collect();
        assert_eq!(unwrap(&list, 1e-7, 1e-7).bends_at, Some(257));
    }
}
