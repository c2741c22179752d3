//! Faults of attention are named, although a softmax stands between them and the answer.

use super::kernels::{CASES, Emulated};
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
