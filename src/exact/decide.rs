//! Comparisons decided by intervals of growing precision.

use super::intervals::Intervals;
use crate::encoding::{Decide, Expression};
use rug::float::Round::Down;
use std::cmp::Ordering;

/// Precision at which comparing gives up. Equal numbers never separate; algebra is asked first.
const GIVE_UP: u32 = 1 << 13;

/// Decides by enclosing both sides ever more tightly.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intervaled;

fn raise<T>(attempt: impl Fn(Intervals) -> Option<T>) -> Option<T> {
    let mut precision = 128;
    while precision <= GIVE_UP {
        if let Some(found) = attempt(Intervals { precision }) {
            return Some(found);
        }
        precision *= 2;
    }
    None
}

impl Decide for Intervaled {
    fn compare(&self, a: &Expression, b: &Expression) -> Option<Ordering> {
        raise(|intervals| a.evaluate(&intervals)?.order(&b.evaluate(&intervals)?))
    }

    fn floor(&self, x: &Expression) -> Option<i128> {
        raise(|intervals| {
            let x = x.evaluate(&intervals)?;
            let floor = |end: &rug::Float| end.to_integer_round(Down).map(|(n, _)| n);
            let (lo, hi) = (floor(x.lo())?, floor(x.hi())?);
            if lo == hi { lo.to_i128() } else { None }
        })
    }
}
