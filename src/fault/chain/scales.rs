//! N3 to N6: scales that a kernel makes.

use super::entry::fault;
use super::quantize::flavour;
use super::staged::{Numbers, Open, Stage, chain, edit, replace};
use crate::encoding::{Chain, Part, Per, Quantize, ScaleKind};
use crate::fault::Fault;
use crate::fault::change::{Change, View};
use crate::fault::row;
use crate::number::Format;
use crate::request::Output;

/// How a kernel makes its scales.
#[derive(Clone, Copy)]
struct Made {
    /// The numbers whose magnitudes count.
    numbers: fn(&Open) -> Option<Numbers>,
    /// Whether a row counts.
    counts: fn(&Chain, &Part, usize) -> bool,
    size: fn(f64) -> f64,
    /// Blocks of the same number share their largest magnitude.
    shared: fn(&Chain, &Part, usize) -> usize,
    /// The block whose largest magnitude a block reads, of so many.
    read: fn(usize, usize) -> usize,
    /// The scale of a largest magnitude.
    scale: fn(Quantize, f64) -> f64,
}

const RIGHT: Made = Made {
    numbers: |open| open.values(),
    counts: |_, _, _| true,
    size: f64::abs,
    shared: |_, _, block| block,
    read: |block, _| block,
    scale: |quantize, most| match (quantize.scale, most) {
        (_, 0.0) => 1.0,
        (ScaleKind::AmaxPow2, most) => power(most / largest(quantize), f64::ceil),
        (_, most) => (most / largest(quantize)) as f32 as f64,
    },
};

impl Made {
    /// The answer of a kernel that makes its scales so. None where nothing changes.
    fn change(&self, view: &View, output: &mut Output) -> Option<()> {
        let open = Open::new(view)?;
        let chain = open.chain;
        let quantize = chain.quantize.filter(|quantize| quantize.scale != ScaleKind::Given)?;
        let numbers = (self.numbers)(&open)?;
        let mut made = Vec::new();
        for (part, numbers) in chain.parts.iter().zip(&numbers) {
            made.push(part.quantized.then(|| {
                let most = self.magnitudes(chain, part, numbers);
                let read = |block| most[(self.read)(block, most.len()).min(most.len() - 1)];
                (0..most.len()).map(|block| (self.scale)(quantize, read(block))).collect()
            }));
        }
        replace(output, open.scaled(&made)?)
    }

    /// The largest magnitude that every block goes by.
    fn magnitudes(&self, chain: &Chain, part: &Part, numbers: &[f64]) -> Vec<f64> {
        let dim = part.heads.dim().max(1);
        let mut most = vec![0f64; chain.scale_shape(part).iter().product()];
        for (index, x) in numbers.iter().enumerate() {
            let (row, d) = (index / dim, index % dim);
            if (self.counts)(chain, part, row) {
                let slot = &mut most[chain.block(part, row, d)];
                *slot = slot.max((self.size)(*x));
            }
        }
        let with = |block: usize| (self.shared)(chain, part, block);
        let of = |block: usize| {
            let all = (0..most.len()).filter(move |&other| with(other) == with(block));
            all.map(|other| most[other]).fold(0.0, f64::max)
        };
        (0..most.len()).map(of).collect()
    }
}

fn largest(quantize: Quantize) -> f64 {
    let format = quantize.format.format().unwrap_or(Format::F8E4M3FN);
    format.to_f64(format.largest())
}

/// 2 to a rounded logarithm.
fn power(x: f64, round: fn(f64) -> f64) -> f64 {
    let (mantissa, exponent) = libm::frexp(x);
    // log₂ of a mantissa in [1/2, 1); exact at 1/2, where alone a whole number could come out.
    let part = if mantissa == 0.5 { -1.0 } else { libm::log2(mantissa) };
    libm::ldexp(1.0, exponent + round(part) as i32)
}

/// The power of two of a scale, rounded otherwise.
fn rounded(view: &View, output: &mut Output, scale: fn(Quantize, f64) -> f64) -> Option<()> {
    let quantize = chain(view.question)?.quantize?;
    (quantize.scale == ScaleKind::AmaxPow2).then_some(())?;
    Made { scale, ..RIGHT }.change(view, output)
}

