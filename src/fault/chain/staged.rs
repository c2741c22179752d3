//! A chain cut open: the numbers between its stages.
//!
//! What a fault does inside of a fused kernel is done to those numbers, in f64, and the rest of the
//! chain is asked for what comes of them.

use crate::encoding::{Body, Chain, Floats, Heads, Part, Question};
use crate::fault::change::View;
use crate::number::{Dtype, Tensor};
use crate::profile::encode;
use crate::request::Output;

/// The chain of a question.
pub(super) fn chain(question: &Question) -> Option<&Chain> {
    match &question.body {
        Body::Chain(chain) => Some(chain),
        _ => None,
    }
}

/// Edits the chain of a question.
pub(super) fn edit(
    question: &mut Question,
    edit: impl FnOnce(&mut Chain) -> Option<()>,
) -> Option<()> {
    match &mut question.body {
        Body::Chain(chain) => edit(chain),
        _ => None,
    }
}

/// Edits every part of the chain of a question. None if none is changed.
pub(super) fn parts(
    question: &mut Question,
    mut change: impl FnMut(&mut Part) -> Option<()>,
) -> Option<()> {
    edit(question, |chain| {
        let changes = chain.parts.iter_mut().map(|part| change(part).is_some());
        changes.fold(false, |any, one| any | one).then_some(())
    })
}

/// A tensor of doubles of a shape.
pub(super) fn floats(shape: &[usize], numbers: &[f64]) -> Option<Floats> {
    let bits = numbers.iter().map(|x| x.to_bits()).collect();
    Floats::new(Tensor::new(Dtype::F64, shape.to_vec(), bits).ok()?)
}

/// A stage that changes numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    Norm,
    Rotate,
}

/// The numbers of q, k and v at one place of a chain.
pub(super) type Numbers = Vec<Vec<f64>>;

/// A chain whose numbers can be looked at.
pub(super) struct Open<'v> {
    pub(super) chain: &'v Chain,
    view: &'v View<'v>,
}

impl<'v> Open<'v> {
    pub(super) fn new(view: &'v View<'v>) -> Option<Open<'v>> {
        Some(Open { chain: chain(view.question)?, view })
    }

    fn has(&self, stage: Stage) -> bool {
        match stage {
            Stage::Norm => self.chain.norm.is_some(),
            Stage::Rotate => self.chain.turn.is_some(),
        }
    }

    /// Whether one of the two stages comes before the other.
    fn precedes(&self, stage: Stage, other: Stage) -> bool {
        stage != other && (stage == Stage::Norm) == self.chain.norm_first
    }

    fn ask(&self, chain: Chain, dtype: Dtype) -> Output {
        let question =
            Question { operation: self.view.question.operation, dtype, body: Body::Chain(chain) };
        (self.view.answer)(&question)
    }

    fn without(chain: &mut Chain, stage: Stage) {
        match stage {
            Stage::Norm => {
                chain.norm = None;
                chain.parts.iter_mut().for_each(|part| part.norm = None);
            }
            Stage::Rotate => {
                chain.turn = None;
                chain.parts.iter_mut().for_each(|part| part.turns = false);
            }
        }
    }

    /// The numbers after the stages that are kept.
    fn after(&self, keep: impl Fn(Stage) -> bool) -> Option<Numbers> {
        let mut chain = self.chain.clone();
        for stage in [Stage::Norm, Stage::Rotate] {
            if !keep(stage) {
                Open::without(&mut chain, stage);
            }
        }
        (chain.quantize, chain.store) = (None, None);
        chain.slots.clear();
        for part in &mut chain.parts {
            (part.quantized, part.scale, part.cache) = (false, None, None);
        }
        let output = self.ask(chain, Dtype::F64);
        let of = |part: &Part| {
            let tensor = output.iter().find(|(name, _)| *name == part.name)?;
            Some(tensor.1.data().iter().map(|&bits| f64::from_bits(bits)).collect())
        };
        self.chain.parts.iter().map(of).collect()
    }

    /// What goes into a stage.
    pub(super) fn before(&self, stage: Stage) -> Option<Numbers> {
        self.has(stage).then_some(())?;
        self.after(|other| self.precedes(other, stage))
    }

    /// What comes out of a stage.
    pub(super) fn out_of(&self, stage: Stage) -> Option<Numbers> {
        self.has(stage).then_some(())?;
        self.after(|other| other == stage || self.precedes(other, stage))
    }

    /// What goes into the cast, or into the output if there is none.
    pub(super) fn values(&self) -> Option<Numbers> {
        self.after(|_| true)
    }

    /// The answer where these numbers came out of a stage.
    pub(super) fn onward(&self, stage: Stage, numbers: &Numbers) -> Option<Output> {
        let mut chain = self.chain.clone();
        Open::without(&mut chain, stage);
        for other in [Stage::Norm, Stage::Rotate] {
            if self.precedes(other, stage) {
                Open::without(&mut chain, other);
            }
        }
        let changed = self.chain.parts.iter().zip(&mut chain.parts).zip(numbers);
        for ((part, slot), numbers) in changed {
            // What no stage touches is copied, and keeps its format.
            if part.norm.is_some() || part.turns || part.quantized {
                slot.heads = Heads::new(floats(part.heads.shape(), numbers)?.tensor().clone())?;
            }
        }
        Some(self.ask(chain, self.view.question.dtype))
    }

    /// The answer where the cast divides by these scales, part by part.
    pub(super) fn scaled(&self, scales: &[Option<Vec<f64>>]) -> Option<Output> {
        let mut chain = self.chain.clone();
        let mut quantize = chain.quantize?;
        quantize.scale = crate::encoding::ScaleKind::Given;
        chain.quantize = Some(quantize);
        let mut made = Vec::new();
        for (part, scales) in chain.parts.iter_mut().zip(scales) {
            let Some(scales) = scales else { continue };
            let shape = self.chain.scale_shape(part);
            let bits = scales.iter().map(|&x| encode(crate::number::Format::F32, x)).collect();
            let tensor = Tensor::new(Dtype::F32, shape, bits).ok()?;
            if part.scale.is_none() {
                made.push((part.scale_name(), tensor.clone()));
            }
            part.scale = Some(Floats::new(tensor)?);
        }
        let mut output = self.ask(chain, self.view.question.dtype);
        output.extend(made);
        Some(output)
    }
}

/// Puts another answer in the place of one. None if it is the same.
pub(super) fn replace(output: &mut Output, other: Output) -> Option<()> {
    let changed = *output != other;
    *output = other;
    changed.then_some(())
}
