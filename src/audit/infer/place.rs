//! Where something is wrong: the plainest facts that divide wrong rows from right ones.

use super::exhibit::{Exhibit, Unit};
use super::fact::{Fact, Value};
use super::facts::of_row;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A condition on one fact.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::audit) struct Atom {
    pub(in crate::audit) fact: Fact,
    pub(in crate::audit) test: Test,
}

/// What is asked of the value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::audit) enum Test {
    Is(Value),
    Not(Value),
    OneOf(Vec<Value>),
    NoneOf(Vec<Value>),
    /// From the second on; the largest value that is right is the first.
    From(Option<f64>, f64),
    /// Up to the first; the least value that is right is the second.
    UpTo(f64, Option<f64>),
    Given,
    Absent,
}

impl Atom {
    fn holds(&self, value: Option<&Value>) -> bool {
        match (&self.test, value) {
            (Test::Given, value) => value.is_some(),
            (Test::Absent, value) => value.is_none(),
            (Test::Is(x), Some(v)) => x == v,
            (Test::Not(x), Some(v)) => x != v,
            (Test::Not(_) | Test::NoneOf(_), None) => true,
            (Test::OneOf(list), Some(v)) => list.contains(v),
            (Test::NoneOf(list), Some(v)) => !list.contains(v),
            (Test::From(_, least), Some(v)) => v.number().is_some_and(|x| x >= *least),
            (Test::UpTo(most, _), Some(v)) => v.number().is_some_and(|x| x <= *most),
            (_, None) => false,
        }
    }

    fn cost(&self) -> u32 {
        let test = match &self.test {
            Test::Is(_) | Test::Given | Test::Absent => 0,
            Test::Not(_) => 1,
            Test::From(..) | Test::UpTo(..) => 1,
            Test::OneOf(list) | Test::NoneOf(list) => 2 + 2 * list.len() as u32,
        };
        self.fact.cost() + test
    }

    /// Whether it holds in a row.
    pub(super) fn covers(&self, exhibit: &Exhibit, unit: &Unit) -> bool {
        self.holds(of_row(exhibit, unit, &self.fact).as_ref())
    }
}

/// Conditions that all hold where something is wrong, and how many rows they tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::audit) struct Place {
    pub(in crate::audit) atoms: Vec<Atom>,
    /// Rows that would have been wrong and are right, and fall within it all the same.
    pub(super) within: usize,
}

impl Place {
    pub(super) fn cost(&self) -> u32 {
        self.atoms.iter().map(Atom::cost).sum()
    }

    /// What of it is so plain that it can be said though it is not sharp.
    pub(super) fn plainest(mut self) -> Place {
        self.atoms.retain(|atom| atom.cost() <= 2);
        self
    }

    /// The second of two is told as any but the first, where the rows do not say otherwise.
    fn widened(mut self, exhibits: &[Exhibit], right: &[&Unit]) -> Place {
        for index in 0..self.atoms.len() {
            let atom = &self.atoms[index];
            let second = atom.test == Test::Is(Value::Number(1.0))
                && matches!(atom.fact, Fact::Head | Fact::Batch | Fact::Token | Fact::Piece);
            if second {
                let mut wide = self.clone();
                wide.atoms[index].test = Test::Not(Value::Number(0.0));
                let count = |place: &Place| {
                    right.iter().filter(|unit| place.covers(&exhibits[unit.exhibit], unit)).count()
                };
                if count(&wide) == count(&self) {
                    self = wide;
                }
            }
        }
        self
    }

    /// Whether a row lies within it.
    pub(super) fn covers(&self, exhibit: &Exhibit, unit: &Unit) -> bool {
        self.atoms.iter().all(|atom| atom.covers(exhibit, unit))
    }
}

