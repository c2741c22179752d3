//! Rules about one test.

use super::{Log, Rule, is_slug};
use crate::encoding::Question;
use crate::number::{Dtype, Tensor};
use crate::request::Request;
use crate::vector::model::{Expected, Golden, Group, Tensors, Test};
use crate::vector::residual;

pub(super) fn check(golden: &Golden, group: &Group, test: &Test, log: &mut Log) {
    let id = &test.id;
    if !is_slug(id) {
        log.add(Rule::IdForm, id, "id", format!("{id:?}"));
    }
    if test.comment.trim().is_empty() || test.comment.contains('\n') {
        log.add(Rule::Comment, id, "comment", format!("{:?}", test.comment));
    }
    let repeated = |(i, flag): (usize, &String)| test.flags[..i].contains(flag);
    if test.flags.is_empty() || test.flags.iter().enumerate().any(repeated) {
        log.add(Rule::Flags, id, "flags", format!("{:?}", test.flags));
    }
    let question = check_request(golden, group, test, log);
    match &test.expected {
        Expected::Tensors(expected) => {
            check_output(group, test, question.as_ref(), expected, log);
        }
        Expected::Reject(_) => {
            if test.residual.is_some() {
                log.add(Rule::ResidualShape, id, "residual", "there, beside a rejection");
            }
            if !test.bounds.is_empty() {
                log.add(Rule::Bounds, id, "bounds", "there, beside a rejection");
            }
        }
    }
}

/// Whether a request is to be refused needs no arithmetic, so the linter can tell.
fn check_request(golden: &Golden, group: &Group, test: &Test, log: &mut Log) -> Option<Question> {
    let checked = Request::from_json(&golden.request(group, test))
        .and_then(|request| Question::new(&request));
    let (question, verdict) = match checked {
        Ok(question) => (Some(question), Ok(())),
        Err(reject) => (None, Err(reject)),
    };
    match (&test.expected, verdict) {
        (Expected::Tensors(_), Ok(())) => {}
        (Expected::Reject(slug), Err(reject)) if reject.slug == *slug => {}
        (Expected::Tensors(_), Err(reject)) => {
            log.add(Rule::Request, &test.id, "expected", format!("an output, but {reject}"));
        }
        (Expected::Reject(slug), Err(reject)) => {
            let value = format!("{:?}, but {reject}", slug.name());
            log.add(Rule::Request, &test.id, "expected.reject", value);
        }
        (Expected::Reject(slug), Ok(())) => {
            let value = format!("{:?}, but the request is in order", slug.name());
            log.add(Rule::Request, &test.id, "expected.reject", value);
        }
    }
    question
}

fn check_output(
    group: &Group,
    test: &Test,
    question: Option<&Question>,
    expected: &Tensors,
    log: &mut Log,
) {
    let floats = || expected.0.iter().filter(|(_, tensor)| tensor.dtype().format().is_some());
    for (name, tensor) in &expected.0 {
        // An operation that answers in integers says so in the group's dtype; `inv_freq` adds
        // integer tensors to its numbers.
        // What a chain stores has a format of its own.
        let own = question.map_or(group.dtype, |question| question.rounding(name).0);
        let allowed = [own, Dtype::I32];
        if !allowed.contains(&tensor.dtype()) {
            let value = format!("{}, in a group of {}", tensor.dtype(), group.dtype);
            log.add(Rule::ExpectedDtype, &test.id, format!("expected.{name}.dtype"), value);
        }
    }
    let none = Tensors::default();
    let residual = test.residual.as_ref().unwrap_or(&none);
    if test.residual.as_ref().is_some_and(|tensors| tensors.0.is_empty()) {
        log.add(Rule::ResidualShape, &test.id, "residual", "there and empty");
    }
    let names = |tensors: &mut dyn Iterator<Item = &(String, Tensor)>| -> Vec<String> {
        tensors.map(|(name, _)| name.clone()).collect()
    };
    let (wanted, given) = (names(&mut floats()), names(&mut residual.0.iter()));
    if wanted != given {
        let value = format!("of {given:?}, for outputs {wanted:?}");
        log.add(Rule::ResidualShape, &test.id, "residual", value);
    }
    for (name, tensor) in floats() {
        if let Some(residual) = residual.get(name) {
            check_residual(&test.id, name, tensor, residual, log);
        }
    }
    check_bounds(test, expected, log);
}

/// Names the first wrong element of a tensor only.
fn check_residual(id: &str, name: &str, expected: &Tensor, residual: &Tensor, log: &mut Log) {
    if residual.dtype() != Dtype::F16 || residual.shape() != expected.shape() {
        let value = format!("{} {:?}", residual.dtype(), residual.shape());
        return log.add(Rule::ResidualShape, id, format!("residual.{name}"), value);
    }
    let Some(format) = expected.dtype().format() else { return };
    let pairs = expected.data().iter().zip(residual.data());
    for (index, (&expected_bits, &residual_bits)) in pairs.enumerate() {
        if let Err(rule) = residual::check(format, expected_bits, residual_bits) {
            let digits = expected.dtype().digits();
            let value = format!("{residual_bits:04x} beside {expected_bits:0digits$x} ({rule})");
            return log.add(Rule::ResidualValue, id, format!("residual.{name}[{index}]"), value);
        }
    }
}

fn check_bounds(test: &Test, expected: &Tensors, log: &mut Log) {
    let floats: Vec<&String> = expected
        .0
        .iter()
        .filter(|(_, tensor)| tensor.dtype().format().is_some())
        .map(|(name, _)| name)
        .collect();
    for (profile, bounds) in &test.bounds {
        let bounded: Vec<&String> = bounds.0.iter().map(|(name, _)| name).collect();
        if !is_slug(&profile.replace('_', "-")) || bounded != floats {
            let value = format!("of {bounded:?}, for outputs {floats:?}");
            log.add(Rule::Bounds, &test.id, format!("bounds.{profile}"), value);
            continue;
        }
        for (name, bound) in &bounds.0 {
            let field = format!("bounds.{profile}.{name}");
            // Eight bits are too few to say how far off eight bits may be.
            let unit = |dtype: Dtype| if dtype.digits() == 2 { Dtype::F32 } else { dtype };
            let same = |tensor: &Tensor| {
                (unit(tensor.dtype()), tensor.shape()) == (bound.dtype(), bound.shape())
            };
            if !expected.get(name).is_some_and(same) {
                let value = format!("{} {:?}", bound.dtype(), bound.shape());
                log.add(Rule::Bounds, &test.id, field, value);
                continue;
            }
            let Some(format) = bound.dtype().format() else {
                log.add(Rule::Bounds, &test.id, field, bound.dtype());
                continue;
            };
            let wrong = |&bits: &u64| bits & format.sign_bit() != 0 || format.is_nan(bits);
            if let Some(index) = bound.data().iter().position(wrong) {
                let value = format!("{:x}", bound.data()[index]);
                log.add(Rule::Bounds, &test.id, format!("{field}[{index}]"), value);
            }
        }
    }
}