fn made(chain: &mut Chain, from: ScaleKind, to: ScaleKind) -> Option<()> {
    let quantize = chain.quantize.as_mut()?;
    (quantize.scale == from).then_some(())?;
    quantize.scale = to;
    Some(())
}

/// A scale that stands for a largest magnitude of 0 as well.
fn nonzero(quantize: Quantize, most: f64, round: fn(f64) -> f64) -> f64 {
    if most == 0.0 { 1.0 } else { power(most / largest(quantize), round) }
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        fault(
            "n3-largest-of-the-other-vendor",
            "N3",
            [
                "the scale is made with the largest number of the other vendor's format: 448 for 240, or the reverse",
                "scales are off by one factor; where it is too small, values are cut",
                "divide by the largest number of the format that is stored",
            ],
            &["vllm-project/vllm#45681"],
            Change::Output(|view, output| {
                let scale = |mut quantize: Quantize, most| {
                    quantize.format = flavour(quantize.format).unwrap_or(quantize.format);
                    (RIGHT.scale)(quantize, most)
                };
                Made { scale, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n4-amax-before-the-rotation",
            "N4",
            [
                "the largest magnitude is taken before the rotation",
                "scales do not depend on positions; values beyond them are cut",
                "take the largest of what is cast",
            ],
            &[],
            Change::Output(|view, output| {
                let numbers = |open: &Open| open.before(Stage::Rotate);
                Made { numbers, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n4-amax-without-sign",
            "N4",
            [
                "the largest number is taken instead of the largest magnitude",
                "blocks whose largest magnitude is negative have too small a scale",
                "take absolute values first",
            ],
            &[],
            Change::Output(|view, output| Made { size: |x| x, ..RIGHT }.change(view, output)),
        ),
        fault(
            "n4-amax-of-the-next-block",
            "N4",
            [
                "each block has the scale of the next one",
                "with one block nothing is wrong",
                "look at the index of what is reduced",
            ],
            &[],
            Change::Output(|view, output| {
                Made { read: |block, count| (block + 1) % count, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n4-amax-over-everything",
            "N4",
            [
                "one largest magnitude of the whole tensor is used for every block",
                "every scale is the same; with one block nothing is wrong",
                "reduce over what shares a scale, and no further",
            ],
            &[],
            Change::Output(|view, output| {
                Made { shared: |_, _, _| 0, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n4-padding-left-out",
            "N4",
            [
                "tokens whose slot is −1 do not count for the largest magnitude",
                "without padding nothing is wrong",
                "a scale is that of all tokens that are given; pass none that should not count",
            ],
            &[],
            Change::Output(|view, output| {
                chain(view.question)?.store?;
                let counts = |chain: &Chain, part: &Part, row: usize| {
                    chain.slots.get(part.heads.token(row)).is_some_and(Option::is_some)
                };
                Made { counts, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n4-zeros-have-scale-0",
            "N4",
            [
                "a block of zeros has scale 0, and what is divided by it is NaN",
                "only blocks of zeros are wrong",
                "give a block of zeros the scale 1",
            ],
            &["huggingface/kernels-community#680", "NVIDIA/Model-Optimizer#381"],
            Change::Output(|view, output| {
                let scale = |quantize, most| match most {
                    0.0 => 0.0,
                    most => (RIGHT.scale)(quantize, most),
                };
                Made { scale, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n4-reciprocal-given-out",
            "N4",
            [
                "the scale that is given out is its own reciprocal",
                "what is stored is right; the scales are not",
                "give out what a reader multiplies by",
            ],
            &[],
            Change::Output(|view, output| {
                let chain = chain(view.question)?;
                let mut changed = None;
                for part in chain.made_scales() {
                    let tensor = row::named(output, part.scale_name())?;
                    let inverse = |x: f64| u64::from(((1.0 / x) as f32).to_bits());
                    let bits = row::doubles(tensor).into_iter().map(inverse).collect();
                    changed = row::replace(tensor, bits).or(changed);
                }
                changed
            }),
        ),
        fault(
            "n5-power-rounded-down",
            "N5",
            [
                "the power of two is the one below max|x| / largest",
                "the largest values are cut; powers of two are right",
                "round the logarithm up",
            ],
            &["inclusionAI/humming#39"],
            Change::Output(|view, output| {
                rounded(view, output, |quantize, most| nonzero(quantize, most, f64::floor))
            }),
        ),
        fault(
            "n5-power-rounded-to-nearest",
            "N5",
            [
                "the power of two is the one nearest to max|x| / largest",
                "half of the blocks have too small a scale, and their largest values are cut",
                "round the logarithm up",
            ],
            &["ROCm/aiter#3212"],
            Change::Output(|view, output| {
                rounded(view, output, |quantize, most| nonzero(quantize, most, f64::round))
            }),
        ),
        fault(
            "n5-power-one-too-large",
            "N5",
            [
                "the exponent of the power of two is always one above its whole part",
                "only scales that are powers of two already are twice too large",
                "a whole logarithm is not rounded up",
            ],
            &[],
            Change::Output(|view, output| {
                rounded(view, output, |quantize, most| nonzero(quantize, most, |x| x.floor() + 1.0))
            }),
        ),
        fault(
            "n5-not-a-power",
            "N5",
            [
                "the scale is max|x| / largest where the power of two above is meant",
                "scales have a mantissa",
                "round the scale up to a power of two: ue8m0 holds nothing else",
            ],
            &[],
            Change::Question(|question, _| {
                edit(question, |chain| made(chain, ScaleKind::AmaxPow2, ScaleKind::Amax))
            }),
        ),
        fault(
            "n5-rounded-to-a-power",
            "N5",
            [
                "the scale is rounded up to a power of two where max|x| / largest is meant",
                "scales are up to twice too large",
                "keep the quotient",
            ],
            &[],
            Change::Question(|question, _| {
                edit(question, |chain| made(chain, ScaleKind::Amax, ScaleKind::AmaxPow2))
            }),
        ),
        fault(
            "n6-row-for-group",
            "N6",
            [
                "all groups of a row have the largest magnitude of the row",
                "the group with the largest magnitude is right",
                "reduce over group_size coordinates",
            ],
            &[],
            Change::Output(|view, output| {
                let shared = |chain: &Chain, part: &Part, at| match chain.quantize.map(|q| q.per) {
                    Some(Per::Group(size)) => at / (part.heads.dim() / size).max(1),
                    _ => at,
                };
                Made { shared, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n6-groups-of-twice-the-width",
            "N6",
            [
                "two groups share the largest magnitude of both: the group is twice as wide",
                "one of each two groups is right",
                "pass group_size on",
            ],
            &[],
            Change::Output(|view, output| {
                let shared = |chain: &Chain, _: &Part, at| match chain.quantize.map(|q| q.per) {
                    Some(Per::Group(_)) => at / 2,
                    _ => at,
                };
                Made { shared, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n6-head-for-token",
            "N6",
            [
                "all tokens of a head share a scale where each has its own",
                "with one token nothing is wrong",
                "reduce over the head's coordinates of one token",
            ],
            &[],
            Change::Output(|view, output| {
                let shared = |chain: &Chain, part: &Part, at| match chain.quantize.map(|q| q.per) {
                    Some(Per::Token) => at / part.heads.seq().max(1),
                    _ => at,
                };
                Made { shared, ..RIGHT }.change(view, output)
            }),
        ),
        fault(
            "n6-token-for-its-heads",
            "N6",
            [
                "all heads of a token share a scale where each has its own",
                "with one head nothing is wrong",
                "reduce over one head's coordinates",
            ],
            &[],
            Change::Output(|view, output| {
                let shared = |chain: &Chain, part: &Part, at| match chain.quantize.map(|q| q.per) {
                    Some(Per::Token) => {
                        let (heads, seq) = (part.heads.heads().max(1), part.heads.seq().max(1));
                        at / (heads * seq) * seq + at % seq
                    }
                    _ => at,
                };
                Made { shared, ..RIGHT }.change(view, output)
            }),
        ),
    ]
}
