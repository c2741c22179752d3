//! `ropewalk completions`: what a shell and `man` want to know.

use super::CliError;
use clap::Command;
use clap_complete::Shell;
use std::io::Write;
use std::process::ExitCode;

/// Print completions for a shell, or the manual page
///
///   ropewalk completions bash > ~/.local/share/bash-completion/completions/ropewalk
///   ropewalk completions man > ropewalk.1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// For whom
    #[arg(value_enum)]
    of: For,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
    Man,
}

/// Runs the verb.
pub fn run(args: &Args, program: &mut Command) -> Result<ExitCode, CliError> {
    let mut text = Vec::new();
    let shell = match args.of {
        For::Bash => Some(Shell::Bash),
        For::Zsh => Some(Shell::Zsh),
        For::Fish => Some(Shell::Fish),
        For::Elvish => Some(Shell::Elvish),
        For::Powershell => Some(Shell::PowerShell),
        For::Man => None,
    };
    match shell {
        Some(shell) => clap_complete::generate(shell, program, "ropewalk", &mut text),
        None => manual(program, &mut text).map_err(CliError::stream("standard output"))?,
    }
    std::io::stdout().write_all(&text).map_err(CliError::stream("standard output"))?;
    Ok(ExitCode::SUCCESS)
}

/// One page: the program, then every verb with its options.
fn manual(program: &mut Command, text: &mut Vec<u8>) -> std::io::Result<()> {
    program.build();
    let page = clap_mangen::Man::new(program.clone());
    page.render_title(text)?;
    page.render_name_section(text)?;
    page.render_synopsis_section(text)?;
    page.render_description_section(text)?;
    page.render_options_section(text)?;
    for verb in program.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let page = clap_mangen::Man::new(verb.clone());
        writeln!(text, ".SH \"{}\"", verb.get_name().to_uppercase())?;
        let mut about = Vec::new();
        page.render_description_section(&mut about)?;
        page.render_options_section(&mut about)?;
        // The sections of a verb are subsections of the page.
        text.extend(String::from_utf8_lossy(&about).replace(".SH ", ".SS ").into_bytes());
    }
    Ok(())
}
