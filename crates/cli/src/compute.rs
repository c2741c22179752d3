//! `ropewalk compute`: one request, one exact answer.

pub(super) mod ask;

use super::{CliError, stdin};
use ropewalk::encoding::Question;
use ropewalk::exact;
use ropewalk::request::{Json, Reply, Request, tensors};
use std::path::PathBuf;
use std::process::ExitCode;

/// Answer one request: correctly rounded, with residual and decimals
///
/// The request is a `run` object of the protocol, for example
/// {"cmd":"run","id":"a","operation":"table","dtype":"f32",
///  "config":{"head_dim":4,"layout":"half","rope_theta":10000},"input":{"positions":[1]}}
///
/// What needs no tensors can be asked without writing a request:
///   ropewalk compute --config config.json --operation inv_freq --dtype f32
///   ropewalk compute --model qwen2.5-7b --operation table --positions 0,1,131071
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// File with the request, or the request itself; standard input if not given
    #[arg(value_name = "REQUEST")]
    file: Option<PathBuf>,
    /// Also print every value with this many significant decimal digits, truncated, not rounded
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10000))]
    digits: Option<u32>,
    /// Echo the config with all defaults filled in
    #[arg(long)]
    normalised: bool,
    #[command(flatten)]
    ask: ask::Ask,
}

/// Runs the verb: exit code 0 for an answer, 1 for a rejection or an undecided rounding.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let written = args.file.as_ref().and_then(|path| path.to_str());
    let written = written.filter(|text| text.trim_start().starts_with('{'));
    let text = match (args.ask.request()?.or(written.map(str::to_string)), &args.file) {
        (Some(request), _) => request,
        (None, Some(path)) => stdin::file(path)?,
        (None, None) => {
            stdin::piped("a file with the request, or --operation with --config or --model")?
        }
    };
    let reply = answer(&text, args);
    let json = serde_json::to_string(&reply.to_json()).unwrap_or_default();
    use std::io::Write;
    writeln!(std::io::stdout(), "{json}").map_err(CliError::stream("standard output"))?;
    Ok(match reply {
        Reply::Output { .. } => ExitCode::SUCCESS,
        Reply::Rejected { .. } | Reply::Errored { .. } => ExitCode::from(1),
    })
}

fn answer(text: &str, args: &Args) -> Reply {
    // A request that cannot be read is refused as the adapter would refuse it, id and all.
    let Ok(request) = Request::parse(text) else {
        return exact::reply(text);
    };
    let id = request.id.clone();
    let question = match Question::new(&request) {
        Ok(question) => question,
        Err(reject) => return Reply::Rejected { id: Some(id), reject },
    };
    let computed = exact::answer(&question).and_then(|answer| {
        let decimals = args.digits.map(|digits| exact::decimals(&question, digits));
        Ok((answer, decimals.transpose()?))
    });
    match computed {
        Err(undecided) => Reply::Errored { id, message: undecided.to_string() },
        Ok((answer, decimals)) => {
            let mut reply = answer.into_reply(id, true);
            if let Reply::Output { more, .. } = &mut reply {
                if more.get("residual") == Some(&tensors(&[])) {
                    more.remove("residual");
                }
                if let Some(decimals) = decimals {
                    more.set("decimal", decimals);
                }
                if args.normalised {
                    more.set("config", Json::Object(question.config().clone()));
                }
            }
            reply
        }
    }
}
