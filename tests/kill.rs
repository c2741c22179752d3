//! The golden vectors against the known faults: nothing survives, and each is killed for the
//! stated reason. The lists of `docs/faults.md` are made here.
//!
//! `ROPEWALK_BLESS=1 cargo test kill` writes them anew, and the whole matrix to
//! `target/tmp/kill-matrix.md`.

mod matrix;
mod page;

use super::corpus::corpus;
pub(crate) use matrix::cut;
use matrix::{Branches, Cell, Fate, Matrix};
use ropewalk::fault::{self, Fault};
use ropewalk::vector::{Expected, Golden, NOTES};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

fn whole() -> &'static Matrix {
    static MATRIX: OnceLock<Matrix> = OnceLock::new();
    MATRIX.get_or_init(|| {
        let files: Vec<&Golden> = corpus().iter().map(|read| &read.golden).collect();
        matrix::whole(&files, &matrix::all_faults())
    })
}

/// Whether a fault that makes a difference got away.
fn survives(fate: &Fate) -> bool {
    fate.killed.is_none() && fate.unnamed.is_some()
}

/// Files of eight bits are about casts, chains and attention about what is around a rotation: what else is
/// wrong is named where more bits show it, or where the rotation is asked for alone. MoonViT and LTX have
/// golden numbers forward and inverse; what they share with other rules is named under those.
fn is_about_else(cell: &Cell) -> bool {
    let rotary = |fault: &str| fault < "m";
    cell.dtype.starts_with("f8")
        || page::NEWER.iter().any(|rule| cell.scheme.ends_with(rule))
        || ["chain", "attention"].contains(&cell.scheme.as_str()) && rotary(cell.fault)
}

#[test]
fn no_fault_survives_the_vectors() {
    let alive: Vec<String> = whole()
        .iter()
        .filter(|(cell, fate)| survives(fate) && !is_about_else(cell))
        .map(|(cell, fate)| format!("{cell:?}: only {:?}, which does not name it", fate.unnamed))
        .collect();
    assert!(alive.is_empty(), "{} alive:\n{}", alive.len(), alive.join("\n"));
    let tried: BTreeSet<&str> = whole().keys().map(|cell| cell.fault).collect();
    let killed: BTreeSet<&str> = whole()
        .iter()
        .filter(|(_, fate)| fate.killed.is_some())
        .map(|(cell, _)| cell.fault)
        .collect();
    for fault in fault::all() {
        assert!(tried.contains(fault.name), "no vector tries {}", fault.name);
        assert!(killed.contains(fault.name), "no vector kills {}", fault.name);
    }
}

/// What a rule shares with the plain rotation is tried under every rule.
#[test]
fn every_rule_is_tried_as_the_plain_one_is() {
    let mut tried: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for cell in whole().keys() {
        tried.entry(&cell.scheme).or_default().insert(cell.fault);
    }
    let mut missing = Vec::new();
    for operation in ["rotate", "score", "table", "inv_freq"] {
        let plain = &tried[format!("{operation} default").as_str()];
        for (scheme, faults) in &tried {
            let Some((of, rule)) = scheme.split_once(' ') else { continue };
            if of != operation {
                continue;
            }
            missing.extend(plain.difference(faults).map(|fault| (operation, rule, *fault)));
        }
    }
    let excused = |rule: &str, fault: &str| {
        page::NOT_UNDER_EVERY_RULE.iter().any(|(faults, rules, _)| {
            rules.contains(&rule) && faults.iter().any(|name| fault.starts_with(name))
        })
    };
    missing.retain(|(_, rule, fault)| !excused(rule, fault));
    assert!(missing.is_empty(), "not tried: {missing:#?}");
}

/// Every comparison is the only one that tells some fault: without it that fault would live.
#[test]
#[ignore = "deep: .ci/run does it"]
fn deep_every_comparison_is_needed() {
    let only = |want: fn(&Branches) -> bool| {
        let one = |by: &Branches| {
            [by.refusal, by.form, by.integer, by.copy, by.nan, by.error]
                .iter()
                .filter(|told| **told)
                .count()
                == 1
        };
        whole().values().any(|fate| fate.killed.is_some() && one(&fate.by) && want(&fate.by))
    };
    assert!(only(|by| by.refusal), "refusals");
    assert!(only(|by| by.form), "names, dtypes and shapes");
    assert!(only(|by| by.integer), "integers");
    assert!(only(|by| by.copy), "zero bounds");
    assert!(only(|by| by.nan), "NaN");
    assert!(only(|by| by.error), "positive bounds");
}

