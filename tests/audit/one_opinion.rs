//! Nobody contradicts the verdict: what is wrong for it is wrong for the table of errors and for
//! the way of large tensors, and the other way round.

use super::judge::{case, changed, f32s, rotate};
use ropewalk::audit::{
    Answered, Case, Description, Large, LargeJudge, Options, Outcome, Report, Rows, Verdict,
    judge_all,
};
use ropewalk::encoding::Body;
use ropewalk::number::{Format, Tensor};
use ropewalk::profile::{self, Profile};
use serde_json::json;

fn hf() -> Profile {
    *profile::find("hf-f32").unwrap()
}

fn audited(case: &Case, output: Vec<(String, Tensor)>) -> Report {
    let outcome = Ok(Outcome::Output(output));
    let answered = Answered { case: 0, outcome, fickle: false, broke: None };
    let options = Options { profile: Some(hf()), sight: false, ..Options::default() };
    judge_all(std::slice::from_ref(case), &[answered], Description::named("it"), &options)
}

/// The same by the way of `ropewalk judge`.
fn large(case: &Case, output: &[(String, Tensor)]) -> Large {
    let question = case.ask.question().unwrap();
    let Body::Rotate(asked) = &question.body else { panic!("a rotation") };
    let position = |row: usize, _: usize| asked.positions.data()[row].numerator;
    let truth = case.truth.expected.tensors().unwrap();
    let rows = Rows {
        first: 0,
        position: &position,
        input: asked.q.data(),
        got: output[0].1.data(),
        expected: truth.get("q").unwrap().data(),
        residual: case.truth.residual.as_ref().unwrap().get("q").unwrap().data(),
    };
    LargeJudge::new(question, hf()).unwrap().judge(&rows).unwrap()
}

/// Verdict, counts and tables of both ways, which must be one opinion.
fn wrong(case: &Case, output: Vec<(String, Tensor)>) -> usize {
    let large = large(case, &output);
    let report = audited(case, output);
    let wrong = report.cases[0].wrong;
    assert_eq!(report.verdict == Verdict::Diverges, wrong > 0);
    assert_eq!(report.sections[0].elements_wrong, wrong);
    let beyond = |errors: &ropewalk::audit::Errors| -> usize {
        errors.cells.values().map(|cell| cell.beyond).sum()
    };
    assert_eq!(beyond(&report.sections[0].errors), wrong, "the table of errors");
    assert_eq!(large.wrong, wrong, "the way of large tensors");
    assert_eq!(beyond(&large.errors), wrong, "its table of errors");
    assert_eq!(large.rows.len(), usize::from(wrong > 0));
    wrong
}

#[test]
fn a_copied_zero_that_loses_its_sign() {
    let row = f32s(&[1.0, 0.0, 3.0, 0.0]);
    let partial = rotate(&row, 7, json!({"rotary_dim": 2}));
    assert_eq!(wrong(&partial, changed(&partial, 3, |bits| bits)), 0);
    assert_eq!(wrong(&partial, changed(&partial, 3, |bits| bits ^ 1 << 31)), 1);
    // Where it is computed, either sign is right.
    let turned = rotate(&f32s(&[0.0, 0.0, 0.0, 0.0]), 7, json!({}));
    assert_eq!(wrong(&turned, changed(&turned, 3, |bits| bits ^ 1 << 31)), 0);
}

#[test]
fn an_error_just_beyond_the_bound() {
    let case = rotate(&f32s(&[1.0, 2.0, 3.0, 4.0]), 60_000, json!({}));
    let question = case.ask.question().unwrap();
    let bound = profile::bounds(question, &[hf()])[0].1[0].tensor.data()[0];
    let bound = Format::F32.to_f64(bound);
    let want = case.truth.expected.tensors().unwrap().get("q").unwrap().data()[0];
    let ulp = 2f64.powi(Format::F32.ulp_exponent(want).unwrap());
    let steps = (bound / ulp).floor() as u64;
    assert!(steps > 4096, "some steps lie between the bound and 1 + 2^-10 of it: {steps}");
    assert_eq!(wrong(&case, changed(&case, 0, |bits| bits + steps - 1)), 0);
    assert_eq!(wrong(&case, changed(&case, 0, |bits| bits + steps + 2)), 1);
}

#[test]
fn integers_are_one_opinion_too() {
    let t5 = json!({"num_buckets": 32, "max_distance": 128, "bidirectional": true});
    let bucket =
        case("t5_bucket", "i32", t5, json!({"query_positions": [0], "key_positions": [9]}));
    let report = audited(&bucket, changed(&bucket, 0, |bits| bits + 1));
    assert_eq!((report.cases[0].wrong, report.verdict), (1, Verdict::Diverges));
}
