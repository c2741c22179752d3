//! M1, M2: eps and weights of a fused kernel's norm.

use super::entry::fault;
use super::renorm::{instead, other};
use super::staged::{edit, floats, parts};
use crate::encoding::{Chain, WeightKind};
use crate::fault::Fault;
use crate::fault::change::Change;

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

/// Weights of the coordinates that are turned, in the order of the other layout.
fn in_the_other_layout(chain: &mut Chain) -> Option<()> {
    let pairs = chain.turn.as_ref()?.rope.pairs();
    let halves = pairs.iter().any(|pair| pair.im - pair.re.min(pair.im) != 1);
    let mut changed = None;
    for part in chain.parts.iter_mut().filter(|part| part.turns) {
        let dim = part.heads.dim().max(1);
        let Some(weight) = part.norm.as_mut().and_then(|norm| norm.weight.as_mut()) else {
            continue;
        };
        let old: Vec<f64> = weight.numbers().collect();
        let mut new = old.clone();
        for row in 0..old.len() / dim {
            let places: Vec<usize> = pairs.iter().flat_map(|pair| [pair.re, pair.im]).collect();
            let (least, count) = (places.iter().copied().min()?, pairs.len());
            for (index, pair) in pairs.iter().enumerate() {
                let [re, im] = match halves {
                    true => [2 * index, 2 * index + 1],
                    false => [index, index + count],
                };
                for (place, other) in [(pair.re, re), (pair.im, im)] {
                    new[row * dim + place] = *old.get(row * dim + least + other)?;
                }
            }
        }
        if new != old {
            *weight = floats(weight.shape(), &new)?;
            changed = Some(());
        }
    }
    changed
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        fault(
            "m2-weight-of-the-other-layout",
            "M2",
            [
                "the weight of the norm is in the order of the other layout: half for interleaved, or the reverse",
                "weights that are all alike are right; the projections were permuted, the weight was not",
                "permute the weights of the norms of q and k as the rows of their projections",
            ],
            &[],
            Change::Question(|question, _| edit(question, in_the_other_layout)),
        ),
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
    ]
}
