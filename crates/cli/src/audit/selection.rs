//! Which cases are asked.

use crate::CliError;
use crate::corpus;
use crate::source::Source;
use globset::GlobBuilder;
use ropewalk::audit::{Case, cases};
use ropewalk::generate;
use ropewalk::number::Dtype;
use ropewalk::request::Operation;
use ropewalk::vector::{Golden, note};
use std::path::PathBuf;

/// The options that select cases.
#[derive(Debug, clap::Args)]
pub struct Selection {
    /// Directory of golden files; without it the vectors are computed here and now
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "model"])]
    vectors: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Only tests whose id matches this glob; may be given several times
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Only this operation; may be given several times
    #[arg(long, value_name = "NAME")]
    operation: Vec<String>,
    /// Only this output format: f64, f32, bf16, f16, i64, i32; may be given several times
    #[arg(long, value_name = "FORMAT")]
    dtype: Vec<String>,
    /// Only tests with this flag (`ropewalk list flags`); may be given several times
    #[arg(long, value_name = "FLAG")]
    flag: Vec<String>,
    /// Leave out what must be refused, for adapters that check nothing
    #[arg(long)]
    sound: bool,
}

impl Selection {
    /// The cases that pass every filter, in their order.
    ///
    /// # Errors
    /// A filter that names nothing, files that cannot be read, and if nothing is left.
    pub fn cases(&self) -> Result<Vec<Case>, CliError> {
        let operations = named(&self.operation, "operation", |name| {
            Operation::from_name(name).map_err(|reject| reject.text)
        })?;
        let dtypes = named(&self.dtype, "dtype", |name| {
            Dtype::from_name(name)
                .ok_or(format!("{name:?} is none of f64, f32, bf16, f16, i64, i32"))
        })?;
        let flags = named(&self.flag, "flag", |name| {
            note(name).map(|remark| remark.flag).ok_or(format!("{name:?} is no flag"))
        })?;
        let globs = named(&self.only, "only", |text| {
            let glob = GlobBuilder::new(text).build();
            glob.map(|glob| glob.compile_matcher()).map_err(|e| e.to_string())
        })?;
        let wanted = |case: &Case| {
            (!self.sound || case.truth.expected.tensors().is_some())
                && (operations.is_empty() || operations.contains(&case.ask.operation))
                && (dtypes.is_empty() || dtypes.contains(&case.ask.dtype))
                && (flags.is_empty() || flags.iter().any(|f| case.flags.iter().any(|c| c == f)))
                && (globs.is_empty() || globs.iter().any(|glob| glob.is_match(&case.ask.id)))
        };
        let files = self.files()?;
        let all = files.iter().flat_map(|(path, golden)| cases(path, golden));
        let mut chosen: Vec<Case> = all.filter(wanted).collect();
        if self.source.is_given() {
            // One group holds everything there; its simplest question is the set-up's.
            chosen.iter_mut().for_each(|case| case.basic = case.ask.id.ends_with("-origin"));
        }
        match chosen.is_empty() {
            true => Err(CliError::Usage("no test is left by these filters".into())),
            false => Ok(chosen),
        }
    }

    fn files(&self) -> Result<Vec<(String, Golden)>, CliError> {
        match &self.vectors {
            Some(directory) => {
                let loaded = corpus::load(directory, |_| true)?;
                Ok(loaded.into_iter().map(|file| (file.path, file.golden)).collect())
            }
            None => {
                let plans = match self.source.is_given() {
                    true => generate::plans_for(&self.source.object()?).map_err(|reject| {
                        CliError::Usage(format!("{}: {reject}", self.source.name()))
                    })?,
                    false => generate::plans(),
                };
                let made = generate::generate(&plans, &|| ());
                let made = made.map_err(|e| CliError::Usage(e.to_string()))?;
                Ok(made.into_iter().map(|file| (file.path, file.golden)).collect())
            }
        }
    }
}

fn named<T>(
    texts: &[String],
    option: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, CliError> {
    let read =
        |text: &String| read(text).map_err(|why| CliError::Usage(format!("--{option}: {why}")));
    texts.iter().map(read).collect()
}
