//! Fused kernels: rows of what goes through a chain, and what a known fault would make of them.
//!
//! A fault of the list is a hypothesis about whole answers; here it is one about rows, so that it is
//! found where it acts on some of them: keys only, the heads of one half, tokens of one tile.

use super::exhibit::{Exhibit, Rows, Scene, Side, Stages, Unit, integers, numbers};
use super::fact::{Fact, Value};
use super::known::Known;
use super::predicted::Predicted;
use crate::audit::judge::Mark;
use crate::encoding::{Chain, Norm, NormKind, Part, Per, Question, ScaleKind, WeightKind};
use crate::fault::{Answer, Asked, Fault, History};
use crate::number::{Dtype, Tensor};
use crate::profile;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What comes of the rows of a part: those of a cache by their slots, none for padding.
fn rows<T: Copy>(chain: &Chain, part: &Part, data: &[T]) -> Vec<Option<T>> {
    let dim = part.heads.dim().max(1);
    let of = |index: usize| match part.cache {
        None => data.get(index).copied(),
        Some(_) => data.get(chain.cell(part, index / dim, index % dim)?).copied(),
    };
    (0..part.heads.data().len()).map(of).collect()
}

/// The same of bits.
fn in_rows(chain: &Chain, part: &Part, tensor: &Tensor) -> Option<Tensor> {
    let bits = rows(chain, part, tensor.data()).into_iter().map(|bits| bits.unwrap_or(0)).collect();
    Tensor::new(tensor.dtype(), part.heads.shape().to_vec(), bits).ok()
}

fn tensor<'t>(list: &'t [(String, Tensor)], name: &str) -> Option<&'t Tensor> {
    list.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor)
}

/// Lays a chain out. None where something is wrong that belongs to no row.
pub(super) fn lay_out(
    chain: &Chain,
    question: &Question,
    [came, is_right]: [&[(String, Tensor)]; 2],
    marks_of: &dyn Fn(&str, usize) -> Option<Vec<Mark>>,
) -> Option<(Scene, Vec<Side>, Dtype)> {
    let q = &chain.parts.first()?.heads;
    let (batch, tokens) = (q.batch(), q.seq());
    let mut sides = Vec::new();
    for part in &chain.parts {
        let (got, right) = (tensor(came, part.output())?, tensor(is_right, part.output())?);
        if got.shape() != right.shape() || got.dtype() != right.dtype() {
            return None;
        }
        let marks = marks_of(part.output(), right.data().len())?;
        // What padding would be is not judged.
        let own: Vec<Mark> =
            rows(chain, part, &marks).into_iter().map(|mark| mark.unwrap_or(Mark::Open)).collect();
        let wrong = |list: &[Mark]| list.iter().filter(|mark| **mark == Mark::Wrong).count();
        if wrong(&marks) > wrong(&own) {
            return None;
        }
        let plain = |tensor: &Tensor| -> Vec<f64> {
            rows(chain, part, &numbers(tensor)).into_iter().map(|x| x.unwrap_or(0.0)).collect()
        };
        sides.push(Side {
            name: part.name,
            heads: part.heads.heads(),
            width: part.heads.dim(),
            input: part.heads.numbers().collect(),
            got: plain(got),
            bits: in_rows(chain, part, got)?,
            right: plain(right),
            marks: own,
            outside: vec![],
        });
    }
    let positions = chain.turn.as_ref().and_then(|turn| integers(turn.positions.data()));
    let positions = positions.filter(|list| list.len() == batch * tokens).unwrap_or_default();
    let stages = Stages {
        batch,
        tokens,
        positions: positions.into_iter().map(i128::from).collect(),
        slack: slack(chain, question, &sides),
        asked: Asked::from(question.clone()),
        known: Mutex::default(),
    };
    Some((Scene::Stages(Box::new(stages)), sides, q.dtype()))
}

/// Twice the widest bound of a row.
fn slack(chain: &Chain, question: &Question, sides: &[Side]) -> Vec<Vec<f64>> {
    let profiles = crate::audit::right_profiles(question.dtype);
    let bounds = profile::bounds(question, &profiles);
    let named = || bounds.iter().flat_map(|(_, named)| named);
    let of = |(part, side): (&Part, &Side)| {
        let mut widest = vec![0f64; side.right.len()];
        for one in named().filter(|one| one.name == part.output()) {
            let own = rows(chain, part, &numbers(&one.tensor));
            for (slot, x) in widest.iter_mut().zip(own) {
                *slot = slot.max(x.filter(|x| x.is_finite()).unwrap_or(0.0));
            }
        }
        for row in widest.chunks_mut(side.width.max(1)) {
            row.fill(2.0 * row.iter().copied().fold(0.0, f64::max));
        }
        widest
    };
    chain.parts.iter().zip(sides).map(of).collect()
}

impl Stages {
    pub(super) fn slack(&self, side: usize, at: usize) -> f64 {
        self.slack.get(side).and_then(|list| list.get(at)).copied().unwrap_or(0.0)
    }

