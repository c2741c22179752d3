//! The exact side of a sweep: frequencies in pieces, and errors by the interval reference.

use ropewalk::exact::{Interval, ResolvedRope, sin_cos};
use ropewalk::profile::{Computed, Known, Truth};
use rug::Float;
use rug::float::Constant;
use rug::float::Round::{Down, Up, Zero};

/// Bits of an enclosure: 2^32 positions, 53 bits of an answer, and room.
const PRECISION: u32 = 256;

struct Plane {
    known: Known,
    theta: Interval,
}

/// The frequencies and the magnitude of a rope, enclosed.
pub struct Enclosed {
    planes: Vec<Plane>,
    magnitude: Interval,
}

impl Enclosed {
    /// None if something cannot be enclosed.
    pub fn new(rope: &ResolvedRope) -> Option<Enclosed> {
        let magnitude = rope.magnitude.enclose(PRECISION)?;
        let plane = |theta: Interval| {
            let known = Known {
                pieces: pieces(theta.lo()),
                turn: turn(theta.lo())?,
                magnitude: magnitude.lo().to_f64(),
            };
            Some(Plane { known, theta })
        };
        let thetas = rope.planes.iter().map(|plane| plane.frequency.enclose(PRECISION));
        let planes = thetas.map(|theta| plane(theta?)).collect::<Option<_>>()?;
        Some(Enclosed { planes, magnitude })
    }

    /// The frequency of a plane, to f64.
    pub fn frequency(&self, plane: usize) -> f64 {
        self.planes[plane].theta.lo().to_f64()
    }
}

/// Two pieces of 21 bits and the rest.
fn pieces(theta: &Float) -> [f64; 3] {
    let first = Float::with_val_round(21, theta, Zero).0.to_f64();
    let rest = Float::with_val(PRECISION, theta - first);
    let second = Float::with_val_round(21, &rest, Zero).0.to_f64();
    [first, second, Float::with_val(PRECISION, rest - second).to_f64()]
}

/// θ/2π modulo 1 in units of 2^−128; none beyond frequencies that leave no fraction.
fn turn(theta: &Float) -> Option<u128> {
    if theta.get_exp().is_some_and(|exponent| exponent > 64) {
        return None;
    }
    let turns =
        Float::with_val(PRECISION, theta / Float::with_val(PRECISION, Constant::Pi)) >> 1u32;
    let fraction =
        Float::with_val(PRECISION, &turns - Float::with_val(PRECISION, turns.floor_ref()));
    (fraction << 128u32).floor().to_integer()?.to_u128()
}

fn exactly(x: f64) -> Interval {
    Interval::exactly(Float::with_val(PRECISION, x))
}

impl Truth for Enclosed {
    fn plane(&self, plane: usize) -> Known {
        self.planes[plane].known
    }

    fn errors(&self, plane: usize, position: u64, result: &Computed) -> [[f64; 2]; 3] {
        let angle = &self.planes[plane].theta * &exactly(position as f64);
        let (sin, cos) = sin_cos(&angle);
        let [stored_cos, stored_sin] = result.table;
        if !result.angle.is_finite() || !stored_cos.is_finite() || !stored_sin.is_finite() {
            return [[f64::INFINITY; 2]; 3];
        }
        let cos = (&exactly(stored_cos) - &(&cos * &self.magnitude)).abs();
        let sin = (&exactly(stored_sin) - &(&sin * &self.magnitude)).abs();
        let larger = |a: &Float, b: &Float| if a > b { a.clone() } else { b.clone() };
        let table = Interval::new(larger(cos.lo(), sin.lo()), larger(cos.hi(), sin.hi()));
        let rotation = (&(&cos * &cos) + &(&sin * &sin)).sqrt();
        let angle = (&exactly(result.angle) - &angle).abs();
        // Plus 0, so that a zero has no sign.
        let ends = |x: Interval| [x.lo().to_f64_round(Down) + 0.0, x.hi().to_f64_round(Up) + 0.0];
        [angle, table, rotation].map(ends)
    }
}
