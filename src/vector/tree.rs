//! Where golden files lie in a directory.

use std::io;
use std::path::Path;

/// Name of the manifest in the directory of the vectors.
pub const MANIFEST: &str = "manifest.json";

/// The golden files that come with the crate's source: the `vectors` directory as it was where the
/// crate was compiled. A program that is moved to another machine must bring its own.
pub fn shipped() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

/// Whether a path below that directory (forward slashes) is a golden file's: JSON, but neither
/// the manifest nor a JSON Schema nor a released model's config.
pub fn is_golden_path(path: &str) -> bool {
    let other = path == MANIFEST || path.starts_with("schema/") || path.starts_with("models/");
    path.ends_with(".json") && !other
}

/// The golden files below a directory, as sorted relative paths with forward slashes. Hidden
/// files and directories are passed over.
///
/// # Errors
/// A directory that cannot be read.
pub fn golden_files(directory: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    walk(directory, "", &mut found)?;
    found.retain(|path| is_golden_path(path));
    found.sort();
    Ok(found)
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let path = format!("{prefix}{name}");
        match entry.file_type()?.is_dir() {
            true => walk(&entry.path(), &format!("{path}/"), found)?,
            false => found.push(path),
        }
    }
    Ok(())
}
