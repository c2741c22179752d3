//! Standard input, which nobody waits for without knowing.

use super::CliError;
use std::io::IsTerminal;
use std::path::Path;

/// All of it, where no file was named: from a pipe, never from a terminal. `instead` says what to
/// give.
pub fn piped(instead: &str) -> Result<String, CliError> {
    match std::io::stdin().is_terminal() {
        true => Err(CliError::Usage(format!("nothing to read: give {instead}"))),
        false => {
            std::io::read_to_string(std::io::stdin()).map_err(CliError::stream("standard input"))
        }
    }
}

/// A file's text; of `-`, standard input's. The mark that some editors begin a file with is none of
/// it.
pub fn file(path: &Path) -> Result<String, CliError> {
    let text = if path != Path::new("-") {
        std::fs::read_to_string(path).map_err(CliError::file(path))?
    } else {
        if std::io::stdin().is_terminal() {
            eprintln!("ropewalk: reading standard input; Ctrl-D ends it");
        }
        std::io::read_to_string(std::io::stdin()).map_err(CliError::stream("standard input"))?
    };
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}
