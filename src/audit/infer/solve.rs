//! Causes: a mechanism and the place where it acts, tested on every row.

use super::exhibit::{Exhibit, Unit};
use super::fact::{Fact, Value};
use super::look::Look;
use super::map::Map;
use super::mechanism::Mechanism;
use super::place::{Place, place};
use super::predict::Cache;
use super::propose::propose;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};

/// A mechanism, where it acts, and what speaks for it.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) mechanism: Mechanism,
    /// Others that fare exactly alike.
    pub(super) rivals: Vec<Mechanism>,
    pub(super) place: Place,
    /// Wrong rows that are as it says.
    pub(super) rows: Vec<Unit>,
    /// Right rows outside of the place that would be wrong within it.
    pub(super) outside: usize,
    /// Right rows within the place all the same: it happens now and then.
    pub(super) spared: usize,
}

/// What is left when all causes are told.
pub(super) struct Solved {
    pub(super) causes: Vec<Cause>,
    /// Wrong rows without a cause.
    pub(super) left: Vec<Unit>,
    pub(super) right: Vec<Unit>,
}

/// Rows that suggest mechanisms.
const SAMPLE: usize = 240;
/// Rows on which a mechanism must hit once.
const FIRST: usize = 64;
/// Mechanisms that are tried on everything.
const KEPT: usize = 14;
/// Rows of each kind that a mechanism is tried on.
const MOST: usize = 24000;
/// Causes of one run.
const CAUSES: usize = 4;

/// Finds the causes of what is wrong.
pub(super) fn solve(exhibits: &[Exhibit]) -> Solved {
    let own = |(index, exhibit): (usize, &Exhibit)| {
        let units = if exhibit.fickle { vec![] } else { exhibit.units(index) };
        units.into_par_iter()
    };
    let units: Vec<Unit> = exhibits.par_iter().enumerate().flat_map(own).collect();
    let (mut left, right): (Vec<Unit>, Vec<Unit>) = units.into_iter().partition(|unit| unit.wrong);
    let some_right: Vec<&Unit> = right.iter().step_by(right.len().div_ceil(MOST).max(1)).collect();
    let mut causes: Vec<Cause> = Vec::new();
    let total = left.len();
    while !left.is_empty() && causes.len() < CAUSES {
        let Some(cause) = best(exhibits, &left, &some_right, total) else { break };
        let told: HashSet<[usize; 6]> = cause.rows.iter().map(key).collect();
        left.retain(|unit| !told.contains(&key(unit)));
        causes.push(cause);
    }
    Solved { causes, left, right }
}

fn key(unit: &Unit) -> [usize; 6] {
    [unit.exhibit, unit.side, unit.part as usize, unit.batch, unit.head, unit.token]
}

/// Some rows of every kind.
pub(super) fn sample<'u>(exhibits: &[Exhibit], units: &'u [Unit], most: usize) -> Vec<&'u Unit> {
    let mut kinds: BTreeMap<Vec<Option<Value>>, Vec<&Unit>> = BTreeMap::new();
    const KINDS: [Fact; 5] =
        [Fact::Operation, Fact::RopeType, Fact::Direction, Fact::Layout, Fact::Dtype];
    for unit in units {
        let facts = &exhibits[unit.exhibit].facts;
        let mut kind: Vec<Option<Value>> = KINDS.iter().map(|f| facts.get(f).cloned()).collect();
        kind.push(Some(Value::Number((2 * unit.side + unit.part as usize) as f64)));
        kinds.entry(kind).or_default().push(unit);
    }
    let share = most.div_ceil(kinds.len().max(1));
    let mut list = Vec::new();
    for members in kinds.values() {
        // On no lattice.
        let count = members.len().min(share.max(3));
        let place = |i: usize| i * members.len() / count;
        let inside = |i: usize| i.wrapping_mul(0x9e37_79b9) % (place(i + 1) - place(i)).max(1);
        list.extend((0..count).map(|i| members[place(i) + inside(i)]));
    }
    list
}

