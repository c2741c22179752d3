//! `ropewalk generate`: golden files from suites.

use super::corpus::{glob, paths};
use super::progress::progress;
use super::write::{read_text, write_atomically};
use super::{CliError, outln};
use ropewalk::generate::{self, Difference, FilePlan, Generated};
use ropewalk::vector::{Entry, MANIFEST, Manifest, documents};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write the golden vectors, or check them
///
/// Makes every golden file, its JSON Schemas and the manifest, in the same bytes on every machine.
/// Files appear whole or not at all, and unchanged ones are not touched. A golden file that an
/// earlier run made (the manifest lists it) and no suite makes any more is removed; files that
/// were never listed are left alone and reported by --check.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the vectors
    #[arg(long = "vectors", alias = "out", value_name = "DIR", default_value = "vectors")]
    out: PathBuf,
    /// Only the golden files whose path below DIR matches, for example 'rotate/half-*.json'
    #[arg(long, value_name = "GLOB")]
    only: Option<String>,
    /// Write nothing: make everything in memory and name each file and test that differs
    #[arg(long)]
    check: bool,
}

/// Runs the verb: exit code 1 if --check finds a difference.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let wanted = args.only.as_deref().map(glob).transpose()?;
    let is_wanted = |path: &str| wanted.as_ref().is_none_or(|glob| glob.is_match(path));
    let all = generate::plans();
    let known: BTreeSet<String> = all.iter().map(|plan| plan.path.clone()).collect();
    let plans: Vec<FilePlan> = all.into_iter().filter(|plan| is_wanted(&plan.path)).collect();
    if plans.is_empty() {
        let pattern = args.only.as_deref().unwrap_or_default();
        return Err(CliError::Usage(format!("--only {pattern}: no golden file has such a path")));
    }
    let made = make(&plans)?;
    let target = Target { directory: &args.out, known, complete: wanted.is_none() };
    if args.check { target.check(&made, &is_wanted) } else { target.write(&made) }
}

/// Answers the plans behind a progress bar, which stays away unless standard error is a terminal.
fn make(plans: &[FilePlan]) -> Result<Vec<Generated>, CliError> {
    let tests: usize = plans.iter().flat_map(|plan| &plan.groups).map(|g| g.tests.len()).sum();
    let bar = progress(tests as u64, "tests");
    let made = generate::generate(plans, &|| bar.inc(1));
    bar.finish_and_clear();
    made.map_err(|error| CliError::Usage(error.to_string()))
}

struct Target<'a> {
    directory: &'a Path,
    /// Paths that some suite makes.
    known: BTreeSet<String>,
    /// Whether all suites were made, not a selection.
    complete: bool,
}

impl Target<'_> {
    fn on_disk(&self, path: &str) -> Option<String> {
        read_text(&self.directory.join(path)).ok()
    }

    /// The manifest on disk, if there is one that can be read.
    fn old_manifest(&self) -> Option<Manifest> {
        Manifest::read(&self.on_disk(MANIFEST)?).ok()
    }

    /// The new manifest; entries of files that were not made now are kept.
    fn manifest(&self, made: &[Generated]) -> Manifest {
        let mut manifest = generate::manifest(made);
        if !self.complete {
            let is_new = |entry: &Entry| !made.iter().any(|file| file.path == entry.path);
            let old = self.old_manifest().map(|manifest| manifest.files).unwrap_or_default();
            manifest = Manifest::new(
                manifest.files.into_iter().chain(old.into_iter().filter(is_new)).collect(),
            );
        }
        manifest
    }

    /// Whether a path leads to a file of this directory: through no link, and to none.
    fn holds(&self, path: &str) -> bool {
        let mut place = self.directory.to_path_buf();
        let parts: Vec<_> = Path::new(path).components().collect();
        parts.iter().enumerate().all(|(index, part)| {
            place.push(part);
            let plain = matches!(part, std::path::Component::Normal(_));
            let about = std::fs::symlink_metadata(&place);
            let last = index + 1 == parts.len();
            plain && about.is_ok_and(|about| if last { about.is_file() } else { about.is_dir() })
        })
    }

    fn check(
        &self,
        made: &[Generated],
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<ExitCode, CliError> {
        let mut differences: Vec<Difference> = Vec::new();
        for file in made {
            differences.extend(generate::compare(file, self.on_disk(&file.path).as_deref()));
        }
        if self.directory.is_dir() {
            let extra = |path: &String| is_wanted(path) && !self.known.contains(path);
            let there = paths(self.directory)?;
            differences.extend(there.into_iter().filter(extra).map(Difference::Extra));
        }
        let manifest = (MANIFEST, self.manifest(made).to_canonical());
        let schemas = documents().into_iter().map(|document| (document.path, document.text));
        for (path, text) in schemas.chain([manifest]) {
            match self.on_disk(path) {
                None => differences.push(Difference::Missing(path.to_string())),
                Some(old) if old != text => differences.push(Difference::File(path.to_string())),
                Some(_) => {}
            }
        }
        for difference in &differences {
            outln(&difference.to_string())?;
        }
        let count = match differences.len() {
            0 => "no differences".to_string(),
            1 => "1 difference".to_string(),
            n => format!("{n} differences"),
        };
        outln(&format!("{}: {count}", summary(made)))?;
        Ok(ExitCode::from(!differences.is_empty() as u8))
    }

    fn write(&self, made: &[Generated]) -> Result<ExitCode, CliError> {
        let old = self.old_manifest();
        let mut written = 0;
        let mut update = |path: &str, text: &str| {
            if self.on_disk(path).as_deref() == Some(text) {
                return Ok(());
            }
            written += 1;
            write_atomically(&self.directory.join(path), text.as_bytes())
        };
        for file in made {
            update(&file.path, &file.text)?;
        }
        for document in documents() {
            update(document.path, &document.text)?;
        }
        // Last, so that an interrupted run leaves a manifest that says so.
        update(MANIFEST, &self.manifest(made).to_canonical())?;
        let stale = old.filter(|_| self.complete).map(|old| old.files).unwrap_or_default();
        let mut removed = 0;
        for entry in stale.iter().filter(|entry| !self.known.contains(&entry.path)) {
            let path = self.directory.join(&entry.path);
            if !ropewalk::vector::is_golden_path(&entry.path) || !self.holds(&entry.path) {
                continue;
            }
            // Only what an earlier run wrote is ours to remove.
            if self.on_disk(&entry.path).is_none_or(|text| !entry.is_of(&text)) {
                super::write::warn(&format!(
                    "{}: kept: it is not what the manifest lists",
                    entry.path
                ));
                continue;
            }
            std::fs::remove_file(&path).map_err(CliError::file(&path))?;
            removed += 1;
        }
        outln(&format!(
            "{} in {}: {written} files written, {removed} removed",
            summary(made),
            self.directory.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn summary(made: &[Generated]) -> String {
    let tests: usize = made.iter().map(|file| file.golden.tests().count()).sum();
    let elements: usize = made.iter().map(|file| file.golden.elements()).sum();
    let bytes: usize = made.iter().map(|file| file.text.len()).sum();
    let precision = made.iter().map(|file| file.precision).max().unwrap_or_default();
    format!(
        "{} golden files, {tests} tests, {elements} elements, {:.1} MB, at most {precision} bits of \
         working precision",
        made.len(),
        bytes as f64 / 1e6
    )
}
