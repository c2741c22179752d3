//! Files appear whole or not at all, and leave nothing behind.

use super::error::{CliError, refusal};
use ropewalk::audit::clean;
use ropewalk::request::Reject;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, Once, PoisonError};

/// Temporary files that have been made. Those that got their names since are not there any more.
static MADE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes them when the program is interrupted; their owners never come to it.
fn sweep_up() {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) else {
            return;
        };
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                for path in MADE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    let _ = std::fs::remove_file(path);
                }
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        });
    }
}

/// A temporary file beside `path`, to be renamed to it. Missing directories are made.
pub fn temporary(path: &Path) -> Result<tempfile::NamedTempFile, CliError> {
    static ONCE: Once = Once::new();
    ONCE.call_once(sweep_up);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(CliError::file(folder))?;
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = tempfile::NamedTempFile::new_in(folder).map_err(CliError::file(folder))?;
    made.push(file.path().to_path_buf());
    Ok(file)
}

/// Gives a temporary file its name.
pub fn persist(file: tempfile::NamedTempFile, path: &Path) -> Result<(), CliError> {
    // A temporary file is private; what replaces a file should be as readable as any.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(permissions).map_err(CliError::file(path))?;
    }
    let temporary = file.path().to_path_buf();
    file.persist(path).map_err(|error| CliError::file(path)(error.error))?;
    MADE.lock().unwrap_or_else(PoisonError::into_inner).retain(|made| *made != temporary);
    Ok(())
}

/// Writes a file through a temporary one beside it and a rename, so that an interruption leaves
/// the old file as it was. Missing directories are made.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let mut file = temporary(path)?;
    file.write_all(content).map_err(CliError::file(path))?;
    persist(file, path)
}

/// The text of a file that lies on a disk: a pipe would be waited for, a device never ends.
pub fn read_text(path: &Path) -> Result<String, CliError> {
    let about = std::fs::metadata(path).map_err(CliError::file(path))?;
    match about.is_file() {
        true => std::fs::read_to_string(path).map_err(CliError::file(path)),
        false => Err(CliError::Usage(format!("{}: it is no regular file", path.display()))),
    }
}

/// Prints a line on standard output. Names of files and what stands in them move no cursor.
pub fn outln(line: &str) -> Result<(), CliError> {
    rawln(&clean(line))
}

/// Prints a line that is safe already: JSON, or text with colours.
pub fn rawln(line: &str) -> Result<(), CliError> {
    writeln!(std::io::stdout(), "{line}").map_err(CliError::stream("standard output"))
}

/// Says something on standard error.
pub fn warn(text: &str) {
    eprintln!("ropewalk: {}", clean(text));
}

/// Says that a config is refused; the exit code of a verb that has no other.
pub fn rejected(reject: &Reject) -> ExitCode {
    warn(&refusal(reject));
    ExitCode::from(1)
}
