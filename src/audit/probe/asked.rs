//! The other ways of asking: which questions are worth it, and how a request says so.

use super::{Arrangement, Probe};
use crate::audit::ask::Ask;
use crate::audit::case::Case;
use crate::encoding::{Body, Expression};
use crate::number::Tensor;
use crate::request::{Input, Json, Operation};
use std::collections::BTreeMap;

/// The keys of the input: how it is asked, and how tensors lie.
const KEY: &str = "x_probe";
const LIE: &str = "x_strides";

impl Probe {
    /// The way in which a question is to be asked, if not the plain one.
    pub fn of(ask: &Ask) -> Option<Probe> {
        match ask.input.get(KEY) {
            Some(Json::String(name)) => Probe::from_name(name),
            _ => None,
        }
    }
}

impl Arrangement {
    /// How the tensors of a question are to lie.
    pub fn of(ask: &Ask) -> Arrangement {
        let word = match ask.input.get(LIE) {
            Some(Json::String(name)) => Arrangement::from_name(name),
            _ => None,
        };
        word.unwrap_or(match Probe::of(ask) {
            Some(Probe::Strided) => Arrangement::Roomy,
            _ => Arrangement::Contiguous,
        })
    }
}

/// A case and its [`richness`].
type Ranked<'c> = (usize, &'c Case);

/// Cases with these many of everything are asked again for each operation, format and layout.
const EACH: usize = 3;

/// The questions that are worth asking in other ways: those with most of what can be confused
/// (several batches, heads and tokens, keys beside queries), each with every probe.
pub fn probes(cases: &[Case]) -> Vec<Case> {
    let mut kinds: BTreeMap<[&str; 3], Vec<Ranked>> = BTreeMap::new();
    for case in cases {
        let rotates = matches!(case.ask.operation, Operation::Rotate | Operation::Apply);
        if rotates && let Some(richness) = richness(case) {
            let layout = case.word("layout").unwrap_or_default();
            let kind = [case.ask.operation.name(), case.ask.dtype.name(), layout];
            kinds.entry(kind).or_default().push((richness, case));
        }
    }
    let mut found = Vec::new();
    for (_, mut ranked) in kinds {
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.ask.id.cmp(&b.1.ask.id)));
        for (_, case) in ranked.iter().take(EACH) {
            for probe in Probe::ASKED {
                // Tables have no positions.
                if probe == Probe::PositionWidth && case.ask.operation == Operation::Apply {
                    continue;
                }
                found.push(with(case, probe, None));
            }
        }
        // The richest that can lie so; room everywhere is the probe's own way.
        for lie in Arrangement::ASKED.into_iter().filter(|&lie| lie != Arrangement::Roomy) {
            let suits = |case: &Case| queries(case).is_some_and(|q| lie.suits(q));
            let suited = ranked.iter().filter(|(_, case)| suits(case)).take(EACH);
            found.extend(suited.map(|(_, case)| with(case, Probe::Strided, Some(lie))));
        }
    }
    found
}

/// How many ways of going wrong a case offers; none if it is to be refused.
fn richness(case: &Case) -> Option<usize> {
    let expected = case.truth.expected.tensors()?;
    // What no call can ask is not worth a place among the few.
    let one = Expression::integer(1);
    let (q, plain) = match &case.ask.question().ok()?.body {
        Body::Rotate(r) => {
            (&r.q, r.rope.axes == 1 && r.rope.planes.iter().all(|p| p.growth == one))
        }
        Body::Apply(a) => (&a.q, true),
        _ => return None,
    };
    let (batch, heads, seq) = (q.batch(), q.heads(), q.seq());
    let several = [batch, heads, seq].iter().filter(|&&n| n > 1).count();
    // More tokens than one, or there is nothing to mistake.
    (plain && seq > 1).then_some(100 * several + 100 * expected.0.len() + q.data().len().min(99))
}

/// What is rotated.
fn queries(case: &Case) -> Option<&Tensor> {
    match &case.ask.question().ok()?.body {
        Body::Rotate(rotate) => Some(&rotate.q),
        Body::Apply(apply) => Some(&apply.q),
        _ => None,
    }
}

fn with(case: &Case, probe: Probe, lie: Option<Arrangement>) -> Case {
    let mut case = case.clone();
    let name = match lie {
        Some(lie) => format!("{}-{}", probe.name(), lie.name()),
        None => probe.name().to_string(),
    };
    case.ask = case.ask.reworded(|request| {
        request.id = format!("{}@{name}", request.id);
        let mut input = request.input.object().clone();
        input.set(KEY, Json::from(probe.name()));
        if let Some(lie) = lie {
            input.set(LIE, Json::from(lie.name()));
        }
        request.input = Input::new(input);
    });
    case.group = format!("{} as {name}", case.group);
    case.basic = false;
    case
}
