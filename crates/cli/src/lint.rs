//! `ropewalk lint`: the rules of golden files.

use super::corpus::paths;
use super::write::read_text;
use super::{CliError, outln};
use ropewalk::vector::{Complaint, File, MANIFEST, Rule, lint};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check golden files against the rules of the format
///
/// A directory is checked with its manifest, a single file by itself. Nothing is computed but
/// whether requests are in order; `generate --check` recomputes the answers.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directories and golden files
    #[arg(value_name = "PATH", default_value = "vectors")]
    paths: Vec<PathBuf>,
}

/// Runs the verb: exit code 1 if there is a complaint.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut complaints = Vec::new();
    let mut count = 0;
    let mut single = Vec::new();
    for path in &args.paths {
        if !path.is_dir() {
            single.push(read(path, path.display().to_string())?);
            continue;
        }
        let names = paths(path)?;
        let files = names
            .into_iter()
            .map(|name| read(&path.join(&name), name))
            .collect::<Result<Vec<_>, _>>()?;
        count += files.len();
        let manifest = read_text(&path.join(MANIFEST)).ok();
        complaints.extend(lint(&files, manifest.as_deref()));
        if manifest.is_none() {
            complaints.push(Complaint {
                file: MANIFEST.to_string(),
                place: String::new(),
                field: "file".to_string(),
                value: "not there".to_string(),
                rule: Rule::ManifestExtra,
            });
        }
    }
    count += single.len();
    complaints.extend(lint(&single, None));
    for complaint in &complaints {
        outln(&complaint.to_string())?;
    }
    let files = if count == 1 { "1 file".to_string() } else { format!("{count} files") };
    let verdict = match complaints.len() {
        0 => "no complaints".to_string(),
        1 => "1 complaint".to_string(),
        n => format!("{n} complaints"),
    };
    outln(&format!("{files}: {verdict}"))?;
    Ok(ExitCode::from(!complaints.is_empty() as u8))
}

fn read(path: &Path, name: String) -> Result<File, CliError> {
    Ok(File { path: name, text: read_text(path)? })
}
