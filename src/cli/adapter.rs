//! `ropewalk adapter`: the reference itself, speaking the protocol.

use super::CliError;
use crate::exact;
use crate::request::{Json, Object, Operation};
use std::io::{BufRead, Write};
use std::process::ExitCode;

/// Speak the protocol as the reference kernel, correctly rounded
///
/// One JSON object per line on standard input, one reply per line on standard output, until
/// `{"cmd":"stop"}` or the end of the input. See docs/adapter-protocol.md.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the verb.
pub fn run(_: &Args) -> Result<ExitCode, CliError> {
    let input = std::io::stdin().lock();
    let mut output = std::io::stdout().lock();
    for line in input.split(b'\n') {
        let line = line.map_err(CliError::stream("standard input"))?;
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() {
            continue;
        }
        let reply = match command(&line).as_deref() {
            Some("stop") => break,
            Some("start") => start(),
            _ => exact::reply(&line).to_json(),
        };
        let text = serde_json::to_string(&reply).unwrap_or_default();
        writeln!(output, "{text}")
            .and_then(|()| output.flush())
            .map_err(CliError::stream("standard output"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The value of `cmd`, if the line is an object that has one.
fn command(line: &str) -> Option<String> {
    match serde_json::from_str(line) {
        Ok(Json::Object(object)) => match object.get("cmd") {
            Some(Json::String(command)) => Some(command.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// What this kernel is and can do: everything.
fn start() -> Json {
    let text = |value: &str| Json::from(value);
    let list = |names: &mut dyn Iterator<Item = &'static str>| {
        Json::Array(names.map(Json::from).collect())
    };
    let object = |pairs: Vec<(&str, Json)>| {
        Json::Object(pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<Object>())
    };
    let floats = || crate::number::Dtype::FLOATS.iter().map(|dtype| dtype.name());
    let mixed = floats()
        .flat_map(|from| floats().filter(move |to| *to != from).map(move |to| (from, to)))
        .map(|(from, to)| Json::Array(vec![from.into(), to.into()]))
        .collect();
    let rope_types = crate::encoding::spectrum::SCHEMES.iter().map(|scheme| scheme.rope_type());
    let capabilities = object(vec![
        ("operations", list(&mut Operation::ALL.iter().map(|operation| operation.name()))),
        ("dtypes", list(&mut crate::number::Dtype::ALL.iter().map(|dtype| dtype.name()))),
        ("mixed", Json::Array(mixed)),
        ("layouts", list(&mut crate::encoding::Layout::ALL.iter().map(|layout| layout.name()))),
        ("rope_types", list(&mut rope_types.into_iter())),
        ("directions", list(&mut ["forward", "inverse", "backward"].into_iter())),
    ]);
    let kernel = object(vec![
        ("name", text("ropewalk")),
        ("version", text(env!("CARGO_PKG_VERSION"))),
        ("language", text("Rust")),
        ("homepage", text("https://crates.io/crates/ropewalk")),
    ]);
    object(vec![
        ("protocol", Json::from(1i64)),
        ("kernel", kernel),
        ("capabilities", Json::Array(vec![capabilities])),
    ])
}