/// How a mechanism fares.
struct Fare {
    mechanism: Mechanism,
    hits: Vec<Unit>,
    misses: Vec<Unit>,
    refuted: Vec<Unit>,
}

fn best(exhibits: &[Exhibit], left: &[Unit], right: &[&Unit], total: usize) -> Option<Cause> {
    let few = sample(exhibits, left, SAMPLE);
    let first: Vec<&&Unit> = few.iter().step_by(few.len().div_ceil(FIRST).max(1)).collect();
    let hits = |mechanism: &Mechanism, units: &mut dyn Iterator<Item = &Unit>| {
        let cache = Cache::default();
        let hit = |unit: &&Unit| mechanism.look(&exhibits[unit.exhibit], unit, &cache) == Look::Hit;
        units.filter(hit).count()
    };
    let mut ranked: Vec<(usize, Mechanism)> = propose(exhibits, &few)
        .into_par_iter()
        .filter_map(|mechanism| {
            let found = hits(&mechanism, &mut first.iter().map(|unit| **unit));
            (found > 0).then(|| (hits(&mechanism, &mut few.iter().copied()), mechanism))
        })
        .collect();
    ranked.sort_by_key(|(hits, mechanism)| (usize::MAX - hits, mechanism.cost()));
    ranked.truncate(KEPT);
    let some_left: Vec<&Unit> = left.iter().step_by(left.len().div_ceil(MOST).max(1)).collect();
    let fares: Vec<Fare> = ranked
        .into_iter()
        .map(|(_, mechanism)| {
            let cache = Cache::default();
            let of = |unit: &&Unit| (**unit, mechanism.look(&exhibits[unit.exhibit], unit, &cache));
            let looks: Vec<(Unit, Look)> =
                some_left.par_iter().chain(right.par_iter()).map(of).collect();
            let with = |wanted: Look| {
                looks.iter().filter(|(_, look)| *look == wanted).map(|(unit, _)| *unit).collect()
            };
            let (hits, misses, refuted) = (with(Look::Hit), with(Look::Miss), with(Look::Refuted));
            Fare { hits, misses, refuted, mechanism }
        })
        .collect();
    // What is known of whole answers is named where it leaves next to nothing: of a few rows many
    // things may be said.
    let known = |(cause, _): &(Cause, usize)| {
        let (rows, all) = (cause.rows.len(), some_left.len());
        !matches!(cause.mechanism, Mechanism::Known(_)) || 10 * rows >= 9 * all && 4 * all >= total
    };
    let weighed = fares.par_iter().filter_map(|fare| weigh(exhibits, fare, some_left.len()));
    let causes: Vec<(Cause, usize)> = weighed.filter(known).collect();
    let (best, misses) = causes.iter().min_by_key(|(cause, misses)| rank(cause, *misses))?;
    let mut best = best.clone();
    let same = |(other, theirs): &&(Cause, usize)| {
        other.mechanism != best.mechanism
            && theirs == misses
            && other.spared == best.spared
            && other.place.atoms == best.place.atoms
            && other.rows.len() == best.rows.len()
            && other.mechanism.cost() <= best.mechanism.cost() + 1
            && !other.mechanism.is_a_case_of(&best.mechanism)
    };
    let rivals = causes.iter().filter(same).map(|(other, _)| other.mechanism.clone()).collect();
    best.rivals = rivals;
    if some_left.len() < left.len() {
        // The rows that were left out of the trial.
        let cache = Cache::default();
        let hit =
            |unit: &&Unit| best.mechanism.look(&exhibits[unit.exhibit], unit, &cache) == Look::Hit;
        best.rows = left.par_iter().filter(hit).copied().collect();
    }
    Some(best)
}

