//! Requests that must be refused: for every operation a sound request and what can be wrong with
//! it. A malformed config stands in a group of its own; malformed inputs share the sound config.
//!
//! `malformed_request` and `unknown_operation` are about the envelope of the protocol, which a
//! golden file does not have.

mod faults;

use crate::generate::plan::{FilePlan, GroupPlan, Input, parsed};
use crate::number::Dtype;
use crate::request::{Json, Object, Operation, Slug};
use faults::{Change, Fault};

/// A sound request and the faults that it is given.
struct Refusals {
    operation: Operation,
    dtype: Dtype,
    config: &'static str,
    input: &'static str,
    /// Faults of the config.
    configs: Vec<Fault>,
    /// Faults of the input.
    inputs: Vec<Fault>,
}

pub(super) fn files() -> Vec<FilePlan> {
    faults::all().iter().map(file).collect()
}

fn file(refusals: &Refusals) -> FilePlan {
    let name = refusals.operation.name();
    let mut file = FilePlan::new(format!("rejects/{name}.json"), refusals.operation);
    let (config, input) = (parsed(refusals.config), parsed(refusals.input));
    let basic = file.group("basic", config.clone(), refusals.dtype);
    basic
        .test(
            "sound",
            "the sound request, which must be answered",
            &["basic"],
            Input(input.clone()),
        )
        .refuse(
            Slug::UnusedInput,
            "unused-input",
            "an input that no operation knows",
            &["basic"],
            Input(input.clone()).with("colour", "red"),
        );
    let inputs = file.group("input", config.clone(), refusals.dtype);
    for fault in &refusals.inputs {
        refuse(inputs, fault, Input(fault.change.apply(&input)));
    }
    for fault in &refusals.configs {
        let config = fault.change.apply(&config);
        let name = format!("config-{}", fault.name);
        refuse(file.group(name, config, refusals.dtype), fault, Input(input.clone()));
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

fn refuse(group: &mut GroupPlan, fault: &Fault, input: Input) {
    group.refuse(fault.slug, fault.name.as_str(), fault.comment.as_str(), &fault.flags, input);
}

impl Change {
    /// The object with this change.
    fn apply(&self, object: &Object) -> Object {
        let mut changed = object.clone();
        match self {
            Change::Set(key, text) => changed.set(key, json(text)),
            Change::Remove(key) => drop(changed.remove(key)),
            Change::Twice(key, text) => {
                let pairs = object.iter().map(|(k, v)| (k.to_string(), v.clone()));
                changed = pairs.chain([(key.to_string(), json(text))]).collect();
            }
            Change::Whole(text) => changed = parsed(text),
        }
        changed
    }
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or(Json::Null)
}
