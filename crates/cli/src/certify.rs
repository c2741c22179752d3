//! `ropewalk certify`: golden numbers as Coq lemmas.

mod check;
mod claims;
mod record;

use super::compute::ask::Ask;
use super::progress::progress;
use super::write::write_atomically;
use super::{CliError, outln, stdin};
use check::Checker;
use claims::{Owned, gather};
use record::Record;
use ropewalk_theorem::{Lemmas, certificate, prelude_for};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write golden numbers as Coq lemmas, and have Coq check them
///
/// Each lemma states that an expected value is the nearest, ties to even, to the exact real number
/// of the published formula. The text needs Coq with Flocq and CoqInterval, and nothing of ours:
///   ropewalk certify rotate/half-f32.json --values 100 > Certificate.v && coqc Certificate.v
///   ropewalk certify --model llama-3.1-8b --operation inv_freq --dtype f32
///
/// TARGETs are ids of tests, golden files or globs of them below the directory of the vectors.
/// docs/proofs.md says what is proved and what is trusted.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Ids of tests, golden files below the vectors, or globs; none: all of them
    #[arg(value_name = "TARGET", conflicts_with_all = ["file", "operation"])]
    targets: Vec<String>,
    /// A file with a `run` request instead, whose answer is computed; - for standard input
    #[arg(long = "request", value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    ask: Ask,
    /// Where the golden files are
    #[arg(long, value_name = "DIR", default_value = "vectors")]
    vectors: PathBuf,
    /// This many values, picked at random but the same on every machine
    #[arg(long, value_name = "N")]
    values: Option<usize>,
    /// Another pick
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "values")]
    seed: u64,
    /// Write the Coq text here instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Have coqc check the lemmas, and print only what came of it
    #[arg(long, conflicts_with = "out")]
    check: bool,
    /// How many coqc run at a time
    #[arg(long, value_name = "N", default_value_t = 1, requires = "check",
        value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Write what was checked, with the golden files' SHA-256, as JSON, after each golden file
    #[arg(long, value_name = "FILE", requires = "check")]
    record: Option<PathBuf>,
    /// Go on with a record: leave out the golden files that it has, if they are still the same
    #[arg(long, requires = "record")]
    resume: bool,
}

/// Runs the verb: exit code 0 if there are lemmas and none was refused, 1 if not.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let request = match (args.ask.request()?, &args.file) {
        (Some(request), _) => Some(request),
        (None, Some(path)) => Some(stdin::file(path)?),
        (None, None) => None,
    };
    let owned = gather(request.as_deref(), &args.targets, &args.vectors)?;
    let picked = claims::Pick::new(&owned, args.values, args.seed);
    let certified = |claim: &Owned| -> Lemmas {
        let wanted = |tensor: &str, index: usize| picked.wanted(claim, tensor, index);
        certificate(&claim.claim(), &wanted)
    };
    if args.check {
        return check(args, &owned, &certified);
    }
    let certificates: Vec<Lemmas> = owned.iter().map(certified).collect();
    let lemmas: usize = certificates.iter().map(|lemmas| lemmas.names.len()).sum();
    let modules: String = certificates.iter().map(|lemmas| lemmas.text.as_str()).collect();
    let text = format!(
        "(* {lemmas} golden values as theorems, written by ropewalk {}.\n   coqc with Flocq and \
         CoqInterval checks them; what is to be believed is what the lemmas say. *)\n{}{modules}",
        env!("CARGO_PKG_VERSION"),
        prelude_for(&modules)
    );
    match &args.out {
        Some(path) => write_atomically(path, text.as_bytes())?,
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(CliError::stream("standard output"))?,
    }
    let mut left_out = std::collections::BTreeMap::new();
    for (reason, count) in certificates.iter().flat_map(|lemmas| &lemmas.left_out) {
        *left_out.entry(*reason).or_insert(0) += count;
    }
    for (reason, count) in left_out {
        super::write::warn(&format!("{count} left out, {reason}"));
    }
    Ok(if lemmas > 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Checks, reports and records, one golden file after the other.
fn check(
    args: &Args,
    owned: &[Owned],
    certified: &dyn Fn(&Owned) -> Lemmas,
) -> Result<ExitCode, CliError> {
    let checker = Checker::new()?;
    let pick = args.values.map(|values| (values, args.seed));
    let mut record = Record::new(checker.version(), pick);
    if let (true, Some(path)) = (args.resume, args.record.as_ref().filter(|path| path.exists())) {
        record.resume(&stdin::file(path)?, owned);
    }
    let bar = progress(owned.len() as u64, "tests");
    for file in owned.chunk_by(|a, b| a.path == b.path) {
        if !record.has(&file[0].path) {
            let lemmas: Vec<Lemmas> = file.iter().map(certified).collect();
            let refused = checker.check(&lemmas, args.jobs.into())?;
            for lemma in &refused {
                outln(&format!("refused: {lemma}"))?;
            }
            record.add(file, &lemmas, refused);
            if let Some(path) = &args.record {
                write_atomically(path, record.json().as_bytes())?;
            }
        }
        bar.inc(file.len() as u64);
    }
    bar.finish_and_clear();
    outln(&record.summary())?;
    Ok(if record.proves_all() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
