//! Where B(m) first turns negative, for a list of bases.

use super::{Args, CliError, Format, Shown, bounds, decimal, pretty};
use crate::progress::progress;
use ropewalk_theorem::Certificate;
use serde_json::json;
use std::fmt::Write;

pub(super) fn show(args: &Args, length: u64) -> Result<Shown, CliError> {
    if args.format == Format::Svg {
        return Err(CliError::Usage(
            "--format is svg, allowed with --context-bound are report, csv and json".to_string(),
        ));
    }
    let mut certificates = Vec::new();
    for &base in &args.base {
        let frequencies = super::frequencies(args, base)?;
        let bar = progress(length + 1, &format!("signs of B for base {base}"));
        let certificate = Certificate::new(&frequencies, length, &|done| bar.set_position(done));
        bar.finish_and_clear();
        certificates.push(certificate.map_err(|error| CliError::Usage(error.to_string()))?);
    }
    let works = certificates.iter().filter(|c| c.first_negative.is_none()).map(|c| c.base);
    let smallest = works.min_by(f64::total_cmp);
    let text = match args.format {
        Format::Csv => csv(&certificates),
        Format::Json => json(args, length, &certificates, smallest),
        Format::Report | Format::Svg => report(args, length, &certificates, smallest),
    };
    Ok(Shown { text, yes: smallest.is_some() })
}

fn report(args: &Args, length: u64, certificates: &[Certificate], smallest: Option<f64>) -> String {
    let mut text = format!(
        "B(m) = Σ cos(m·base^(-2i/{})), every sign for 0 ≤ m ≤ {length}\n\n{:>14}  {:<18}  {}\n",
        args.head_dim, "base", "first m with B < 0", "lowest B"
    );
    for c in certificates {
        let first = c.first_negative.map_or("none".to_string(), |m| m.to_string());
        let (m, value) = &c.lowest;
        let _ = writeln!(text, "{:>14}  {first:<18}  {} at m = {m}", c.base, decimal(value));
    }
    text + &match smallest {
        Some(base) => format!(
            "\nSmallest listed base that works: {base}. Of others nothing is claimed: those that \
             work are no interval.\n"
        ),
        None => "\nNo listed base works.\n".to_string(),
    }
}

fn csv(certificates: &[Certificate]) -> String {
    let mut text = "base,head_dim,length,first_negative,at_least,m,lower,upper\n".to_string();
    for c in certificates {
        let first = c.first_negative.map_or(String::new(), |m| m.to_string());
        let (m, (lower, upper)) = (c.lowest.0, bounds(&c.lowest.1));
        let _ = writeln!(
            text,
            "{},{},{},{first},{},{m},{lower},{upper}",
            c.base, c.head_dim, c.length, c.at_least
        );
    }
    text
}

fn json(args: &Args, length: u64, certificates: &[Certificate], smallest: Option<f64>) -> String {
    let one = |c: &Certificate| {
        let (lower, upper) = bounds(&c.lowest.1);
        json!({
            "base": c.base,
            "first_negative": c.first_negative,
            "at_least": c.at_least,
            "lowest": {"m": c.lowest.0, "lower": lower, "upper": upper},
            "by_intervals": c.by_intervals,
        })
    };
    pretty(&json!({
        "head_dim": args.head_dim,
        "length": length,
        "smallest_listed_that_works": smallest,
        "bases": certificates.iter().map(one).collect::<Vec<_>>(),
    }))
}
