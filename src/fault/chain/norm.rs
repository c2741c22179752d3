//! M: the norm of a fused kernel.

use super::entry::fault;
use super::staged::{Numbers, Open, Stage, edit, floats, parts, replace};
use crate::encoding::{Chain, Floats, Norm, NormKind, Part, WeightKind};
use crate::fault::Fault;
use crate::fault::change::{Change, View};
use crate::request::Output;

/// A part of a chain before its norm.
struct Seen<'a> {
    chain: &'a Chain,
    norm: &'a Norm,
    part: &'a Part,
    numbers: &'a [f64],
    /// Rows that share a norm.
    shared: Vec<Vec<usize>>,
}

impl Seen<'_> {
    /// The rows that share a norm with one.
    fn with(&self, row: usize) -> &[usize] {
        self.shared.iter().find(|rows| rows.contains(&row)).map_or(&[], |rows| rows)
    }

    fn head(&self, row: usize) -> usize {
        row / self.part.heads.seq().max(1) % self.part.heads.heads().max(1)
    }

    /// The row of another head of the same token.
    fn of_head(&self, row: usize, head: usize) -> usize {
        let seq = self.part.heads.seq().max(1);
        row - self.head(row) * seq + head * seq
    }

    /// What is subtracted, and the mean square of the rest, over coordinates of rows; the mean is
    /// over `count`, or over as many as there are.
    fn moments(
        &self,
        rows: &[usize],
        keep: impl Fn(usize) -> bool,
        count: Option<f64>,
    ) -> [f64; 2] {
        let dim = self.part.heads.dim();
        let flat = |row: &usize| {
            let at = row * dim;
            (0..dim).filter(|&d| keep(d)).map(move |d| at + d).collect::<Vec<_>>()
        };
        let list: Vec<f64> = rows.iter().flat_map(flat).map(|i| self.numbers[i]).collect();
        let count = count.unwrap_or(list.len() as f64);
        let mean = match self.norm.kind {
            NormKind::Rms => 0.0,
            NormKind::Layer => list.iter().sum::<f64>() / count,
        };
        [mean, list.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count]
    }

    /// What is subtracted and what is divided by, over rows.
    fn over(&self, rows: &[usize]) -> [f64; 2] {
        let [mean, square] = self.moments(rows, |_| true, None);
        [mean, (square + self.norm.eps).sqrt()]
    }
}

/// What is subtracted from a row and what it is divided by; none where it stays as it is.
type Rule = fn(&Seen, usize) -> Option<[f64; 2]>;

/// The answer with another norm. None where it is the same.
fn instead(view: &View, output: &mut Output, rule: Rule) -> Option<()> {
    let open = Open::new(view)?;
    let norm = open.chain.norm.as_ref()?;
    let mut numbers = open.before(Stage::Norm)?;
    normalise(open.chain, norm, &mut numbers, rule);
    replace(output, open.onward(Stage::Norm, &numbers)?)
}

fn normalise(chain: &Chain, norm: &Norm, numbers: &mut Numbers, rule: Rule) {
    for (part, numbers) in chain.parts.iter().zip(numbers) {
        let Some(weights) = &part.norm else { continue };
        let dim = part.heads.dim().max(1);
        let before = numbers.clone();
        let shared = chain.norm_rows(part);
        let seen = Seen { chain, norm, part, numbers: &before, shared };
        for (row, values) in numbers.chunks_mut(dim).enumerate() {
            let Some([mean, divisor]) = rule(&seen, row) else { continue };
            for (d, x) in values.iter_mut().enumerate() {
                let at = part.weight_at(norm.over_heads, row, d);
                let of = |floats: &Option<Floats>| {
                    floats.as_ref().map(|f| f.format().to_f64(f.data()[at]))
                };
                let w = match (norm.weight, of(&weights.weight)) {
                    (WeightKind::OnePlus, Some(w)) => 1.0 + w,
                    (_, w) => w.unwrap_or(1.0),
                };
                *x = (*x - mean) / divisor * w + of(&weights.bias).unwrap_or(0.0);
            }
        }
    }
}

const fn other(
    name: &'static str,
    class: &'static str,
    words: [&'static str; 3],
    links: &'static [&'static str],
    change: fn(&View, &mut Output) -> Option<()>,
) -> Fault {
    fault(name, class, words, links, Change::Output(change))
}