    /// All rows as a kernel with this fault has them; none where it makes no difference.
    fn known(&self, fault: &'static Fault) -> Option<Rows> {
        // Variants of a fault have its name and sentences of their own.
        let key = fault.summary;
        if let Some(found) = self.known.lock().ok()?.get(key) {
            return found.clone();
        }
        let found = self.made(fault).map(Arc::new);
        self.known.lock().ok()?.insert(key, found.clone());
        found
    }

    fn made(&self, fault: &'static Fault) -> Option<Vec<Vec<f64>>> {
        let question = self.asked.question().ok()?;
        let crate::encoding::Body::Chain(chain) = &question.body else { return None };
        let history = History::default();
        let mutant = fault.mutate(&self.asked, &history)?;
        let Answer::Output(output) = mutant.emulate(&profile::NUMPY_F64) else {
            return None;
        };
        let of = |part: &Part| {
            let (_, made) = output.iter().find(|(name, _)| *name == part.output())?;
            // Where padding is written there is no row, and where a row is not written no number.
            let own = rows(chain, part, &numbers(made));
            Some(own.into_iter().map(|x| x.unwrap_or(0.0)).collect())
        };
        chain.parts.iter().map(of).collect()
    }

    /// A row as a kernel with this fault has it.
    pub(super) fn predict(
        &self,
        exhibit: &Exhibit,
        unit: &Unit,
        fault: &'static Fault,
    ) -> Option<Vec<Predicted>> {
        let known = self.known(fault)?;
        let start = exhibit.start(unit.side, [unit.batch, unit.head, unit.token]);
        let row = known.get(unit.side)?.get(start..start + exhibit.sides[unit.side].width)?;
        let one = |(coordinate, &value): (usize, &f64)| {
            let slack = self.slack(unit.side, start + coordinate) + exhibit.least;
            Predicted { coordinate, value, slack }
        };
        Some(row.iter().enumerate().map(one).collect())
    }
}

/// What is known of a chain beside its shapes.
pub(super) fn facts(chain: &Chain, facts: &mut BTreeMap<Fact, Value>) {
    let mut set = |key: &str, word: &str| {
        facts.insert(Fact::Config(key.to_string()), Value::Word(word.to_string()));
    };
    if let Some(Norm { kind, weight, over_heads, .. }) = &chain.norm {
        set("norm", if *kind == NormKind::Rms { "rms" } else { "layer" });
        set(
            "weight",
            match weight {
                WeightKind::Plain => "plain",
                WeightKind::OnePlus => "one_plus",
                WeightKind::None => "none",
            },
        );
        set("over", if *over_heads { "heads" } else { "head" });
        set("order", if chain.norm_first { "norm first" } else { "rotation first" });
    } else {
        set("norm", "none");
    }
    match &chain.quantize {
        None => set("scale", "none"),
        Some(quantize) => {
            set(
                "scale",
                match quantize.scale {
                    ScaleKind::Given => "given",
                    ScaleKind::Amax => "amax",
                    ScaleKind::AmaxPow2 => "amax_pow2",
                },
            );
            set(
                "per",
                match quantize.per {
                    Per::Tensor => "tensor",
                    Per::Head => "head",
                    Per::Token => "token",
                    Per::Group(_) => "group",
                },
            );
            set("format", quantize.format.name());
        }
    }
    match &chain.store {
        None => set("cache", "none"),
        Some(store) => set("cache", if store.heads_first { "HND" } else { "NHD" }),
    }
}

/// The faults that have some wrong row as it is: those that are worth a trial on all rows.
pub(super) fn propose(exhibits: &[Exhibit], wrong: &[&&Unit]) -> Vec<&'static Fault> {
    use super::look::Look;
    use super::mechanism::Mechanism;
    use rayon::prelude::*;
    // A fault is emulated on a few questions only, small ones and some of the others.
    let mut sizes: Vec<(usize, usize)> = wrong
        .iter()
        .map(|unit| {
            (exhibits[unit.exhibit].sides.iter().map(|s| s.right.len()).sum(), unit.exhibit)
        })
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    let step = sizes.len().div_ceil(QUESTIONS).max(1);
    let some: Vec<usize> = sizes.iter().step_by(step).map(|(_, exhibit)| *exhibit).collect();
    let units: Vec<&&&Unit> = wrong.iter().filter(|unit| some.contains(&unit.exhibit)).collect();
    let cache = super::predict::Cache::default();
    let hits = |fault: &'static Fault| {
        let mechanism = Mechanism::Known(Known(fault));
        let hit =
            |unit: &&&&&Unit| mechanism.look(&exhibits[unit.exhibit], unit, &cache) == Look::Hit;
        units.iter().filter(hit).count()
    };
    let all: Vec<&'static Fault> =
        crate::fault::all().iter().chain(crate::fault::variants()).collect();
    let mut ranked: Vec<(usize, usize, &'static Fault)> = all
        .into_par_iter()
        .enumerate()
        .map(|(index, fault)| (usize::MAX - hits(fault), index, fault))
        .filter(|(missed, ..)| *missed < usize::MAX)
        .collect();
    ranked.sort_by_key(|(missed, index, _)| (*missed, *index));
    ranked.into_iter().take(BEST).map(|(.., fault)| fault).collect()
}

/// Questions on which faults are tried first.
const QUESTIONS: usize = 8;
/// Faults that are tried on everything.
const BEST: usize = 10;
