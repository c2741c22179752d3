//! Faults of fused kernels are caught and named by the questions about chains alone.

use super::kernels::{CASES, Emulated};
use ropewalk::audit::{Case, Options, Report, Verdict, audit};
use ropewalk::fault;
use ropewalk::number::Dtype;
use ropewalk::request::Operation;

fn report(profile: &'static str, dtype: Dtype, fault: &'static str) -> Report {
    let eight = Dtype::EIGHT_BITS;
    let mut kernel = Emulated::new(profile, &[fault], &[&[dtype], &eight[..]].concat());
    let chains = |case: &&Case| case.ask.operation == Operation::Chain && case.ask.dtype == dtype;
    let cases: Vec<Case> = CASES
        .iter()
        .filter(chains)
        .filter(|case| case.truth.expected.tensors().is_some())
        .cloned()
        .collect();
    let patience = std::time::Duration::from_secs(600);
    let options = Options { twice: false, sight: true, patience, ..Options::default() };
    audit(&mut kernel, &cases, &options).report
}

fn expect_named(fault: &'static str, profile: &'static str, dtype: Dtype) -> Result<(), String> {
    let report = report(profile, dtype, fault);
    let told = |list: &[&str]| list == [fault];
    match report.verdict {
        Verdict::Conforms if !report.seen.contains(&fault) => Ok(()),
        Verdict::Diverges
            if report
                .diagnoses
                .iter()
                .any(|d| told(&d.faults) || d.alternatives.iter().any(|a| told(a))) =>
        {
            Ok(())
        }
        verdict => {
            let named: Vec<_> =
                report.diagnoses.iter().map(|d| (&d.faults, &d.alternatives)).collect();
            Err(format!("{fault} on {profile}: {verdict:?}, named {named:?}, {:?}", report.clues))
        }
    }
}

fn fused() -> impl Iterator<Item = &'static str> {
    let own = |name: &str| name.starts_with(['m', 'n', 'o']);
    fault::all().iter().map(|fault| fault.name).filter(move |name| own(name))
}

#[test]
fn every_fault_of_a_fused_kernel_is_named() {
    let one = |(index, fault): (usize, &'static str)| match index % 2 {
        0 => expect_named(fault, "hf-f32", Dtype::F32),
        _ => expect_named(fault, "hf-bf16", Dtype::Bf16),
    };
    let slips: Vec<String> = fused().enumerate().filter_map(|pair| one(pair).err()).collect();
    assert!(slips.is_empty(), "{} of {}:\n{}", slips.len(), fused().count(), slips.join("\n"));
}
