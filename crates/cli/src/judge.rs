//! `ropewalk judge`: tensors that a kernel has rotated already.

mod args;
mod given;
mod out;
mod tables;
mod tokens;

pub use args::Args;

use super::progress::progress;
use super::write::{rejected, warn};
use super::{CliError, tensors};
use out::{colour, say};
use ropewalk::dump::{Failure, Geometry, Judged, Rotated};
use ropewalk::encoding::RopeConfig;
use std::process::ExitCode;

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    if let Some(operation) = args.given.operation {
        return given::run(args, operation);
    }
    if !args.table.is_empty() || args.inv_freq.is_some() {
        return tables::run(args);
    }
    let judged = match judged(args)? {
        Ok(judged) => judged,
        Err(Failure::Usage(why)) => return Err(CliError::Usage(why)),
        Err(Failure::Reject(reject)) => return Ok(rejected(&reject)),
        Err(no) => {
            warn(&no.to_string());
            return Ok(ExitCode::from(1));
        }
    };
    let text = match (args.json, colour(args)) {
        (true, _) => judged.json(),
        (false, true) => judged.coloured(),
        (false, false) => judged.text(),
    };
    say(args, judged.verdict(), &text)
}

fn judged(args: &Args) -> Result<Result<Judged<'static>, Failure>, CliError> {
    let (Some(before), Some(after)) = (&args.before, &args.after) else {
        return Err(CliError::Usage("two tensors are needed: BEFORE and AFTER".into()));
    };
    let config = args.source.object()?;
    let rope = RopeConfig::new(&config).and_then(|checked| checked.rope(args.seq_len));
    let axes = match rope {
        Ok(rope) => rope.axes,
        Err(reject) => return Ok(Err(reject.into())),
    };
    let names = [before.clone(), after.clone()];
    let (before, after) = (tensors::raw(before)?, tensors::raw(after)?);
    let geometry = Geometry::new(args.axes.as_deref(), &before.shape, "bhsd");
    let geometry = geometry.map_err(|why| CliError::Usage(why.to_string()))?;
    let rotated = Rotated {
        names,
        places: tokens::places(&args.tokens, axes.max(1), &geometry)?,
        before,
        after,
        config,
        seq_len: args.seq_len,
        direction: args.direction,
        axes: args.axes.clone(),
        profile: args.profile.copied(),
    };
    let bar = progress(geometry.rows() as u64, "rows");
    let judged = rotated.judge(&|count| bar.inc(count));
    bar.finish_and_clear();
    Ok(judged)
}
