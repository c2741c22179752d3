//! `ropewalk prove`: the theorems, checked on the code that makes the vectors.

use super::CliError;
use ropewalk_theorem::{Report, prove};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Check the theorems behind the encodings on the code that makes the vectors
///
/// proved: an exact computation that covers every input and every angle.
/// enclosed: in intervals with the true frequencies, residuals within 2^-BITS.
/// sampled: in intervals, for some of all queries and keys.
/// See docs/mathematics.md. Exit code 1 if a theorem fails.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Bits to which identities are enclosed, 64 to 65536
    #[arg(long, value_name = "BITS", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(64..=65536))]
    precision: u32,
    /// Print JSON, with the statements
    #[arg(long)]
    json: bool,
}

/// Runs the verb: exit code 0 if everything holds, 1 if not.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let reports = prove(args.precision);
    let text = match args.json {
        true => format!("{:#}\n", as_json(&reports, args.precision)),
        false => table(&reports, args.precision),
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(CliError::stream("standard output"))?;
    Ok(if reports.iter().all(Report::holds) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One line per report, failures in words below.
fn table(reports: &[Report], precision: u32) -> String {
    let line = |name: &str, kind: &str, instances: &str, residual: &str, verdict: &str| {
        format!("{name:<18}  {kind:<8}  {instances:>9}  {residual:>16}  {verdict}\n")
    };
    let mut text = line("theorem", "how", "instances", "largest residual", "verdict");
    for report in reports {
        let verdict = if report.holds() { "holds" } else { "FAILS" };
        let instances = report.instances.to_string();
        text += &line(report.theorem, report.kind.name(), &instances, &report.residual(), verdict);
    }
    let failures: Vec<&Report> = reports.iter().filter(|report| !report.holds()).collect();
    for report in &failures {
        let why = report.failure.as_deref().unwrap_or_default();
        text += &format!(
            "\n{}, {}: {}\n  {why}\n",
            report.theorem,
            report.kind.name(),
            report.statement
        );
    }
    text + &match failures.len() {
        0 => format!("\nAll hold; what is enclosed is certified to within 2^-{precision}.\n"),
        n => format!("\n{n} of {} fail.\n", reports.len()),
    }
}

fn as_json(reports: &[Report], precision: u32) -> Value {
    let one = |report: &Report| {
        json!({
            "theorem": report.theorem,
            "statement": report.statement,
            "kind": report.kind.name(),
            "instances": report.instances,
            "largest_residual": report.residual(),
            "holds": report.holds(),
            "failure": report.failure,
        })
    };
    json!({
        "precision": precision,
        "holds": reports.iter().all(Report::holds),
        "theorems": reports.iter().map(one).collect::<Vec<_>>(),
    })
}
