//! Kernels that know nothing of the list of faults, end to end: real processes, real vectors.

use super::kernels::CASES;
use ropewalk::audit::{
    Case, Inquiry, Options, Process, ProcessOptions, Report, Verdict, audit, identify,
};
use ropewalk::encoding::models;
use ropewalk::request::Operation;

fn process(name: &str) -> Process {
    let command = format!("python3 tests/kernels/kernels.py {name}");
    Process::new(&command, ProcessOptions::default())
}

fn report(name: &str, every: usize) -> Report {
    let rotations = CASES.iter().filter(|case| case.ask.operation == Operation::Rotate);
    let cases: Vec<Case> = rotations.step_by(every).cloned().collect();
    let patience = std::time::Duration::from_secs(600);
    let options = Options { twice: false, patience, ..Options::default() };
    audit(&mut process(name), &cases, &options).report
}

/// Broken kernels and what may be named: the classes of one explanation. None: unknown is right.
const BROKEN: &[(&str, &[&str])] = &[
    ("other_layout", &["A1"]),
    ("clockwise", &["B1"]),
    ("base_ten_thousand", &["C1"]),
    ("over_head_dim", &["C2"]),
    ("overwrites", &["G6"]),
    ("sine_lags", &[]),
    ("layout_and_base", &["A1", "C1"]),
    ("base_of_mine", &[]),
    ("whole_head", &["D11"]),
    ("keys_as_they_are", &["B3"]),
    ("first_row_for_all", &["E2"]),
    ("cast_module", &["F1"]),
    ("half_positions", &["F3"]),
    ("wires_crossed", &["B2"]),
    ("scaling_never_read", &["D1"]),
    ("multiplies_factor", &["D4"]),
    ("no_mscale", &["D8"]),
    ("keeps_fractions", &["D7"]),
    ("forward_only", &["B4"]),
    ("short_table", &["E7"]),
    ("heads_for_tokens", &["A8"]),
    ("counts_from_one", &["C3"]),
    ("decode_is_one_ahead", &["E15"]),
    ("table_in_bf16", &["F4"]),
    ("twice", &["B3"]),
    ("one_percent_faster", &[]),
    ("skips_a_pair", &[]),
    ("drops_the_last_head", &[]),
    ("sign_and_scaling", &["B1", "D1"]),
    ("keys_and_head_dim", &["B3", "C2"]),
    ("base_and_one_ahead", &["C1", "E15"]),
];

const RIGHT: &[&str] = &[
    "rotate_half",
    "bf16_all",
    "running_product",
    "plain",
    "in_f64",
    "with_exp",
    "as_complex",
    "bf16_table",
];

fn check((name, classes): &(&str, &[&str]), every: usize) -> Result<(), String> {
    let report = report(name, every);
    if report.verdict != Verdict::Diverges {
        return Err(format!("{name}: {:?}", report.verdict));
    }
    let class = |name: &&str| ropewalk::fault::find(name).unwrap().class;
    let of = |faults: &[&str]| {
        let mut list: Vec<&str> = faults.iter().map(class).collect();
        list.sort_unstable();
        list
    };
    let named: Vec<Vec<&str>> = report
        .diagnoses
        .iter()
        .flat_map(|d| std::iter::once(of(&d.faults)).chain(d.alternatives.iter().map(|a| of(a))))
        .collect();
    let right = match classes.is_empty() {
        true => {
            named.iter().all(Vec::is_empty)
                && !(report.clues.is_empty() && report.diagnoses.is_empty())
        }
        false => named.iter().any(|list| list == classes),
    };
    right.then_some(()).ok_or(format!("{name}: {named:?}, clues {:?}", report.clues))
}

#[test]
#[ignore = "needs python3 with numpy"]
fn deep_broken_kernels_are_named_rightly_or_not_at_all() {
    let slips: Vec<String> = BROKEN[..4].iter().filter_map(|one| check(one, 3).err()).collect();
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[test]
#[ignore = "long: minutes; needs python3 with numpy"]
fn long_all_broken_kernels_are_named_rightly_or_not_at_all() {
    let slips: Vec<String> = BROKEN.iter().filter_map(|one| check(one, 1).err()).collect();
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[test]
#[ignore = "needs python3 with numpy"]
fn right_kernels_are_not_accused() {
    RIGHT[..2].iter().for_each(|name| expect_right(name, 3));
}

#[test]
#[ignore = "long: minutes; needs python3 with numpy"]
fn long_all_right_kernels_are_not_accused() {
    RIGHT.iter().for_each(|name| expect_right(name, 1));
}

fn expect_right(name: &str, every: usize) {
    let report = report(name, every);
    let wrong: Vec<&str> = report.divergences().map(|case| case.id.as_str()).collect();
    assert!(wrong.is_empty(), "{name}: {wrong:?}");
}

#[test]
#[ignore = "needs python3 with numpy"]
fn a_config_is_found_out_from_answers() {
    let llama = models().iter().find(|model| model.name == "llama-3.1-8b").unwrap();
    let inquiry = Inquiry::default();
    let found = |name: &str| identify(&mut process(name), Some(&llama.config), &inquiry).unwrap();
    let right = found("rotate_half");
    assert!(right.conforms);
    assert_eq!(right.differences, [""; 0]);
    assert_eq!(right.config.as_ref(), Some(&right.declared));
    assert!(right.precision.profile.is_some() && right.unknown.is_empty());
    let wrong = found("scaling_never_read");
    assert!(
        wrong.differences.contains(&"rope_type: llama3 is declared, default is computed".into())
    );
    let faults: Vec<&str> = wrong.diagnoses.iter().flat_map(|d| d.faults.clone()).collect();
    assert_eq!(faults, ["d1-scaling-ignored"]);
}