/// The facts that are looked at.
fn all(exhibits: &[Exhibit], units: &[&Unit]) -> Vec<Fact> {
    let mut facts = vec![
        Fact::Tensor,
        Fact::Part,
        Fact::Position,
        Fact::PastOriginal,
        Fact::Kind,
        Fact::Piece,
        Fact::Head,
        Fact::Batch,
        Fact::Token,
        Fact::SecondHalf,
        Fact::BeyondKeyHeads,
        Fact::LastToken,
        Fact::LastHead,
        Fact::LastRow,
        Fact::OwnHeads,
        Fact::HeadsAreTokens,
    ];
    facts.extend([2, 4, 8, 16, 32].map(Fact::HeadModulo));
    facts.extend([2, 4, 8, 16, 32].map(Fact::TokenModulo));
    facts.extend([2, 4, 8].map(Fact::PositionModulo));
    facts.extend([2, 4, 8, 16, 32, 64, 128, 256].map(Fact::Tail));
    facts.extend([2, 4, 8, 16, 32, 64, 128, 256].map(Fact::RowTail));
    facts.extend([2, 4, 8, 16, 32].map(Fact::HeadTail));
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    for unit in units {
        if seen.insert(unit.exhibit) {
            for fact in exhibits[unit.exhibit].facts.keys() {
                if !facts.contains(fact) {
                    facts.push(fact.clone());
                }
            }
        }
    }
    facts
}

/// Fewer than this many tell nothing apart.
const ENOUGH: usize = 3;

/// Rows of each kind that are looked at.
const MOST: usize = 1200;

fn thinned<'u>(units: &[&'u Unit]) -> Vec<&'u Unit> {
    units.iter().step_by(units.len().div_ceil(MOST).max(1)).copied().collect()
}

