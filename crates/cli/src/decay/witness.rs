//! A query and a key whose score is largest at a chosen distance.

use super::{Args, CliError, Format, Shown, bounds, cannot_enclose, decimal, plot, pretty};
use ropewalk_theorem::Witness;
use serde_json::json;
use std::fmt::Write;

pub(super) fn show(args: &Args, distance: i64) -> Result<Shown, CliError> {
    let (base, distances) = (args.single_base()?, args.distances()?);
    let frequencies = super::frequencies(args, base)?;
    let witness =
        Witness::new(&frequencies, distance, &distances).ok_or_else(|| cannot_enclose(base))?;
    let text = match args.format {
        Format::Report => report(args, base, &witness),
        Format::Csv => csv(&witness),
        Format::Json => json(args, base, &witness),
        Format::Svg => svg(args, base, &witness)?,
    };
    Ok(Shown { text, yes: witness.rivals.is_empty() })
}

fn report(args: &Args, base: f64, witness: &Witness) -> String {
    const SHOWN: usize = 4;
    let planes = args.head_dim / 2;
    let mut text = format!(
        "a key whose score is largest at distance {}: head_dim {}, base {base}\n\n",
        witness.distance, args.head_dim
    );
    let _ = writeln!(text, "{:>8}  {:>10}  k = q turned by that distance, in f64", "plane", "q");
    for i in 0..planes.min(SHOWN) {
        let part = |x: &[f64]| (x[i], x[i + planes]);
        let ((q_re, q_im), (k_re, k_im)) = (part(&witness.q), part(&witness.k));
        let _ = writeln!(text, "{i:>8}  {:>10}  ({k_re}, {k_im})", format!("({q_re}, {q_im})"));
    }
    if planes > SHOWN {
        let _ = writeln!(text, "{:>8}  {:>10}  --format json has all {planes}", "…", "");
    }
    let _ = writeln!(text, "\n{:>8}  score", "distance");
    let _ = writeln!(text, "{:>8}  {}", witness.distance, decimal(&witness.peak));
    // The strongest of the others: what the peak has to beat.
    let mut others: Vec<_> =
        witness.scores.iter().filter(|(at, _)| *at != witness.distance).collect();
    others.sort_by(|a, b| b.1.hi().total_cmp(a.1.hi()));
    for (at, score) in others.iter().take(SHOWN) {
        let _ = writeln!(text, "{at:>8}  {}", decimal(score));
    }
    let _ = match witness.rivals.len() {
        0 => write!(
            text,
            "\nCertified: larger than at each of the {} other distances from {} to {}.\n",
            others.len(),
            args.from,
            args.to
        ),
        n => write!(text, "\nNot certified: {n} other distances may score as much.\n"),
    };
    text
}

fn csv(witness: &Witness) -> String {
    let mut text = "distance,score,lower,upper\n".to_string();
    for (distance, score) in &witness.scores {
        let (lower, upper) = bounds(score);
        let _ = writeln!(text, "{distance},{},{lower},{upper}", plot::middle(score));
    }
    text
}

fn json(args: &Args, base: f64, witness: &Witness) -> String {
    let one = |(distance, score): &(i64, _)| {
        let (lower, upper) = bounds(score);
        json!({"distance": distance, "score": plot::middle(score), "lower": lower, "upper": upper})
    };
    pretty(&json!({
        "head_dim": args.head_dim,
        "layout": "half",
        "base": base,
        "distance": witness.distance,
        "q": witness.q,
        "k": witness.k,
        "rivals": witness.rivals,
        "scores": witness.scores.iter().map(one).collect::<Vec<_>>(),
    }))
}

fn svg(args: &Args, base: f64, witness: &Witness) -> Result<String, CliError> {
    plot::svg(&plot::Plot {
        title: format!(
            "A key whose score peaks at distance {}: head_dim {}, base {base}",
            witness.distance, args.head_dim
        ),
        horizontal: "relative distance",
        vertical: "score",
        line: "score".to_string(),
        accent: String::new(),
        accented: &[],
        marked: Some((witness.distance, "largest")),
        points: witness.scores.iter().map(|(at, score)| (*at, score)).collect(),
    })
}
