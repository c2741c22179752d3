//! P11: sums over tiles of keys.

use super::super::Fault;
use super::super::change::{Change, View};
use super::ask::{Scored, sight, summed, viewed};
use super::mask::padded;
use super::score;
use crate::encoding::Question;
use crate::request::Output;

/// What a kernel gets wrong between one tile and the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Values are not scaled again as the maximum grows.
    Values,
    /// The sum of exponentials is not.
    Sum,
    /// Neither is: each tile has its own maximum.
    Both,
    /// Every tile is divided by its own sum, and their mean is taken.
    Mean,
}

/// Sums tile by tile. None where there is one tile.
fn tiled(view: &View, output: &mut Output, tile: usize, wrong: Wrong) -> Option<()> {
    (viewed(view)?.k.seq() > tile).then_some(())?;
    summed(view, output, |row| {
        let (weights, total, logarithm) = weighed(row, tile, wrong);
        let values = row.values(&weights).into_iter().map(|x| x / total).collect();
        Some((values, logarithm))
    })
}

/// Weights of the keys, what they are divided by, and the logarithm if it is another one.
fn weighed(row: &Scored, tile: usize, wrong: Wrong) -> (Vec<f64>, f64, Option<f64>) {
    let most = row.most();
    let (mut weights, mut total) = (Vec::new(), 0.0);
    let (mut running, mut base) = (f64::NEG_INFINITY, 0.0);
    for keys in row.keys.chunk_by(|a, b| a / tile == b / tile) {
        let scores = &row.scores[weights.len()..][..keys.len()];
        let own = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        running = own.max(running);
        base = if matches!(wrong, Wrong::Both | Wrong::Mean) { own } else { running };
        let below = |m: f64| scores.iter().map(move |s| libm::exp(s - m));
        let sum: f64 = below(base).sum();
        match wrong {
            Wrong::Values | Wrong::Both => weights.extend(below(base)),
            Wrong::Sum => weights.extend(below(most)),
            Wrong::Mean => weights.extend(below(base).map(|w| w / sum)),
        }
        total += match wrong {
            Wrong::Values => below(most).sum(),
            Wrong::Mean => 1.0,
            Wrong::Sum | Wrong::Both => sum,
        };
    }
    let last = if wrong == Wrong::Both { base } else { most };
    if wrong == Wrong::Mean {
        return (weights, total, None);
    }
    total += row.sink.map_or(0.0, |sink| libm::exp(sink - last));
    let logarithm = (wrong != Wrong::Values).then(|| last + libm::log(total));
    (weights, total, logarithm)
}

/// A maximum of nothing is −∞, and what is scaled by the difference of two of those is no number.
fn nothing_first(view: &View, output: &mut Output, tile: usize) -> Option<()> {
    summed(view, output, |row| {
        let masked = row.keys.first().is_some_and(|&key| key >= tile);
        masked.then(|| (row.values(&[]).iter().map(|_| f64::NAN).collect(), Some(f64::NAN)))
    })
}

/// Fewer keys are read of so many.
fn cut(question: &mut Question, left: impl Fn(usize) -> usize) -> Option<()> {
    sight(question, |a| {
        a.key_lengths = Some((0..a.q.batch()).map(|b| left(a.keys(b))).collect());
        Some(())
    })
}

fn last_lost(question: &mut Question, tile: usize) -> Option<()> {
    cut(question, |keys| if keys > tile { keys / tile * tile } else { keys })
}

fn later_lost(question: &mut Question, tile: usize) -> Option<()> {
    cut(question, |keys| keys.min(tile))
}

