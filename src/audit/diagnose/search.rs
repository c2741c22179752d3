//! Which faults explain the evidence: cheaply first, then on everything.

use super::evidence::{Evidence, Kind, machines};
use super::fit::{Fit, fit};
use super::sample::sample;
use crate::fault::{self, Fault};
use crate::number::Dtype;
use crate::profile::Profile;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// From which share on an explanation is one. Precision faults round next to ties as they like,
/// everything else is within derived bounds.
pub(super) const ENOUGH: f64 = 0.98;

/// Elements of all the evidence that hypotheses are tried on one after the other.
const AT_ONCE: usize = 1 << 19;
/// Hypotheses that are tried on more.
const SHORT: usize = 3;

/// Faults that may stand together.
pub(super) type Set = Vec<&'static Fault>;

/// A hypothesis and how it fares on all the evidence.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) faults: Set,
    /// Mean over the cases that say something of the share they have as predicted.
    pub(super) score: f64,
    /// Share of all elements of those cases that are as predicted.
    pub(super) explains: f64,
    /// By case: none where all is right and predicted right.
    pub(super) shares: Vec<Option<f64>>,
}

impl Found {
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.faults.iter().map(|fault| fault.name).collect()
    }

    /// Whether the evidence tells another hypothesis from this one, in its disfavour.
    fn beats(&self, other: &Found) -> bool {
        let worse = |(own, other): (&Option<f64>, &Option<f64>)| {
            own.unwrap_or(1.0) > 0.99 && other.unwrap_or(1.0) < 0.9
        };
        self.shares.iter().zip(&other.shares).any(worse) || other.score < self.score - 0.01
    }
}

/// The faults of the list, then those with other constants.
fn hypotheses() -> impl Iterator<Item = &'static Fault> {
    fault::all().iter().chain(fault::variants())
}

/// Some evidence, and how to weigh hypotheses on it.
pub(super) struct Search<'e, 'c> {
    pub(super) evidence: &'e [&'e Evidence<'c>],
    failing: Vec<usize>,
    passing: Vec<usize>,
    /// The profile of the kernel by output format, once it is known.
    profile: Option<Profile>,
    /// When to stop.
    until: Instant,
    /// Told what is tried, and how much of it.
    phase: &'e (dyn Fn(&str, usize, usize) + Sync),
    /// Whether something was left untried.
    late: AtomicBool,
}

impl<'e, 'c> Search<'e, 'c> {
    pub(super) fn new(
        evidence: &'e [&'e Evidence<'c>],
        profile: Option<Profile>,
        until: Instant,
        phase: &'e (dyn Fn(&str, usize, usize) + Sync),
    ) -> Self {
        let (failing, passing) = (0..evidence.len()).partition(|&index| evidence[index].fails());
        let late = AtomicBool::new(false);
        Search { evidence, failing, passing, profile, until, phase, late }
    }

