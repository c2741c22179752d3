//! `ropewalk judge --operation`: what came of any operation, every tensor by its name in the contract.

use super::args::Args;
use super::out::{colour, say};
use crate::progress::Waiting;
use crate::write::rejected;
use crate::{CliError, tensors};
use ropewalk::audit::{Options, Style, ndjson, terminal};
use ropewalk::dump::{Failure, Given, Raw};
use ropewalk::number::Tensor;
use ropewalk::request::{Direction, Input, Json, Object, Operation, Request};
use std::process::ExitCode;

/// Inputs that are lists of integers, not tensors.
const LISTS: [&str; 6] =
    ["positions", "query_positions", "key_positions", "slots", "key_lengths", "cu_seqlens"];

pub(super) fn run(args: &Args, operation: Operation) -> Result<ExitCode, CliError> {
    let given = &args.given;
    let mut input = Object::default();
    for (name, value) in pairs("--input", &given.input)? {
        input.set(name, read(name, value)?);
    }
    if args.direction != Direction::Forward {
        input.set("direction", Json::from(args.direction.name()));
    }
    if let Some(length) = args.seq_len {
        input.set("seq_len", Json::Integer(length.into()));
    }
    let input = Input::new(input);
    let dtype = match given.dtype {
        Some(dtype) => dtype,
        None => match input.tensor("q") {
            Ok(q) => q.dtype(),
            Err(_) => return Err(CliError::Usage("--dtype is needed where there is no q".into())),
        },
    };
    let config = args.source.object()?;
    let request = Request { id: "given".into(), operation, dtype, config, input };
    let mut outputs = Vec::new();
    for (name, value) in pairs("--answer", &given.answer)? {
        outputs.push((name.to_string(), whole(&tensors::raw(value)?)?));
    }
    let waiting = Waiting::new();
    waiting.says("answering exactly");
    let options = Options {
        door: "files".into(),
        profile: args.profile.copied(),
        twice: false,
        ..Options::default()
    };
    let judged = Given::new(request, outputs, false).map(|given| given.judge(&options));
    waiting.ends();
    let report = match judged {
        Ok(report) => report,
        Err(Failure::Reject(reject)) => return Ok(rejected(&reject)),
        Err(other) => return Err(CliError::Usage(other.to_string())),
    };
    let text = match args.json {
        true => ndjson(&report),
        false => terminal(&report, Style { colour: colour(args), ..Style::default() }),
    };
    say(args, report.verdict, &text)
}

/// NAME=VALUE, every name once.
fn pairs<'a>(option: &str, list: &'a [String]) -> Result<Vec<(&'a str, &'a str)>, CliError> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for text in list {
        let pair =
            text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
        let Some((name, value)) = pair else {
            return Err(CliError::Usage(format!("{option} {text}: it must be NAME=VALUE")));
        };
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(CliError::Usage(format!("{option} {name} stands twice")));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// A tensor of a file, a list of integers of one, or JSON.
fn read(name: &str, value: &str) -> Result<Json, CliError> {
    if !tensors::is_tensor(value) {
        return serde_json::from_str(value).map_err(|error| {
            CliError::Usage(format!(
                "--input {name} is {value:?}, allowed are FILE.npy, FILE.npz:NAME, \
                 FILE.safetensors:NAME and JSON: {error}"
            ))
        });
    }
    let raw = tensors::raw(value)?;
    match raw.integers().filter(|_| LISTS.contains(&name)) {
        Some(integers) => Ok(nested(&raw.shape, &integers)),
        None => {
            let text = serde_json::to_string(&whole(&raw)?);
            let json = text.and_then(|text| serde_json::from_str(&text));
            json.map_err(|error| CliError::Usage(format!("--input {name}: {error}")))
        }
    }
}

/// Lists of lists, as deep as the shape.
fn nested(shape: &[usize], list: &[i64]) -> Json {
    match shape {
        [] | [_] => Json::Array(list.iter().map(|n| Json::Integer((*n).into())).collect()),
        [count, rest @ ..] => {
            let size = list.len() / (*count).max(1);
            let row = |index: usize| nested(rest, &list[index * size..][..size]);
            Json::Array((0..*count).map(row).collect())
        }
    }
}

fn whole(raw: &Raw) -> Result<Tensor, CliError> {
    let mut bits = Vec::new();
    raw.append(0, raw.shape.iter().product(), &mut bits);
    let tensor = Tensor::new(raw.dtype, raw.shape.clone(), bits);
    tensor.map_err(|error| CliError::Usage(error.to_string()))
}
