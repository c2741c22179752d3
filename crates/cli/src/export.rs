//! `ropewalk export`: tests as lines of the protocol.

use super::corpus::{Tests, glob};
use super::{CliError, rawln};
use ropewalk::request::{Json, Object, tensor_json};
use ropewalk::vector::{Expected, Golden, Group, Tensors, Test};
use std::process::ExitCode;

/// Print tests as lines of the protocol: request and expected reply, or the request alone
///
/// Each line is {"comment", "request", "reply"}; a rejection is matched by its slug. With
/// --requests the lines can be piped into any adapter, for example
/// `ropewalk export --requests 'rotate/half-*.json' | ropewalk adapter`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of tests, paths of golden files, or globs over either
    #[arg(value_name = "ID|GLOB", required = true)]
    select: Vec<String>,
    /// Print `run` requests only
    #[arg(long)]
    requests: bool,
    #[command(flatten)]
    tests: Tests,
}

/// Runs the verb: exit code 1 if a selector matches nothing.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let globs = args.select.iter().map(|pattern| glob(pattern)).collect::<Result<Vec<_>, _>>()?;
    let mut found = vec![false; args.select.len()];
    let names = |index: usize, path: &str, id: &str| {
        globs[index].is_match(path) || globs[index].is_match(id) || args.select[index] == id
    };
    let any = |path: &str, id: &str| (0..globs.len()).any(|index| names(index, path, id));
    for file in args.tests.load(|path, id, _| any(path, id))? {
        for (group, test) in file.golden.tests() {
            for (index, found) in found.iter_mut().enumerate() {
                *found |= names(index, &file.path, &test.id);
            }
            rawln(&line(&file.golden, group, test, args.requests))?;
        }
    }
    let mut code = ExitCode::SUCCESS;
    for (select, _) in args.select.iter().zip(&found).filter(|(_, found)| !**found) {
        super::write::warn(&format!("{select}: neither a test's id nor a golden file's path"));
        code = ExitCode::from(1);
    }
    Ok(code)
}

fn line(golden: &Golden, group: &Group, test: &Test, requests: bool) -> String {
    let request = golden.request(group, test);
    if requests {
        return serde_json::to_string(&request).unwrap_or_default();
    }
    let id = ("id", Json::from(test.id.as_str()));
    let reply = match &test.expected {
        Expected::Tensors(tensors) => object([id, ("output", named(tensors))]),
        Expected::Reject(slug) => object([id, ("rejected", slug.name().into())]),
    };
    let pair =
        object([("comment", test.comment.as_str().into()), ("request", request), ("reply", reply)]);
    serde_json::to_string(&pair).unwrap_or_default()
}

fn object<const N: usize>(pairs: [(&str, Json); N]) -> Json {
    let pairs = pairs.into_iter().map(|(key, value)| (key.to_string(), value));
    Json::Object(pairs.collect::<Object>())
}

fn named(tensors: &Tensors) -> Json {
    let pairs = tensors.0.iter().map(|(name, tensor)| (name.clone(), tensor_json(tensor)));
    Json::Object(pairs.collect())
}
