//! What is asked beyond what is stored: questions drawn for the kernel at hand.

use super::selection::{Filter, Selection};
use crate::CliError;
use crate::progress::progress;
use ropewalk::audit::{
    Ask, Case, Description, Drawn, Kernel, Options, Unasked, Verdict, audit, cases,
};
use ropewalk::encoding::Layout;
use ropewalk::generate::fresh::{self, Claims, Fresh, Own};
use ropewalk::number::Dtype;
use ropewalk::request::{Direction, Operation};
use std::time::{Duration, Instant};

/// The options that say what is drawn.
#[derive(Debug, clap::Args)]
pub struct Drawing {
    /// Draw the questions that stand in no file from this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Go on drawing from the numbers that follow for so long
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86400))]
    thorough: Option<u64>,
}

/// Adds questions for a kernel; none where only a part of the files is meant.
///
/// # Errors
/// A filter or a config that cannot be read, an answer that cannot be computed.
pub fn draw(
    options: &Drawing,
    selection: &Selection,
    kernel: &mut dyn Kernel,
    into: &mut Vec<Case>,
) -> Result<Option<(Drawn, Source)>, CliError> {
    let filter = selection.drawing()?;
    let asked_for = options.seed != 0 || options.thorough.is_some();
    // Who cannot say what it is will be told so by the audit.
    let Ok(description) = kernel.describe() else { return Ok(None) };
    if filter.is_narrow() && !asked_for {
        return Ok(None);
    }
    let own = match selection.selected()?.config {
        Some(object) => match Own::new(&object) {
            Ok(own) => Some(own),
            Err(_) => return Ok(None),
        },
        None => None,
    };
    let source = Source { filter, description, own };
    let (new, mut drawn) = source.round(options.seed, kernel)?;
    into.extend(new);
    if let Some(seconds) = options.thorough {
        let until = Instant::now() + Duration::from_secs(seconds);
        let bar = progress(seconds, "seconds of drawing");
        let asking = Options { twice: false, diagnose: false, sight: false, ..Options::default() };
        for seed in options.seed + 1.. {
            if Instant::now() >= until {
                break;
            }
            let (more, _) = source.round(seed, kernel)?;
            let report = audit(kernel, &more, &asking).report;
            drawn.more += report.cases.len();
            if report.verdict != Verdict::Conforms {
                // Asked again with all others, and judged with them.
                let wrong = |case: &Case| report.divergences().any(|w| w.id == case.ask.id);
                into.extend(more.into_iter().filter(wrong));
                break;
            }
            bar.set_position(seconds.saturating_sub((until - Instant::now()).as_secs()));
        }
        bar.finish_and_clear();
    }
    Ok(Some((drawn, source)))
}

/// What is drawn for: a description, a config, and what is wanted of it.
pub struct Source {
    filter: Filter,
    description: Description,
    own: Option<Own>,
}

impl Source {
    /// Cases beside drawn ones that were answered wrongly.
    pub fn beside(&self, wrong: &[&str]) -> Vec<Case> {
        let mut list = fresh::beside(wrong, self.own.as_ref());
        list.retain(|fresh| {
            self.filter.wants_drawn(&fresh.request, &fresh.flags)
                && self.description.covers(&Ask::new(fresh.request.clone())).is_ok()
        });
        // A slip here costs a place, not a verdict.
        let files = fresh::answer(&list).unwrap_or_default();
        files.iter().flat_map(|(path, golden)| cases(path, golden)).collect()
    }

    /// The cases of a seed.
    fn round(&self, seed: u64, kernel: &dyn Kernel) -> Result<(Vec<Case>, Drawn), CliError> {
        let knows = |operation| self.filter.has_operation(operation);
        let admits = |fresh: &Fresh| {
            if !self.filter.wants_drawn(&fresh.request, &fresh.flags) {
                return Err("the filters of this run leave it out".to_string());
            }
            kernel.reaches(&Ask::new(fresh.request.clone())).map_err(|why| why.to_string())
        };
        let drawn = within(&self.description, self.own.as_ref(), seed, &knows, &admits);
        let files = fresh::answer(&drawn.questions);
        let files = files.map_err(|error| CliError::Usage(error.to_string()))?;
        let list: Vec<Case> = files.iter().flat_map(|(path, golden)| cases(path, golden)).collect();
        Ok((list, noted(&drawn, seed)))
    }
}

/// What is drawn from a seed for what a kernel claims: operations that are known, questions that
/// are admitted.
pub fn within(
    description: &Description,
    own: Option<&Own>,
    seed: u64,
    knows: &dyn Fn(Operation) -> bool,
    admits: &dyn Fn(&Fresh) -> Result<(), String>,
) -> fresh::Drawn {
    let capabilities = &description.capabilities;
    let known = |operation: &Operation| {
        knows(*operation) && capabilities.iter().any(|claim| claim.operations.contains(operation))
    };
    let operations: Vec<Operation> = Operation::ALL.into_iter().filter(known).collect();
    let mut formats: Vec<(Dtype, Dtype)> = Vec::new();
    for claim in capabilities {
        let equal = claim.dtypes.iter().map(|&dtype| (dtype, dtype));
        formats.extend(equal.chain(claim.mixed.iter().copied()));
    }
    let layouts: Vec<Layout> = Layout::ALL
        .into_iter()
        .filter(|layout| {
            let has = |list: &Vec<Layout>| list.contains(layout);
            capabilities.iter().any(|claim| claim.layouts.as_ref().is_none_or(has))
        })
        .collect();
    let every = [Direction::Forward, Direction::Inverse, Direction::Backward];
    let directions: Vec<Direction> = every
        .into_iter()
        .filter(|direction| {
            let has = |list: &Vec<Direction>| list.contains(direction);
            capabilities.iter().any(|claim| claim.directions.as_ref().is_none_or(has))
        })
        .collect();
    let rope_types: Option<Vec<String>> = capabilities
        .iter()
        .map(|claim| claim.rope_types.clone())
        .collect::<Option<Vec<_>>>()
        .map(|lists| lists.concat());
    // What no claim has room for.
    let limit = |of: fn(&ropewalk::audit::Limits) -> Option<i64>| {
        let own = capabilities.iter().map(|claim| of(&claim.limits));
        own.collect::<Option<Vec<i64>>>()
    };
    let least = limit(|limits| limits.min_position).and_then(|list| list.into_iter().min());
    let most = limit(|limits| limits.max_position).and_then(|list| list.into_iter().max());
    let admits = |fresh: &Fresh| {
        description.covers(&Ask::new(fresh.request.clone())).map_err(|why| why.to_string())?;
        admits(fresh)
    };
    fresh::draw(
        seed,
        &Claims {
            operations: &operations,
            formats: &formats,
            layouts: &layouts,
            rope_types: rope_types.as_deref(),
            directions: &directions,
            positions: [least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX)],
            admits: &admits,
            own,
            shaped: capabilities
                .iter()
                .any(|claim| claim.seq_lens.is_some() || claim.batch_sizes.is_some()),
        },
    )
}

/// What a report says of questions that were drawn.
pub fn noted(drawn: &fresh::Drawn, seed: u64) -> Drawn {
    let unasked = |(operation, what, because): &(Operation, String, String)| Unasked {
        what: format!("{} {what}", operation.name()),
        because: because.clone(),
    };
    Drawn {
        seed,
        questions: drawn.questions.len(),
        combinations: drawn.combinations,
        more: 0,
        unasked: drawn.unasked.iter().map(unasked).collect(),
    }
}
