//! `ropewalk adapter`: the reference itself, speaking the protocol; or one with known faults.

use super::{CliError, names};
use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::fault::{self, Answer, Asked, Fault, History, Mutant};
use ropewalk::profile::{self, Profile};
use ropewalk::request::{Json, Object, Operation, Output, Reply};
use std::io::{BufRead, Write};
use std::process::ExitCode;

/// Speak the protocol as the reference kernel, correctly rounded
///
/// One JSON object per line on standard input, one reply per line on standard output, until
/// `{"cmd":"stop"}` or the end of the input. See docs/adapter-protocol.md.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Misbehave: have this fault, a name of `ropewalk list faults`; several times for several
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// With a fault: compute as a machine of this profile does, instead of rounding once
    #[arg(long, value_name = "NAME", requires = "fault", value_parser = names::profile)]
    profile: Option<&'static Profile>,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let named = |name: &String| {
        let unknown = || {
            let hint = names::did_you_mean(name, fault::all().iter().map(|fault| fault.name));
            CliError::Usage(format!("--fault {name}: see `ropewalk list faults`{hint}"))
        };
        fault::find(name).ok_or_else(unknown)
    };
    let faults: Vec<&'static Fault> = args.fault.iter().map(named).collect::<Result<_, _>>()?;
    let mut history = History::default();
    let input = std::io::stdin().lock();
    if std::io::IsTerminal::is_terminal(&input) {
        eprintln!("ropewalk: a JSON request a line on this terminal; Ctrl-D ends it");
    }
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
            _ if faults.is_empty() => exact::reply(&line).to_json(),
            _ => wrong(&line, &faults, args.profile, &mut history).to_json(),
        };
        let text = serde_json::to_string(&reply).unwrap_or_default();
        writeln!(output, "{text}")
            .and_then(|()| output.flush())
            .map_err(CliError::stream("standard output"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a kernel with these faults says to a line. Where one of them makes no difference, the
/// others still do; where none does, it is right.
fn wrong(
    line: &str,
    faults: &[&'static Fault],
    machine: Option<&'static Profile>,
    history: &mut History,
) -> Reply {
    let Ok(json) = serde_json::from_str::<Json>(line) else { return exact::reply(line) };
    let asked = Asked::new(&json);
    let answer = mutant(&asked, history, faults).map(|mutant| {
        // A machine in other formats has no right rounding: it is emulated, in f64 but for them.
        let doubles = profile::find("numpy-f64").filter(|_| mutant.is_imprecise());
        match machine.or(doubles) {
            Some(machine) => mutant.emulate(machine),
            None => mutant.answer(&rounded),
        }
    });
    if let Ok(question) = asked.question() {
        history.push(question);
    }
    let id = match &json {
        Json::Object(object) => match object.get("id") {
            Some(Json::String(id)) => id.clone(),
            _ => return exact::reply(line),
        },
        _ => return exact::reply(line),
    };
    match (answer, machine, asked.question()) {
        (Some(Answer::Output(output)), ..) => Reply::Output { id, output, more: Object::default() },
        (Some(Answer::Refused(reject)), ..) => Reply::Rejected { id: Some(id), reject },
        (None, Some(machine), Ok(question)) => {
            let output = fault::right(machine, question);
            Reply::Output { id, output, more: Object::default() }
        }
        _ => exact::reply(line),
    }
}

/// The mutant of as many of the faults as make a difference.
fn mutant<'a>(
    asked: &'a Asked,
    history: &'a History,
    faults: &[&'static Fault],
) -> Option<Mutant<'a>> {
    faults.iter().fold(None, |mutant: Option<Mutant>, fault| match mutant {
        None => fault.mutate(asked, history),
        Some(mutant) => mutant.then(fault).or(Some(mutant)),
    })
}

/// A question's correctly rounded answer; in f64 where a wrong formula has a value that is a tie
/// for all that 8192 bits can tell.
fn rounded(question: &Question) -> Output {
    match exact::answer(question) {
        Ok(answer) => answer.tensors.into_iter().map(|t| (t.name, t.expected)).collect(),
        Err(_) => match profile::find("numpy-f64") {
            Some(machine) => fault::right(machine, question),
            None => Output::new(),
        },
    }
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
    let floats = || ropewalk::number::Dtype::floating().map(|dtype| dtype.name());
    let mixed = floats()
        .flat_map(|from| floats().filter(move |to| *to != from).map(move |to| (from, to)))
        .map(|(from, to)| Json::Array(vec![from.into(), to.into()]))
        .collect();
    let rope_types = ropewalk::encoding::spectrum::SCHEMES.iter().map(|scheme| scheme.rope_type());
    let capabilities = object(vec![
        ("operations", list(&mut Operation::ALL.iter().map(|operation| operation.name()))),
        ("dtypes", list(&mut ropewalk::number::Dtype::ALL.iter().map(|dtype| dtype.name()))),
        ("mixed", Json::Array(mixed)),
        ("layouts", list(&mut ropewalk::encoding::Layout::ALL.iter().map(|layout| layout.name()))),
        ("rope_types", list(&mut rope_types.into_iter())),
        ("directions", list(&mut ["forward", "inverse", "backward"].into_iter())),
        ("norm_kinds", list(&mut ["rms", "layer"].into_iter())),
        ("cache_layouts", list(&mut ["NHD", "HND"].into_iter())),
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
