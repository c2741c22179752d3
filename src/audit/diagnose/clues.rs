//! What can be said of failures that nothing explains: where they are, and what they keep.

use super::evidence::{Evidence, Kind};
use crate::audit::judge::Mark;
use crate::audit::outcome::Outcome;
use crate::audit::place::index_of;
use crate::encoding::{Body, Double, Expression, Heads, Pair};
use crate::number::Tensor;
use crate::request::{Direction, Position, Positions};
use std::collections::BTreeMap;

/// Clues, the plainest first.
pub(super) fn clues(evidence: &[&Evidence]) -> Vec<String> {
    let failing: Vec<&&Evidence> = evidence.iter().filter(|e| e.fails()).collect();
    let mut clues = Vec::new();
    forms(&failing, &mut clues);
    shared(evidence, &mut clues);
    elements(&failing, &mut clues);
    clues
}

/// Other shapes, refusals, answers that change.
fn forms(failing: &[&&Evidence], clues: &mut Vec<String>) {
    let of = |kind: Kind| failing.iter().filter(move |e| e.kind == kind);
    if let Some(first) = of(Kind::Misfit).next() {
        let count = of(Kind::Misfit).count();
        clues.push(format!(
            "{count} answers have another shape or dtype than asked for, the first {}",
            first.case.ask.id
        ));
    }
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    for one in of(Kind::Refusal) {
        if let Outcome::Rejected(reason) = one.outcome {
            *refusals.entry(reason.chars().take(80).collect()).or_default() += 1;
        }
    }
    for (reason, count) in refusals.iter().take(3) {
        clues.push(format!("{count} requests in order are refused: {reason:?}"));
    }
}

