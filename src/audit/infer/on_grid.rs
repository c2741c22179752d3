//! Rows of a bias or of buckets, from other positions and heads.

use super::buckets;
use super::exhibit::{Exhibit, Form, Grid, Unit};
use super::mechanism::{Fill, HeadMap, Keys, Mechanism, Shift, Side};
use super::predicted::Predicted;
use crate::encoding::{Buckets, Double};
use crate::request::Position;

/// What a row of the grid would be.
pub(super) fn on_grid(
    mechanism: &Mechanism,
    exhibit: &Exhibit,
    grid: &Grid,
    unit: &Unit,
) -> Option<Vec<Predicted>> {
    let heads = exhibit.sides[unit.side].heads;
    let (mut head, mut query, mut keys) = (unit.head, grid.queries[unit.token], grid.keys.clone());
    let mut reversed = false;
    match mechanism {
        Mechanism::Head(map) => {
            head = match map {
                HeadMap::Ranks(n) if heads.is_multiple_of(*n) => unit.head % (heads / n),
                HeadMap::Ranks(_) => return None,
                HeadMap::Zero => 0,
                HeadMap::Next(n) => usize::try_from(unit.head as i64 + n).ok()?,
                HeadMap::Reversed => heads - 1 - unit.head,
            };
        }
        Mechanism::Blank(..) if matches!(grid.form, Form::Slopes(_)) => return None,
        Mechanism::Sloped(_)
        | Mechanism::Distance(_)
        | Mechanism::Bucketed(_)
        | Mechanism::Blank(..) => {}
        Mechanism::Placed(_, Shift::Reversed) => reversed = true,
        Mechanism::Placed(side, shift) => {
            if let Shift::EndAligned(_) | Shift::Capacity(_) = shift {
                let count = keys.len() as i64;
                let capacity = match shift {
                    Shift::EndAligned(n) => (count + n - 1) / n * n,
                    Shift::Capacity(n) => *n,
                    _ => count,
                };
                let queries = grid.queries.len() as i64;
                query = grid.keys.first()? + capacity - queries + unit.token as i64;
            } else {
                let of = |p: i64, index: usize| -> Option<i64> {
                    match shift {
                        Shift::Index => Some(index as i64),
                        Shift::Map(map) => i64::try_from(map.of(i128::from(p))?).ok(),
                        _ => None,
                    }
                };
                if *side != Side::Keys {
                    query = of(query, unit.token)?;
                }
                if *side != Side::Queries {
                    let all: Option<Vec<i64>> =
                        keys.iter().enumerate().map(|(index, &p)| of(p, index)).collect();
                    keys = all?;
                }
            }
        }
        _ => return None,
    }
    if head >= heads {
        return None;
    }
    let last = keys.iter().copied().max().unwrap_or(0);
    let read = match (&grid.form, mechanism) {
        (Form::Bucket(buckets) | Form::Bias(buckets, ..), Mechanism::Bucketed(other)) => {
            Some((other, other.read(buckets)?))
        }
        _ => None,
    };
    let one = |(coordinate, &key): (usize, &i64)| {
        let (mut i, mut j) = (Position::integer(query), Position::integer(key));
        if reversed {
            std::mem::swap(&mut i, &mut j);
        }
        let own = |distance: i128| match mechanism {
            Mechanism::Distance(map) => map.of(distance),
            _ => Some(distance),
        };
        let bucket = |buckets: &Buckets| {
            let distance = own(i128::from(j.numerator) - i128::from(i.numerator))?;
            let distance = i64::try_from(distance).ok()?;
            match (&read, mechanism) {
                (Some((other, read)), _) => Some(other.bucket(read, distance)),
                (None, Mechanism::Sloped(_)) => None,
                (None, _) => Some(buckets::declared(buckets, distance)),
            }
        };
        let value = match (&grid.form, mechanism) {
            (Form::None, _) => return None,
            (Form::Alibi(_) | Form::Slopes(_), Mechanism::Bucketed(_)) => return None,
            (Form::Alibi(alibi), _) => {
                let distance = own(alibi.distance(i, j, Position::integer(last)))?;
                match mechanism {
                    Mechanism::Sloped(slopes) => slopes.bias(alibi, head, distance)?,
                    _ => alibi.bias(head, distance).evaluate(&Double)?,
                }
            }
            (Form::Slopes(alibi), Mechanism::Sloped(slopes)) => slopes.slope(alibi, head)?,
            (Form::Slopes(alibi), Mechanism::Head(_)) => alibi.slope(head).evaluate(&Double)?,
            // Of a slope no distance is asked.
            (Form::Slopes(_), _) => return None,
            (Form::Bucket(buckets), _) => bucket(buckets)? as f64,
            (Form::Bias(buckets, table, columns), _) => {
                *table.get(bucket(buckets)? * columns + head)?
            }
        };
        let blank = |which: &Keys| match which {
            Keys::After(tile) => coordinate >= keys.len() / tile * tile,
            Keys::Later => key > query,
        };
        let value = match mechanism {
            Mechanism::Blank(which, Fill::Zero) if blank(which) => 0.0,
            Mechanism::Blank(which, Fill::Nonfinite) if blank(which) => f64::NAN,
            _ => value,
        };
        let slack = match grid.form {
            Form::Bucket(_) => 0.0,
            _ if value.is_nan() => 0.0,
            _ => 8.0 * exhibit.unit * value.abs() + exhibit.least,
        };
        Some(Predicted { coordinate, value, slack })
    };
    keys.iter().enumerate().map(one).collect()
}
