//! The position that turns a row, from the angles of its planes: slow ones give the range, fast
//! ones the digits.

use std::f64::consts::{PI, TAU};

/// An angle that was measured: radians per position, the angle, and how far off it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) theta: f64,
    pub(super) angle: f64,
    pub(super) error: f64,
}

/// Ways to go on that are kept.
const BRANCHES: usize = 512;

/// Turns of the slowest plane that are tried: few, and where no position fits, as many as 2²⁶ positions
/// may take.
const TURNS: [i64; 2] = [16, 4096];

fn wrapped(angle: f64) -> f64 {
    angle - TAU * libm::rint(angle / TAU)
}

/// The integer at which all angles are as measured; none if there is none, or more than one.
///
/// Angles of f32 machines are off by more the further they turn; `drift` is that, per radian.
pub(super) fn decode(measured: &[Measured], drift: f64) -> Option<i128> {
    let mut planes: Vec<Measured> =
        measured.iter().copied().filter(|m| m.theta.abs() > 0.0 && m.theta.is_finite()).collect();
    planes.sort_by(|a, b| a.theta.abs().total_cmp(&b.theta.abs()));
    for turns in TURNS {
        match within(&planes, drift, turns)?[..] {
            [] => {}
            [one] => return Some(one),
            _ => return None,
        }
    }
    None
}

/// The integers that so many turns of the slowest plane reach, at which all angles are as measured; none
/// if they are too many to tell.
fn within(planes: &[Measured], drift: f64, turns: i64) -> Option<Vec<i128>> {
    let slowest = planes.first()?;
    let off = |m: &Measured, p: f64| m.error + drift * (m.theta * p).abs();
    let mut branches: Vec<(f64, f64)> = (-turns..=turns)
        .map(|k| (slowest.angle + TAU * k as f64) / slowest.theta)
        .map(|p| (p, off(slowest, p) / slowest.theta.abs()))
        .collect();
    for plane in &planes[1..] {
        let mut next = Vec::new();
        for &(p, error) in &branches {
            let slack = off(plane, p);
            if slack > PI / 2.0 {
                next.push((p, error));
                continue;
            }
            let own = slack / plane.theta.abs();
            let (first, last) = (p - error - own, p + error + own);
            // All p in [first, last] with the right angle.
            let base = plane.angle / plane.theta;
            let period = TAU / plane.theta.abs();
            let mut k = libm::ceil((first - base) / period);
            while base + k * period <= last {
                next.push((base + k * period, own.min(error + own)));
                k += 1.0;
                if next.len() > BRANCHES {
                    return None;
                }
            }
        }
        branches = next;
    }
    let holds = |p: i128| {
        planes.iter().all(|m| {
            let slack = off(m, p as f64);
            slack > PI / 2.0 || wrapped(m.theta * p as f64 - m.angle).abs() <= slack
        })
    };
    let mut found: Vec<i128> = Vec::new();
    for (p, error) in branches {
        if error > 8.0 || p.abs() > 2f64.powi(53) {
            return None;
        }
        let (first, last) = (libm::ceil(p - error - 1e-3), libm::floor(p + error + 1e-3));
        let mut n = first as i128;
        while n <= last as i128 {
            if holds(n) && !found.contains(&n) {
                found.push(n);
            }
            n += 1;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(p: i128, planes: usize, base: f64, error: f64) -> Vec<Measured> {
        let of = |i: usize| {
            let theta = base.powf(-(i as f64) / planes as f64);
            let angle = wrapped(theta * p as f64);
            Measured { theta, angle, error }
        };
        (0..planes).map(of).collect()
    }

    #[test]
    fn a_position_is_read_off_its_angles() {
        for p in [0, 1, -1, 255, 4097, -32768, 131071, 1 << 24] {
            for (planes, base) in [(64, 1e4), (64, 5e5), (16, 1e4), (32, 1e6)] {
                assert_eq!(decode(&measured(p, planes, base, 1e-6), 1e-9), Some(p), "{p} {planes}");
            }
        }
    }

    #[test]
    fn bf16_tells_positions_too() {
        for p in [3, 700, -9, 4096] {
            assert_eq!(decode(&measured(p, 64, 1e4, 0.01), 1e-7), Some(p));
        }
    }

    #[test]
    fn what_turns_by_no_position_has_none() {
        let mut list = measured(77, 32, 1e4, 1e-6);
        list[3].angle += 0.5;
        assert_eq!(decode(&list, 1e-9), None);
    }
}
