//! Attention laid out: a row for every query of every head, and its logarithm.

use super::exhibit::{Laid, Side, Whole, integers};
use super::fact::{Fact, Value};
use super::whole::{self, Shape, tensor};
use crate::audit::judge::Mark;
use crate::encoding::{Attention, Question};
use crate::number::{Dtype, Tensor};
use crate::request::Json;
use std::collections::BTreeMap;

/// Lays attention out.
pub(super) fn lay_out(
    attention: &Attention,
    question: &Question,
    [came, is_right]: [&[(String, Tensor)]; 2],
    marks_of: &dyn Fn(&str, usize) -> Option<Vec<Mark>>,
) -> Option<(Whole, Vec<Side>, Dtype)> {
    let (batch, heads, tokens) = (attention.q.batch(), attention.q.heads(), attention.q.seq());
    let outputs = [("out", attention.v.dim())].into_iter();
    let outputs = outputs.chain(attention.lse.then_some(("lse", 1)));
    let (mut sides, mut laid) = (Vec::new(), Vec::new());
    for (name, width) in outputs {
        let (got, right) = (tensor(came, name)?, tensor(is_right, name)?);
        let count = right.data().len();
        let one = Laid { output: name, cells: (0..count).map(Some).collect() };
        let shape = Shape { name, heads, width, input: vec![] };
        sides.push(whole::side(shape, [got, right], &marks_of(name, count)?, &one)?);
        laid.push(one);
    }
    let positions = attention.query_positions.data();
    let positions = integers(positions.get(..batch * tokens)?).unwrap_or_default();
    let whole = Whole::new(question, [batch, tokens], positions, laid, &sides);
    Some((whole, sides, attention.q.dtype()))
}

/// What is known of attention beside its config and the shapes of queries and keys.
pub(super) fn facts(attention: &Attention, facts: &mut BTreeMap<Fact, Value>) {
    facts.insert(Fact::Keys, Value::Number(attention.k.seq() as f64));
    let given = [
        ("sinks", attention.sinks.is_some()),
        ("key_lengths", attention.key_lengths.is_some()),
        ("lse", attention.lse),
    ];
    for (name, _) in given.into_iter().filter(|(_, given)| *given) {
        facts.insert(Fact::Config(name.into()), Value::Word("given".into()));
    }
    if let Some(Json::Object(rope)) = attention.config.get("rope") {
        for (key, fact) in [("layout", Fact::Layout), ("rope_type", Fact::RopeType)] {
            if let Some(Json::String(text)) = rope.get(key) {
                facts.insert(fact, Value::Word(text.clone()));
            }
        }
    }
}
