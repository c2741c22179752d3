//! cos and sin by another road than the ladder's: nothing is multiplied up from seeds. The angle is
//! reduced in turns, in integers, and a series is summed around the nearest of 806 table entries.
//!
//! It shares with the ladder the enclosure of the frequency, and no code beyond that.

use ropewalk::exact::ResolvedRope;
use ropewalk::number::{Format, Wide};
use rug::float::Constant;
use rug::ops::Pow;
use rug::{Float, Integer};

/// Bits after the point of everything but turns.
const POINT: u32 = 127;

/// What cos or sin errs by, in units of 2^−127.
///
/// The fraction of a turn is at most 2 units of 2^−128 off (one for the enclosed frequency times
/// 2^62, one for what the product drops), the angle 2π·2 of these and 2 units of 2^−127 for its own
/// product: 9. Sine and cosine of the remainder: 11 products and 11 coefficients, 1 unit each, all
/// but the last scaled down, and a truncation of 2^−135: 6. Table entries: 1. The two products of
/// the addition theorem: 2 · (6 + 1 + 1). Together 25; eight times that is assumed.
pub const ERROR: u128 = 200;

/// The upper half of a product.
fn high(a: u128, b: u128) -> u128 {
    let halves = |x: u128| (x >> 64, x & u64::MAX as u128);
    let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
    let (p, q) = (a1 * b0, a0 * b1);
    let carry = (p & u64::MAX as u128) + (q & u64::MAX as u128) + ((a0 * b0) >> 64);
    a1 * b1 + (p >> 64) + (q >> 64) + (carry >> 64)
}

/// a·b for numbers with 127 bits after the point, a < 1, b ≤ 1.
fn times(a: u128, b: u128) -> u128 {
    high(a << 1, b)
}

fn fixed(x: Float, bits: u32) -> u128 {
    (x << bits).to_integer().and_then(|n| n.to_u128()).unwrap()
}

/// What all planes share.
pub struct Series {
    /// cos and sin of j/1024, halved, so that a 1 fits.
    table: Vec<[u128; 2]>,
    /// 1/n!.
    coefficients: Vec<u128>,
    /// π with 125 bits after the point.
    pi: u128,
    planes: Vec<Turns>,
}

/// Turns per position, its fraction in units of 2^−192.
struct Turns {
    high: u128,
    low: u64,
}

/// −1, 0 or 1 quarter turns and so on: sign and magnitude in units of 2^−127.
pub type Signed = (bool, u128);

impl Series {
    /// For the planes of a rope of magnitude 1 whose frequencies can be enclosed.
    pub fn new(rope: &ResolvedRope) -> Series {
        let wide = |x: f64| Float::with_val(320, x);
        let table = (0..=805u32).map(|j| {
            let (sin, cos) = (Float::with_val(320, j) / 1024u32).sin_cos(Float::new(320));
            [fixed(cos, POINT - 1), fixed(sin, POINT - 1)]
        });
        let mut factorial = wide(1.0);
        let coefficients = (1..=11u32).map(|n| {
            factorial *= n;
            fixed(wide(1.0) / &factorial, POINT)
        });
        let coefficients = coefficients.collect();
        let pi = Float::with_val(320, Constant::Pi);
        let planes = rope.planes.iter().map(|plane| {
            let theta = plane.frequency.enclose(320).unwrap();
            let turns = |theta: &Float| {
                let turns: Float = Float::with_val(320, theta / &pi) / 2u32;
                let fraction: Float = turns.clone() - turns.floor();
                Float::with_val(320, fraction << 192u32).to_integer().unwrap()
            };
            let (lo, hi) = (turns(theta.lo()), turns(theta.hi()));
            assert!(Integer::from(&hi - &lo).abs() <= 1, "a frequency is enclosed too loosely");
            let low = Integer::from(2).pow(64);
            let (high, low) = lo.div_rem(low);
            Turns { high: high.to_u128().unwrap(), low: low.to_u64().unwrap() }
        });
        Series {
            table: table.collect(),
            coefficients,
            pi: fixed(pi.clone(), 125),
            planes: planes.collect(),
        }
    }

    /// cos and sin of a plane at a position within ±2^62.
    pub fn cos_sin(&self, plane: usize, position: i64) -> [Signed; 2] {
        let Turns { high: coarse, low } = &self.planes[plane];
        let p = position.unsigned_abs() as u128;
        let turn = p.wrapping_mul(*coarse).wrapping_add((p * *low as u128) >> 64);
        // The nearest quarter and the signed distance to it.
        let quarter = (turn.wrapping_add(1 << 125) >> 126) as u32;
        let rest = turn.wrapping_sub((quarter as u128) << 126) as i128;
        let x = high(rest.unsigned_abs() << 2, self.pi << 1);
        let (cos, sin) = self.small(x);
        let (cos, sin) = ((false, cos), (rest < 0, sin));
        let minus = |(negative, x): Signed| (!negative, x);
        let (cos, sin) = match quarter {
            0 => (cos, sin),
            1 => (minus(sin), cos),
            2 => (minus(cos), minus(sin)),
            _ => (sin, minus(cos)),
        };
        [cos, if position < 0 { minus(sin) } else { sin }]
    }

    /// cos and sin of an angle up to π/4.
    fn small(&self, x: u128) -> (u128, u128) {
        let [c, s] = self.table[(x >> (POINT - 10)) as usize];
        let r = x & ((1 << (POINT - 10)) - 1);
        let square = times(r, r);
        // Horner: 1/n! − r²·(1/(n+2)! − …).
        let sum = |first: usize| {
            let terms = [10, 8, 6, 4, 2, 0].map(|n| first + n).into_iter().filter(|n| *n <= 11);
            terms.fold(0, |sum, n| self.coefficients[n - 1] - times(square, sum))
        };
        let (sine, versine) = (times(r, sum(1)), times(square, sum(2)));
        // The table is halved: cos(a + r) = 2·(C − C·v − S·s), v = 1 − cos r.
        let cos = c - times(c, versine) - times(s, sine);
        let sin = s - times(s, versine) + times(c, sine);
        (cos << 1, sin << 1)
    }

    /// The correctly rounded number, if the error leaves no choice.
    pub fn round((negative, x): Signed, format: Format) -> Option<u64> {
        let lo = x.checked_sub(ERROR).filter(|lo| *lo > 0)?;
        let round = |x| format.round(&Wide::dyadic(negative, x, -(POINT as i64)));
        let (lo, hi) = (round(lo), round(x + ERROR));
        (lo == hi).then_some(lo)
    }
}
