//! Golden tests for the verbs that show them: from disk, or made here and now.

use super::CliError;
use super::progress::progress;
use super::source::Source;
use super::write::read_text;
use globset::GlobMatcher;
use ropewalk::audit::Drawn;
use ropewalk::generate::fresh::{self, Fresh, Own};
use ropewalk::generate::{self, FilePlan};
use ropewalk::vector::{Golden, golden_files};
use std::path::{Path, PathBuf};

/// The options that say which tests are meant: the golden ones, or a config's own.
#[derive(Debug, clap::Args)]
pub struct Tests {
    /// Directory of golden files; without it the tests are made here and now
    #[arg(long, alias = "dir", value_name = "DIR", conflicts_with_all = ["config", "model"])]
    vectors: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

impl Tests {
    /// The directory, if one is given.
    pub fn directory(&self) -> Option<&Path> {
        self.vectors.as_deref()
    }

    /// Where they come from, for a message.
    pub fn origin(&self) -> String {
        match &self.vectors {
            Some(directory) => directory.display().to_string(),
            None if self.source.is_given() => format!("the tests of {}", self.source.name()),
            None => "the golden tests".to_string(),
        }
    }

    /// What is asked in them, unanswered; with a directory it is not needed.
    ///
    /// # Errors
    /// A config that is refused.
    pub fn plans(&self) -> Result<Vec<FilePlan>, CliError> {
        match self.source.is_given() {
            true => self.source.plans(&self.source.object()?),
            false => Ok(generate::plans()),
        }
    }

    /// The drawn question of an id; none if it is not one.
    ///
    /// # Errors
    /// A config that is refused or missing, an id that nothing is drawn from.
    pub fn drawn(&self, id: &str) -> Result<Option<Fresh>, CliError> {
        let own = match (id.starts_with("own-fresh-"), self.source.is_given()) {
            _ if !Drawn::has(id) => return Ok(None),
            (true, true) => {
                let own = Own::new(&self.source.object()?);
                Some(own.map_err(|reject| CliError::Usage(reject.to_string()))?)
            }
            (true, false) => return Ok(None),
            (false, _) => None,
        };
        fresh::by_id(id, own.as_ref()).map(Some).map_err(|error| CliError::Usage(error.to_string()))
    }

    /// The golden files with those of their tests that are wanted, by the file's path, the id and
    /// the flags.
    ///
    /// # Errors
    /// Files that cannot be read, a config that is refused.
    pub fn load(
        &self,
        wanted: impl Fn(&str, &str, &[&str]) -> bool,
    ) -> Result<Vec<Loaded>, CliError> {
        if let Some(directory) = &self.vectors {
            let mut files = load(directory, |_| true)?;
            for file in &mut files {
                for group in &mut file.golden.groups {
                    group.tests.retain(|test| {
                        let flags: Vec<&str> = test.flags.iter().map(String::as_str).collect();
                        wanted(&file.path, &test.id, &flags)
                    });
                }
            }
            files.retain(|file| file.golden.tests().next().is_some());
            return Ok(files);
        }
        let mut plans = self.plans()?;
        plans.retain_mut(|plan| {
            plan.keep(|file, group, test| wanted(&file.path, &file.id(group, test), &test.flags))
        });
        let tests = plans.iter().flat_map(|plan| &plan.groups).map(|group| group.tests.len());
        let bar = progress(tests.sum::<usize>() as u64, "tests");
        let made = generate::truths(&plans, &|| bar.inc(1));
        bar.finish_and_clear();
        let made = made.map_err(|e| CliError::Usage(e.to_string()))?;
        Ok(made.into_iter().map(|(path, golden)| Loaded { path, golden }).collect())
    }
}

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
        let text = read_text(&file)?;
        let golden = Golden::read(&text)
            .map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))?;
        Ok(Loaded { path, golden })
    };
    paths(directory)?.into_iter().filter(|path| wanted(path)).map(read).collect()
}
