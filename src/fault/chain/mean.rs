//! M3 to M5: what a norm is taken over, in which order, and of which heads.

use super::entry::fault;
use super::renorm::{instead, other};
use super::staged::{edit, parts};
use crate::encoding::{Chain, NormKind, Question};
use crate::fault::Fault;
use crate::fault::change::Change;

fn kind(chain: &mut Chain, kind: NormKind) -> Option<()> {
    let norm = chain.norm.as_mut()?;
    let changed = norm.kind != kind;
    norm.kind = kind;
    changed.then_some(())
}

fn unnormalised(question: &mut Question, name: &'static str) -> Option<()> {
    parts(question, |part| (part.name == name).then(|| part.norm.take())?.map(|_| ()))
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        other(
            "m3-mean-over-the-rotary-slice",
            "M3",
            [
                "the mean square is taken over the rotary slice instead of the whole head",
                "each row is off by its own factor; with full rotary nothing is wrong",
                "normalise over head_dim, rotate over rotary_dim",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let pairs = seen.chain.turn.as_ref()?.rope.pairs();
                    let turns = |d: usize| pairs.iter().any(|pair| [pair.re, pair.im].contains(&d));
                    let [mean, square] = seen.moments(seen.with(row), turns, None);
                    Some([mean, (square + seen.norm.eps).sqrt()])
                })
            },
        ),
        other(
            "m3-mean-over-the-first-half",
            "M3",
            [
                "the mean square is taken over the first half of the coordinates",
                "each row is off by its own factor",
                "let every thread load what is its own before the reduction",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let half = seen.part.heads.dim() / 2;
                    let [mean, square] = seen.moments(seen.with(row), |d| d < half, None);
                    Some([mean, (square + seen.norm.eps).sqrt()])
                })
            },
        ),
        other(
            "m3-half-of-the-sum",
            "M3",
            [
                "the sum of squares is that of the first half of the coordinates, and is divided by the whole width: a warp's part is lost",
                "each row is too large by a factor of its own",
                "add up the sums of all warps",
            ],
            &["turboderp-org/exllamav3#363"],
            |view, output| {
                instead(view, output, |seen, row| {
                    let (rows, half) = (seen.with(row), seen.part.heads.dim() / 2);
                    let count = (rows.len() * seen.part.heads.dim()) as f64;
                    let [mean, square] = seen.moments(rows, |d| d < half, Some(count));
                    Some([mean, (square + seen.norm.eps).sqrt()])
                })
            },
        ),
        other(
            "m3-mean-over-all-heads",
            "M3",
            [
                "the mean square is taken over all heads of a token instead of each head",
                "each head is off by its own factor; with one head nothing is wrong",
                "reduce over head_dim only: Qwen 3 and Gemma 3 normalise every head alone",
            ],
            &["vllm-project/vllm#16311"],
            |view, output| {
                instead(view, output, |seen, row| {
                    let heads = 0..seen.part.heads.heads();
                    let rows: Vec<usize> = heads.map(|head| seen.of_head(row, head)).collect();
                    Some(seen.over(&rows))
                })
            },
        ),
        other(
            "m3-mean-over-the-heads-of-a-rank",
            "M3",
            [
                "the mean square is taken over half of the heads instead of all: each rank reduces its own",
                "on one device nothing is wrong",
                "reduce the sums of squares over all ranks",
            ],
            &["EleutherAI/gpt-neox#1424"],
            |view, output| {
                instead(view, output, |seen, row| {
                    let (rows, own) = (seen.with(row), seen.part.heads.heads().div_ceil(2).max(1));
                    let rank = seen.head(row) / own;
                    let of_rank = |row: &usize| seen.head(*row) / own == rank;
                    Some(seen.over(&rows.iter().copied().filter(of_rank).collect::<Vec<_>>()))
                })
            },
        ),
        other(
            "m3-mean-over-each-head",
            "M3",
            [
                "the mean square is taken over each head instead of all heads of a token",
                "each head is off by its own factor; with one head nothing is wrong",
                "reduce over the whole projection: OLMo 2 normalises before it is cut into heads",
            ],
            &[],
            |view, output| instead(view, output, |seen, row| Some(seen.over(&[row]))),
        ),
        other(
            "m3-mean-over-the-padded-width",
            "M3",
            [
                "the sum of squares is divided by the width of the block, the next power of two",
                "everything is too large by one factor; widths that are powers of two are right",
                "divide by head_dim, not by BLOCK_SIZE",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let rows = seen.with(row);
                    let width = (rows.len() * seen.part.heads.dim()).next_power_of_two();
                    let [mean, square] = seen.moments(rows, |_| true, Some(width as f64));
                    Some([mean, (square + seen.norm.eps).sqrt()])
                })
            },
        ),
        other(
            "m3-sum-for-the-mean",
            "M3",
            [
                "the sum of squares is taken instead of their mean",
                "everything is too small by the root of the width",
                "divide by the width; only an L2 norm does not",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let [mean, _] = seen.moments(seen.with(row), |_| true, None);
                    let rows = seen.with(row);
                    let count = (rows.len() * seen.part.heads.dim()) as f64;
                    let [_, square] = seen.moments(rows, |_| true, None);
                    Some([mean, (square * count + seen.norm.eps).sqrt()])
                })
            },
        ),
        fault(
            "m3-mean-not-subtracted",
            "M3",
            [
                "a layer norm does not subtract the mean: it is taken for an RMS norm",
                "rows whose mean is 0 are right",
                "subtract the mean before the squares are taken",
            ],
            &[],
            Change::Question(|question, _| edit(question, |chain| kind(chain, NormKind::Rms))),
        ),
        fault(
            "m3-mean-subtracted",
            "M3",
            [
                "an RMS norm subtracts the mean: it is taken for a layer norm",
                "rows whose mean is 0 are right",
                "an RMS norm subtracts nothing",
            ],
            &[],
            Change::Question(|question, _| edit(question, |chain| kind(chain, NormKind::Layer))),
        ),
        other(
            "m3-unbiased-variance",
            "M3",
            [
                "a layer norm divides the squares by the width less one",
                "everything is too small by √(1 − 1/D)",
                "torch.var has unbiased=True unless told otherwise",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    (seen.norm.kind == NormKind::Layer).then_some(())?;
                    let rows = seen.with(row);
                    let count = (rows.len() * seen.part.heads.dim()) as f64;
                    let [mean, square] = seen.moments(rows, |_| true, None);
                    Some([mean, (square * count / (count - 1.0) + seen.norm.eps).sqrt()])
                })
            },
        ),
        fault(
            "m4-order-exchanged",
            "M4",
            [
                "the norm and the rotation are exchanged",
                "without weights nothing is wrong; with them they turn with the rows",
                "Qwen 3 and Gemma 3 normalise before the rotation, Llama 4 after it",
            ],
            &[],
            Change::Question(|question, _| {
                edit(question, |chain| {
                    (chain.norm.is_some() && chain.turn.is_some()).then_some(())?;
                    chain.norm_first = !chain.norm_first;
                    Some(())
                })
            }),
        ),
        fault(
            "m4-keys-not-normalised",
            "M4",
            [
                "keys are not normalised",
                "queries are right",
                "normalise both before they are rotated",
            ],
            &[],
            Change::Question(|question, _| unnormalised(question, "k")),
        ),
        fault(
            "m4-queries-not-normalised",
            "M4",
            ["queries are not normalised", "keys are right", "normalise both"],
            &[],
            Change::Question(|question, _| unnormalised(question, "q")),
        ),
        other(
            "m5-norm-of-head-0",
            "M5",
            [
                "every head is divided by the root of the first head of its token",
                "the first head is right; each other one is off by its own factor",
                "keep the sum of squares of a head within the warp that owns it",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let rows: Vec<usize> =
                        seen.with(row).iter().map(|&row| seen.of_head(row, 0)).collect();
                    Some(seen.over(&rows))
                })
            },
        ),
        other(
            "m5-norm-of-token-0",
            "M5",
            [
                "every token is divided by the root of the first one",
                "the first token is right",
                "compute the root for every row",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let seq = seen.part.heads.seq().max(1);
                    let rows: Vec<usize> =
                        seen.with(row).iter().map(|row| row - row % seq).collect();
                    Some(seen.over(&rows))
                })
            },
        ),
        other(
            "m5-odd-heads-not-normalised",
            "M5",
            [
                "only the first head of each two is normalised",
                "heads 0, 2, 4 … are right",
                "let every lane of a warp find its own head",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    (seen.head(row) % 2 == 0).then(|| seen.over(seen.with(row)))
                })
            },
        ),
        other(
            "m5-later-heads-not-normalised",
            "M5",
            [
                "only the first head of a token is normalised",
                "the first head is right",
                "loop over all heads",
            ],
            &["vllm-project/vllm#51049"],
            |view, output| {
                instead(view, output, |seen, row| {
                    (seen.head(row) == 0).then(|| seen.over(seen.with(row)))
                })
            },
        ),
    ]
}