/// The plainest place that has all wrong rows and as few as possible of the right ones. Where no
/// fact helps it is everywhere.
pub(super) fn place(exhibits: &[Exhibit], wrong: &[&Unit], right: &[&Unit]) -> Place {
    let (mut some_wrong, mut some_right) = (thinned(wrong), thinned(right));
    for _ in 0..4 {
        let found = Place { atoms: atoms(exhibits, &some_wrong, &some_right), within: 0 };
        let found = found.widened(exhibits, right);
        let inside = |unit: &&&Unit| found.covers(&exhibits[unit.exhibit], unit);
        let within: Vec<&Unit> = right.iter().filter(inside).copied().collect();
        // What holds of the rows that were looked at may leave out others.
        let missed: Vec<&Unit> = wrong.iter().filter(|unit| !inside(unit)).copied().collect();
        let all = some_wrong.len() >= wrong.len() && some_right.len() >= right.len();
        if missed.is_empty() && (within.is_empty() || all) {
            return Place { within: within.len(), ..found };
        }
        let few = |list: &[&'_ Unit]| list.len().div_ceil(400).max(1);
        some_wrong.extend(missed.iter().step_by(few(&missed)));
        some_right.extend(within.iter().step_by(few(&within)));
    }
    Place { atoms: vec![], within: right.len() }
}

fn atoms(exhibits: &[Exhibit], some_wrong: &[&Unit], some_right: &[&Unit]) -> Vec<Atom> {
    if some_wrong.is_empty() || some_right.is_empty() {
        return vec![];
    }
    let mut candidates: Vec<(Atom, Vec<bool>)> = Vec::new();
    for fact in all(exhibits, &[some_wrong, some_right].concat()) {
        let values = |units: &[&Unit]| -> Vec<Option<Value>> {
            units.iter().map(|unit| of_row(&exhibits[unit.exhibit], unit, &fact)).collect()
        };
        let (own, other) = (values(some_wrong), values(some_right));
        for test in tests(&fact, &own, &other) {
            let atom = Atom { fact: fact.clone(), test };
            let out: Vec<bool> = other.iter().map(|value| !atom.holds(value.as_ref())).collect();
            let strong = is_strong(&atom, &out, some_right, some_wrong);
            if strong {
                candidates.push((atom, out));
            }
        }
    }
    let mut open: Vec<bool> = vec![true; some_right.len()];
    let mut left = open.len();
    let gain =
        |out: &[bool], open: &[bool]| out.iter().zip(open).filter(|(o, l)| **o && **l).count();
    let mut found: Vec<(Atom, Vec<bool>)> = Vec::new();
    while left > 0 && found.len() < 4 {
        // One that does it alone, then two together, then the one that does most.
        let whole = candidates.iter().filter(|(_, out)| gain(out, &open) == left);
        let chosen = match whole.min_by_key(|(atom, _)| atom.cost()) {
            Some(one) => vec![one.clone()],
            None => match two(&candidates, &open, left) {
                Some(pair) => pair,
                None => {
                    let best = candidates
                        .iter()
                        .max_by_key(|(atom, out)| (gain(out, &open), u32::MAX - atom.cost()));
                    match best {
                        Some(one) if gain(&one.1, &open) * 8 > left => vec![one.clone()],
                        _ => break,
                    }
                }
            },
        };
        for one in chosen {
            open.iter_mut().zip(&one.1).for_each(|(open, out)| *open &= !out);
            found.push(one);
        }
        left = open.iter().filter(|open| **open).count();
    }
    pruned(found)
}

/// Without what the others tell as well, the strangest first.
fn pruned(mut found: Vec<(Atom, Vec<bool>)>) -> Vec<Atom> {
    let mut order: Vec<Atom> = found.iter().map(|(atom, _)| atom.clone()).collect();
    order.sort_by_key(|atom| std::cmp::Reverse(atom.cost()));
    for atom in order {
        let told = |row: usize, all: bool| {
            found.iter().any(|(other, out)| out[row] && (all || *other != atom))
        };
        let rows = found.first().map_or(0, |(_, out)| out.len());
        if found.len() > 1 && (0..rows).all(|row| told(row, false) == told(row, true)) {
            found.retain(|(other, _)| *other != atom);
        }
    }
    found.into_iter().map(|(atom, _)| atom).collect()
}

/// The plainest two that tell all of it together.
fn two(
    candidates: &[(Atom, Vec<bool>)],
    open: &[bool],
    left: usize,
) -> Option<Vec<(Atom, Vec<bool>)>> {
    let gain = |out: &[bool]| out.iter().zip(open).filter(|(o, l)| **o && **l).count();
    let mut ranked: Vec<(usize, &(Atom, Vec<bool>))> =
        candidates.iter().map(|one| (gain(&one.1), one)).filter(|(gain, _)| *gain > 0).collect();
    ranked.sort_by_key(|(gain, (atom, _))| (left - gain, atom.cost()));
    ranked.truncate(60);
    let mut best: Option<(u32, [usize; 2])> = None;
    for a in 0..ranked.len() {
        for b in a + 1..ranked.len() {
            if ranked[a].0 + ranked[b].0 < left {
                continue;
            }
            let (one, other) = (&ranked[a].1, &ranked[b].1);
            let cost = one.0.cost() + other.0.cost();
            if best.is_some_and(|(least, _)| least <= cost) || one.0.fact == other.0.fact {
                continue;
            }
            let both = one.1.iter().zip(&other.1).zip(open);
            if both.filter(|((x, y), open)| **open && (**x || **y)).count() == left {
                best = Some((cost, [a, b]));
            }
        }
    }
    best.map(|(_, pair)| pair.map(|i| ranked[i].1.clone()).to_vec())
}

/// Conditions of a fact that hold in all of the wrong rows and not in all of the right ones.
fn tests(fact: &Fact, own: &[Option<Value>], other: &[Option<Value>]) -> Vec<Test> {
    let set =
        |list: &[Option<Value>]| -> BTreeSet<Option<Value>> { list.iter().cloned().collect() };
    let (own, other) = (set(own), set(other));
    let mut tests = Vec::new();
    if !own.contains(&None) && other.contains(&None) && matches!(fact, Fact::Config(_)) {
        tests.push(Test::Given);
    }
    if own.len() == 1 && own.contains(&None) && other.iter().any(Option::is_some) {
        if matches!(fact, Fact::Config(_)) {
            tests.push(Test::Absent);
        }
        return tests;
    }
    let some =
        |set: &BTreeSet<Option<Value>>| -> Vec<Value> { set.iter().flatten().cloned().collect() };
    let (mine, theirs) = (some(&own), some(&other));
    if own.contains(&None) || mine.is_empty() {
        return tests;
    }
    let apart: Vec<Value> = theirs.iter().filter(|v| !mine.contains(v)).cloned().collect();
    if apart.is_empty() {
        return tests;
    }
    // One that is not the first stands for all others.
    let first = Value::Number(0.0);
    let index = matches!(fact, Fact::Head | Fact::Batch | Fact::Token);
    if mine.len() == 1 && !(index && apart == [first] && mine[0] == Value::Number(1.0)) {
        tests.push(Test::Is(mine[0].clone()));
    }
    if fact.is_flag() {
        return tests;
    }
    if theirs.len() == 1 && (mine.len() > 1 || index) {
        tests.push(Test::Not(theirs[0].clone()));
    } else {
        // What is never wrong, one value at a time.
        let plain = |v: &&Value| v.number().is_none_or(|x| x == 0.0);
        tests.extend(apart.iter().filter(plain).map(|v| Test::Not(v.clone())));
    }
    if (2..=3).contains(&mine.len())
        && !matches!(fact, Fact::Position | Fact::Furthest | Fact::Reach)
    {
        tests.push(Test::OneOf(mine.clone()));
    }
    if (2..=3).contains(&apart.len()) && apart.len() == theirs.len() && mine.len() > 3 {
        tests.push(Test::NoneOf(apart.clone()));
    }
    let numbers = |list: &[Value]| -> Vec<f64> { list.iter().filter_map(Value::number).collect() };
    let (mine, theirs) = (numbers(&mine), numbers(&theirs));
    let far = matches!(fact, Fact::Position | Fact::Furthest | Fact::Reach);
    if fact.is_ordered() && (mine.len() > 1 || far && !mine.is_empty()) {
        let least = mine.iter().copied().fold(f64::INFINITY, f64::min);
        let most = mine.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let below = theirs.iter().copied().filter(|x| *x < least).reduce(f64::max);
        let above = theirs.iter().copied().filter(|x| *x > most).reduce(f64::min);
        if below.is_some() {
            tests.push(Test::From(below, least));
        }
        if above.is_some() {
            tests.push(Test::UpTo(most, above));
        }
    }
    tests
}

/// Whether enough rows, or questions where it is a fact of questions, speak for a condition.
fn is_strong(atom: &Atom, out: &[bool], right: &[&Unit], wrong: &[&Unit]) -> bool {
    let excluded = right.iter().zip(out).filter(|(_, out)| **out).map(|(unit, _)| *unit);
    let count = |units: &mut dyn Iterator<Item = &Unit>| -> usize {
        if atom.fact.is_of_rows() {
            return units.take(ENOUGH).count();
        }
        let mut seen = HashSet::new();
        for unit in units {
            seen.insert(unit.exhibit);
            if seen.len() >= ENOUGH {
                break;
            }
        }
        seen.len()
    };
    count(&mut excluded.into_iter()) >= ENOUGH && count(&mut wrong.iter().copied()) >= ENOUGH
}

/// Indices as a person writes them: runs, and steps where they have one.
pub(crate) fn by_axis(list: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &x in list {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == x => *end = x,
            _ => runs.push((x, x)),
        }
    }
    let one = |&(a, b): &(usize, usize)| if a == b { a.to_string() } else { format!("{a}–{b}") };
    // A step that is the same everywhere is said, not listed.
    let steps: BTreeSet<usize> = runs.windows(2).map(|w| w[1].0 - w[0].0).collect();
    let lengths: BTreeMap<usize, usize> = runs.iter().fold(BTreeMap::new(), |mut map, (a, b)| {
        *map.entry(b - a).or_default() += 1;
        map
    });
    if runs.len() > 3 && steps.len() == 1 && lengths.len() == 1 {
        let step = runs[1].0 - runs[0].0;
        return format!(
            "{}, {} … {} (every {step})",
            one(&runs[0]),
            one(&runs[1]),
            one(&runs[runs.len() - 1])
        );
    }
    let shown: Vec<String> = runs.iter().take(8).map(one).collect();
    match runs.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