/// A cause, if the rows that are right let it stand.
fn weigh(exhibits: &[Exhibit], fare: &Fare, all: usize) -> Option<(Cause, usize)> {
    let hits: Vec<&Unit> = fare.hits.iter().collect();
    let refuted: Vec<&Unit> = fare.refuted.iter().collect();
    // A few rows of many may be so by accident, and so may one position.
    let enough = hits.len() >= 3 || hits.len() == all;
    let many = fare.mechanism.is_plain() || 5 * hits.len() >= all;
    let positions: HashSet<Option<i128>> =
        hits.iter().map(|unit| exhibits[unit.exhibit].position(unit, 0)).collect();
    let turned = matches!(fare.mechanism, Mechanism::Turned(_) | Mechanism::Both(..));
    if !enough || !many || turned && positions.len() < 3 && hits.len() < all {
        return None;
    }
    // What is said of another row is shown by rows that have another one, and of another position
    // where it is not 0, which comes back as it went in.
    let another = |unit: &&&Unit| match &fare.mechanism {
        Mechanism::Copied(copy) => copy.is_another(&exhibits[unit.exhibit], unit),
        Mechanism::Turned(Map::Constant(0) | Map::Times(0)) => true,
        Mechanism::Turned(map) => map.turns(&exhibits[unit.exhibit], unit),
        Mechanism::Only(pairs, _) => pairs.is_told(&exhibits[unit.exhibit], unit),
        _ => true,
    };
    if hits.iter().filter(another).count() < hits.len().min(3) {
        return None;
    }
    // Where it is wrong otherwise the mechanism does not act either, if a plain place has it so.
    let others: Vec<&Unit> = fare.refuted.iter().chain(&fare.misses).collect();
    let sharp = place(exhibits, &hits, &others);
    let found = match sharp.within == 0 {
        true => sharp,
        false => place(exhibits, &hits, &refuted),
    };
    let inside = |unit: &&Unit| found.covers(&exhibits[unit.exhibit], unit);
    let misses = fare.misses.iter().filter(inside).count();
    let spared = fare.refuted.iter().filter(inside).count();
    // Now and then, at no place that is known: only what cannot come about otherwise.
    // What shares a scale with rows that are otherwise is a little otherwise itself.
    let known = matches!(fare.mechanism, Mechanism::Known(_)) && 20 * spared <= hits.len();
    let scattered = spared > 0 && !known;
    if scattered && (!fare.mechanism.is_plain() || misses > 0 || hits.len() < all) {
        return None;
    }
    if misses > hits.len() / 4 {
        return None;
    }
    let cause = Cause {
        mechanism: fare.mechanism.clone(),
        rivals: vec![],
        outside: fare.refuted.len() - spared,
        spared,
        place: if scattered { found.plainest() } else { found },
        rows: fare.hits.clone(),
    };
    Some((cause, misses))
}

/// The less the better: what it leaves open, then how surprising it is.
fn rank(cause: &Cause, misses: usize) -> (bool, usize, u32, usize) {
    let cost = cause.mechanism.cost() + cause.place.cost();
    // A few rows more do not make up for a stranger cause, nor a few that are otherwise for many.
    let net = cause.rows.len().saturating_sub(4 * misses).max(1);
    let explained = ((net as f64).log2() * 4.0).round() as usize;
    (cause.spared > 0, 1000 - explained, cost, misses)
}

/// One plain mechanism that all of some rows have in common.
pub(super) fn plainly(exhibits: &[Exhibit], wrong: &[Unit]) -> Option<Mechanism> {
    let mut list: Vec<Mechanism> = propose(exhibits, &sample(exhibits, wrong, FIRST));
    list.retain(Mechanism::is_plain);
    list.sort_by_key(Mechanism::cost);
    let cache = Cache::default();
    let holds = |mechanism: &Mechanism| {
        let hit = |unit: &Unit| mechanism.look(&exhibits[unit.exhibit], unit, &cache) == Look::Hit;
        wrong.iter().all(hit)
    };
    if wrong.is_empty() { None } else { list.into_iter().find(holds) }
}
