//! Faults of position ids: each is named, and where it acts in part it is told with its place.

use super::kernels::{CASES, Emulated, Partly};
use ropewalk::audit::{Case, Options, Report, Verdict, audit, cases};
use ropewalk::encoding::Layout;
use ropewalk::generate::fresh::{Claims, answer, draw};
use ropewalk::number::Dtype;
use ropewalk::request::{Direction, Operation};
use std::sync::LazyLock;

/// The stored questions about position ids, and drawn ones.
static IDS: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let claims = Claims {
        operations: &[Operation::PositionIds],
        formats: &[(Dtype::I64, Dtype::I64)],
        layouts: &[Layout::Half],
        rope_types: None,
        directions: &[Direction::Forward],
        positions: [i64::MIN, i64::MAX],
        admits: &|_| Ok(()),
        own: None,
        shaped: false,
    };
    let drawn = draw(3, &claims);
    assert!(drawn.questions.len() > 20);
    let stored = CASES.iter().filter(|case| case.ask.operation == Operation::PositionIds);
    let files = answer(&drawn.questions).unwrap();
    stored.cloned().chain(files.iter().flat_map(|(path, golden)| cases(path, golden))).collect()
});

fn report(wrong: &'static str, is_wrong: &dyn Fn(&str, &[usize], usize) -> bool) -> Report {
    let emulated = |faults: &[&str]| Emulated::new("hf-f32", faults, &[Dtype::I64]);
    let mut kernel = Partly { right: emulated(&[]), wrong: emulated(&[wrong]), is_wrong };
    let patience = std::time::Duration::from_secs(600);
    let options = Options { twice: false, sight: false, patience, ..Options::default() };
    audit(&mut kernel, &IDS, &options).report
}

#[test]
fn every_fault_is_named() {
    let faults = ropewalk::fault::all().iter().map(|fault| fault.name);
    let own = |name: &str| {
        name.starts_with("e4-counted")
            || name.starts_with("e5")
            || name.starts_with("e6")
            || name.starts_with("h5")
            || name.starts_with("h6")
    };
    let mut count = 0;
    for fault in crate::tier::some(faults.filter(|name| own(name)), 5) {
        let report = report(fault, &|_, _, _| true);
        if report.verdict == Verdict::Conforms {
            // Of another operation, or of a state that one process does not have.
            continue;
        }
        count += 1;
        let told = |list: &[&str]| list == [fault];
        let named = report
            .diagnoses
            .iter()
            .any(|d| told(&d.faults) || d.alternatives.iter().any(|other| told(other)));
        let said: Vec<_> = report.diagnoses.iter().map(|d| (&d.faults, &d.summary)).collect();
        assert!(named, "{fault}: {said:?}, {:?}", report.clues);
    }
    let least = if crate::tier::deep() { 18 } else { 3 };
    assert!(count >= least, "{count} faults of position ids");
}

#[test]
fn a_fault_of_some_tokens_is_told_with_its_place() {
    let axis = |shape: &[usize], index: usize| index / shape[1..].iter().product::<usize>().max(1);
    let on_w = |name: &str, shape: &[usize], index: usize| {
        name == "positions" && shape[0] == 3 && axis(shape, index) == 2
    };
    let later_rows = |name: &str, shape: &[usize], index: usize| {
        name == "positions" && shape.len() == 2 && index / shape[1] > 0
    };
    type Where<'a> = &'a dyn Fn(&str, &[usize], usize) -> bool;
    let kernels: [(&str, Where, &str, &str); 2] = [
        ("h6-grid-from-0", &on_w, "Positions on axis w", "counted from 0"),
        ("e4-counted-from-the-padding", &later_rows, "in rows other than 0", "first slot"),
    ];
    for (fault, is_wrong, place, words) in kernels {
        let report = report(fault, is_wrong);
        assert_eq!(report.verdict, Verdict::Diverges, "{fault}");
        let told =
            |d: &ropewalk::audit::Diagnosis| d.summary.contains(place) && d.summary.contains(words);
        let said: Vec<&str> = report.diagnoses.iter().map(|d| &d.summary[..]).collect();
        assert!(report.diagnoses.iter().any(told), "{fault}: {said:?}, {:?}", report.clues);
    }
}
