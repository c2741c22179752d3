//! The facts of a question, and of a row in it.

use super::exhibit::{Exhibit, Part, Scene, Unit};
use super::fact::{Fact, Value};
use crate::encoding::{Body, Chain, Question};
use crate::number::Tensor;
use crate::request::{Json, Object, Positions};
use std::collections::BTreeMap;

/// Keys of configs that other facts stand for.
const OTHERWISE: [&str; 6] =
    ["head_dim", "layout", "rope_type", "rotary_dim", "rotary_offset", "num_heads"];

/// What is known of a question.
pub(in crate::audit) fn facts(question: &Question) -> BTreeMap<Fact, Value> {
    let mut facts = BTreeMap::new();
    let number = |x: usize| Value::Number(x as f64);
    let word = |text: &str| Value::Word(text.to_string());
    facts.insert(Fact::Operation, word(question.operation.name()));
    facts.insert(Fact::Dtype, word(question.dtype.name()));
    let config = match &question.body {
        Body::Chain(Chain { turn: Some(turn), .. }) => &turn.config,
        _ => question.config(),
    };
    keys(config, &mut facts);
    facts.remove(&Fact::Config("stages".into()));
    if let Some(dim) = config.get("head_dim").and_then(Json::number) {
        facts.insert(Fact::HeadDim, Value::Number(dim));
        facts.insert(Fact::Wide, Value::flag(dim >= 64.0));
        let rotary = config.get("rotary_dim").and_then(Json::number).unwrap_or(dim);
        facts.insert(Fact::RotaryDim, Value::Number(rotary));
        facts.insert(Fact::Partial, Value::flag(rotary < dim));
        let offset = config.get("rotary_offset").and_then(Json::number).unwrap_or(0.0);
        facts.insert(Fact::Offset, Value::flag(offset > 0.0));
    }
    for (key, fact) in [("layout", Fact::Layout), ("rope_type", Fact::RopeType)] {
        if let Some(Json::String(text)) = config.get(key) {
            facts.insert(fact, word(text));
        }
    }
    let mut shapes = |q: &Tensor, k: Option<&Tensor>| {
        let shape = q.shape();
        facts.insert(Fact::InputDtype, word(q.dtype().name()));
        facts.insert(Fact::Batches, number(shape[0]));
        facts.insert(Fact::Heads, number(shape[1]));
        facts.insert(Fact::Tokens, number(shape[2]));
        facts.insert(Fact::OneToken, Value::flag(shape[2] == 1));
        facts.insert(Fact::KeysPresent, Value::flag(k.is_some()));
        if let Some(k) = k {
            facts.insert(Fact::KeyHeads, number(k.shape()[1]));
            facts.insert(Fact::Grouped, Value::flag(k.shape()[1] != shape[1]));
        }
    };
    match &question.body {
        Body::Rotate(r) => {
            shapes(&r.q, r.k.as_ref().map(|k| -> &Tensor { k }));
            facts.insert(Fact::Direction, word(r.direction.name()));
            facts.insert(Fact::Axes, number(r.rope.axes.max(1)));
            of_positions(&r.positions, config, &mut facts);
            length(r.seq_len, config, &mut facts);
        }
        Body::Apply(a) => {
            shapes(&a.q, a.k.as_ref().map(|k| -> &Tensor { k }));
            facts.insert(Fact::Direction, word(a.direction.name()));
        }
        Body::Score(s) => {
            shapes(&s.q, Some(&s.k));
            of_positions(&s.query_positions, config, &mut facts);
        }
        Body::Table(t) => of_positions(&t.positions, config, &mut facts),
        Body::Chain(c) => {
            let heads = |name: &str| c.parts.iter().find(|p| p.name == name).map(|p| &p.heads);
            if let Some(q) = heads("q") {
                shapes(q, heads("k").map(|k| -> &Tensor { k }));
            }
            if let Some(turn) = &c.turn {
                facts.insert(Fact::Direction, word(turn.direction.name()));
                of_positions(&turn.positions, &turn.config, &mut facts);
            }
            super::stages::facts(c, &mut facts);
        }
        Body::Attention(a) => {
            shapes(&a.q, Some(&a.k));
            super::attention::facts(a, &mut facts);
        }
        Body::PositionIds(ids) => super::ids::facts(ids, &mut facts),
        Body::AlibiBias(a) => {
            facts.insert(Fact::Heads, number(a.alibi.num_heads));
            facts.insert(Fact::Tokens, number(a.query_positions.len()));
            facts.insert(Fact::OneToken, Value::flag(a.query_positions.len() == 1));
        }
        Body::T5Bias(t, _) | Body::T5Bucket(t) => {
            facts.insert(Fact::Tokens, number(t.query_positions.len()));
            facts.insert(Fact::OneToken, Value::flag(t.query_positions.len() == 1));
        }
        _ => {}
    }
    facts
}

