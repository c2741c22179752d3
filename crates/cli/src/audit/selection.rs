//! Which cases are asked.

use crate::source::Source;
use crate::{CliError, corpus, names};
use globset::{GlobBuilder, GlobMatcher};
use ropewalk::audit::{Case, Drawn, Prompted, Selected, cases};
use ropewalk::generate::{self, FilePlan};
use ropewalk::number::Dtype;
use ropewalk::request::{Operation, Request};
use ropewalk::vector::{Golden, note};
use std::collections::BTreeSet;
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
    #[arg(long, value_name = "FORMAT", value_parser = names::dtype)]
    dtype: Vec<Dtype>,
    /// Only tests with this flag (`ropewalk list flags`); may be given several times
    #[arg(long, value_name = "FLAG")]
    flag: Vec<String>,
    /// Also ask what must be refused: requests that break a rule
    #[arg(long, conflicts_with = "sound")]
    refusals: bool,
    /// Leave out what must be refused, as is done anyway
    #[arg(long, hide = true)]
    sound: bool,
}

/// What the options say, read.
pub struct Filter {
    operations: Vec<Operation>,
    dtypes: Vec<Dtype>,
    flags: Vec<&'static str>,
    globs: Vec<GlobMatcher>,
    refusals: bool,
    /// Those of a prompt.
    ids: Option<BTreeSet<String>>,
}

/// Cases that are chosen and not answered yet.
pub struct Chosen {
    filter: Filter,
    from: Origin,
}

enum Origin {
    Files(PathBuf),
    Plans { plans: Vec<FilePlan>, own: bool },
}

impl Selection {
    /// What the cases are chosen from.
    ///
    /// # Errors
    /// A config that cannot be read.
    pub fn selected(&self) -> Result<Selected, CliError> {
        let config = self.source.is_given().then(|| self.source.object()).transpose()?;
        let vectors = self.vectors.as_ref().map(|path| path.display().to_string());
        Ok(Selected { config, vectors })
    }

    /// What is asked, without the answers: what takes no time. Of a prompt, its questions, chosen
    /// from what it was made of unless the options say otherwise.
    ///
    /// # Errors
    /// A filter that names nothing, a config that is refused, and if nothing is left.
    pub fn choose(&self, prompted: Option<Prompted>) -> Result<Chosen, CliError> {
        self.source.expect_named()?;
        let filter = self.filter(prompted.as_ref().map(|prompted| prompted.ids.clone()))?;
        let selected = match prompted {
            Some(prompted) if !self.source.is_given() && self.vectors.is_none() => {
                prompted.selected
            }
            _ => self.selected()?,
        };
        if let Some(directory) = selected.vectors {
            let directory = PathBuf::from(directory);
            std::fs::metadata(&directory).map_err(CliError::file(&directory))?;
            return Ok(Chosen { filter, from: Origin::Files(directory) });
        }
        let own = selected.config.is_some();
        let mut plans = match &selected.config {
            Some(config) => self.source.plans(config)?,
            None => generate::plans(),
        };
        plans.retain_mut(|plan| {
            plan.keep(|file, group, test| {
                let id = file.id(group, test);
                let sound = test.refused.is_none();
                filter.wants(&id, file.operation, group.dtype, &test.flags, sound)
            })
        });
        match plans.is_empty() && !filter.draws() {
            true => Err(filter.nothing_left()),
            false => Ok(Chosen { filter, from: Origin::Plans { plans, own } }),
        }
    }

    /// The options that `ropewalk explain` needs to find the same tests.
    pub fn words(&self) -> String {
        match &self.vectors {
            Some(directory) => format!("--vectors {} ", directory.display()),
            None => self.source.words(),
        }
    }

    /// Whether the cases are all there are of the golden vectors.
    pub fn is_whole(&self) -> bool {
        let filters = [&self.only, &self.operation, &self.flag];
        !self.source.is_given()
            && self.dtype.is_empty()
            && filters.iter().all(|filter| filter.is_empty())
    }

    /// The filters, for questions that are drawn.
    ///
    /// # Errors
    /// One that names nothing.
    pub fn drawing(&self) -> Result<Filter, CliError> {
        self.filter(None)
    }

    fn filter(&self, ids: Option<BTreeSet<String>>) -> Result<Filter, CliError> {
        let flags: Vec<&str> = ropewalk::vector::NOTES.iter().map(|note| note.flag).collect();
        Ok(Filter {
            operations: read(&self.operation, "operation", |name| {
                let names = Operation::ALL.map(|operation| operation.name());
                Operation::from_name(name)
                    .map_err(|reject| reject.text + &names::did_you_mean(name, names))
            })?,
            dtypes: self.dtype.clone(),
            flags: read(&self.flag, "flag", |name| {
                note(name).map(|remark| remark.flag).ok_or_else(|| {
                    let hint = names::did_you_mean(name, flags.iter().copied());
                    format!("{name:?} is no flag; `ropewalk list flags` has them{hint}")
                })
            })?,
            globs: read(&self.only, "only", |text| {
                let glob = GlobBuilder::new(text).build();
                glob.map(|glob| glob.compile_matcher()).map_err(|e| e.to_string())
            })?,
            refusals: self.refusals,
            ids,
        })
    }
}

