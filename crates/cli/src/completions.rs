//! `ropewalk completions` and `ropewalk man`: what a shell and a manual know of the program.

use super::write::write_atomically;
use super::{Cli, CliError, outln};
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print completions for a shell
///
/// For example
///   ropewalk completions bash > ~/.local/share/bash-completion/completions/ropewalk
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Write the manual pages into a directory: ropewalk.1, and one for every verb
#[derive(Debug, clap::Args)]
pub struct Man {
    /// The directory, which exists
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Runs the verb `completions`.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ropewalk", &mut text);
    outln(String::from_utf8_lossy(&text).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the verb `man`.
pub fn man(args: &Man) -> Result<ExitCode, CliError> {
    let mut command = Cli::command();
    command.build();
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    for own in [command.clone()].into_iter().chain(verbs) {
        let name = match own.get_name() {
            "ropewalk" => "ropewalk".to_string(),
            verb => format!("ropewalk-{verb}"),
        };
        let mut text = Vec::new();
        let page = clap_mangen::Man::new(own.name(name.clone()));
        page.render(&mut text).map_err(CliError::stream("the manual"))?;
        write_atomically(&args.directory.join(format!("{name}.1")), &text)?;
    }
    Ok(ExitCode::SUCCESS)
}
