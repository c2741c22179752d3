//! What is said of a dump.

use super::explain::indices;
use super::judge::Judged;
use crate::audit::by_axis;
use crate::audit::{Band, HISTOGRAM, Report, Verdict, Wrong, clean, link, ulp, value};
use serde_json::{Value, json};
use std::fmt::Write;

/// The verdict as it is shown.
pub fn word(verdict: Verdict, colour: bool) -> String {
    let (code, word) = match verdict {
        Verdict::Conforms => ("1;32", "CONFORMS"),
        Verdict::Diverges | Verdict::Lenient => ("1;31", "DIVERGES"),
        Verdict::Unjudged | Verdict::AdapterFault => ("1;33", "UNJUDGED"),
    };
    match colour {
        true => format!("\u{1b}[{code}m{word}\u{1b}[0m"),
        false => word.to_string(),
    }
}

impl Judged<'_> {
    /// A few lines for a reader.
    pub fn text(&self) -> String {
        text(self, false)
    }

    /// The same in the colours of a terminal.
    pub fn coloured(&self) -> String {
        text(self, true)
    }

    /// The same and more for programs: one JSON object.
    pub fn json(&self) -> String {
        json(self)
    }

    fn place(&self, wrong: &Wrong) -> (Vec<usize>, i64) {
        let (row, coordinate) = match wrong.index[..] {
            [row, coordinate] => (row, coordinate),
            _ => (0, 0),
        };
        let geometry = &self.dump.geometry;
        (geometry.index(row, coordinate), self.dump.places.at(geometry.token(row), 0))
    }

    fn described(&self, wrong: &Wrong) -> String {
        let (index, position) = self.place(wrong);
        let dtype = self.dump.after.dtype;
        let (got, want) = (value(dtype, wrong.got), value(dtype, wrong.want));
        let limit = match wrong.rule {
            Some(rule) => format!(": {rule}"),
            None if wrong.allowed.is_nan() => String::new(),
            None => format!(", {} allowed", ulp(wrong.allowed)),
        };
        format!(
            "{index:?} (position {position}): {got}, right is {want}; {} ulp{limit}",
            ulp(wrong.ulps)
        )
    }
}

fn text(judged: &Judged, colour: bool) -> String {
    let (dump, large) = (&judged.dump, &judged.large);
    let shape = &dump.after.shape;
    let mut text = format!(
        "{}  {}: {} {shape:?} {}, {} of {}\n",
        word(judged.verdict(), colour),
        clean(&judged.names[1]),
        dump.geometry.letters,
        dump.after.dtype,
        judged.direction.name(),
        clean(&judged.names[0]),
    );
    let total = large.judged + large.unjudged;
    let by = format!("the derived bound of {}", judged.profile);
    let _ = match large.wrong {
        0 if judged.verdict() == Verdict::Unjudged => {
            writeln!(text, "  none of {total} elements can be judged by {by}")
        }
        0 => writeln!(text, "  all {} of {total} elements judged are within {by}", large.judged),
        n => writeln!(text, "  {n} of {total} elements are beyond {by}, which fits best"),
    };
    if large.unjudged > 0 {
        let _ = writeln!(text, "  {} elements are judged by no bound: not counted", large.unjudged);
    }
    if large.without_value() > 0 {
        let (n, what) = (large.without_value(), "a NaN or an infinity went in, or a NaN came out");
        let _ = writeln!(text, "  {n} elements have no error: {what}");
    }
    if let Some(wrong) = &large.worst_wrong {
        let _ = writeln!(text, "  worst: {}", judged.described(wrong));
        let _ = writeln!(text, "  {}", wrong_rows(judged));
    } else if let Some(worst) = &large.worst {
        let _ = writeln!(text, "  largest error: {}", judged.described(worst));
    }
    if judged.verdict() == Verdict::Unjudged && large.zeros > 0 {
        text += "  nothing but zeros went in, of which every rotation makes zeros\n";
    }
    rivals(judged, &mut text);
    causes(judged.report.as_ref(), judged.plain, colour, &mut text);
    histogram(judged, &mut text);
    bands(judged, &mut text);
    text
}

/// The rows that are wrong, by axis: every element was looked at.
fn wrong_rows(judged: &Judged) -> String {
    let (dump, large) = (&judged.dump, &judged.large);
    let mut parts = Vec::new();
    let mut product = 1;
    for (axis, name) in ["batch", "head", "token"].into_iter().enumerate() {
        let (length, list) = (dump.geometry.lengths[axis], indices(dump, large, axis));
        product *= list.len();
        if length > 1 {
            let all = list.len() == length;
            parts.push(format!("{name} {}", if all { "all".into() } else { by_axis(&list) }));
        }
    }
    let (rows, all) = (large.rows.len(), dump.geometry.rows());
    let rest = match product == rows {
        true => "nothing else",
        false => "not every combination of them",
    };
    format!("wrong rows: {} ({rows} of {all} rows; {rest})", parts.join(", "))
}