fn length(seq_len: Option<i64>, config: &Object, facts: &mut BTreeMap<Fact, Value>) {
    let original = config.get("original_max_position_embeddings").and_then(Json::number);
    if let (Some(length), Some(original)) = (seq_len, original) {
        facts.insert(Fact::LongerThanOriginal, Value::flag(length as f64 > original));
    }
}

fn of_positions(positions: &Positions, config: &Object, facts: &mut BTreeMap<Fact, Value>) {
    let data = positions.data();
    let furthest = data.iter().map(|p| p.numerator).max_by_key(|p| p.unsigned_abs());
    if let Some(furthest) = furthest {
        facts.insert(Fact::Furthest, Value::Number(furthest as f64));
        facts.insert(Fact::Reach, Value::Number(furthest.unsigned_abs() as f64));
        let original = config.get("original_max_position_embeddings").and_then(Json::number);
        if let Some(original) = original {
            facts.insert(Fact::BeyondOriginal, Value::flag(furthest as f64 >= original));
        }
    }
    if let &[_, batch, tokens] = positions.shape() {
        let rows: Vec<_> = data.chunks(tokens.max(1)).take(batch).collect();
        facts.insert(Fact::RowsDiffer, Value::flag(rows.windows(2).any(|w| w[0] != w[1])));
    }
}

fn keys(config: &Object, facts: &mut BTreeMap<Fact, Value>) {
    for (key, value) in config.iter().filter(|(key, _)| !OTHERWISE.contains(key)) {
        let value = match value {
            Json::String(text) => Value::Word(text.clone()),
            Json::Bool(flag) => Value::Word(flag.to_string()),
            other => match other.number() {
                Some(x) => Value::Number(x),
                None => Value::Word("given".into()),
            },
        };
        facts.insert(Fact::Config(key.to_string()), value);
    }
}

/// An index in the tensor that the answer was cut out of.
fn index(exhibit: &Exhibit, axis: usize, own: usize) -> usize {
    exhibit.cut.as_ref().and_then(|cut| cut[axis].get(own).copied()).unwrap_or(own)
}