/// A word that all failing cases have and no right one.
fn shared(evidence: &[&Evidence], clues: &mut Vec<String>) {
    type Facet = (&'static str, fn(&Evidence) -> Option<String>);
    const FACETS: [Facet; 7] = [
        ("operation", |e| Some(e.operation().name().to_string())),
        ("dtype", |e| Some(e.dtype().name().to_string())),
        ("layout", |e| e.case.word("layout").map(String::from)),
        ("rope_type", |e| e.case.word("rope_type").map(String::from)),
        ("head_dim", |e| e.case.ask.config.get("head_dim").map(|v| v.to_string())),
        ("direction", |e| e.case.ask.input.get("direction").map(|v| v.to_string())),
        ("group", |e| Some(e.case.group.clone())),
    ];
    for (name, value) in FACETS {
        let mut by_value: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for one in evidence {
            if let Some(value) = value(one) {
                let entry = by_value.entry(value).or_default();
                match one.fails() {
                    true => entry.0 += 1,
                    false => entry.1 += 1,
                }
            }
        }
        let wrong: Vec<&String> =
            by_value.iter().filter(|(_, (wrong, _))| *wrong > 0).map(|(v, _)| v).collect();
        let clean: Vec<&String> =
            by_value.iter().filter(|(_, (wrong, _))| *wrong == 0).map(|(v, _)| v).collect();
        if !wrong.is_empty() && !clean.is_empty() {
            clues.push(format!(
                "{name}: wrong for {}; never wrong for {}",
                some(&wrong, 4),
                some(&clean, 4)
            ));
        }
    }
    let mut flags: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for one in evidence {
        for flag in &one.case.flags {
            let entry = flags.entry(flag).or_default();
            entry.0 += usize::from(one.fails());
            entry.1 += 1;
        }
    }
    let total = evidence.iter().filter(|e| e.fails()).count();
    let always = flags.iter().filter(|(_, (wrong, all))| wrong == all && wrong * 2 > total);
    let always: Vec<String> = always.map(|(flag, _)| flag.to_string()).collect();
    if !always.is_empty() {
        clues.push(format!("every case with the flag {} fails", always.join(", ")));
    }
    let free = flags.iter().filter(|(_, (wrong, all))| *wrong == 0 && *all >= 3);
    let free: Vec<String> = free.map(|(flag, _)| flag.to_string()).collect();
    if !free.is_empty() && total > 0 {
        clues.push(format!("no case with the flag {} fails", some(&free, 6)));
    }
}

fn some<T: AsRef<str>>(list: &[T], most: usize) -> String {
    let shown: Vec<&str> = list.iter().take(most).map(AsRef::as_ref).collect();
    let text = shown.join(", ");
    match list.len().saturating_sub(most) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Counts of right and wrong by some place.
#[derive(Default)]
struct By(BTreeMap<i64, (usize, usize)>);

impl By {
    fn add(&mut self, key: i64, wrong: bool) {
        let entry = self.0.entry(key).or_default();
        match wrong {
            true => entry.0 += 1,
            false => entry.1 += 1,
        }
    }

    fn wrong(&self) -> Vec<i64> {
        self.0.iter().filter(|(_, (wrong, _))| *wrong > 0).map(|(key, _)| *key).collect()
    }

    fn clean(&self) -> Vec<i64> {
        self.0.iter().filter(|(_, (wrong, _))| *wrong == 0).map(|(key, _)| *key).collect()
    }
}

/// Positions, pairs, rows, heads, q and k, norms.
fn elements(failing: &[&&Evidence], clues: &mut Vec<String>) {
    let (mut positions, mut pairs, mut heads, mut batches) =
        (By::default(), By::default(), By::default(), By::default());
    let mut tokens = By::default();
    let mut tensors: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut kept, mut lost) = (0usize, 0usize);
    for one in failing {
        let Ok(question) = one.asked.question() else { continue };
        let Body::Rotate(r) = &question.body else { continue };
        let Outcome::Output(output) = one.outcome else { continue };
        let planes = r.rope.pairs();
        for (name, marks) in &one.marks {
            let input = if name == "k" { r.k.as_ref().unwrap_or(&r.q) } else { &r.q };
            for (flat, mark) in marks.iter().enumerate() {
                if *mark == Mark::Open {
                    continue;
                }
                let wrong = *mark == Mark::Wrong;
                let index = index_of(flat, input.shape());
                let pair = planes.iter().position(|p| p.re == index[3] || p.im == index[3]);
                let entry = tensors.entry(name).or_default();
                entry.0 += usize::from(wrong);
                entry.1 += 1;
                batches.add(index[0] as i64, wrong);
                heads.add(index[1] as i64, wrong);
                tokens.add(index[2] as i64, wrong);
                pairs.add(pair.map_or(-1, |pair| pair as i64), wrong);
                if let Some(p) = first_axis(&r.positions, index[0], index[2]) {
                    positions.add(p, wrong);
                }
            }
            if let Some((_, got)) = output.iter().find(|(n, _)| n == name) {
                let factor = r.rope.magnitude.evaluate(&Double).unwrap_or(1.0);
                let plain =
                    r.rope.planes.iter().all(|plane| plane.growth == Expression::integer(1));
                if !plain || r.direction != Direction::Forward {
                    continue;
                }
                let (keeps, loses) = norms(input, got, &planes, factor);
                kept += keeps;
                lost += loses;
            }
        }
    }
    let wrong = positions.wrong();
    if wrong.is_empty() {
        return;
    }
    match positions.0.get(&0) {
        Some((0, _)) => clues.push("position 0 is right, bit for bit where it must be".into()),
        Some(_) => clues.push("position 0 is wrong already".into()),
        None => {}
    }
    let (least, most) = (wrong[0], wrong[wrong.len() - 1]);
    clues.push(format!("positions that go wrong: from {least} to {most}"));
    if let Some(last) = positions.clean().iter().rev().find(|&&p| p < least && p > 0) {
        clues.push(format!("the largest position that is right below them is {last}"));
    }
    let parts = [("row", &batches), ("head", &heads), ("token", &tokens), ("pair", &pairs)];
    for (what, by) in parts {
        let (wrong, clean) = (by.wrong(), by.clean());
        if clean.is_empty() || wrong.is_empty() {
            continue;
        }
        let list = |keys: &[i64]| {
            let texts: Vec<String> = keys
                .iter()
                .map(|&key| if key < 0 { "outside of every pair".into() } else { key.to_string() })
                .collect();
            some(&texts, 6)
        };
        clues.push(format!("{what}: wrong {}; never wrong {}", list(&wrong), list(&clean)));
    }
    for (name, (wrong, all)) in &tensors {
        if *wrong == 0 && *all > 0 {
            clues.push(format!("{name} is right"));
        }
    }
    match (kept, lost) {
        (0, 0) => {}
        (kept, 0) => clues.push(format!("norms are kept in all {kept} pairs: it is a rotation")),
        (kept, lost) => clues.push(format!(
            "norms are not kept in {lost} of {} pairs: it is no rotation of these pairs",
            kept + lost
        )),
    }
}

fn first_axis(positions: &Positions, batch: usize, token: usize) -> Option<i64> {
    let &[_, _, width] = positions.shape() else { return None };
    let p: &Position = positions.data().get(batch * width + token)?;
    (p.denominator == 1).then_some(p.numerator)
}

/// How many pairs of a tensor have a factor times the norm of the input, up to the rounding of
/// their format, and how many do not.
fn norms(input: &Heads, got: &Tensor, pairs: &[Pair], factor: f64) -> (usize, usize) {
    let (from, Some(to)) = (input.format(), got.dtype().format()) else { return (0, 0) };
    if input.shape() != got.shape() {
        return (0, 0);
    }
    let slack = 8.0 * libm::ldexp(1.0, -(to.precision.min(from.precision) as i32));
    let dim = input.columns().max(1);
    let (mut kept, mut lost) = (0, 0);
    for (x, y) in input.data().chunks(dim).zip(got.data().chunks(dim)) {
        for pair in pairs {
            let norm = |bits: &[u64], format: crate::number::Format| {
                libm::hypot(format.to_f64(bits[pair.re]), format.to_f64(bits[pair.im]))
            };
            let (before, after) = (factor * norm(x, from), norm(y, to));
            if !before.is_finite() || before < 1e-3 {
                continue;
            }
            match (after - before).abs() <= slack * before {
                true => kept += 1,
                false => lost += 1,
            }
        }
    }
    (kept, lost)
}
