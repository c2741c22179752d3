//! Random positions.

use super::case::Random;
use super::config::Config;
use ropewalk::request::Position;

/// How positions are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Places {
    Any,
    /// Beyond 2^53.
    Far,
    /// 1 to a few thousand.
    Near,
}

/// Positions for a config.
pub fn place(random: &mut Random, config: &Config, places: Places) -> Position {
    if config.fractions && places == Places::Any && random.chance(2) {
        // Centres of patches, (2·row + 1 − n)/n, or points of linspace(−1, 1, n + 1).
        let n = random.pick(&[1, 2, 3, 4, 5, 6, 12, 14, 16, 24, 37, 64]);
        let row = random.within(0, n - 1);
        let numerator = if random.chance(2) { 2 * row + 1 - n } else { 2 * row - n };
        return fraction(numerator, n);
    }
    const NOTED: [i64; 24] = [
        0,
        0,
        1,
        2,
        3,
        7,
        255,
        257,
        2047,
        4097,
        16000,
        48039,
        65520,
        131_071,
        1_000_003,
        (1 << 24) - 1,
        (1 << 24) + 1,
        (1 << 31) - 1,
        (1 << 53) + 1,
        -1,
        -2,
        -4096,
        1 << 62,
        -(1 << 62),
    ];
    let p = match places {
        Places::Near => random.within(1, 4000),
        Places::Far => {
            let p = (1 << 53) + 1 + random.below((1 << 62) - (1 << 53)) as i64;
            if random.chance(2) { -p } else { p }
        }
        Places::Any if config.grows => random.within(-3000, 3000),
        Places::Any => match random.below(4) {
            0 => random.pick(&NOTED),
            1 => random.within(-200_000, 200_000),
            2 => random.within(0, 4096),
            _ => {
                let size = random.below(62);
                random.within(-(1 << size), 1 << size)
            }
        },
    };
    Position::integer(p)
}

/// a/b in lowest terms.
pub fn fraction(a: i64, b: i64) -> Position {
    let gcd = |mut a: i64, mut b: i64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a.abs().max(1)
    };
    let g = gcd(a, b);
    Position { numerator: a / g, denominator: b / g }
}
