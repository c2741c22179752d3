//! The words that all reports share.

use crate::audit::finding::CaseReport;
use crate::number::Dtype;

/// What a kernel, a library or a file wrote, safe to show: control characters, which could move a
/// cursor and which XML has no way to write, are replaced.
///
/// ```
/// assert_eq!(ropewalk::audit::clean("a\u{1b}[31mb\tc\n"), "a\u{fffd}[31mb c\n");
/// ```
pub fn clean(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' => c,
        '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        // These turn the direction of what follows.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// The address of a report given as owner/repository#number.
///
/// ```
/// use ropewalk::audit::link;
/// assert_eq!(link("ggml-org/llama.cpp#1").unwrap(), "https://github.com/ggml-org/llama.cpp/issues/1");
/// assert_eq!(link("a chat"), None);
/// ```
pub fn link(report: &str) -> Option<String> {
    let (repository, number) = report.split_once('#')?;
    let (owner, name) = repository.split_once('/')?;
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    (word(owner) && word(name) && digits)
        .then(|| format!("https://github.com/{repository}/issues/{number}"))
}

/// "1 case", "2 cases".
pub(super) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

/// A number with three digits, short.
pub(super) fn short(x: f64) -> String {
    match x {
        x if x.is_nan() => "no number".into(),
        x if x.is_infinite() => "infinite".into(),
        0.0 => "0".into(),
        x if (0.01..100.0).contains(&x) => {
            let text = format!("{x:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        }
        x if (100.0..1e4).contains(&x) => format!("{x:.0}"),
        x => format!("{x:.1e}"),
    }
}

/// Where, how far, and what would be right, in a line.
pub fn evidence(case: &CaseReport) -> String {
    if let Some(detail) = case.status.detail() {
        return clean(&detail);
    }
    let Some(wrong) = &case.worst else { return String::new() };
    let (got, want) = (value(case.dtype, wrong.got), value(case.dtype, wrong.want));
    format!(
        "{} of {} elements wrong; {} is {got}, expected {want}: {}",
        case.wrong,
        case.judged,
        whereabouts(case),
        distance(case)
    )
}

/// The output of the worst element and its place.
pub(super) fn whereabouts(case: &CaseReport) -> String {
    let Some(wrong) = &case.worst else { return String::new() };
    match &case.place {
        Some(place) if !place.axes.is_empty() => format!("{} at {place}", wrong.name),
        _ => {
            let index: String = wrong.index.iter().map(|i| format!("[{i}]")).collect();
            format!("{}{index}", wrong.name)
        }
    }
}

/// How far off the worst element is, or which rule it breaks.
pub(super) fn distance(case: &CaseReport) -> String {
    let Some(wrong) = &case.worst else { return String::new() };
    match wrong.rule {
        Some(rule) => rule.to_string(),
        None if wrong.allowed == 0.0 => format!("off by {} ulp, it is exact", ulp(wrong.ulps)),
        None => format!("off by {} ulp, {} allowed", ulp(wrong.ulps), ulp(wrong.allowed)),
    }
}

/// A bit pattern as a person reads it.
pub fn value(dtype: Dtype, bits: u64) -> String {
    match dtype.format() {
        Some(format) => {
            let x = format.to_f64(bits);
            let digits = match dtype {
                Dtype::F64 => 17,
                Dtype::F32 => 9,
                _ => 5,
            };
            let plain = x == 0.0 || (1e-4..1e7).contains(&x.abs()) || !x.is_finite();
            match plain {
                true => {
                    let places = match x.abs() {
                        a if a >= 1.0 => digits - 1 - (a.log10() as usize).min(digits - 1),
                        _ => digits,
                    };
                    let text = format!("{x:.places$}");
                    match text.contains('.') {
                        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
                        false => text,
                    }
                }
                false => format!("{x:.*e}", digits - 1),
            }
        }
        None if dtype == Dtype::I32 => (bits as u32 as i32).to_string(),
        None => (bits as i64).to_string(),
    }
}

/// An error in ulp with three digits.
pub fn ulp(x: f64) -> String {
    match x {
        x if x.is_nan() => "no number".into(),
        x if x.is_infinite() => "infinite".into(),
        x if x >= 1e5 => format!("{x:.2e}"),
        x if x >= 100.0 => format!("{x:.0}"),
        0.0 => "0".into(),
        x => format!("{x:.3}"),
    }
}