/// Which right profiles the tensors lie within too, and which not: a looser one may be right of a
/// kernel that was meant to be tighter.
fn rivals(judged: &Judged, text: &mut String) {
    if judged.verdict() != Verdict::Conforms || judged.rivals.len() < 2 {
        return;
    }
    let (hold, not): (Vec<_>, Vec<_>) = judged.rivals.iter().partition(|(_, wrong)| *wrong == 0);
    if not.is_empty() {
        return;
    }
    let names = |list: &[&(&str, usize)]| -> String {
        list.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let _ = writeln!(text, "  right profiles that hold on a sample of rows: {}", names(&hold));
    let _ = writeln!(text, "  right profiles that do not: {}", names(&not));
}

/// The causes and what else was noticed.
pub fn causes(report: Option<&Report>, plain: Option<&str>, colour: bool, text: &mut String) {
    if report.is_none() && plain.is_none() {
        return;
    }
    *text += "\nWhat is wrong\n";
    for diagnosis in report.iter().flat_map(|report| &report.diagnoses) {
        let _ = writeln!(text, "  {}", diagnosis.summary);
        if !diagnosis.faults.is_empty() {
            let names = diagnosis.faults.join(" and ");
            let names = if colour { format!("\u{1b}[1;31m{names}\u{1b}[0m") } else { names };
            let _ = writeln!(text, "    known as {names}");
        }
        let _ = writeln!(text, "    To mend: {}", diagnosis.fix);
        for other in &diagnosis.alternatives {
            let _ = writeln!(text, "    these tensors do not tell it from {}", other.join(" and "));
        }
        for address in diagnosis.links.iter().filter_map(|report| link(report)) {
            let _ = writeln!(text, "    seen in {address}");
        }
    }
    if let Some(plain) = plain {
        let _ = writeln!(text, "  {plain}");
    }
    let Some(report) = report else { return };
    if report.diagnoses.is_empty() && plain.is_none() {
        *text += "  Unknown: no known fault explains these tensors. What was noticed:\n";
    }
    for clue in &report.clues {
        let _ = writeln!(text, "  - {}", clean(clue));
    }
    if let Some(config) = report.fitted.as_ref().and_then(|fitted| fitted.config.as_ref()) {
        let _ = writeln!(text, "  The answers are those of this config:\n    {config}");
    }
}

fn histogram(judged: &Judged, text: &mut String) {
    let counts = &judged.large.histogram;
    let total: usize = counts.iter().sum();
    let Some(last) = counts.iter().rposition(|&n| n > 0) else { return };
    *text += "\nErrors in ulp\n";
    for (class, &count) in counts.iter().enumerate().take(last + 1) {
        let end = match HISTOGRAM.get(class) {
            Some(end) => format!("to {end}"),
            None => "beyond".to_string(),
        };
        let share = 100.0 * count as f64 / total as f64;
        let _ = writeln!(text, "  {end:>10}  {share:8.4} %  {count}");
    }
}

fn bands(judged: &Judged, text: &mut String) {
    let bands = judged.large.errors.by_position();
    if bands.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{:>12}  {:>12}  error over |z|", "from |p|", "worst ulp");
    for (band, cell) in bands {
        let start = match band {
            Band::Zero => "0".to_string(),
            _ => band.start().map_or(String::new(), |p| p.to_string()),
        };
        let relative = cell.relative.map_or(String::new(), |x| format!("{x:.2e}"));
        let _ = writeln!(text, "{start:>12}  {:>12}  {relative}", ulp(cell.ulp));
    }
}

fn json(judged: &Judged) -> String {
    let large = &judged.large;
    let number = |x: f64| if x.is_finite() { json!(x) } else { Value::Null };
    let element = |wrong: &Option<Wrong>| {
        wrong.as_ref().map(|wrong| {
            let (index, position) = judged.place(wrong);
            let dtype = judged.dump.after.dtype;
            json!({
                "index": index, "position": position,
                "got": value(dtype, wrong.got), "expected": value(dtype, wrong.want),
                "ulp": number(wrong.ulps), "allowed_ulp": number(wrong.allowed), "rule": wrong.rule,
            })
        })
    };
    let bands: Vec<Value> = large
        .errors
        .by_position()
        .into_iter()
        .map(|(band, cell)| {
            json!({
                "from": band.start(), "elements": cell.elements, "ulp": number(cell.ulp),
                "relative": cell.relative.map(number),
            })
        })
        .collect();
    let planes: Vec<Value> = large
        .errors
        .by_plane()
        .into_iter()
        .map(|(plane, cell)| {
            json!({
                "plane": plane, "elements": cell.elements, "ulp": number(cell.ulp),
                "relative": cell.relative.map(number),
            })
        })
        .collect();
    let diagnoses = judged.report.as_ref().map(|report| &report.diagnoses);
    let clues = judged.report.as_ref().map(|report| &report.clues);
    let object = json!({
        "verdict": judged.verdict().name(),
        "before": judged.names[0], "after": judged.names[1],
        "shape": judged.dump.after.shape, "axes": judged.dump.geometry.letters,
        "dtype": judged.dump.after.dtype.name(), "direction": judged.direction.name(),
        "profile": judged.profile,
        "judged": large.judged, "unjudged": large.unjudged,
        "without_value": large.without_value(), "wrong": large.wrong,
        "worst_wrong": element(&large.worst_wrong), "largest_error": element(&large.worst),
        "histogram": large.histogram, "positions": bands, "planes": planes,
        "profiles": judged.rivals.iter().map(|(name, wrong)| json!([name, wrong])).collect::<Vec<_>>(),
        "diagnoses": diagnoses, "clues": clues, "plain": judged.plain,
    });
    object.to_string()
}
