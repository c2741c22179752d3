//! The `ropewalk` program. Each verb is a file in `cli/`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ropewalk_cli::main()
}
