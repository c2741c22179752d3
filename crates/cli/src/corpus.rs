//! Golden files from disk, for the verbs that read them.

use super::CliError;
use globset::GlobMatcher;
use ropewalk::vector::{Golden, golden_files};
use std::path::Path;

/// A golden file and where it lies.
pub struct Loaded {
    /// Path below the directory, with forward slashes.
    pub path: String,
    /// What it holds.
    pub golden: Golden,
}

/// A glob over paths below the directory of the vectors, where `*` stays within a directory.
pub fn glob(pattern: &str) -> Result<GlobMatcher, CliError> {
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    Ok(glob.map_err(|e| CliError::Usage(e.to_string()))?.compile_matcher())
}

/// Relative paths of the golden files of a directory.
pub fn paths(directory: &Path) -> Result<Vec<String>, CliError> {
    golden_files(directory).map_err(CliError::file(directory))
}

/// Reads the golden files of a directory whose paths pass a filter.
pub fn load(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<Loaded>, CliError> {
    let read = |path: String| {
        let file = directory.join(&path);
        let text = std::fs::read_to_string(&file).map_err(CliError::file(&file))?;
        let golden = Golden::read(&text)
            .map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))?;
        Ok(Loaded { path, golden })
    };
    paths(directory)?.into_iter().filter(|path| wanted(path)).map(read).collect()
}