/// Another eps that stands in the code.
pub(in crate::fault) fn epsilon(chain: &mut Chain, eps: f64) -> Option<()> {
    let norm = chain.norm.as_mut()?;
    let changed = norm.eps != eps;
    norm.eps = eps;
    changed.then_some(())
}

/// Another weight of a norm: the edit gets the kind and every weight as it is given.
fn weight(kind: WeightKind) -> impl Fn(&mut Chain) -> Option<()> {
    move |chain| {
        let norm = chain.norm.as_mut()?;
        (norm.weight != WeightKind::None && norm.weight != kind).then_some(())?;
        norm.weight = kind;
        if kind == WeightKind::None {
            chain.parts.iter_mut().filter_map(|p| p.norm.as_mut()).for_each(|n| n.weight = None);
        }
        Some(())
    }
}

/// Gives one part the weight of another, as far as it reaches.
fn weight_of(chain: &mut Chain, from: &str, to: &str) -> Option<()> {
    let find = |name: &str| chain.parts.iter().find(|part| part.name == name)?.norm.as_ref();
    let (other, own) = (find(from)?.weight.clone()?, find(to)?.weight.clone()?);
    let count = own.data().len();
    let list: Vec<f64> = other.numbers().take(count).collect();
    (list.len() == count && list != own.numbers().collect::<Vec<_>>()).then_some(())?;
    let part = chain.parts.iter_mut().find(|part| part.name == to)?;
    part.norm.as_mut()?.weight = Some(floats(own.shape(), &list)?);
    Some(())
}

