//! Requests that must be refused: for every operation a sound request and what can be wrong with
//! it. A malformed config stands in a group of its own; malformed inputs share the sound config.
//!
//! `malformed_request` and `unknown_operation` are about the envelope of the protocol, which a
//! golden file does not have.

mod additive;
mod attention;
mod chain;
mod faults;
mod refusals;
mod rotary;
mod rows;

use refusals::Refusals;

use crate::generate::plan::{FilePlan, GroupPlan, Input, parsed};
use crate::number::Dtype;
use crate::request::Slug;
use faults::Fault;

pub(super) fn files() -> Vec<FilePlan> {
    [rotary::all(), additive::all(), rows::all(), attention::all(), chain::all()]
        .iter()
        .flatten()
        .map(file)
        .collect()
}

fn file(refusals: &Refusals) -> FilePlan {
    let name = refusals.operation.name();
    let mut file = FilePlan::new(format!("rejects/{name}.json"), refusals.operation);
    let (config, input) = (parsed(refusals.config), parsed(refusals.input));
    file.group("basic", config.clone(), refusals.dtype)
        .test("sound", "a sound request, which must be answered", &["basic"], Input(input.clone()))
        .refuse(
            Slug::UnusedInput,
            "unused-input",
            "an input that no operation knows",
            &["basic"],
            Input(input.clone()).with("colour", "red"),
        );
    let inputs = file.group("input", config.clone(), refusals.dtype);
    for fault in &refusals.inputs {
        refuse(inputs, &fault.name, fault, "reject-input", Input(fault.change.apply(&input)));
    }
    for fault in &refusals.configs {
        let name = format!("config-{}", fault.name);
        let group = file.group(name, fault.change.apply(&config), refusals.dtype);
        refuse(group, "refused", fault, "reject-config", Input(input.clone()));
    }
    let wrong = match refusals.dtype {
        Dtype::F32 => Dtype::I32,
        _ => Dtype::F32,
    };
    file.group("dtype", config, wrong).refuse(
        Slug::DtypeMismatch,
        format!("output-{wrong}"),
        format!("{name} does not answer in {wrong}"),
        &["reject-config"],
        Input(input),
    );
    file
}

fn refuse(group: &mut GroupPlan, name: &str, fault: &Fault, part: &'static str, input: Input) {
    let mut flags = vec![match fault.slug {
        Slug::MalformedTensor => "reject-tensor",
        Slug::MalformedPosition | Slug::PositionOutOfRange => "reject-position",
        Slug::ShapeMismatch => "reject-shape",
        _ => part,
    }];
    if fault.in_the_text {
        flags.push("json-text");
    }
    group.refuse(fault.slug, name, fault.comment.as_str(), &flags, input);
}