    /// Whether the time was up before everything was tried.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    fn over(&self) -> bool {
        let over = Instant::now() >= self.until;
        if over {
            self.late.store(true, Ordering::Relaxed);
        }
        over
    }

    /// The explanations that are good enough, best first; else nothing, and the nearest miss.
    /// `alone`: single faults only, for a name.
    pub(super) fn run(&self, alone: bool) -> (Vec<Found>, Option<Found>) {
        if self.failing.is_empty() {
            return (vec![], None);
        }
        let singles: Vec<Set> = hypotheses().map(|fault| vec![fault]).collect();
        let ranked = self.rank(singles);
        let mut known = self.verify(best_of(&ranked, 8));
        let whole = |found: &Found| found.score >= ENOUGH && self.left(found).is_empty();
        if !alone && !known.iter().any(whole) && !self.over() {
            let mut pairs = self.beside(&known);
            pairs.extend(self.together());
            pairs.sort_by_key(key);
            pairs.dedup_by_key(|set| key(set));
            let pairs = self.verify(best_of(&self.rank(pairs), 8));
            // Two faults only where both of them explain something.
            let gain = |pair: &Found| {
                let parts = known.iter().filter(|one| one.faults.len() == 1);
                let has =
                    |one: &&Found| pair.faults.iter().any(|f| std::ptr::eq(*f, one.faults[0]));
                let mut parts = parts.filter(has);
                parts.all(|one| pair.explained() > one.explained() + 0.5)
            };
            let pairs: Vec<Found> = pairs.into_iter().filter(gain).collect();
            known.extend(pairs);
        }
        known.sort_by(|a, b| {
            let key = |found: &Found| (found.score * 500.0).round() as i64;
            key(b)
                .cmp(&key(a))
                .then(a.faults.len().cmp(&b.faults.len()))
                .then(b.score.total_cmp(&a.score))
                .then(a.names().cmp(&b.names()))
        });
        let Some(best) = known.first().cloned() else { return (vec![], None) };
        if best.score < ENOUGH {
            return (vec![], Some(best));
        }
        // What the evidence cannot tell from the best, if it is as simple.
        let size = best.faults.len();
        let ties = known.into_iter().filter(|other| {
            other.faults.len() == size && other.score >= ENOUGH && !best.beats(other)
        });
        (ties.collect(), None)
    }

    /// Sets of faults by how they fare on a sample, best first; those that explain nothing left
    /// out.
    fn rank(&self, sets: Vec<Set>) -> Vec<(Set, f64)> {
        let failing = sample(self.evidence, &self.failing, 32);
        let passing = sample(self.evidence, &self.passing, 24);
        let (all, tried) = (sets.len(), AtomicUsize::new(0));
        let score = |set: Set| -> Option<(Set, f64)> {
            if self.over() {
                return None;
            }
            (self.phase)("trying known faults", tried.fetch_add(1, Ordering::Relaxed), all);
            let mut tally = Tally::default();
            for (count, &index) in failing.iter().enumerate() {
                tally.add(self.loose(index, &set));
                // A sample of this size without any success is no accident.
                if count + 1 == 16 && tally.sum < 0.01 {
                    return None;
                }
            }
            if tally.sum < 0.01 {
                return None;
            }
            passing.iter().for_each(|&index| tally.add(self.loose(index, &set)));
            Some((set, tally.mean()))
        };
        let mut ranked: Vec<(Set, f64)> = sets.into_par_iter().filter_map(score).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| key(&a.0).cmp(&key(&b.0))));
        ranked
    }

    /// A fit by the profile with the widest bounds of those that are right.
    fn loose(&self, index: usize, set: &[&'static Fault]) -> Fit {
        let evidence = self.evidence[index];
        let profile = self.profile.unwrap_or_else(|| loosest(evidence.dtype()));
        fit(evidence, set, &profile)
    }

    /// How sets fare on all the evidence, each by the profile that suits it best.
    fn verify(&self, sets: Vec<Set>) -> Vec<Found> {
        self.shortlist(sets)
            .into_iter()
            .take_while(|_| !self.over())
            .map(|set| self.whole(set))
            .collect()
    }

    /// Where there is much evidence, the sets that explain most of what is compared at once: the
    /// others would take the time of these.
    fn shortlist(&self, sets: Vec<Set>) -> Vec<Set> {
        let mut order: Vec<usize> = (0..self.evidence.len()).collect();
        order.sort_by_key(|&index| (self.evidence[index].size(), index));
        let mut work = 0;
        let few: Vec<usize> = order
            .into_iter()
            .take_while(|&index| {
                work += self.evidence[index].size();
                work <= AT_ONCE
            })
            .collect();
        if work <= AT_ONCE || sets.len() <= SHORT {
            return sets;
        }
        let score = |set: Set| {
            let mut tally = Tally::default();
            few.iter().for_each(|&index| tally.add(self.loose(index, &set)));
            (set, tally.mean())
        };
        let mut scored: Vec<(Set, f64)> = sets.into_par_iter().map(score).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        best_of(&scored, SHORT)
    }

    /// A near miss may be that of the profile, which a sample chose: it is tried with the others.
    fn whole(&self, set: Set) -> Found {
        let suited = self.suited(&set);
        let first = self.with_profiles(&set, &suited);
        if self.profile.is_some() || !(0.9..ENOUGH).contains(&first.score) {
            return first;
        }
        let others = suited.iter().flat_map(|(&dtype, chosen)| {
            let other = machines(dtype).into_iter().filter(|p| p.name != chosen.name);
            other.map(move |profile| (dtype, profile))
        });
        others.fold(first, |best, (dtype, profile)| {
            let mut profiles = suited.clone();
            profiles.insert(dtype, profile);
            let found = self.with_profiles(&set, &profiles);
            if found.score > best.score { found } else { best }
        })
    }

    fn with_profiles(&self, set: &Set, profiles: &BTreeMap<Dtype, Profile>) -> Found {
        let of = |evidence: &&Evidence| {
            let profile = profiles.get(&evidence.dtype()).copied();
            fit(evidence, set, &profile.unwrap_or_else(|| loosest(evidence.dtype())))
        };
        let fits: Vec<Fit> = self.evidence.par_iter().map(of).collect();
        let mut tally = Tally::default();
        let (mut as_predicted, mut judged) = (0, 0);
        for one in &fits {
            tally.add(*one);
            if one.share().is_some() {
                as_predicted += one.as_predicted();
                judged += one.judged();
            }
        }
        let shares = fits.iter().map(Fit::share).collect();
        let explains = if judged == 0 { 0.0 } else { as_predicted as f64 / judged as f64 };
        Found { faults: set.clone(), score: tally.mean(), explains, shares }
    }

    /// By output format, the right profile by which the set explains most of a sample.
    fn suited(&self, set: &[&'static Fault]) -> BTreeMap<Dtype, Profile> {
        let mut by_dtype: BTreeMap<Dtype, Vec<usize>> = BTreeMap::new();
        for &index in &self.failing {
            by_dtype.entry(self.evidence[index].dtype()).or_default().push(index);
        }
        let best = |(dtype, members): (Dtype, Vec<usize>)| {
            if let Some(profile) = self.profile {
                return (dtype, profile);
            }
            let sample = sample(self.evidence, &members, 24);
            let score = |profile: &Profile| {
                let mut tally = Tally::default();
                sample.iter().for_each(|&i| tally.add(fit(self.evidence[i], set, profile)));
                tally.mean()
            };
            // The widest unless another has more: they differ in few cases, and a sample is small.
            let widest = loosest(dtype);
            let first = (score(&widest) + 0.002, widest);
            let scored = machines(dtype).into_iter().map(|p| (score(&p), p));
            let max = scored.fold(first, |a, b| if b.0 > a.0 { b } else { a });
            (dtype, max.1)
        };
        by_dtype.into_iter().map(best).collect()
    }

    /// Failing cases that a hypothesis does not explain.
    pub(super) fn left(&self, found: &Found) -> Vec<usize> {
        let open = |&&index: &&usize| found.shares[index].unwrap_or(1.0) < 0.9;
        self.failing.iter().filter(open).copied().collect()
    }

    /// Pairs of a fault that explains something with one that explains what it leaves.
    fn beside(&self, known: &[Found]) -> Vec<Set> {
        let mut pairs = Vec::new();
        for found in known.iter().take(4).filter(|found| found.faults.len() == 1) {
            let left = sample(self.evidence, &self.left(found), 12);
            let first = found.faults[0];
            let helps = |fault: &&'static Fault| -> bool {
                if self.over() {
                    return false;
                }
                let set = [first, *fault];
                let share = |&index: &usize| self.loose(index, &set).share().unwrap_or(1.0) > 0.9;
                left.iter().filter(|index| share(index)).count() * 4 > left.len()
            };
            let others: Vec<&'static Fault> = hypotheses().collect();
            let others = others.into_par_iter().filter(|f| f.name != first.name).filter(helps);
            let found: Vec<Set> = others.map(|fault| vec![first, fault]).collect();
            pairs.extend(found);
        }
        pairs
    }

    /// Pairs that explain a case together that neither explains alone.
    fn together(&self) -> Vec<Set> {
        let probes: Vec<usize> = self.probes();
        let of = |&index: &usize| -> Vec<Set> {
            let evidence = self.evidence[index];
            let applies: Vec<&'static Fault> = hypotheses()
                .filter(|fault| fault.mutate(evidence.asked, &evidence.history).is_some())
                .collect();
            let alone =
                |fault: &&'static Fault| self.loose(index, &[*fault]).share().unwrap_or(1.0) > 0.9;
            let rest: Vec<&'static Fault> = applies.into_iter().filter(|f| !alone(f)).collect();
            let pairs: Vec<Set> = (0..rest.len())
                .flat_map(|a| (a + 1..rest.len()).map(move |b| (a, b)))
                .map(|(a, b)| vec![rest[a], rest[b]])
                .collect();
            let holds = |set: &Set| {
                !self.over() && self.loose(index, set).share().is_some_and(|s| s > 0.95)
            };
            pairs.into_par_iter().filter(holds).collect()
        };
        let mut votes: BTreeMap<Vec<Key>, (usize, Set)> = BTreeMap::new();
        for set in probes.iter().flat_map(of) {
            votes.entry(key(&set)).or_insert((0, set)).0 += 1;
        }
        let mut list: Vec<(usize, Set)> = votes.into_values().collect();
        list.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| key(&a.1).cmp(&key(&b.1))));
        list.into_iter().take(40).map(|(_, set)| set).collect()
    }

    /// A few small failing cases in which much is wrong.
    fn probes(&self) -> Vec<usize> {
        let telling: Vec<usize> = self
            .failing
            .iter()
            .copied()
            .filter(|&index| {
                let e = self.evidence[index];
                e.wrong >= 4 && 2 * e.wrong >= e.right && e.size() <= 4096
            })
            .collect();
        // All pairs are tried on each of them.
        let mut work = 0;
        let mut probes = sample(self.evidence, &telling, 6);
        probes.sort_by_key(|&index| (self.evidence[index].size(), index));
        probes.retain(|&index| {
            work += self.evidence[index].size();
            work <= 1500 || work == self.evidence[index].size()
        });
        probes
    }
}

