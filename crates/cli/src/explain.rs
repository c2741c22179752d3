//! `ropewalk explain`: why a vector has its value.

use super::corpus::Tests;
use super::{CliError, names, stdin};
use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::request::{Json, Request, run_request};
use ropewalk::vector::Golden;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Say why a vector has its value: plane, frequency, angle, enclosure, neighbours, ties
///
/// Without --at, the element that was hardest to round is explained.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of a test, as in the golden files
    #[arg(required_unless_present = "request", conflicts_with = "request")]
    id: Option<String>,
    /// A file with a `run` request instead; - for standard input
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// The element: a tensor's name and its index, such as q:0,1,2,5
    #[arg(long, value_name = "NAME:INDEX", value_parser = element)]
    at: Option<Element>,
    #[command(flatten)]
    tests: Tests,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug)]
struct Element {
    name: String,
    index: Vec<usize>,
}

fn element(text: &str) -> Result<Element, String> {
    let (name, index) = text.split_once(':').unwrap_or((text, ""));
    let numbers = index.split(',').filter(|part| !part.is_empty());
    let index = numbers
        .map(|part| part.trim().parse().map_err(|_| format!("{part:?} is no index")))
        .collect::<Result<_, _>>()?;
    Ok(Element { name: name.to_string(), index })
}

/// Runs the verb: exit code 1 for a rejection or an element that is not there.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let (title, request) = match (&args.id, &args.request) {
        (Some(id), _) => find(&args.tests, id)?,
        (None, Some(path)) => (String::new(), read_request(path)?),
        (None, None) => return Err(CliError::Usage("an id or --request is needed".into())),
    };
    let checked = Request::from_json(&request).and_then(|request| Question::new(&request));
    let question = match checked {
        Ok(question) => question,
        Err(reject) => return say(args, &title, &[("rejected", reject.to_string())], 1),
    };
    let at = args.at.as_ref().map(|element| (element.name.as_str(), element.index.as_slice()));
    match exact::explain(&question, at) {
        Err(undecided) => say(args, &title, &[("errored", undecided.to_string())], 1),
        Ok(Some(explanation)) => {
            let element = [("element", explanation.element)];
            let lines: Vec<_> = element.into_iter().chain(explanation.lines).collect();
            say(args, &title, &lines, 0)
        }
        Ok(None) => {
            let shapes = exact::shapes(&question);
            let named: Vec<String> =
                shapes.iter().map(|(name, shape)| format!("{name} of shape {shape:?}")).collect();
            let has = match named.is_empty() {
                true => "the answer is integers, compared exactly".to_string(),
                false => format!("no such element; the answer has {}", named.join(", ")),
            };
            say(args, &title, &[("nothing", has)], at.is_some() as u8)
        }
    }
}

fn say(args: &Args, title: &str, lines: &[(&str, String)], code: u8) -> Result<ExitCode, CliError> {
    let text = match args.json {
        true => {
            let pairs = lines.iter().map(|(k, v)| (k.replace(' ', "_"), Json::from(v.as_str())));
            let json = serde_json::to_string(&Json::Object(pairs.collect())).unwrap_or_default();
            format!("{json}\n")
        }
        false => {
            let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
            let line = |(label, text): &(&str, String)| format!("{label:>width$}  {text}\n");
            let title = if title.is_empty() { String::new() } else { format!("{title}\n\n") };
            title + &lines.iter().map(line).collect::<String>()
        }
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(CliError::stream("standard output"))?;
    Ok(ExitCode::from(code))
}

fn read_request(path: &Path) -> Result<Json, CliError> {
    let text = stdin::file(path)?;
    serde_json::from_str(&text)
        .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

/// The test of this id: what it is about, and its request.
fn find(tests: &Tests, id: &str) -> Result<(String, Json), CliError> {
    if let Some(folder) = tests.directory() {
        return stored(folder, id)?.ok_or_else(|| unknown(tests, id, ""));
    }
    let plans = tests.plans()?;
    let all = || {
        let groups =
            plans.iter().flat_map(|file| file.groups.iter().map(move |group| (file, group)));
        groups.flat_map(|(file, group)| group.tests.iter().map(move |test| (file, group, test)))
    };
    if let Some((file, group, test)) = all().find(|(file, group, test)| file.id(group, test) == id)
    {
        let (operation, config) = (file.operation, &group.config);
        let request = run_request(operation, group.dtype, id, config, &test.input);
        return Ok((format!("{id}: {} ({})", test.comment, file.path), request));
    }
    let ids: Vec<String> = all().map(|(file, group, test)| file.id(group, test)).collect();
    let hint = names::did_you_mean(id, ids.iter().map(String::as_str));
    Err(unknown(tests, id, &hint))
}

fn unknown(tests: &Tests, id: &str, hint: &str) -> CliError {
    let hint = match id.starts_with("own-") && hint.is_empty() {
        true => "; an id that begins with own- is one of a config: give the --model or --config",
        false => hint,
    };
    CliError::Usage(format!(
        "no test has the id {id:?} in {}; `ropewalk list tests` shows them all{hint}",
        tests.origin()
    ))
}

fn stored(folder: &Path, id: &str) -> Result<Option<(String, Json)>, CliError> {
    let needle = format!("\"{id}\"");
    for file in ropewalk::vector::golden_files(folder).map_err(CliError::file(folder))? {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).map_err(CliError::file(&path))?;
        if !text.contains(&needle) {
            continue;
        }
        let golden = Golden::read(&text)
            .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
        if let Some((group, test)) = golden.tests().find(|(_, test)| test.id == id) {
            let title = format!("{id}: {} ({})", test.comment, path.display());
            return Ok(Some((title, golden.request(group, test))));
        }
    }
    Ok(None)
}
