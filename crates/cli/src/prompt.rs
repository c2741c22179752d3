//! `ropewalk prompt`: the questions as files.

use super::audit::selection::Selection;
use super::write::write_atomically;
use super::{CliError, outln, tensors};
use ropewalk::audit::Prompt;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write the questions as files, for a machine without Ropewalk
///
/// FILE.safetensors or FILE.npz holds the inputs as <id>.<input>, FILE.json beside it everything
/// else: operation, config, format and shape of every output. Answers are tensors <id>.<output> in
/// either format, with <id>.hash copied; `ropewalk audit --outputs` judges them. What must be
/// refused is not asked. See docs/file-door.md.
///
///   ropewalk prompt --operation rotate --dtype bf16 ask.safetensors
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
    let prompt = Prompt::new(&args.selection.cases()?);
    if prompt.questions == 0 {
        return Err(CliError::Usage("every test left by these filters must be refused".into()));
    }
    tensors::write(&args.file, &prompt.tensors)?;
    let beside = args.file.with_extension("json");
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
