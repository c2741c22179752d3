//! The same faults with other constants: what a diagnosis tries beside the list.
//!
//! A base that stands in the code need not be 10000, and a table that is too short has any number
//! of rows. A variant bears the name of its fault and says its constant in the summary.

use super::change::Change;
use super::{Fault, edit, find};
use crate::encoding::{Body, Question};
use crate::request::{Json, Object, Position, Positions};

/// A fault of the list with another constant.
fn of(name: &str, summary: String, change: Change) -> Option<Fault> {
    let known = find(name)?;
    Some(Fault {
        name: known.name,
        class: known.class,
        summary: Box::leak(summary.into_boxed_str()),
        signature: known.signature,
        fix: known.fix,
        links: known.links,
        change,
    })
}

fn with_base<const BASE: i64>(config: &mut Object) -> Option<()> {
    let key = ["rope_theta", "base"].into_iter().find(|key| config.get(key).is_some())?;
    config.set(key, Json::from(BASE));
    Some(())
}

fn base<const BASE: i64>() -> Option<Fault> {
    of(
        "c1-base-ignored",
        format!("the base is {BASE} whatever the config says"),
        Change::Config(|config, _, _| with_base::<BASE>(config)),
    )
}

fn rotary(question: &Question) -> Option<()> {
    matches!(question.body, Body::Rotate(_) | Body::Score(_) | Body::Chain(_) | Body::Table(_))
        .then_some(())
}

fn clamped<const ROWS: i64>() -> Option<Fault> {
    of(
        "e7-table-clamped",
        format!("the table has {ROWS} rows, and tokens beyond it read the last one"),
        Change::Question(|question, _| {
            rotary(question)?;
            edit::each(question, |p| p.min(ROWS - 1))
        }),
    )
}

/// Unrotated is rotated at 0.
fn ended<const ROWS: i64>() -> Option<Fault> {
    of(
        "e7-table-ends-unrotated",
        format!("the table has {ROWS} rows, and tokens beyond it come back unrotated"),
        Change::Question(|question, _| {
            rotary(question)?;
            edit::each(question, |p| if p < ROWS { p } else { 0 })
        }),
    )
}

fn wrapped<const ROWS: i64>() -> Option<Fault> {
    of(
        "e7-table-clamped",
        format!("the table has {ROWS} rows, and positions beyond it wrap around to its beginning"),
        Change::Question(|question, _| {
            rotary(question)?;
            edit::each(question, |p| if p < ROWS { p } else { p % ROWS })
        }),
    )
}

fn ahead<const STEPS: i64>() -> Option<Fault> {
    let way = if STEPS < 0 { "small" } else { "large" };
    of(
        "e15-one-ahead",
        format!("positions are too {way} by {}", STEPS.abs()),
        Change::Question(|question, _| {
            rotary(question)?;
            edit::each(question, |p| p.saturating_add(STEPS))
        }),
    )
}

/// One behind, but not before the first.
fn behind() -> Option<Fault> {
    of(
        "e15-one-ahead",
        "positions are too small by 1, but for the first".into(),
        Change::Question(|question, _| {
            rotary(question)?;
            edit::each(question, |p| if p > 0 { p - 1 } else { p })
        }),
    )
}

/// The list of the first row for all, not only where it begins.
fn first_row() -> Option<Fault> {
    of(
        "e2-one-offset-for-the-batch",
        "the positions of the first row are used for all rows of a batch".into(),
        Change::Question(|question, _| {
            let Body::Rotate(r) = &mut question.body else { return None };
            let shape = r.positions.shape().to_vec();
            let &[_, rows, width] = shape.as_slice() else { return None };
            let old = r.positions.data();
            let first = |i: usize| old[i / (rows * width) * rows * width + i % width];
            let new: Vec<Position> = (0..old.len()).map(first).collect();
            let changed = new != old;
            r.positions = Positions::new(shape, new)?;
            changed.then_some(())
        }),
    )
}

/// No position is read at all.
fn counted() -> Option<Fault> {
    of(
        "e1-offset-lost",
        "positions are not read: every row counts its tokens from 0".into(),
        Change::Question(|question, _| {
            matches!(question.body, Body::Rotate(_) | Body::Chain(_)).then_some(())?;
            edit::rows(question, |_, row| {
                row.iter_mut().enumerate().for_each(|(i, p)| *p = i as i64);
            })
        }),
    )
}

/// 10^−DIGITS.
fn epsilon<const DIGITS: i32>() -> Option<Fault> {
    of(
        "m1-eps-stands-in-the-code",
        format!("eps is 1e-{DIGITS} whatever the config says"),
        Change::Question(|question, _| {
            let Body::Chain(chain) = &mut question.body else { return None };
            super::chain::epsilon(chain, format!("1e-{DIGITS}").parse().ok()?)
        }),
    )
}

fn truncating<const WHOLE: bool>() -> Option<Fault> {
    let way = if WHOLE { "always" } else { "never" };
    of(
        "d7-truncate-ignored",
        format!("the ends of the ramp are {way} rounded to whole pairs, whatever truncate says"),
        Change::Config(|config, _, _| {
            (edit::word(config, "rope_type")? == "yarn").then_some(())?;
            config.set("truncate", Json::Bool(WHOLE));
            Some(())
        }),
    )
}

pub(super) fn variants() -> Vec<Fault> {
    let bases = [
        base::<5000>(),
        base::<20000>(),
        base::<25000>(),
        base::<50000>(),
        base::<100000>(),
        base::<150000>(),
        base::<160000>(),
        base::<250000>(),
        base::<500000>(),
        base::<1000000>(),
        base::<2000000>(),
        base::<5000000>(),
        base::<8000000>(),
        base::<10000000>(),
    ];
    let rows = [
        [clamped::<512>(), ended::<512>(), wrapped::<512>()],
        [clamped::<1024>(), ended::<1024>(), wrapped::<1024>()],
        [clamped::<2048>(), ended::<2048>(), wrapped::<2048>()],
        [clamped::<4096>(), ended::<4096>(), wrapped::<4096>()],
        [clamped::<8192>(), ended::<8192>(), wrapped::<8192>()],
        [clamped::<16384>(), ended::<16384>(), wrapped::<16384>()],
        [clamped::<32768>(), ended::<32768>(), wrapped::<32768>()],
        [clamped::<65536>(), ended::<65536>(), wrapped::<65536>()],
    ];
    let steps = [ahead::<-1>(), ahead::<2>(), ahead::<-2>(), behind()];
    let others = [first_row(), counted(), truncating::<true>(), truncating::<false>()];
    let eps = [epsilon::<4>(), epsilon::<6>(), epsilon::<8>(), epsilon::<12>()];
    let rows = rows.into_iter().flatten();
    let tiles =
        super::attention::variants().map(|(name, summary, change)| of(name, summary, change));
    let more = steps.into_iter().chain(others).chain(eps).chain(tiles);
    bases.into_iter().chain(rows).chain(more).flatten().collect()
}
