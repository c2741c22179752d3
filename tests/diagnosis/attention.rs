//! Faults of attention are named, although a softmax stands between them and the answer.

use super::kernels::{CASES, Emulated, Partly};
use ropewalk::audit::{Case, Options, Report, Verdict, audit};
use ropewalk::number::Dtype;
use ropewalk::request::Operation;

fn report(profile: &'static str, dtype: Dtype, faults: &[&'static str]) -> Report {
    let asked =
        |case: &&Case| case.ask.operation == Operation::Attention && case.ask.dtype == dtype;
    let cases: Vec<Case> = CASES.iter().filter(asked).cloned().collect();
    let mut kernel = Emulated::new(profile, faults, &[dtype]);
    let patience = std::time::Duration::from_secs(600);
    let options = Options { twice: false, sight: false, patience, ..Options::default() };
    audit(&mut kernel, &cases, &options).report
}

/// One of each kind: a mask, a window, a bias, a cap, a scale, a sink, lengths, heads, a logarithm,
/// sums over tiles, a rotation. Half of the formats each.
#[test]
fn a_fault_of_each_kind_is_named() {
    let kinds = [
        "p1-mask-top-left",
        "p2-left-one-less",
        "p3-alibi-slopes-of-padded-heads",
        "p4-bias-transposed",
        "p5-cap-before-the-scale",
        "p6-scale-of-the-padded-width",
        "p7-sink-ignored",
        "p8-lengths-of-the-first-row",
        "p9-heads-tiled",
        "p10-lse-in-base-2",
        "p11-values-not-rescaled",
        "p12-values-rotated",
    ];
    for (index, fault) in kinds.into_iter().enumerate() {
        let (profile, dtype) = match index % 2 {
            0 => ("hf-f32", Dtype::F32),
            _ => ("hf-bf16", Dtype::Bf16),
        };
        let report = report(profile, dtype, &[fault]);
        let told: Vec<_> = report.diagnoses.iter().map(|d| (&d.faults, &d.alternatives)).collect();
        let named = |(faults, others): &(&Vec<&str>, &Vec<Vec<&str>>)| {
            **faults == [fault] || others.iter().any(|other| *other == [fault])
        };
        assert_eq!(report.verdict, Verdict::Diverges, "{fault} in {dtype}");
        assert!(told.iter().any(named), "{fault} in {dtype}: {told:?}, {:?}", report.clues);
    }
}

/// What a rotation or a bias has wrong where it stands alone, it has inside of attention.
#[test]
fn a_fault_of_the_rotation_inside_is_named() {
    for fault in ["a1-pairing-swapped", "j1-slopes-of-the-other-convention"] {
        let report = report("hf-f32", Dtype::F32, &[fault]);
        let told: Vec<_> = report.diagnoses.iter().map(|d| (&d.faults, &d.alternatives)).collect();
        let named = |(faults, others): &(&Vec<&str>, &Vec<Vec<&str>>)| {
            **faults == [fault] || others.iter().any(|other| *other == [fault])
        };
        assert!(told.iter().any(named), "{fault}: {told:?}, {:?}", report.clues);
    }
}

/// A known fault that acts on some queries or heads only is told with its place.
#[test]
fn a_fault_of_some_rows_is_told_with_its_place() {
    let asked =
        |case: &&Case| case.ask.operation == Operation::Attention && case.ask.dtype == Dtype::F32;
    let cases: Vec<Case> = CASES.iter().filter(asked).cloned().collect();
    let head =
        |shape: &[usize], index: usize| index / shape[2..].iter().product::<usize>() % shape[1];
    let in_some = |_: &str, shape: &[usize], index: usize| head(shape, index) > 0;
    let last = |name: &str, shape: &[usize], index: usize| {
        let width = if name == "lse" { 1 } else { shape[3] };
        index / width % shape[2] + 1 == shape[2]
    };
    type Where<'a> = &'a dyn Fn(&str, &[usize], usize) -> bool;
    let kernels: [(&str, Where, &str, &str); 3] = [
        ("p3-alibi-sign-flipped", &in_some, "in heads other than 0", "wrong sign"),
        ("p1-causal-strict", &last, "in the last token", "sees itself"),
        ("p6-scale-twice", &in_some, "in heads other than 0", "twice"),
    ];
    for (fault, is_wrong, place, words) in kernels {
        let emulated = |faults: &[&str]| Emulated::new("hf-f32", faults, &[Dtype::F32]);
        let mut kernel = Partly { right: emulated(&[]), wrong: emulated(&[fault]), is_wrong };
        let patience = std::time::Duration::from_secs(600);
        let options = Options { twice: false, sight: false, patience, ..Options::default() };
        let report = audit(&mut kernel, &cases, &options).report;
        assert_eq!(report.verdict, Verdict::Diverges, "{fault}");
        let told =
            |d: &ropewalk::audit::Diagnosis| d.summary.contains(place) && d.summary.contains(words);
        let said: Vec<&str> = report.diagnoses.iter().map(|d| &d.summary[..]).collect();
        assert!(report.diagnoses.iter().any(told), "{fault}: {said:?}, {:?}", report.clues);
    }
}
