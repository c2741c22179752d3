//! Files appear whole or not at all.

use super::CliError;
use std::io::Write;
use std::path::Path;

/// Writes a file through a temporary one beside it and a rename, so that an interruption leaves
/// the old file as it was. Missing directories are made.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(CliError::file(folder))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(CliError::file(folder))?;
    file.write_all(content).map_err(CliError::file(path))?;
    // A temporary file is private; what replaces a file should be as readable as any.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(permissions).map_err(CliError::file(path))?;
    }
    file.persist(path).map_err(|error| CliError::file(path)(error.error))?;
    Ok(())
}

/// Prints a line on standard output.
pub fn outln(line: &str) -> Result<(), CliError> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").map_err(CliError::stream("standard output"))
}