/// The right machine is no mutant: nothing it answers is beyond the bounds, in any test.
#[test]
fn a_right_kernel_is_killed_by_nothing() {
    use rayon::prelude::*;
    use ropewalk::fault::{Answer, Asked};
    use ropewalk::profile;
    corpus().par_iter().for_each(|read| {
        for (group, test) in read.golden.tests() {
            let asked = Asked::new(&read.golden.request(group, test));
            let (Ok(question), Expected::Tensors(_)) = (asked.question(), &test.expected) else {
                continue;
            };
            for machine in profile::carried(group.dtype) {
                let answer = Answer::Output(fault::right(&machine, question));
                let excess = matrix::excess(test, &answer, &mut Branches::default());
                // Twice the bound kills; the bound itself must hold.
                assert!(excess <= 0.5 + 1e-3, "{} {}: {excess}", machine.name, test.id);
            }
        }
    });
}

/// Correct rounding is within the bounds of every profile, and every name is a right profile.
#[test]
fn bounds_hold_for_the_expected_values_themselves() {
    use ropewalk::profile;
    let (mut judged, mut all) = (0usize, 0usize);
    for read in corpus() {
        for (group, test) in read.golden.tests() {
            let Expected::Tensors(expected) = &test.expected else { continue };
            let floats = expected.0.iter().any(|(_, tensor)| tensor.dtype().format().is_some());
            let names: Vec<String> = test.bounds.keys().cloned().collect();
            let mut wanted: Vec<String> = match floats {
                true => profile::carried(group.dtype).iter().map(|p| p.name.into()).collect(),
                false => vec![],
            };
            wanted.sort();
            assert_eq!(names, wanted, "{}", test.id);
            for (profile, bounds) in &test.bounds {
                assert!(profile::find(profile).unwrap().is_right(group.dtype));
                for (name, bound) in &bounds.0 {
                    let want = expected.get(name).unwrap();
                    let format = want.dtype().format().unwrap();
                    let unit = bound.dtype().format().unwrap();
                    let residuals = test.residual.as_ref().and_then(|list| list.get(name)).unwrap();
                    for i in 0..want.data().len() {
                        all += 1;
                        let limit = unit.to_f64(bound.data()[i]);
                        let residual = cut(format, want.data()[i], residuals.data()[i]).abs();
                        if limit.is_infinite()
                            || !residual.is_finite()
                            || format.is_nan(want.data()[i])
                            // A right infinity is right however far beyond it the exact value is.
                            || format.width() == 8 && !format.is_finite(want.data()[i])
                        {
                            continue;
                        }
                        judged += 1;
                        let ulp = format.ulp_exponent(want.data()[i]).unwrap();
                        let error = residual * 2f64.powi(ulp / 2) * 2f64.powi(ulp - ulp / 2);
                        assert!(
                            error * (1.0 - 1e-3) <= limit,
                            "{} {profile} {name}[{i}]: {error} > {limit}",
                            test.id
                        );
                    }
                }
            }
        }
    }
    assert!(judged * 10 > all * 8, "{judged} of {all}");
}

/// Every class of the catalogue is a fault or explained, and every flag's classes exist.
#[test]
fn every_class_is_a_fault_or_is_explained() {
    let faults: BTreeSet<&str> = fault::all().iter().map(|fault| fault.class).collect();
    let unseen: BTreeSet<&str> = page::UNSEEN.iter().map(|(class, ..)| *class).collect();
    let all: BTreeSet<String> = page::CLASSES
        .iter()
        .flat_map(|(letter, count, _)| (1..=*count).map(move |n| format!("{letter}{n}")))
        .collect();
    assert_eq!(all.len(), 120);
    assert!(faults.is_disjoint(&unseen));
    let covered: BTreeSet<String> = faults.union(&unseen).map(|class| class.to_string()).collect();
    assert_eq!(covered, all);
    for note in NOTES {
        for class in note.faults {
            assert!(all.contains(*class), "{} names {class}", note.flag);
        }
    }
    let named: BTreeSet<&str> = NOTES.iter().flat_map(|note| note.faults).copied().collect();
    for class in faults {
        assert!(named.contains(class), "no flag names {class}");
    }
}

#[test]
fn faults_are_described() {
    let mut names = BTreeSet::new();
    for fault in fault::all() {
        let Fault { name, class, summary, signature, fix, links, .. } = fault;
        assert!(names.insert(*name), "{name} twice");
        assert!(name.starts_with(&format!("{}-", class.to_lowercase())), "{name} {class}");
        for text in [summary, signature, fix] {
            assert!(
                text.len() > 5 && !text.ends_with('.') && !text.contains("  "),
                "{name}: {text}"
            );
        }
        assert!(links.iter().all(|link| link.contains('/') && link.contains('#')), "{name}");
        assert_eq!(fault::find(name).unwrap().name, *name);
    }
    assert!(names.len() >= 316, "{} faults: none may be lost", names.len());
}

#[test]
fn the_pages_are_up_to_date() {
    page::compare(whole());
}
