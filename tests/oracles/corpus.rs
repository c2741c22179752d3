//! The golden files against the second oracle, which had no part in making them.

use rayon::prelude::*;
use ropewalk::encoding::Question;
use ropewalk::request::Request;
use ropewalk::vector::{Golden, Manifest, golden_files};
use ropewalk_oracle::{SecondError, second_answer};
use std::path::Path;

/// Compares a file; gives the elements compared and what has no second form.
fn compare(path: &str) -> (usize, usize) {
    let text = std::fs::read_to_string(Path::new("vectors").join(path)).unwrap();
    let golden = Golden::read(&text).unwrap();
    let (mut compared, mut unsupported) = (0, 0);
    for (group, test) in golden.tests() {
        let Some(expected) = test.expected.tensors() else { continue };
        let request = Request::from_json(&golden.request(group, test)).unwrap();
        let answer = match second_answer(&Question::new(&request).unwrap()) {
            Err(SecondError::Unsupported(_)) => {
                unsupported += 1;
                continue;
            }
            answer => answer.unwrap(),
        };
        for tensor in &answer.tensors {
            assert_eq!(expected.get(tensor.name), Some(&tensor.expected), "{}", test.id);
            let residual = test.residual.as_ref().and_then(|r| r.get(tensor.name));
            assert_eq!(residual, tensor.residual.as_ref(), "{}", test.id);
            compared += tensor.expected.data().len();
        }
    }
    (compared, unsupported)
}

#[test]
fn the_second_oracle_agrees_in_every_bit_of_the_corpus() {
    let files = golden_files(Path::new("vectors")).unwrap();
    let counts: Vec<(usize, usize)> = files.par_iter().map(|path| compare(path)).collect();
    let compared: usize = counts.iter().map(|(compared, _)| compared).sum();
    let unsupported: usize = counts.iter().map(|(_, unsupported)| unsupported).sum();
    let manifest = std::fs::read_to_string("vectors/manifest.json").unwrap();
    let manifest = Manifest::read(&manifest).unwrap();
    let all: usize = manifest.files.iter().map(|file| file.elements).sum();
    assert_eq!((compared, unsupported), (all, 0));
}
