//! `ropewalk list`: what there is.

use super::corpus::{Loaded, Tests, glob};
use super::{CliError, names, outln};
use ropewalk::encoding::spectrum::SCHEMES;
use ropewalk::encoding::{RopeConfig, models, rope_keys};
use ropewalk::request::{Json, Object, Operation};
use ropewalk::vector::NOTES;
use std::process::ExitCode;

/// List files, groups, tests or flags of the vectors; schemes, config keys, released models,
/// operations, profiles or known faults of the program
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to list
    #[arg(value_enum, default_value = "files")]
    what: What,
    /// Only lines in which this stands, in any case
    text: Option<String>,
    #[command(flatten)]
    tests: Tests,
    /// Only tests with this flag (for files, groups and tests)
    #[arg(long, value_name = "FLAG")]
    flag: Option<String>,
    /// Only golden files whose path below DIR matches
    #[arg(long, value_name = "GLOB")]
    only: Option<String>,
    /// Print a JSON list, one object per line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Files,
    Groups,
    Tests,
    Flags,
    Schemes,
    Keys,
    Models,
    Operations,
    Profiles,
    Faults,
}

/// A table: names of the columns and rows of values.
struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Json>>,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut table = match args.what {
        What::Schemes => schemes(),
        What::Keys => keys(),
        What::Models => released(),
        What::Operations => operations(),
        What::Profiles => profiles(),
        What::Faults => faults(args.json),
        _ => vectors(args)?,
    };
    if let Some(text) = &args.text {
        let all = table.rows.len();
        table.rows.retain(|row| row.iter().any(|cell| holds(cell, text)));
        if table.rows.is_empty() {
            return Err(CliError::Usage(format!("{text:?} stands in none of {all} lines")));
        }
    }
    match args.json {
        true => print_json(&table)?,
        false => print_table(&table)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn holds(cell: &Json, text: &str) -> bool {
    shown(cell).to_lowercase().contains(&text.to_lowercase())
}

/// A cell as it is printed.
fn shown(cell: &Json) -> String {
    match cell {
        Json::String(text) => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn schemes() -> Table {
    let rows = SCHEMES.iter().map(|scheme| {
        let keys: Vec<&str> = scheme.keys().iter().map(|key| key.name).collect();
        vec![scheme.rope_type().into(), scheme.summary().into(), keys.join(" ").as_str().into()]
    });
    Table { columns: vec!["rope_type", "summary", "keys"], rows: rows.collect() }
}

fn keys() -> Table {
    let rows = SCHEMES.iter().flat_map(|scheme| {
        rope_keys(*scheme).into_iter().map(|key| {
            vec![
                scheme.rope_type().into(),
                key.name.into(),
                key.absent.words().as_str().into(),
                key.kind.words().as_str().into(),
                key.meaning.into(),
            ]
        })
    });
    let columns = vec!["rope_type", "key", "default", "allowed", "meaning"];
    Table { columns, rows: rows.collect() }
}

fn released() -> Table {
    let rows = models().iter().flat_map(|model| {
        let layers = match model.layer_types.is_empty() {
            true => vec![None],
            false => model.layer_types.iter().map(|name| Some(name.as_str())).collect(),
        };
        layers.into_iter().map(|layer| {
            let config = RopeConfig::new(&model.config_of(layer)).ok();
            let what = match &config {
                Some(config) if model.encoding == "rotary" => config.scheme().rope_type(),
                _ => model.encoding.as_str(),
            };
            vec![
                model.name.as_str().into(),
                layer.unwrap_or_default().into(),
                what.into(),
                model.mark.as_str().into(),
                model.source.as_str().into(),
            ]
        })
    });
    let columns = vec!["model", "layer_type", "encoding", "mark", "source"];
    Table { columns, rows: rows.collect() }
}

fn operations() -> Table {
    let rows = Operation::ALL.iter().map(|operation| vec![operation.name().into()]);
    Table { columns: vec!["operation"], rows: rows.collect() }
}

/// The known faults; what is long only where a program reads.
fn faults(whole: bool) -> Table {
    let mut columns = vec!["fault", "class", "summary"];
    if whole {
        columns.extend(["signature", "fix", "links"]);
    }
    let rows = ropewalk::fault::all().iter().map(|fault| {
        let mut row = vec![fault.name.into(), fault.class.into(), fault.summary.into()];
        if whole {
            let links = fault.links.join(" ");
            row.extend([fault.signature.into(), fault.fix.into(), links.as_str().into()]);
        }
        row
    });
    Table { columns, rows: rows.collect() }
}

fn profiles() -> Table {
    let rows = ropewalk::profile::NAMED.iter().map(|profile| {
        let floats = ropewalk::number::Dtype::FLOATS.into_iter();
        let right = floats.filter(|dtype| profile.is_right(*dtype)).map(|dtype| dtype.name());
        let right = right.collect::<Vec<_>>().join(" ");
        vec![profile.name.into(), right.as_str().into(), profile.source.into()]
    });
    Table { columns: vec!["profile", "right_for", "source"], rows: rows.collect() }
}

fn vectors(args: &Args) -> Result<Table, CliError> {
    if let Some(flag) = args.flag.as_deref().filter(|flag| ropewalk::vector::note(flag).is_none()) {
        let hint = names::did_you_mean(flag, NOTES.iter().map(|note| note.flag));
        return Err(CliError::Usage(format!(
            "--flag {flag}: `ropewalk list flags` has them all{hint}"
        )));
    }
    let filter = args.only.as_deref().map(glob).transpose()?;
    let loaded = args.tests.load(|path, _, flags| {
        filter.as_ref().is_none_or(|glob| glob.is_match(path))
            && args.flag.as_deref().is_none_or(|flag| flags.contains(&flag))
    })?;
    if loaded.is_empty() {
        return Err(CliError::Usage(format!("{}: nothing to list", args.tests.origin())));
    }
    let count = |n: usize| Json::from(n);
    Ok(match args.what {
        What::Files => Table {
            columns: vec!["file", "operation", "groups", "tests", "elements"],
            rows: loaded
                .iter()
                .map(|file| {
                    vec![
                        file.path.as_str().into(),
                        file.golden.operation.name().into(),
                        count(file.golden.groups.len()),
                        count(file.golden.tests().count()),
                        count(file.golden.elements()),
                    ]
                })
                .collect(),
        },
        What::Groups => Table {
            columns: vec!["file", "group", "dtype", "tests", "config"],
            rows: loaded
                .iter()
                .flat_map(|file| file.golden.groups.iter().map(move |group| (file, group)))
                .filter(|(_, group)| !group.tests.is_empty())
                .map(|(file, group)| {
                    vec![
                        file.path.as_str().into(),
                        group.name.as_str().into(),
                        group.dtype.name().into(),
                        count(group.tests.len()),
                        Json::Object(group.config.clone()),
                    ]
                })
                .collect(),
        },
        What::Tests => Table {
            columns: vec!["id", "flags", "comment"],
            rows: loaded
                .iter()
                .flat_map(|file| file.golden.tests())
                .map(|(_, test)| {
                    let flags = test.flags.join(" ");
                    vec![
                        test.id.as_str().into(),
                        flags.as_str().into(),
                        test.comment.as_str().into(),
                    ]
                })
                .collect(),
        },
        _ => flags(&loaded, args.json),
    })
}

/// Flags and their notes; effect and links, which are long, only where a program reads.
fn flags(loaded: &[Loaded], whole: bool) -> Table {
    let count = |flag: &str| {
        let tests = loaded.iter().flat_map(|file| file.golden.tests());
        tests.filter(|(_, test)| test.flags.iter().any(|own| own == flag)).count()
    };
    let mut columns = vec!["flag", "tests", "faults", "meaning"];
    if whole {
        columns.extend(["effect", "links"]);
    }
    let rows = NOTES.iter().map(|note| {
        let mut row = vec![
            note.flag.into(),
            Json::from(count(note.flag)),
            note.faults.join(" ").as_str().into(),
            note.meaning.into(),
        ];
        if whole {
            row.extend([note.effect.into(), note.links.join(" ").as_str().into()]);
        }
        row
    });
    Table { columns, rows: rows.collect() }
}

fn print_json(table: &Table) -> Result<(), CliError> {
    let object = |row: &Vec<Json>| -> Object {
        table.columns.iter().map(|name| name.to_string()).zip(row.iter().cloned()).collect()
    };
    let lines: Vec<String> = table
        .rows
        .iter()
        .map(|row| serde_json::to_string(&object(row)).unwrap_or_default())
        .collect();
    super::write::rawln(&format!("[{}]", lines.join(",\n ")))
}

/// Columns as wide as their widest value, the last one ragged.
fn print_table(table: &Table) -> Result<(), CliError> {
    let header = table.columns.iter().map(|name| name.to_string()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(header)
        .chain(table.rows.iter().map(|row| row.iter().map(shown).collect()))
        .collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    for row in &rows {
        let padded = row.iter().zip(&widths).map(|(text, &width)| format!("{text:width$}"));
        outln(padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
