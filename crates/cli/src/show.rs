//! `ropewalk show`: the planes of a config as a person wants to see them.

mod additive;
mod asked;
mod picture;
mod table;

pub use asked::Args;
use asked::{Failure, Shown};

use super::{CliError, write};
use ropewalk::encoding::{RopeConfig, model};
use ropewalk::exact::{self};
use ropewalk::request::Json;
use std::io::Write;
use std::process::ExitCode;

/// Runs the verb: exit code 0 if it could be shown, 1 for a rejection.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let text = show(args);
    let refuse = |text: String| {
        super::write::warn(&text);
        Ok(ExitCode::from(1))
    };
    match text {
        Ok(text) => {
            std::io::stdout()
                .write_all(text.as_bytes())
                .map_err(CliError::stream("standard output"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(Failure::Rejected(reject)) => refuse(super::error::refusal(&reject)),
        Err(Failure::Undecided(undecided)) => refuse(undecided.to_string()),
        Err(Failure::Other(error)) => Err(error),
    }
}

fn show(args: &Args) -> Result<String, Failure> {
    let object = args.source.plain()?;
    let choices = match (args.source.layer_type(), object.get("model")) {
        (None, Some(Json::Object(file))) => match object.get("part") {
            None => model::layer_types(file),
            Some(Json::String(part)) => model::layer_types_of(file, part),
            Some(_) => Vec::new(),
        },
        _ => Vec::new(),
    };
    if args.svg.is_some() && choices.len() > 1 {
        return Err(Failure::Other(CliError::Usage(format!(
            "a picture shows one rope: --layer-type is one of {}",
            choices.join(", ")
        ))));
    }
    let mut text = String::new();
    if let (Some(Json::Object(file)), None, false) =
        (object.get("model"), object.get("part"), args.json)
        && let [_, towers @ ..] = model::parts(file).as_slice()
        && !towers.is_empty()
    {
        text +=
            &format!("the text model; --part {} shows what else is there\n\n", towers.join(", "));
    }
    let wanted = match choices.is_empty() {
        true => vec![None],
        false => choices.into_iter().map(Some).collect(),
    };
    for (i, layer_type) in wanted.iter().enumerate() {
        let mut object = object.clone();
        let mut title = args.source.name();
        if let Some(name) = layer_type {
            object.set("layer_type", Json::from(name.as_str()));
        }
        let object = args.source.replaced(object)?;
        if let Some(Json::String(name)) = object.get("layer_type") {
            title = format!("{title}, {name}");
        }
        if let Some(additive) = additive::text(&title, &object, args)? {
            text += if i > 0 && !args.json { "\n" } else { "" };
            text += &additive;
            continue;
        }
        if object.get("dim").is_some() {
            return Err(Failure::Other(CliError::Usage(format!(
                "{title} has no planes: a config with dim rotates nothing"
            ))));
        }
        let config = RopeConfig::new(&object)?;
        let seq_len = seq_len(&config, args.seq_len);
        let rope = config.rope(seq_len)?;
        let view = exact::view(&config, &rope, args.digits)?;
        let shown = Shown { title, config: &config, seq_len, view };
        if let Some(path) = &args.svg {
            write::write_atomically(path, picture::draw(&shown)?.as_bytes())?;
        }
        if args.json {
            let line = serde_json::to_string(&table::json(&shown, args)).unwrap_or_default();
            text += &format!("{line}\n");
        } else {
            text += if i > 0 { "\n" } else { "" };
            text += &table::text(&shown, args);
        }
    }
    Ok(text)
}

/// The length to show a length-dependent rope at: as asked, else the longest it is meant for.
fn seq_len(config: &RopeConfig, asked: Option<i64>) -> Option<i64> {
    if asked.is_some() || !config.scheme().needs_seq_len() {
        return asked;
    }
    let longest = config.normalised().get("max_position_embeddings").and_then(Json::number);
    longest.filter(|n| n.fract() == 0.0 && *n < 2f64.powi(53)).map(|n| n as i64)
}