fn unnormalised(question: &mut crate::encoding::Question, name: &'static str) -> Option<()> {
    parts(question, |part| (part.name == name).then(|| part.norm.take())?.map(|_| ()))
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        other(
            "m1-eps-outside-the-root",
            "M1",
            [
                "eps is added to the root instead of the mean square",
                "rows of ordinary size look right; quiet ones are too small by as much as eps says",
                "rsqrt(mean(x²) + eps)",
            ],
            &["tile-ai/tilelang#1243"],
            |view, output| {
                instead(view, output, |seen, row| {
                    let [mean, square] = seen.moments(seen.with(row), |_| true, None);
                    Some([mean, square.sqrt() + seen.norm.eps])
                })
            },
        ),
        fault(
            "m1-eps-vanishes",
            "M1",
            [
                "eps is 0: forgotten, or lost in a narrow format",
                "rows of ordinary size look right; quiet ones are too large, zero ones are NaN",
                "keep eps in f32, where the mean square is",
            ],
            &[],
            Change::Question(|question, _| edit(question, |chain| epsilon(chain, 0.0))),
        ),
        other(
            "m1-eps-added-to-the-sum",
            "M1",
            [
                "eps is added to the sum of squares and divided by the width with it",
                "quiet rows are too large, up to the root of the width",
                "divide by the width first, then add eps",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let rows = seen.with(row);
                    let [mean, square] = seen.moments(rows, |_| true, None);
                    let count = (rows.len() * seen.part.heads.dim()) as f64;
                    Some([mean, (square + seen.norm.eps / count).sqrt()])
                })
            },
        ),
        other(
            "m1-eps-as-a-floor",
            "M1",
            [
                "the mean square is raised to eps where it is smaller, instead of added to",
                "rows of ordinary size look right, and zero ones; those about √eps are too large",
                "add eps to every mean square",
            ],
            &[],
            |view, output| {
                instead(view, output, |seen, row| {
                    let [mean, square] = seen.moments(seen.with(row), |_| true, None);
                    Some([mean, square.max(seen.norm.eps).sqrt()])
                })
            },
        ),
        fault(
            "m1-eps-stands-in-the-code",
            "M1",
            [
                "eps is 1e-5 whatever the config says",
                "rows of ordinary size look right; quiet ones do not",
                "read rms_norm_eps of the config",
            ],
            &["paiml/aprender#1606", "ggml-org/llama.cpp#23815", "PaddlePaddle/FastDeploy#2790"],
            Change::Question(|question, _| edit(question, |chain| epsilon(chain, 1e-5))),
        ),
        fault(
            "m2-weight-forgotten",
            "M2",
            [
                "the weight of the norm is not applied",
                "each coordinate is off by its own constant factor, the same for every token",
                "multiply by q_norm's and k_norm's weight",
            ],
            &[],
            Change::Question(|question, _| edit(question, weight(WeightKind::None))),
        ),
        fault(
            "m2-one-plus-forgotten",
            "M2",
            [
                "the weight is taken as it is where 1 + w is meant",
                "coordinates whose weight is near 0 vanish",
                "Gemma's norms multiply by 1 + w",
            ],
            &["linkedin/Liger-Kernel#74"],
            Change::Question(|question, _| {
                edit(question, |chain| {
                    (chain.norm?.weight == WeightKind::OnePlus).then_some(())?;
                    weight(WeightKind::Plain)(chain)
                })
            }),
        ),
        fault(
            "m2-one-plus-assumed",
            "M2",
            [
                "1 + w is taken where the weight is meant as it is",
                "each coordinate is too large by itself over its weight",
                "only Gemma's norms add 1; look whether the converter has added it",
            ],
            &[],
            Change::Question(|question, _| {
                edit(question, |chain| {
                    (chain.norm?.weight == WeightKind::Plain).then_some(())?;
                    weight(WeightKind::OnePlus)(chain)
                })
            }),
        ),
        fault(
            "m2-one-plus-twice",
            "M2",
            [
                "1 is added to the weight twice: by the converter and by the kernel",
                "each coordinate is too large by what the norm alone gives",
                "add it in one place",
            ],
            &[],
            Change::Question(|question, _| {
                edit(question, |chain| {
                    (chain.norm?.weight == WeightKind::OnePlus).then_some(())?;
                    let mut changed = None;
                    for norm in chain.parts.iter_mut().filter_map(|part| part.norm.as_mut()) {
                        let Some(given) = &norm.weight else { continue };
                        let list: Vec<f64> = given.numbers().map(|w| w + 1.0).collect();
                        norm.weight = Some(floats(given.shape(), &list)?);
                        changed = Some(());
                    }
                    changed
                })
            }),
        ),
        fault(
            "m2-query-weight-for-keys",
            "M2",
            [
                "keys are multiplied by the weight of the queries' norm",
                "queries are right; each coordinate of keys is off by its own constant factor",
                "pass k_norm's weight for the heads of keys",
            ],
            &[],
            Change::Question(|question, _| edit(question, |chain| weight_of(chain, "q", "k"))),
        ),
        fault(
            "m2-key-weight-for-queries",
            "M2",
            [
                "queries are multiplied by the weight of the keys' norm",
                "keys are right; each coordinate of queries is off by its own constant factor",
                "pass q_norm's weight for the heads of queries",
            ],
            &[],
            Change::Question(|question, _| edit(question, |chain| weight_of(chain, "k", "q"))),
        ),
        fault(
            "m2-weight-of-head-0",
            "M2",
            [
                "the weight of the first head is used for all, where there is one for each",
                "the first head is right",
                "index the weight by head and coordinate",
            ],
            &[],
            Change::Question(|question, _| {
                parts(question, |part| {
                    let dim = part.heads.dim();
                    let norm = part.norm.as_mut()?;
                    let mut changed = None;
                    for slot in [&mut norm.weight, &mut norm.bias].into_iter().flatten() {
                        let (old, shape): (Vec<f64>, _) =
                            (slot.numbers().collect(), slot.shape().to_vec());
                        let new: Vec<f64> = (0..old.len()).map(|i| old[i % dim]).collect();
                        if new != old {
                            *slot = floats(&shape, &new)?;
                            changed = Some(());
                        }
                    }
                    changed
                })
            }),
        ),
        fault(
            "m2-bias-forgotten",
            "M2",
            [
                "the bias of the layer norm is not added",
                "each coordinate is off by a constant, the same for every token",
                "add the bias after the weight",
            ],
            &[],
            Change::Question(|question, _| {
                parts(question, |part| part.norm.as_mut()?.bias.take().map(|_| ()))
            }),
        ),
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

fn kind(chain: &mut Chain, kind: NormKind) -> Option<()> {
    let norm = chain.norm.as_mut()?;
    let changed = norm.kind != kind;
    norm.kind = kind;
    changed.then_some(())
}
