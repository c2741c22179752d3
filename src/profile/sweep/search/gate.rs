//! Which positions of a group can be the worst where the angle is off by whole turns.

use super::{A_LITTLE, Search, TWO_48};

/// Positions of a group that are looked at one by one.
const LONGEST: u64 = 2048;
const TWO_32: f64 = (1u64 << 32) as f64;
/// 1/2π in two pieces.
const INVERSE_TAU: [f64; 2] = [0.15915494309189535, -9.839338337591243e-18];

/// Which differences of computed and exact angle matter, in units of 2^−32 turns from 0.
#[derive(Clone, Copy)]
pub(super) enum Gate {
    Open,
    Shut,
    From(u32),
}

impl Search<'_> {
    /// How far a computed angle has to be from the exact one, for the table to be as wrong as the
    /// worst so far: [`Search::most`] the other way round.
    pub(super) fn gate(&self, worst: [f64; 2], rounding: [f64; 2]) -> Gate {
        let m = self.known.magnitude.abs();
        let needed = (0..2).map(|k| (worst[k] - rounding[k]) / m * (1.0 - A_LITTLE) - A_LITTLE);
        // NaN where there is no magnitude.
        let least = needed.fold(f64::INFINITY, |least, x| if x >= least { least } else { x });
        match least {
            x if x > 2.0 => Gate::Shut,
            x if x > 0.0 => {
                let turns = libm::asin(x / 2.0) / std::f64::consts::PI;
                let units = (turns * TWO_32) as u32;
                Gate::From(units.saturating_sub(2 * LONGEST as u32))
            }
            _ => Gate::Open,
        }
    }

    /// Whether a position of a group may be beyond a gate.
    pub(super) fn passes(&self, gate: Gate, g: usize) -> bool {
        let least = match gate {
            Gate::Open => return true,
            Gate::Shut => return false,
            Gate::From(least) => least,
        };
        let (first, last) = (self.block.first[g] as u64, self.block.last[g] as u64);
        let angle = self.angles[g];
        if last - first >= LONGEST || angle.is_nan() || angle.abs() >= TWO_48 {
            return true;
        }
        // The angle in turns, the product with 1/2π in two pieces: off by less than 2^−40.
        let turns = angle * INVERSE_TAU[0];
        let rest = libm::fma(angle, INVERSE_TAU[0], -turns) + angle * INVERSE_TAU[1];
        let fraction = (turns - libm::floor(turns)) + rest;
        let computed = (fraction * TWO_32) as i64 as u32;
        let exact = (u128::from(first).wrapping_mul(self.known.turn) >> 96) as u32;
        // Both are off by a unit or two, and by one more with each step.
        let step = (self.known.turn >> 96) as u32;
        let start = computed.wrapping_sub(exact).wrapping_sub(least);
        let width = least.wrapping_mul(2).wrapping_neg();
        (0..(last - first) as u32 + 1)
            .fold(false, |any, n| any | (start.wrapping_sub(n.wrapping_mul(step)) <= width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both pieces times both of 2π are 1.
    #[test]
    fn the_inverse_of_a_turn() {
        let ([a, b], [t, u]) = (INVERSE_TAU, [std::f64::consts::TAU, 2.4492935982947064e-16]);
        let product = a * t;
        let rest = (product - 1.0) + libm::fma(a, t, -product) + a * u + b * t;
        assert!(rest.abs() < 1e-31, "{rest:e}");
    }
}
