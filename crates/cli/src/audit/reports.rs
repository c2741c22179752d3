//! Which reports are written, and where to.

use super::{html, junit};
use crate::CliError;
use crate::write::write_atomically;
use ropewalk::audit::{Report, Style, markdown, ndjson, terminal};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// The options of the reports.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// terminal, ndjson, junit, markdown or html; FORMAT=FILE writes to a file, and what is
    /// written to files only is shown as terminal too; may be given several times
    #[arg(long, value_name = "FORMAT[=FILE]")]
    report: Vec<String>,
    /// Failing cases shown whole in the terminal report
    #[arg(long, value_name = "N", default_value_t = 3)]
    show: usize,
    /// Everything in the terminal report: all sections, pictures, notes and faults
    #[arg(long)]
    verbose: bool,
}

/// Where the reports of a run go; checked before the run begins.
#[derive(Debug)]
pub struct Reports {
    wanted: Vec<(Format, Option<PathBuf>)>,
    show: usize,
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Terminal,
    Ndjson,
    Junit,
    Markdown,
    Html,
}

const FORMATS: [(&str, Format); 5] = [
    ("terminal", Format::Terminal),
    ("ndjson", Format::Ndjson),
    ("junit", Format::Junit),
    ("markdown", Format::Markdown),
    ("html", Format::Html),
];

impl Options {
    /// Reads them.
    ///
    /// # Errors
    /// An unknown format, a file without a name, two reports for standard output.
    pub fn reports(&self) -> Result<Reports, CliError> {
        let mut wanted =
            self.report.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
        match wanted.iter().filter(|(_, file)| file.is_none()).count() {
            0 => wanted.push((Format::Terminal, None)),
            1 => {}
            n => {
                return Err(CliError::Usage(format!(
                    "--report: {n} reports for standard output, one at most; \
                     FORMAT=FILE writes to a file"
                )));
            }
        }
        let place = |path: &PathBuf| {
            let whole = path.canonicalize().or_else(|_| std::path::absolute(path));
            whole.unwrap_or_else(|_| path.clone())
        };
        let mut files: Vec<PathBuf> =
            wanted.iter().filter_map(|(_, file)| file.as_ref()).map(place).collect();
        files.sort();
        if let Some(pair) = files.windows(2).find(|pair| pair[0] == pair[1]) {
            let name = pair[0].display();
            return Err(CliError::Usage(format!("--report: two reports go to {name}")));
        }
        Ok(Reports { wanted, show: self.show, verbose: self.verbose })
    }
}

fn parse(text: &str) -> Result<(Format, Option<PathBuf>), CliError> {
    let (name, file) = match text.split_once('=') {
        Some((name, file)) => (name, Some(file)),
        None => (text, None),
    };
    let Some((_, format)) = FORMATS.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        return Err(CliError::Usage(format!(
            "--report is {text:?}, allowed are {}, each with =FILE or without",
            names.join(", ")
        )));
    };
    match file {
        Some("") => Err(CliError::Usage(format!("--report is {text:?}, the file has no name"))),
        Some("-") | None => Ok((*format, None)),
        Some(file) => Ok((*format, Some(PathBuf::from(file)))),
    }
}

impl Reports {
    /// Writes all of them, each whole or not at all; files first.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, report: &Report) -> Result<(), CliError> {
        let mut stdout = None;
        for (format, file) in &self.wanted {
            let text = self.text(*format, file.is_none(), report)?;
            match file {
                Some(path) => write_atomically(path, text.as_bytes())?,
                None => stdout = Some(text),
            }
        }
        match stdout {
            Some(text) => std::io::stdout()
                .write_all(text.as_bytes())
                .map_err(CliError::stream("standard output")),
            None => Ok(()),
        }
    }

    fn text(&self, format: Format, shown: bool, report: &Report) -> Result<String, CliError> {
        Ok(match format {
            Format::Terminal => terminal(report, self.style(shown)),
            Format::Ndjson => ndjson(report),
            Format::Junit => junit::junit(report).map_err(CliError::stream("the JUnit report"))?,
            Format::Markdown => markdown(report),
            Format::Html => html::page(report),
        })
    }

    fn style(&self, shown: bool) -> Style {
        let tty = shown && std::io::stdout().is_terminal();
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let width = match (tty, columns) {
            (true, _) => console::Term::stdout().size().1 as usize,
            (false, Some(columns)) if shown => columns,
            _ => 100,
        };
        Style {
            width: width.clamp(60, 160),
            colour: crate::style::colour(tty),
            show: self.show,
            verbose: self.verbose,
        }
    }
}
