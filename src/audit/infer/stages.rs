//! Fused kernels laid out: the rows that go through a chain, those of a cache by their slots.

use super::exhibit::{Laid, Side, Whole, integers};
use super::fact::{Fact, Value};
use super::whole::{self, Shape, tensor};
use crate::audit::judge::Mark;
use crate::encoding::{Chain, Norm, NormKind, Part, Per, Question, ScaleKind, WeightKind};
use crate::number::{Dtype, Tensor};
use std::collections::BTreeMap;

/// Where the elements of the rows of a part stand in its output; none for padding.
fn cells(chain: &Chain, part: &Part) -> Vec<Option<usize>> {
    let dim = part.heads.dim().max(1);
    let of = |index: usize| match part.cache {
        None => Some(index),
        Some(_) => chain.cell(part, index / dim, index % dim),
    };
    (0..part.heads.data().len()).map(of).collect()
}

/// Lays a chain out. None where something is wrong that belongs to no row.
pub(super) fn lay_out(
    chain: &Chain,
    question: &Question,
    [came, is_right]: [&[(String, Tensor)]; 2],
    marks_of: &dyn Fn(&str, usize) -> Option<Vec<Mark>>,
) -> Option<(Whole, Vec<Side>, Dtype)> {
    let q = &chain.parts.first()?.heads;
    let (batch, tokens) = (q.batch(), q.seq());
    let (mut sides, mut laid) = (Vec::new(), Vec::new());
    for part in &chain.parts {
        let (got, right) = (tensor(came, part.output())?, tensor(is_right, part.output())?);
        let one = Laid { output: part.output(), cells: cells(chain, part) };
        let marks = marks_of(part.output(), right.data().len())?;
        let (heads, width) = (part.heads.heads(), part.heads.dim());
        let input = part.heads.numbers().collect();
        let shape = Shape { name: part.name, heads, width, input };
        sides.push(whole::side(shape, [got, right], &marks, &one)?);
        laid.push(one);
    }
    let positions = chain.turn.as_ref().and_then(|turn| integers(turn.positions.data()));
    let positions = positions.filter(|list| list.len() == batch * tokens).unwrap_or_default();
    let whole = Whole::new(question, [batch, tokens], positions, laid, &sides);
    Some((whole, sides, q.dtype()))
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
