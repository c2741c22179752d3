//! `ropewalk prompt`: the questions as files.

use super::audit::selection::Selection;
use super::progress::progress;
use super::write::write_atomically;
use super::{CliError, outln, tensors};
use ropewalk::audit::{Prompt, Prompted};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write the questions as files, for a machine without Ropewalk
///
/// FILE.safetensors or FILE.npz holds the inputs as <id>.<input>, FILE.json beside it everything
/// else: operation, config, format and shape of every output. Answers are tensors <id>.<output> in
/// either format, with <id>.hash copied; `ropewalk audit --outputs` judges them. What must be
/// refused is not asked. See docs/file-door.md.
///
///   ropewalk prompt --operation rotate --dtype bf16 ask.safetensors
///   ropewalk prompt --model llama-3.1-8b ask.safetensors
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Where to write, ending in .safetensors or .npz
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let beside = args.file.with_extension("json");
    may_replace(&beside)?;
    let chosen = args.selection.choose(None)?;
    let bar = progress(chosen.count() as u64, "questions");
    let cases = chosen.cases(&|| bar.inc(1))?;
    bar.finish_and_clear();
    let prompt = Prompt::new(&cases, &args.selection.selected()?);
    if prompt.questions == 0 {
        return Err(CliError::Usage("every test left by these filters must be refused".into()));
    }
    tensors::write(&args.file, &prompt.tensors)?;
    let text = serde_json::to_string(&prompt.json).unwrap_or_default();
    write_atomically(&beside, format!("{text}\n").as_bytes())?;
    outln(&format!(
        "{} questions in {} and {}",
        prompt.questions,
        args.file.display(),
        beside.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// A file beside ours that is no prompt is somebody else's: a model's config.json, for example.
fn may_replace(path: &Path) -> Result<(), CliError> {
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(()) };
    let ours = serde_json::from_str(&text).is_ok_and(|json| Prompted::read(&json).is_ok());
    match ours {
        true => Ok(()),
        false => Err(CliError::Usage(format!(
            "{} is there and is no prompt: it would be overwritten; choose another name",
            path.display()
        ))),
    }
}
