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

/// What the flags of the failing cases have in common.
fn shared(evidence: &[&Evidence], clues: &mut Vec<String>) {
    let mut flags: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for one in evidence {
        for flag in &one.case.flags {
            let entry = flags.entry(flag).or_default();
            entry.0 += usize::from(one.fails());
            entry.1 += 1;
        }
    }
    let total = evidence.iter().filter(|e| e.fails()).count();
    let always =
        flags.iter().filter(|(_, (wrong, all))| wrong == all && wrong * 2 > total && *all >= 3);
    let always: Vec<String> = always.map(|(flag, _)| flag.to_string()).collect();
    if !always.is_empty() {
        clues.push(format!("every case with the flag {} fails", always.join(", ")));
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
}

/// Position 0, q and k, norms.
fn elements(failing: &[&&Evidence], clues: &mut Vec<String>) {
    let mut positions = By::default();
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
                let entry = tensors.entry(name).or_default();
                entry.0 += usize::from(wrong);
                entry.1 += 1;
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
