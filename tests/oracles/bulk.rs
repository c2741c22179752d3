//! The ladder's answers against the same questions element by element.

use super::adversarial;
use super::case::{Case, Random};
use super::classes::Counts;
use super::compare::difference;
use super::generate::{self, ANY};
use rayon::prelude::*;
use ropewalk::encoding::{Body, Question};
use ropewalk::exact::{Answer, Named, bulk, shapes, visit};
use ropewalk::number::{Dtype, Tensor};
use ropewalk::request::Request;
use ropewalk::vector::{Golden, golden_files};
use std::path::Path;

/// An answer without the ladder.
fn visited(question: &Question) -> Answer {
    let format = question.dtype.format().unwrap();
    let shapes = shapes(question);
    let zeros = |shape: &Vec<usize>| vec![0; shape.iter().product()];
    let mut bits: Vec<[Vec<u64>; 2]> =
        shapes.iter().map(|(_, shape)| [zeros(shape), zeros(shape)]).collect();
    visit(question, &mut |site, value| {
        let rounded = value.round(format).unwrap();
        let slot = shapes.iter().position(|(name, _)| *name == site.name).unwrap();
        bits[slot][0][site.index] = rounded.bits;
        bits[slot][1][site.index] = rounded.residual;
        Ok(())
    })
    .unwrap();
    let named =
        |((name, shape), [values, residuals]): ((&'static str, Vec<usize>), [Vec<u64>; 2])| Named {
            name,
            expected: Tensor::new(question.dtype, shape.clone(), values).unwrap(),
            residual: Tensor::new(Dtype::F16, shape, residuals).ok(),
        };
    Answer { tensors: shapes.into_iter().zip(bits).map(named).collect(), precision: 0 }
}

fn by_ladder(question: &Question) -> bool {
    matches!(question.body, Body::Rotate(_) | Body::Table(_))
}

/// Elements compared.
fn compare(question: &Question) -> usize {
    let (fast, slow) = (bulk::answer(question).unwrap(), visited(question));
    if let Some(difference) = difference(&fast, &slow) {
        panic!("{:?} {:?}: {difference:?}", question.dtype, question.config());
    }
    slow.tensors.iter().map(|tensor| tensor.expected.data().len()).sum()
}

#[test]
fn random_and_adversarial_questions() {
    let makers: [super::random::Maker; 2] = [generate::rotate, generate::table];
    let random: Vec<Case> = makers
        .into_iter()
        .flat_map(|maker| (0..40).map(move |seed| maker(&mut Random(seed), ANY)))
        .collect();
    let constructed = adversarial::all().into_par_iter().filter(|(_, seed)| seed % 4 == 0);
    let constructed: Vec<Case> = constructed
        .flat_map_iter(|(maker, seed)| {
            let mut counts = Counts::keeping();
            maker(&mut Random(seed), &mut counts);
            counts.kept.unwrap_or_default()
        })
        .collect();
    let cases = random.into_par_iter().chain(constructed);
    let questions = cases.map(|case| case.question()).filter(by_ladder);
    let compared: usize = questions.map(|question| compare(&question)).sum();
    assert!(compared > 30_000, "{compared}");
}

#[test]
fn the_golden_files() {
    let files = golden_files(Path::new("vectors")).unwrap();
    let compared = files.par_iter().map(|path| {
        let text = std::fs::read_to_string(Path::new("vectors").join(path)).unwrap();
        let golden = Golden::read(&text).unwrap();
        let mut compared = 0;
        for (group, test) in golden.tests() {
            let Some(expected) = test.expected.tensors() else { continue };
            let request = Request::from_json(&golden.request(group, test)).unwrap();
            let question = Question::new(&request).unwrap();
            if !by_ladder(&question) {
                continue;
            }
            for tensor in bulk::answer(&question).unwrap().tensors {
                assert_eq!(expected.get(tensor.name), Some(&tensor.expected), "{}", test.id);
                let residual = test.residual.as_ref().and_then(|r| r.get(tensor.name));
                assert_eq!(residual, tensor.residual.as_ref(), "{}", test.id);
                compared += tensor.expected.data().len();
            }
        }
        compared
    });
    let compared: usize = compared.sum();
    assert!(compared > 50_000, "{compared}");
}

/// Two batches of three heads and 300 tokens, with keys of one head, in parts of many tasks.
#[test]
fn large_tensors() {
    let mut random = Random(5);
    for (dtype, config) in [
        ("f32", r#"{"head_dim":20,"rotary_dim":16,"layout":"half","rope_theta":10000}"#),
        ("f64", r#"{"head_dim":16,"layout":"interleaved","rope_theta":500000}"#),
        (
            "bf16",
            r#"{"head_dim":16,"layout":"half","rope_theta":10000,"rope_type":"yarn","factor":4,"original_max_position_embeddings":4096}"#,
        ),
        ("f16", r#"{"head_dim":16,"layout":"half","rope_theta":10000,"mrope_section":[2,3,3]}"#),
    ] {
        let kind = Dtype::from_name(dtype).unwrap();
        let dim = if dtype == "f32" { 20 } else { 16 };
        let mut tensor = |heads: usize| {
            let data = (0..2 * heads * 300 * dim)
                .map(|_| super::values::nearest(kind.format().unwrap(), random.real(-4.0, 4.0)))
                .collect();
            let tensor = Tensor::new(kind, vec![2, heads, 300, dim], data).unwrap();
            serde_json::to_string(&tensor).unwrap()
        };
        let (q, k) = (tensor(3), tensor(1));
        let rows = |first: i64| {
            let list: Vec<String> = (0..300).map(|p| (first + 411 * p).to_string()).collect();
            format!("[{}]", list.join(","))
        };
        let batch = |first: i64| format!("[{},{}]", rows(first), rows(-first - 7));
        let positions = match dtype {
            "f16" => format!("[{},{},{}]", batch(3), batch(100), batch(5000)),
            _ => batch(1),
        };
        for direction in ["forward", "inverse", "backward"] {
            let line = format!(
                r#"{{"cmd":"run","id":"a","operation":"rotate","dtype":"{dtype}","config":{config},
                    "input":{{"q":{q},"k":{k},"positions":{positions},"direction":"{direction}"}}}}"#
            );
            let question = Question::new(&Request::parse(&line).unwrap()).unwrap();
            compare(&question);
            // Nothing here is hard, and the reference would work with 128 bits at least.
            let answer = ropewalk::exact::answer(&question).unwrap();
            let hardest = if dtype == "f64" { 192 } else { 106 };
            assert!(answer.precision <= hardest, "{dtype} {direction} {}", answer.precision);
        }
    }
}
