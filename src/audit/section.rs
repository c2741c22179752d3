//! The cases of one operation in one output format: one kernel, in all likelihood, so one profile.

use super::errors::Errors;
use super::exhibit::Exhibit;
use super::finding::{CaseReport, Group, Section, Status};
use super::judge::signs::Signs;
use super::judge::{HISTOGRAM, Tally};
use crate::profile::Profile;
use std::collections::BTreeMap;

/// The profile of every case of a section, by slot, and their names: one for all if one explains
/// all; else one for each group; else the one that leaves least unexplained.
pub(super) fn explain(
    members: &[&Exhibit],
    profiles: &[Profile],
) -> (Vec<&'static str>, Vec<usize>) {
    fn tallies<'m>(members: &'m [&Exhibit], slot: usize) -> impl Iterator<Item = &'m Tally> {
        members.iter().filter_map(move |one| one.judged()?.tallies.get(slot))
    }
    let wrong = |slot: usize, members: &[&Exhibit]| -> usize {
        tallies(members, slot).map(|tally| tally.wrong).sum()
    };
    let loose = |slot: usize, members: &[&Exhibit]| -> f64 {
        tallies(members, slot).map(|tally| tally.looseness).sum()
    };
    // The tightest of those that leave least unexplained.
    let best = |members: &[&Exhibit]| -> usize {
        let score = |slot: &usize| (wrong(*slot, members), loose(*slot, members));
        (0..profiles.len())
            .min_by(|a, b| {
                let (a, b) = (score(a), score(b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            })
            .unwrap_or_default()
    };
    let name = |slot: usize| profiles.get(slot).map(|p| p.name);
    let one = best(members);
    let all = || (name(one).into_iter().collect(), vec![one; members.len()]);
    if wrong(one, members) == 0 {
        return all();
    }
    let mut groups: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in members {
        groups.entry(&exhibit.case.group).or_default().push(exhibit);
    }
    let by_group: BTreeMap<&str, usize> =
        groups.iter().map(|(group, members)| (*group, best(members))).collect();
    if groups.iter().any(|(group, members)| wrong(by_group[group], members) > 0) {
        return all();
    }
    let slots: Vec<usize> =
        members.iter().map(|exhibit| by_group[exhibit.case.group.as_str()]).collect();
    let mut names: Vec<&str> = slots.iter().filter_map(|&slot| name(slot)).collect();
    names.sort_unstable();
    names.dedup();
    (names, slots)
}

/// A section of these cases, each with its exhibit, the slot of its profile and its errors. None if
/// nothing of it was asked.
pub(super) fn section(profiles: Vec<&'static str>, members: &[Member]) -> Option<Section> {
    let first = members.first()?.report;
    let count =
        |test: &dyn Fn(&CaseReport) -> bool| members.iter().filter(|one| test(one.report)).count();
    let sum = |of: &dyn Fn(&CaseReport) -> usize| members.iter().map(|one| of(one.report)).sum();
    let mut histogram = vec![0; HISTOGRAM.len() + 1];
    let mut closest = 0.0f64;
    let mut signs = Signs::default();
    for one in members {
        if let Some(judged) = one.exhibit.judged() {
            signs.merge(&judged.signs);
            histogram.iter_mut().zip(&judged.histogram).for_each(|(sum, n)| *sum += n);
            closest = closest.max(judged.tallies.get(one.slot).map_or(0.0, |t| t.closest));
        }
    }
    let worst = members
        .iter()
        .filter_map(|one| Some((one.report.worst_ulp?, one.report.id.clone())))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let section = Section {
        operation: first.operation,
        dtype: first.dtype,
        profiles,
        passed: count(&|r| r.status == Status::Passed),
        diverged: count(&|r| r.status.is_divergence() && !r.known),
        broken: count(&|r| r.status.is_breakage()),
        unjudged: count(&|r| {
            matches!(r.status, Status::Unjudged | Status::Unsupported(_) | Status::Skipped(_))
        }),
        elements: sum(&|r| r.judged),
        elements_unjudged: sum(&|r| r.unjudged),
        elements_wrong: sum(&|r| r.wrong),
        worst_ulp: worst,
        closest,
        histogram,
        signs,
        silent_groups: silent(members),
        groups: groups(members),
        errors: together(members.iter().map(|one| &one.errors)),
    };
    (section.asked() > 0).then_some(section)
}

/// A case of a section.
pub(super) struct Member<'m> {
    pub(super) exhibit: &'m Exhibit<'m>,
    /// Its place among all cases.
    pub(super) index: usize,
    pub(super) slot: usize,
    pub(super) report: &'m CaseReport,
    pub(super) errors: Errors,
}

fn together<'e>(all: impl Iterator<Item = &'e Errors>) -> Errors {
    let mut sum = Errors::default();
    all.for_each(|one| sum.merge(one));
    sum
}

/// Groups that were skipped, and of which nothing was answered. What is unsupported is no part of
/// a claim.
fn silent(members: &[Member]) -> Vec<String> {
    let mut groups: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for Member { report, .. } in members {
        let entry = groups.entry(&report.group).or_default();
        match report.status {
            Status::Skipped(_) => entry.0 = true,
            Status::Unsupported(_) | Status::Unclaimed(_) => {}
            _ => entry.1 = true,
        }
    }
    let silent = groups.iter().filter(|(_, (skipped, answered))| *skipped && !answered);
    silent.map(|(group, _)| group.to_string()).collect()
}

fn groups(members: &[Member]) -> Vec<Group> {
    let mut order: Vec<&str> = Vec::new();
    let mut by_name: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for one in members {
        let list = by_name.entry(&one.report.group).or_default();
        if list.is_empty() {
            order.push(&one.report.group);
        }
        list.push(one);
    }
    order.iter().map(|name| group(name, &by_name[name])).filter(|g| g.asked() > 0).collect()
}

fn group(name: &str, members: &[&Member]) -> Group {
    let mut group = Group {
        name: name.to_string(),
        profile: members.iter().find_map(|one| one.report.profile),
        passed: 0,
        diverged: 0,
        broken: 0,
        unjudged: 0,
        worst: None,
        worst_ulp: members.iter().filter_map(|one| one.report.worst_ulp).reduce(f64::max),
        errors: together(members.iter().map(|one| &one.errors)),
    };
    let size = |case: &CaseReport| {
        let ulps = case.worst.as_ref().map(|w| w.ulps).or(case.worst_ulp).unwrap_or(0.0);
        (case.status.is_divergence(), if ulps.is_nan() { f64::INFINITY } else { ulps })
    };
    let mut worst: Option<&Member> = None;
    for one in members {
        match &one.report.status {
            Status::Passed => group.passed += 1,
            Status::Unclaimed(_) => {}
            status if status.is_divergence() => group.diverged += usize::from(!one.report.known),
            status if status.is_breakage() => group.broken += 1,
            _ => group.unjudged += 1,
        }
        if worst.is_none_or(|known| size(known.report) < size(one.report)) {
            worst = Some(one);
        }
    }
    group.worst = worst.map(|one| one.index);
    group
}