impl Filter {
    /// Whether a drawn question passes.
    pub fn wants_drawn(&self, request: &Request, flags: &[&str]) -> bool {
        self.wants(&request.id, request.operation, request.dtype, flags, true)
    }

    /// Whether an operation passes.
    pub fn has_operation(&self, operation: Operation) -> bool {
        self.operations.is_empty() || self.operations.contains(&operation)
    }

    /// Whether a part of the files is meant, by name or by flag, that no drawn question belongs to.
    pub fn is_narrow(&self) -> bool {
        !self.flags.is_empty() || !self.globs.is_empty() && !self.draws()
    }

    /// Whether questions are meant by name that are drawn, and stand in no file.
    fn draws(&self) -> bool {
        self.globs.iter().any(|glob| Drawn::has(glob.glob().glob()))
    }

    fn wants(
        &self,
        id: &str,
        operation: Operation,
        dtype: Dtype,
        flags: &[impl AsRef<str>],
        sound: bool,
    ) -> bool {
        let flagged = || flags.iter().any(|flag| self.flags.contains(&flag.as_ref()));
        (self.refusals || sound)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(id))
            && (self.operations.is_empty() || self.operations.contains(&operation))
            && (self.dtypes.is_empty() || self.dtypes.contains(&dtype))
            && (self.flags.is_empty() || flagged())
            && (self.globs.is_empty() || self.globs.iter().any(|glob| glob.is_match(id)))
    }

    /// That nothing passes, and what may be the reason.
    pub fn nothing_left(&self) -> CliError {
        let given = [
            ("--only", self.globs.is_empty()),
            ("--operation", self.operations.is_empty()),
            ("--dtype", self.dtypes.is_empty()),
            ("--flag", self.flags.is_empty()),
        ];
        let given: Vec<&str> =
            given.into_iter().filter(|(_, empty)| !empty).map(|(option, _)| option).collect();
        let hint = match given[..] {
            ["--only"] if self.refusals => "; `ropewalk list tests` has the ids".to_string(),
            ["--only"] => "; `ropewalk list tests` has the ids, and what must be refused needs \
                           --refusals as well"
                .to_string(),
            [] => String::new(),
            _ => format!(": {} leave nothing together", given.join(" and ")),
        };
        CliError::Usage(format!("no test is left by these filters{hint}"))
    }
}

impl Chosen {
    /// How many tests are to be answered, where that is known before they are read.
    pub fn count(&self) -> usize {
        let Origin::Plans { plans, .. } = &self.from else { return 0 };
        let groups = plans.iter().flat_map(|plan| &plan.groups);
        groups.map(|group| group.tests.len()).sum()
    }

    /// The cases, in their order; `progress` is called after every answer.
    ///
    /// # Errors
    /// Files that cannot be read, and if nothing is left.
    pub fn cases(self, progress: &(dyn Fn() + Sync)) -> Result<Vec<Case>, CliError> {
        let (files, own): (Vec<(String, Golden)>, bool) = match self.from {
            Origin::Files(directory) => {
                let loaded = corpus::load(&directory, |_| true)?;
                (loaded.into_iter().map(|file| (file.path, file.golden)).collect(), false)
            }
            Origin::Plans { plans, own } => {
                let made = generate::truths(&plans, progress);
                (made.map_err(|e| CliError::Usage(e.to_string()))?, own)
            }
        };
        let filter = self.filter;
        let wanted = |case: &Case| {
            let sound = case.truth.expected.tensors().is_some();
            filter.wants(&case.ask.id, case.ask.operation, case.ask.dtype, &case.flags, sound)
        };
        let all = files.iter().flat_map(|(path, golden)| cases(path, golden));
        let mut chosen: Vec<Case> = all.filter(wanted).collect();
        if own {
            // One group holds everything there; its simplest question is the set-up's.
            chosen.iter_mut().for_each(|case| case.basic = case.ask.id.ends_with("-origin"));
        }
        match chosen.is_empty() && !filter.draws() {
            true => Err(filter.nothing_left()),
            false => Ok(chosen),
        }
    }
}

fn read<T>(
    texts: &[String],
    option: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, CliError> {
    let read =
        |text: &String| read(text).map_err(|why| CliError::Usage(format!("--{option}: {why}")));
    texts.iter().map(read).collect()
}
