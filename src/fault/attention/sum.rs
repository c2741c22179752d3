//! P10 and P11: the softmax, its logarithm, and sums over tiles of keys.

use super::super::Fault;
use super::super::change::{Change, View};
use super::super::row;
use super::ask::{Scored, answer, sight, summed, viewed};
use super::head::limit;
use super::mask::padded;
use super::score;
use crate::encoding::{Attention, Question};
use crate::profile::encode;
use crate::request::Output;

/// The logarithms, each changed. None where they stay, or were not asked for.
fn logarithms(view: &View, output: &mut Output, edit: impl Fn(f64) -> f64) -> Option<()> {
    viewed(view)?;
    let format = view.question.dtype.format()?;
    let lse = row::named(output, "lse")?;
    let bits = lse.data().iter().map(|&bits| encode(format, edit(format.to_f64(bits)))).collect();
    row::replace(lse, bits)
}

/// What a kernel without a maximum overflows at, or loses.
fn bare(view: &View, output: &mut Output) -> Option<()> {
    let limit = limit(view.question.dtype);
    summed(view, output, |row| {
        let most = row.most();
        // Below 2⁻¹⁴⁹, or 2⁻¹⁰⁷⁴, nothing is left.
        let least = if limit > 100.0 { -745.2 } else { -104.0 };
        let nan = || vec![f64::NAN; row.values(&[]).len()];
        match () {
            _ if most > limit => Some((nan(), Some(f64::INFINITY))),
            _ if most < least => Some((nan(), Some(f64::NEG_INFINITY))),
            _ => None,
        }
    })
}

/// Values summed tile by tile, where what was summed is not scaled again as the maximum grows.
fn not_rescaled(view: &View, output: &mut Output, tile: usize) -> Option<()> {
    (viewed(view)?.k.seq() > tile).then_some(())?;
    let one = |row: &Scored| {
        let of = |index: usize| row.keys[index] / tile;
        let mut most = f64::NEG_INFINITY;
        let (mut weights, mut first) = (vec![0.0; row.keys.len()], 0);
        while first < row.keys.len() {
            let end = (first..row.keys.len()).find(|&n| of(n) != of(first));
            let end = end.unwrap_or(row.keys.len());
            most = row.scores[first..end].iter().copied().fold(most, f64::max);
            let tile = weights[first..end].iter_mut().zip(&row.scores[first..end]);
            tile.for_each(|(weight, score)| *weight = libm::exp(score - most));
            first = end;
        }
        let total: f64 = row.scores.iter().map(|s| libm::exp(s - most)).sum();
        let total = total + row.sink.map_or(0.0, |sink| libm::exp(sink - most));
        let values = row.values(&weights).into_iter().map(|x| x / total).collect();
        Some((values, None))
    };
    summed(view, output, one)
}

/// Keys beyond the last whole tile are not read.
fn cut(question: &mut Question, tile: usize) -> Option<()> {
    sight(question, |a| {
        let whole = |b| if a.keys(b) > tile { a.keys(b) / tile * tile } else { a.keys(b) };
        a.key_lengths = Some((0..a.q.batch()).map(whole).collect());
        Some(())
    })
}

/// Faults of one tile with the others.
pub(super) fn variants() -> Vec<(&'static str, String, Change)> {
    fn of<const TILE: usize>() -> [(&'static str, String, Change); 3] {
        [
            (
                "p11-values-not-rescaled",
                format!(
                    "what was summed is not scaled again as the maximum grows from one tile of {TILE} keys to the next"
                ),
                Change::Output(|view, output| not_rescaled(view, output, TILE)),
            ),
            (
                "p11-last-tile-lost",
                format!("keys beyond the last whole tile of {TILE} are not read"),
                Change::Question(|question, _| cut(question, TILE)),
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
    let tiles = [of::<4>(), of::<8>(), of::<16>(), of::<32>(), of::<128>()];
    tiles.into_iter().flatten().chain(widths).collect()
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault {
            name: "p10-lse-in-base-2",
            class: "P10",
            summary: "the logarithm of the sum is to base 2",
            signature: "values are right; whoever merges two parts by their logarithms gets other weights",
            fix: "multiply by ln 2 where it is stored",
            links: &[
                "sgl-project/sglang#35045",
                "flashinfer-ai/flashinfer#2114",
                "lightseekorg/tokenspeed#571",
            ],
            change: Change::Output(|view, output| {
                logarithms(view, output, |lse| lse * std::f64::consts::LOG2_E)
            }),
        },
        Fault {
            name: "p10-lse-without-the-maximum",
            class: "P10",
            summary: "the logarithm is that of the sum after the maximum was subtracted, which is not added again",
            signature: "values are right; logarithms are between 0 and ln of the number of keys",
            fix: "the logarithm is maximum + ln of the sum",
            links: &["Dao-AILab/flash-attention#404"],
            change: Change::Output(|view, output| {
                viewed(view)?.lse.then_some(())?;
                let mut changed = output.clone();
                // Logarithms less their maxima; the values stay.
                let format = view.question.dtype.format()?;
                let before = row::named(output, "lse")?.clone();
                summed(view, &mut changed, |row| {
                    Some((vec![0.0; row.values(&[]).len()], Some(row.most())))
                })?;
                let most = row::named(&mut changed, "lse")?;
                let less =
                    |(&lse, &most): (&u64, &u64)| match (format.to_f64(lse), format.to_f64(most)) {
                        (lse, most) if lse.is_finite() => encode(format, lse - most),
                        (lse, _) => encode(format, lse),
                    };
                let bits = before.data().iter().zip(most.data()).map(less).collect();
                row::replace(row::named(output, "lse")?, bits)
            }),
        },
        Fault {
            name: "p10-lse-without-the-sink",
            class: "P10",
            summary: "the sink is in the weights and not in the logarithm of their sum",
            signature: "values are right; parts that are merged count the sink not at all",
            fix: "add the sink before the logarithm is taken",
            links: &["vllm-project/flash-attention#34"],
            change: Change::Output(|view, output| {
                let a = viewed(view)?;
                a.sinks.as_ref()?;
                let other = Attention { sinks: None, ..a.clone() };
                let other = answer(view, other, view.question.dtype);
                let lse = other.into_iter().find(|(name, _)| *name == "lse")?.1;
                row::put(row::named(output, "lse")?, lse)
            }),
        },
        Fault {
            name: "p11-values-not-rescaled",
            class: "P11",
            summary: "what was summed is not scaled again as the maximum grows from one tile of 64 keys to the next",
            signature: "right up to one tile; then wrong where a later tile has the largest score",
            fix: "multiply the sums by exp(old maximum − new maximum) before each tile",
            links: &["zhuzilin/ring-flash-attention#20"],
            change: Change::Output(|view, output| not_rescaled(view, output, 64)),
        },
        Fault {
            name: "p11-last-tile-lost",
            class: "P11",
            summary: "keys beyond the last whole tile of 64 are not read",
            signature: "right for numbers of keys that the tile divides, and below one tile",
            fix: "round the number of tiles up",
            links: &[],
            change: Change::Question(|question, _| cut(question, 64)),
        },
        Fault {
            name: "p11-maximum-not-subtracted",
            class: "P11",
            summary: "exponentials are taken of the scores themselves, without their maximum",
            signature: "NaN where scores are above 88 or all below −104; else right",
            fix: "subtract the maximum before the exponential",
            links: &[],
            change: Change::Output(bare),
        },
    ]
}
