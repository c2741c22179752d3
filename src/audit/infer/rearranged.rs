//! Rows whose right numbers stand elsewhere, or belong to other pairs.

use super::exhibit::{Exhibit, Turn, Unit};
use super::mechanism::{Order, Pairing};
use super::predicted::{DRIFT, LOST, Predicted, own_angle, slack_of_right};

/// The right row with the bytes of every number reversed: what came, read the other way round, is
/// right.
pub(super) fn swapped(exhibit: &Exhibit, unit: &Unit) -> Option<Vec<Predicted>> {
    let side = &exhibit.sides[unit.side];
    let format = side.bits.dtype().format()?;
    let bytes = side.bits.dtype().digits() / 2;
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let one = |coordinate: usize| {
        let bits = side.bits.data()[start + coordinate];
        let read = format.to_f64(bits.swap_bytes() >> (64 - 8 * bytes));
        let right = side.right[start + coordinate];
        let near = (read - right).abs() <= 1e-3 * right.abs() + exhibit.least;
        // Told in terms of what came.
        let value = if near { side.got[start + coordinate] } else { f64::INFINITY };
        Predicted { coordinate, value, slack: 0.0 }
    };
    Some(exhibit.coordinates(unit).into_iter().map(one).collect())
}

/// The row turned in other pairs.
pub(super) fn paired(
    pairing: Pairing,
    exhibit: &Exhibit,
    turn: &Turn,
    unit: &Unit,
) -> Option<Vec<Predicted>> {
    let count = turn.planes.len();
    let side = &exhibit.sides[unit.side];
    let first = turn.planes.iter().map(|p| p.re.min(p.im)).min()?;
    let step = match pairing {
        Pairing::Adjacent => 1,
        Pairing::Halves => count,
        Pairing::PaddedHalves => (2 * count).next_power_of_two() / 2,
        Pairing::HeadHalves => side.width / 2,
    };
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let x = |c: usize| side.input.get(start + c).copied().filter(|_| c < side.width);
    // What no pair takes stays.
    let mut row: Vec<(f64, f64)> =
        (0..side.width).map(|c| (side.input[start + c], exhibit.least)).collect();
    for plane in 0..count {
        let re = if pairing == Pairing::Adjacent { first + 2 * plane } else { first + plane };
        let im = re + step;
        let (a, b) = (x(re)?, x(im).unwrap_or(0.0));
        let (cos, sin, off) = own_angle(turn, unit, plane)?;
        let size = turn.factor.abs() * libm::hypot(a, b);
        let slack = match off < LOST {
            true => size * (6.0 * exhibit.unit + off + DRIFT) + exhibit.least,
            false => f64::INFINITY,
        };
        row[re] = (turn.factor * (a * cos - b * sin), slack);
        if im < side.width {
            row[im] = (turn.factor * (a * sin + b * cos), slack);
        }
    }
    let one = |coordinate: usize| Predicted {
        coordinate,
        value: row[coordinate].0,
        slack: row[coordinate].1,
    };
    Some(exhibit.coordinates(unit).into_iter().map(one).collect())
}

/// The right coordinates in another order.
pub(super) fn reordered(
    order: Order,
    exhibit: &Exhibit,
    turn: &Turn,
    unit: &Unit,
) -> Option<Vec<Predicted>> {
    let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
    let right = &exhibit.sides[unit.side].right;
    let mut slots: Vec<usize> = exhibit.coordinates(unit);
    slots.sort_unstable();
    let count = turn.planes.len();
    let mut list = Vec::with_capacity(slots.len());
    for (place, &coordinate) in slots.iter().enumerate() {
        let from = match order {
            // Pair i's parts lie side by side in the right answer.
            Order::InHalves => *slots.get(2 * place.checked_rem(count)? + place / count)?,
            Order::SideBySide => *slots.get(place / 2 + count * (place % 2))?,
            Order::Crossed => {
                let plane =
                    turn.planes.iter().find(|p| p.re == coordinate || p.im == coordinate)?;
                plane.re + plane.im - coordinate
            }
        };
        let slack = slack_of_right(exhibit, turn, unit, &right[start..], from);
        list.push(Predicted { coordinate, value: right[start + from], slack });
    }
    Some(list)
}