/// Faults of one tile with the others.
pub(super) fn variants() -> Vec<(&'static str, String, Change)> {
    fn of<const TILE: usize>() -> [(&'static str, String, Change); 8] {
        [
            (
                "p11-values-not-rescaled",
                format!(
                    "what was summed is not scaled again as the maximum grows from one tile of {TILE} keys to the next"
                ),
                Change::Output(|view, output| tiled(view, output, TILE, Wrong::Values)),
            ),
            (
                "p11-sum-not-rescaled",
                format!(
                    "the sum of exponentials is not scaled again as the maximum grows from one tile of {TILE} keys to the next"
                ),
                Change::Output(|view, output| tiled(view, output, TILE, Wrong::Sum)),
            ),
            (
                "p11-maximum-not-carried",
                format!("each tile of {TILE} keys is summed beside its own maximum"),
                Change::Output(|view, output| tiled(view, output, TILE, Wrong::Both)),
            ),
            (
                "p11-tiles-averaged",
                format!("each tile of {TILE} keys is normalised alone, and their mean is taken"),
                Change::Output(|view, output| tiled(view, output, TILE, Wrong::Mean)),
            ),
            (
                "p11-last-tile-lost",
                format!("keys beyond the last whole tile of {TILE} are not read"),
                Change::Question(|question, _| last_lost(question, TILE)),
            ),
            (
                "p11-later-tiles-lost",
                format!("keys beyond the first {TILE} are not read"),
                Change::Question(|question, _| later_lost(question, TILE)),
            ),
            (
                "p11-first-tile-masked",
                format!("NaN comes back where the first tile of {TILE} keys is masked whole"),
                Change::Output(|view, output| nothing_first(view, output, TILE)),
            ),
            (
                "p8-tail-of-the-tile-attended",
                format!(
                    "the last tile is filled up with zeros to {TILE} keys, which are attended with a score of 0"
                ),
                Change::Question(|question, _| padded(question, TILE)),
            ),
        ]
    }
    let widths: [(&'static str, String, Change); 2] = [
        (
            "p6-scale-of-the-padded-width",
            "the scale is that of the width filled up to a multiple of 64".into(),
            Change::Question(|q, _| score::padded(q, |dim| dim.next_multiple_of(64))),
        ),
        (
            "p6-scale-of-the-padded-width",
            "the scale is that of the width filled up to a multiple of 16".into(),
            Change::Question(|q, _| score::padded(q, |dim| dim.next_multiple_of(16))),
        ),
    ];
    let tiles = [of::<4>(), of::<8>(), of::<16>(), of::<32>(), of::<128>(), of::<256>()];
    let first = (
        "p11-first-tile-masked",
        "NaN comes back where the first tile of 64 keys is masked whole".to_string(),
        Change::Output(|view, output| nothing_first(view, output, 64)),
    );
    tiles.into_iter().flatten().chain(widths).chain([first]).collect()
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "p11-values-not-rescaled",
            class: "P11",
            summary: "what was summed is not scaled again as the maximum grows from one tile of 64 keys to the next",
            signature: "right up to one tile; then wrong where a later tile has the largest score",
            fix: "multiply the sums by exp(old maximum − new maximum) before each tile",
            links: &["zhuzilin/ring-flash-attention#20"],
            change: Change::Output(|view, output| tiled(view, output, 64, Wrong::Values)),
        },
        Fault {
            name: "p11-sum-not-rescaled",
            class: "P11",
            summary: "the sum of exponentials is not scaled again as the maximum grows from one tile of 64 keys to the next",
            signature: "right up to one tile; then values are too small where a later tile has the largest score",
            fix: "multiply the sum by exp(old maximum − new maximum) before each tile, as the values",
            links: &[],
            change: Change::Output(|view, output| tiled(view, output, 64, Wrong::Sum)),
        },
        Fault {
            name: "p11-maximum-not-carried",
            class: "P11",
            summary: "each tile of 64 keys is summed beside its own maximum",
            signature: "right up to one tile; then tiles of small scores weigh as much as those of large ones",
            fix: "carry one maximum through all tiles, and scale both sums again where it grows",
            links: &[],
            change: Change::Output(|view, output| tiled(view, output, 64, Wrong::Both)),
        },
        Fault {
            name: "p11-tiles-averaged",
            class: "P11",
            summary: "each tile of 64 keys is normalised alone, and their mean is taken",
            signature: "right up to one tile; then every tile has the same weight, splits of the keys that are merged without their logarithms",
            fix: "weigh every part by exp(its logarithm − the largest)",
            links: &[],
            change: Change::Output(|view, output| tiled(view, output, 64, Wrong::Mean)),
        },
        Fault {
            name: "p11-last-tile-lost",
            class: "P11",
            summary: "keys beyond the last whole tile of 64 are not read",
            signature: "right for numbers of keys that the tile divides, and below one tile",
            fix: "round the number of tiles up",
            links: &[],
            change: Change::Question(|question, _| last_lost(question, 64)),
        },
        Fault {
            name: "p11-later-tiles-lost",
            class: "P11",
            summary: "keys beyond the first 64 are not read",
            signature: "right up to one tile",
            fix: "loop over all tiles of keys",
            links: &[],
            change: Change::Question(|question, _| later_lost(question, 64)),
        },
        Fault {
            name: "p11-first-tile-masked",
            class: "P11",
            summary: "NaN comes back where the first tile of 4 keys is masked whole",
            signature: "right while the first keys are in the window; NaN from there on",
            fix: "scale by 0 while the maximum is −∞, or begin at the first tile with a key that is seen",
            links: &[],
            change: Change::Output(|view, output| nothing_first(view, output, 4)),
        },
    ]
}
