//! Faults of fused kernels are caught and named by the questions about chains alone.

use super::kernels::{CASES, Emulated, Partly};
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
    let tried = crate::tier::some(fused().enumerate(), 8);
    let slips: Vec<String> = tried.into_iter().filter_map(|pair| one(pair).err()).collect();
    assert!(slips.is_empty(), "{} of {}:\n{}", slips.len(), fused().count(), slips.join("\n"));
}

/// A known fault that acts on some rows only is told with its place.
#[test]
fn a_fault_of_some_rows_is_told_with_its_place() {
    let cases: Vec<Case> = CASES
        .iter()
        .filter(|case| case.ask.operation == Operation::Chain && case.ask.dtype == Dtype::F32)
        .filter(|case| case.truth.expected.tensors().is_some())
        .cloned()
        .collect();
    for (fault, outputs, subject, words) in [
        ("e15-one-ahead", &["k", "key_cache"][..], "Keys", "one too large"),
        ("m2-weight-forgotten", &["q"][..], "Queries", "the weight of the norm is not applied"),
    ] {
        let emulated = |faults: &[&str]| {
            Emulated::new("hf-f32", faults, &[&[Dtype::F32], &Dtype::EIGHT_BITS[..]].concat())
        };
        let is_wrong = |name: &str, _: &[usize], _: usize| outputs.contains(&name);
        let mut kernel =
            Partly { right: emulated(&[]), wrong: emulated(&[fault]), is_wrong: &is_wrong };
        let patience = std::time::Duration::from_secs(600);
        let options = Options { twice: false, patience, ..Options::default() };
        let report = audit(&mut kernel, &cases, &options).report;
        assert_eq!(report.verdict, Verdict::Diverges, "{fault}");
        let told = |d: &ropewalk::audit::Diagnosis| {
            d.summary.starts_with(subject) && d.summary.contains(words)
        };
        let said: Vec<&str> = report.diagnoses.iter().map(|d| &d.summary[..]).collect();
        assert!(report.diagnoses.iter().any(told), "{fault}: {said:?}, {:?}", report.clues);
    }
}

/// Bytes in another order, also where a cache is smaller than the tokens, which are padding.
#[test]
fn bytes_in_another_order_are_told() {
    let stages = r#"{"stages":[{"rotate":{"head_dim":4,"layout":"half","rope_theta":10000}},
        {"store":{"block_size":1,"layout":"NHD"}}]}"#;
    let tokens = 6;
    let rows = |rows: usize, first: usize| {
        let row = |r: usize| {
            let digits = |c: usize| format!("{:08x}", (1.0 + (first + 4 * r + c) as f32).to_bits());
            format!("\"{}\"", (0..4).map(digits).collect::<String>())
        };
        (0..rows).map(row).collect::<Vec<_>>().join(",")
    };
    let tensor = |shape: String, rows: String| {
        format!(r#"{{"dtype":"f32","shape":[{shape}],"bits":[{rows}]}}"#)
    };
    let (wide, small) = (format!("1,1,{tokens},4"), "1,1,1,4".to_string());
    let request = format!(
        r#"{{"cmd":"run","id":"a","operation":"chain","dtype":"f32","config":{stages},"input":{{
            "q":{},"k":{},"v":{},"key_cache":{},"value_cache":{},
            "slots":[-1,-1,-1,0,-1,-1],"positions":[[3,4,5,6,7,8]]}}}}"#,
        tensor(wide.clone(), rows(tokens, 0)),
        tensor(wide.clone(), rows(tokens, 50)),
        tensor(wide, rows(tokens, 90)),
        tensor(small.clone(), rows(1, 7)),
        tensor(small, rows(1, 9)),
    );
    let json: ropewalk::request::Json = serde_json::from_str(&request).unwrap();
    let fresh = ropewalk::generate::fresh::Fresh {
        request: ropewalk::request::Request::from_json(&json).unwrap(),
        comment: "a small cache".into(),
        flags: vec![],
    };
    let files = ropewalk::generate::fresh::answer(&[fresh]).unwrap();
    let cases: Vec<Case> =
        files.iter().flat_map(|(path, golden)| ropewalk::audit::cases(path, golden)).collect();
    let mut kernel = Emulated::new("hf-f32", &["f10-bytes-swapped"], &[Dtype::F32]);
    let options = Options { twice: false, ..Options::default() };
    let report = audit(&mut kernel, &cases, &options).report;
    assert_eq!(report.verdict, Verdict::Diverges);
    let said: Vec<&str> = report.diagnoses.iter().map(|d| &d.summary[..]).collect();
    assert!(said.iter().any(|text| text.contains("bytes")), "{said:?}, {:?}", report.clues);
}
