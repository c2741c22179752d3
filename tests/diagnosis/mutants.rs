//! Faults of the list are caught and named, alone and in pairs; right machines are not accused.

use super::kernels::{CASES, Emulated};
use crate::tier::some;
use ropewalk::audit::{Case, Options, Report, Verdict, audit};
use ropewalk::fault;
use ropewalk::number::Dtype;
use ropewalk::vector::note;
use std::collections::BTreeMap;

/// Cases of a format: those whose flags name a class of these, and a few of every other kind.
fn cases(dtype: Dtype, classes: &[&str], rest: usize) -> Vec<Case> {
    let mut count: BTreeMap<(&str, Vec<String>), usize> = BTreeMap::new();
    let own = |case: &Case| {
        let named = case.flags.iter().filter_map(|flag| note(flag)).flat_map(|note| note.faults);
        named.clone().any(|class| classes.contains(class))
    };
    let wanted = |case: &&Case| {
        let format = case.ask.dtype == dtype || case.ask.dtype.format().is_none();
        let key = (case.ask.operation.name(), case.flags.clone());
        let seen = count.entry(key).or_default();
        *seen += 1;
        format && case.truth.expected.tensors().is_some() && (own(case) || *seen <= rest)
    };
    CASES.iter().filter(wanted).cloned().collect()
}

fn report(profile: &'static str, dtype: Dtype, faults: &[&str], rest: usize) -> Report {
    let classes: Vec<&str> =
        faults.iter().filter_map(|name| fault::find(name)).map(|fault| fault.class).collect();
    let mut kernel = Emulated::new(profile, faults, &[dtype, Dtype::I32, Dtype::I64]);
    let patience = std::time::Duration::from_secs(600);
    // What could have been seen is asked where something is wrong.
    let sight = !faults.is_empty();
    let options = Options { twice: false, sight, patience, ..Options::default() };
    audit(&mut kernel, &cases(dtype, &classes, rest), &options).report
}

fn set(names: &[&'static str]) -> Vec<&'static str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

/// Whether exactly these faults are named, or cannot be told from what is.
fn names(report: &Report, faults: &[&'static str]) -> bool {
    report.diagnoses.iter().any(|d| {
        set(&d.faults) == set(faults) || d.alternatives.iter().any(|a| set(a) == set(faults))
    })
}

const MACHINES: [(&str, Dtype); 5] = [
    ("hf-f32", Dtype::F32),
    ("hf-bf16", Dtype::Bf16),
    ("ggml-f32", Dtype::F32),
    ("numpy-f64", Dtype::F64),
    ("vllm-f16-cache", Dtype::F16),
];

fn expect_named(faults: &[&'static str], machine: usize, rest: usize) -> Result<(), String> {
    let (profile, dtype) = MACHINES[machine % MACHINES.len()];
    let report = report(profile, dtype, faults, rest);
    let told: Vec<&Vec<&str>> = report.diagnoses.iter().map(|d| &d.faults).collect();
    match report.verdict {
        // Precision may hide it, and then the report says so.
        Verdict::Conforms if faults.iter().all(|name| !report.seen.contains(name)) => Ok(()),
        Verdict::Diverges | Verdict::Lenient if names(&report, faults) => Ok(()),
        verdict => Err(format!(
            "{faults:?} on {profile}: {verdict:?}, named {told:?}, clues {:?}",
            report.clues
        )),
    }
}

#[test]
fn one_fault_of_each_kind_is_named() {
    let kinds = [
        "a1-p",
        "a4-t",
        "b1-s",
        "b3-k",
        "c1-base-i",
        "c2-exponent-over-h",
        "d1-",
        "e2-",
        "f1-inv-freq-in-b",
        "g6-",
        "h1-h",
    ];
    // Half of them; all are in the long test. A kind keeps its machine.
    for (index, kind) in some(kinds.iter().enumerate().step_by(2), 3) {
        let fault = fault::all().iter().find(|fault| fault.name.starts_with(kind)).unwrap();
        expect_named(&[fault.name], index, 1).unwrap();
    }
}

#[test]
fn two_faults_are_named_together() {
    let pairs =
        [["b1-sign-flipped", "c1-base-ignored"], ["a1-pairing-swapped", "d1-scaling-ignored"]];
    for (index, faults) in some(pairs.iter().enumerate(), 2) {
        expect_named(faults, index, 1).unwrap();
    }
}

/// Every fault of the list, on machines in turn, over all the vectors.
#[test]
#[ignore = "long: an hour"]
fn long_every_fault_is_named() {
    let faults = fault::all().iter().enumerate();
    let slips: Vec<String> =
        faults.filter_map(|(i, fault)| expect_named(&[fault.name], i, 99).err()).collect();
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[test]
fn right_machines_are_not_accused() {
    let machines = ropewalk::profile::NAMED.iter();
    let all = machines.flat_map(|machine| Dtype::FLOATS.map(|dtype| (machine, dtype)));
    for (machine, dtype) in some(all.filter(|(machine, dtype)| machine.is_right(*dtype)), 6) {
        let report = report(machine.name, dtype, &[], 3);
        let wrong: Vec<&str> = report.divergences().map(|case| case.id.as_str()).collect();
        assert!(wrong.is_empty(), "{} in {dtype}: {wrong:?}", machine.name);
        assert!(report.diagnoses.is_empty() && report.clues.is_empty());
    }
}

#[test]
fn what_was_not_asked_is_not_seen_and_the_reason_is_told() {
    let default =
        |case: &&Case| case.ask.dtype == Dtype::F32 && case.word("rope_type") == Some("default");
    let cases: Vec<Case> = CASES.iter().filter(default).cloned().collect();
    let mut kernel = Emulated::new("hf-f32", &[], &[Dtype::F32]);
    let patience = std::time::Duration::from_secs(600);
    let options = Options { twice: false, patience, ..Options::default() };
    let report = audit(&mut kernel, &cases, &options).report;
    assert!(
        report.seen.contains(&"a1-pairing-swapped") && report.seen.contains(&"c1-base-ignored")
    );
    let reason = |name: &str| report.unseen.iter().find(|u| u.name == name).map(|u| &u.because[..]);
    assert_eq!(reason("d1-scaling-ignored"), Some("no test of this selection touches it"));
    assert_eq!(report.seen.len() + report.unseen.len(), fault::all().len());
}
