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

/// A pair of f32 turned by an angle.
fn turned(case: &Case, angle: f64) -> Vec<(String, Tensor)> {
    let mut output = case.truth.expected.tensors().unwrap().0.clone();
    let mut data = output[0].1.data().to_vec();
    let [x, y] = [data[1], data[3]].map(|bits| Format::F32.to_f64(bits));
    let (sin, cos) = angle.sin_cos();
    let pair = [x * cos - y * sin, y * cos + x * sin];
    [data[1], data[3]] = pair.map(|x| (x as f32).to_bits() as u64);
    output[0].1 = Tensor::new(output[0].1.dtype(), output[0].1.shape().to_vec(), data).unwrap();
    output
}

#[test]
fn an_error_just_beyond_the_bound() {
    // Where both coordinates are about as large, an angle moves both by about as much.
    let slow = |case: &Case| {
        let truth = case.truth.expected.tensors().unwrap().get("q").unwrap().clone();
        [1, 3].map(|i| Format::F32.to_f64(truth.data()[i]).abs())
    };
    let case = (6_000_001..)
        .map(|position| rotate(&f32s(&[1.0, 2.0, 3.0, 4.0]), position, json!({})))
        .find(|case| (0.9..1.1).contains(&(slow(case)[0] / slow(case)[1])))
        .unwrap();
    let question = case.ask.question().unwrap();
    let bound = &profile::bounds(question, &[hf()])[0].1[0].tensor;
    let [first, other] = [1, 3].map(|i| Format::F32.to_f64(bound.data()[i]));
    let [x, y] = slow(&case);
    // Along the circle, an error of the angle is what the bound allows; beyond it both are off.
    assert_eq!(wrong(&case, turned(&case, 0.9 * (first / y).min(other / x))), 0);
    assert_eq!(wrong(&case, turned(&case, 1.1 * (first / y).max(other / x))), 2);
    // Off the circle by a thousandth, no angle is to blame, and it is the one that was changed.
    let step = (1e-3 * 20f64.sqrt() / 2f64.powi(-23)) as u64;
    assert!(first > 4e-3 * 20f64.sqrt(), "by its own bound it would pass: {first:e}");
    assert_eq!(wrong(&case, changed(&case, 1, |bits| bits + step)), 1);
}

/// Where the angle is noise, the norm still is none.
#[test]
fn the_norm_is_judged_at_every_position() {
    for position in [10_922, 1 << 24] {
        let case = rotate(&f32s(&[1.0, 2.0, 3.0, 4.0]), position, json!({}));
        let larger = |bits: u64| (f32::from_bits(bits as u32) * 1.002).to_bits() as u64;
        assert!(wrong(&case, changed(&case, 0, larger)) > 0, "{position}");
        assert_eq!(wrong(&case, case.truth.expected.tensors().unwrap().0.clone()), 0);
    }
}

#[test]
fn integers_are_one_opinion_too() {
    let t5 = json!({"num_buckets": 32, "max_distance": 128, "bidirectional": true});
    let bucket =
        case("t5_bucket", "i32", t5, json!({"query_positions": [0], "key_positions": [9]}));
    let report = audited(&bucket, changed(&bucket, 0, |bits| bits + 1));
    assert_eq!((report.cases[0].wrong, report.verdict), (1, Verdict::Diverges));
}