impl Found {
    /// How many cases' worth it explains.
    fn explained(&self) -> f64 {
        self.shares.iter().flatten().sum()
    }
}

#[derive(Default)]
struct Tally {
    sum: f64,
    count: usize,
}

impl Tally {
    fn add(&mut self, fit: Fit) {
        if let Some(share) = fit.share() {
            self.sum += share;
            self.count += 1;
        }
    }

    fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

/// What tells hypotheses apart: variants share a name.
type Key = (&'static str, &'static str);

fn key(set: &Set) -> Vec<Key> {
    let mut key: Vec<Key> = set.iter().map(|fault| (fault.name, fault.summary)).collect();
    key.sort_unstable();
    key
}

/// The first few of a ranking, and all that are as good as the best.
fn best_of(ranked: &[(Set, f64)], most: usize) -> Vec<Set> {
    let best = ranked.first().map_or(0.0, |(_, score)| *score);
    let good = |(count, (_, score)): &(usize, &(Set, f64))| {
        *count < most && *score > 0.3 * best || *count < 3 * most && *score > best - 0.005
    };
    ranked.iter().enumerate().filter(good).map(|(_, (set, _))| set.clone()).collect()
}

/// The widest of the right profiles that still tells faults from rounding.
fn loosest(dtype: Dtype) -> Profile {
    let name = match dtype {
        Dtype::F64 => "numpy-f64",
        Dtype::Bf16 => "hf-bf16",
        Dtype::F16 => "hf-f16",
        _ => "flashinfer-fast",
    };
    *crate::profile::find(name).unwrap_or(&crate::profile::NAMED[0])
}

/// Whether a case has an answer that is compared element by element.
pub(super) fn numeric(evidence: &Evidence) -> bool {
    !matches!(evidence.kind, Kind::Acceptance | Kind::RightRefusal)
}