/// A fact of a row.
pub(super) fn of_row(exhibit: &Exhibit, unit: &Unit, fact: &Fact) -> Option<Value> {
    let number = |x: usize| Some(Value::Number(x as f64));
    match fact {
        _ if exhibit.sides.is_empty() && fact.is_of_rows() => None,
        Fact::Tensor => Some(Value::Word(exhibit.sides.get(unit.side)?.name.to_string())),
        Fact::Part => Some(Value::Word(
            match unit.part {
                Part::Turned => "turned",
                Part::Passed => "passed",
            }
            .into(),
        )),
        Fact::Position => {
            // Where several axes have different positions there is no one position.
            let first = exhibit.position(unit, 0)?;
            let axes = match &exhibit.scene {
                Scene::Turn(turn) => turn.planes.iter().map(|p| p.axis).max().unwrap_or(0),
                Scene::Grid(_) | Scene::Whole(_) => 0,
            };
            let same = (1..=axes).all(|axis| exhibit.position(unit, axis) == Some(first));
            same.then_some(Value::Number(first as f64))
        }
        Fact::PastOriginal => {
            let Scene::Turn(turn) = &exhibit.scene else { return None };
            let original = turn.config.get("original_max_position_embeddings")?.number()?;
            Some(Value::flag(exhibit.position(unit, 0)? as f64 >= original))
        }
        Fact::Head => number(index(exhibit, 1, unit.head)),
        Fact::Batch => number(index(exhibit, 0, unit.batch)),
        Fact::Token => number(index(exhibit, 2, unit.token)),
        Fact::Kind => match &exhibit.scene {
            Scene::Whole(whole) => Some(Value::Word(whole.kinds.get(unit.token)?.0.into())),
            _ => None,
        },
        Fact::Piece => match &exhibit.scene {
            Scene::Whole(whole) => number(whole.kinds.get(unit.token)?.1),
            _ => None,
        },
        Fact::HeadModulo(m) => number(index(exhibit, 1, unit.head) % *m as usize),
        Fact::TokenModulo(m) => number(index(exhibit, 2, unit.token) % *m as usize),
        Fact::PositionModulo(m) => {
            let p = exhibit.position(unit, 0)?;
            Some(Value::Number(p.rem_euclid(i128::from(*m)) as f64))
        }
        // Of a part of a tensor its ends say nothing.
        Fact::SecondHalf
        | Fact::BeyondKeyHeads
        | Fact::LastToken
        | Fact::LastHead
        | Fact::LastRow
        | Fact::Tail(_)
        | Fact::RowTail(_)
        | Fact::HeadTail(_)
        | Fact::OwnHeads
        | Fact::HeadsAreTokens
            if exhibit.cut.is_some() =>
        {
            None
        }
        Fact::SecondHalf => {
            let heads = exhibit.sides.get(unit.side)?.heads;
            Some(Value::flag(heads > 1 && 2 * unit.head >= heads))
        }
        Fact::BeyondKeyHeads => {
            let keys = exhibit.facts.get(&Fact::KeyHeads)?.number()?;
            let queries = exhibit.sides.get(unit.side)?.name == "q";
            Some(Value::flag(queries && unit.head as f64 >= keys))
        }
        Fact::LastToken => Some(Value::flag(unit.token + 1 == exhibit.tokens())),
        Fact::LastHead => {
            let heads = exhibit.sides.get(unit.side)?.heads;
            Some(Value::flag(heads > 1 && unit.head + 1 == heads))
        }
        Fact::LastRow => {
            let rows = exhibit.facts.get(&Fact::Batches).and_then(Value::number)?;
            Some(Value::flag(rows > 1.0 && unit.batch as f64 + 1.0 == rows))
        }
        Fact::OwnHeads => number(exhibit.sides.get(unit.side)?.heads),
        Fact::HeadsAreTokens => {
            let heads = exhibit.sides.get(unit.side)?.heads;
            Some(Value::flag(heads > 1 && heads == exhibit.tokens()))
        }
        Fact::HeadTail(tile) => {
            let heads = exhibit.sides.get(unit.side)?.heads as i64;
            Some(Value::Number((unit.head as i64 - heads / tile * tile) as f64))
        }
        Fact::RowTail(tile) => {
            let all = exhibit.tokens() as i64;
            Some(Value::Number((unit.token as i64 - all / tile * tile) as f64))
        }
        Fact::Tail(tile) => {
            let all = exhibit.facts.get(&Fact::Batches).and_then(Value::number).unwrap_or(1.0);
            let (tile, all) = (*tile, all as i64 * exhibit.tokens() as i64);
            let flat = (unit.batch * exhibit.tokens() + unit.token) as i64;
            Some(Value::Number((flat - all / tile * tile) as f64))
        }
        of_question => exhibit.facts.get(of_question).cloned(),
    }
}
