//! The curve of RoFormer's Figure 2.

use super::{
    Args, CliError, Format, Shown, bounds, cannot_enclose, decimal, plot, pretty, selected,
};
use crate::progress::progress;
use ropewalk_theorem::{Curve, Point};
use serde_json::json;
use std::fmt::Write;

pub(super) fn show(args: &Args) -> Result<Shown, CliError> {
    let (base, distances) = (args.single_base()?, args.distances()?);
    let frequencies = super::frequencies(args, base)?;
    let bar = progress(distances.len() as u64, "distances");
    let curve = Curve::new(&frequencies, &distances, &|done| bar.set_position(done));
    bar.finish_and_clear();
    let curve = curve.ok_or_else(|| cannot_enclose(base))?;
    let text = match args.format {
        Format::Report => report(args, base, &curve),
        Format::Csv => csv(&curve),
        Format::Json => json(args, base, &curve),
        Format::Svg => svg(args, base, &curve)?,
    };
    Ok(Shown { text, yes: true })
}

fn report(args: &Args, base: f64, curve: &Curve) -> String {
    let planes = args.head_dim / 2;
    let mut text = format!(
        "mean of |S_j|, j = 1 … {planes}, head_dim {}, base {base} (RoFormer, Figure 2)\n\n\
         {:>12}  {}\n",
        args.head_dim, "distance", "mean"
    );
    for index in selected(curve.points.len()) {
        let point = &curve.points[index];
        let _ = writeln!(text, "{:>12}  {}", point.distance, decimal(&point.mean));
    }
    let steps = curve.points.len() - 1;
    let (rises, level) = (curve.rises.len(), curve.level.len());
    let first = curve.rises.first().map_or(String::new(), |at| format!(", the first at {at}"));
    let undecided = match level {
        0 => String::new(),
        n => format!(", {n} cannot be told from level"),
    };
    let falls = steps - rises - level;
    let _ = write!(text, "\nOf {steps} steps {falls} fall, {rises} rise{first}{undecided}.\n");
    if let Some(lowest) = lowest(curve) {
        let (value, at) = (decimal(&lowest.mean), lowest.distance);
        let _ = match curve.lowest.len() {
            1 => writeln!(text, "Lowest: {value} at distance {at}."),
            n => writeln!(text, "Lowest: {value} at distance {at} and {} more.", n - 1),
        };
    }
    text + "It bounds the score, it is not the score: see --witness.\n"
}

/// The first of the lowest points.
fn lowest(curve: &Curve) -> Option<&Point> {
    let at = curve.lowest.first()?;
    curve.points.iter().find(|point| point.distance == *at)
}

fn csv(curve: &Curve) -> String {
    let line = |point: &Point| {
        let (lower, upper) = bounds(&point.mean);
        format!("{},{},{lower},{upper}\n", point.distance, plot::middle(&point.mean))
    };
    "distance,mean,lower,upper\n".to_string() + &curve.points.iter().map(line).collect::<String>()
}

fn json(args: &Args, base: f64, curve: &Curve) -> String {
    let one = |point: &Point| {
        let (lower, upper) = bounds(&point.mean);
        let mean = plot::middle(&point.mean);
        json!({"distance": point.distance, "mean": mean, "lower": lower, "upper": upper})
    };
    pretty(&json!({
        "head_dim": args.head_dim,
        "base": base,
        "rises": curve.rises,
        "level": curve.level,
        "lowest": curve.lowest,
        "points": curve.points.iter().map(one).collect::<Vec<_>>(),
    }))
}

fn svg(args: &Args, base: f64, curve: &Curve) -> Result<String, CliError> {
    let points = curve.points.iter().map(|point| (point.distance, &point.mean)).collect();
    let (rises, steps) = (curve.rises.len(), curve.points.len() - 1);
    plot::svg(&plot::Plot {
        title: format!("RoFormer, Figure 2: head_dim {}, base {base}", args.head_dim),
        horizontal: "relative distance",
        vertical: "mean of |Sⱼ|",
        line: format!("falling ({} of {steps} steps)", steps - rises - curve.level.len()),
        accent: format!("rising ({rises})"),
        accented: &curve.rises,
        marked: lowest(curve).map(|point| (point.distance, "lowest")),
        points,
    })
}
